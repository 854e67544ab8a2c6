"""The models in zoo/: keeps a finished run there, and writes the tables about them in README.md and docs/results.md.

python -m benchmarks.zoo keep runs/kws_frontier  # zoo/kws_frontier/{model.tflite,report.json,config.toml}
python -m benchmarks.zoo tables  # the sections `zoo` (keywords) and `zoo-more` (other tasks) of both files
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.measure import measure

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("model.tflite", "report.json", "config.toml")
ORDER = ("kws_s_f446re", "kws_l_f446re", "kws_frontier")
MORE = {  # other tasks: what the test is
    "vww_f446re": "COCO photographs, a person of 0.5 % of the picture or more, or none",
    "ic_f446re": "CIFAR-10, kept as JPEG",
    "ad_f446re": "synthetic slide rails",
}
PUBLISHED = (  # Arm's released models and MLPerf Tiny's on the same recordings, each through its own front end
    ("MicroNet-KWS-M (Arm)", 96.18, 15.56, 102.5, 182.0),
    ("MicroNet-KWS-L (Arm)", 97.09, 65.7, 204.0, 659.0),
    ("MLPerf Tiny KWS reference", 92.97, 2.66, 24.3, 53.9),
)


def keep(run: Path) -> None:
    """Copies what is kept of a run; refuses one that missed a limit or a byte."""
    facts = json.loads((run / "report.json").read_text("utf-8"))
    if not facts["ok"]:
        sys.exit(f"{run}: missed a limit or differs from TFLM; not for the zoo")
    target = ROOT / "zoo" / run.name
    target.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(run / name, target / name)


def scores(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns test results by model; older reports called them accuracy."""
    found: list[dict[str, Any]] = facts["scores"] if "scores" in facts else facts["accuracy"]
    return found


def _int8(facts: dict[str, Any]) -> float:
    return next(float(r["value"]) for r in scores(facts) if r["name"] == "int8 under TFLM")


def row(name: str, facts: dict[str, Any]) -> str:
    """Returns one model as a row."""
    rates = {r["name"]: 100 * r["value"] for r in scores(facts)}
    costs = facts["costs"]
    ours = measure(ROOT / "zoo" / name / "model.tflite", load_board(facts["board"]["name"]))
    if not ours.bit_exact:
        sys.exit(f"{name}: the compiled model differs from the reference")
    cells = [
        f"[{name}](zoo/{name})",
        f"{rates['float']:.2f}",
        f"**{rates['int8 under TFLM']:.2f}**",
        f"{costs['macs'] / 1e6:.2f}",
        f"{costs['tflite_bytes'] / 1e3:.1f}",
        f"{facts['arena']['found'] / 1e3:.1f}",
        f"{ours.sram_bytes / 1e3:.1f}",
        f"{ours.flash_bytes / 1e3:.1f}",
        f"{ours.latency_ms:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def tables() -> str:
    """Returns all models of the zoo, and the published ones on the same recordings."""
    lines = [
        "| model | float % | int8 under TFLM % | M MACs | .tflite kB | TFLM arena kB | C: SRAM kB | flash kB | ms |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    found = [n for n in ORDER if (ROOT / "zoo" / n / "report.json").exists()]
    reports = {n: json.loads((ROOT / "zoo" / n / "report.json").read_text("utf-8")) for n in found}
    lines += [row(n, facts) for n, facts in reports.items()]
    lines += [f"| {n} | | {a:.2f} | {m:.2f} | {f:.1f} | {s:.1f} | | | |" for n, a, m, s, f in PUBLISHED]
    samples = {facts["samples"]["test"] for facts in reports.values()}
    interval = max(196 * math.sqrt(_int8(f) * (1 - _int8(f)) / f["samples"]["test"]) for f in reports.values())
    boards = sorted({facts["board"]["name"] for facts in reports.values()})
    dates = sorted({facts["date"] for facts in reports.values()})
    lines += [
        "",
        "Each of our models was made by `micronets run` with the file of its name in `examples/`, after the one with "
        f"`_first` in its name ({', '.join(dates)}). "
        f"Accuracy is that on {', '.join(f'{n:,}' for n in sorted(samples))} test recordings of "
        "Speech Commands v2 in 12 classes, which were never used for any choice (95 % confidence: "
        f"+-{interval:.1f} points). TFLM's arena is the smallest one in which the model runs on a 64-bit host, found "
        "by bisection. The columns of the C are the figures of `micronets measure` for the whole image with its stack, "
        f"and for one inference with the front end for its second, on a simulated {', '.join(boards)}; its time is "
        f"within +-10 %. 1 kB is 1000 bytes. {datetime.date.today()}, "
        "`python -m benchmarks.zoo tables`; all figures: zoo/NAME/report.json.",
    ]
    return "\n".join(lines)


def more_tables() -> str:
    """Returns the models of the other tasks."""
    lines = [
        "| model | test | metric | int8 under TFLM % | 95 % | M MACs | .tflite kB | TFLM arena kB "
        "| C: SRAM kB | flash kB | ms |",
        "| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    dates = set()
    for name, test in MORE.items():
        path = ROOT / "zoo" / name / "report.json"
        if not path.exists():
            continue
        facts = json.loads(path.read_text("utf-8"))
        dates.add(facts["date"])
        cells = row(name, facts).strip("| ").split(" | ")
        low, high = (100 * v for v in facts["interval"])
        test = f"{facts['samples']['test']:,} {facts['noun']}: {test}"
        cells = [cells[0], test, facts["metric"], cells[2], f"{low:.1f} to {high:.1f}", *cells[3:]]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Each model was made by `micronets run` with the file of its name in `examples/` "
        f"({', '.join(sorted(dates))}); nothing was chosen on the test set. The columns for TFLM's arena and the C "
        f"mean the same as in the table of keyword models. {datetime.date.today()}, `python -m benchmarks.zoo tables`; "
        "all figures: zoo/NAME/report.json.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("keep").add_argument("runs", type=Path, nargs="+")
    verbs.add_parser("tables")
    args = parser.parse_args()
    if args.verb == "keep":
        for run in args.runs:
            keep(run)
        return
    for section, text in (("zoo", tables()), ("zoo-more", more_tables())):
        replace_section(ROOT / "README.md", section, text)
        replace_section(ROOT / "docs" / "results.md", section, text.replace("](zoo/", "](../zoo/"))


if __name__ == "__main__":
    main()
