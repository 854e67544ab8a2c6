"""Runtimes that limits can be for: TensorFlow Lite Micro, and our own C."""
