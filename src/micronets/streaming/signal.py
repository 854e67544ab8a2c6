"""`Signal`: the properties of a stream that depend on its kind of front end, as one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, assert_never

import numpy as np
import numpy.typing as npt

from micronets.frontend import integer, micro
from micronets.frontend.micro import Micro, MicroState
from micronets.frontend.spec import FrontEnd
from micronets.frontend.spectral import Spectral, codes_of
from micronets.frontend.standard import Standard, array_tables, array_values, value_codes
from micronets.quantized.model import TensorQuant

Array = npt.NDArray[Any]

StreamFrontEnd = FrontEnd | Spectral | Micro | Standard
"""The front ends of streams: for sound, including TFLM's, and for a sensor with several axes."""

Coder = Callable[[Array], tuple[Array, Array]]
"""A function that makes codes int8 `[F, *frame_shape]` and sums of pixels `[F]` from frames `[F, frame_samples,
*sample_shape]`."""


@dataclass(frozen=True, eq=False)
class Signal:
    """An endless signal, as the front end of a network takes it: frame by frame.

    - front_end: the front end.
    - noun: the word for the signal in messages.
    - rate: samples a second.
    - sample_shape: the shape of a sample: () for sound, (axes,) for a sensor.
    - sample_bits: bits of a number of a sample in the C.
    - frame_samples: samples of a frame.
    - frame_hop: samples from the start of one frame that the network uses to that of the next.
    - frames: frames of a window, which an output of the network depends on.
    - window_samples: samples of a recording of the length on which the network was trained.
    - frame_shape: the shape of the codes of a frame, (values, channels).
    - pixels: the number of pixels of a frame that measure its loudness; 0 if loudness is not measured.
    - integers: rounds samples in the units of recordings to integers of `sample_bits` bits.
    - coder: begins a stream for a network input with a given scale and zero point. It returns a function that makes
      codes from the stream's frames of such integers, in order.
    """

    front_end: StreamFrontEnd
    noun: Literal["sound", "movement"]
    rate: float
    sample_shape: tuple[int, ...]
    frame_samples: int
    frame_hop: int
    frames: int
    window_samples: int
    frame_shape: tuple[int, int]
    pixels: int
    integers: Callable[[Array], Array]
    coder: Callable[[TensorQuant], Coder]
    sample_bits: Literal[16, 32] = 16

    @property
    def axes(self) -> int:
        """Numbers of a sample."""
        return self.sample_shape[0] if self.sample_shape else 1

    @property
    def frame_ms(self) -> float:
        """Milliseconds from one frame that the network uses to the next."""
        return 1000 * self.frame_hop / self.rate

    @property
    def millihertz(self) -> int:
        """Samples in 1,000 seconds, rounded."""
        return round(1000 * self.rate)

    def rows(self, samples: Array) -> Array:
        """Returns the complete frames `[F, frame_samples, *sample_shape]` in samples `[n, *sample_shape]`."""
        if len(samples) < self.frame_samples:
            return np.zeros((0, self.frame_samples, *self.sample_shape), samples.dtype)
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.frame_samples, axis=0)
        return np.moveaxis(windows, -1, 1)[:: self.frame_hop]


def signal_of(front_end: StreamFrontEnd) -> Signal:
    """Returns the signal that a front end takes."""
    match front_end:
        case FrontEnd():
            return _sound(front_end)
        case Spectral():
            return _movement(front_end)
        case Micro():
            return _micro(front_end)
        case Standard():
            return _arrays(front_end)
        case _:
            assert_never(front_end)


def _sound(fe: FrontEnd) -> Signal:
    every = replace(fe, frame_stride=1)

    def codes(quant: TensorQuant, rows: Array) -> tuple[Array, Array]:
        levels = np.maximum(integer.frame_levels(rows, fe), integer.sound_tables(fe.base()).least_level)
        pixels = integer.to_pixels(levels, fe)
        values = pixels if fe.kind == "logmel" else levels
        found = integer.codes(values[None], every, quant.scale, quant.zero_point)
        return found[0], pixels.astype(np.int64).sum(1)

    return Signal(
        front_end=fe,
        noun="sound",
        rate=fe.sample_rate,
        sample_shape=(),
        frame_samples=fe.window_samples,
        frame_hop=fe.hop_samples * fe.frame_stride,
        frames=fe.input_shape[0],
        window_samples=fe.clip_samples,
        frame_shape=fe.input_shape[1:],
        pixels=fe.n_mels,
        integers=integer.integer_samples,
        coder=lambda quant: partial(codes, quant),
    )


def _movement(fe: Spectral) -> Signal:
    settings = fe.settings
    one = replace(fe, samples=settings.frame)

    def codes(quant: TensorQuant, rows: Array) -> tuple[Array, Array]:
        return codes_of(rows, one, quant.scale, quant.zero_point)[:, 0], np.zeros(len(rows), np.int64)

    return Signal(
        front_end=fe,
        noun="movement",
        rate=settings.sample_rate,
        sample_shape=(fe.axes,),
        frame_samples=settings.frame,
        frame_hop=settings.hop,
        frames=fe.frames,
        window_samples=fe.samples,
        frame_shape=fe.input_shape[1:],
        pixels=0,
        integers=fe.steps,
        coder=lambda quant: partial(codes, quant),
    )


def _micro(fe: Micro) -> Signal:
    def coder(quant: TensorQuant) -> Coder:
        state = MicroState()

        def codes(rows: Array) -> tuple[Array, Array]:
            found = micro.codes(state.values(rows), quant.scale, quant.zero_point)
            return found[..., None], np.zeros(len(rows), np.int64)

        return codes

    return Signal(
        front_end=fe,
        noun="sound",
        rate=micro.RATE,
        sample_shape=(),
        frame_samples=micro.FRAME,
        frame_hop=fe.hop_samples,
        frames=fe.frames,
        window_samples=fe.samples,
        frame_shape=fe.input_shape[1:],
        pixels=0,
        integers=integer.integer_samples,
        coder=coder,
    )


def _arrays(fe: Standard) -> Signal:
    """Returns the signal of windows `[samples, axes]` whose values are standardised: each sample is a frame."""
    samples, axes = fe.shape
    assert fe.sample_rate is not None, "only windows with a known rate are followed"

    def coder(quant: TensorQuant) -> Coder:
        tables = array_tables(fe, quant.scale, quant.zero_point)
        assert tables is not None, "only front ends that 32 bits can hold are followed"

        def codes(rows: Array) -> tuple[Array, Array]:
            return value_codes(rows[:, 0], tables)[..., None], np.zeros(len(rows), np.int64)

        return codes

    return Signal(
        front_end=fe,
        noun="movement",
        rate=fe.sample_rate,
        sample_shape=(axes,),
        frame_samples=1,
        frame_hop=1,
        frames=samples,
        window_samples=samples,
        frame_shape=(axes, 1),
        pixels=0,
        integers=lambda x: array_values(x, fe),
        coder=coder,
        sample_bits=32,
    )
