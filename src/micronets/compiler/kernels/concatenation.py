"""Tensors joined to one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import (
    Constant,
    Kernel,
    LayerCode,
    Name,
    Offset,
    Overlap,
    Place,
    RunRecord,
    Struct,
    Table,
    runner,
)
from micronets.ir.layers import Concatenation, Shape
from micronets.quantized.model import QuantizedModel

CONCATENATE = "micronets_concatenate"
RECORD = "micronets_parts_layer"


@dataclass(frozen=True)
class ConcatenationKernel(Kernel):
    """The rows of several tensors, one behind the other."""

    layer: Concatenation

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may not overlap an input, since the second part is read after the first has been written."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None, since the record holds where the parts lie, which changes from patch to patch."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a run of the record, with a table of the parts."""
        layer = self.layer
        record = parts_record(
            place,
            tuple(place.offset(name) for name in layer.inputs),
            self.step.input_shapes,
            place.offset(layer.name),
            layer.axis,
        )
        return LayerCode(record, RunRecord(runner(CONCATENATE), record[-1]), (CONCATENATE,))


def parts_record(
    place: Place, parts: tuple[Offset, ...], shapes: tuple[Shape, ...], whole: Offset, axis: int, element: int = 1
) -> tuple[Table, Constant]:
    """Returns the table of the parts of a tensor and the record that points to it.

    - parts, shapes: where each part lies, and its shape.
    - whole: where the tensor lies that they are parts of.
    - axis: the dimension along which they lie in it; what is in front of it counts the rows.
    - element: bytes of a value.
    """
    rows = math.prod(shapes[0][:axis])
    pairs = [(part.bytes, element * math.prod(shape[axis:])) for part, shape in zip(parts, shapes, strict=True)]
    table = place.table("int32_t", "parts", np.array(pairs, np.int32))
    fields = ("parts", Name(table.name)), ("whole", whole), ("count", len(parts)), ("rows", rows)
    return table, place.constant("layer", Struct(RECORD, fields))
