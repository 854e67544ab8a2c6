"""Convolutions and dense layers on cores that multiply two numbers at a time: one pixel times four filters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import (
    Call,
    FlashOutline,
    Kernel,
    LayerCode,
    OutputRows,
    Overlap,
    Place,
    RowReach,
    Table,
    WholeKernel,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.conv import (
    WINDOWED_BYTES,
    any_code,
    int8_rows,
    is_pointwise,
)
from micronets.compiler.kernels.dense import is_dense, vector_window
from micronets.compiler.kernels.requantise import REQUANT, SINGLE_LIMIT, Requantisation, requant_bytes, requantisation
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.compiler.limits import DIRECT_ROW
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.model import QuantizedModel

CONV_BYTES = "micronets_conv_bytes"
DENSE_BYTES = "micronets_dense_bytes"
_SOURCES = ("micronets_dot_bytes",)
_FILTERS = 4  # how many go together
_MATRIX_BYTES = record_bytes(6, REQUANT)  # of the record of `DENSE_BYTES`


@dataclass(frozen=True)
class ConvBytesKernel(Kernel):
    """A convolution, of any window or pointwise, with weights of 8 bits.

    Windows are copied to scratch memory one after the other, padding included; pointwise convolutions read their
    pixels where they lie.
    """

    layer: Conv2D

    @property
    def scratch_bytes(self) -> int:
        """Bytes of a window, or of two where all are copied; 0 for a pointwise convolution."""
        if is_pointwise(self.layer):
            return 0
        copied_together = 2 if self.layer.kernel[1] * self.step.input_shapes[0][2] < DIRECT_ROW else 1
        return align(copied_together * _window_size(self.step, self.layer), 4)

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite pixels that no later window reads, nor those of its own and of the pixel before."""
        return window_overlap(self.step, self.layer.window, by_channel=False, together=2)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        pointwise = is_pointwise(self.layer)
        constants = _table_bytes(self.layer.filters, _window_size(self.step, self.layer), self.layer.filters)
        record, function = (_MATRIX_BYTES, DENSE_BYTES) if pointwise else (WINDOWED_BYTES, CONV_BYTES)
        return FlashOutline(constants + record, runner_of(function), (function, *_SOURCES))

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for weights that are no int8 less their zero point, of another."""
        layer, rows = self.layer, int8_rows(model.weights[self.layer.name])
        zero_point = model.quant[layer.inputs[0]].zero_point
        window = window_struct(self.step, place, layer.window, pad_value=zero_point)
        if rows is None:
            return any_code(model, layer, place, window)
        requant = requantisation(model, layer, rows, place, packed_limit=SINGLE_LIMIT)
        table = bytes_table(place, rows)
        if is_pointwise(layer):
            pixels = OutputRows(self.step.output_shape[0], self.step.output_shape[1])
            return _matrix_code(place, layer, table, pixels, rows, requant)
        call = Call.of(
            CONV_BYTES,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=table,
            scratch=place.scratch(layer.name),
            window=window,
            requant=requant.struct,
        )
        return LayerCode(call, (CONV_BYTES, *_SOURCES))


@dataclass(frozen=True)
class DenseBytesKernel(WholeKernel):
    """A matrix of weights of 8 bits times one vector.

    Every output value reads the whole input.
    """

    layer: Conv2D | FullyConnected

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        weights = self.step.weights
        assert weights is not None
        units, size, sources = int(weights.channels), int(weights.taps), (DENSE_BYTES, *_SOURCES)
        constants = _table_bytes(units, size, int(weights.scales))
        return FlashOutline(constants + _MATRIX_BYTES, runner_of(DENSE_BYTES), sources)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for weights that are no int8 less their zero point, of another."""
        layer, weights = self.layer, model.weights[self.layer.name]
        rows = int8_rows(weights)
        if rows is None:
            return any_code(model, layer, place, vector_window(self.step, model, place, weights.weights))
        requant = requantisation(model, layer, rows, place, packed_limit=SINGLE_LIMIT)
        return _matrix_code(place, layer, bytes_table(place, rows), 1, rows, requant)


def _matrix_code(
    place: Place,
    layer: Conv2D | FullyConnected,
    weights: Table,
    pixels: int | OutputRows,
    rows: npt.NDArray[np.int8],
    requant: Requantisation,
) -> LayerCode:
    """Returns a call of `DENSE_BYTES`; for the arguments see `pointwise_code`."""
    outputs, inputs = rows.shape
    call = Call.of(
        DENSE_BYTES,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=weights,
        pixels=pixels,
        inputs=inputs,
        outputs=outputs,
        requant=requant.struct,
    )
    return LayerCode(call, (DENSE_BYTES, *_SOURCES))


def bytes_kernel(step: Step, layer: Conv2D | FullyConnected) -> Kernel:
    """Returns the kernel of a convolution in one group, or of a dense layer, with weights of 8 bits."""
    if isinstance(layer, FullyConnected) or is_dense(step):
        return DenseBytesKernel(step, layer)
    return ConvBytesKernel(step, layer)


def in_bytes(rows: IntArray) -> npt.NDArray[np.uint8]:
    """Returns weights `[filters, size]`, -128 .. 127, in the order of micronets_dot_bytes.h: `[filters / 4, size, 4]`.

    Each is 128 more than the weight; filters are filled up with weights of 0 to a multiple of four.
    """
    padded = np.pad(rows.astype(np.int64), ((0, -len(rows) % _FILTERS), (0, 0)))
    return (padded.reshape(-1, _FILTERS, rows.shape[1]).transpose(0, 2, 1) + 128).astype(np.uint8)


def bytes_table(place: Place, rows: IntArray) -> Table:
    """Returns the weights `[filters, size]` of a layer as a table in the order of `in_bytes`."""
    return place.table("uint8_t", "weights", in_bytes(rows))


def _table_bytes(filters: int, size: int, scales: int) -> int:
    """Returns the bytes of weights `[filters, size]` in the order of `in_bytes`, of biases and of so many scales."""
    return -(-filters // _FILTERS) * _FILTERS * size + requant_bytes(filters, scales)


def _window_size(step: Step, layer: Conv2D) -> int:
    return math.prod(layer.kernel) * step.input_shapes[0][2]
