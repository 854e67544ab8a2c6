"""The costs of an integer front end for audio or a sensor: cycles per frame, SRAM and flash.

The cycles of a frame are linear in counts of its C's operations (`frame_counts`, `spectral_counts`): samples,
butterflies of the transform, bins, bands and values. front_end.toml has the cycles for one of each, fitted to the
simulation of a Cortex-M4 without wait states (`python -m benchmarks.front_end_costs`), and the bytes of code. Every
estimate, limit and search that includes a front end uses these costs; `micronets measure` simulates it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import assert_never

from micronets.errors import SpecError
from micronets.frontend.integer import sound_tables
from micronets.frontend.micro import BANDS, FRAME, RATE, WORDS, Micro, is_micro, micro_tables
from micronets.frontend.spec import INTEGER_FFT, FrontEnd
from micronets.frontend.spectral import Spectral, is_spectral, spectral_tables
from micronets.number import Number

_RECORD_BYTES = 76
"""Bytes of the two records in flash that hold the addresses of the tables and the parameters."""

_SPECTRAL_RECORD_BYTES = 60
"""Bytes of the record of a spectral front end."""


@dataclass(frozen=True)
class FrontEndCost:
    """The costs of the front end of a network.

    - frames: frames of one input of the network.
    - frames_a_second: frames per second of audio.
    - frame_cycles: cycles of a frame on a Cortex-M4 without wait states.
    - kept_bytes: bytes that must survive between frames: samples, and the codes of a whole input.
    - scratch_bytes: bytes of scratch memory for a frame. Our C uses the network's arena, which is then free.
    - flash_bytes: bytes of tables and code.
    """

    frames: int
    frames_a_second: float
    frame_cycles: float
    kept_bytes: int
    scratch_bytes: int
    flash_bytes: int

    @property
    def core_cycles(self) -> float:
        """Cycles of all frames of one input on a Cortex-M4 without wait states."""
        return self.frames * self.frame_cycles

    def sram_bytes(self, arena_bytes: Number = 0) -> Number:
        """Returns the bytes of SRAM needed in addition to an arena of this size that the front end may use."""
        return self.kept_bytes + max(self.scratch_bytes - arena_bytes, 0)


def front_end_cost(fe: FrontEnd | Spectral | Micro, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of an integer front end.

    - fe: the front end.
    - frames: frames of the network's input; None for those of a whole clip or window.
    """
    match fe:
        case FrontEnd():
            return sound_cost(fe, frames)
        case Spectral():
            return spectral_cost(fe)
        case Micro():
            return micro_cost(fe, frames)
        case _:
            assert_never(fe)


def sound_cost(fe: FrontEnd, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of an integer audio front end; for the arguments see `front_end_cost`."""
    model = _model()
    all_frames, values, _ = fe.input_shape
    frames = all_frames if frames is None else frames
    samples = fe.clip_samples if fe.sample_scale == "max" else fe.window_samples  # the loudest one must be known first
    return FrontEndCost(
        frames=frames,
        frames_a_second=fe.sample_rate / (fe.hop_samples * fe.frame_stride),
        frame_cycles=sum(model.cycles[name] * count for name, count in frame_counts(fe).items()),
        kept_bytes=(2 * samples + frames * values + 3) // 4 * 4,
        scratch_bytes=4 * (fe.n_fft + fe.n_mels),
        flash_bytes=table_bytes(fe) + model.code_bytes,
    )


def spectral_cost(fe: Spectral) -> FrontEndCost:
    """Returns the costs of a spectral front end."""
    model, settings = _model(), fe.settings
    cycles = {**model.cycles, **model.spectral_cycles}
    return FrontEndCost(
        frames=fe.frames,
        frames_a_second=settings.sample_rate / settings.hop,
        frame_cycles=sum(cycles[name] * count for name, count in spectral_counts(fe).items()),
        kept_bytes=(2 * settings.frame * fe.axes + fe.frames * settings.values * fe.axes + 3) // 4 * 4,
        scratch_bytes=8 * settings.points,
        flash_bytes=spectral_table_bytes(fe) + model.spectral_code_bytes,
    )


def micro_cost(fe: Micro, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of TFLM's own audio front end; for the arguments see `front_end_cost`."""
    model = _model()
    frames = fe.frames if frames is None else frames
    return FrontEndCost(
        frames=frames,
        frames_a_second=RATE / fe.hop_samples,
        frame_cycles=model.micro_cycles,
        kept_bytes=2 * FRAME + frames * BANDS + 4 * BANDS,
        scratch_bytes=4 * WORDS,
        flash_bytes=micro_table_bytes() + model.micro_code_bytes,
    )


def front_end_cost_of(text: str | None) -> FrontEndCost | None:
    """Returns the costs of the front end in a model's metadata; None if there is none, or it needs floats.

    - text: the value of `micronets.frontend`.
    """
    if is_spectral(text or ""):
        return spectral_cost(Spectral.from_json(text or "", "the front end"))
    if is_micro(text or ""):
        return micro_cost(Micro.from_json(text or "", "the front end"))
    try:
        fe = FrontEnd.from_json(text or "")
    except SpecError:  # a front end of images or windows, for which no C is generated
        return None
    return front_end_cost(fe) if fe.arithmetic == "integer" and fe.n_fft in INTEGER_FFT else None


def frame_counts(fe: FrontEnd) -> dict[str, int]:
    """Returns how often a frame executes each timed operation, by name.

    - frame: the frame itself. sample: a sample of the window. zero: a zero of the padding after them.
    - half: a butterfly of a first stage whose upper half is 0. butterfly: a radix-4 butterfly whose outputs are
        rotated. turn: its factors, loaded once for all blocks. last4, last2: butterflies of a last stage of radix 4 or
        2.
    - power, root: a bin whose power or magnitude is summed. band: a band. pixel: a pixel of a band.
    - value: a code from a table. product: a product of a cosine transform.
    """
    table = sound_tables(fe.base())
    bins = int(table.first_bin[-1] - table.first_bin[0])
    values = fe.input_shape[1]
    by_table = fe.kind == "logmel" and not fe.coefficients and len(fe.input_mean) == len(fe.input_scale) == 1
    return {
        "frame": 1,
        "sample": fe.window_samples,
        **_transform_counts(fe.window_samples, fe.n_fft // 2),
        "power": bins if fe.power == 2 else 0,
        "root": bins if fe.power == 1 else 0,
        "band": fe.n_mels,
        "pixel": fe.n_mels if fe.kind == "logmel" else 0,
        "value": values if by_table else 0,
        "product": 0 if by_table else values * fe.n_mels,
    }


def _transform_counts(samples: int, points: int) -> dict[str, int]:
    """Returns the counts, as in `frame_counts`, of a transform of this many samples with this many complex points."""
    first_half = samples <= points
    butterflies = turns = 0
    n = points // 4 if first_half else points
    while n > 4:
        butterflies += points // 4
        turns += n // 4
        n //= 4
    return {
        "zero": (points if first_half else 2 * points) - samples,
        "half": points // 4 if first_half else 0,
        "butterfly": butterflies,
        "turn": turns,
        "last4": points // 4 if n == 4 else 0,
        "last2": points // 2 if n == 2 else 0,
    }


def spectral_counts(fe: Spectral) -> dict[str, int]:
    """Returns how often a frame of a sensor executes each timed operation, by name.

    - axis: an axis. scaled: a sample of an axis. level: a logarithm, and its code. number: a code of a mean, a minimum
        or a maximum. The transform's counts are those of `frame_counts`, with the same cycles.
    """
    s = fe.settings
    bins = int(spectral_tables(s).first_bin[-1]) - 1
    levels = s.bands + ("deviation" in s.wanted)
    one = {
        "axis": 1,
        "scaled": s.frame,
        **_transform_counts(s.frame, s.points),
        "power": bins,
        "level": levels,
        "number": s.values - levels,
    }
    return {name: fe.axes * count for name, count in one.items()}


def spectral_table_bytes(fe: Spectral) -> int:
    """Returns the bytes of the tables of a spectral front end in flash: those of the transform, and 11 per value."""
    t = spectral_tables(fe.settings)
    transform = 2 * len(t.window) + 4 * len(t.twiddles) + 4 * len(t.split) + 2 * len(t.first_bin)
    return transform + 11 * fe.settings.values * fe.axes + _SPECTRAL_RECORD_BYTES


def micro_table_bytes() -> int:
    """Returns the bytes of the tables of TFLM's own audio front end in flash."""
    t = micro_tables()
    tables = (t.window, t.fall, t.gains, t.logarithms, t.turns.twiddles, t.turns.split)
    return 2 * sum(table.size for table in tables) + t.first_bin.size


def table_bytes(fe: FrontEnd) -> int:
    """Returns the bytes of the tables of a front end in flash."""
    t, counts = sound_tables(fe.base()), frame_counts(fe)
    values = fe.input_shape[1]
    tables = 2 * len(t.window) + 4 * len(t.twiddles) + 4 * len(t.split) + 2 * len(t.first_bin) + 2 * len(t.rise)
    return tables + (256 if counts["value"] else 2 * counts["product"] + 8 * values) + _RECORD_BYTES


@dataclass(frozen=True)
class FrontEndModel:
    """The contents of front_end.toml.

    - cycles: cycles for one of each of `frame_counts` on a Cortex-M4 without wait states.
    - code_bytes: the most bytes of code, including the table of logarithms, of any front end that was built.
    - mean_error, worst_error: the mean and the largest relative error of the cycles of held-out front ends.
    - source: how the figures were obtained.
    - spectral_...: the same for spectral front ends; cycles for the counts in `spectral_counts` but not in
        `frame_counts`.
    - micro_...: mean cycles of a frame of TFLM's own audio front end over several sounds, bytes of its code with its
        record, and how the figures were obtained.
    """

    cycles: Mapping[str, float]
    code_bytes: int
    mean_error: float
    worst_error: float
    source: str
    spectral_cycles: Mapping[str, float]
    spectral_code_bytes: int
    spectral_mean_error: float
    spectral_worst_error: float
    spectral_source: str
    micro_cycles: float
    micro_code_bytes: int
    micro_source: str


@lru_cache(maxsize=1)
def _model() -> FrontEndModel:
    return FrontEndModel(**tomllib.loads((files("micronets") / "cost/front_end.toml").read_text("utf-8")))
