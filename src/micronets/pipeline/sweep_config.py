"""`SweepConfig`: the configuration of a run, plus a table `[sweep]` with lists of boards and limits."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from micronets.boards.board import LIMITS, Board, Budget, load_board
from micronets.design.train_settings import TrainSettings
from micronets.errors import SpecError, did_you_mean
from micronets.ir.spaces import AUTO
from micronets.pipeline.config import INITS, Config, decides, parse, read_table, spaces_of
from micronets.pipeline.toml_config import convert, flat, to_toml
from micronets.ranges import check_fields, ranged, shown

SWEEP_FILE, SUPERNET_FOLDER, POINTS_FOLDER = "sweep.toml", "supernet", "points"
"""The names of a sweep's configuration and of its folders, in its directory."""

MOST_POINTS = 200
SHARED_SHARE = 0.1
"""The epochs of a point with a shared supernet, as a share of a full training. With the comparison of subnetworks, a
point stays below 15 % of a run that trains its own supernet."""


@dataclass(frozen=True)
class SweepSettings:
    """Which networks a sweep makes: one for each board with each combination of limits.

    - `boards`: names or TOML files of boards; default: the board of the configuration.
    - `budget`: a list of values for each limit, in place of that of `[budget]`, such as `sram_bytes = ["32K", "64K"]`.
    - `along`: the name of a limit that takes `points` values at equal ratios, from the cost of the cheapest network of
      the space to that of the largest one, or to what `[budget]` and the board allow.
    - `points`: number of these values, 2 to 200.
    - `between`: the smallest and the largest of these values, in place of those computed from the space.
    - `share`: share of the epochs of a full training that every network gets, above 0 to 1; default: 0.1 if the points
      share a supernet (`search.method = "supernet"`), otherwise 1.
    - `jobs`: number of processes that make networks at the same time; 0: as many as there are cores for `threads` each,
      and one if a GPU trains. The number has no effect on the result.
    """

    boards: tuple[str, ...] = ()
    budget: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    along: str = ""
    points: int = 0
    between: tuple[float, ...] = ()
    share: float | None = None
    jobs: int = ranged(0, 0, 1024)


@dataclass(frozen=True)
class SweepConfig:
    """Everything that decides a sweep: `[sweep]`, and the configuration of its runs without boards and limits."""

    run: Config
    sweep: SweepSettings

    @property
    def shares_supernet(self) -> bool:
        """Returns whether one supernet serves all points; if not, every point has its own search."""
        return self.run.search.method == "supernet"

    @property
    def share(self) -> float:
        """The epochs of every network, as a share of a full training."""
        if self.sweep.share is not None:
            return self.sweep.share
        return SHARED_SHARE if self.shares_supernet else 1.0

    def to_toml(self) -> str:
        """Returns the text of the file `SWEEP_FILE`, without unset settings of `[sweep]`."""
        given = {f.name: getattr(self.sweep, f.name) for f in fields(self.sweep) if getattr(self.sweep, f.name)}
        return f"{to_toml(self.run)}\n{to_toml({'sweep': given}).lstrip()}"


@dataclass(frozen=True)
class Point:
    """A network that a sweep will make.

    - `name`: the name of its directory.
    - `board`: the name of its board.
    - `limits`: its limits that differ from point to point, by name, in the limit's unit.
    - `config`: the configuration of its run.
    """

    name: str
    board: str
    limits: Mapping[str, float]
    config: Config


def load_sweep(path: Path, overrides: Sequence[str] = (), out: str | None = None) -> SweepConfig:
    """Reads and checks the configuration of a sweep.

    - `path`: a TOML file, or the directory of a sweep.
    - `overrides`: settings such as `search.epochs=3` that replace those of the file.
    - `out`: the directory of the sweep; None: that of the file.

    Raises `FileError`, `SpecError`.
    """
    if path.is_dir():
        out, path = out or str(path), path / SWEEP_FILE
    return parse_sweep(read_table(path, overrides, out), str(path))


def parse_sweep(table: Mapping[str, Any], where: str) -> SweepConfig:
    """Makes a checked configuration from the tables of a TOML file; `where` names it in errors. Raises `SpecError`."""
    rest = {key: value for key, value in table.items() if key != "sweep"}
    settings = _settings(table.get("sweep"), where)
    if isinstance(rest.get("board"), list):
        raise SpecError(f"{where}: board = {shown(rest['board'])}; give a list of boards as sweep.boards")
    if isinstance(rest.get("budget"), Mapping):
        for name, value in rest["budget"].items():
            if isinstance(value, list):
                raise SpecError(
                    f"{where}: budget.{name} = {shown(value)}; give a list of limits as sweep.budget.{name}"
                )
    if settings.boards:
        rest.setdefault("board", settings.boards[0])
    made = SweepConfig(parse(rest, where), settings)
    _check_run(made, where)
    return made


def _check_run(made: SweepConfig, where: str) -> None:
    """Raises `SpecError` for a configuration that one run can have and a sweep cannot."""
    config = made.run
    if config.init not in INITS:
        raise SpecError(
            f"{where}: init = '{config.init}' gives one network, and a sweep makes many; allowed: {', '.join(INITS)}"
        )
    if config.space.tries_several:
        raise SpecError(
            f'{where}: space.name = "{AUTO}" chooses a space for one budget, and a sweep has many; name one of '
            f"{', '.join(spaces_of(config.task))}"
        )
    if config.search.supernet:
        raise SpecError(f"{where}: search.supernet = '{config.search.supernet}'; a sweep trains its own, remove it")
    if made.shares_supernet and config.teacher is not None and config.teacher.train is not None:
        raise SpecError(
            f"{where}: [teacher] would be trained for every point of the sweep; train it once in a run, and name that "
            "with teacher.run"
        )


def _settings(given: Any, where: str) -> SweepSettings:
    """Checks the table `[sweep]`. Raises `SpecError`."""
    if not isinstance(given, Mapping):
        found = "there is no [sweep]" if given is None else f"sweep = {shown(given)} is not a table"
        raise SpecError(
            f'{where}: {found}; give lists of boards or limits, such as sweep.budget.sram_bytes = ["32K", "64K"], or '
            "make one network with 'micronets run'"
        )
    hints, known = get_type_hints(SweepSettings), [f.name for f in fields(SweepSettings)]
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise SpecError(f"{where}: unknown key 'sweep.{key}'; {did_you_mean(key, known)}")
        match key:
            case "boards":
                values[key] = tuple(str(convert(str, v, "sweep.boards", where)) for v in _list(value, key, where))
            case "budget":
                values[key] = _limits(value, where)
            case "between":
                values[key] = _list(value, key, where)
            case _:
                values[key] = convert(hints[key], value, f"sweep.{key}", where)
    made = SweepSettings(**values)
    try:
        check_fields(made, "sweep.")
        _check_distinct([load_board(name).name for name in made.boards], "boards")
    except SpecError as e:
        raise SpecError(f"{where}: {e}") from e
    if made.share is not None and not 0 < made.share <= 1:
        raise SpecError(f"{where}: sweep.share = {shown(made.share)}; allowed: above 0 to 1")
    made = _check_ladder(made, where)
    if not (made.boards or made.budget or made.along):
        raise SpecError(f"{where}: [sweep] names neither boards nor limits; give sweep.boards or sweep.budget")
    number = max(1, len(made.boards)) * math.prod(map(len, made.budget.values())) * max(1, made.points)
    if number > MOST_POINTS:
        raise SpecError(f"{where}: [sweep] has {number:,} points; at most {MOST_POINTS}: give fewer boards or limits")
    return made


def _list(value: Any, key: str, where: str) -> list[Any]:
    """Returns a non-empty list. Raises `SpecError` for anything else."""
    if not isinstance(value, list):
        raise SpecError(f"{where}: sweep.{key} = {shown(value)}; need a list, such as [{shown(value)}]")
    if not value:
        raise SpecError(f"{where}: sweep.{key} = []; need at least one entry, or leave it out")
    return value


def _check_distinct(values: Sequence[Any], key: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise SpecError(f"sweep.{key}: {value} is listed twice")


def _limit(name: str, value: Any, key: str, where: str) -> float:
    """Returns the value of the limit `name` in the limit's unit. Raises `SpecError`."""
    found: float = convert(get_type_hints(Budget)[name], value, key, where)
    if not found > 0:
        raise SpecError(f"{where}: {key} = {shown(found)}; a limit is greater than 0")
    return found


def _limits(table: Any, where: str) -> dict[str, tuple[float, ...]]:
    """Checks `sweep.budget`: a list for every limit. Raises `SpecError`."""
    if not isinstance(table, Mapping):
        raise SpecError(f'{where}: sweep.budget = {shown(table)}; need lists of limits, such as sram_bytes = ["32K"]')
    found = {}
    for name, value in table.items():
        if name not in LIMITS:
            raise SpecError(f"{where}: unknown limit 'sweep.budget.{name}'; {did_you_mean(name, LIMITS)}")
        key = f"sweep.budget.{name}"
        limits = [_limit(name, v, key, where) for v in _list(value, f"budget.{name}", where)]
        try:
            _check_distinct(limits, f"budget.{name}")
        except SpecError as e:
            raise SpecError(f"{where}: {e}") from e
        found[name] = tuple(limits)
    return found


def _check_ladder(made: SweepSettings, where: str) -> SweepSettings:
    """Checks `along`, `points` and `between`, and returns the settings with `between` as limits. Raises `SpecError`."""
    if not made.along:
        if made.points or made.between:
            key = "points" if made.points else "between"
            raise SpecError(f"{where}: sweep.{key} needs sweep.along, the name of a limit: {', '.join(sorted(LIMITS))}")
        return made
    if made.along not in LIMITS:
        raise SpecError(f"{where}: unknown limit sweep.along = '{made.along}'; {did_you_mean(made.along, LIMITS)}")
    if made.along in made.budget:
        raise SpecError(f"{where}: sweep.along and sweep.budget.{made.along} are two lists of one limit; remove one")
    if not 2 <= made.points <= MOST_POINTS:
        raise SpecError(f"{where}: sweep.points = {shown(made.points)}; allowed: 2 to {MOST_POINTS}")
    if not made.between:
        return made
    ends = tuple(_limit(made.along, value, f"sweep.between, {made.along}", where) for value in made.between)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise SpecError(f"{where}: sweep.between = {shown(list(made.between))}; need two limits, the smaller one first")
    return replace(made, between=ends)


def fine_tuned(train: TrainSettings, share: float) -> TrainSettings:
    """Returns the settings of a training with a share of the epochs, rounded down to at least one per phase.

    The learning rate warms up over the same fraction of the training.
    """
    epochs = max(1, math.floor(train.epochs * share + 1e-9))
    quantised = min(train.qat_epochs, max(1, math.floor(train.qat_epochs * share + 1e-9)))
    return replace(train, epochs=epochs, qat_epochs=quantised, warmup=train.warmup * epochs / train.epochs)


def ladder(low: float, high: float, count: int) -> list[float]:
    """Returns `count` limits from `low` to `high` at equal ratios, rounded up to four digits, without duplicates.

    If `high` is not above `low`, the only limit is `low`.
    """
    if high <= low:
        return [low]
    found = []
    for i in range(count):
        exact = low * (high / low) ** (i / (count - 1))
        unit = 10.0 ** (math.floor(math.log10(exact)) - 3)
        rounded = math.ceil(exact / unit - 1e-9) * unit
        found.append(float(math.ceil(rounded - 1e-9)) if isinstance(low, int) else float(f"{rounded:.4g}"))
    return sorted(set(found))


def points_of(made: SweepConfig, ladders: Mapping[str, Sequence[float]]) -> Iterator[Point]:
    """Yields the points: boards in their order, and for each board all combinations of limits.

    - `ladders`: the values of the limit `along` for each board, by the name in `SweepSettings.boards`.
    """
    config, settings = made.run, made.sweep
    slugs: set[str] = set()
    supernet = str(Path(config.out) / SUPERNET_FOLDER) if made.shares_supernet else ""
    for given in settings.boards or (config.board,):
        board = load_board(given)
        lists = {**settings.budget, **({settings.along: tuple(ladders[given])} if settings.along else {})}
        slug = _unused(_slug(board), slugs)
        for values in itertools.product(*lists.values()):
            limits = dict(zip(lists, values, strict=True))
            name = "-".join([slug, *(f"{limit}-{value:.10g}" for limit, value in limits.items())])
            whole = {
                limit: convert(get_type_hints(Budget)[limit], value, limit, name) for limit, value in limits.items()
            }
            yield Point(
                name,
                board.name,
                whole,
                replace(
                    config,
                    board=given,
                    out=str(Path(config.out) / POINTS_FOLDER / name),
                    budget=replace(config.budget, **whole),
                    search=replace(config.search, supernet=supernet),
                    train=fine_tuned(config.train, made.share),
                ),
            )


def _slug(board: Board) -> str:
    return re.sub(r"[^a-z0-9]+", "-", board.name.lower()).strip("-") or "board"


def _unused(slug: str, taken: set[str]) -> str:
    """Returns a name that is not among `taken`, and adds it to them."""
    name = next(n for i in itertools.count(1) if (n := f"{slug}-{i}" if i > 1 else slug) not in taken)
    taken.add(name)
    return name


def first_difference(a: SweepConfig, b: SweepConfig) -> tuple[str, Any, Any] | None:
    """Returns the first setting that decides a sweep's result and differs, with both values, or None."""
    one, two = ({**flat(c.run), **flat({"sweep": c.sweep})} for c in (a, b))
    for key in [*one, *two]:
        if decides(key) and key != "sweep.jobs" and one.get(key) != two.get(key):
            return key, one.get(key), two.get(key)
    return None
