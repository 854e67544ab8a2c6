"""What patches save in memory and cost in time, for eight released models and a large one; writes docs/results.md.

Run from the repository: `python -m benchmarks.patches [SHARED]`, SHARED being the folder with the released models
(default `../shared`). Needs `pip install '.[sim]'`. About two minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import replace_section
from micronets import tflite
from micronets.boards.board import load_board
from micronets.commands.measure import measure
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Mean
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.runtimes import Measurement

BOARD = "NUCLEO-F446RE"
MODELS = (
    *(f"micronets/{name}" for name in ("vww2_50_50_INT8", "vww4_128_128_INT8", "ad_large_int8", "kws_micronet_m")),
    *(f"mlperf_tiny/{name}" for name in ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")),
)
LARGE = "MobileNetV2-like, 160 x 160 x 3"


def large_arch(side: int = 160) -> Arch:
    """Returns inverted bottlenecks at a quarter of MobileNetV2's (arXiv 1801.04381, table 2) widths; 36 layers."""
    layers: list[Layer] = [_conv("stem", INPUT, 8, (3, 3), (2, 2))]
    width, previous = 8, "stem"
    for block, (expansion, filters, stride) in enumerate(
        (
            (1, 4, 1),
            (6, 8, 2),
            (6, 8, 1),
            (6, 8, 2),
            (6, 8, 1),
            (6, 16, 2),
            (6, 16, 1),
            (6, 24, 1),
            (6, 40, 2),
            (6, 80, 1),
        )
    ):
        entry = previous
        if expansion > 1:
            layers.append(_conv(f"expand{block}", previous, expansion * width))
            previous = layers[-1].name
        window = {"kernel": (3, 3), "stride": (stride, stride), "activation": "relu6"}
        layers.append(DepthwiseConv2D(name=f"depthwise{block}", inputs=(previous,), **window))
        layers.append(Conv2D(name=f"project{block}", inputs=(f"depthwise{block}",), filters=filters, kernel=(1, 1)))
        previous = f"project{block}"
        if stride == 1 and filters == width:
            layers.append(Add(name=f"sum{block}", inputs=(entry, previous)))
            previous = f"sum{block}"
        width = filters
    layers += [_conv("head", previous, 160), Mean(name="mean", inputs=("head",))]
    layers.append(FullyConnected(name="classes", inputs=("mean",), units=10))
    return Arch((side, side, 3), tuple(layers))


def _conv(
    name: str, source: str, filters: int, kernel: tuple[int, int] = (1, 1), stride: tuple[int, int] = (1, 1)
) -> Conv2D:
    return Conv2D(name=name, inputs=(source,), filters=filters, kernel=kernel, stride=stride, activation="relu6")


def random_model(arch: Arch) -> QuantizedModel:
    """Returns the network with random weights; memory and time do not depend on them."""
    rng = np.random.default_rng(0)
    quant = {INPUT: TensorQuant(0.02, 0)} | {layer.name: TensorQuant(0.024, -128) for layer in arch.layers}
    return QuantizedModel(arch, quant, {s.layer.name: _weights(rng, s) for s in arch.steps() if s.weights})


def _weights(rng: np.random.Generator, step: Step) -> LayerWeights:
    assert step.weights is not None
    outputs = step.weights.channels
    values = rng.integers(-127, 128, step.weights.shape).astype(np.int8)
    scales = np.full(outputs, 0.02 / np.sqrt(values.size / outputs), np.float32)
    return LayerWeights(values, scales, rng.integers(-1000, 1000, outputs).astype(np.int32))


def main(shared: Path) -> None:
    """Measures every model without patches and with the smallest arena, and writes the table."""
    with tempfile.TemporaryDirectory() as directory:
        large = Path(directory) / "large.tflite"
        large.write_bytes(tflite.write(random_model(large_arch())))
        paths = {name.split("/")[-1]: shared / "models" / f"{name}.tflite" for name in MODELS} | {LARGE: large}
        rows = []
        for name, path in paths.items():
            board = load_board(BOARD)
            figures = [measure(path, board, samples=2, patches=patches) for patches in ("off", "auto", "smallest")]
            rows.append(row(name, *figures))
            print(rows[-1], flush=True)
    replace_section(Path("docs/results.md"), "patches", f"{table(rows)}\n\n{note(figures[0].toolchain)}")


def row(name: str, off: Measurement, auto: Measurement, smallest: Measurement) -> dict[str, Any]:
    """Returns a model's figures: without patches, with those that make it fit the board, with the smallest arena."""
    runs = {"off": off, "auto": auto, "smallest": smallest}
    keys = ("arena_c_bytes", "core_cycles", "flash_bytes", "bit_exact", "bands", "fits")
    return {"model": name} | {f"{key} {run}": getattr(figures, key) for run, figures in runs.items() for key in keys}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the table as Markdown."""
    lines = [
        "| model | arena | smallest | ratio | cycles | smallest | ratio | flash | layers in patches | fits the board "
        "| outputs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|---|---|",
    ]
    for r in rows:
        pairs = [(r[f"{key} off"], r[f"{key} smallest"]) for key in ("arena_c_bytes", "core_cycles")]
        figures = [f"{a:,} | {b:,} | {b / a:.2f}" for a, b in pairs]
        flash = f"{r['flash_bytes smallest'] - r['flash_bytes off']:+,}"
        fits = "yes" if r["fits off"] else "in patches" if r["fits auto"] else "no"
        equal = "equal" if all(r[f"bit_exact {run}"] for run in ("off", "auto", "smallest")) else "DIFFER"
        bands = "; ".join(f"{b.layers} by {b.rows}" for b in r["bands smallest"]) or "none"
        lines.append(f"| {r['model']} | {' | '.join(figures)} | {flash} | {bands} | {fits} | {equal} |")
    return "\n".join(lines)


def note(toolchain: str) -> str:
    """Returns the text below the tables, which says what the figures are."""
    return (
        "The table compares `--patches off` with `--patches smallest`, in bytes and in cycles of a simulated "
        f"Cortex-M4 without flash wait states ({toolchain}). The column of layers in patches gives how many run "
        f"together, and the number of rows of the last one. The board is a {BOARD}; a model fits it in patches where "
        "`--patches auto` makes it fit. Outputs are equal if every byte for 2 inputs is that of the reference. The "
        f"last model has MobileNetV2's blocks at a quarter of their widths, with random weights. {date.today()}, "
        "`python -m benchmarks.patches`."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
