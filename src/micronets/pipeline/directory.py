"""The run directory, which holds plain files, and a record of the files that each stage read and wrote.

With this record a killed run can be resumed, a finished stage is not repeated, and a file that no longer fits its
inputs is refused instead of used. `stages.json` holds, for each stage, its state (`running` or `done`), its inputs by
name (settings, fingerprint of the data, digests of the files of earlier stages, package version) and the digests of the
files that it wrote.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from micronets import __version__, files, output_directory
from micronets.errors import FileError, SpecError
from micronets.files import digest, read_plain, write_atomic
from micronets.records import from_json, read_record, to_json, without_null

CONFIG, RECORD, LOCK = "config.toml", "stages.json", ".lock"
SEARCH_FOLDER, TEACHER_FOLDER, TRAIN_FOLDER = "search", "teacher", "train"
ARCH, VALUES, SUPERNET, SEARCH_LOG = (
    "search/arch.json",
    "search/values.json",
    "search/weights.pt",
    "search/history.jsonl",
)
SPACE_COPY = "search/space.py"
EVENTS = "tensorboard"
TRIALS, TRIAL_FOLDER = "search/spaces.json", "search/trials"
WEIGHTS, TRAIN_LOG = "train/weights.pt", "train/history.jsonl"
TEACHER_WEIGHTS, TEACHER_LOG = "teacher/weights.pt", "teacher/history.jsonl"
SEARCH_STATE, TEACHER_STATE, TRAIN_STATE = "search/checkpoint.pt", "teacher/checkpoint.pt", "train/checkpoint.pt"
LIBRARY, MEASUREMENT = "c", "measure.json"
_TRIAL_FILES = ("checkpoint.pt", "history.jsonl", "weights.pt")  # the files of a training in its folder
MODEL, EVALUATION, FACTS, PAGE = "model.tflite", "evaluate.json", "report.json", "report.html"
MISTAKES = "mistakes.json"
STREAM = "stream.json"


StageInputs = Mapping[str, Any]
"""What the files of a stage depend on, by name: settings and digests, as JSON values."""


@dataclass(frozen=True)
class RunDir:
    """The directory of one run."""

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def started(self) -> bool:
        """Whether a run has begun here: some stage has left files or a record."""
        return (self / RECORD).exists()


@contextmanager
def locked(run: RunDir, beginning: Sequence[str] = ()) -> Iterator[None]:
    """Locks the directory for this process while the block runs, and creates it if needed.

    A second process gets a `FileError`. The lock ends with the process, however that ends. Temporary files that a
    killed process left behind are removed. If the block leaves the directory empty, the lock file is removed, and so is
    the directory if it was created here.

    - `beginning`: names of further files that are allowed in a directory in which no stage has begun.
    """
    if _is_no_directory(run.path):
        raise FileError(f"{run.path}: is a file; name a directory with --out")
    new = not run.path.exists()
    names = _names(run)
    if LOCK not in names:  # no other process uses the directory, so nothing changes during this check
        _refuse_others(run, names, beginning)
    try:
        with files.locked(run / LOCK):
            _refuse_others(run, _names(run), beginning)
            files.remove_parts(run.path)
            try:
                yield
            finally:
                left = [n for n in _names(run) if n != LOCK]
                if left == [] or (LOCK not in names and RECORD not in names and sorted(left) == sorted(names)):
                    (run / LOCK).unlink()  # from here on another process may take the lock
                    if new:
                        with suppress(OSError):
                            run.path.rmdir()
    except files.InUse as e:
        raise FileError(
            f"{run.path}: is in use by another micronets process; wait for it, or name another --out"
        ) from e


def _is_no_directory(path: Path) -> bool:
    """Returns whether a path exists and is no directory, by a single check, as another process may remove it."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _names(run: RunDir) -> list[str]:
    with suppress(FileNotFoundError):
        return os.listdir(run.path)
    return []


def _refuse_others(run: RunDir, names: Sequence[str], beginning: Sequence[str]) -> None:
    """Raises `FileError` if a directory without a record holds files other than those that begin a run."""
    others = [
        n for n in names if n not in (LOCK, CONFIG, EVENTS, *beginning) and not files.is_part(n, (CONFIG, RECORD))
    ]
    if others and RECORD not in names:
        raise FileError(
            f"{run.path}: is not a run directory, and holds other files; name a new or empty one with --out"
        )


class StageFacts(Protocol):
    """The facts of a stage that the run directory needs; `micronets.pipeline.stages.base.Stage` has them all."""

    @property
    def name(self) -> str:
        """The name of the stage in stages.json."""

    @property
    def command(self) -> str:
        """The command that makes the stage's files again."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The stage's files, and folders that hold a list of their own files."""

    @property
    def resumes(self) -> bool:
        """Whether the stage continues from its own files after an interruption."""


@dataclass(frozen=True)
class StageRecord:
    """The entry of a stage in `stages.json`.

    - `state`: `done`, or `running` if the work was begun and perhaps interrupted.
    - `inputs`: what its files depend on, by name; JSON values, which are only compared.
    - `outputs`: the digests of the files that it wrote, by name; empty before it is done.
    - `seconds`: the time since it was last started or resumed; None before it is done.
    """

    state: Literal["running", "done"]
    inputs: StageInputs
    outputs: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


def begin(run: RunDir, stage: StageFacts, inputs: StageInputs) -> bool:
    """Returns whether `stage` must be done, and records it as running if so; if not, its files fit `inputs`.

    - `run`: the directory of the run.
    - `stage`: the stage; if it was interrupted, it resumes from its checkpoints.
    - `inputs`: what the files of the stage depend on, by name; JSON values.

    Raises `SpecError` if its files were made from other inputs, and `FileError` if they have changed since, or if a
    file that the stage did not write has the name of one of its outputs.
    """
    wanted: StageInputs = json.loads(json.dumps({"version": __version__, **inputs}))
    record = _read(run)
    entry = record.get(stage.name)
    if entry is not None:
        for key in [*wanted, *entry.inputs]:
            old, new = entry.inputs.get(key), wanted.get(key)
            if old != new:
                raise SpecError(f"{run.path}: stage {stage.name} {_stale(key, old, new)}; {way_out(run, stage)}")
        if entry.state == "done":
            check_outputs(run, stage)
            return False
    else:
        check_free(run, (stage,))
    _write(run, {**record, stage.name: StageRecord("running", wanted)})
    return True


def check_free(run: RunDir, stages: Sequence[StageFacts]) -> None:
    """Raises `FileError` for a file that a stage would overwrite although, by the record, it did not write it."""
    record = _read(run)
    for stage in stages:
        for name in stage.outputs:
            if stage.name not in record and name != LIBRARY and os.path.lexists(run / name):
                raise FileError(
                    f"{run / name}: exists, but micronets did not write it; move it away, or name another directory "
                    "with --out"
                )


def give_up(run: RunDir, stage: StageFacts) -> None:
    """Removes from the record a stage that failed before it left anything to resume from."""
    if stage.resumes and any((run / name).is_file() or _trials(run, name) for name in stage.outputs):
        return
    with suppress(FileError):  # the folder holds edited C: the first failure is the one to report
        _remove(run, stage)
    record = {k: v for k, v in _read(run).items() if k != stage.name}
    if record:
        _write(run, record)
    else:
        (run / RECORD).unlink(missing_ok=True)


def finish(run: RunDir, stage: StageFacts, outputs: Sequence[str], seconds: float = 0.0) -> None:
    """Records that `stage` is done.

    - `outputs`: the files that it has written.
    - `seconds`: the time since it was last started or resumed.
    """
    record = _read(run)
    digests = {name: digest((run / name).read_bytes()) for name in outputs}
    record[stage.name] = StageRecord("done", record[stage.name].inputs, digests, round(seconds, 1))
    _write(run, record)


def seconds(run: RunDir) -> dict[str, float]:
    """Returns the seconds that each finished stage took, by name, without stages that had nothing to do."""
    return {s: entry.seconds for s, entry in _read(run).items() if entry.seconds is not None and entry.outputs}


def check_outputs(run: RunDir, *stages: StageFacts) -> dict[str, str]:
    """Returns the digests of the files that stages wrote, by name.

    Raises `FileError` if a stage is not done or a file has changed.
    """
    record, found = _read(run), dict[str, str]()
    for stage in stages:
        entry = record.get(stage.name)
        if entry is None or entry.state != "done":
            raise FileError(
                f"{run.path}: stage {stage.name} is not done; do it with: micronets run {run.path} --resume"
            )
        for name, known in entry.outputs.items():
            path = run / name
            try:
                content = read_plain(path)
            except FileNotFoundError as e:
                raise FileError(f"{path}: is gone; {way_out(run, stage)}") from e
            except OSError as e:
                raise FileError(f"{path}: cannot be read ({e.strerror}); {way_out(run, stage)}") from e
            if digest(content) != known:
                raise FileError(f"{path}: has changed since stage {stage.name} wrote it; {way_out(run, stage)}")
        found |= entry.outputs
    return found


def discard(run: RunDir, stages: Sequence[StageFacts]) -> None:
    """Removes stages and their files, so that they are done again.

    - `stages`: the first stage to redo, and all later ones.

    Other people's files stay. Raises `FileError` for C that was edited, before anything is removed.
    """
    _check_c(run, stages)
    record, names = _read(run), [stage.name for stage in stages]
    ours = [stage for stage in stages if stage.name in record]
    #  If this process is killed during the removal, the record still lists the files as those of unfinished stages.
    _write(run, {k: StageRecord("running", v.inputs) if k in names else v for k, v in record.items()})
    for stage in ours:
        _remove(run, stage)
    _write(run, {k: v for k, v in record.items() if k not in names})


def erase(run: RunDir, stages: Sequence[StageFacts], last: str) -> None:
    """Removes all files that a run has written; other files stay.

    - run: the directory.
    - stages: the stages of the run.
    - last: the name of the file that is removed after all others.

    Raises `FileError` for C that was edited, before anything is removed.
    """
    _check_c(run, stages)
    record = _read(run)
    for stage in stages:
        if stage.name in record:
            _remove(run, stage)
    for name in (RECORD, CONFIG, last):
        (run / name).unlink(missing_ok=True)


def _check_c(run: RunDir, stages: Sequence[StageFacts]) -> None:
    if any(LIBRARY in stage.outputs for stage in stages):
        output_directory.check_writable(run / LIBRARY, {})


def _remove(run: RunDir, stage: StageFacts) -> None:
    """Removes the files of a stage, and its folder if nothing else is in it. Raises `FileError` for edited C."""
    for name in stage.outputs:
        if name == LIBRARY:
            output_directory.remove_files(run / name)
            continue
        if name == TRIAL_FOLDER:
            for trial in _trials(run, name):
                for file in _TRIAL_FILES:
                    (trial / file).unlink(missing_ok=True)
                with suppress(OSError):
                    trial.rmdir()
            with suppress(OSError):
                (run / name).rmdir()
        else:
            (run / name).unlink(missing_ok=True)
        if "/" in name:
            with suppress(OSError):
                (run / name).parent.rmdir()


def _trials(run: RunDir, name: str) -> list[Path]:
    """Returns the folders of single trainings; none if `name` is not `TRIAL_FOLDER`."""
    if name != TRIAL_FOLDER or not (run / name).is_dir():
        return []
    return [path for path in (run / name).iterdir() if path.is_dir() and not path.is_symlink()]


def _stale(key: str, old: Any, new: Any) -> str:
    if key == "version":
        return f"was made by micronets {old}, this is {new}"
    if key == "space file":
        return "was made from another search space (space.file, or a file that it imports, has changed)"
    if key == "task file":
        return "was made from another task (its file, or a file that it imports, has changed)"
    if key == "latency model file":
        return "was made with another latency model (the file that latency_model names has changed since)"
    if key == "supernet file":
        return "was made from another supernet (that of search.supernet)"
    if key == "data":
        return "was made from other data (the files of the data set have changed since)"
    if "/" in key or key.endswith(".tflite"):
        return f"was made from another {key}"
    return f"was made with {key} = {old}, not {new}"


def way_out(run: RunDir, stage: StageFacts) -> str:
    """Returns what a user can do if a file of a stage cannot be used."""
    return f"redo it with: micronets {stage.command} {run.path} --redo; or name another --out"


def _read(run: RunDir) -> dict[str, StageRecord]:
    try:
        (run / RECORD).stat()
    except FileNotFoundError:
        return {}
    except OSError:
        pass  # `read_record` below raises the error
    return read_record(_stage_records, run / RECORD, "start again in another directory with --out")


def _stage_records(table: Any) -> dict[str, StageRecord]:
    """Returns the records of the stages by name; raises `TypeError` if `table` is not such a record."""
    if not isinstance(table, dict):
        raise TypeError("it is not a record of stages")
    found = {}
    for name, record in table.items():
        try:
            found[name] = from_json(StageRecord, record)
        except TypeError as e:
            raise TypeError(f"stage {name}: {e}") from e
    return found


def _write(run: RunDir, record: Mapping[str, StageRecord]) -> None:
    tables = {stage: without_null(to_json(entry)) for stage, entry in record.items()}
    write_atomic(run / RECORD, json.dumps(tables, indent=1) + os.linesep)
