"""What the keyword models of the zoo do on composed streams: misses and false accepts an hour, before and after tuning.

    python -m benchmarks.streams SPEECH_COMMANDS [--seconds S] [--allowed N]
    python -m benchmarks.streams --costs

SPEECH_COMMANDS is a directory with a folder for each word, `_unknown_` and `_background_noise_`. Speakers are divided
in two halves by the hash of their names: one half is for tuning, the other for the table. It also measures what the
models cost a simulated board in a second of sound and in a day; with --costs alone, only that. It writes both tables
into docs/streaming.md.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from datetime import date
from pathlib import Path

from benchmarks.listening_cost import ListeningCost, listening_cost
from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.evaluate import runner
from micronets.commands.stream import StreamEvaluation, composed_sound, result_of
from micronets.runtimes import TFLM
from micronets.streaming import plan_stream
from micronets.streaming.judge import tuned, words_of
from micronets.streaming.offline import hear
from micronets.tasks.kws.folders import BACKGROUND
from micronets.tflite import model_file

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "streaming.md"
BOARD = "NUCLEO-F446RE"
MODELS = ("kws_s_f446re", "kws_l_f446re", "kws_frontier")


def link_half(folder: Path, out: Path, which: int) -> Path:
    """Links the clips of one half of the speakers, and all recordings of noise, into `out`."""
    for path in folder.glob("*/*.wav"):
        speaker = path.name.partition("_nohash_")[0]
        if path.parent.name == BACKGROUND or hashlib.sha1(speaker.encode()).digest()[0] % 2 == which:
            place = out / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.resolve())
    return out


def row(model: str, what: str, found: StreamEvaluation) -> str:
    """Returns a line of the table."""
    assert found.miss_rate is not None, "words are said"
    times = [f"{t:,.0f} ms" if t is not None else "-" for t in (found.latency_median_ms, found.latency_90_ms)]
    return (
        f"| {model} | {what} | {found.detector.average} | {found.said} | {100 * found.miss_rate:.1f} % |"
        f" {found.false_accepts_per_hour:.0f} | {times[0]} | {times[1]} |"
    )


def cost_row(model: str, one: ListeningCost) -> str:
    """Returns a line of the table of costs."""
    return (
        f"| {model} | {one.front_end_cycles / 1e6:.2f} M | {one.network_cycles / 1e6:.2f} M | {one.sram_bytes:,} |"
        f" {one.flash_bytes:,} | {100 * one.share:.1f} % | {one.joules_a_day:,.0f} J |"
    )


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--allowed", type=float, default=20)
    options = parser.parse_args()
    if options.folder is None and not options.costs:
        parser.error("name the directory of Speech Commands, or give --costs")
    if options.folder is not None:
        hear_all(options.folder, options.seconds, options.allowed)
    write_costs()


def hear_all(folder: Path, seconds: float, allowed: float) -> None:
    """Writes the table of what the models hear."""
    lines = [
        "| model | detector | average | words said | missed | false accepts an hour | latency | 90 % |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as name:
        tuning, judging = (link_half(folder, Path(name) / part, i) for i, part in enumerate(("tuning", "judging")))
        for model in MODELS:
            file = model_file(ROOT / "zoo" / model / "model.tflite")
            plan = plan_stream(file.model, file.name)
            names = words_of(plan.labels, plan.detector)
            first, other = (composed_sound(plan, f, seconds, i) for i, f in enumerate((tuning, judging)))
            run = runner(file, TFLM.name)
            events = [e for e in first.events if e.label in names]
            best = tuned([hear(file.model, plan, first.samples, run)], [events], plan.detector, allowed)
            heard = hear(file.model, plan, other.samples, run)
            for what, detector in (("default", plan.detector), ("tuned", best)):
                lines.append(row(model, what, result_of(file.name, TFLM.name, other, heard, detector)))
                print(lines[-1], flush=True)
    lines.append(
        f"\nStreams of {seconds / 60:.0f} minutes, composed of the test clips of Speech Commands that are in "
        f"{folder.name}; tuned for {allowed:g} false accepts an hour on a stream of other "
        "speakers over the same recordings of noise. Latency is from the end of a word, in the median and in 90 % of "
        "the detections. "
        f"{date.today().isoformat()}, `python -m benchmarks.streams`."
    )
    replace_section(PAGE, "streams", "\n".join(lines))


def write_costs() -> None:
    """Measures the models and writes the table of what they cost."""
    costs = ["| model | front end | network | SRAM | flash | busy | a day |", "|---|--:|--:|--:|--:|--:|--:|"]
    for model in MODELS:
        costs.append(cost_row(model, listening_cost(ROOT / "zoo" / model / "model.tflite", load_board(BOARD))))
        print(costs[-1], flush=True)
    costs.append(
        f"\nCycles of a second of sound on a simulated {BOARD} with its waits, of front end and network, which runs "
        "every 100 ms; SRAM and flash of both; the part of the time in which the board computes, and its energy in a "
        "day. For the rest of the time it is asleep, at a power that is not known and counts as 0. "
        f"{date.today().isoformat()}, `python -m benchmarks.streams --costs`."
    )
    replace_section(PAGE, "stream costs", "\n".join(costs))


if __name__ == "__main__":
    main()
