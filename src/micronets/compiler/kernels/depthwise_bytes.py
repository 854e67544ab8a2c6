"""Depthwise convolutions on cores that multiply two numbers at a time: channel by channel, in bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from micronets.compiler.kernels.base import (
    Call,
    FlashOutline,
    LayerCode,
    Name,
    Place,
    Struct,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.depthwise import SCHEDULE, LinesKernel, filter_rows, line_window
from micronets.compiler.kernels.depthwise_schedule import (
    longer_lines,
)
from micronets.compiler.kernels.requantise import REQUANT, SINGLE_LIMIT, requant_bytes, requantisation
from micronets.compiler.kernels.window import WINDOW
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import DepthwiseConv2D
from micronets.quantized.arithmetic import activation_range
from micronets.quantized.model import QuantizedModel

DEPTHWISE_BYTES = "micronets_depthwise_bytes"
BYTES_ANY = "micronets_depthwise_bytes_any"
BYTES_3X3 = "micronets_depthwise_bytes_3x3"
"""The inner functions: for windows of any size, and for 3 x 3."""

_INNER = "micronets_depthwise_bytes_kernel"  # the type of the inner functions
_WORD = 4  # bytes of a weight in scratch memory


@dataclass(frozen=True)
class DepthwiseBytesKernel(LinesKernel):
    """The kernel for 8-bit weights that goes channel by channel, in bytes.

    Scratch memory holds the weights of a channel, a word each, and the lines of one channel under a pass, a byte for
    each value.
    """

    @property
    def scratch_bytes(self) -> int:
        """Bytes of a channel's weights, and of the lines under a pass."""
        s = self.schedule
        lines = (self.rows_per_pass - 1) * s.stride[0] + s.span
        return align(self._weights_bytes + s.bytes_pitch * lines, 4)

    @property
    def _weights_bytes(self) -> int:
        return _WORD * math.prod(self.schedule.kernel)

    def with_scratch(self, room: int) -> DepthwiseBytesKernel:
        """Returns the kernel with as many lines of output at a time as `room` bytes allow."""
        s = self.schedule
        lines = (room - self._weights_bytes) // s.bytes_pitch
        rows = 1 + (lines - s.span) // s.stride[0]
        return replace(self, rows_per_pass=max(s.least_rows_per_pass, min(s.out_size[0], rows)))

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        channels, taps = self.step.output_shape[2], math.prod(self.layer.kernel)
        constants = taps * channels + requant_bytes(channels, channels) + record_bytes(5, WINDOW, SCHEDULE, REQUANT)
        sources = (DEPTHWISE_BYTES, self._inner(packed=True))
        return FlashOutline(constants, runner_of(DEPTHWISE_BYTES), sources, -taps * channels % 4)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel with the inner function that computes its lines."""
        layer, s = self.layer, self.schedule
        rows = filter_rows(model.weights[layer.name].weights, s)
        requant = requantisation(model, layer, rows, place, packed_limit=SINGLE_LIMIT)
        inner = self._inner(requant.packed)
        limits = activation_range(layer.activation, model.quant[layer.name], self.step.output_type)
        schedule = Struct(
            SCHEDULE,
            (
                ("column_major", int(s.column_major)),
                ("multiplier", layer.multiplier),
                ("phases", s.phases),
                ("rows_per_pass", self.rows_per_pass),
                ("pitch", s.bytes_pitch),
                ("needs_clamp", int(limits != (-128, 127))),
                ("even_words", 0),
                ("odd_words", 0),
            ),
        )
        call = Call.of(
            DEPTHWISE_BYTES,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=place.table("int8_t", "weights", rows),
            scratch=place.scratch(layer.name, "void"),
            window=line_window(self.step, layer, s, model, place),
            schedule=schedule,
            requant=requant.struct,
            kernel=Name(inner, _INNER),
        )
        return LayerCode(call, (DEPTHWISE_BYTES, inner))

    def _inner(self, packed: bool) -> str:
        """Returns the inner function; packed: whether the tables of the requantisation are."""
        s = self.schedule
        return BYTES_3X3 if packed and s.kernel == (3, 3) and s.dilation[1] == 1 else BYTES_ANY


def depthwise_bytes_kernel(step: Step, layer: DepthwiseConv2D) -> DepthwiseBytesKernel:
    """Returns the kernel of a depthwise convolution with 8-bit weights."""
    return DepthwiseBytesKernel.of(step, layer, longer_lines(step))
