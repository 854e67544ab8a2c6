"""What the operators with weights have in common under TensorFlow Lite Micro."""

from __future__ import annotations

from micronets.ir.ops.record import Operand

PREPARED: tuple[Operand, ...] = ("input", "weights", "output", "input", "weights", "bias", "output")
"""What a convolution asks for while it is prepared: some of its operands twice."""

FOUR_BITS_CYCLES = 2.0
"""By how much a MAC takes longer with weights of 4 bits than of 8: CMSIS-NN's s4 kernels take 1.75 to 2.35 times."""


def mac_factor(bits: int) -> float:
    """Returns the factor by which a MAC takes longer than one with a weight of 8 bits."""
    return FOUR_BITS_CYCLES if bits == 4 else 1.0


def unpacked(bits: int, weights: int) -> int:
    """Returns the scratch bytes of a reference kernel, which unpacks all 4-bit weights of a layer before it runs."""
    return weights if bits == 4 else 0


def timed_with_bits(name: str, bits: int) -> str:
    """Returns what a latency model calls the kernel `name` for weights of that many bits."""
    return f"{name}_s4" if bits == 4 else name
