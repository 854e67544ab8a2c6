"""`RunContext`: a run in progress, held by one process, and the values that its stages share."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micronets import tasks, user_code
from micronets.boards.board import Board, load_board
from micronets.commands import own_space
from micronets.commands.first_network import FirstNetwork, first_network
from micronets.commands.search import front_end_costs, front_ends_of
from micronets.cost import latency_model
from micronets.cost.costs import RuntimeCosts, with_front_ends
from micronets.design.setting_ranges import OF_SPACES
from micronets.design.train_settings import check_made_weight
from micronets.errors import DataError, FileError, MicronetsError, SpecError
from micronets.files import digest, fingerprint, read_plain, read_plain_text, write_atomic
from micronets.ir.arch import Arch
from micronets.ir.layers import Shape
from micronets.ir.space import SearchSpace, space_of_one, with_bits
from micronets.ir.space_trials import SpaceTrials
from micronets.ir.spaces.base import BITS
from micronets.pipeline import directory
from micronets.pipeline.config import (
    GIVEN_SPACE,
    Config,
    SpaceConfig,
    decides,
    first_difference,
    is_model,
    load,
    make_space,
    spaces_to_try,
)
from micronets.pipeline.directory import ARCH, TRIALS, VALUES, RunDir, StageInputs
from micronets.pipeline.event_files import is_wanted, recorded
from micronets.pipeline.toml_config import flat, to_toml
from micronets.progress import NoteEvent, Progress
from micronets.records import from_json, read_record
from micronets.runtimes import RUNTIMES, Runtime
from micronets.tasks.base import SPLITS
from micronets.tasks.labelled import duplicate_notes, given_labels
from micronets.tasks.names import alike_note
from micronets.tasks.scoring import size_notes

if TYPE_CHECKING:
    from micronets.pipeline.parallel import Crew


@dataclass(frozen=True)
class RunContext:
    """A run in progress: its configuration and directory, and values that are loaded when they are first needed.

    - `command`: the command line that started it.
    - `adapt`: replaces the data for everything that uses them; a dry run takes a few examples instead.
    - `resumed`: whether the run was begun earlier.
    - `shared_data`: returns the data that several runs share; without it, the run loads its own.
    - `crew`: the other processes that search and train together with this one; None if there are none.
    """

    config: Config
    run: RunDir
    progress: Progress
    command: str = ""
    adapt: Callable[[tasks.TaskData], tasks.TaskData] | None = None
    resumed: bool = False
    shared_data: Callable[[], tasks.TaskData] | None = None
    crew: Crew | None = None

    @cached_property
    def board(self) -> Board:
        """The board that the configuration names."""
        return load_board(self.config.board)

    @cached_property
    def data(self) -> tasks.TaskData:
        """The data of the task, in memory."""
        if self.shared_data is not None:
            return self.shared_data()
        given = self.config.data
        self.progress(NoteEvent("data", f"reading {given.path}" if given.path else "making synthetic examples"))
        chosen = {name: value for name, value in vars(given).items() if name != "path" and value not in ("", (), None)}
        data = tasks.load(self.config.task, given.path or None, **chosen)
        for note in (data.source, *notes_on(data, given)):
            self.progress(NoteEvent("data", note))
        if not data.size("test"):  # better an error now than after hours of training
            other = ", or name some with data.test" if hasattr(given, "test") else ""
            raise DataError(f"data: the test split of {data.source} is empty; give more examples{other}")
        check_made_weight(self.config.train, data)
        return data if self.adapt is None else self.adapt(data)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on the examples: from their loader, and on small or very unequal classes."""
        return notes_on(self.data, self.config.data)

    @cached_property
    def data_fingerprint(self) -> str:
        """Hash of every file of the data set. Raises `DataError` if there is none."""
        parts = []
        for name in ("path", "test"):
            given = getattr(self.config.data, name, "")
            if given and not Path(given).exists():
                raise DataError(f"data.{name} = '{given}': no such file or directory (paths start at {Path.cwd()})")
            parts.append(fingerprint(Path(given)) if given else "")
        return digest(" ".join(parts))

    @cached_property
    def given(self) -> FirstNetwork | None:
        """The network that `init` gives, with one output per class of the data; None if the network is searched for.

        Raises `FileError`, `UnsupportedError`, `DataError`.
        """
        if not is_model(self.config.init):
            return None
        found = first_network(Path(self.config.init), self.data)
        for note in found.notes:
            self.progress(NoteEvent("search", note))
        return found

    @cached_property
    def trials(self) -> SpaceTrials | None:
        """The trials by which the space was chosen; None if the configuration names the space.

        Raises `FileError` if the space is not chosen yet.
        """
        if not self.config.space.tries_several:
            return None
        redo = f"redo it with: micronets search {self.run.path} --redo; or name another --out"
        return read_record(lambda table: from_json(SpaceTrials, table), self.run / TRIALS, redo)

    @cached_property
    def chosen_space(self) -> SpaceConfig:
        """The `[space]` of the configuration; if it tries several spaces, the one with the chosen space.

        Raises `FileError` if no space is chosen yet.
        """
        trials = self.trials
        if trials is None:
            return self.config.space
        return next(s for s in spaces_to_try(self.config.task, self.config.space) if s.name == trials.chosen)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space, for the classes of the data.

        If `init` gives the network, at most the bits of its weights are left to choose.

        Raises `SpecError`, also for an impossible network of the user's own space, and what `given` and `trials` raise.
        """
        if self.given is not None:
            one = space_of_one(GIVEN_SPACE, self.given.network.arch, self.given.settings)
            return with_bits(one, self.config.space.options.get(BITS, (8,))).fixed(self.config.space.fix)
        space = make_space(self.config.task, self.chosen_space, len(self.data.classes), self.data.space_options)
        if self.config.space.file:
            own_space.check(space, len(self.data.classes))
        return space

    @property
    def runtime(self) -> Runtime:
        """The runtime that will execute the network on the board."""
        return RUNTIMES[self.config.runtime]

    @cached_property
    def costs(self) -> RuntimeCosts:
        """The functions that compute the costs of networks under the runtime to which the limits apply.

        Raises `FileError` or `SpecError` for a latency model that cannot be used, and `SpecError` for a runtime that
        does not run on the board.
        """
        self.runtime.check_board(self.board)
        board, name, given = self.board.name, self.config.runtime, self.config.latency_model
        if not given:
            model = latency_model.shipped_model(board, name)
        else:
            try:
                model = latency_model.from_toml(read_plain_text(Path(given)), given)
            except (OSError, UnicodeDecodeError) as e:
                raise FileError(
                    f"latency_model = '{given}': cannot read it ({e}); 'micronets characterize' writes one"
                ) from e
            if (model.board, model.runtime) != (board, name):
                raise SpecError(
                    f"latency_model = '{given}': is for {model.board} and runtime {model.runtime}, not for {board} "
                    f"and {name}"
                )
        return self.runtime.costs(model)

    @cached_property
    def front_ends(self) -> Mapping[Shape, str]:
        """The integer front ends of the space's networks (`commands.search.front_ends_of`)."""
        return front_ends_of(self.space, self.data)

    @cached_property
    def costs_with_front_ends(self) -> RuntimeCosts:
        """The functions that compute the costs of networks including the front end of their input.

        They need the data.
        """
        return with_front_ends(self.costs, front_end_costs(self.front_ends))

    @property
    def latency_model_digest(self) -> str:
        """Hash of the file that `latency_model` names. Raises `FileError` if it cannot be read."""
        given = self.config.latency_model
        try:
            return digest(read_plain(Path(given)))
        except OSError as e:
            raise FileError(
                f"latency_model = '{given}': cannot read it ({e.strerror}); 'micronets characterize' writes one"
            ) from e

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Sets PyTorch to the run's number of threads, on which the result depends."""
        import torch

        usual = self._usual_threads
        torch.set_num_threads(self.config.threads)
        try:
            yield
        finally:
            torch.set_num_threads(usual)

    @cached_property
    def _usual_threads(self) -> int:
        """Returns the number of threads that PyTorch uses by default.

        If the run was begun with another number, the first call emits a note.
        """
        usual, kept = usual_threads(), self.config.threads
        if self.resumed and usual != kept:
            note = (
                f"threads = {kept}, as when the run began; the default here is {usual}, which would give another model"
            )
            self.progress(NoteEvent("run", note))
        return usual

    @property
    def arch(self) -> Arch:
        """The network that the search chose."""
        return Arch.from_json((self.run / ARCH).read_text("utf-8"), str(self.run / ARCH))

    @property
    def values(self) -> dict[str, int]:
        """The choices that the search made."""
        values: dict[str, int] = json.loads((self.run / VALUES).read_text("utf-8"))
        return values

    @property
    def input_settings(self) -> dict[str, int]:
        """The choices that are settings of the network's input."""
        return {name: v for name, v in self.values.items() if name in self.data.input_settings}


@contextmanager
def opened(
    config: Config,
    *,
    resume: bool,
    progress: Progress,
    command: str = "",
    redone: Collection[str] = (),
    event_files: bool | None = None,
) -> Iterator[RunContext]:
    """Locks the run directory of `config`, and yields the run in it.

    - `resume`: whether to resume the run that the directory holds, if it holds one.
    - `progress`: receives events that say what is in progress, and how far it is.
    - `command`: the command line that started the run.
    - `redone`: sections of the configuration that may differ from those of the run, because every stage that depends on
      them is done again.
    - `event_files`: whether to write the figures of progress to TensorBoard event files too; None: if it is installed.

    Raises `SpecError` if the directory holds a run of another configuration (the message names the first key that
    differs), or any run without `resume`, and `FileError` if the directory cannot be used.
    """
    run = RunDir(Path(config.out))
    with directory.locked(run):
        held: Config | None = None
        found = (run / directory.CONFIG).is_file()
        if found and not run.started:
            _check_own_config(run)
        if run.started:
            held = old = load(run / directory.CONFIG)
            config = replace(config, threads=config.threads or old.threads or usual_threads())
            difference = first_difference(replace(old, threads=old.threads or config.threads), config, redone)
            if difference is not None:
                key, before, now = difference
                raise SpecError(
                    f"{run.path}: holds a run with {key} = {setting_text(before)}, not {setting_text(now)}; "
                    "name another directory with --out"
                )
            if not resume:
                raise SpecError(f"{run.path}: already holds this run; resume it with --resume, or name another --out")
        else:
            config = replace(config, threads=config.threads or usual_threads())
        if held is None or replace(held, out=config.out) != config:  # new, or with other settings that have no effect
            write_atomic(run / directory.CONFIG, to_toml(config))
        try:
            wanted = is_wanted() if event_files is None else event_files
            with recorded(run / directory.EVENTS, progress) if wanted else nullcontext(progress) as told:
                yield RunContext(config, run, told, command, resumed=held is not None)
        except KeyboardInterrupt:
            raise  # config.toml stays, so that the run can be resumed even if it was stopped at once
        except BaseException:
            if not run.started and not found:
                (run / directory.CONFIG).unlink(missing_ok=True)
            raise


def _check_own_config(run: RunDir) -> None:
    """Raises `FileError` for a config.toml that the run would replace, but that no run in this directory wrote.

    A run that was stopped before its first stage leaves a config.toml that reads back as the same text.
    """
    path = run / directory.CONFIG
    try:
        text = read_plain_text(path)
        ours = to_toml(load(path)) == text and Path(load(path).out).resolve() == run.path.resolve()
    except (OSError, UnicodeDecodeError, MicronetsError):
        ours = False
    if not ours:
        raise FileError(
            f"{path}: is your own configuration, which the run would replace; name another directory with --out"
        )


def notes_on(data: tasks.TaskData, options: tasks.DataOptions) -> tuple[str, ...]:
    """Returns the notes of a data set, and notes on small or unequal classes.

    If the task has a setting that balances unequal classes and it is not set, the note on them names it.
    """
    counts = {s: np.bincount(given_labels(data, s), minlength=len(data.classes)).tolist() for s in SPLITS}
    known = np.any([*counts.values()], 0)  # classes without known examples are synthesised on top of the data
    sizes = {s: {c: k for c, k, there in zip(data.classes, n, known, strict=True) if there} for s, n in counts.items()}
    settable = getattr(options, "balance", None) == "none"
    way_out = 'data.balance = "sampled" shows the network every class equally often' if settable else ""
    return (*data.notes, *alike_note(data.classes), *duplicate_notes(data), *size_notes(sizes, data.noun, way_out))


def usual_threads() -> int:
    """Returns the number of threads that PyTorch uses by default: one per core, or OMP_NUM_THREADS."""
    import torch

    return torch.get_num_threads()


def setting_text(value: Any) -> str:
    """Returns the text of a setting's value for an error message; the value may be missing."""
    return "(not set)" if value is None else str(value)


def settings_for(context: RunContext, *sections: str) -> StageInputs:
    """Returns the task, the seed, the data and the settings of `sections` by dotted name, as stage inputs."""
    chosen = {"task", "seed", "data", *sections}
    settings = {k: v for k, v in flat(context.config).items() if k.split(".")[0] in chosen and decides(k)}
    if not context.config.space.tries_several:
        settings = {k: v for k, v in settings.items() if k not in [f"search.{name}" for name in OF_SPACES]}
    if settings.get(f"space.{BITS}") == [8]:  # as in a run from before this option
        del settings[f"space.{BITS}"]
    if user_code.is_own(context.config.task):
        settings["task file"] = user_code.source_fingerprint(context.config.task, "task")
    if "space" in sections and context.config.space.file:
        settings["space file"] = user_code.source_fingerprint(context.config.space.file, "space.file")
    if "latency_model" in sections and context.config.latency_model:
        settings["latency model file"] = context.latency_model_digest
    return {**settings, "data files": context.data_fingerprint}
