"""Sound front ends in integers: how near they are to those in floats, and what a frame costs on a Cortex-M4.

    python -m benchmarks.front_ends [FOLDER_OF_RECORDINGS]

The cost is simulated (no wait states; the firmware holds the front end and little else). With recordings, pixels and
codes are compared with the arithmetic in floats.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from micronets.boards.board import load_board
from micronets.device.front_end import simulate_frames
from micronets.frontend import FrontEnd, features, integer, network_input, read_recording, resample
from micronets.frontend.features import to_clip_length
from micronets.quantized.model import TensorQuant
from tests.support.front_ends import CASES, clips

_MOST = 300  # recordings that are compared


def main(folder: str | None) -> None:
    """Prints the table, as Markdown."""
    board = load_board("NUCLEO-F446RE")
    found = sorted(Path(folder).rglob("*.wav")) if folder else []
    order = np.random.default_rng(0).permutation(len(found))[:_MOST]
    recordings = [read_recording(found[i]) for i in order]
    print("| front end | transform | bands | cycles a frame | flash | SRAM | codes equal | one off at most |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, (fe, quant) in CASES.items():
        samples = clips(fe)
        rows = samples[:3, : fe.window_samples]
        run = simulate_frames(fe, quant, board, rows, np.maximum(samples[:3].max(1), 1))
        sram = run.image.arena_bytes + run.stack_bytes
        near = [f"{100 * share:.2f} %" for share in _nearness(recordings, fe, quant)] if recordings else ["", ""]
        print(
            f"| {name} | {fe.n_fft} | {fe.n_mels} | {run.core_cycles:,} | {len(run.image.flash):,} | {sram:,} |"
            f" {near[0]} | {near[1]} |"
        )
    fast = [f"{_clips_a_second(FrontEnd(arithmetic=kind)):,.0f} in {kind}s" for kind in ("float", "integer")]
    print(f"\nClips of a second in numpy, each second of one core: {', '.join(fast)}.")
    print(f"\n{len(recordings)} recordings. {date.today().isoformat()}, `python -m benchmarks.front_ends`.")


def _clips_a_second(fe: FrontEnd) -> float:
    """Returns how many clips of noise become features in a second of the processor's time, in the best of 7 runs."""
    noise = np.random.default_rng(0).normal(0, 1000, (64, fe.clip_samples))
    best = math.inf
    for _ in range(7):
        begun = time.process_time()
        features(noise, fe)
        best = min(best, time.process_time() - begun)
    return len(noise) / best


def _nearness(recordings: list, fe: FrontEnd, quant: TensorQuant) -> tuple[float, float]:
    """Returns the shares of codes that are those of floats, and that are at most one off."""
    sounds = [resample(r.samples, r.rate, fe.sample_rate) for r in recordings]
    real = network_input(features(sounds, replace(fe, arithmetic="float")), fe)[..., 0]
    want = np.clip(np.rint(real / np.float32(quant.scale)) + quant.zero_point, -128, 127)
    samples = integer.integer_samples([to_clip_length(s, fe) for s in sounds])
    level = integer.levels(samples, fe)
    values = integer.to_pixels(level, fe) if fe.kind == "logmel" else level
    difference = np.abs(integer.codes(values, fe, quant.scale, quant.zero_point)[..., 0] - want)
    return float((difference == 0).mean()), float((difference <= 1).mean())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
