"""Convolutions and dense layers whose kernels read 8-bit weights as they are, a byte each, in their own order.

`conv_bytes` and `conv_lanes` say which functions these are, and in which order they read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
from micronets.compiler.kernels.conv import WINDOWED_BYTES, any_code, int8_rows, is_pointwise
from micronets.compiler.kernels.dense import is_dense, vector_window
from micronets.compiler.kernels.requantise import REQUANT, Requantisation, requant_bytes, requantisation
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.quantized.model import QuantizedModel

_MATRIX_BYTES = record_bytes(6, REQUANT)  # of the record of a matrix


@dataclass(frozen=True)
class ByteWeights:
    """The functions for convolutions and matrices of a target, and how they read weights.

    - conv: the C function that slides a window over a map.
    - dense: the one that multiplies a matrix by vectors.
    - source: the one that both call.
    - packed_limit: the bound on sums with which requantisation takes packed tables, see `requantisation`.
    - filters: filters are filled up with others of zeros to a multiple of this many.
    - table: makes the table of weights `[filters, size]`.
    - least_row: least values of a window's row for which windows are read where they lie, if they lie inside the map;
      None for a function that copies all of them.
    """

    conv: str
    dense: str
    source: str
    packed_limit: int
    filters: int
    table: Callable[[Place, npt.NDArray[np.int8]], Table]
    least_row: int | None

    def outline(self, function: str, filters: int, size: int, scales: int, record: int) -> FlashOutline:
        """Returns what a call takes of flash.

        - function: `conv` or `dense`.
        - filters, size: the shape of the weights.
        - scales: how many different scales they have.
        - record: the bytes of the call's record.
        """
        weights = -(-filters // self.filters) * self.filters * size
        constants = weights + requant_bytes(filters, scales) + record
        return FlashOutline(constants, runner_of(function), (function, self.source), -weights % 4)


def byte_weights_kernel(step: Step, layer: Conv2D | FullyConnected, by: ByteWeights) -> Kernel:
    """Returns the kernel of a convolution in one group, or of a dense layer, with 8-bit weights."""
    if isinstance(layer, FullyConnected) or is_dense(step):
        return DenseByteWeightsKernel(step, layer, by)
    return ConvByteWeightsKernel(step, layer, by)


@dataclass(frozen=True)
class ConvByteWeightsKernel(Kernel):
    """A convolution, of any window or pointwise, with 8-bit weights.

    Windows are copied to scratch memory, padding included, two where all are copied; pointwise convolutions read their
    pixels where they lie.
    """

    layer: Conv2D
    by: ByteWeights

    @property
    def scratch_bytes(self) -> int:
        """Bytes of a window, or of two where all are copied; 0 for a pointwise convolution."""
        if is_pointwise(self.layer):
            return 0
        row = self.layer.kernel[1] * self.step.input_shapes[0][2]
        together = 2 if self.by.least_row is None or row < self.by.least_row else 1
        return align(together * self._window_size, 4)

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite pixels that no later window reads, nor those of its own and of the pixel before."""
        return window_overlap(self.step, self.layer.window, by_channel=False, together=2)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    @property
    def _window_size(self) -> int:
        return math.prod(self.layer.kernel) * self.step.input_shapes[0][2]

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        pointwise = is_pointwise(self.layer)
        function, record = (self.by.dense, _MATRIX_BYTES) if pointwise else (self.by.conv, WINDOWED_BYTES)
        return self.by.outline(function, self.layer.filters, self._window_size, self.layer.filters, record)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for weights that are no int8 less their zero point, of another."""
        layer, rows = self.layer, int8_rows(model.weights[self.layer.name])
        zero_point = model.quant[layer.inputs[0]].zero_point
        window = window_struct(self.step, place, layer.window, pad_value=zero_point)
        if rows is None:
            return any_code(model, layer, place, window)
        requant = requantisation(model, layer, rows, place, packed_limit=self.by.packed_limit)
        table = self.by.table(place, rows)
        if is_pointwise(layer):
            pixels = OutputRows(self.step.output_shape[0], self.step.output_shape[1])
            return _matrix_code(place, layer, self.by, table, pixels, rows, requant)
        call = Call.of(
            self.by.conv,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=table,
            scratch=place.scratch(layer.name),
            window=window,
            requant=requant.struct,
        )
        return LayerCode(call, (self.by.conv, self.by.source))


@dataclass(frozen=True)
class DenseByteWeightsKernel(WholeKernel):
    """A matrix of 8-bit weights times one vector.

    Every output value reads the whole input.
    """

    layer: Conv2D | FullyConnected
    by: ByteWeights

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        weights = self.step.weights
        assert weights is not None
        units, size, scales = int(weights.channels), int(weights.taps), int(weights.scales)
        return self.by.outline(self.by.dense, units, size, scales, _MATRIX_BYTES)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for weights that are no int8 less their zero point, of another."""
        layer, weights = self.layer, model.weights[self.layer.name]
        rows = int8_rows(weights)
        if rows is None:
            return any_code(model, layer, place, vector_window(self.step, model, place, weights.weights))
        requant = requantisation(model, layer, rows, place, packed_limit=self.by.packed_limit)
        return _matrix_code(place, layer, self.by, self.by.table(place, rows), 1, rows, requant)


def _matrix_code(
    place: Place,
    layer: Conv2D | FullyConnected,
    by: ByteWeights,
    table: Table,
    pixels: int | OutputRows,
    rows: npt.NDArray[np.int8],
    requant: Requantisation,
) -> LayerCode:
    """Returns a call that multiplies a matrix by vectors.

    - place: the source of the layer's names and addresses.
    - layer: the layer.
    - by: names the function.
    - table: the matrix as the function reads it.
    - pixels: how many vectors there are.
    - rows: the matrix, `[outputs, inputs]`.
    - requant: the requantisation of the sums.
    """
    outputs, inputs = rows.shape
    call = Call.of(
        by.dense,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=table,
        pixels=pixels,
        inputs=inputs,
        outputs=outputs,
        requant=requant.struct,
    )
    return LayerCode(call, (by.dense, by.source))
