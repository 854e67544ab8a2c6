"""Rewrites of a network that change no output byte."""
