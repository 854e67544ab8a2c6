"""How keyword models do outside of their test set: how often they hear a word where there is none, and how many words
they still know in noise, in rooms, loud, soft and late. Models of the zoo stand beside released ones.

    python -m benchmarks.robustness [DATA] [SHARED] [--clips N] [--sounds N] [--models NAME ...]
    python -m benchmarks.robustness [DATA] [--clips N] [--sounds N] --files MODEL.tflite ...

DATA (default `data`) holds kws/test_wav (a folder of WAVs for each word, `_unknown_` and `_silence_`), noise (ESC-10, a
folder for each kind) and wake (recordings of wake words, by corpus and word); SHARED (default `../shared`) holds the
released models. What is missing is left out. It writes the section `robustness` of docs/results.md, a short one of the
README, and zoo/NAME/robustness.json, which cards are made from (benchmarks.cards). `--models` counts only those; the
other columns are what was counted before and is kept beside the models, for released ones in
benchmarks/robustness_released.json. `--files` counts other models, which carry their front end and labels, prints their
table and writes nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.robustness_sounds import (
    RATE,
    SEED,
    SOUNDS,
    Wave,
    in_room,
    louder,
    shifted,
    sounds,
    with_noise,
)
from benchmarks.tables import replace_section
from benchmarks.zoo import ORDER, ROOT
from micronets.commands.evaluate import front_end_json, known_labels, quantized, runner
from micronets.frontend import FrontEnd, features, network_input, read_recording
from micronets.runtimes import OUR_C
from micronets.tasks.kws.data import KEYWORDS, SILENCE, UNKNOWN
from micronets.tflite import ModelFile, model_file

RELEASED = (  # name, file below SHARED/models, front end
    ("MicroNet-KWS-S", "micronets/kws_micronet_s", "micronet-mfcc"),
    ("MicroNet-KWS-M", "micronets/kws_micronet_m", "micronet-mfcc"),
    ("MicroNet-KWS-L", "micronets/kws_micronet_l", "micronet-mfcc"),
    ("MLPerf Tiny KWS", "mlperf_tiny/kws_ref_model", "mlperf-mfcc"),
)
FILE = "robustness.json"
FILE_OF_RELEASED = ROOT / "benchmarks" / "robustness_released.json"
TEST_CLIPS = "test clips without a keyword"
SHORT = (TEST_CLIPS, "mains hum", "clicks", "knocks", "wake words", "10 dB above real noise")


@dataclass(frozen=True)
class Count:
    """How many of so many clips."""

    found: int
    clips: int

    def percent(self) -> str:
        """Writes the share in percent."""
        return f"{100 * self.found / self.clips:.1f}"


@dataclass(frozen=True)
class Robustness:
    """What a model does outside of its test set.

    - `alarms`: by the kind of sound, in how many clips without a keyword it hears one.
    - `right`: by what was done to the words, how many of them it names.
    - `date`: when that was counted.
    """

    alarms: Mapping[str, Count]
    right: Mapping[str, Count]
    date: str


@dataclass(frozen=True, eq=False)
class Sounds:
    """The clips of a test, each `[16000]`.

    - `quiet`: by kind, clips without a keyword.
    - `words`: by what was done to them, clips of keywords.
    - `said`: which keyword is said in each clip of any entry of `words`.
    """

    quiet: Mapping[str, Sequence[Wave]]
    words: Mapping[str, Sequence[Wave]]
    said: Sequence[str]


def recordings(folder: Path) -> list[Wave]:
    """Reads all WAVs below a folder, which have 16,000 samples a second, in the order of their names."""
    found = []
    for path in sorted(folder.glob("**/*.wav")):
        recording = read_recording(path)
        if recording.rate != RATE:
            sys.exit(f"{path}: {recording.rate} samples a second; need {RATE}")
        found.append(np.asarray(recording.samples, np.float32))
    return found


def loudest_second(samples: Wave) -> Wave:
    """Returns the loudest second of a recording, found in steps of 100 ms; a shorter one is padded on both sides."""
    spare = RATE - len(samples)
    if spare > 0:
        return np.pad(samples, (spare // 2, spare - spare // 2))
    starts = range(0, len(samples) - RATE + 1, RATE // 10)
    best = max(starts, key=lambda at: float((samples[at : at + RATE] ** 2).sum()))
    return samples[best : best + RATE]


def quiet_sounds(data: Path, each: int) -> dict[str, Sequence[Wave]]:
    """Returns the clips without a keyword: `each` of every generated kind, and all recordings that there are."""
    folder = data / "kws" / "test_wav"
    found: dict[str, Sequence[Wave]] = {
        TEST_CLIPS: [loudest_second(x) for name in (UNKNOWN, SILENCE) for x in recordings(folder / name)],
        **{kind: sounds(kind, each) for kind in SOUNDS},
        "wake words": [loudest_second(x) for x in recordings(data / "wake")],
        "noises of ESC-10": [loudest_second(x) for x in recordings(data / "noise")],
    }
    return {kind: clips for kind, clips in found.items() if clips}


def words_in_places(data: Path, each: int) -> tuple[dict[str, Sequence[Wave]], list[str]]:
    """Returns words by what was done to them, and which word each clip says.

    - each: clips of every keyword, the first ones by their names.
    """
    clips, said = [], []
    for word in KEYWORDS:
        found = recordings(data / "kws" / "test_wav" / word)[:each]
        clips += [loudest_second(x) for x in found]
        said += [word] * len(found)
    if not clips:
        return {}, []
    noise = [loudest_second(x) for x in recordings(data / "noise")]

    def done(change: Callable[[Wave, int], Wave]) -> list[Wave]:
        return [change(clip, i) for i, clip in enumerate(clips)]

    def random(i: int) -> np.random.Generator:
        return np.random.default_rng([SEED, i])

    places: dict[str, Sequence[Wave]] = {"as recorded": clips}
    for snr in (20, 10, 0) if noise else ():
        places[f"{snr} dB above real noise"] = done(
            lambda x, i, snr=snr: with_noise(x, noise[i % len(noise)], snr)  # type: ignore[misc]
        )
    places["30 dB softer"] = done(lambda x, _: louder(x, -30))
    places["20 dB louder, clipped"] = done(lambda x, _: louder(x, 20))
    places["100 ms early or late"] = done(lambda x, i: shifted(x, 0.1 if i % 2 else -0.1))
    for seconds in (0.3, 0.8):
        places[f"in a room of {seconds:g} s"] = done(lambda x, i, s=seconds: in_room(x, s, random(i)))  # type: ignore[misc]
    return places, said


def features_of(test: Sounds, fe: FrontEnd) -> dict[str, npt.NDArray[Any]]:
    """Returns the features of all clips through a front end, by kind of sound or by what was done to words."""
    return {name: features(clips, fe) for part in (test.quiet, test.words) for name, clips in part.items()}


def robustness(
    file: ModelFile, fe: FrontEnd, labels: Sequence[str], test: Sounds, seen: Mapping[str, npt.NDArray[Any]]
) -> Robustness:
    """Counts what a model hears, computed by our C on this machine.

    - file: the model.
    - fe: its front end.
    - labels: names of its outputs.
    - test: the clips.
    - seen: their features (see `features_of`).
    """
    run = runner(file, OUR_C.name)

    def heard(name: str) -> list[str]:
        codes = quantized(file.model, network_input(seen[name], fe))
        return [labels[i] for i in run(codes).reshape(len(codes), -1).argmax(1)]

    alarms = {
        kind: Count(sum(name in KEYWORDS for name in heard(kind)), len(clips)) for kind, clips in test.quiet.items()
    }
    right = {
        place: Count(sum(a == b for a, b in zip(heard(place), test.said, strict=True)), len(test.said))
        for place in test.words
    }
    return Robustness(alarms, right, str(datetime.date.today()))


def read(path: Path) -> Robustness | None:
    """Reads what `main` wrote beside a model; None where it did not."""
    return _robustness(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def _robustness(table: Mapping[str, Any]) -> Robustness:
    """Returns what was counted of a model, from the values of a JSON file."""
    alarms, right = ({k: Count(**v) for k, v in table[name].items()} for name in ("alarms", "right"))
    return Robustness(alarms, right, table["date"])


def _read_released() -> dict[str, Robustness]:
    """Reads what was counted of released models, by name."""
    tables = json.loads(FILE_OF_RELEASED.read_text("utf-8")) if FILE_OF_RELEASED.is_file() else {}
    return {name: _robustness(table) for name, table in tables.items()}


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def rows(found: Mapping[str, Robustness], kinds: Sequence[str] | None = None) -> list[str]:
    """Returns the rows of a table with a column for each model.

    - found: by model.
    - kinds: which kinds of sounds, and what was done to words; None: all.
    """
    first = next(iter(found.values()))
    lines = [f"| | clips | {' | '.join(found)} |", f"| --- | --: |{' --: |' * len(found)}"]
    for what, part in (("a word heard in", "alarms"), ("words known", "right")):
        counts: Mapping[str, Count] = getattr(first, part)
        for kind in counts:
            if kinds is None or kind in kinds:
                cells = [getattr(r, part)[kind].percent() for r in found.values()]
                lines.append(f"| {what}: {kind}, % | {counts[kind].clips:,} | {' | '.join(cells)} |")
    return lines


def explained(test: Sounds, found: Mapping[str, Robustness]) -> str:
    """Returns what stands below the table."""
    return (
        "A word counts as heard if the largest output is a keyword's. Generated sounds are made by separate formulas "
        "(benchmarks/robustness_sounds.py), not by those that our models are trained on, at levels over 50 dB; words "
        f"are {len(test.said):,} clips of the test set, in noise of ESC-10 at the given number of dB below their "
        "loudest 30 ms, in rooms by their reverberation time. Each model through its own front end, computed by our "
        f"C. {', '.join(sorted({r.date for r in found.values()}))}, `python -m benchmarks.robustness`."
    )


@dataclass(frozen=True)
class Model:
    """A model of the table.

    - `name`: of the zoo's folder, or of the release.
    - `path`: the `.tflite`.
    - `front_end`: the name of its front end; None: that of its metadata.
    """

    name: str
    path: Path
    front_end: str | None = None

    @property
    def column(self) -> str:
        """The head of its column."""
        return self.name if self.front_end else f"[{self.name}](zoo/{self.name})"


def all_models(shared: Path) -> list[Model]:
    """Returns the models of the zoo, and the released ones below SHARED/models."""
    ours = [Model(name, ROOT / "zoo" / name / "model.tflite") for name in ORDER]
    return ours + [Model(name, shared / "models" / f"{file}.tflite", fe) for name, file, fe in RELEASED]


def counted(models: Sequence[Model], test: Sounds) -> dict[str, Robustness]:
    """Counts what models hear, by name; one whose file is not there is left out, which is said."""
    found, seen = dict[str, Robustness](), dict[FrontEnd, dict[str, npt.NDArray[Any]]]()
    for model in models:
        if not model.path.is_file():
            print(f"left out: {model.name}, no {model.path}", file=sys.stderr)
            continue
        file = model_file(model.path)
        metadata = file.model.metadata
        text, labels = front_end_json(metadata, model.front_end), known_labels(metadata, model.front_end)
        assert text is not None, model.path
        assert labels is not None, model.path
        fe = FrontEnd.from_json(text, str(model.path))
        if fe.base() not in seen:
            seen[fe.base()] = features_of(test, fe)
        found[model.name] = robustness(file, fe, labels, test, seen[fe.base()])
        print(f"{model.name} done", file=sys.stderr, flush=True)
    return found


def with_kept(found: Mapping[str, Robustness], models: Sequence[Model]) -> dict[str, Robustness]:
    """Returns what was counted, and what is kept of the other models, in their order.

    Ends the program where what is kept was counted on other clips.
    """
    released = _read_released()
    kept = {m.name: released.get(m.name) if m.front_end else read(m.path.parent / FILE) for m in models}
    both = {name: known for name, r in kept.items() if (known := found.get(name, r)) is not None}
    of = {name: [(k, c.clips) for part in (r.alarms, r.right) for k, c in part.items()] for name, r in both.items()}
    first = next(iter(found))
    others = [name for name in of if of[name] != of[first]]
    if others:
        sys.exit(f"{', '.join(others)}: counted on other clips than {first}; count all models, without --models")
    return both


def keep(found: Mapping[str, Robustness], models: Sequence[Model]) -> None:
    """Writes what was counted beside the models of the zoo, and that of released ones into one file."""
    released = _read_released()
    for model in models:
        if model.name not in found:
            continue
        if model.front_end is None:
            _write(model.path.parent / FILE, asdict(found[model.name]))
        else:
            released[model.name] = found[model.name]
    if released:
        _write(FILE_OF_RELEASED, {name: asdict(released[name]) for name in sorted(released)})


def main() -> None:
    """Counts and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path("data"))
    parser.add_argument("shared", type=Path, nargs="?", default=Path("../shared"))
    parser.add_argument("--clips", type=int, default=40, help="clips of every keyword")
    parser.add_argument("--sounds", type=int, default=100, help="clips of every generated kind of sound")
    names = [*ORDER, *(name for name, _, _ in RELEASED)]
    parser.add_argument("--models", nargs="+", choices=names, metavar="NAME", help="count only these; default: all")
    parser.add_argument("--files", nargs="+", type=Path, metavar="MODEL", help="count these, and print their table")
    args = parser.parse_args()
    models = all_models(args.shared)
    wanted = [m for m in models if args.models is None or m.name in args.models]
    words, said = words_in_places(args.data, args.clips)
    test = Sounds(quiet_sounds(args.data, args.sounds), words, said)
    found = counted([Model(str(path), path) for path in args.files] if args.files else wanted, test)
    if not found:
        sys.exit("none of the models is there")
    if args.files:
        print("\n".join(rows(found)))
        return
    known = with_kept(found, models) if args.models else found
    keep(found, models)
    columns = {m.column: known[m.name] for m in models if m.name in known}
    table = "\n".join([*rows(columns), "", explained(test, columns)])
    short = "\n".join([*rows(columns, SHORT), "", f"All rows: docs/results.md. {explained(test, columns)}"])
    replace_section(ROOT / "docs" / "results.md", "robustness", table.replace("](zoo/", "](../zoo/"))
    replace_section(ROOT / "README.md", "robustness", short)


if __name__ == "__main__":
    main()
