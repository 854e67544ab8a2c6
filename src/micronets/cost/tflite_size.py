"""Size of the `.tflite` file that `tflite.write` writes.

A layer takes its packed weights, 4 bytes a bias, 4 bytes a scale, its name, and tables: the constants below, fitted to
files of 130 networks: 0.2 % below to 1.1 % above for files over 20 kB, up to 150 bytes above for smaller ones. What the
file stores once for several layers (equal shapes, options, scales) is in the constants as an average, or not at all, so
that real files are rather smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micronets.cost.counts import step_weight_bytes, step_weights
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)

Number = Any  # int, float or 0-d tensor

METADATA_BYTES = 1000  # room for the class names and the front end that travel with a model
FILE = 470
SHARED = 6  # bytes that rectified layers save each, on average, as all have one zero point
TABLES: dict[type, int] = {
    Conv2D: 220,
    DepthwiseConv2D: 242,
    FullyConnected: 335,
    AveragePool2D: 164,
    MaxPool2D: 180,
    Mean: 275,
    Add: 100,
    Pad: 195,
    Reshape: 164,
    Softmax: 102,
    Relu: 84,
    Quantize: 84,
    Dequantize: 84,
}


def tflite_bytes(steps: Sequence[Step], metadata_bytes: int = 0) -> Number:
    """Bytes of the `.tflite` file, gate-weighted; widths, kernels and gates may be 0-d tensors.

    metadata_bytes: of text that the file carries, with 40 bytes and the name for each entry.
    """
    total: Number = FILE + metadata_bytes
    for s in steps:
        fixed = TABLES[type(s.layer)] + align(len(s.layer.name) + 5, 4)
        fixed -= SHARED if getattr(s.layer, "activation", "none") != "none" else 0
        total = total + s.gate * (step_weight_bytes(s) + _scales(s) * 4 + fixed)
    return total


def _scales(step: Step) -> Number:
    """Scales of the weights: one for each output, but one for all of a FullyConnected layer."""
    return 1 if isinstance(step.layer, FullyConnected) else step_weights(step)[1]
