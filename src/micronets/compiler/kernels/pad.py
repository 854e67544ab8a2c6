"""Padding of up to three separate dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import (
    SIZE_LIMIT,
    Call,
    Kernel,
    LayerCode,
    OutputRows,
    Overlap,
    Place,
    RowReach,
    Struct,
    Value,
)
from micronets.errors import UnsupportedError
from micronets.ir.layers import Pad, Shape
from micronets.ir.types import ELEMENT_BYTES
from micronets.ir.window import Pair
from micronets.quantized.model import QuantizedModel

PAD = "micronets_pad"
PAD_PARAMS = "micronets_pad_params"
_DIMENSIONS = 3  # how many dimensions the kernel pads


@dataclass(frozen=True)
class PadKernel(Kernel):
    """A tensor with a border of its zero point."""

    layer: Pad

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may begin below the input by as many bytes as it is larger, and run into it."""
        more = math.prod(self.step.output_shape) - math.prod(self.step.input_shapes[0])
        return Overlap(more * ELEMENT_BYTES[self.step.output_type])

    @property
    def row_reach(self) -> RowReach | None:
        """An output row needs the same row of the input; None where rows are padded, or codes have two bytes."""
        narrow = ELEMENT_BYTES[self.step.output_type] == 1
        return RowReach() if narrow and self.layer.paddings[0] == (0, 0) else None

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes."""
        layer, shape = self.layer, self.step.input_shapes[0]
        if self.step.output_type == "int4" != self.step.input_types[0]:
            raise UnsupportedError(f"layer '{layer.name}': Pad from 8 bits to 4; give it an input of 4 bits")
        sizes, pads = _merged(shape, layer, ELEMENT_BYTES[self.step.output_type])
        in_shape: list[Value] = [*sizes]
        if self.row_reach:  # rows are in the first of the merged dimensions: a patch may have fewer
            axis = next((i for i, size in enumerate(sizes) if size > 1), 0)
            in_shape[axis] = OutputRows(shape[0], sizes[axis] // shape[0])
        params = Struct(
            PAD_PARAMS,
            (
                ("in_shape", tuple(in_shape)),
                ("before", tuple(before for before, _ in pads)),
                ("after", tuple(after for _, after in pads)),
                ("value", self._code(model)),
            ),
        )
        call = Call.of(PAD, input=place.pointer(layer.inputs[0]), output=place.pointer(layer.name), params=params)
        return LayerCode(call, (PAD,))

    def _code(self, model: QuantizedModel) -> int:
        """Returns the byte of which the border is made; that of a float of 0 is 0, too."""
        if self.layer.value is not None:
            return self.layer.value
        return 0 if self.step.output_type == "float32" else model.quant[self.layer.name].zero_point


def _merged(shape: Shape, layer: Pad, element: int) -> tuple[list[int], list[Pair]]:
    """Returns sizes and paddings in bytes over three dimensions that amount to the padding of the layer.

    - element: bytes of a value.

    A dimension that is not padded becomes a part of the one before it, if the numbers then fit; 1 stands in front of
    fewer than three. Raises `UnsupportedError` where three do not suffice.
    """
    sizes, pads = [1], [(0, 0)]
    bytes_of_value = [(element, (0, 0))] if element > 1 else []
    for size, (before, after) in (*zip(shape, layer.paddings, strict=True), *bytes_of_value):
        if before == after == 0 and max(pads[-1]) * size <= SIZE_LIMIT:
            sizes[-1] *= size
            pads[-1] = (pads[-1][0] * size, pads[-1][1] * size)
        else:
            sizes.append(size)
            pads.append((before, after))
    if pads[0] == (0, 0) and sizes[0] == 1 and len(sizes) > 1:
        sizes, pads = sizes[1:], pads[1:]
    missing = _DIMENSIONS - len(sizes)
    if missing < 0:
        raise UnsupportedError(
            f"layer '{layer.name}': padding of {len(sizes)} separate dimensions; at most {_DIMENSIONS} are supported"
        )
    return [1] * missing + sizes, [(0, 0)] * missing + pads
