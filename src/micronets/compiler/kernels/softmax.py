"""Kernels that go over the last dimension twice: softmax, its logarithm, and division by a vector's length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import Call, LayerCode, Overlap, Place, WholeKernel
from micronets.errors import UnsupportedError
from micronets.ir.layers import L2Normalization, LogSoftmax, Softmax
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.log_softmax import back_to_codes, scaled_differences
from micronets.quantized.model import QuantizedModel
from micronets.quantized.softmax import exponentials, softmax_codes

SOFTMAX = "micronets_softmax"
SOFTMAX_BY4 = "micronets_softmax_by4"
SOFTMAX_OF_TWO = "micronets_softmax_of_two"
SOFTMAX_S16 = "micronets_softmax_s16"
LOG_SOFTMAX = "micronets_log_softmax"
L2_NORMALIZATION = "micronets_l2_normalization"
L2_NORMALIZATION_F32 = "micronets_l2_normalization_f32"
_LEAST_BY4 = 256  # codes of a layer from which on `SOFTMAX_BY4`, which takes more flash, is worth it
_ROW_LIMIT = 8191  # values of a row, whose exponentials then sum to less than 2**32
_LOG_ROW_LIMIT = 4095  # values of a row, whose exponentials, of 12 integer bits, then sum to less than 2**31


def _with_end(powers: IntArray) -> IntArray:
    """Returns exponentials of differences with a 0 behind them, which stands for all larger differences of bytes."""
    return np.append(powers, 0)[:256]


def _table_of_two(beta: float, scale: float) -> IntArray:
    """Returns the probability, as a code, of one of two values by its difference from the other one, `[2 * most + 1]`.

    - beta: the factor of the values.
    - scale: the scale of the values.

    The differences are -most .. most codes; with larger ones the codes are those of these.
    """
    differences = np.arange(-255, 256)
    pairs = np.stack([np.minimum(differences, 0) + 127, 127 - np.maximum(differences, 0)], -1)
    codes = np.asarray(softmax_codes(pairs.astype(np.int16), beta, scale)[:, 0])
    changes = np.flatnonzero((codes[1:] != codes[:-1]) | (codes[::-1][1:] != codes[::-1][:-1]))
    most = max(1, 255 - int(changes[0])) if len(changes) else 1
    return codes[255 - most : 256 + most]


@dataclass(frozen=True)
class SoftmaxKernel(WholeKernel):
    """A softmax over the last dimension.

    - by_words: whether the target computes with four bytes of a word at once, for which there is a faster kernel; it
      takes more flash, and is for layers of many codes.
    """

    layer: Softmax
    by_words: bool = False

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input, since a row is summed before its first output is written.

        An output of int16 may not overlap the input.
        """
        return Overlap(None if self.layer.to == "int16" else 0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with a table of exponentials."""
        layer, (*rows, columns) = self.layer, self.step.output_shape
        if columns > _ROW_LIMIT:
            sizes = f"softmax of {columns} values; at most {_ROW_LIMIT} are supported"
            raise UnsupportedError(f"layer '{layer.name}': {sizes}")
        scale = model.quant[layer.inputs[0]].scale
        if columns == 2 and layer.to == "int8":
            codes = _table_of_two(layer.beta, scale)
            call = Call.of(
                SOFTMAX_OF_TWO,
                input=place.pointer(layer.inputs[0]),
                output=place.pointer(layer.name),
                table=place.table("int8_t", "table", codes),
                most=len(codes) // 2,
                rows=math.prod(rows),
            )
            return LayerCode(call, (SOFTMAX_OF_TWO,))
        powers = exponentials(layer.beta, scale)
        wide, entries = layer.to == "int16", len(powers)
        function = SOFTMAX_S16 if wide else SOFTMAX
        if self.by_words and not wide and math.prod(self.step.output_shape) >= _LEAST_BY4:
            function, powers = SOFTMAX_BY4, _with_end(powers)
        table = place.table("int32_t", "exponentials", powers)
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name, "int16_t" if wide else "int8_t"),
            exponentials=table,
            entries=entries,
            rows=math.prod(rows),
            columns=columns,
        )
        return LayerCode(call, (function,))


@dataclass(frozen=True)
class LogSoftmaxKernel(WholeKernel):
    """The logarithm of a softmax over the last dimension."""

    layer: LogSoftmax

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input: a row is summed before its first output is written."""
        return Overlap(0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with tables of exponentials and of scaled differences."""
        layer, (*rows, columns) = self.layer, self.step.output_shape
        if columns > _LOG_ROW_LIMIT:
            sizes = f"logarithms of a softmax of {columns} values; at most {_LOG_ROW_LIMIT} are supported"
            raise UnsupportedError(f"layer '{layer.name}': {sizes}")
        scale = model.quant[layer.inputs[0]].scale
        powers = exponentials(1.0, scale)
        scaled, _ = scaled_differences(scale)
        multiplier, shift = (int(v) for v in back_to_codes(scale))
        call = Call.of(
            LOG_SOFTMAX,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            exponentials=place.table("int32_t", "exponentials", _with_end(powers)),
            differences=place.table("int32_t", "differences", scaled[: len(powers)]),
            entries=len(powers),
            multiplier=multiplier,
            shift=shift,
            rows=math.prod(rows),
            columns=columns,
        )
        return LayerCode(call, (LOG_SOFTMAX,))


@dataclass(frozen=True)
class L2NormalizationKernel(WholeKernel):
    """Vectors along the last dimension, divided by their length."""

    layer: L2Normalization

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input: a row is summed before its first output is written."""
        return Overlap(0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes, and the zero point of codes."""
        layer, (*rows, columns) = self.layer, self.step.output_shape
        if self.step.output_type == "float32":
            call = Call.of(
                L2_NORMALIZATION_F32,
                input=place.pointer(layer.inputs[0], "const float"),
                output=place.pointer(layer.name, "float"),
                rows=math.prod(rows),
                columns=columns,
            )
            return LayerCode(call, (L2_NORMALIZATION_F32,))
        call = Call.of(
            L2_NORMALIZATION,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            rows=math.prod(rows),
            columns=columns,
            zero_point=model.quant[layer.inputs[0]].zero_point,
        )
        return LayerCode(call, (L2_NORMALIZATION,))
