"""The costs of an integer front end for audio, a sensor, arrays or a camera: cycles per frame, SRAM and flash.

The cycles of a frame are linear in counts of its C's operations (`frame_counts`, `spectral_counts`, `picture_counts`):
samples, butterflies of the transform, bins, bands and values, pixels and taps. front_end.toml has the cycles for one of
each, fitted to the simulation of a Cortex-M4 without wait states (`python -m benchmarks.front_end_costs`), and the
bytes of code. Every estimate, limit and search that includes a front end uses these costs; `micronets measure`
simulates it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import assert_never

from micronets.frontend.camera import PIXEL_BYTES, Camera
from micronets.frontend.counted import CountedFrontEnd, counted_front_end_of
from micronets.frontend.frames import CameraTables, camera_tables
from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.integer import sound_tables
from micronets.frontend.micro import BANDS, FRAME, RATE, WORDS, Micro, micro_tables
from micronets.frontend.spec import FrontEnd
from micronets.frontend.spectral import Spectral, spectral_tables
from micronets.frontend.standard import Standard
from micronets.number import Number

_RECORD_BYTES = 76
"""Bytes of the two records in flash that hold the addresses of the tables and the parameters."""

_SPECTRAL_RECORD_BYTES = 60
"""Bytes of the record of a spectral front end."""

_PICTURE_RECORD_BYTES = 72
"""Bytes of the record of a camera's front end."""


@dataclass(frozen=True)
class FrontEndCost:
    """The costs of the front end of a network.

    - frames: frames of one input of the network; 1 for an image, and for an array that is not a window of a sensor.
    - frames_a_second: frames per second of the signal; None if there is no such signal.
    - frame_cycles: cycles of a frame on a Cortex-M4 without wait states.
    - kept_bytes: bytes that must survive between frames: samples, and the codes of a whole input. For an image, those
      that must survive between rows: a row of the camera, and the rows that are being resized.
    - scratch_bytes: bytes of scratch memory for a frame. Our C uses the network's arena, which is then free.
    - flash_bytes: bytes of tables and code.
    """

    frames: int
    frames_a_second: float | None
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


def front_end_cost(fe: CountedFrontEnd, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of an integer front end.

    - fe: the front end; one of images has a camera.
    - frames: frames of the network's input; None for those of a whole clip or window.
    """
    match fe:
        case FrontEnd():
            return sound_cost(fe, frames)
        case Spectral():
            return spectral_cost(fe)
        case Micro():
            return micro_cost(fe, frames)
        case Standard():
            return array_cost(fe, frames)
        case ImageFrontEnd():
            return picture_cost(fe)
        case _:
            assert_never(fe)


def sound_cost(fe: FrontEnd, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of an integer audio front end; for the arguments see `front_end_cost`."""
    model = _models()["sound"]
    all_frames, values, _ = fe.input_shape
    frames = all_frames if frames is None else frames
    samples = fe.clip_samples if fe.sample_scale == "max" else fe.window_samples  # the loudest one must be known first
    return FrontEndCost(
        frames=frames,
        frames_a_second=fe.sample_rate / (fe.hop_samples * fe.frame_stride),
        frame_cycles=_cycles(frame_counts(fe), model.cycles),
        kept_bytes=(2 * samples + frames * values + 3) // 4 * 4,
        scratch_bytes=4 * (fe.n_fft + fe.n_mels),
        flash_bytes=table_bytes(fe) + model.code_bytes,
    )


def spectral_cost(fe: Spectral) -> FrontEndCost:
    """Returns the costs of a spectral front end."""
    models, settings = _models(), fe.settings
    cycles = {**models["sound"].cycles, **models["spectral"].cycles}
    return FrontEndCost(
        frames=fe.frames,
        frames_a_second=settings.sample_rate / settings.hop,
        frame_cycles=_cycles(spectral_counts(fe), cycles),
        kept_bytes=(2 * settings.frame * fe.axes + fe.frames * settings.values * fe.axes + 3) // 4 * 4,
        scratch_bytes=8 * settings.points,
        flash_bytes=spectral_table_bytes(fe) + models["spectral"].code_bytes,
    )


def micro_cost(fe: Micro, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of TFLM's own audio front end; for the arguments see `front_end_cost`."""
    model = _models()["micro"]
    frames = fe.frames if frames is None else frames
    return FrontEndCost(
        frames=frames,
        frames_a_second=RATE / fe.hop_samples,
        frame_cycles=model.cycles["frame"],
        kept_bytes=2 * FRAME + frames * BANDS + 4 * BANDS,
        scratch_bytes=4 * WORDS,
        flash_bytes=micro_table_bytes() + model.code_bytes,
    )


def array_cost(fe: Standard, frames: int | None = None) -> FrontEndCost:
    """Returns the costs of an array front end; for the arguments see `front_end_cost`.

    A window of a sensor whose rate is known is computed sample by sample; of another array the caller has all values.
    """
    model, rate = _models()["array"], fe.sample_rate
    samples, axes = (1, math.prod(fe.shape)) if rate is None else fe.shape
    samples = samples if frames is None or rate is None else frames
    return FrontEndCost(
        frames=samples,
        frames_a_second=rate,
        frame_cycles=_cycles(array_counts(axes), model.cycles),
        kept_bytes=4 * axes + (0 if rate is None else (samples * axes + 3) // 4 * 4),
        scratch_bytes=0,
        flash_bytes=array_table_bytes(fe) + model.code_bytes,
    )


def picture_cost(fe: ImageFrontEnd) -> FrontEndCost:
    """Returns the costs of making an image from a frame of the camera, row by row."""
    model, (camera, table) = _models()["picture"], _resizing(fe)
    work = 2 * table.down.weights.shape[1] * (table.width * fe.colour + 1) + table.columns * fe.colour
    return FrontEndCost(
        frames=1,
        frames_a_second=None,
        frame_cycles=_cycles(picture_counts(fe), model.cycles),
        kept_bytes=(work + 3) // 4 * 4 + (camera.row_bytes + 3) // 4 * 4,
        scratch_bytes=0,
        flash_bytes=picture_table_bytes(fe) + model.code_bytes,
    )


def front_end_cost_of(text: str | None) -> FrontEndCost | None:
    """Returns the costs of the front end in a model's metadata; None where there is none, or none that is counted.

    - text: the value of `micronets.frontend`.
    """
    fe = counted_front_end_of(text)
    return None if fe is None else front_end_cost(fe)


def _cycles(counts: Mapping[str, int], cycles: Mapping[str, float]) -> float:
    """Returns the cycles of a frame, from how often it does what, and the cycles of each."""
    return sum(cycles[name] * count for name, count in counts.items())


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


def _resizing(fe: ImageFrontEnd) -> tuple[Camera, CameraTables]:
    """Returns the camera of a front end, and the weights that resize its frames; the codes of pixels mean nothing."""
    camera = Camera.parse(fe.camera)
    return camera, camera_tables(camera, fe, 1.0, 0)


def array_counts(values: int) -> dict[str, int]:
    """Returns how often so many values of an array take their time, by name: `frame` for all, and `value`."""
    return {"frame": 1, "value": values}


def array_table_bytes(fe: Standard) -> int:
    """Returns the bytes of the tables of a front end of arrays in flash: a factor and an offset for each place."""
    return 12 * fe.shape[-1]


def picture_counts(fe: ImageFrontEnd) -> dict[str, int]:
    """Returns how often a frame of the camera does what takes its time, by name.

    - row: a row of the frame. black: a value of the input that is filled in front of the first row, for black bars.
    - across_1, across_1_tap: a pixel of a resized row, and a pixel of the row that it is a sum over, in gray; across_3,
      across_3_tap: in colour. down, down_tap: a value of the input, and a value that it is a sum over.
    - passed: a row of the input that is looked at and not made, as it is made already.
    - a format of pixels and the number of channels: a pixel of the frame that is used.
    """
    camera, table = _resizing(fe)
    across, down = (taps.weights.shape[1] for taps in (table.across, table.down))
    row, resized, side = table.width * fe.colour, table.rows * table.width, fe.resolution
    made = table.down.start + down - 1
    pixels = {f"{name}_{colour}": 0 for name in PIXEL_BYTES if name != "rgb565le" for colour in (1, 3)}
    return {
        "row": camera.height,
        "black": side * side * fe.colour if min(table.width, table.height) < side else 0,
        **{f"across_{colour}": resized if colour == fe.colour else 0 for colour in (1, 3)},
        **{f"across_{colour}_tap": resized * across if colour == fe.colour else 0 for colour in (1, 3)},
        "down": table.height * row,
        "down_tap": table.height * row * down,
        "passed": int((table.rows - 1 - made).sum()),
        **pixels,
        f"{camera.pixels.removesuffix('le')}_{fe.colour}": table.rows * table.columns,
    }


def picture_table_bytes(fe: ImageFrontEnd) -> int:
    """Returns the bytes of the tables of a camera's front end in flash, and of the record that names them."""
    _, table = _resizing(fe)
    taps = (table.across, table.down)
    return sum(2 * t.start.size + 2 * t.weights.size for t in taps) + 256 + _PICTURE_RECORD_BYTES


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
class FittedCycles:
    """What front_end.toml has of a kind of front ends.

    - cycles: cycles on a Cortex-M4 without wait states for one of each of what is counted. Those of a transform are in
      "sound", for "spectral", too.
    - code_bytes: the most bytes of code, with the tables that all front ends of the kind share, of any that was built.
    - mean_error, worst_error: the mean and the largest relative error of the cycles of front ends that were not fitted;
      of TFLM's own, which has no parameters, how far the cycles of sounds are from their mean.
    - source: how the figures were obtained.
    """

    cycles: Mapping[str, float]
    code_bytes: int
    mean_error: float
    worst_error: float
    source: str


@lru_cache(maxsize=1)
def _models() -> dict[str, FittedCycles]:
    """Returns the figures of each kind: sound, spectral, micro, array and picture."""
    raw = tomllib.loads((files("micronets") / "cost/front_end.toml").read_text("utf-8"))
    return {kind: FittedCycles(**figures) for kind, figures in raw.items()}
