"""Size of the `.tflite` file that `tflite.write` writes.

A layer takes its packed weights, 4 bytes for each bias, 4 bytes for each scale, its name, and tables. The bytes of the
tables, `Operator.table_bytes`, are fitted to the files of 130 networks. The estimate is 0.2 % below to 1.1 % above the
size of files over 20 kB, and up to 150 bytes above that of smaller ones. What the file stores once for several layers
(equal shapes, options, scales) is in the constants as an average, or not at all, so that real files are rather smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

from micronets.cost.counts import step_weight_bytes
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.number import Number

METADATA_BYTES = 1000  # room for the class names and the front end that travel with a model
FILE_BYTES = 470  # bytes of a file without layers
SHARED_BYTES = 6  # what a rectified layer saves on average, since all of them share one zero point


def tflite_bytes(steps: Sequence[Step], metadata_bytes: int = 0) -> Number:
    """Returns the bytes of the `.tflite` file.

    - steps: the layers, each weighted by its gate; widths, kernels and gates may be 0-d tensors.
    - metadata_bytes: bytes of the texts that the file carries, with 40 bytes and the name for each of them.
    """
    total: Number = FILE_BYTES + metadata_bytes
    for s in steps:
        fixed = s.operator.table_bytes + sum(align(len(name) + 5, 4) for name in s.layer.outputs)
        fixed -= SHARED_BYTES if s.operator.activation not in (None, "none") else 0
        scales = 0 if s.weights is None else s.weights.scales
        total = total + s.gate * (step_weight_bytes(s) + scales * 4 + fixed)
    return total
