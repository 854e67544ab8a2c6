"""Writes the card of every model in zoo/, zoo/NAME/README.md: what it is for, what it learnt from, how well it does,
and where it will fail. All figures are those of its report.json.

Run from the repository: `python -m benchmarks.cards [NAME ...]`, for some models or for all.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.robustness import FILE, read, rows
from benchmarks.zoo import ROOT, scores
from docs.wrap_markdown import wrapped
from micronets.pipeline.config import INITS, is_model
from micronets.tasks.scoring import wilson

SPEECH = (
    "Speech Commands v0.02 (Warden 2018), CC BY 4.0: one-second recordings of single words in English, by volunteers, "
    "most of them close to the microphone of a computer or a telephone. No speaker is in two splits. Sounds without a "
    "word, such as hums, clicks and knocks, and speech that is no word were made by a program on top (docs/kws.md)."
)
SPEECH_LIMITS = (
    "Words of other languages, children, far microphones and loud places are rare in the data or missing. What is no "
    "word of the list is only 25 other words there, and of further words more are taken for one of the list."
)


@dataclass(frozen=True)
class Words:
    """What a report does not know of a model.

    - purpose: what it is for.
    - data: where the data are from, and their licences.
    - limits: where it will fail, and whom it may treat unequally.
    """

    purpose: str
    data: str
    limits: str


WORDS = {
    "kws_s_f446re": Words("Ten words, other words and silence, at little work.", SPEECH, SPEECH_LIMITS),
    "kws_l_f446re": Words("Ten words, other words and silence; the teacher of the other two.", SPEECH, SPEECH_LIMITS),
    "kws_frontier": Words("Ten words, other words and silence, at the least work.", SPEECH, SPEECH_LIMITS),
    "ic_f446re": Words(
        "A benchmark: ten kinds of things in pictures of 32 x 32 pixels. It is of no use in the field.",
        "CIFAR-10 (Krizhevsky 2009), public research data, kept as JPEG of quality 75.",
        "Figures on clean pictures cannot be compared with these.",
    ),
    "ad_f446re": Words(
        "A demonstration of anomaly detection by machine identity and by pitch.",
        "Slide rails that a program of this package synthesises; nothing was recorded.",
        "It says nothing of a real machine. Train one of your own recordings (docs/own-data.md).",
    ),
    "vww_f446re": Words(
        "Whether there is a person in a photograph, to wake something larger. It counts nobody and knows nobody.",
        "Photographs of COCO 2014 (Lin et al. 2014), with a person or without one by its annotations, which are CC BY "
        "4.0. The photographs are by users of Flickr, each under its own licence; none is part of this repository. The "
        "teacher was MLPerf Tiny's float network for visual wake words (Apache-2.0), which had learnt from about "
        "80,000 pictures of COCO, perhaps also from some of those that test here; ours was never shown a test picture. "
        "The weights are ours, under the licence of this repository.",
        "About 2 % of the pictures without a person may have a tiny one, and in 3 to 5 % of those with one it can "
        "hardly be seen. COCO shows everyday scenes, most of them by daylight: the dark, infrared, fish-eye lenses and "
        "views from above are rare or missing. Whether the model misses some persons more often than others, by age, "
        "sex or skin, was not measured, as COCO does not tell them: measure it with your camera, in your place, before "
        "you rely on it. It is no means of safety.",
    ),
}


def card(name: str, facts: dict[str, Any]) -> str:
    """Returns the text of one card, Markdown.

    - name: the model's folder in zoo/.
    - facts: its report.
    """
    facts = {"noun": "clips", "metric": "accuracy"} | facts  # reports of earlier versions know no other
    words, costs, samples, noun = WORDS[name], facts["costs"], facts["samples"], facts["noun"]
    classes, metric = [f"`{c}`" for c in facts["classes"]], facts["metric"].replace("_", " ")
    rates = {row["name"]: row["value"] for row in scores(facts)}
    value = rates["int8 under TFLM"]
    low_high = facts["interval"] if "interval" in facts else wilson(round(value * samples["test"]), samples["test"])
    lines = [
        f"# {name}",
        "",
        words.purpose,
        "",
        "| | |",
        "|---|---|",
        f"| outputs | {', '.join(classes)} |",
        f"| {metric}, int8 under TFLM | **{100 * value:.2f} %** of {samples['test']:,} {noun}, "
        f"by which nothing was chosen (95 %: {100 * low_high[0]:.1f} to {100 * low_high[1]:.1f}) |",
        f"| {metric} in float | {100 * rates['float']:.2f} % |",
        f"| work | {costs['macs'] / 1e6:.2f} M MACs |",
        f"| file | {costs['tflite_bytes']:,} bytes |",
        f"| TFLM's arena | {facts['arena']['found']:,} bytes |",
        f"| made for | {facts['board']['name']}, {facts['date']} |",
        "",
        "**Data.** " + words.data,
        f"Examples: {samples['train']:,} to train on, {samples['val']:,} to choose by, {samples['test']:,} to test.",
        "",
        "**Limits.** " + words.limits,
        "",
    ]
    if confusion := facts.get("confusion"):
        lines += ["| class | test | right % |", "|---|--:|--:|"]
        for i, row in enumerate(confusion):
            share = f"{100 * row[i] / sum(row):.1f}" if sum(row) else ""
            lines.append(f"| {classes[i]} | {sum(row):,} | {share} |")
        lines.append("")
    if (counted := read(ROOT / "zoo" / name / FILE)) is not None:
        lines += ["**Other sounds and places**", "", *rows({"this model": counted}), ""]
        lines += [
            f"Counted on {counted.date} by `python -m benchmarks.robustness`, which tells how. A first count on these "
            "clips had shown that soft words were lost, and led to a training at levels over 40 dB.",
            "",
        ]
    commands = [f"micronets run examples/{run}.toml --out runs/{run}" for run in (*earlier_runs(name), name)]
    lines += ["**Made by**", "", "```sh", *commands, "```", ""]
    lines += [
        f"with the settings of `config.toml`, `python -m benchmarks.zoo keep runs/{name}` and "
        "`python -m benchmarks.cards`; every figure of the run is in `report.json`. Other tests of it, and released "
        "models beside it: [docs/results.md](../../docs/results.md).",
        "",
    ]
    return wrapped("\n".join(lines))


def earlier_runs(name: str) -> list[str]:
    """Returns the runs that the recipe of a run goes on from or learns from, in the order in which they are made."""
    table = tomllib.loads((ROOT / "examples" / f"{name}.toml").read_text("utf-8"))
    teacher, found = table.get("teacher", {}), list[str]()
    for given in (table.get("init", INITS[0]), teacher.get("run", ""), teacher.get("model", "")):
        run = Path(given).parent if is_model(given) else Path(given)
        if given not in INITS and run.parts[:1] == ("runs",):
            found += [one for one in (*earlier_runs(run.name), run.name) if one not in found]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=sorted(WORDS))
    for name in parser.parse_args().names:
        folder: Path = ROOT / "zoo" / name
        facts = json.loads((folder / "report.json").read_text("utf-8"))
        (folder / "README.md").write_text(card(name, facts), encoding="utf-8")


if __name__ == "__main__":
    main()
