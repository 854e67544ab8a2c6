"""Convolutions and dense layers on cores that multiply 16 pairs of bytes at once: two pixels times two filters."""

from __future__ import annotations

from micronets.compiler.kernels.base import Kernel
from micronets.compiler.kernels.byte_weights import ByteWeights, byte_weights_kernel
from micronets.compiler.kernels.requantise import DOUBLED_LIMIT
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected

_LANES = ByteWeights(
    conv="micronets_conv_lanes",
    dense="micronets_dense_lanes",
    source="micronets_dot_lanes",
    packed_limit=DOUBLED_LIMIT,
    filters=1,
    table=lambda place, rows: place.table("int8_t", "weights", rows),
    least_row=None,
)


def lanes_kernel(step: Step, layer: Conv2D | FullyConnected) -> Kernel:
    """Returns the kernel of a convolution in one group, or of a dense layer, with 8-bit weights."""
    return byte_weights_kernel(step, layer, _LANES)
