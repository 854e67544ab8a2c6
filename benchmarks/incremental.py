"""What a stream costs with whole windows and with the new frames alone, on the simulated NUCLEO-F446RE.

    python -m benchmarks.incremental [MODEL.tflite ...]

A model must be one that `micronets incremental` takes. Without any, networks of the space of
examples/kws_streaming.toml with random weights are measured, since cycles and bytes do not depend on them. It writes
the table into docs/streaming.md.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.listening_cost import asleep_text, listening_cost
from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.frontend import FrontEnd
from micronets.ir import spaces
from micronets.ir.space import derive
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming import incremental, plan_stream
from micronets.tasks.kws import synthetic
from micronets.tflite import model_file

ROOT = Path(__file__).parent.parent
PAGE, EXAMPLE = ROOT / "docs" / "streaming.md", ROOT / "examples" / "kws_streaming.toml"
BOARD = "NUCLEO-F446RE"
HEAD = """\
| model | takes | outputs a second | cycles of an output | network, a second | with front end | SRAM | flash | a day |
|---|---|--:|--:|--:|--:|--:|--:|--:|"""


def of_the_example() -> Iterator[tuple[str, QuantizedModel]]:
    """Yields the smallest and the largest network of the example's space, with random weights."""
    given = tomllib.loads(EXAMPLE.read_text("utf-8"))["space"]
    space = spaces.make(given.pop("name"), "kws", len(synthetic.CLASSES), **given)
    fe = FrontEnd(arithmetic="integer", input_mean=(0.0,), input_scale=(1.0,))
    texts = {
        "micronets.task": "kws",
        "micronets.labels": json.dumps(synthetic.CLASSES),
        "micronets.frontend": fe.to_json(),
    }
    for name, values in (("smallest", space.smallest()), ("largest", space.largest())):
        yield name, replace(with_random_weights(derive(space, values)), metadata=texts)


def row(name: str, model: QuantizedModel) -> str:
    """Returns a line of the table."""
    plan, one = plan_stream(model, name), listening_cost(model, load_board(BOARD))
    takes = f"{plan.frames} frames" if plan.steps is None else f"{plan.steps.frames} new frames"
    return (
        f"| {name} | {takes} | {one.outputs:.3g} | {one.output_cycles:,} | {one.network_cycles / 1e6:.2f} M |"
        f" {one.cycles / 1e6:.2f} M | {one.sram_bytes:,} | {one.flash_bytes:,} | {one.joules_a_day:,.0f} J |"
    )


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    options = parser.parse_args()
    named = [(path.stem, model_file(path).model) for path in options.models] or list(of_the_example())
    rows = [row(name, one) for name, model in named for one in (model, incremental(model))]
    what = "" if options.models else " of the space of examples/kws_streaming.toml, with random weights"
    about = (
        f"Networks{what}, simulated on a {BOARD} with its wait states, outputs compared with the reference byte for "
        "byte. SRAM and flash are those of front end and network together. An output of whole windows is computed "
        "every 100 ms, one of the new frames whenever they are there. The last column is the energy of a day. "
        f"{asleep_text(load_board(BOARD))} "
        f"{date.today().isoformat()}, `python -m benchmarks.incremental`."
    )
    text = "\n".join([HEAD, *rows, "", about])
    replace_section(PAGE, "incremental", text)
    print(text)


if __name__ == "__main__":
    main()
