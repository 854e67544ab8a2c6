"""Functions of single values: by a table of 256 codes, by scales, or from and to float32."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import (
    Argument,
    Call,
    FlashOutline,
    Kernel,
    LayerCode,
    Name,
    OutputRows,
    Overlap,
    Place,
    Real,
    RowReach,
    WholeKernel,
    count,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.requantise import shiftable
from micronets.ir.arch import Step
from micronets.ir.layers import Cast, Dequantize, Layer, Quantize, Relu
from micronets.ir.types import ELEMENT_BYTES, Type, code_range
from micronets.quantized.arithmetic import rescale
from micronets.quantized.code_tables import ALL, BYTES, Codes, code_table
from micronets.quantized.model import QuantizedModel

LOOKUP = "micronets_lookup"
CLAMP_CODES = "micronets_clamp_codes"
QUANTIZE = "micronets_quantize"
QUANTIZE_S16 = "micronets_quantize_s16"
RECODE = "micronets_recode"
DEQUANTIZE = "micronets_dequantize"
DEQUANTIZE_ANY = "micronets_dequantize_any"
CAST = "micronets_cast"

_ELEMENT_NAMES: Mapping[Type, str] = {
    "int4": "INT8",
    "int8": "INT8",
    "uint8": "UINT8",
    "int16": "INT16",
    "int32": "INT32",
    "float32": "FLOAT32",
    "bool": "BOOL",
    "uint32": "UINT32",
}
ELEMENTS: Mapping[Type, Name] = {of: Name(f"MICRONETS_{name}", "micronets_type") for of, name in _ELEMENT_NAMES.items()}
"""The C enumerators that name the type of a tensor's values to a kernel."""


_SIGN = -128  # the bit in which codes of int8 and of uint8 differ
_CODES = 256  # entries, and bytes, of a table with a code for each of 8 bits


def table_code(place: Place, source: str, layer: str, values: OutputRows, table: Codes) -> LayerCode:
    """Returns a call that makes each byte of a layer's output of the same byte of its input.

    - place: the source of names and addresses.
    - source: the name of the input.
    - layer: the name of the layer.
    - values: how many bytes there are.
    - table: the output byte of each input byte -128 .. 127, `[256]`.

    A table that clamps codes, or turns those of uint8 into those of int8 or back, is not needed: four codes are
    computed at a time.
    """
    x, y = place.pointer(source), place.pointer(layer)
    lowest, highest = int(table.min()), int(table.max())
    for flip in (0, _SIGN):
        if np.array_equal(table, np.clip(ALL.astype(np.int64) ^ flip, lowest, highest)):
            limits = {"flip": flip, "lowest": lowest, "highest": highest}
            return LayerCode(Call.of(CLAMP_CODES, input=x, output=y, count=values, **limits), (CLAMP_CODES,))
    call = Call.of(LOOKUP, input=x, output=y, table=place.table("int8_t", "table", table), count=values)
    return LayerCode(call, (LOOKUP,))


def value_overlap(step: Step) -> Overlap:
    """Returns how far the output of a function of single values may overlap its input.

    An output of a wider type must begin below the input by as many bytes as it is larger; others may begin where the
    input begins.
    """
    wider = ELEMENT_BYTES[step.output_type] - ELEMENT_BYTES[step.input_types[0]]
    return Overlap(max(0, wider) * math.prod(step.input_shapes[0]))


@dataclass(frozen=True)
class LookupKernel(Kernel):
    """A layer whose every output code is a function of one input code.

    Codes of a byte are looked up in a table. Where the input or the output has more bytes, the layer is a Quantize, and
    the kernel computes each code from both scales.
    """

    layer: Layer

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input, unless its codes are wider."""
        return value_overlap(self.step)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the same row of the input."""
        return RowReach()

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what the table and the call take of flash, or the call alone where the layer has no table.

        A RELU6 clamps codes. A Quantize between int8 and uint8 is taken to change nothing but the zero point, as those
        at the edges of networks do.
        """
        types = {self.step.input_types[0], self.step.output_type}
        clamps = isinstance(self.layer, Relu) and self.layer.six and types <= {*BYTES}
        if clamps or (isinstance(self.layer, Quantize) and types == {"int8", "uint8"}):
            return FlashOutline(record_bytes(6), runner_of(CLAMP_CODES), (CLAMP_CODES,))
        if self.step.input_types[0] in BYTES and self.step.output_type in BYTES:
            return FlashOutline(_CODES + record_bytes(4), runner_of(LOOKUP), (LOOKUP,))
        return super().outline(stand_in)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the table or, for codes of more than a byte and for float32, with the scales."""
        layer, source, target = self.layer, self.layer.inputs[0], model.quant[self.layer.name]
        values, read, made = count(self.step.output_shape), self.step.input_types[0], self.step.output_type
        if read == "float32":
            function, to = (QUANTIZE, "int8_t") if made in BYTES else (QUANTIZE_S16, "int16_t")
            low, high = code_range(made)
            call = Call.of(
                function,
                input=place.pointer(source, "const float"),
                output=place.pointer(layer.name, to),
                count=values,
                scale=Real(target.scale),
                zero_point=target.zero_point,
                lowest=low,
                highest=high,
            )
            return LayerCode(call, (function,))
        if read not in BYTES or made not in BYTES:
            assert isinstance(layer, Quantize)
            given = model.quant[source]
            multiplier, shift = (int(v) for v in shiftable(*rescale(given, target)))
            call = Call.of(
                RECODE,
                input=place.pointer(source, "const void"),
                in_type=ELEMENTS[read],
                output=place.pointer(layer.name, "void"),
                out_type=ELEMENTS[made],
                count=values,
                multiplier=multiplier,
                shift=shift,
                zero_in=given.zero_point,
                zero_out=target.zero_point,
            )
            return LayerCode(call, (RECODE,))
        return table_code(place, source, layer.name, values, code_table(layer, model.quant[source], target, read))


@dataclass(frozen=True)
class DequantizeKernel(WholeKernel):
    """The conversion of codes to float32."""

    layer: Dequantize

    @property
    def overlap(self) -> Overlap:
        """The output, of four bytes a value, may end where the input ends."""
        return value_overlap(self.step)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the scale."""
        layer, source, read = self.layer, model.quant[self.layer.inputs[0]], self.step.input_types[0]
        y, values = place.pointer(layer.name, "float"), count(self.step.output_shape)
        numbers: dict[str, Argument] = {"scale": Real(source.scale), "zero_point": source.zero_point}
        if read in ("int4", "int8"):
            call = Call.of(DEQUANTIZE, input=place.pointer(layer.inputs[0]), output=y, count=values, **numbers)
            return LayerCode(call, (DEQUANTIZE,))
        x = place.pointer(layer.inputs[0], "const void")
        call = Call.of(DEQUANTIZE_ANY, input=x, type=ELEMENTS[read], output=y, count=values, **numbers)
        return LayerCode(call, (DEQUANTIZE_ANY,))


@dataclass(frozen=True)
class CastKernel(WholeKernel):
    """The kernel that converts numbers to another type."""

    layer: Cast

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input, unless its type is wider."""
        return value_overlap(self.step)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with both types."""
        layer, step = self.layer, self.step
        call = Call.of(
            CAST,
            input=place.pointer(layer.inputs[0], "const void"),
            in_type=ELEMENTS[step.input_types[0]],
            output=place.pointer(layer.name, "void"),
            out_type=ELEMENTS[step.output_type],
            count=count(step.output_shape),
        )
        return LayerCode(call, (CAST,))
