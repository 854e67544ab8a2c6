"""How many integer models of strangers are read and become C: `python -m benchmarks.field_models [SHARED]`.

SHARED/models/field holds `.tflite` files as others have published them, and `manifest.csv` with the columns `file`,
`domain` (what the network is for) and `structure` (equal where two files differ in their weights only). Each model is
read and compiled; its C is built for this machine, run on random inputs, and compared with the integer reference, every
byte. The table is written into docs/results.md. A refusal is counted; any other failure ends the program.
"""

from __future__ import annotations

import csv
import datetime
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import replace_section
from micronets import tflite
from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.errors import MicronetsError
from micronets.quantized import reference
from micronets.runtimes.base import seeded_inputs

SAMPLES = 3


@dataclass(frozen=True)
class Outcome:
    """One model: what it is for, its structure, and why it is refused ("" where its C gives the reference's bytes)."""

    domain: str
    structure: str
    refusal: str


def outcome(path: Path, domain: str, structure: str) -> Outcome:
    """Reads, compiles and runs one model. Raises `SystemExit` if an output differs."""
    try:
        model = tflite.read(path.read_bytes(), path.name)
        compiled = compile_model(model)
    except MicronetsError as error:
        return Outcome(domain, structure, reason(str(error)))
    x = seeded_inputs(model, SAMPLES, 0)
    if not np.array_equal(build_library([compiled]).run(0, x), reference.run(model, x)):
        sys.exit(f"{path}: the outputs of the C differ from the reference")
    return Outcome(domain, structure, "")


def reason(message: str) -> str:
    """Returns the operator that a refusal names, else its message without the names of file and tensor."""
    operator = re.search(r"operator \d+ \(((?:operator )?[A-Z0-9_]+)\): this operator", message)
    if operator:
        return operator[1]
    return re.sub(r"tensor \d+ '.*?'", "a tensor", message.split(": ", 1)[-1].split(";")[0])


def table(outcomes: Sequence[Outcome]) -> str:
    """Returns a row for each domain: how many models there are, how many become C, why the others do not."""
    by_domain: dict[str, list[Outcome]] = defaultdict(list)
    for o in outcomes:
        by_domain[o.domain].append(o)
    lines = ["| what it is for | models | become C | the others are refused for |", "|---|--:|--:|---|"]
    for domain, rows in sorted(by_domain.items()):
        refusals = sorted({o.refusal for o in rows if o.refusal})
        lines.append(f"| {domain} | {len(rows)} | {sum(not o.refusal for o in rows)} | {'; '.join(refusals)} |")
    done = sum(not o.refusal for o in outcomes)
    structures = {o.structure for o in outcomes}
    structures_done = {o.structure for o in outcomes if not o.refusal}
    lines += [
        "",
        f"{done} of {len(outcomes)} models ({done / len(outcomes):.0%}), and {len(structures_done)} of "
        f"{len(structures)} different structures ({len(structures_done) / len(structures):.0%}), become C whose output "
        f"bytes are the reference's for {SAMPLES} random inputs. {datetime.date.today()}, `python -m "
        "benchmarks.field_models`.",
    ]
    return "\n".join(lines)


def main(shared: Path) -> None:
    field = shared / "models" / "field"
    with (field / "manifest.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    text = table([outcome(field / r["file"], r["domain"], r["structure"]) for r in rows])
    print(text)
    replace_section(Path("docs/results.md"), "field", text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared"))
