"""Tests of the firmware projects around a network."""
