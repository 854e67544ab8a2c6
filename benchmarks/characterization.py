"""Characterises boards on random networks of every space: docs/characterization.md, its plots, and our latency models.

Run from the repository: `python -m benchmarks.characterization [--samples 60] [--board NAME ...] [--out DIR]`. The
models of latency go to src/micronets/boards/latencies/, one a board; the page shows the first board. Needs
`pip install '.[sim]'`. About five minutes a board on two cores; what DIR holds already is not measured again.

Kernels for weights of 4 bits are fitted to networks of the same spaces whose weights all have 4 bits, a tenth as many.
`--four-bits` does that alone, and leaves all else as it is.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables import replace_section
from micronets.boards.board import Board, load_board
from micronets.commands import characterize_report
from micronets.commands.characterize import characterize, cores, draw
from micronets.commands.latency_fit import errors, layer_rows, predictions, split_networks
from micronets.cost import latency_model
from micronets.cost.latency_model import LatencyModel, layer_counts
from micronets.files import write_atomic
from micronets.ir.space import with_bits
from micronets.report import characterization as report
from micronets.report.latency_findings import Findings, NetworkRecord
from micronets.report.style import CSS

SPACES = ("dscnn:kws", "temporal:kws", "dscnn:ad", "resnet:ic", "mobilenetv2:images")
BOARDS = ("NUCLEO-F446RE", "NUCLEO-F746ZG")
FOUR_BITS = "_s4"  # what the name of a kind of kernel ends with that is for weights of 4 bits
MOST_TIMES = 1.5  # as many cycles as with 8 bits take layers with 4 at most that the fast kernels compute
LEAST_LAYERS = 5
PAGE = Path("docs/characterization.md")
LATENCIES = Path("src/micronets/boards/latencies")
PAPER_SLOPE, PAPER_R2 = "about 1.4 times as many ops a second in the KWS backbone", "0.95 to 0.99"


def main() -> None:
    """Measures the networks, fits the models, and writes the page, its plots and the models."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=60, help="networks of each space")
    arguments.add_argument("--board", action="append", help="may be given several times")
    arguments.add_argument("--out", type=Path, default=Path("runs/characterization"))
    arguments.add_argument("--four-bits", action="store_true", help="fit kernels for weights of 4 bits alone")
    given = arguments.parse_args()
    if given.four_bits:
        for name in given.board or BOARDS:
            board = load_board(name)
            model = latency_model.shipped_model(board.name, "c")
            assert model is not None
            write_model(with_four_bits(model, board, given.samples, given.out))
        return
    drawn = [d for name in SPACES for d in draw(characterize_report.measured_space(name), given.samples, 0)]
    models = []
    for n, name in enumerate(given.board or BOARDS):
        board = load_board(name)
        networks = [
            *drawn,
            *characterize_report.layer_networks(),
            *(characterize_report.channel_networks() if n == 0 else []),
        ]
        records = characterize(
            networks, board, given.out / name.lower(), compiler=None, jobs=cores(), progress=printed_progress(name)
        )
        found, model = characterize_report.findings(records, board)
        assert model is not None
        assert found.model is not None
        write_model(with_four_bits(model, board, given.samples, given.out))
        models.append((board.name, found))
        if n == 0:
            write_atomic(PAGE.parent / "characterization-ops.svg", plot(records, found))
            replace_section(PAGE, "claims", claims(found))
            for section, rows in (
                ("spaces", report.whole_rows(found)),
                ("layers", report.kind_rows(found)),
                ("channels", report.channel_rows(found)),
                ("model", report.model_rows(found.model)),
                ("residuals", report.residual_rows(found.model)),
            ):
                replace_section(PAGE, section, markdown(rows) + "\n\n" + origin(found, given.samples))
    replace_section(PAGE, "boards", boards(models))


def write_model(model: LatencyModel) -> None:
    """Writes a model to its place."""
    write_atomic(LATENCIES / latency_model.file_name(model.board, model.runtime), latency_model.to_toml(model))


def with_four_bits(model: LatencyModel, board: Board, samples: int, out: Path) -> LatencyModel:
    """Returns a model with the kinds of kernels for weights of 4 bits, from networks that have no others.

    The coefficients of a kind are those of the same kernel for 8 bits times one factor: the median over those layers of
    three quarters of the networks that took the fast kernels, or 1 if there are fewer than `LEAST_LAYERS`. With random
    weights, layers of few inputs often have scales that these kernels cannot hold, and take more than `MOST_TIMES` as
    many cycles. The errors of the other networks, such layers among them, are printed.
    """
    spaces = [with_bits(characterize_report.measured_space(name), (4,)) for name in SPACES]
    networks = [d for space in spaces for d in draw(space, max(4, samples // 10), 0)]
    folder = out / f"{board.name.lower()}-four-bits"
    records = characterize(
        networks, board, folder, compiler=None, jobs=cores(), progress=printed_progress(f"{board.name}, 4 bits")
    )
    fitted, held_out = split_networks(records)
    kinds = dict(model.kinds)
    for name, rows in layer_rows(fitted).items():
        if name.endswith(FOUR_BITS):
            base = model.kinds[name.removesuffix(FOUR_BITS)]
            known = (sum(base.get(count, 0) * n for count, n in layer_counts(step).items()) for step, _, _ in rows)
            times = [cycles / eight for eight, (_, cycles, _) in zip(known, rows, strict=True)]
            fast = [t for t in times if t < MOST_TIMES]
            factor = median(fast) if len(fast) >= LEAST_LAYERS else 1.0
            kinds[name] = {count: factor * n for count, n in base.items()}
            layers = f"{len(fast)} of {len(rows)} layers"
            print(f"{board.name}: {name} {factor:.3f} of the cycles of 8 bits, from {layers}", flush=True)
    merged = replace(model, kinds=kinds)
    off = errors(*predictions(held_out, merged))
    print(f"{board.name}, 4 bits: {off.count} networks, mean error {off.mean:.1%}, worst {off.worst:.1%}", flush=True)
    return merged


def printed_progress(board: str) -> Any:
    """Prints how far a board is, every tenth network."""
    return lambda done, of: print(f"{board}: {done} of {of}", flush=True) if done % 10 == 0 or done == of else None


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Returns the rows as a table, the first one as its head, numbers to the right."""
    lines = [f"| {' | '.join(r)} |" for r in rows]
    return "\n".join([lines[0], f"| --- |{' --: |' * (len(rows[0]) - 1)}", *lines[1:]])


def origin(found: Findings, samples: int) -> str:
    """Returns the line below a table, which says where its figures are from."""
    told = report.source_line(found)
    return f"{told[0].upper()}{told[1:]}. {date.today()}, `python -m benchmarks.characterization --samples {samples}`."


def claims(found: Findings) -> str:
    """Returns the paper's claims and what was found, side by side."""
    whole = found.whole
    kws, images = whole["dscnn:kws"], whole["mobilenetv2:images"]
    channels = {c.channels: c.cycles for c in found.channels}
    kinds = found.kinds
    depthwise = depthwise_per_op(found)
    full = kinds["convolution"].cycles_per_op / kinds["pointwise"].cycles_per_op
    rows = [
        ("claim", "the paper, on boards", "here, simulated"),
        (
            "latency is linear in ops inside a space",
            f"r2 {PAPER_R2}",
            ", ".join(f"{name} {line.r2:.3f}" for name, line in whole.items()),
        ),
        (
            "the slope depends on the backbone",
            PAPER_SLOPE,
            f"{images.slope / kws.slope:.2f} times as many in dscnn:kws as in mobilenetv2:images",
        ),
        ("pooled over spaces the line is worse", "r2 0.816 (its Table 4)", f"r2 {found.pooled.r2:.3f}"),
        (
            "channels should be multiples of four",
            "138 to 140 channels: 37.5 to 21.5 ms",
            f"138 to 140 channels: {channels[140] / channels[138]:.3f} times the cycles, for 1.029 times the ops",
        ),
        (
            "depthwise is slower per op",
            "yes",
            f"{depthwise:.1f} times the cycles of a pointwise op; full convolutions {full:.2f} times",
        ),
        (
            "power does not depend on the network",
            "deviation 0.7 % of the mean",
            "taken as constant: energy is latency times the board's power, so nothing is shown",
        ),
    ]
    return f"| {' | '.join(rows[0])} |\n| --- | --- | --- |\n" + "\n".join(f"| {' | '.join(r)} |" for r in rows[1:])


def depthwise_per_op(found: Findings) -> float:
    """Returns how many times as many cycles an op takes in depthwise layers as in pointwise ones."""
    return found.kinds["depthwise"].cycles_per_op / found.kinds["pointwise"].cycles_per_op


def boards(models: Sequence[tuple[str, Findings]]) -> str:
    """Returns how good the model of each board is."""
    rows = [("board", "networks", "held out", "mean error", "worst", "rank correlation", "ops alone: mean error")]
    for name, found in models:
        held, ops = found.model.held_out, found.model.ops_alone
        count = sum(found.networks.values())
        row = (name, str(count), str(held.count), f"{held.mean:.1%}", f"{held.worst:.1%}", f"{held.rank:.4f}")
        rows.append((*row, f"{ops.mean:.1%}"))
    return markdown(rows)


def plot(records: Sequence[NetworkRecord], found: Findings) -> str:
    """Returns the scatter of latency against ops as a picture of its own."""
    drawn = report.ops_plot(records, found.networks)
    drawing = re.search(r"<svg.*?</svg>", drawn, re.DOTALL)
    legend = re.findall(r'<span><i class="(c\d)"></i>(.*?)</span>', drawn)
    assert drawing
    names = "".join(
        f'<g class="{colour} fill"><circle cx="90" cy="{44 + 18 * k}" r="5"/></g><text x="102" '
        f'y="{48 + 18 * k}">{name}</text>'
        for k, (colour, name) in enumerate(legend)
    )
    style = f"<style>{CSS}</style>"
    return (
        drawing[0]
        .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        .replace("</svg>", f"{style}{names}</svg>")
    )


if __name__ == "__main__":
    main()
