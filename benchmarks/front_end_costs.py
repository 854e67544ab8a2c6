"""Fits the cycles of a frame of a sound front end, and writes src/micronets/cost/front_end.toml.

    python -m benchmarks.front_end_costs

Random front ends are simulated on a Cortex-M4 without wait states. Cycles are fitted to two thirds of them by least
squares of the relative error; the last third tells the error.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

import micronets
from micronets.boards.board import load_board
from micronets.cost.front_end import frame_counts, table_bytes
from micronets.device.front_end import front_end_flash_bytes, simulate_frames
from micronets.frontend import PRESETS, FrontEnd
from micronets.frontend.spec import INTEGER_FFT
from micronets.quantized.model import TensorQuant

BOARD = "NUCLEO-F446RE"
FITTED, HELD_OUT, BUILT = 30, 15, 6


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


def main() -> None:
    """Simulates, fits and writes."""
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
    names = frame_counts(chosen[0])
    lines = [
        "# What sound front ends cost in integers; read by front_end.py. By `python -m benchmarks.front_end_costs`.",
        f"code_bytes = {max(code)}",
        f"mean_error = {error.mean():.4f}",
        f"worst_error = {error.max():.4f}",
        f'source = "{FITTED} front ends simulated on a Cortex-M4 without wait states, {HELD_OUT} more held out, '
        f'{date.today().isoformat()}"',
        "",
        "[cycles]",
        *(f"{name} = {value:.3f}" for name, value in zip(names, fitted, strict=True)),
    ]
    (Path(micronets.__file__).parent / "cost/front_end.toml").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


def _fit(x: np.ndarray) -> np.ndarray:
    """Returns coefficients, none below 0, with which `x @ coefficients` is near 1: by leaving out what is below 0."""
    used = np.arange(x.shape[1])
    while True:
        some = np.linalg.lstsq(x[:, used], np.ones(len(x)), rcond=None)[0]
        if (some >= 0).all():
            break
        used = np.delete(used, some.argmin())
    found = np.zeros(x.shape[1])
    found[used] = some
    return found


if __name__ == "__main__":
    main()
