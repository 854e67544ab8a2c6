"""Fits the cycles of a frame of a front end, and writes src/micronets/cost/front_end.toml.

    python -m benchmarks.front_end_costs [sound] [spectral] [array] [picture] [micro]

Random front ends are simulated on a Cortex-M4 without wait states. Cycles are fitted to two thirds of them by least
squares of the relative error; the last third tells the error. Those of the transform are fitted to front ends of sound,
and those of a sensor, which has the same transform, build on them. TFLM's own front end has no parameters: its cycles
are the mean of several sounds. With names of kinds, these are written and the others stay.
"""

from __future__ import annotations

import json
import math
import random
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

import micronets
from micronets.boards.board import load_board
from micronets.cost.front_end import (
    array_counts,
    array_table_bytes,
    frame_counts,
    micro_table_bytes,
    picture_counts,
    picture_table_bytes,
    spectral_counts,
    spectral_table_bytes,
    table_bytes,
)
from micronets.device.front_end import front_end_flash_bytes, simulate_frames, simulate_noise
from micronets.frontend import PRESETS, FrontEnd
from micronets.frontend.image import FILTERS, FITS, ImageFrontEnd
from micronets.frontend.micro import BANDS, FRAME, Micro
from micronets.frontend.spec import INTEGER_FFT
from micronets.frontend.spectral import MOMENTS, TRANSFORMS, Spectral, SpectralSettings
from micronets.frontend.standard import Standard
from micronets.quantized.model import TensorQuant

BOARD = "NUCLEO-F446RE"
BUILT = 6
"""How many front ends of a kind are built without their front end, too, to know the bytes of their code."""

MICRO_FRAMES = 12
FILE = Path(micronets.__file__).parent / "cost/front_end.toml"


def drawn(rng: random.Random) -> FrontEnd:
    """Draws a front end."""
    n_fft = rng.choice(INTEGER_FFT)
    window = rng.randint(n_fft // 3, n_fft)
    fe = FrontEnd(
        n_fft=n_fft,
        window_ms=window / 16,
        clip_ms=1000,
        n_mels=rng.randint(8, 80),
        fmin=rng.choice((0, 20, 125)),
        fmax=rng.choice((4000, 7600, 8000)),
        power=rng.choice((2, 2, 1)),
    )
    match rng.choice(("pixels", "pixels", "coefficients", "logarithms")):
        case "pixels":
            return fe
        case "coefficients":
            return fe.with_settings({"coefficients": rng.randint(4, min(20, fe.n_mels))})
        case _:
            count = rng.randint(4, min(20, fe.n_mels))
            return replace(fe, kind="mfcc", coefficients=count, input_mean=(0.0,), input_scale=(1.0,))


def drawn_spectral(rng: random.Random) -> Spectral:
    """Draws a front end of a sensor."""
    n_fft = rng.choice(TRANSFORMS[:6])
    settings = SpectralSettings(
        n_fft=n_fft,
        frame=rng.randint(n_fft // 3, n_fft),
        bands=rng.randint(1, min(24, n_fft // 2)),
        moments=tuple(name for name in MOMENTS if rng.random() < 0.7),
    )
    axes = rng.choice((1, 3, 6))
    count = settings.values * axes
    return Spectral(
        settings=settings,
        samples=settings.frame,
        axes=axes,
        units=(1.0,) * axes,
        mean=(8.0,) * count,
        scale=(4.0,) * count,
    )


def drawn_array(rng: random.Random) -> Standard:
    """Draws a front end of arrays."""
    shape = tuple(rng.randint(1, 60) for _ in range(rng.randint(1, 2)))
    count = shape[-1]
    mean = tuple(rng.uniform(-2, 2) for _ in range(count))
    return Standard(shape, mean, tuple(rng.uniform(0.5, 3) for _ in range(count)))


def drawn_picture(rng: random.Random) -> ImageFrontEnd:
    """Draws a front end of images with a camera."""
    width, height = rng.choice(((160, 120), (320, 240), (96, 96), (324, 244), (128, 160), (64, 48)))
    return ImageFrontEnd(
        resolution=rng.choice((24, 32, 48, 64, 80, 96)),
        colour=rng.choice((1, 3)),
        fit=rng.choice(FITS),
        filter=rng.choice(tuple(FILTERS)),
        camera=f"{width}x{height}:{rng.choice(('rgb888', 'rgb565', 'yuv422', 'gray'))}",
    )


@dataclass(frozen=True)
class Kind:
    """A kind of front ends whose cycles are fitted.

    - drawn: draws a front end.
    - counts: how often a frame does what takes its time, by name.
    - table_bytes: bytes of its tables.
    - first: front ends that are fitted besides those that are drawn.
    - scale: of the network's input.
    - fitted, held_out: how many front ends the cycles are fitted to, and how many tell the error.
    """

    drawn: Callable[[random.Random], Any]
    counts: Callable[[Any], dict[str, int]]
    table_bytes: Callable[[Any], int]
    scale: Callable[[Any], float]
    first: Sequence[Any] = ()
    fitted: int = 30
    held_out: int = 15


KINDS: Mapping[str, Kind] = {
    "sound": Kind(
        drawn,
        frame_counts,
        table_bytes,
        lambda fe: 0.58 if fe.kind == "mfcc" else 0.03 if fe.coefficients else 1 / 64,
        tuple(PRESETS.values()),
    ),
    "spectral": Kind(drawn_spectral, spectral_counts, spectral_table_bytes, lambda fe: 1 / 32, fitted=12, held_out=6),
    "array": Kind(
        drawn_array,
        lambda fe: array_counts(math.prod(fe.shape)),
        array_table_bytes,
        lambda fe: 1 / 32,
        fitted=6,
        held_out=3,
    ),
    "picture": Kind(drawn_picture, picture_counts, picture_table_bytes, lambda fe: 1 / 128, fitted=48),
}


def fitted(name: str, known: Mapping[str, float]) -> list[str]:
    """Simulates and fits a kind of front ends, and returns lines of the file.

    - name: the kind.
    - known: cycles that are not fitted but taken as they are, by name.
    """
    kind, board, rng = KINDS[name], load_board(BOARD), random.Random(1)
    count = kind.fitted + kind.held_out
    chosen = [*kind.first, *(kind.drawn(rng) for _ in range(count - len(kind.first)))]
    counts = [kind.counts(fe) for fe in chosen]
    names = [n for n in counts[0] if n not in known]
    cycles, code = [], []
    for number, fe in enumerate(chosen):
        quant = TensorQuant(kind.scale(fe), 0)
        run = simulate_noise(fe, quant, board)
        assert run.core_cycles is not None
        cycles.append(run.core_cycles)
        if number < BUILT:
            code.append(front_end_flash_bytes(fe, quant, board) - kind.table_bytes(fe))
        print(name, number, fe.input_shape, run.core_cycles, code[-1], flush=True)
    x, y = np.array([[c[n] for n in names] for c in counts], float), np.array(cycles, float)
    shared = np.array([sum(known[n] * c[n] for n in c if n in known) for c in counts])
    share, rest = x / y[:, None], 1 - shared / y
    found = _fit(share[: kind.fitted], rest[: kind.fitted])
    error = np.abs(share[kind.fitted :] @ found - rest[kind.fitted :])
    told = f"{kind.fitted} front ends simulated on a Cortex-M4 without wait states, {kind.held_out} more held out"
    return _lines(name, max(code), error, told, dict(zip(names, found, strict=True)))


def micro() -> list[str]:
    """Simulates TFLM's own front end on frames of noise from soft to loud, and returns lines of the file."""
    board, noise, quant = load_board(BOARD), np.random.default_rng(0), TensorQuant(26 / 255, -128)
    cycles = []
    for level in np.geomspace(3, 10_000, MICRO_FRAMES):
        samples = np.clip(np.rint(noise.normal(0, level, (1, FRAME))), -32768, 32767).astype(np.int16)
        run = simulate_frames(Micro(), quant, board, samples, np.zeros((1, 2 * BANDS), np.int64))
        assert run.core_cycles is not None
        cycles.append(run.core_cycles)
        print("micro", f"{level:.0f}", run.core_cycles, flush=True)
    mean = float(np.mean(cycles))
    told = (
        f"{len(cycles)} frames simulated on a Cortex-M4 without wait states, {min(cycles):,} to {max(cycles):,} cycles"
    )
    code = front_end_flash_bytes(Micro(), quant, board) - micro_table_bytes()
    return _lines("micro", code, np.abs(np.array(cycles) / mean - 1), told, {"frame": mean})


def _lines(name: str, code_bytes: int, error: np.ndarray, told: str, cycles: Mapping[str, float]) -> list[str]:
    """Returns the lines of the file for a kind of front ends."""
    return [
        f"[{name}]",
        f"code_bytes = {code_bytes}",
        f"mean_error = {error.mean():.4f}",
        f"worst_error = {error.max():.4f}",
        f'source = "{told}, {date.today().isoformat()}"',
        "",
        f"[{name}.cycles]",
        *(f"{what} = {value:.3f}" for what, value in cycles.items()),
    ]


def _kept(name: str, raw: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the file for a kind of front ends as they are there."""
    numbers = [f"{key} = {json.dumps(value)}" for key, value in raw.items() if key != "cycles"]
    return [f"[{name}]", *numbers, "", f"[{name}.cycles]", *(f"{k} = {v:.3f}" for k, v in raw["cycles"].items())]


def main() -> None:
    """Simulates, fits and writes."""
    kinds = (*KINDS, "micro")
    which = sys.argv[1:] or kinds
    there = tomllib.loads(FILE.read_text("utf-8"))
    parts: dict[str, list[str]] = {}
    for name in kinds:
        if name not in which and name in there:
            parts[name] = _kept(name, there[name])
        elif name == "micro":
            parts[name] = micro()
        else:
            shared = tomllib.loads("\n".join(parts["sound"]))["sound"]["cycles"] if name == "spectral" else {}
            parts[name] = fitted(name, shared)
    head = "# What front ends cost in integers; read by front_end.py. By `python -m benchmarks.front_end_costs`."
    text = "\n\n".join([head, *("\n".join(part) for part in parts.values())]) + "\n"
    FILE.write_text(text, "utf-8")
    print(text)


def _fit(x: np.ndarray, want: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns coefficients, none below 0, with which `x @ coefficients` is near `want`, by leaving out what is below
    0.
    """
    used = np.arange(x.shape[1])
    while True:
        some = np.linalg.lstsq(x[:, used], np.broadcast_to(want, len(x)), rcond=None)[0]
        if (some >= 0).all():
            break
        used = np.delete(used, some.argmin())
    found = np.zeros(x.shape[1])
    found[used] = some
    return found


if __name__ == "__main__":
    main()
