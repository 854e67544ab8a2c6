"""Padding of up to three separate dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

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
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel

PAD = "micronets_pad"
PAD_WIDE = "micronets_pad_wide"
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
        border = self._border(model)
        params = Struct(
            PAD_PARAMS,
            (
                ("in_shape", tuple(in_shape)),
                ("before", tuple(before for before, _ in pads)),
                ("after", tuple(after for _, after in pads)),
                ("value", border[0]),
            ),
        )
        x, y = place.pointer(layer.inputs[0]), place.pointer(layer.name)
        if len(set(border)) == 1:
            return LayerCode(Call.of(PAD, input=x, output=y, params=params), (PAD,))
        values = int(np.resize(np.array(border, np.int8), 4).view(np.int32)[0])
        return LayerCode(Call.of(PAD_WIDE, input=x, output=y, params=params, values=values), (PAD_WIDE,))

    def _border(self, model: QuantizedModel) -> list[int]:
        """Returns the bytes of which a value of the border is made."""
        of, value = self.step.output_type, self.layer.value
        if value is None:
            value = 0 if of == "float32" else model.quant[self.layer.name].zero_point
        return list(np.array([value], dtype_of(of)).view(np.int8).tolist())


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
