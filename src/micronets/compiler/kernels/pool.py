"""Pooling: the average or the maximum of each channel in a window."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, Kernel, LayerCode, Overlap, Place, RowReach
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.ir.layers import AveragePool2D, MaxPool2D
from micronets.quantized.arithmetic import activation_range
from micronets.quantized.model import QuantizedModel

AVERAGE_POOL = "micronets_average_pool"
MAX_POOL = "micronets_max_pool"


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
