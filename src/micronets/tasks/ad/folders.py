"""Directories of machine sounds: finds the recordings, with their machine, split, and whether it has a fault.

Known layouts, at any depth below the directory:

    <kind>_id_<nn>/{normal,anomaly}/*.wav                     a folder per machine
    <kind>/{train,test}/{normal,anomaly}_id_<nn>_*.wav        DCASE 2020, Task 2
    <kind>/id_<nn>/{normal,abnormal}/*.wav                    MIMII as published
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.frontend.recording import SOUND_SUFFIXES, hint
from micronets.tasks.class_folders import files_below
from micronets.terminal import counted

_ID = re.compile(r"id_(\d+)")
_FAULTY = ("anomaly", "abnormal")
LAYOUTS = "<kind>_id_<nn>/{normal,anomaly}/*.wav, or <kind>/{train,test}/{normal,anomaly}_id_<nn>_*.wav"


@dataclass(frozen=True)
class MachineRecording:
    """A recording of a machine.

    - `path`: its file.
    - `machine`: the name of the machine, such as "fan_id_00".
    - `abnormal`: whether the machine has a fault.
    - `split`: "train", "test", or "" if the folders do not say.
    """

    path: Path
    machine: str
    abnormal: bool
    split: str

    @property
    def kind(self) -> str:
        """The kind of machine: the machine's name without its number."""
        return self.machine.rpartition("_id_")[0]


def scan(root: Path) -> tuple[list[MachineRecording], tuple[str, ...]]:
    """Finds the recordings below `root`, and returns them with notes.

    Raises `DataError` if there are none, with the known layouts.
    """
    if not root.is_dir():
        what = "not a directory" if root.exists() else "no such directory"
        raise DataError(f"{root}: {what}; give one with machine sounds: {LAYOUTS}")
    found = files_below(root, SOUND_SUFFIXES)
    wavs, others = found.files, found.strangers
    if not wavs:
        what = (
            f"{counted(len(others), 'other files')}, first: {others[0].name}{hint(others[0])}"
            if others
            else "it is empty"
        )
        raise DataError(f"{root}: no .wav files ({what}); give machine sounds: {LAYOUTS}")
    read = [_recording(root, p) for p in wavs]
    known = [r for r in read if r is not None]
    if not known:
        raise DataError(
            f"{root}: the names do not say machine and state (first: {wavs[0].relative_to(root)}); use {LAYOUTS}"
        )
    strange = len(wavs) - len(known)
    first = next((p for p, r in zip(wavs, read, strict=True) if r is None), None)
    return known, (
        f"{counted(strange, 'recordings')} whose names do not say machine and state ignored (first: {first})",
    ) if strange else ()


def _recording(root: Path, path: Path) -> MachineRecording | None:
    parts = path.relative_to(root).parts
    number = next((m[1] for p in reversed(parts) if (m := _ID.search(p))), None)
    states = [w for p in parts for w in ("normal", *_FAULTY) if p == w or p.startswith(f"{w}_")]
    kinds = [k for p in (root.name, *parts[:-1]) if (k := re.sub(r"_?id_\d+$", "", p)) and k not in _FOLDERS]
    if number is None or not states or not kinds:
        return None
    split = next((p for p in parts[:-1] if p in ("train", "test")), "")
    return MachineRecording(path, f"{kinds[-1]}_id_{number}", states[-1] in _FAULTY, split)


_FOLDERS = ("normal", "train", "test", *_FAULTY)


def of_kind(records: Sequence[MachineRecording], machine: str, root: Path) -> list[MachineRecording]:
    """Returns the recordings of one kind of machine, or all of them.

    - `records`: the recordings.
    - `machine`: the kind, or "all".
    - `root`: their directory, for errors.

    Raises `SpecError` for a kind that is not there.
    """
    kinds = sorted({r.kind for r in records})
    if machine != "all" and machine not in kinds:
        raise SpecError(f"ad: no machine '{machine}' in {root}; {did_you_mean(machine, [*kinds, 'all'])}")
    return [r for r in records if machine in ("all", r.kind)]


def of_machines(
    records: Sequence[MachineRecording], known: Sequence[str], root: Path
) -> tuple[list[MachineRecording], tuple[str, ...]]:
    """Returns the recordings of machines that a model knows, and a note on those that are left out.

    - `records`: the recordings that were found.
    - `known`: the machines that the model has learnt, such as "fan_id_00".
    - `root`: the directory of the recordings, for the error.

    Raises `DataError` if no recording is of a known machine.
    """
    chosen = [r for r in records if r.machine in known]
    others = sorted({r.machine for r in records} - {*known})
    if not chosen:
        raise DataError(
            f"{root}: recordings of {_first(others)}, none of a machine that the model has learnt ({_first(known)}); "
            "give recordings of those, or train a model on these"
        )
    return chosen, (f"machines that the model does not know left out: {', '.join(others)}",) if others else ()


def _first(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def check_judged(test: Sequence[MachineRecording], root: Path) -> None:
    """Raises `DataError` if there are abnormal recordings, but no machine has both normal and abnormal ones.

    Without such a machine there is no AUC, which compares the normal recordings of a machine with its abnormal ones.
    Recordings that are all normal are scored by the share of windows whose machine is recognised.
    """
    faulty = {r.machine for r in test if r.abnormal}
    if faulty and not faulty & {r.machine for r in test if not r.abnormal}:
        raise DataError(
            f"{root}: no machine has normal and abnormal recordings to test on, so there is no AUC; "
            f"{min(faulty)} lacks normal ones: add some"
        )


def split(
    records: Sequence[MachineRecording], root: Path, *, train: bool = True
) -> tuple[dict[str, list[MachineRecording]], tuple[str, ...]]:
    """Returns the recordings by "train", "val" and "test", and notes; abnormal ones are in "test" only.

    If there is a test folder, it is the test split. Without one, "test" gets a third of each machine's normal
    recordings, but no more than there are abnormal ones. If no machine has an abnormal recording, it gets a tenth of
    those with 3 or more. Of the rest, "val" gets a tenth, if they are 3 or more. The name of a recording alone decides
    its split.

    - `records`: the recordings to divide.
    - `root`: the directory of the recordings, for the error.
    - `train`: whether a network will be trained, for which every machine needs normal recordings outside "test".

    Raises `DataError` if a machine has no such recordings.
    """
    out: dict[str, list[MachineRecording]] = {"train": [], "val": [], "test": []}
    healthy = not any(r.abnormal for r in records)
    for name, own in _by_machine(records).items():
        normal = sorted((r for r in own if not r.abnormal), key=lambda r: _hash(f"{name}/{r.path.name}"))
        faulty = [r for r in own if r.abnormal]
        if any(r.split for r in own):
            rest, test = [r for r in normal if r.split != "test"], [r for r in normal if r.split == "test"]
        else:
            n = min(max(1, len(normal) // 3), len(faulty)) if faulty and len(normal) > 1 else 0
            if healthy and len(normal) >= 3:
                n = max(1, len(normal) // 10)
            test, rest = normal[:n], normal[n:]
        if not rest and train:
            raise DataError(f"{root}: machine {name} has {len(normal)} normal recordings, none to train on; add some")
        n = max(1, len(rest) // 10) if len(rest) >= 3 else 0
        out["val"] += rest[:n]
        out["train"] += rest[n:]
        out["test"] += test + faulty
    return {s: sorted(rs, key=lambda r: str(r.path)) for s, rs in out.items()}, notes(out["test"], "test")


def notes(judged: Sequence[MachineRecording], split: str) -> tuple[str, ...]:
    """Returns notes on recordings that a model is scored on: machines without AUC, and small numbers.

    - `split`: the split of the recordings, "test" or "all".
    """
    if judged and not any(r.abnormal for r in judged):
        return (
            f"no abnormal recordings in split {split}: its score says how many windows of healthy machines are "
            "recognised, not how well faults are detected",
        )
    lines = []
    for name, own in _by_machine(judged).items():
        bad = sum(r.abnormal for r in own)
        if not bad or bad == len(own):
            lines.append(f"{name}: no {'normal' if bad else 'abnormal'} recordings in split {split}, so it has no AUC")
    bad = sum(r.abnormal for r in judged)
    if len(judged) < 100:
        lines.append(
            f"split {split} has {len(judged) - bad} normal and "
            f"{counted(bad, 'abnormal recordings')}: very few, see the interval"
        )
    return tuple(lines)


def _by_machine(records: Sequence[MachineRecording]) -> dict[str, list[MachineRecording]]:
    names = sorted({r.machine for r in records})
    return {name: [r for r in records if r.machine == name] for name in names}


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(errors="surrogateescape")).hexdigest()
