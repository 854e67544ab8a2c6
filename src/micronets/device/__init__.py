"""Devices: the C of a network built and run in a simulator, in QEMU, on this machine, or on a board; TFLM in Python."""
