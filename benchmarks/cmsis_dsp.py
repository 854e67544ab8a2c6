"""CMSIS-DSP's front end for sound in 16 bits, simulated beside ours: cycles of a frame, flash, SRAM, and its error.

    python -m benchmarks.cmsis_dsp DSP CORE

DSP is the unpacked source of CMSIS-DSP, with the folders Include, PrivateInclude and Source (that of the package
`cmsisdsp` has them: `pip download --no-deps --no-binary :all: cmsisdsp`); CORE is the folder CMSIS/Core/Include of
CMSIS 5 or 6, which has cmsis_compiler.h. The function is `arm_mfcc_q15`: window, transform, magnitudes, mel bands,
logarithm and cosine transform. Ours with the same steps and sizes stands beside it. Writes a section of
docs/front-ends.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.tables import replace_section
from micronets.boards.board import Board, load_board
from micronets.compiler.generate import ctext
from micronets.device.cross_compiler import build_firmware
from micronets.device.front_end import simulate_frames
from micronets.device.sim.machine import Simulation, simulate
from micronets.frontend import FrontEnd
from micronets.frontend.mel import dct_matrix, hann, mel_matrix
from micronets.quantized.model import TensorQuant

Floats = npt.NDArray[np.float64]

BOARD = "NUCLEO-F446RE"
PAGE = Path(__file__).parents[1] / "docs" / "front-ends.md"
COEFFICIENTS = 10
MOST_ERROR = 0.5
LEVELS = (30.0, 300.0, 3000.0)
"""Effective values of noise and of the tone in it, in steps of 16 bits, of each frame."""

_FUNCTIONS = {
    "BasicMathFunctions": (
        *("abs_q15", "shift_q15", "scale_q15", "mult_q15", "dot_prod_q15", "scale_q31", "offset_q31", "shift_q31"),
    ),
    "CommonTables": ("common_tables", "const_structs"),
    "ComplexMathFunctions": ("cmplx_mag_q15",),
    "FastMathFunctions": ("divide_q15", "sqrt_q31", "sqrt_q15", "vlog_q31"),
    "MatrixFunctions": ("mat_vec_mult_q15",),
    "StatisticsFunctions": ("absmax_q15",),
    "TransformFunctions": (
        *("mfcc_q15", "mfcc_init_q15", "rfft_q15", "rfft_init_q15", "cfft_q15", "cfft_init_q15", "cfft_radix4_q15"),
        "bitreversal2",
    ),
}
"""The files that the function needs, by their folder in CMSIS-DSP's Source: arm_abs_q15.c and so on."""

_MODEL_H = """\
#include <stdint.h>

#define SAMPLES {samples}
#define POINTS {points}
#define COEFFICIENTS {coefficients}

/* The samples, in the end of a frame with zeros behind them, scratch memory, and the coefficients. */
#define MICRONETS_MODEL_ARENA_BYTES ((2 * POINTS + 4 * POINTS + 2 * SAMPLES + 2 * COEFFICIENTS + 15) / 16 * 16)
#define MICRONETS_MODEL_LAYERS 1

int16_t *micronets_model_input(void *arena);
int16_t *micronets_model_output(void *arena);
void micronets_model_invoke(void *arena);
"""

_MODEL_C = """\
#include "arm_math.h"

#include "mark.h"
#include "model.h"

{tables}
static arm_mfcc_instance_q15 mfcc;
static int32_t ready;

int16_t *micronets_model_input(void *arena)
{{
    return (int16_t *)arena + 3 * POINTS;
}}

int16_t *micronets_model_output(void *arena)
{{
    return micronets_model_input(arena) + SAMPLES;
}}

void micronets_model_invoke(void *arena)
{{
    q15_t *const frame = (q15_t *)arena;
    const int16_t *const samples = micronets_model_input(arena);
    if (!ready) {{
        ready = arm_mfcc_init_{points}_q15(&mfcc, {bands}, COEFFICIENTS, dct, first, lengths, weights, window) == 0;
    }}
    micronets_mark(0);
    for (int32_t i = 0; i < POINTS; i++) {{
        frame[i] = i < SAMPLES ? samples[i] : 0;
    }}
    arm_mfcc_q15(&mfcc, frame, micronets_model_output(arena), (q31_t *)((int16_t *)arena + POINTS));
    micronets_mark(1);
}}
"""


@dataclass(frozen=True, eq=False)
class Filters:
    """The tables of a front end as real numbers.

    - window: `[points]`, zeros behind the window.
    - bands: weights of the bins, at most 1, `[bands, points / 2 + 1]`.
    - cosines: `[coefficients, bands]`, rows of an orthonormal cosine transform (type II).
    """

    window: Floats
    bands: Floats
    cosines: Floats

    def coefficients(self, frames: Floats) -> Floats:
        """Returns the coefficients of frames `[N, samples]` in -1 .. 1, in floats."""
        points = len(self.window)
        spectrum = np.abs(np.fft.rfft(frames * self.window[: frames.shape[1]], points, axis=1))
        return np.asarray(np.log(np.maximum(spectrum @ self.bands.T, 1e-12)) @ self.cosines.T, np.float64)


def filters_of(fe: FrontEnd) -> Filters:
    """Returns the tables of a front end."""
    bands = mel_matrix(fe).astype(np.float64).T
    window = np.pad(hann(fe.window_samples).astype(np.float64), (0, fe.n_fft - fe.window_samples))
    above = fe.n_fft // 2 + 1 - bands.shape[1]  # bins above the last band
    return Filters(window, np.pad(bands, ((0, 0), (0, above))), dct_matrix(fe).astype(np.float64).T)


def sources(dsp: Path, core: Path, fe: FrontEnd, filters: Filters) -> dict[str, str]:
    """Returns the C of a firmware that computes a frame by CMSIS-DSP, text by file name.

    - dsp, core: see the module.
    - fe: the sizes of the front end.
    - filters: its tables.
    """

    def in_16_bits(values: Floats) -> npt.NDArray[np.int16]:
        return np.clip(np.rint(values * 32768), -32768, 32767).astype(np.int16)

    rows = [np.flatnonzero(row) for row in filters.bands]
    first = np.array([row[0] for row in rows])
    lengths = np.array([row[-1] + 1 - row[0] for row in rows])
    weights = [row[a : a + n] for row, a, n in zip(filters.bands, first, lengths, strict=True)]
    tables = [
        ctext.array("q15_t", "window", in_16_bits(filters.window)),
        ctext.array("q15_t", "weights", in_16_bits(np.concatenate(weights))),
        ctext.array("q15_t", "dct", in_16_bits(filters.cosines)),
        ctext.array("uint32_t", "first", first.astype(np.int32)),
        ctext.array("uint32_t", "lengths", lengths.astype(np.int32)),
    ]
    found = {
        path.relative_to(include).as_posix(): path.read_text("utf-8", "replace").lstrip("\ufeff")
        for include in (core, dsp / "Include", dsp / "PrivateInclude")
        for path in sorted(include.rglob("*.h"))
    }
    for folder, names in _FUNCTIONS.items():
        for name in names:
            path = dsp / "Source" / folder / f"arm_{name}.c"
            found[path.name] = path.read_text("utf-8", "replace").lstrip("\ufeff")
    found["model.h"] = _MODEL_H.format(samples=fe.window_samples, points=fe.n_fft, coefficients=COEFFICIENTS)
    found["model.c"] = _MODEL_C.format(points=fe.n_fft, bands=fe.n_mels, tables="\n".join(tables))
    return found


def frames_of(fe: FrontEnd) -> npt.NDArray[np.int16]:
    """Returns frames of noise with a tone in it, int16 `[N, samples]`, one for each of `LEVELS`."""
    rng, t = np.random.default_rng(0), np.arange(fe.window_samples)
    rows = [level * (rng.normal(0, 1, len(t)) + np.sin(0.3 * t)) for level in LEVELS]
    return np.clip(np.rint(np.stack(rows)), -32768, 32767).astype(np.int16)


def theirs(dsp: Path, core: Path, fe: FrontEnd, board: Board) -> tuple[Simulation, Floats]:
    """Simulates CMSIS-DSP's front end on the frames.

    Returns the simulation, and by how much the coefficients of each frame differ from those in floats, in the mean.
    Ends the program where they differ so much that they are no coefficients of these frames.
    """
    filters, frames = filters_of(fe), frames_of(fe)
    firmware = build_firmware(sources(dsp, core, fe, filters), board)
    rows = np.ascontiguousarray(frames, "<i2").view(np.int8)
    found = simulate(firmware.elf, rows, 1, 2 * COEFFICIENTS, board)
    got = found.outputs.view("<i2").reshape(len(frames), COEFFICIENTS) / 128
    off = np.abs(got - filters.coefficients(frames / 32768)).mean(1)
    if off.max() > MOST_ERROR:
        sys.exit(
            f"arm_mfcc_q15 of {fe.n_fft} points: coefficients are {off.max():.3g} off; was it built as it has to be?"
        )
    return found, off


def rows_of(dsp: Path, core: Path, board: Board) -> list[str]:
    """Returns the rows of the table."""
    lines = [
        "| front end | transform | cycles a frame | flash of the firmware | SRAM |"
        f"{''.join(f' off at {level:g} |' for level in LEVELS)}",
        f"|---|--:|--:|--:|--:|{'--:|' * len(LEVELS)}",
    ]
    for points in (512, 1024):
        fe = FrontEnd(n_fft=points, power=1, arithmetic="integer").with_settings({"coefficients": COEFFICIENTS})
        run, off = theirs(dsp, core, fe, board)
        frames = frames_of(fe).astype(np.int64)
        ours = simulate_frames(fe, TensorQuant(0.03, 3), board, frames, np.maximum(frames.max(1), 1))
        for name, one, errors in (("arm_mfcc_q15", run, off), ("ours", ours, ())):
            sram = one.image.arena_bytes + one.stack_bytes
            cells = [f"{error:.3f}" for error in errors] or [""] * len(LEVELS)
            lines.append(
                f"| {name} | {points} | {one.core_cycles:,} | {len(one.image.flash):,} | {sram:,} | "
                f"{' | '.join(cells)} |"
            )
    return lines


def main(words: Sequence[str]) -> None:
    """Writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dsp", type=Path)
    parser.add_argument("core", type=Path)
    args = parser.parse_args(words)
    lines = rows_of(args.dsp, args.core, load_board(BOARD))
    lines += [
        "",
        f"CMSIS-DSP's `arm_mfcc_q15` and ours, each with 40 mel bands of magnitudes and {COEFFICIENTS} coefficients of "
        "a frame of 30 ms, built by the same compiler with -O2 and simulated on a Cortex-M4 without wait states. Flash "
        "and SRAM are those of the firmware around it with stack and samples; CMSIS-DSP's tables are those of its "
        "longest transform. Off: by how much its coefficients differ from those in floats in the mean, in units of the "
        f"natural logarithm, for noise and a tone at these effective values. {date.today().isoformat()}, "
        "`python -m benchmarks.cmsis_dsp DSP CORE`.",
    ]
    replace_section(PAGE, "cmsis dsp", "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
