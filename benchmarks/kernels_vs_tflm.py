"""Our C against TFLM with CMSIS-NN on a simulated Cortex-M4, for eight released models; writes a section of
docs/results.md.

Run from the repository: `python -m benchmarks.kernels_vs_tflm [SHARED]`, SHARED being the folder with the released
models and the simulated baselines of TFLM (default `../shared`). Needs `pip install '.[sim]'`. About a minute.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.tables import replace_section
from micronets import tflite
from micronets.boards.board import load_board
from micronets.commands.measure import measure
from micronets.compiler import compile_model
from micronets.compiler.kernels.goal import DEFAULT_GOAL, GOALS, Goal
from micronets.cost.costs import RUNTIME_FLASH_BYTES
from micronets.cost.counts import packed_bytes
from micronets.ir.arch import Arch
from micronets.ir.layers import Conv2D, DepthwiseConv2D, FullyConnected, Weighted
from micronets.quantized.model import QuantizedModel
from micronets.runtimes import Measurement
from micronets.runtimes.c import compile_for

BOARD = "NUCLEO-F446RE"
SIMULATION = load_board(BOARD).simulation
FACTOR = SIMULATION.factor if SIMULATION else 1.0  # in the board's cycles, not in those of the baselines
KERNELS = ("conv 1x1", "conv 3x3", "conv, other", "stem", "depthwise", "fully connected")
STEM_CHANNELS = 4
SAMPLES = 3


def main(shared: Path) -> None:
    """Measures every model and writes both tables."""
    with (shared / "reference/cortex_m_baselines.csv").open() as f:
        baselines = {row["model"]: row for row in csv.DictReader(f)}
    rows, kernels, toolchain = [], defaultdict(list), ""
    goals: dict[Goal, list[dict[str, Any]]] = {goal: [] for goal in reversed(GOALS) if goal != "fastest"}
    for name, baseline in baselines.items():
        path = shared / "models" / f"{name}.tflite"
        figures = measure(path, load_board(BOARD), samples=SAMPLES)
        model = tflite.read(path.read_bytes())
        arch = model.arch
        rows.append(row(name, figures, baseline, *constant_bytes(compile_model(model).model)))
        toolchain = figures.toolchain
        for layer in figures.per_layer:
            kernel = kernel_of(arch, layer.name)
            if kernel:
                kernels[kernel].append((layer.macs, layer.core_cycles))
        print(rows[-1], flush=True)
        for goal, found in goals.items():
            ways = {each: compile_for(model, load_board(BOARD), optimise=each).files for each in (goal, DEFAULT_GOAL)}
            if ways[goal] != ways[DEFAULT_GOAL]:
                figures = measure(path, load_board(BOARD), samples=SAMPLES, optimise=goal)
                found.append(
                    row(name, figures, baseline, *constant_bytes(compile_model(model).model)) | {"other": True}
                )
                print(goal, found[-1], flush=True)
            else:
                found.append(rows[-1])
    text = f"{models_table(rows)}\n\n{goals_table(goals)}\n\n{kernels_table(kernels)}\n\n{note(toolchain)}"
    replace_section(Path("docs/results.md"), "kernels", text)


def constant_bytes(model: QuantizedModel) -> tuple[int, int]:
    """Returns the bytes of a network's packed weights, and of its biases and scales with 32 bits each."""
    weights = scales = 0
    for step in model.arch.steps():
        if isinstance(step.layer, Weighted):
            w = model.weights[step.layer.name]
            weights += int(packed_bytes(w.weights.size, step.layer.weight_bits))
            scales += 4 * (step.output_shape[-1] + w.scales.size)
    return weights, scales


def row(name: str, figures: Measurement, baseline: Mapping[str, str], weights: int, scales: int) -> dict[str, Any]:
    """Returns a row for a model: ours and TFLM's cycles without wait states and with the board's, SRAM, flash, that
    without constants.

    weights, scales: `constant_bytes` of the network that is left once the compiler has removed dead filters.
    """
    return {
        "model": name.split("/")[-1],
        "bit_exact": figures.bit_exact,
        "cycles": (figures.core_cycles, int(baseline["cycles_0ws"])),
        "waiting": (figures.cycles / FACTOR, int(baseline["cycles_flash5ws"])),
        "sram": (figures.sram_bytes, int(baseline["arena_bytes"]) + int(baseline["stack_bytes"])),
        "flash": (figures.flash_bytes, int(baseline["tflite_bytes"]) + RUNTIME_FLASH_BYTES),
        "besides_weights": figures.flash_bytes - weights,
        "code": figures.flash_bytes - weights - scales,
    }


def kernel_of(arch: Arch, name: str) -> str | None:
    """Returns which of `KERNELS` computes a layer. The stem is a convolution of the few channels of an input."""
    step = next((s for s in arch.steps() if s.layer.name == name), None)
    match step and step.layer:
        case Conv2D(kernel=kernel) if step is not None:
            if step.input_shapes[0][-1] <= STEM_CHANNELS and kernel != (1, 1):
                return "stem"
            return {(1, 1): "conv 1x1", (3, 3): "conv 3x3"}.get(kernel, "conv, other")
        case DepthwiseConv2D():
            return "depthwise"
        case FullyConnected():
            return "fully connected"
        case _:
            return None


def geometric_mean(ratios: Iterable[float]) -> float:
    """Returns the geometric mean of positive numbers."""
    logs = [math.log(r) for r in ratios]
    return math.exp(sum(logs) / len(logs))


def models_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns a table of our figures, TFLM's and their ratio for every model, and the ratios' geometric means."""
    lines = [
        "| model | cycles | TFLM's | ratio | with waits, ratio | SRAM | TFLM's | ratio | flash | TFLM's | ratio "
        "| besides weights | and biases, scales | outputs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for r in rows:
        pairs = [
            f"{ours:,} | {theirs:,} | {ours / theirs:.2f}" for ours, theirs in (r["cycles"], r["sram"], r["flash"])
        ]
        pairs[0] += f" | {r['waiting'][0] / r['waiting'][1]:.2f}"
        equal = "equal" if r["bit_exact"] else "DIFFER"
        lines.append(f"| {r['model']} | {' | '.join(pairs)} | {r['besides_weights']:,} | {r['code']:,} | {equal} |")
    means = {key: geometric_mean(r[key][0] / r[key][1] for r in rows) for key in ("cycles", "waiting", "sram", "flash")}
    cells = (("" if key == "waiting" else " | | ") + f"**{m:.2f}**" for key, m in means.items())
    lines.append(f"| geometric mean | {' | '.join(cells)} | | | |")
    return "\n".join(lines)


def goals_table(goals: Mapping[Goal, Sequence[Mapping[str, Any]]]) -> str:
    """Returns a table of the models for which another `--optimise` gives other kernels, and each goal's means.

    goals: for each goal, the rows of all models.
    """
    changed = [i for i in range(len(goals["speed"])) if any("other" in rows[i] for rows in goals.values())]
    lines = ["| model | `--optimise` | cycles | ratio | with waits, ratio | SRAM | flash | outputs |"]
    lines.append("|---|---|--:|--:|--:|--:|--:|---|")
    for i in changed:
        for goal, rows in goals.items():
            r = rows[i]
            ratios = " | ".join(f"{r[key][0] / r[key][1]:.3f}" for key in ("cycles", "waiting"))
            equal = "equal" if r["bit_exact"] else "DIFFER"
            sizes = f"{r['sram'][0]:,} | {r['flash'][0]:,}"
            lines.append(f"| {r['model']} | {goal} | {r['cycles'][0]:,} | {ratios} | {sizes} | {equal} |")
    for goal, rows in goals.items():
        means = [geometric_mean(r[key][0] / r[key][1] for r in rows) for key in ("cycles", "waiting")]
        lines.append(f"| geometric mean of all | {goal} | | {means[0]:.3f} | {means[1]:.3f} | | | |")
    return "\n".join(lines)


def kernels_table(kernels: Mapping[str, Sequence[tuple[int, int]]]) -> str:
    """Returns MAC/cycle of every kernel: over all its layers, and of its slowest and fastest layer."""
    lines = ["| kernel | layers | MAC/cycle | slowest layer | fastest layer |", "|---|--:|--:|--:|--:|"]
    for kernel in KERNELS:
        found = kernels.get(kernel, [])
        if found:
            rates = [macs / cycles for macs, cycles in found]
            total = sum(m for m, _ in found) / sum(c for _, c in found)
            lines.append(f"| {kernel} | {len(found)} | {total:.2f} | {min(rates):.2f} | {max(rates):.2f} |")
    return "\n".join(lines)


def note(toolchain: str) -> str:
    """Returns the text below the tables, which says what the figures are."""
    return (
        "Cycles are those of a simulated Cortex-M4 without flash wait states (docs/measure.md). Our C is built by "
        f"{toolchain}; TFLM and CMSIS-NN are those of August 2026, built by GCC 12 with -O2, in the same simulation. "
        f"The ratio with waits includes the flash and caches of the {BOARD}. SRAM is arena and stack, flash is the "
        "whole image "
        f"(TFLM's: the file and {RUNTIME_FLASH_BYTES:,} bytes of runtime), both in bytes. The columns besides weights "
        "are our image without the packed weights, and without 4 bytes for each bias and scale too. Outputs are equal "
        f"if every byte for {SAMPLES} inputs equals the reference's. {date.today()}, "
        "`python -m benchmarks.kernels_vs_tflm`."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
