"""What the operators with weights have in common under TensorFlow Lite Micro."""

from __future__ import annotations

FOUR_BITS_CYCLES = 2.0
"""How many times as long as with weights of 8 bits a MAC takes with 4 bits: CMSIS-NN's s4 kernels take 1.75 to 2.35."""


def mac_factor(bits: int) -> float:
    """By how much a MAC takes longer for the bits of its weight."""
    return FOUR_BITS_CYCLES if bits == 4 else 1.0


def unpacked(bits: int, weights: int) -> int:
    """Scratch bytes of a reference kernel, which unpacks all 4-bit weights of a layer before it uses them."""
    return weights if bits == 4 else 0


def timed(name: str, bits: int) -> str:
    """What a latency model calls the kernel `name` for weights of that many bits."""
    return f"{name}_s4" if bits == 4 else name
