"""A sweep: one supernet, and for every board and limit a network from it, fine-tuned, quantised, verified, measured.

Every point (a board with limits) is an ordinary run, in a directory below that of the sweep. Its configuration names
the shared supernet (`search.supernet`), and its stages are those of a run.

    DIR/sweep.toml      the configuration
    DIR/supernet/       the supernet, and the losses of subnetworks that were compared
    DIR/points/NAME/    a run directory for each point
    DIR/front.csv       a row for each point
    DIR/front.html      the table and its plots as a page
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path

from micronets.arguments import checked
from micronets.boards.board import LIMITS
from micronets.commands.ray_cluster import reached
from micronets.errors import BudgetError, CheckFailed, FileError, SpecError
from micronets.files import digest, read_plain_text, write_atomic
from micronets.pipeline import directory
from micronets.pipeline.config import Config
from micronets.pipeline.context import RunContext, setting_text, settings_for, usual_threads
from micronets.pipeline.directory import VALUES, RunDir, StageInputs
from micronets.pipeline.perform import perform
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.report import read_facts
from micronets.pipeline.stages.search import fitter_before_data, fitter_of
from micronets.pipeline.sweep_config import (
    POINTS_FOLDER,
    SUPERNET_FOLDER,
    SWEEP_FILE,
    Point,
    SweepConfig,
    first_difference,
    ladder,
    load_sweep,
    points_of,
)
from micronets.pipeline.sweep_workers import Outcome, make_points
from micronets.progress import NoteEvent, Progress
from micronets.records import JsonObject, Row, write_lines
from micronets.report.facts import Facts
from micronets.report.front import FrontPoint, Refusal, SweepFacts, front_csv, front_page, front_text
from micronets.terminal import counted

SUPERNET_STATE, SUPERNET_LOG, SUPERNET_SCORES = (
    "supernet/checkpoint.pt",
    "supernet/history.jsonl",
    "supernet/scores.jsonl",
)
FRONT_TABLE, FRONT_PAGE = "front.csv", "front.html"


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    - `out`: its directory.
    - `facts`: every point with its figures, and the points whose limits no network was found to meet.
    """

    out: Path
    facts: SweepFacts

    @property
    def ok(self) -> bool:
        """Returns whether every network meets its limits and passed its checks; refused points do not count."""
        return all(point.ok for point in self.facts.points)

    def check(self) -> None:
        """Raises `CheckFailed` that names the points whose networks miss a limit or failed a check."""
        wrong = [point.name for point in self.facts.points if not point.ok]
        if wrong:
            raise CheckFailed(
                f"{counted(len(wrong), 'points')} of {len(self.facts.points)} missed a limit or failed a check: "
                f"{', '.join(wrong)}; their reports say which"
            )

    def rows(self) -> list[Row]:
        """Returns a flat row for each point, as a table takes them: `pandas.DataFrame(sweep.rows())`."""
        return self.facts.rows()

    def to_json(self) -> JsonObject:
        """Returns what `micronets sweep --json` prints."""
        files = {"csv": str(self.out / FRONT_TABLE), "page": str(self.out / FRONT_PAGE)}
        return {"ok": self.ok, **self.facts.to_json(), **files}

    def text(self) -> str:
        """Returns the text that `micronets sweep` prints at its end."""
        return f"{front_text(self.facts)}\ntable:  {self.out / FRONT_TABLE}\npage:   {self.out / FRONT_PAGE}"


@checked
def sweep(
    config: str | PathLike[str] | SweepConfig,
    *,
    out: str | PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    ray: str = "",
    progress: Progress | None = None,
) -> Sweep:
    """Makes a network for each board and limit of a sweep; a supernet is trained once and shared.

    - `config`: a TOML file with a table [sweep], the directory of a sweep, or a configuration.
    - `out`: the directory of the sweep, in place of that of the configuration.
    - `overrides`: settings to change, each as `sweep.share=0.2`; for files only.
    - `resume`: whether to resume the sweep that the directory holds, if it holds one.
    - `ray`: `local`, or the address of a cluster of Ray whose machines make the points; they need the same files under
      the same paths. Empty: processes of this machine make them.
    - `progress`: receives events that say what is in progress, and how far it is.

    Points whose limits no network was found to keep are reported before any training, and left out. Raises
    `BudgetError` if no point is left, `MissingPackageError` and `SpecError` where Ray is not reached, and what
    `micronets.run` raises.
    """
    loaded = load(config, out, overrides)
    tell = progress or (lambda _: None)
    with reached(ray), _opened(loaded, resume) as (made, run):
        points, refused = plan(made, run, tell)
        root = RunContext(made.run, run, tell)
        if made.shares_supernet:
            perform(root, supernet_stage([point.config for point in points]))
        done: list[FrontPoint] = []

        def finished(point: Point, outcome: Outcome) -> None:
            if outcome.refused is None:
                done.append(front_point(point, run))
            else:
                refused.append(Refusal(point.name, point.board, point.limits, outcome.refused))
                tell(NoteEvent("sweep", f"{point.name} is left out: {outcome.refused}"))
            _write(made, run, points, done, refused)

        make_points(points, jobs_of(made, len(points)), lambda: root.data, tell, finished, ray)
        if not done:
            raise BudgetError(f"sweep: every point is refused: {refused[-1].reason}")
        return Sweep(run.path, _write(made, run, points, done, refused))


def load(
    source: str | PathLike[str] | SweepConfig, out: str | PathLike[str] | None = None, overrides: Sequence[str] = ()
) -> SweepConfig:
    """Reads the configuration of a sweep.

    - `source`: a TOML file with a table [sweep], the directory of a sweep, or a configuration.
    - `out`: the directory of the sweep, in place of that of the configuration.
    - `overrides`: settings to change, each as `sweep.share=0.2`; for files only.

    Raises `FileError` for a file that cannot be read, and `SpecError` for anything wrong in it or in `overrides`.
    """
    where = None if out is None else str(out)
    if isinstance(source, SweepConfig):
        if overrides:
            raise SpecError(f"overrides {list(overrides)}: apply to files only; change the configuration itself")
        return source if where is None else replace(source, run=replace(source.run, out=where))
    return load_sweep(Path(source), overrides, where)


@contextmanager
def _opened(made: SweepConfig, resume: bool) -> Iterator[tuple[SweepConfig, RunDir]]:
    """Locks the directory of a sweep while the block runs, and yields its configuration with the number of threads.

    Raises `SpecError` if the directory holds another sweep (the message names the first key that differs), or any sweep
    without `resume`, and `FileError` if it cannot be used.
    """
    run = RunDir(Path(made.run.out))
    path, threads = run / SWEEP_FILE, made.run.threads
    ours = (SWEEP_FILE, SUPERNET_FOLDER, POINTS_FOLDER, FRONT_TABLE, FRONT_PAGE) if path.is_file() else ()
    with directory.locked(run, beginning=ours):
        if run.started and not path.is_file():
            raise SpecError(f"{run.path}: holds a run that is not a sweep; name another directory with --out")
        if path.is_file():
            held = load_sweep(path)
            if not _begun(run) and read_plain_text(path) != held.to_toml():
                raise FileError(
                    f"{path}: is your own configuration, which the sweep would replace; name another directory with "
                    "--out"
                )
            threads = threads or held.run.threads or usual_threads()
            made = replace(made, run=replace(made.run, threads=threads))
            difference = first_difference(held, made)
            if difference is not None:
                key, before, now = difference
                raise SpecError(
                    f"{run.path}: holds a sweep with {key} = {setting_text(before)}, not {setting_text(now)}; "
                    "name another directory with --out"
                )
            if not resume:
                raise SpecError(f"{run.path}: already holds this sweep; resume it with --resume, or name another --out")
        else:
            made = replace(made, run=replace(made.run, threads=threads or usual_threads()))
        try:
            write_atomic(path, made.to_toml())
            yield made, run
        except KeyboardInterrupt:
            raise
        except BaseException:
            if not _begun(run):
                path.unlink(missing_ok=True)  # the directory holds nothing yet: another sweep may use it
            raise


def _begun(run: RunDir) -> bool:
    """Returns whether a sweep has begun in a directory: it has a supernet or a point."""
    return run.started or (run / POINTS_FOLDER).exists()


def plan(made: SweepConfig, run: RunDir, progress: Progress) -> tuple[list[Point], list[Refusal]]:
    """Returns the points, and those whose limits no network was found to meet; it reads no data.

    - `made`: the configuration of the sweep.
    - `run`: the directory of the sweep.
    - `progress`: receives a line for every refused point, and one with the number of points.

    Raises `BudgetError` if all points are refused.
    """
    ladders = _limit_values(made, run, progress)
    wanted, points, refused = list(points_of(made, ladders)), list[Point](), list[Refusal]()
    for point in wanted:
        try:
            if not (Path(point.config.out) / VALUES).is_file():
                fitter = fitter_before_data(RunContext(point.config, RunDir(Path(point.config.out)), progress))
                if fitter is not None:
                    fitter.feasible_shapes()
        except BudgetError as e:
            refused.append(Refusal(point.name, point.board, point.limits, str(e)))
            progress(NoteEvent("sweep", f"{point.name} is left out: {e}"))
            continue
        points.append(point)
    if not points:
        more = f" ({len(refused)} points, all refused)" if len(refused) > 1 else ""
        raise BudgetError(f"{refused[0].reason}{more}")
    known = f"{counted(len(points), 'points')} on {counted(len({point.board for point in points}), 'boards')}"
    progress(NoteEvent("sweep", known + (f", {len(refused)} left out" if refused else "")))
    return points, refused


def _limit_values(made: SweepConfig, run: RunDir, progress: Progress) -> dict[str, list[float]]:
    """Returns, for each board, the values of the limit `sweep.along`. Raises `BudgetError`."""
    settings, name = made.sweep, made.sweep.along
    found: dict[str, list[float]] = {}
    for given in (settings.boards or (made.run.board,)) if name else ():
        if settings.between:
            found[given] = ladder(settings.between[0], settings.between[1], settings.points)
            continue
        context = RunContext(replace(made.run, board=given), run, progress)
        fitter = fitter_before_data(context)
        if fitter is None or name not in fitter.limits:
            fitter = fitter_before_data(_with_limit(context, name))
        if fitter is None:
            raise SpecError(f"sweep.along = '{name}': its values are not known before the data; give sweep.between")
        fitting = [fitter.fitting(shapes) for shapes in fitter.feasible_shapes()]
        low = min(fitter.costs(values)[name] for values in fitting if values is not None)
        high = min(fitter.limits[name], fitter.costs(fitter.space.largest())[name])
        found[given] = ladder(low, high, settings.points)
    return found


def _with_limit(context: RunContext, name: str) -> RunContext:
    """Returns the context with a limit `name` that every network meets, so that this cost is computed."""
    budget = replace(context.config.budget, **{name: 2**52})
    return replace(context, config=replace(context.config, budget=budget))


def supernet_stage(configs: Sequence[Config]) -> Stage:
    """Returns the stage that trains the supernet shared by the runs of these configurations."""
    return Stage(
        "supernet",
        "sweep",
        partial(_supernet_inputs, configs),
        partial(_train_supernet, configs),
        (SUPERNET_STATE, SUPERNET_LOG, SUPERNET_SCORES),
        resumes=True,
    )


def _supernet_inputs(configs: Sequence[Config], context: RunContext) -> StageInputs:
    """Returns the settings of the space and the search, and a digest of boards and limits, which decide the shapes."""
    limits = [(digest(repr(_context(context, config).board)), config.budget) for config in configs]
    return {**settings_for(context, "space", "search", "runtime", "latency_model"), "points": digest(repr(limits))}


def _train_supernet(configs: Sequence[Config], context: RunContext) -> Sequence[str]:
    """Trains the supernet for the shapes of all points."""
    from micronets.design.sandwich import train_supernet

    wanted: list[dict[str, int]] = []
    first: RunContext | None = None
    refusal: BudgetError | None = None
    for config in configs:
        one = _context(context, config)
        try:
            wanted += fitter_of(one).feasible_shapes()
        except BudgetError as e:  # the search of the point itself will refuse it, too
            context.progress(NoteEvent("sweep", f"{Path(config.out).name} will be left out: {e}"))
            refusal = e
            continue
        first = first or one
    if first is None:
        assert refusal is not None
        raise refusal
    feasible = [shapes for shapes in context.space.shape_combinations() if shapes in wanted]
    history = train_supernet(
        fitter_of(first),
        feasible,
        first.board,
        first.costs_with_front_ends,
        context.data,
        context.config.search,
        seed=context.config.seed,
        directory=context.run / SUPERNET_FOLDER,
        progress=lambda event: context.progress(replace(event, stage="supernet")),
    )
    write_lines(context.run / SUPERNET_LOG, history)
    return SUPERNET_STATE, SUPERNET_LOG


def _context(root: RunContext, config: Config) -> RunContext:
    """Returns the context of a point that shares the data of the sweep."""
    return RunContext(config, RunDir(Path(config.out)), root.progress, shared_data=lambda: root.data)


def jobs_of(made: SweepConfig, points: int) -> int:
    """Returns how many points are made at the same time."""
    from micronets.design.torch_ops import pick_device

    if made.sweep.jobs:
        return min(made.sweep.jobs, points)
    if pick_device(made.run.train.device).type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(points, cores // max(1, made.run.threads)))


def front_point(point: Point, run: RunDir) -> FrontPoint:
    """Reads the figures of a finished point from its run directory."""
    own = RunDir(Path(point.config.out))
    facts = read_facts(own)
    figures, source = _figures(facts)
    return FrontPoint(
        name=point.name,
        board=point.board,
        limits=point.limits,
        directory=os.path.relpath(own.path, run.path).replace(os.sep, "/"),
        metric=facts.metric,
        value=facts.scores[-1].value,
        interval=facts.interval,
        validation=_validation(facts),
        figures=figures,
        source=source,
        ok=facts.ok,
        failure=facts.failure() or "",
        seconds=dict(facts.seconds),
        synthetic=facts.synthetic,
    )


def _figures(facts: Facts) -> tuple[dict[str, float], str]:
    """Returns a network's figures under the runtime of its limits, by name of the limit, and the source of each."""
    measured = facts.c if facts.c is not None and facts.c.runtime == facts.runtime else None
    found = {**({} if facts.runtime == "c" else facts.costs), "macs": facts.costs["macs"]}
    found |= {row.name: row.value for row in facts.limits}
    found |= {"tflite_bytes": facts.costs["tflite_bytes"]}
    if facts.arena.found is not None:
        found["arena_bytes"] = facts.arena.found
    if measured is not None:
        taken = {name: getattr(measured, name) for name in ("latency_ms", "energy_mj", "sram_bytes", "flash_bytes")}
        found |= {name: value for name, value in taken.items() if value is not None}
    return {name: found[name] for name in LIMITS if name in found}, "estimated" if measured is None else measured.source


def _validation(facts: Facts) -> float:
    """Returns the best validation score of the quantised network, by which points are ranked."""
    ended = (epoch for epoch in facts.train.history if epoch.stage == "quantised" and epoch.metric == facts.metric)
    return max((epoch.score for epoch in ended), default=0.0)


def _write(
    made: SweepConfig, run: RunDir, points: Sequence[Point], done: Sequence[FrontPoint], refused: Sequence[Refusal]
) -> SweepFacts:
    """Writes the table and the page of the points that are done, and returns what they show."""
    order = [point.name for point in points]
    left_out = {refusal.name for refusal in refused}
    facts = SweepFacts(
        task=made.run.task,
        runtime=made.run.runtime,
        planned=len([name for name in order if name not in left_out]),
        points=tuple(sorted(done, key=lambda point: order.index(point.name))),
        refused=tuple(refused),
        config=made.to_toml(),
    )
    write_atomic(run / FRONT_TABLE, front_csv(facts))
    write_atomic(run / FRONT_PAGE, front_page(facts))
    return facts
