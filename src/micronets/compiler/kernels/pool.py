"""Pooling: the mean or the maximum of a window, and the mean of a whole map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import AddressOf, Call, Kernel, LayerCode, Overlap, Place, RowReach
from micronets.compiler.kernels.requantise import SUM_LIMIT, requantisation_of
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.ir.layers import AveragePool2D, MaxPool2D, Mean
from micronets.ir.types import code_range
from micronets.quantized.arithmetic import activation_range, mean_rescale
from micronets.quantized.model import QuantizedModel

AVERAGE_POOL = "micronets_average_pool"
MAX_POOL = "micronets_max_pool"
MEAN = "micronets_mean"


@dataclass(frozen=True)
class PoolKernel(Kernel):
    """An average or maximum over windows."""

    layer: AveragePool2D | MaxPool2D

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite input that no later window reads."""
        layer = self.layer
        return window_overlap(self.step, layer.window, by_channel=True)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the window and the clamp."""
        layer = self.layer
        function = AVERAGE_POOL if isinstance(layer, AveragePool2D) else MAX_POOL
        window = place.constant("window", window_struct(self.step, place, layer.window))
        low, high = activation_range(layer.activation, model.quant[layer.name], self.step.output_type)
        ends = place.pointer(layer.inputs[0]), place.pointer(layer.name)
        return LayerCode((window,), Call(function, (*ends, AddressOf(window), low, high)), (function,))


@dataclass(frozen=True)
class MeanKernel(Kernel):
    """The mean of each channel over all pixels."""

    layer: Mean

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input: a channel's mean is written when all its values have been read."""
        return Overlap(0)

    @property
    def row_reach(self) -> None:
        """None, since every output value needs the whole input."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the number of pixels and the requantisation of their sum."""
        layer, (h, w, channels) = self.layer, self.step.input_shapes[0]
        source, target = model.quant[layer.inputs[0]], model.quant[layer.name]
        multiplier, shift = mean_rescale(h * w, source, target)
        bias = np.array([-source.zero_point * h * w], np.int32)
        limits = code_range(self.step.output_type)
        requant = requantisation_of(place, bias, np.array([multiplier]), np.array([shift]), limits, target, SUM_LIMIT)
        scales = place.constant("requant", requant.struct)
        ends = place.pointer(layer.inputs[0]), place.pointer(layer.name)
        return LayerCode((*requant.tables, scales), Call(MEAN, (*ends, h * w, channels, AddressOf(scales))), (MEAN,))
