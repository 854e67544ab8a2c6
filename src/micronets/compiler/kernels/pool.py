"""Pooling: the average or the maximum of each channel in a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, Kernel, LayerCode, Overlap, Place, RowReach
from micronets.compiler.kernels.goal import CYCLES_A_BYTE, Goal
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.ir.arch import Step
from micronets.ir.layers import AveragePool2D, MaxPool2D
from micronets.quantized.arithmetic import activation_range
from micronets.quantized.model import QuantizedModel

AVERAGE_POOL = "micronets_average_pool"
AVERAGE_MAP = "micronets_average_map"
MAX_POOL = "micronets_max_pool"

_MAP_CYCLES_A_VALUE = 4  # how many more the kernel of whole maps takes than that of windows
_MAP_SAVED_BYTES = 480  # how much less flash it takes
_MAP_SLOWER = 0.001  # share of a network's cycles that it may cost where flash decides


def averages_whole_map(step: Step) -> bool:
    """Returns whether a step of codes of 8 bits is one average over the whole map."""
    layer = step.layer
    if not isinstance(layer, AveragePool2D) or step.output_shape[:2] != (1, 1) or step.input_types[0] == "int16":
        return False
    size, before = step.input_shapes[0][:2], layer.window.before(step.input_shapes[0])
    return all(layer.pool[axis] - before[axis] >= size[axis] for axis in (0, 1))


def share_average_maps(steps: Sequence[Step], network_cycles: float, goal: Goal) -> bool:
    """Returns whether averages of a network are computed by the small kernel, which takes whole maps alone.

    - steps: the layers of the network.
    - network_cycles: how many cycles it takes, about.
    - goal: what kernels are chosen for. For memory the kernel may cost a thousandth of the cycles.
    """
    pools = [step for step in steps if isinstance(step.layer, AveragePool2D)]
    cycles = _MAP_CYCLES_A_VALUE * sum(math.prod(step.input_shapes[0]) for step in pools)
    allowed = min(CYCLES_A_BYTE[goal] * _MAP_SAVED_BYTES, _MAP_SLOWER * network_cycles)
    return cycles <= allowed and all(map(averages_whole_map, pools))


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
        low, high = activation_range(layer.activation, model.quant[layer.name], self.step.output_type)
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            window=window_struct(self.step, place, layer.window),
            lowest=low,
            highest=high,
        )
        return LayerCode(call, (function,))


@dataclass(frozen=True)
class AverageMapKernel(PoolKernel):
    """An average over the whole map, channel by channel, by little code."""

    def in_patches(self) -> PoolKernel:
        """Returns the kernel of windows, which computes a row of the output whatever rows are there."""
        return PoolKernel(self.step, self.layer)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the size of the map and the clamp."""
        layer, (height, width, channels) = self.layer, self.step.input_shapes[0]
        low, high = activation_range(layer.activation, model.quant[layer.name], self.step.output_type)
        call = Call.of(
            AVERAGE_MAP,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            pixels=height * width,
            channels=channels,
            lowest=low,
            highest=high,
        )
        return LayerCode(call, (AVERAGE_MAP,))
