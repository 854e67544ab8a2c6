"""Layers that change each code alone: by a table of 256 codes, or from and to float32 at the edges of a network."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, Kernel, LayerCode, Outline, Overlap, Place, Real, RowReach, count
from micronets.ir.layers import Dequantize, Layer
from micronets.ir.types import code_range
from micronets.quantized.code_tables import code_table
from micronets.quantized.model import QuantizedModel

LOOKUP = "micronets_lookup"
QUANTIZE = "micronets_quantize"
DEQUANTIZE = "micronets_dequantize"

_CODES = 256  # entries, and bytes, of a table with a code for each of 8 bits


@dataclass(frozen=True)
class LookupKernel(Kernel):
    """A layer whose every output code is a function of one input code; a Quantize may also read float32."""

    layer: Layer

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input."""
        return Overlap(0)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the same row of the input."""
        return RowReach()

    def outline(self, stand_in: QuantizedModel) -> Outline:
        """Returns what the table takes of flash, or nothing for an input of float32."""
        if self.step.input_types[0] == "float32":
            return Outline(0, "", (QUANTIZE,))
        return Outline(_CODES, "", (LOOKUP,))

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the table or, for float32, with the scale."""
        layer, source, target = self.layer, self.layer.inputs[0], model.quant[self.layer.name]
        y, values = place.pointer(layer.name), count(self.step.output_shape)
        read = self.step.input_types[0]
        if read == "float32":
            numbers = Real(target.scale), target.zero_point, *code_range(self.step.output_type)
            call = Call(QUANTIZE, (place.pointer(source, "const float"), y, values, *numbers))
            return LayerCode((), call, (QUANTIZE,))
        table = place.table("int8_t", "table", code_table(layer, model.quant[source], target, read))
        return LayerCode((table,), Call(LOOKUP, (place.pointer(source), y, table.as_argument, values)), (LOOKUP,))


@dataclass(frozen=True)
class DequantizeKernel(Kernel):
    """The conversion of codes to float32."""

    layer: Dequantize

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output, of four bytes a value, may run into the input up to its end."""
        return Overlap(3 * math.prod(self.step.input_shapes[0]))

    @property
    def row_reach(self) -> None:
        """None, since the layer follows those whose maps are large, and need not run in patches."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the scale."""
        layer, source = self.layer, model.quant[self.layer.inputs[0]]
        ends = place.pointer(layer.inputs[0]), place.pointer(layer.name, "float")
        numbers = count(self.step.output_shape), Real(source.scale), source.zero_point
        return LayerCode((), Call(DEQUANTIZE, (*ends, *numbers)), (DEQUANTIZE,))
