"""Size of the `.tflite` file that `tflite.write` writes.

A layer takes its packed weights, 4 bytes a bias, 4 bytes a scale, its name, and tables: `Operator.table_bytes`, fitted
to files of 130 networks: 0.2 % below to 1.1 % above for files over 20 kB, up to 150 bytes above for smaller ones. What
the file stores once for several layers (equal shapes, options, scales) is in the constants as an average, or not at
all, so that real files are rather smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

from micronets.cost.counts import step_weight_bytes
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.number import Number

METADATA_BYTES = 1000  # room for the class names and the front end that travel with a model
FILE = 470
SHARED = 6  # bytes that rectified layers save each, on average, as all have one zero point


def tflite_bytes(steps: Sequence[Step], metadata_bytes: int = 0) -> Number:
    """Bytes of the `.tflite` file, gate-weighted; widths, kernels and gates may be 0-d tensors.

    metadata_bytes: of text that the file carries, with 40 bytes and the name for each entry.
    """
    total: Number = FILE + metadata_bytes
    for s in steps:
        fixed = s.operator.table_bytes + sum(align(len(name) + 5, 4) for name in s.layer.outputs)
        fixed -= SHARED if s.operator.activation not in (None, "none") else 0
        scales = 0 if s.weights is None else s.weights.scales
        total = total + s.gate * (step_weight_bytes(s) + scales * 4 + fixed)
    return total
