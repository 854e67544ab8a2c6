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
    View,
    runner,
)
from micronets.ir.layers import Concatenation, Pack, Shape
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

CONCATENATE = "micronets_concatenate"
RECORD = "micronets_parts_layer"


@dataclass(frozen=True)
class ConcatenationKernel(Kernel):
    """The rows of several tensors, one behind the other; of packed ones, the values at each place of a dimension."""

    layer: Concatenation | Pack

    @property
    def views(self) -> tuple[View, ...]:
        """The inputs, if each lies together in the output."""
        layer, step = self.layer, self.step
        return part_views(layer.name, layer.inputs, step.input_shapes, layer.axis, ELEMENT_BYTES[step.output_type])

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
        if self.views and all(view.holds(place) for view in self.views):
            return LayerCode((), None, ())
        record = parts_record(
            place,
            tuple(place.offset(name) for name in layer.inputs),
            self.step.input_shapes,
            place.offset(layer.name),
            layer.axis,
            ELEMENT_BYTES[self.step.output_type],
        )
        return LayerCode(record, RunRecord(runner(CONCATENATE), record[-1]), (CONCATENATE,))


def part_views(
    whole: str, parts: tuple[str, ...], shapes: tuple[Shape, ...], axis: int, element: int
) -> tuple[View, ...]:
    """Returns the views of the parts of a tensor; none where a part does not lie together in it.

    - whole, parts: the names of the tensors.
    - shapes: the shapes of the parts.
    - axis: the dimension along which they lie in the whole.
    - element: bytes of a value.
    """
    if math.prod(shapes[0][:axis]) != 1:
        return ()
    sizes = [element * math.prod(shape) for shape in shapes]
    return tuple(View(part, whole, sum(sizes[:i])) for i, part in enumerate(parts))


def parts_record(
    place: Place, parts: tuple[Offset, ...], shapes: tuple[Shape, ...], whole: Offset, axis: int, element: int
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
