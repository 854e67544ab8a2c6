"""What keyword models do on composed streams, before and after tuning, and what a day of listening costs a board.

    python -m benchmarks.streams SPEECH_COMMANDS [RUN ...] [--seconds S] [--allowed N]
    python -m benchmarks.streams --costs [RUN ...]

SPEECH_COMMANDS is a directory with a folder for each word, `_unknown_` and `_background_noise_`. The models are those
of the zoo, and those of the directories of finished runs, whose names they get. Speakers are divided in two halves by
the hash of their names: one half is for tuning, the other for the table. A model that can take the new frames alone is
measured in both forms, which decide the same. With --costs alone, the cycles, bytes and joules of a second of sound and
of a day are measured on a simulated board, and no stream is heard. It writes the tables into docs/streaming.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from benchmarks.listening_cost import ListeningCost, asleep_text, listening_cost
from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.evaluate import runner
from micronets.commands.incremental import new_frames_alone
from micronets.commands.stream import StreamEvaluation, composed_sound, result_of
from micronets.runtimes import OUR_C
from micronets.streaming import plan_stream, steps_of
from micronets.streaming.judge import tuned, words_of
from micronets.streaming.offline import hear
from micronets.tasks.kws.folders import BACKGROUND
from micronets.terminal import percent
from micronets.tflite import ModelFile, model_file

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "streaming.md"
BOARD = "NUCLEO-F446RE"
MODELS = tuple(ROOT / "zoo" / name for name in ("kws_s_f446re", "kws_l_f446re", "kws_frontier"))


def link_half(folder: Path, out: Path, which: int) -> Path:
    """Links the clips of one half of the speakers, and all recordings of noise, into `out`."""
    for path in folder.glob("*/*.wav"):
        speaker = path.name.partition("_nohash_")[0]
        if path.parent.name == BACKGROUND or hashlib.sha1(speaker.encode()).digest()[0] % 2 == which:
            place = out / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.resolve())
    return out


def accuracy(run: Path) -> str:
    """Returns the accuracy on test clips in a run's report."""
    return percent(json.loads((run / "report.json").read_text("utf-8"))["scores"][-1]["value"])


def row(run: Path, what: str, found: StreamEvaluation) -> str:
    """Returns a line of the table of what models hear."""
    assert found.miss_rate is not None, "words are said"
    times = [f"{t:,.0f} ms" if t is not None else "-" for t in (found.latency_median_ms, found.latency_90_ms)]
    return (
        f"| {run.name} | {accuracy(run)} | {what} | {found.detector.average} | {found.said} |"
        f" {100 * found.miss_rate:.1f} % | {found.false_accepts_per_hour:.0f} | {times[0]} | {times[1]} |"
    )


def forms(run: Path) -> Iterator[tuple[str, ModelFile]]:
    """Yields a model as it is and, where that computes less, as one that takes the new frames alone."""
    file = model_file(run / "model.tflite")
    yield "98 frames", file
    alone = new_frames_alone(file)
    steps = steps_of(alone.model)
    if steps is not None:
        yield f"{steps.frames} new frames", alone


def cost_row(run: Path, takes: str, one: ListeningCost) -> str:
    """Returns a line of the table of costs."""
    return (
        f"| {run.name} | {takes} | {one.outputs:.3g} | {one.front_end_cycles / 1e6:.2f} M |"
        f" {one.network_cycles / 1e6:.2f} M | {one.sram_bytes:,} | {one.flash_bytes:,} | {100 * one.share:.1f} % |"
        f" {one.joules_a_day:,.0f} J |"
    )


def main() -> None:
    """Measures and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--allowed", type=float, default=20)
    options = parser.parse_args()
    if options.costs:
        write_costs((*MODELS, *options.folders))
    elif options.folders:
        hear_all(options.folders[0], (*MODELS, *options.folders[1:]), options.seconds, options.allowed)
    else:
        parser.error("name the directory of Speech Commands, or give --costs")


def hear_all(folder: Path, runs: Sequence[Path], seconds: float, allowed: float) -> None:
    """Writes the table of what models hear.

    - folder: the directory of Speech Commands.
    - runs: the directories of the models.
    - seconds: the length of a stream.
    - allowed: false accepts an hour that tuning allows.
    """
    lines = [
        "| model | test clips | detector | average | words said | missed | false accepts an hour | latency | 90 % |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as name:
        tuning, judging = (link_half(folder, Path(name) / part, i) for i, part in enumerate(("tuning", "judging")))
        for run in runs:
            file = model_file(run / "model.tflite")
            plan = plan_stream(file.model, file.name)
            names = words_of(plan.labels, plan.detector)
            first, other = (composed_sound(plan, f, seconds, i) for i, f in enumerate((tuning, judging)))
            compute = runner(file, OUR_C.name)
            events = [e for e in first.events if e.label in names]
            best = tuned([hear(file.model, plan, first.samples, compute)], [events], plan.detector, allowed)
            heard = hear(file.model, plan, other.samples, compute)
            for what, detector in (("default", plan.detector), ("tuned", best)):
                lines.append(row(run, what, result_of(file.name, OUR_C.name, other, heard, detector)))
                print(lines[-1], flush=True)
    lines.append(
        f"\nStreams of {seconds / 60:.0f} minutes, composed of the test clips of Speech Commands that are in "
        f"{folder.name}; tuned for {allowed:g} false accepts an hour on a stream of other "
        "speakers over the same recordings of noise. Test clips is the accuracy on whole clips, from the report of the "
        "run. Latency is from the end of a word, in the median and in 90 % of the detections. "
        f"{date.today().isoformat()}, `python -m benchmarks.streams`."
    )
    replace_section(PAGE, "streams", "\n".join(lines))


def write_costs(runs: Sequence[Path]) -> None:
    """Measures the models of runs and writes the table of what they cost."""
    board = load_board(BOARD)
    costs = [
        "| model | takes | outputs a second | front end | network | SRAM | flash | busy | a day |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for run in runs:
        for takes, file in forms(run):
            costs.append(cost_row(run, takes, listening_cost(file, board)))
            print(costs[-1], flush=True)
    costs.append(
        f"\nCycles of a second of sound on a simulated {BOARD} with its waits, of front end and network; SRAM and "
        "flash of both; the part of the time in which the board computes, and its energy in a day. Whole windows are "
        f"computed every 100 ms, new frames as they come. {asleep_text(board)} "
        f"{date.today().isoformat()}, `python -m benchmarks.streams --costs`."
    )
    replace_section(PAGE, "stream costs", "\n".join(costs))


if __name__ == "__main__":
    main()
