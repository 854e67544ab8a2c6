"""`Config`: the configuration of a run, read from a TOML file and `--set` overrides, checked, and written as TOML."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from micronets import tasks
from micronets.arguments import check_kinds
from micronets.boards.board import Budget, load_board
from micronets.commands.first_network import MODEL_SUFFIXES
from micronets.commands.own_space import load_space
from micronets.compiler.kernels.goal import DEFAULT_GOAL, GOALS, Goal
from micronets.design.search_settings import SearchSettings
from micronets.design.setting_ranges import WITHOUT_EFFECT
from micronets.design.train_settings import TrainSettings
from micronets.errors import FileError, SpecError, did_you_mean
from micronets.files import read_plain_text
from micronets.ir import spaces
from micronets.ir.space import SearchSpace
from micronets.ir.spaces import AUTO, Space
from micronets.ir.spaces.base import BITS, SpaceOptions
from micronets.pipeline.toml_config import build, convert, flat, parse_override
from micronets.ranges import MOST_SEED, check_fields, ranged
from micronets.runtimes import RUNTIMES, TFLM
from micronets.tasks import TASKS, DataOptions
from micronets.toml_text import parse_toml, toml_problem

INITS = ("supernet", "scratch")
"""What the weights of a training may start from, besides those of a finished run."""

GIVEN_SPACE = "init"
"""The name that stands in `[space]` if there is no search, because `init` names a file with the network."""

MOST_THREADS = 1024


@dataclass(frozen=True)
class SpaceConfig:
    """The `[space]` of a configuration, checked.

    - `name`: a built-in space, `AUTO`, or `GIVEN_SPACE`; empty if `file` gives the space.
    - `file`: a function of the user's own, as `FILE.py:FUNCTION`; empty if `name` names the space.
    - `options`: the value of every option of the space; with the name `AUTO`, only the input options that are set.
    - `fix`: the choices that are fixed to one value, with that value.
    """

    name: str = ""
    file: str = ""
    options: SpaceOptions = field(default_factory=dict)
    fix: Mapping[str, int] = field(default_factory=dict)

    @property
    def tries_several(self) -> bool:
        """Returns whether the run itself chooses which space it searches."""
        return self.name == AUTO

    def record(self) -> Space:
        """Returns the space that `name` or `file` names. Raises `SpecError`, `FileError`."""
        return load_space(self.file) if self.file else spaces.find_space(self.name)

    def toml_table(self) -> Mapping[str, Any]:
        """Returns the keys of `[space]` in TOML."""
        head = {"file": self.file} if self.file else {"name": self.name}
        return {**head, **self.options, **({"fix": self.fix} if self.fix else {})}


@dataclass(frozen=True)
class TeacherConfig:
    """A larger network of the space, trained first and in float, whose outputs the final network also learns from.

    - `run`: a finished run directory whose float network is the teacher instead; it must have the same classes and
      input.
    - `model`: a finished model that is the teacher instead: the path of a `.tflite`, float or int8, or of an ONNX file.
      Its inputs are the same images through its own front end; for other data, the inputs of the trained network.
    - `front_end`: the front end of `model`, a name or a JSON file; empty: the one in the file's metadata.
    - `views`: number of augmented forms of every example, which are used in turn. The teacher's outputs for each are
      computed once and cached, which saves time with a slow teacher. 0: every epoch augments the examples again, and
      computes the teacher's outputs for them.
    - `options`: options of the space, where they differ from `[space]`.
    - `values`: values of the space's choices; those not named are at their largest, and the input is always that of the
      final network.
    - `train`: its training; settings not given are those of `[train]`.
    """

    run: str = ""
    model: str = ""
    front_end: str = ""
    views: int = ranged(0, 0, 1000)
    options: SpaceOptions = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    train: TrainSettings | None = None

    def __post_init__(self) -> None:
        check_kinds(self, "teacher.")
        check_fields(self, "teacher.")
        if self.run and self.model:
            raise SpecError("teacher.run and teacher.model are two teachers; remove one of them")
        if self.front_end and not self.model:
            raise SpecError(f"teacher.front_end = '{self.front_end}' needs teacher.model, which is not set")


@dataclass(frozen=True)
class Config:
    """Everything that decides the result of a run, and `out`, the directory it goes to.

    - `task`: what to learn: `micronets tasks` lists them; or a task of your own, as `FILE.py:NAME`.
    - `board`: `micronets boards` lists them; or the path of a board's TOML file.
    - `out`: the run directory.
    - `seed`: seed of the search and the training: initial weights, order and augmentation of the examples, drawn
      networks. The examples and their splits are part of the data, and the same for every seed. The same seed, data,
      machine and number of threads give the same model on a CPU.
    - `threads`: CPU threads for search and training; 0: PyTorch's default when the run begins, which is then written
      into its `config.toml` and kept, because another number gives another model.
    - `runtime`: what executes the network on the board, and to which sram_bytes, flash_bytes, latency_ms and energy_mj
      of the budget apply: `tflm` (TensorFlow Lite Micro) or `c` (the C that micronets writes). [results.md](results.md)
      compares the two on released models.
    - `latency_model`: file written by `micronets characterize`, for a runtime and board without a latency model; empty:
      the board's own.
    - `optimise`: the goal by which the kernels of the C are chosen where a faster one takes more memory: `fastest`,
      `speed`, `balanced` or `size` ([deploy.md](deploy.md#where-time-is-the-tighter-limit)). The search estimates the
      kernels of `size`.
    - `init`: the training starts from the `supernet`'s weights, from `scratch`, or from the float weights of a finished
      run of the same network, whose directory it names. If it names a `.tflite` (int8 or float) or an ONNX file, the
      network is that of the file, and there is no search.
    - `data`: the options of the task.
    - `budget`, `search`, `train`, `teacher`: see their classes. A board's own SRAM and flash always limit the result.
    - `space`: `name`, a built-in space, or `file`, a function of your own as `FILE.py:FUNCTION`; and the options of
      that function. `[space.fix]` gives choices a fixed value. `name = "auto"`: all spaces of the task are tried, and
      the best one is searched. `name = "init"`, or no `[space]`: the network of the file that `init` names; only the
      bits of its weights can then be chosen, by `bits` and `[space.fix]`.
    """

    task: str
    board: str
    out: str
    seed: int
    threads: int
    init: str
    runtime: str
    latency_model: str
    optimise: Goal
    data: DataOptions
    budget: Budget
    space: SpaceConfig
    search: SearchSettings
    train: TrainSettings
    teacher: TeacherConfig | None = None


def load(path: Path, overrides: Sequence[str] = (), out: str | None = None) -> Config:
    """Reads and checks a configuration.

    - `path`: a TOML file.
    - `overrides`: settings to change, each a text `a.b=value`.
    - `out`: replaces the key of that name.

    Raises `FileError` for a file that cannot be read, `SpecError` for anything wrong in it.
    """
    return parse(read_table(path, overrides, out), str(path))


def read_table(path: Path, overrides: Sequence[str] = (), out: str | None = None) -> dict[str, Any]:
    """Reads the tables of a configuration without checking their keys.

    - `path`: a TOML file.
    - `overrides`: settings to change, each a text `a.b=value`.
    - `out`: replaces the key of that name; None leaves it as it is.

    Raises `FileError` for a file that cannot be read or is not TOML, and `SpecError` for an override that is wrong.
    """
    try:
        table = parse_toml(read_plain_text(path))
    except OSError as e:
        raise FileError(f"{path}: cannot read this configuration ({e.strerror}); examples are in examples/") from e
    except (ValueError, RecursionError) as e:
        raise FileError(f"{path}: not TOML ({toml_problem(e)})") from e
    for text in overrides:
        keys, value = parse_override(text)
        _assign(table, keys, value)
    if out is not None:
        table["out"] = out
    return table


def _init(value: Any, where: str) -> str:
    name: str = convert(str, value, "init", where)
    if name not in INITS and not (is_model(name) or "/" in name or Path(name).is_dir()):
        raise SpecError(
            f"{where}: init = {name!r}; known: {', '.join(sorted(INITS))}, or the directory of a finished run, or a "
            ".tflite or .onnx file"
        )
    return name


def is_model(init: str) -> bool:
    """Returns whether `init` names a model file, which gives the network and its initial weights."""
    return Path(init).suffix.lower() in MODEL_SUFFIXES


def _space(task: str, table: Mapping[str, Any], init: str, where: str) -> SpaceConfig:
    """Checks `space` of a configuration; it may be left out if `init` gives the network. Raises `SpecError`."""
    given = table.get("space", GIVEN_SPACE if is_model(init) else None)
    own: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    own = own if {"name", "file"} & own.keys() or not is_model(init) else {"name": GIVEN_SPACE, **own}
    named = GIVEN_SPACE in (given, own.get("name"))
    if named and not is_model(init):
        raise SpecError(
            f'{where}: space = "{GIVEN_SPACE}" needs the network of a file, and init = {init!r} names no model '
            "file; give the path of a .tflite or .onnx file"
        )
    if is_model(init) and not named:
        raise SpecError(
            f"{where}: init = {init!r} gives the network, and [space] asks for another; remove [space], or set "
            f"--set space={GIVEN_SPACE}"
        )
    if not named:
        return checked_space(task, _table(table, "space", where), where)
    for key in own:
        if key not in ("name", "fix", BITS):
            raise SpecError(f'{where}: space.{key} cannot be combined with space.name = "{GIVEN_SPACE}"; remove it')
    options = {BITS: convert(tuple[int, ...], own[BITS], f"space.{BITS}", where)} if BITS in own else {}
    fix = convert(Mapping[str, int], own.get("fix", {}), "space.fix", where)
    return SpaceConfig(GIVEN_SPACE, options=options, fix=fix)


def _runtime(value: Any, where: str) -> str:
    if value not in tuple(RUNTIMES):
        raise SpecError(f"{where}: runtime = {value!r}; {did_you_mean(str(value), RUNTIMES)}")
    return str(value)


def _optimise(value: Any, where: str) -> Goal:
    for goal in GOALS:
        if value == goal:
            return goal
    raise SpecError(f"{where}: optimise = {value!r}; {did_you_mean(str(value), GOALS)}")


def _assign(table: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for i, key in enumerate(keys[:-1]):
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise SpecError(f"--set {'.'.join(keys)}: '{'.'.join(keys[: i + 1])}' is a value, not a table")
    table[keys[-1]] = value


def parse(table: Mapping[str, Any], where: str) -> Config:
    """Makes a checked `Config` from the tables of a TOML file; `where` names the file in errors. Raises `SpecError`."""
    known = [f.name for f in dataclasses.fields(Config)]
    if "sweep" in table:
        raise SpecError(f"{where}: has a [sweep]; run it with 'micronets sweep {where}', or remove it for a single run")
    for key in table:
        if key not in known:
            raise SpecError(f"{where}: unknown key '{key}'; {did_you_mean(key, known)}")
    init = _init(table.get("init", INITS[0]), where)
    for key in ("board", *([] if is_model(init) else ["space"])):
        if key not in table:
            raise SpecError(f"{where}: '{key}' is missing; a configuration needs a board and a [space]")
    task = convert(str, table.get("task", next(iter(TASKS))), "task", where)
    known_task = _located(where, lambda: tasks.find(task))
    sections = {"data": known_task.options, "budget": Budget, "search": SearchSettings, "train": TrainSettings}
    board = convert(str, table["board"], "board", where)
    _located(where, lambda: load_board(board))
    space, train = _space(task, table, init, where), _table(table, "train", where)
    if space.tries_several and (supernet := _table(table, "search", where).get("supernet")):
        raise SpecError(
            f'{where}: search.supernet = {supernet!r} belongs to one space, and space.name = "{AUTO}" chooses among '
            "several; name that space, or remove search.supernet"
        )
    if train.get("epochs") == 0 and not is_model(init):
        raise SpecError(f"{where}: train.epochs = 0; a run trains the network that it finds: give at least 1")
    if train.get("qat_epochs") == 0:
        raise SpecError(f"{where}: train.qat_epochs = 0; a run ends with an int8 model: give at least 1")
    return Config(
        task=task,
        board=board,
        out=convert(str, table.get("out", f"runs/{Path(where).stem}"), "out", where),
        seed=_seed(table, where),
        threads=_threads(table, where),
        init=init,
        runtime=_runtime(table.get("runtime", TFLM.name), where),
        latency_model=convert(str, table.get("latency_model", ""), "latency_model", where),
        optimise=_optimise(table.get("optimise", DEFAULT_GOAL), where),
        space=space,
        teacher=_teacher(table, task, space, train, where) if "teacher" in table else None,
        **{name: build(cls, _table(table, name, where), f"{name}.", where) for name, cls in sections.items()},  # type: ignore[arg-type]
    )


def _threads(table: Mapping[str, Any], where: str) -> int:
    number: int = convert(int, table.get("threads", 0), "threads", where)
    if not 0 <= number <= MOST_THREADS:
        raise SpecError(f"{where}: threads = {number}; allowed: 0 (the machine's default) to {MOST_THREADS}")
    return number


def _seed(table: Mapping[str, Any], where: str) -> int:
    number: int = convert(int, table.get("seed", 0), "seed", where)
    if not 0 <= number <= MOST_SEED:
        raise SpecError(f"{where}: seed = {number}; allowed: 0 to {MOST_SEED}")
    return number


def _located(where: str, call: Any) -> Any:
    try:
        return call()
    except SpecError as e:
        raise SpecError(f"{where}: {e}") from e


def _table(table: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: {name} = {value!r}; need a table [{name}]")
    return value


def _teacher(
    table: Mapping[str, Any], task: str, space: SpaceConfig, train: Mapping[str, Any], where: str
) -> TeacherConfig:
    given = _table(table, "teacher", where)
    if finished := next((name for name in ("run", "model") if given.get(name)), None):
        for key in ("options", "values", "train"):
            if given.get(key):
                raise SpecError(
                    f"{where}: teacher.{key} cannot be combined with teacher.{finished}, which is already trained; "
                    "remove one of them"
                )
        return build(TeacherConfig, given, "teacher.", where)
    if space.name == GIVEN_SPACE:
        raise SpecError(
            f"{where}: [teacher] trains the largest network of a space, but here init gives the only network; name a "
            "trained teacher with teacher.run or teacher.model"
        )
    given = {**given, "train": {**train, **_table(given, "train", f"{where}: teacher")}}
    made = build(TeacherConfig, given, "teacher.", where)
    if space.tries_several:
        for key, value in (("options", made.options), ("values", made.values)):
            if value:
                raise SpecError(
                    f'{where}: teacher.{key} belong to one space, and space.name = "{AUTO}" chooses among several; '
                    "remove them, or name a space"
                )
        return made
    own = checked_space(task, {**table["space"], **made.options}, f"{where}: teacher.options")
    _located(f"{where}: teacher.values", lambda: largest(make_space(task, own, 2), made.values))
    return made


def largest(space: SearchSpace, values: Mapping[str, int]) -> dict[str, int]:
    """Returns the values of the largest network of a space, except for the choices that `values` sets.

    Raises `SpecError` for an unknown choice.
    """
    for name, value in values.items():
        if value not in space.choice(name).options:
            raise SpecError(f"{name} = {value}; options: {', '.join(map(str, space.choice(name).options))}")
    return {**space.largest(), **values}


def checked_space(task: str, table: Mapping[str, Any], where: str) -> SpaceConfig:
    """Checks a `[space]`, and returns it with a value for every option of the space, defaults included.

    With the name `AUTO`, it returns only the input options that are set, because their defaults differ between spaces
    (`spaces_to_try`).

    - `task`: the name of the task.
    - `table`: the `[space]`: its `name` or its `file`, options of the space, and `fix`.
    - `where`: the source of the table for errors, such as the path of the configuration.

    Raises `SpecError`, and what `load_space` raises.
    """
    head = "file" if "file" in table else "name"
    given = convert(str, table.get(head, ""), f"space.{head}", where)
    if head == "file" and "name" in table:
        raise SpecError(f"{where}: space.name and space.file: give only one of them, a built-in space or your own")
    if head == "name" and given == AUTO:
        return _auto_space(task, table, where)
    if head == "name" and given not in spaces_of(task):
        raise SpecError(
            f"{where}: unknown space '{given}'; {did_you_mean(given, (*spaces_of(task), AUTO))}; or name a function of "
            "your own with "
            'space.file = "FILE.py:FUNCTION"'
        )
    kind, space = tasks.find(task).inputs, SpaceConfig(**{head: given}).record()
    hints, options = space.option_types(kind), dict(space.options(kind))
    for key, value in table.items():
        if key not in (*options, head, "fix"):
            raise SpecError(f"{where}: unknown key 'space.{key}'; {did_you_mean(key, (*options, head, 'fix'))}")
        if key in options:
            options[key] = convert(hints[key], value, f"space.{key}", where)
    fix = convert(Mapping[str, int], table.get("fix", {}), "space.fix", where)
    resolved = SpaceConfig(**{head: given}, options=options, fix=fix)
    _located(where, lambda: make_space(task, resolved, 2))
    return resolved


def _auto_space(task: str, table: Mapping[str, Any], where: str) -> SpaceConfig:
    """Checks a `[space]` of the name `AUTO`, and returns its name and the input options that are set.

    Raises `SpecError` for any other key.
    """
    kind = tasks.find(task).inputs
    of_input = {**spaces.defaults(spaces.INPUT_KINDS[kind]), BITS: (8,)}
    for key in table:
        owners = [name for name in spaces_of(task) if key in spaces.find_space(name).own_options()]
        if key in ("name", *of_input) or (key == "fix" and table[key] == {}):
            continue
        if key == "fix" or owners:
            what = f'fixes choices of one space, and name = "{AUTO}" tries' if key == "fix" else "is an option of"
            which = spaces_of(task) if key == "fix" else owners
            raise SpecError(
                f"{where}: space.{key} {what} {', '.join(which)}; remove it, or name a space; input options that go "
                f'with "{AUTO}": {", ".join(of_input)}'
            )
        raise SpecError(f"{where}: unknown key 'space.{key}'; {did_you_mean(key, of_input)}")
    tried = [checked_space(task, {**table, "name": name}, where) for name in spaces_of(task)]
    return SpaceConfig(AUTO, options={key: tried[0].options[key] for key in of_input if key in table})


def spaces_to_try(task: str, space: SpaceConfig) -> tuple[SpaceConfig, ...]:
    """Returns every space that a `[space]` may lead to, with a value for every option.

    With the name `AUTO` these are all spaces of the task; otherwise there is only the given one.
    """
    if not space.tries_several:
        return (space,)
    return tuple(checked_space(task, {**space.toml_table(), "name": name}, "space") for name in spaces_of(task))


def spaces_of(task: str) -> tuple[str, ...]:
    """Returns the names of the spaces whose networks accept the input of a task."""
    return spaces.names(tasks.find(task).inputs)


def make_space(task: str, space: SpaceConfig, classes: int, given: SpaceOptions = MappingProxyType({})) -> SearchSpace:
    """Makes the search space that a configuration's `[space]` describes.

    - `task`: the name of the task, which decides the kind of input.
    - `space`: the `[space]`, which must name one space.
    - `classes`: number of outputs.
    - `given`: options that the data decide (`TaskData.space_options`); those that the space lacks are ignored.

    Raises `SpecError`.
    """
    return space.record().make_for(tasks.find(task).inputs, classes, space.options, given, space.fix)


def decides(key: str) -> bool:
    """Returns whether a setting, given by its dotted name, affects the result of a run.

    For `search.supernet`, the content of the file matters, not its path (`stages.search`).
    """
    return key not in ("out", "search.supernet") and key.rpartition(".")[2] not in WITHOUT_EFFECT


def first_difference(a: Config, b: Config, besides: Collection[str] = ()) -> tuple[str, Any, Any] | None:
    """Finds the first setting that decides the result of a run and differs between two configurations.

    - `a`, `b`: the configurations.
    - `besides`: sections that are not compared.

    Returns the setting's dotted name and its values in `a` and `b`, or None if there is no difference.
    """
    one, two = flat(a), flat(b)
    for key in [*one, *two]:
        if decides(key) and key.split(".")[0] not in besides and one.get(key) != two.get(key):
            return key, one.get(key), two.get(key)
    return None
