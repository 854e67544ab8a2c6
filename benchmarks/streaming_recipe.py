"""What examples/kws_streaming.toml gives with and without `space.streaming`: accuracy, and what a day costs.

    micronets run examples/kws_streaming.toml --out runs/kws_streaming
    micronets run examples/kws_streaming.toml --set space.streaming=false --out runs/kws_whole
    python -m benchmarks.streaming_recipe runs/kws_streaming runs/kws_whole [--seconds S]

A network that can take the new frames alone is measured in both forms on a simulated board; on a stream of synthesised
words over noise both have to decide the same. It writes the table into docs/streaming.md.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from datetime import date
from pathlib import Path

from benchmarks.listening_cost import listening_cost
from benchmarks.streams import forms
from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.stream import composed_sound
from micronets.streaming import Decision, Stream
from micronets.terminal import percent

PAGE = Path(__file__).parent.parent / "docs" / "streaming.md"
BOARD = "NUCLEO-F446RE"
HEAD = """\
| model | float | int8 | 95 % | MACs | takes | network, a second | SRAM | flash | a day |
|---|--:|--:|---|--:|---|--:|--:|--:|--:|"""


def rows(run: Path, seconds: float) -> list[str]:
    """Returns a line of the table for each form of a run's model.

    - run: the directory of the run.
    - seconds: the length of the stream.
    """
    found = []
    heard: list[list[Decision]] = []
    facts = json.loads((run / "report.json").read_text("utf-8"))
    scores = [percent(facts["scores"][i]["value"]) for i in (0, -1)]
    low, high = (percent(value) for value in facts["interval"])
    for takes, file in forms(run):
        stream = Stream(file.model)
        heard.append(stream.feed(composed_sound(stream.plan, None, seconds, 1).samples))
        assert heard[-1] == heard[0], f"{run}: decides otherwise with {takes}"
        cost = listening_cost(file, load_board(BOARD))
        found.append(
            f"| {run.name} | {scores[0]} | {scores[1]} | {low} to {high} | {facts['costs']['macs']:,} | {takes} |"
            f" {cost.network_cycles / 1e6:.2f} M | {cost.sram_bytes:,} | {cost.flash_bytes:,} |"
            f" {cost.joules_a_day:,.0f} J |"
        )
        print(found[-1], flush=True)
    return found


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    lines = [HEAD, *(line for run in options.runs for line in rows(run, options.seconds))]
    config = tomllib.loads((options.runs[0] / "config.toml").read_text("utf-8"))
    lines.append(
        f"\nexamples/kws_streaming.toml with {config['data']['synthetic_clips']:,} synthesised clips to train on, "
        f"{config['search']['epochs']} epochs of search, {config['train']['epochs']} of training and "
        f"{config['train']['qat_epochs']} with simulated quantisation, which is far too little for a product: the "
        "table compares the two spaces. Accuracy is that of synthesised test clips. On a stream of "
        f"{options.seconds:g} s both forms of a network decided the same. Costs are those of the tables below, on a "
        f"{BOARD}. {date.today().isoformat()}, `python -m benchmarks.streaming_recipe`."
    )
    replace_section(PAGE, "streaming recipe", "\n".join(lines))


if __name__ == "__main__":
    main()
