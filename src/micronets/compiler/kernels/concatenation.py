"""Several tensors joined into one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import (
    NOTHING,
    Arena,
    Call,
    LayerCode,
    Place,
    Table,
    View,
    WholeKernel,
)
from micronets.ir.layers import Concatenation, Pack, Shape
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

CONCATENATE = "micronets_concatenate"
CONCATENATE_CONSTANTS = "micronets_concatenate_constants"


@dataclass(frozen=True)
class ConcatenationKernel(WholeKernel):
    """Several tensors joined along a dimension (Concatenation), or stacked along a new one (Pack).

    The second part is read after the first has been written, and the addresses of the parts lie in a constant table.
    """

    layer: Concatenation | Pack

    @property
    def views(self) -> tuple[View, ...]:
        """The inputs, if each is one run of bytes of the output and none is a constant, which lies in flash."""
        layer = self.layer
        if any(self.step.constants):
            return ()
        return part_views(layer.name, layer.inputs, self.step.input_shapes, layer.axis, self._element)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with a table of the parts, and with the constants among them."""
        layer = self.layer
        if any(self.step.constants):
            return self._with_constants(model, place)
        if self.views and all(view.holds(place) for view in self.views):
            return NOTHING
        parts, count, rows = parts_table(place, layer.inputs, self.step.input_shapes, layer.axis, self._element)
        call = Call.of(
            CONCATENATE, arena=Arena(), output=place.pointer(layer.name), parts=parts, count=count, rows=rows
        )
        return LayerCode(call, (CONCATENATE,))

    def _with_constants(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call that takes some parts from a table, in which the constants lie one after another."""
        layer, held = self.layer, b""
        pairs = []
        for name, shape, fixed in zip(layer.inputs, self.step.input_shapes, self.step.constants, strict=True):
            bytes_of_row = self._element * math.prod(shape[layer.axis :])
            pairs.append((-1 - len(held) if fixed else place.offset(name).bytes, bytes_of_row))
            if fixed:
                held += np.ascontiguousarray(model.constants[name]).tobytes()
        call = Call.of(
            CONCATENATE_CONSTANTS,
            arena=Arena(),
            constants=place.table("int8_t", "constants", np.frombuffer(held, np.int8)),
            output=place.pointer(layer.name),
            parts=place.table("int32_t", "parts", np.array(pairs, np.int32)),
            count=len(pairs),
            rows=math.prod(self.step.input_shapes[0][: layer.axis]),
        )
        return LayerCode(call, (CONCATENATE_CONSTANTS,))

    @property
    def _element(self) -> int:
        """Bytes of a value."""
        return ELEMENT_BYTES[self.step.output_type]


def part_views(
    whole: str, parts: tuple[str, ...], shapes: tuple[Shape, ...], axis: int, element: int
) -> tuple[View, ...]:
    """Returns the views of the parts of a tensor; none where a part is not one run of its bytes.

    - whole, parts: the names of the tensors.
    - shapes: the shapes of the parts.
    - axis: the dimension along which they lie in the whole.
    - element: bytes of a value.
    """
    if math.prod(shapes[0][:axis]) != 1:
        return ()
    sizes = [element * math.prod(shape) for shape in shapes]
    return tuple(View(part, whole, sum(sizes[:i])) for i, part in enumerate(parts))


def parts_table(
    place: Place, parts: tuple[str, ...], shapes: tuple[Shape, ...], axis: int, element: int
) -> tuple[Table, int, int]:
    """Returns a table of the address and the bytes of a row of each part of a tensor, the number of parts, and of rows.

    - place: the source of the table's name and of the addresses.
    - parts, shapes: the name and the shape of each part.
    - axis: the dimension along which they lie in the tensor; what is in front of it counts the rows.
    - element: bytes of a value.
    """
    rows = math.prod(shapes[0][:axis])
    pairs = [
        (place.offset(part).bytes, element * math.prod(shape[axis:])) for part, shape in zip(parts, shapes, strict=True)
    ]
    return place.table("int32_t", "parts", np.array(pairs, np.int32)), len(parts), rows
