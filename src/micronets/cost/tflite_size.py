"""Size of the `.tflite` file that `tflite.write` writes.

The estimate is an upper bound: no file that we write is larger. A layer takes its packed weights, 4 bytes for each
bias, 4 bytes for each scale, its name, and tables. The bytes of the tables, `Operator.table_bytes`, are fitted from
above to the files of 1,883 networks in which no two layers have anything equal, with the most that the alignment of
every buffer can add; where sizes are integers, the alignment of weights and biases is counted as it is. Variables take
the bytes of their first values. What a file stores once for several layers (equal shapes, options, scales) makes it
smaller than that. A dense layer is taken to have one scale, as in every network of a search; with a scale for each
output, as others write it, its file takes 8 bytes more for each output.
`python -m benchmarks.predictions` prints by how much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from micronets.cost.counts import packed_bytes, state_bytes, step_weight_bytes
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import AssignVariable, ReadVariable
from micronets.number import Number

METADATA_BYTES = 1000  # room for the class names and the front end that travel with a model
FILE_BYTES = (360, 460, 540, 560)
"""Bytes of a file without layers, for one kind of operator, two, three, and four or more: each kind has tables that its
layers share. Fitted from above, as `Operator.table_bytes` is."""

BUFFER_BYTES = 12  # what stands between two buffers: the length of one, and its table
FILE_ALIGNMENT = 16
CONSTANT_BYTES = 140  # tables of a constant that a layer reads, besides its values
ENTRY_BYTES = 64  # bytes of each text of the metadata besides its characters and those of its name


def tflite_bytes(steps: Sequence[Step], metadata_bytes: int = 0) -> Number:
    """Returns the bytes of the `.tflite` file.

    - steps: the layers, each weighted by its gate; widths, kernels and gates may be 0-d tensors.
    - metadata_bytes: bytes of the texts that the file carries, as `text_bytes` counts them. The list of the tensors
      of 4 bits comes on top.
    """
    kinds = len({s.operator.tflite_name for s in steps})
    total: Number = FILE_BYTES[min(kinds, len(FILE_BYTES)) - 1] + metadata_bytes
    if any(s.layer.act_bits == 4 for s in steps):
        total = total + (2 * ENTRY_BYTES)
    for s in steps:
        fixed = s.operator.table_bytes + sum(align(len(name) + 5, 4) for name in s.layer.outputs)
        fixed += sum(len(name) + 4 for name in s.layer.outputs) if s.layer.act_bits == 4 else 0
        fixed += CONSTANT_BYTES * sum(s.constants)
        scales = 0 if s.weights is None else s.weights.scales
        total = total + s.gate * (step_weight_bytes(s) + scales * 4 + fixed - _spared_by_alignment(s))
    return total + state_bytes([s for s in steps if isinstance(s.layer, ReadVariable | AssignVariable)])


def _spared_by_alignment(step: Step) -> int:
    """Returns by how much less than the most, 15 bytes for each, the buffers of a layer's weights and biases are
    padded; 0 if sizes are tensors.
    """
    if step.weights is None:
        return 0
    spared = 0
    for size in (packed_bytes(step.weights.taps * step.weights.channels, step.weights.bits), 4 * step.weights.channels):
        if isinstance(size, int):
            spared += FILE_ALIGNMENT - 1 - -(BUFFER_BYTES + size) % FILE_ALIGNMENT
    return spared


def text_bytes(metadata: Mapping[str, str]) -> int:
    """Returns the most bytes that texts take in a file, by their names."""
    return sum(len(name.encode()) + len(text.encode()) + ENTRY_BYTES for name, text in metadata.items())
