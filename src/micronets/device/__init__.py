"""Devices: build a network's C and run it in a simulator, in QEMU, on this machine or on a board; TFLM in Python."""
