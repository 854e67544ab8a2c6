"""The operators of TFLM's signal library: samples of sound to bands without noise, in integers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from micronets.compiler.generate.ctext import as_words
from micronets.compiler.kernels.base import Arena, Call, LayerCode, Overlap, Place, Struct, WholeKernel
from micronets.frontend.micro_arithmetic import LOGARITHMS, turns
from micronets.ir import layers
from micronets.quantized.model import QuantizedModel
from micronets.quantized.signal import gain_parabolas

SMOOTHING = "micronets_smoothing"
_PREFIX = "micronets_signal_"


@dataclass(frozen=True)
class SignalKernel(WholeKernel):
    """An operator of the signal library."""

    layer: layers.Signal

    @property
    def overlap(self) -> Overlap:
        """The output may begin where the first input begins, if it is no larger and made value by value."""
        match self.layer:
            case layers.SignalRfft() | layers.SignalFilterBank():
                return Overlap(None)
            case (
                layers.SignalFftAutoScale()
                | layers.SignalFilterBankSpectralSubtraction()
                | layers.SignalWindow()
                | layers.SignalEnergy()
            ):
                return Overlap(None, same_start=True)
            case layers.SignalFilterBankSquareRoot() | layers.SignalFilterBankLog():
                return Overlap(0, inputs=(0,))
            case layers.SignalPcan():
                return Overlap(0)
            case _:
                assert_never(self.layer)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes, the tables and the numbers of the layer."""
        call = self._call(model, place)
        return LayerCode(call, (call.function,))

    def _call(self, model: QuantizedModel, place: Place) -> Call:
        layer, (x, *others) = self.layer, self.layer.inputs
        *rows, size = self.step.input_shapes[0]
        tables = [np.asarray(model.constants[name]) for name in others if name in model.constants]
        match layer:
            case layers.SignalWindow():
                return Call.of(
                    f"{_PREFIX}window",
                    input=place.pointer(x, "const int16_t"),
                    output=place.pointer(layer.name, "int16_t"),
                    window=place.table("int16_t", "window", tables[0]),
                    rows=math.prod(rows),
                    size=size,
                    shift=layer.shift,
                )
            case layers.SignalFftAutoScale():
                return Call.of(
                    f"{_PREFIX}scale",
                    input=place.pointer(x, "const int16_t"),
                    output=place.pointer(layer.name, "int16_t"),
                    bits=place.pointer(layer.bits, "int32_t"),
                    count=size,
                )
            case layers.SignalRfft():
                numbers = turns(layer.length // 2)
                return Call.of(
                    f"{_PREFIX}rfft",
                    input=place.pointer(x, "const int16_t"),
                    output=place.pointer(layer.name, "uint32_t"),
                    twiddles=place.table("uint32_t", "twiddles", as_words(numbers.twiddles)),
                    split=place.table("uint32_t", "split", as_words(numbers.split)),
                    rows=math.prod(rows),
                    size=size,
                    points=numbers.points,
                )
            case layers.SignalEnergy():
                return Call.of(
                    f"{_PREFIX}energy",
                    input=place.pointer(x, "const uint32_t"),
                    output=place.pointer(layer.name, "uint32_t"),
                    count=size // 2,
                    start=layer.start,
                    end=layer.end,
                )
            case layers.SignalFilterBank():
                names = ("rising", "falling", "starts", "weight_starts", "widths")
                return Call.of(
                    f"{_PREFIX}bands",
                    input=place.pointer(x, "const uint32_t"),
                    output=place.pointer(layer.name, "uint32_t"),
                    **{name: place.table("int16_t", name, table) for name, table in zip(names, tables, strict=True)},
                    bands=self.step.output_shape[0],
                )
            case layers.SignalFilterBankSquareRoot():
                return Call.of(
                    f"{_PREFIX}roots",
                    input=place.pointer(x, "const uint32_t"),
                    bits=place.pointer(others[0], "const int32_t"),
                    output=place.pointer(layer.name, "uint32_t"),
                    count=size,
                )
            case layers.SignalPcan():
                return Call.of(
                    f"{_PREFIX}gain",
                    input=place.pointer(x, "const uint32_t"),
                    noise=place.pointer(others[0], "const uint32_t"),
                    output=place.pointer(layer.name, "uint32_t"),
                    gains=place.table("int16_t", "gains", gain_parabolas(tables[0])),
                    shift=layer.snr_shift,
                    count=size,
                )
            case layers.SignalFilterBankLog():
                return Call.of(
                    f"{_PREFIX}log",
                    input=place.pointer(x, "const uint32_t"),
                    output=place.pointer(layer.name, "int16_t"),
                    logarithms=place.table("uint16_t", "logarithms", LOGARITHMS),
                    shift=layer.correction_bits,
                    scale=layer.scale,
                    count=size,
                )
            case layers.SignalFilterBankSpectralSubtraction():
                raise AssertionError("SignalNoiseKernel runs it")
            case _:
                assert_never(layer)


@dataclass(frozen=True)
class SignalNoiseKernel(SignalKernel):
    """Bands minus their noise; the layer keeps estimates of the noise.

    - offset: where the estimates begin in the state, in bytes.
    """

    layer: layers.SignalFilterBankSpectralSubtraction
    offset: int

    @property
    def uses_state(self) -> bool:
        """True: it keeps estimates."""
        return True

    def _call(self, model: QuantizedModel, place: Place) -> Call:
        layer = self.layer
        smoothing = Struct(
            SMOOTHING,
            (
                ("fresh", (layer.smoothing, layer.alternate_smoothing)),
                ("kept", (layer.one_minus_smoothing, layer.alternate_one_minus_smoothing)),
                ("least", layer.min_signal_remaining),
                ("estimate_bits", layer.smoothing_bits),
                ("share_bits", layer.subtraction_bits),
                ("clamps", int(layer.clamping)),
            ),
        )
        return Call.of(
            f"{_PREFIX}subtract",
            input=place.pointer(layer.inputs[0], "const uint32_t"),
            output=place.pointer(layer.name, "uint32_t"),
            noise=place.pointer(layer.noise, "uint32_t"),
            arena=Arena(),
            offset=self.offset,
            smoothing=smoothing,
            count=self.step.output_shape[0],
        )
