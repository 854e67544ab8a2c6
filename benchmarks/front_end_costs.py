"""Fits the cycles of a frame of a front end, and writes src/micronets/cost/front_end.toml.

    python -m benchmarks.front_end_costs [sound | spectral | micro]

Random front ends are simulated on a Cortex-M4 without wait states. Cycles are fitted to two thirds of them by least
squares of the relative error; the last third tells the error. Those of the transform are fitted to front ends of sound,
and those of a sensor, which has the same transform, build on them. TFLM's own front end has no parameters: its cycles
are the mean of several sounds. Named by itself, one part is written and the others stay.
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

import micronets
from micronets.boards.board import load_board
from micronets.cost.front_end import (
    frame_counts,
    micro_table_bytes,
    spectral_counts,
    spectral_table_bytes,
    table_bytes,
)
from micronets.device.front_end import front_end_flash_bytes, simulate_frames
from micronets.frontend import PRESETS, FrontEnd
from micronets.frontend.micro import BANDS, FRAME, Micro
from micronets.frontend.spec import INTEGER_FFT
from micronets.frontend.spectral import MOMENTS, TRANSFORMS, Spectral, SpectralSettings
from micronets.quantized.model import TensorQuant

BOARD = "NUCLEO-F446RE"
FITTED, HELD_OUT, BUILT = 30, 15, 6
SENSORS_FITTED, SENSORS_HELD_OUT = 12, 6
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


def sound() -> list[str]:
    """Simulates and fits front ends of sound, and returns lines of the file."""
    board, rng, noise = load_board(BOARD), random.Random(1), np.random.default_rng(0)
    chosen = [*PRESETS.values(), *(drawn(rng) for _ in range(FITTED + HELD_OUT - len(PRESETS)))]
    rows, cycles, code = [], [], []
    for number, fe in enumerate(chosen):
        quant = TensorQuant(0.58 if fe.kind == "mfcc" else 0.03 if fe.coefficients else 1 / 64, 0)
        samples = noise.normal(0, 2000, (1, fe.window_samples)).astype(np.int16)
        run = simulate_frames(fe, quant, board, samples, samples.max(1))
        assert run.core_cycles is not None
        rows.append([*frame_counts(fe).values()])
        cycles.append(run.core_cycles)
        if number < BUILT:
            code.append(front_end_flash_bytes(fe, quant, board) - table_bytes(fe))
        print(number, fe.n_fft, fe.window_samples, fe.n_mels, run.core_cycles, code[-1], flush=True)
    x, y = np.array(rows, float), np.array(cycles, float)
    fitted = _fit(x[:FITTED] / y[:FITTED, None])
    error = np.abs(x[FITTED:] @ fitted / y[FITTED:] - 1)
    return _part("", max(code), error, fitted, list(frame_counts(chosen[0])))


def spectral(cycles_of: Mapping[str, float]) -> list[str]:
    """Simulates and fits front ends of a sensor, and returns lines of the file.

    - cycles_of: the cycles of what they share with those of sound.
    """
    board, rng, noise = load_board(BOARD), random.Random(2), np.random.default_rng(0)
    rows, cycles, shared, code = [], [], [], []
    names: list[str] = []
    for number in range(SENSORS_FITTED + SENSORS_HELD_OUT):
        fe = drawn_spectral(rng)
        quant = TensorQuant(1 / 32, 0)
        samples = noise.normal(0, 2000, (1, *fe.shape)).astype(np.int16)
        run = simulate_frames(fe, quant, board, samples, np.ones(1))
        assert run.core_cycles is not None
        counts = spectral_counts(fe)
        names = [name for name in counts if name not in cycles_of]
        rows.append([counts[name] for name in names])
        shared.append(sum(cycles_of[name] * count for name, count in counts.items() if name in cycles_of))
        cycles.append(run.core_cycles)
        if number < BUILT:
            code.append(front_end_flash_bytes(fe, quant, board) - spectral_table_bytes(fe))
        print(number, fe.input_shape, fe.settings.n_fft, run.core_cycles, code[-1], flush=True)
    x, y, known = np.array(rows, float), np.array(cycles, float), np.array(shared)
    share, rest = x / y[:, None], 1 - known / y
    fitted = _fit(share[:SENSORS_FITTED], rest[:SENSORS_FITTED])
    error = np.abs(share[SENSORS_FITTED:] @ fitted - rest[SENSORS_FITTED:])
    return _part("spectral_", max(code), error, fitted, names)


def micro() -> list[str]:
    """Simulates TFLM's own front end on frames of noise from soft to loud, and returns lines of the file."""
    board, noise, quant = load_board(BOARD), np.random.default_rng(0), TensorQuant(26 / 255, -128)
    cycles = []
    for level in np.geomspace(3, 10_000, MICRO_FRAMES):
        samples = np.clip(np.rint(noise.normal(0, level, (1, FRAME))), -32768, 32767).astype(np.int16)
        run = simulate_frames(Micro(), quant, board, samples, np.zeros((1, 2 * BANDS), np.int64))
        assert run.core_cycles is not None
        cycles.append(run.core_cycles)
        print(f"{level:.0f}", run.core_cycles, flush=True)
    return [
        f"micro_cycles = {np.mean(cycles):.0f}",
        f"micro_code_bytes = {front_end_flash_bytes(Micro(), quant, board) - micro_table_bytes()}",
        f'micro_source = "{len(cycles)} frames simulated on a Cortex-M4 without wait states, {min(cycles):,} to '
        f'{max(cycles):,} cycles, {date.today().isoformat()}"',
    ]


def _kept_micro() -> list[str]:
    """Returns the lines of the file for TFLM's own front end as they are there."""
    raw = tomllib.loads(FILE.read_text("utf-8"))
    return [f"micro_{name} = {json.dumps(raw[f'micro_{name}'])}" for name in ("cycles", "code_bytes", "source")]


def _part(prefix: str, code_bytes: int, error: np.ndarray, fitted: np.ndarray, names: Sequence[str]) -> list[str]:
    """Returns the lines of the file for a kind of front ends: single numbers, an empty line, and a table of cycles."""
    count = FITTED + HELD_OUT if prefix == "" else SENSORS_FITTED + SENSORS_HELD_OUT
    return [
        f"{prefix}code_bytes = {code_bytes}",
        f"{prefix}mean_error = {error.mean():.4f}",
        f"{prefix}worst_error = {error.max():.4f}",
        f'{prefix}source = "{count - len(error)} front ends simulated on a Cortex-M4 without wait states, {len(error)} '
        f'more held out, {date.today().isoformat()}"',
        "",
        f"[{prefix}cycles]",
        *(f"{name} = {value:.3f}" for name, value in zip(names, fitted, strict=True)),
    ]


def _kept(prefix: str) -> list[str]:
    """Returns the lines of the file for a kind of front ends as they are there."""
    raw = tomllib.loads(FILE.read_text("utf-8"))
    numbers = [f"{prefix}{name}" for name in ("code_bytes", "mean_error", "worst_error", "source")]
    lines = [f"{name} = {json.dumps(raw[name])}" for name in numbers]
    cycles = raw[f"{prefix}cycles"]
    return [*lines, "", f"[{prefix}cycles]", *(f"{name} = {value:.3f}" for name, value in cycles.items())]


def main() -> None:
    """Simulates, fits and writes."""
    which = sys.argv[1:] or ["sound", "spectral", "micro"]
    of_sound = sound() if "sound" in which else _kept("")
    shared = tomllib.loads("\n".join(of_sound))["cycles"]
    of_sensors = spectral(shared) if "spectral" in which else _kept("spectral_")
    (one, first), (two, second) = ((part[: part.index("")], part[part.index("") :]) for part in (of_sound, of_sensors))
    head = "# What front ends cost in integers; read by front_end.py. By `python -m benchmarks.front_end_costs`."
    three = micro() if "micro" in which else _kept_micro()
    text = "\n".join([head, *one, *two, *three, *first, *second]) + "\n"
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
