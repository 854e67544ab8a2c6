"""Keyword spotting, and sounds of your own."""
