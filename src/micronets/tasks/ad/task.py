"""The task `ad`: anomaly detection in machine sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.arguments import check_kinds
from micronets.errors import DataError, SpecError, did_you_mean
from micronets.files import digest
from micronets.frontend import FrontEnd, cached_arrays, features, wav_features
from micronets.ranges import check_fields, ranged
from micronets.tasks.ad import folders, synthetic
from micronets.tasks.ad.data import AdData
from micronets.tasks.ad.settings import LOGMEL, WindowAugmentation, Windows
from micronets.tasks.base import ALL, SPLITS, Balance, Card, Examples, Outline, Task, check_splits
from micronets.tasks.labelled import positions
from micronets.terminal import counted

__all__ = ["TASK", "AdData", "AdOptions", "WindowAugmentation", "examples", "load", "outline"]

Pixels = npt.NDArray[np.uint8]

PITCHES = (0.97, 1.03)
MOST_PITCHES = 8


@dataclass(frozen=True)
class AdOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: machine sounds, as `slider_id_00/{normal,anomaly}/*.wav` or in the folders of DCASE 2020; empty: synthetic
      machines are made.
    - `machine`: kind of machine, such as slider, fan, pump or valve, or all; empty: all kinds in the recordings, or
      slider for synthetic ones.
    - `synthetic_clips`: training clips to synthesise, if there is no path.
    - `clip_seconds`: length of a clip; longer recordings are cut to it at the end.
    - `pitches`: factors around 1 by which the frequencies of training sounds are raised or lowered. The network learns
      to distinguish these sounds from the machine's own, so that it detects small changes, and one machine is enough.
      Without any factor it only distinguishes machines, and two are needed.
    - `balance`: how often a training epoch uses the windows: each once (`none`), or every machine equally often
      (`sampled`), repeating rare ones.
    - `augmentation`: the augmentation of training windows.
    """

    path: str = ""
    machine: str = ""
    synthetic_clips: int = ranged(320, 1, 1_000_000)
    clip_seconds: float = ranged(10.0, 2.1, 600)
    pitches: tuple[float, ...] = PITCHES
    balance: Balance = "none"
    augmentation: WindowAugmentation = field(default_factory=WindowAugmentation)

    def __post_init__(self) -> None:
        check_fields(self, "data.")
        check_kinds(self, "data.")
        check_pitches(self.pitches)


def check_pitches(pitches: Sequence[float]) -> None:
    """Raises `SpecError` for pitches too close to 1 for a network to distinguish, or too far for a small change."""
    wrong = [p for p in pitches if not 0.5 <= p <= 2 or abs(p - 1) < 0.005]
    if wrong:
        raise SpecError(f"data.pitches: {wrong[0]:g}; allowed: 0.5 to 0.995 and 1.005 to 2")
    if len({*pitches}) < len(pitches) or len(pitches) > MOST_PITCHES:
        raise SpecError(f"data.pitches: {list(pitches)}; allowed: at most {MOST_PITCHES} different factors")


def outline(options: AdOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    machines = 1 if options.path and options.pitches else 2
    return Outline(machines * (1 + len(options.pitches)), {"height": Windows().height, "width": Windows().width})


def load(
    path: Path | None = None,
    *,
    machine: str = "",
    synthetic_clips: int = 320,
    clip_seconds: float = 10.0,
    pitches: Sequence[float] = PITCHES,
    augmentation: WindowAugmentation | None = None,
    splits: Sequence[str] = SPLITS,
    windows: Windows | None = None,
    known: Sequence[str] | None = None,
) -> AdData:
    """Reads the machine sounds at `path`, or synthesises some.

    - `machine`, `synthetic_clips`, `clip_seconds`, `pitches`, `augmentation`: see `AdOptions`.
    - `splits`: the splits to read, or "all" for everything in one split; the others stay empty.
    - `windows`: the conversion from clips to inputs; by default log-mels, standardised over the training clips.
    - `known`: the machines of a finished model, such as "fan_id_00"; recordings of others are left out, with a note.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    check_splits(splits, (*SPLITS, ALL))
    check_pitches(pitches)
    own = windows or Windows(replace(LOGMEL, clip_ms=1000 * clip_seconds), pitches=tuple(pitches))
    if path is None:
        sounds = _Sounds(_synthetic_clips(machine or "slider", synthetic_clips), (), _synthetic_features)
    else:
        sounds = _recordings(path, machine, known, splits)
    found = tuple(sorted({c.machine for part in sounds.by_split.values() for c in part}))
    if len(found) < 2 and not own.pitches and "train" in splits:
        raise DataError(
            f"{path}: only one machine, {found[0]}; a network that only distinguishes machines needs two, or "
            "data.pitches"
        )
    by_split = sounds.asked_for(splits)
    clips: dict[str, Pixels] = {}
    notes = [*sounds.notes]
    for s, part in by_split.items():
        clips[s], more = sounds.features(part, own.logmel)
        notes += [f"{s}: {note}" for note in more]
    count = sum(map(len, by_split.values()))
    if "train" in splits and not by_split["val"]:
        notes.append(
            "too few recordings for a validation split: the end of each training recording is used for validation, "
            "the rest for training"
        )
        cut = own.frames + 2 * own.hop  # three windows
        by_split["val"] = by_split["train"]
        clips["train"], clips["val"] = clips["train"][:, :-cut], clips["train"][:, -cut:]
    if windows is None and len(clips["train"]):
        own = replace(own, logmel=standardised(own.logmel, clips["train"]))
    machines = counted(len(found), "machines")
    what = f"{machines}, {counted(count, 'clips')} of {own.logmel.clip_ms / 1000:g} s"
    return AdData(
        classes=(*found, *(f"{name} x {pitch:g}" for pitch in own.pitches for name in found)),
        source=f"{path.name}: {what}" if path else f"synthetic machine sounds ({machine or 'slider'}): {what}",
        windows=own,
        clips=clips,
        machine={s: np.array([found.index(c.machine) for c in part], np.int64) for s, part in by_split.items()},
        abnormal={s: np.array([c.abnormal for c in part], bool) for s, part in by_split.items()},
        synthetic=path is None,
        notes=tuple(notes),
        made=len(own.pitches) * own.count(clips["train"].shape[1]) * len(clips["train"]),
        made_to_choose=len(own.pitches) * own.count(clips["val"].shape[1]) * len(clips["val"]),
        augmentation=augmentation or WindowAugmentation(),
    )


@dataclass(frozen=True)
class _Sounds:
    """Sounds of machines before their features are computed.

    - by_split: the sounds of "train", "val" and "test", each with its `machine` and whether it is `abnormal`.
    - notes: remarks for the run and its report.
    - features: computes the log-mel pixels of some of the sounds, and remarks.
    """

    by_split: dict[str, list[Any]]
    notes: tuple[str, ...]
    features: Callable[[Sequence[Any], FrontEnd], tuple[Pixels, tuple[str, ...]]]

    def asked_for(self, splits: Sequence[str]) -> dict[str, list[Any]]:
        """Returns the sounds of the given splits, or with "all" everything in one split; other splits are empty."""
        if "all" in splits:
            return {s: [] for s in SPLITS} | {"all": [c for s in SPLITS for c in self.by_split[s]]}
        return {s: self.by_split[s] if s in splits else [] for s in SPLITS}


def _recordings(path: Path, machine: str, known: Sequence[str] | None, splits: Sequence[str]) -> _Sounds:
    """Returns the recordings below a directory, divided into splits; arguments and errors are those of `load`."""
    records, strange = folders.scan(path)
    left_out: tuple[str, ...] = ()
    if known is None:
        chosen = folders.of_kind(records, machine or "all", path)
    else:
        chosen, left_out = folders.of_machines(records, known, path)
    if "all" in splits:
        by_split, few = {"train": [], "val": [], "test": chosen}, folders.notes(chosen, "all")
    else:
        by_split, few = folders.split(chosen, path, train="train" in splits)
    if "test" in splits or "all" in splits:
        folders.check_judged(by_split["test"], path)
    return _Sounds(by_split, (*strange, *left_out, *few), _recorded_features)


def standardised(fe: FrontEnd, clips: Pixels) -> FrontEnd:
    """Returns the front end with the rounded mean and deviation of the training pixels."""
    return replace(
        fe, input_mean=(float(round(float(clips.mean()))),), input_scale=(float(max(1, round(float(clips.std())))),)
    )


def _recorded_features(sounds: Sequence[Any], fe: FrontEnd) -> tuple[Pixels, tuple[str, ...]]:
    x, tally = wav_features([r.path for r in sounds], fe)
    return x, tally.notes(fe)


def _synthetic_clips(machine: str, clips: int) -> dict[str, list[Any]]:
    """Returns the clips to synthesise, by split.

    There are `clips` for "train", 0.15 times as many for "val" and 0.8 times as many for "test", where every second one
    has a fault. All machines and faults are equally frequent.
    """
    if machine not in (*synthetic.MACHINE_KINDS, "all"):
        raise SpecError(
            f"ad: no synthetic machine '{machine}'; {did_you_mean(machine, (*synthetic.MACHINE_KINDS, 'all'))}"
        )
    kinds = synthetic.MACHINE_KINDS if machine == "all" else (machine,)
    each = clips / (len(kinds) * len(synthetic.IDS))
    counts = {"train": round(each), "val": round(0.15 * each), "test": 2 * round(0.4 * each)}
    if not all(counts.values()):
        raise SpecError(f"ad: synthetic_clips = {clips}; at least {7 * len(kinds) * len(synthetic.IDS)} are needed")
    return {
        s: [synthetic.SyntheticClip(kind, name, s, i) for kind in kinds for name in synthetic.IDS for i in range(n)]
        for s, n in counts.items()
    }


def _synthetic_features(sounds: Sequence[Any], fe: FrontEnd) -> tuple[Pixels, tuple[str, ...]]:
    def make() -> dict[str, Pixels]:
        parts = [features([synthetic.synthesise(c, fe.clip_ms / 1000)], fe) for c in sounds]
        return {"x": np.concatenate([features([], fe), *parts])}

    return cached_arrays(digest(repr((synthetic.VERSION, sounds, fe.base()))), make)["x"], ()


def examples(card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
    """Reads the windows of a split of the data at `path`, through the model's own front end.

    - `card`: the facts about the model; machines that are not among its labels are left out.
    - `path`: the data; None: synthetic data.
    - `split`: "train", "val", "test", or "all" for everything in one split.
    - `test`: must be None: the test recordings are among the data.

    Raises `SpecError` and `DataError`, also if nothing is left.
    """
    if test is not None:
        raise SpecError("--test: task ad takes its test recordings from --data")
    if card.labels is None or card.frontend is None:
        raise SpecError(
            f"{card.where}: carries no labels or no front end of task ad, so it is not known how sound becomes its "
            "input; give a model that micronets run has made"
        )
    windows = Windows.from_json(card.frontend, card.where)
    if (windows.height, windows.width, 1) != card.input_shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, its front end gives {windows.height, windows.width, 1}"
        )
    count, rest = divmod(len(card.labels), 1 + len(windows.pitches))
    if rest or not count:
        raise SpecError(
            f"{card.where}: its {len(card.labels)} labels are not those of machines at {1 + len(windows.pitches)} "
            "pitches; give a model of task ad"
        )
    machines = card.labels[:count]
    kinds = {label.rpartition("_id_")[0] for label in machines}
    machine = kinds.pop() if len(kinds) == 1 else "all"
    data = load(path, machine=machine, splits=(split,), windows=windows, known=machines)
    where = path if path is not None else "synthetic machines"
    learnt = data.classes[: len(data.classes) // (1 + len(windows.pitches))]
    rows = np.isin(data.machine[split], [i for i, c in enumerate(learnt) if c in machines])
    if not rows.any():
        raise DataError(
            f"{where}: split '{split}' is empty: {', '.join(learnt)} have no recordings in it; use another one, or "
            "all recordings with --split all"
        )
    order = positions(learnt, machines)
    known = replace(
        data,
        classes=card.labels,
        clips={split: data.clips[split][rows]},
        machine={split: order[data.machine[split][rows]]},
        abnormal={split: data.abnormal[split][rows]},
    )
    return Examples(
        part=lambda rows: known.inputs(split, {}, rows), labels=known.labels(split), classes=known.classes,
        score=lambda outputs: known.evaluate(outputs, split), source=known.source, synthetic=known.synthetic,
        noun=known.noun, notes=known.notes,
    )  # fmt: skip


TASK = Task(
    name="ad",
    about="anomaly detection: how unusual a machine sounds, learnt from healthy machines only",
    inputs="ad",
    options=AdOptions,
    load=load,
    outline=outline,
    examples=examples,
)
