"""Convolutions and dense layers on cores that multiply two numbers at a time: one pixel times four filters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import Kernel
from micronets.compiler.kernels.byte_weights import ByteWeights, byte_weights_kernel
from micronets.compiler.kernels.requantise import SINGLE_LIMIT
from micronets.compiler.limits import DIRECT_ROW
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.quantized.arithmetic import IntArray

_FILTERS = 4  # how many go together


def bytes_kernel(step: Step, layer: Conv2D | FullyConnected) -> Kernel:
    """Returns the kernel of a convolution in one group, or of a dense layer, with 8-bit weights."""
    return byte_weights_kernel(step, layer, _BYTES)


def in_bytes(rows: IntArray) -> npt.NDArray[np.uint8]:
    """Returns weights `[filters, size]`, -128 .. 127, in the order of micronets_dot_bytes.h: `[filters / 4, size, 4]`.

    Each is 128 more than the weight; filters are filled up with weights of 0 to a multiple of four.
    """
    padded = np.pad(rows.astype(np.int64), ((0, -len(rows) % _FILTERS), (0, 0)))
    return (padded.reshape(-1, _FILTERS, rows.shape[1]).transpose(0, 2, 1) + 128).astype(np.uint8)


_BYTES = ByteWeights(
    conv="micronets_conv_bytes",
    dense="micronets_dense_bytes",
    source="micronets_dot_bytes",
    packed_limit=SINGLE_LIMIT,
    filters=_FILTERS,
    table=lambda place, rows: place.table("uint8_t", "weights", in_bytes(rows)),
    least_row=DIRECT_ROW,
)
