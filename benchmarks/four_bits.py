"""Layers with weights of 4 bits against the same layers with 8: cycles and flash; writes a section of docs/deploy.md.

    python -m benchmarks.four_bits [--models EIGHT.tflite FOUR.tflite]

Each layer is a network of its own with random weights, compiled by our C and run in the simulator: without wait states,
with the flash of a NUCLEO-F446RE at 180 MHz, and with that of a NUCLEO-L4R5ZI. Every output byte is compared with the
reference's; the program ends with 1 if one differs. With `--models`, two finished models are compared in the same way,
and nothing is written. It needs `pip install '.[sim]'`, and takes about a minute.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.tables import replace_section
from micronets import tflite
from micronets.boards.board import load_board
from micronets.commands.measure import measure
from micronets.compiler import compile_model
from micronets.compiler.kernels.base import Place
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Shape, Weighted
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights

F446, L4R5 = "NUCLEO-F446RE", "NUCLEO-L4R5ZI"
PAGE = Path("docs/deploy.md")
HEAD = "| layer | 8 bits | 4 bits | no waits | F446, 180 MHz | L4R5, 120 MHz | weights, bytes |"
RULE = "|---|--:|--:|--:|--:|--:|--:|"


@dataclass(frozen=True)
class Figures:
    """What was measured of a network.

    - core_cycles: cycles of all layers on a Cortex-M4 without wait states.
    - f446_cycles, l4r5_cycles: cycles of all layers on the boards.
    - weights_bytes: bytes of the tables of weights.
    - flash_bytes: bytes of flash of the whole image.
    - exact: whether every output byte is the reference's.
    """

    core_cycles: int
    f446_cycles: int
    l4r5_cycles: int
    weights_bytes: int
    flash_bytes: int
    exact: bool


ONE = {"name": "y", "inputs": (INPUT,)}
LAYERS: dict[str, tuple[Shape, Weighted]] = {
    "pointwise, 16 to 16": ((16, 16, 16), Conv2D(**ONE, filters=16, kernel=(1, 1), activation="relu")),
    "pointwise, 56 to 56": ((25, 1, 56), Conv2D(**ONE, filters=56, kernel=(1, 1), activation="relu")),
    "pointwise, 64 to 64": ((8, 8, 64), Conv2D(**ONE, filters=64, kernel=(1, 1), activation="relu")),
    "3 x 3, 3 to 16, stride 2": (
        (32, 32, 3),
        Conv2D(**ONE, filters=16, kernel=(3, 3), stride=(2, 2), activation="relu"),
    ),
    "3 x 3, 16 to 16": ((16, 16, 16), Conv2D(**ONE, filters=16, kernel=(3, 3), activation="relu")),
    "3 x 3, 64 to 64": ((8, 8, 64), Conv2D(**ONE, filters=64, kernel=(3, 3), activation="relu")),
    "depthwise 9 x 1, 56": ((49, 1, 56), DepthwiseConv2D(**ONE, kernel=(9, 1), activation="relu")),
    "depthwise 3 x 3, 64": ((25, 5, 64), DepthwiseConv2D(**ONE, kernel=(3, 3), activation="relu")),
    "dense, 128 to 128": ((128,), FullyConnected(**ONE, units=128, activation="relu")),
    "dense, 640 to 128": ((640,), FullyConnected(**ONE, units=128, activation="relu")),
}


def figures(model: QuantizedModel) -> Figures:
    """Measures a network on both simulated boards."""
    f446, l4r5 = (measure(model, load_board(name), samples=2) for name in (F446, L4R5))
    return Figures(
        core_cycles=sum(layer.core_cycles or 0 for layer in f446.per_layer),
        f446_cycles=sum(layer.cycles or 0 for layer in f446.per_layer),
        l4r5_cycles=sum(layer.cycles or 0 for layer in l4r5.per_layer),
        weights_bytes=weights_bytes(model),
        flash_bytes=f446.flash_bytes or 0,
        exact=f446.bit_exact and l4r5.bit_exact,
    )


def row(name: str, eight: Figures, four: Figures) -> str:
    """Returns a row of the table: cycles without waits, how many times those of 8 bits 4 take, and bytes of flash."""
    times = (
        four.core_cycles / eight.core_cycles,
        four.f446_cycles / eight.f446_cycles,
        four.l4r5_cycles / eight.l4r5_cycles,
    )
    cycles = f"{eight.core_cycles:,} | {four.core_cycles:,}"
    weights = f"{eight.weights_bytes:,} -> {four.weights_bytes:,}"
    return f"| {name} | {cycles} | {' | '.join(f'{t:.3f}' for t in times)} | {weights} |"


def weights_bytes(model: QuantizedModel) -> int:
    """Returns the bytes of the tables of weights that our C of a network has."""
    compiled = compile_model(model)
    codes = (
        kernel.code(compiled.model, Place(number, compiled.plan.offsets))
        for number, kernel in enumerate(compiled.plan.kernels)
    )
    return sum(table.bytes for code in codes for table in code.tables if table.name.startswith("weights"))


def layers() -> tuple[str, bool]:
    """Returns the table of all layers, and whether every output byte is the reference's."""
    lines, exact = [HEAD, RULE], True
    for name, (shape, layer) in LAYERS.items():
        models = [with_random_weights(Arch(shape, (replace(layer, weight_bits=bits),)), 1) for bits in (8, 4)]
        eight, four = map(figures, models)
        exact = exact and eight.exact and four.exact
        lines.append(row(name, eight, four))
        print(lines[-1], flush=True)
    return "\n".join(lines), exact


def main() -> int:
    """Measures, and writes the section; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs=2, type=Path)
    options = parser.parse_args()
    if options.models is not None:
        eight, four = (figures(tflite.read(path.read_bytes(), str(path))) for path in options.models)
        print("\n".join([HEAD, RULE, row("whole network", eight, four)]))
        print(f"whole image: {eight.flash_bytes:,} -> {four.flash_bytes:,} bytes of flash")
        return 0 if eight.exact and four.exact else 1
    table, exact = layers()
    note = (
        f"By `python -m benchmarks.four_bits` on {date.today()}: cycles without wait states, how many times as many "
        "cycles 4 bits take as 8 there and on two boards with the waits of their flash, and the bytes of the weights."
    )
    replace_section(PAGE, "four bits", f"{table}\n\n{note}")
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
