"""Convolutions and dense layers on cores that multiply 16 pairs of bytes at once: two pixels times two filters."""

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

CONV_LANES = "micronets_conv_lanes"
DENSE_LANES = "micronets_dense_lanes"
_SOURCES = ("micronets_dot_lanes",)
_TOGETHER = 2  # pixels
_MATRIX_BYTES = record_bytes(6, REQUANT)  # of the record of `DENSE_LANES`


@dataclass(frozen=True)
class ConvLanesKernel(Kernel):
    """A convolution, of any window or pointwise, with weights of 8 bits.

    The windows of two pixels are copied to scratch memory, padding included; pointwise convolutions read their pixels
    where they lie.
    """

    layer: Conv2D

    @property
    def scratch_bytes(self) -> int:
        """Bytes of two windows; 0 for a pointwise convolution."""
        return 0 if is_pointwise(self.layer) else align(_TOGETHER * _window_size(self.step, self.layer), 4)

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite pixels that no later window reads, nor those of its own and of the pixel before."""
        return window_overlap(self.step, self.layer.window, by_channel=False, together=_TOGETHER)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        filters, pointwise = self.layer.filters, is_pointwise(self.layer)
        weights = filters * _window_size(self.step, self.layer)
        record, function = (_MATRIX_BYTES, DENSE_LANES) if pointwise else (WINDOWED_BYTES, CONV_LANES)
        constants = weights + requant_bytes(filters, filters) + record
        return FlashOutline(constants, runner_of(function), (function, *_SOURCES), -weights % 4)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for weights that are no int8 less their zero point, of another."""
        layer, rows = self.layer, int8_rows(model.weights[self.layer.name])
        zero_point = model.quant[layer.inputs[0]].zero_point
        window = window_struct(self.step, place, layer.window, pad_value=zero_point)
        if rows is None:
            return any_code(model, layer, place, window)
        requant = requantisation(model, layer, rows, place)
        if is_pointwise(layer):
            pixels = OutputRows(self.step.output_shape[0], self.step.output_shape[1])
            return _matrix_code(place, layer, pixels, rows, requant)
        call = Call.of(
            CONV_LANES,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=place.table("int8_t", "weights", rows),
            scratch=place.scratch(layer.name),
            window=window,
            requant=requant.struct,
        )
        return LayerCode(call, (CONV_LANES, *_SOURCES))


@dataclass(frozen=True)
class DenseLanesKernel(WholeKernel):
    """A matrix of weights of 8 bits times one vector.

    Every output value reads the whole input.
    """

    layer: Conv2D | FullyConnected

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        weights = self.step.weights
        assert weights is not None
        units, table = int(weights.channels), int(weights.channels) * int(weights.taps)
        constants = table + requant_bytes(units, int(weights.scales)) + _MATRIX_BYTES
        return FlashOutline(constants, runner_of(DENSE_LANES), (DENSE_LANES, *_SOURCES), -table % 4)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel or, for weights that are no int8 less their zero point, of another."""
        layer, weights = self.layer, model.weights[self.layer.name]
        rows = int8_rows(weights)
        if rows is None:
            return any_code(model, layer, place, vector_window(self.step, model, place, weights.weights))
        requant = requantisation(model, layer, rows, place)
        return _matrix_code(place, layer, 1, rows, requant)


def _matrix_code(
    place: Place,
    layer: Conv2D | FullyConnected,
    pixels: int | OutputRows,
    rows: npt.NDArray[np.int8],
    requant: Requantisation,
) -> LayerCode:
    """Returns a call of `DENSE_LANES`.

    - place: the source of the layer's names and addresses.
    - layer: the layer.
    - pixels: how many vectors there are.
    - rows: the matrix, `[outputs, inputs]`.
    - requant: the requantisation of the sums.
    """
    outputs, inputs = rows.shape
    call = Call.of(
        DENSE_LANES,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=place.table("int8_t", "weights", rows),
        pixels=pixels,
        inputs=inputs,
        outputs=outputs,
        requant=requant.struct,
    )
    return LayerCode(call, (DENSE_LANES, *_SOURCES))


def lanes_kernel(step: Step, layer: Conv2D | FullyConnected) -> Kernel:
    """Returns the kernel of a convolution in one group, or of a dense layer, with weights of 8 bits."""
    if isinstance(layer, FullyConnected) or is_dense(step):
        return DenseLanesKernel(step, layer)
    return ConvLanesKernel(step, layer)


def _window_size(step: Step, layer: Conv2D) -> int:
    return math.prod(layer.kernel) * step.input_shapes[0][2]
