"""How keyword models do outside of their test set: how often they hear a word where there is none, and how many words
they still know in noise, in rooms, loud, soft and late. Models of the zoo stand beside released ones.

    python -m benchmarks.robustness [DATA] [SHARED] [--clips N] [--sounds N]

DATA (default `data`) holds kws/test_wav (a folder of WAVs for each word, `_unknown_` and `_silence_`), noise (ESC-10, a
folder for each kind) and wake (recordings of wake words, by corpus and word); SHARED (default `../shared`) holds the
released models. What is missing is left out. It writes the section `robustness` of docs/results.md, a short one of the
README, and zoo/NAME/robustness.json, which cards are made from (benchmarks.cards).
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
    if not path.is_file():
        return None
    table = json.loads(path.read_text("utf-8"))
    alarms, right = ({k: Count(**v) for k, v in table[name].items()} for name in ("alarms", "right"))
    return Robustness(alarms, right, table["date"])


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


def explained(test: Sounds) -> str:
    """Returns what stands below the table."""
    return (
        "A word is heard if the largest output is a keyword's. Generated sounds are made by formulas of their own "
        "(benchmarks/robustness_sounds.py), not by those that models of ours are trained on, at levels over 50 dB; "
        f"words are {len(test.said):,} clips of the test set, in noise of ESC-10 at so many dB below their loudest "
        "30 ms, in rooms by their reverberation time. Each model through its own front end, computed by our C. "
        f"{datetime.date.today()}, `python -m benchmarks.robustness`."
    )


def main() -> None:
    """Counts and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path("data"))
    parser.add_argument("shared", type=Path, nargs="?", default=Path("../shared"))
    parser.add_argument("--clips", type=int, default=40, help="clips of every keyword")
    parser.add_argument("--sounds", type=int, default=100, help="clips of every generated kind of sound")
    args = parser.parse_args()
    words, said = words_in_places(args.data, args.clips)
    test = Sounds(quiet_sounds(args.data, args.sounds), words, said)
    models: list[tuple[str, Path, str | None]] = [
        (f"[{name}](zoo/{name})", ROOT / "zoo" / name / "model.tflite", None) for name in ORDER
    ]
    models += [(name, args.shared / "models" / f"{file}.tflite", fe) for name, file, fe in RELEASED]
    found, seen = dict[str, Robustness](), dict[FrontEnd, dict[str, npt.NDArray[Any]]]()
    for name, path, front_end in models:
        if not path.is_file():
            print(f"left out: {name}, no {path}", file=sys.stderr)
            continue
        file = model_file(path)
        text, labels = front_end_json(file.model.metadata, front_end), known_labels(file.model.metadata, front_end)
        assert text is not None, path
        assert labels is not None, path
        fe = FrontEnd.from_json(text, str(path))
        if fe.base() not in seen:
            seen[fe.base()] = features_of(test, fe)
        found[name] = robustness(file, fe, labels, test, seen[fe.base()])
        if front_end is None:
            (path.parent / FILE).write_text(json.dumps(asdict(found[name]), indent=1) + "\n", encoding="utf-8")
        print(f"{name} done", file=sys.stderr, flush=True)
    table = "\n".join([*rows(found), "", explained(test)])
    short = "\n".join([*rows(found, SHORT), "", f"All rows: docs/results.md. {explained(test)}"])
    replace_section(ROOT / "docs" / "results.md", "robustness", table.replace("](zoo/", "](../zoo/"))
    replace_section(ROOT / "README.md", "robustness", short)


if __name__ == "__main__":
    main()
