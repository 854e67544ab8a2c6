"""Depthwise convolutions on cores that multiply eight pairs of 16-bit values at once: pixel by pixel."""

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
    Overlap,
    Place,
    RowReach,
    runner_of,
)
from micronets.compiler.kernels.conv import WINDOWED_BYTES
from micronets.compiler.kernels.requantise import requant_bytes, requant_numbers, requantisation_of
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import DepthwiseConv2D
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.model import QuantizedModel

DEPTHWISE_LANES = "micronets_depthwise_lanes"
_CHANNELS = 8  # that are computed together


@dataclass(frozen=True)
class DepthwiseLanesKernel(Kernel):
    """A depthwise convolution that `suits`.

    Windows that reach over the edge of the map are copied to scratch memory, padding included.
    """

    layer: DepthwiseConv2D

    @property
    def scratch_bytes(self) -> int:
        """Bytes of a window."""
        return align(math.prod(self.layer.kernel) * self.step.output_shape[2], 4)

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite input that no later window reads, nor a later channel of its own window."""
        return window_overlap(self.step, self.layer.window, by_channel=True)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        channels, taps = self.step.output_shape[2], math.prod(self.layer.kernel)
        constants = taps * channels + requant_bytes(channels, channels) + WINDOWED_BYTES
        return FlashOutline(constants, runner_of(DEPTHWISE_LANES), (DEPTHWISE_LANES,))

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel."""
        layer, weights = self.layer, model.weights[self.layer.name].weights
        rows = np.reshape(weights[0].transpose(2, 0, 1), (weights.shape[3], -1))
        numbers = requant_numbers(model, layer, rows, per_channel=True).of(in_lanes(len(rows)))
        requant = requantisation_of(place, numbers)
        call = Call.of(
            DEPTHWISE_LANES,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=place.table("int8_t", "weights", in_eights(rows)),
            scratch=place.scratch(layer.name),
            window=window_struct(self.step, place, layer.window, pad_value=model.quant[layer.inputs[0]].zero_point),
            requant=requant.struct,
        )
        return LayerCode(call, (DEPTHWISE_LANES,))


def suits(step: Step, layer: DepthwiseConv2D) -> bool:
    """Returns whether the kernel computes a layer, and in fewer instructions than those for the DSP extension.

    - step: the step of the layer. With 8 channels, setting out costs more than is saved.
    - layer: the layer.
    """
    channels = step.output_shape[2]
    return layer.multiplier == 1 and layer.weight_bits == 8 and channels % _CHANNELS == 0 and channels > _CHANNELS


def in_eights(rows: IntArray) -> npt.NDArray[np.int8]:
    """Returns weights `[channels, taps]` in the order of micronets_depthwise_lanes.h: `[channels / 8, taps, 8]`."""
    return rows.reshape(-1, _CHANNELS, rows.shape[1]).transpose(0, 2, 1).astype(np.int8)


def in_lanes(channels: int) -> IntArray:
    """Returns the numbers of channels in the order of the tables: of each eight, the even ones, then the odd ones."""
    return np.arange(channels).reshape(-1, _CHANNELS // 2, 2).transpose(0, 2, 1).ravel()
