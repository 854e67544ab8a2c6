"""The dry run of a sweep: does a dry run of one point, and computes the time of the whole sweep from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from micronets import records
from micronets.design.search_settings import SearchSettings
from micronets.pipeline import dry_run as run_dry_run
from micronets.pipeline.directory import RunDir
from micronets.pipeline.dry_run import StageCost
from micronets.pipeline.sweep import jobs_of, plan
from micronets.pipeline.sweep_config import SweepConfig, fine_tuned
from micronets.progress import Progress
from micronets.records import JsonObject
from micronets.terminal import counted, duration, text_table

_COMPARED = 1024  # validation examples on which a subnetwork is compared
_FORWARD_SHARE = 1 / 3  # of a training step of one network: the forward pass is a third of it
_NETWORKS = 4  # that a step of a sweep's supernet trains


@dataclass(frozen=True)
class Part:
    """A part of a sweep: its name, its number of repetitions, and the seconds of each."""

    name: str
    times: int
    seconds: float


@dataclass(frozen=True)
class SweepDryRun:
    """The outcome of the dry run of a sweep.

    - `out`: the directory of the dry run.
    - `device`: the processor or GPU that trained.
    - `parts`: the parts of the sweep, some done once and some for each point.
    - `points`, `refused`: the number of points, and of those left out because no network was found to meet their
      limits.
    - `jobs`: the number of points made at the same time.
    - `full_run_seconds`: the time of a full run of one point, with its own search and training.
    - `memory_bytes`: peak memory of a process.
    - `taken`: seconds that the dry run itself took.
    """

    out: str
    device: str
    parts: tuple[Part, ...]
    points: int
    refused: int
    jobs: int
    full_run_seconds: float
    memory_bytes: int
    taken: float

    @property
    def point_seconds(self) -> float:
        """Seconds of one point, without the parts that are done once."""
        return sum(part.seconds for part in self.parts if part.name not in _ONCE)

    @property
    def seconds(self) -> float:
        """Seconds that the whole sweep will take, with `jobs` points at a time."""
        rounds = -(-self.points // self.jobs)
        return sum(part.seconds for part in self.parts if part.name in _ONCE) + rounds * self.point_seconds

    def to_json(self) -> JsonObject:
        """Returns what `micronets sweep --dry-run --json` prints."""
        more = {"point_seconds": self.point_seconds, "seconds": self.seconds}
        return {**records.to_json(self), **more}


_ONCE = ("data", "supernet")
"""The names of the parts that are done once for the whole sweep."""


def dry_run(made: SweepConfig, progress: Progress, command: str = "") -> SweepDryRun:
    """Runs every stage of the last point in the directory `OUT-dry-run`, which is created afresh.

    - `made`: the configuration of the sweep; `OUT` is the `out` of its run.
    - `progress`: receives events that say what is in progress.
    - `command`: the command line that started it.

    Raises what the sweep itself would raise before its training, and what the dry run of a run raises.
    """
    points, refused = plan(made, RunDir(Path(made.run.out)), progress)
    point = points[-1].config
    search = replace(point.search, supernet="")
    full = replace(point, out=made.run.out, search=search, train=made.run.train)
    found = run_dry_run.dry_run(full, progress, command)
    costs = {cost.stage: cost for cost in found.costs}
    compared = _comparing_seconds(costs["search"], search) if made.shares_supernet else 0.0
    parts = _parts(found.costs, made, len(points), compared)
    return SweepDryRun(
        found.out,
        found.device,
        tuple(parts),
        len(points),
        len(refused),
        jobs_of(made, len(points)),
        found.seconds + compared,
        max(cost.memory_bytes for cost in found.costs),
        found.taken,
    )


def _comparing_seconds(cost: StageCost, search: SearchSettings) -> float:
    """Returns the seconds in which a search compares subnetworks of a supernet, if no losses are stored.

    They are computed from the measured step of the supernet and the number of examples per subnetwork.
    """
    examples = search.calibration_batches * search.batch + _COMPARED
    return search.evaluations * examples / search.batch * cost.step_seconds * _FORWARD_SHARE


def _parts(costs: Sequence[StageCost], made: SweepConfig, points: int, compared: float) -> list[Part]:
    """Returns the parts of the sweep; times are computed from those of the stages of a full run."""
    short, full = fine_tuned(made.run.train, made.share), made.run.train
    parts = []
    for cost in costs:
        match cost.stage:
            case "data":
                parts.append(Part("data", 1, cost.seconds))
            case "search" if made.shares_supernet:
                parts += [
                    Part("supernet", 1, _NETWORKS * cost.seconds),
                    Part("comparing cut networks", points, compared),
                ]
            case "train":
                parts.append(Part(f"training, {made.share:.0%}", points, cost.seconds * short.epochs / full.epochs))
            case "train quantised":
                share = short.qat_epochs / full.qat_epochs
                parts.append(Part(f"quantised training, {made.share:.0%}", points, cost.seconds * share))
            case stage:
                parts.append(Part(stage, points, cost.seconds))
    return parts


def table(found: SweepDryRun) -> str:
    """Returns the outcome as a table for a terminal."""
    rows = [
        (part.name, f"{part.times:,}", duration(part.seconds), duration(part.times * part.seconds))
        for part in found.parts
    ]
    left = f" ({counted(found.refused, 'points')} left out)" if found.refused else ""
    share = found.point_seconds / found.full_run_seconds
    return (
        f"{text_table(('part', 'times', 'each', 'in all'), rows, (1, 2, 3))}\n\n"
        f"The sweep: {duration(found.seconds)} for {counted(found.points, 'points')}{left}, {found.jobs} at a time. "
        f"A point: {duration(found.point_seconds)}, {share:.0%} of a separate run, which takes "
        f"{duration(found.full_run_seconds)}. "
        f"Memory: {found.memory_bytes / 1e9:.2f} GB a process.\n"
        f"Estimated for {found.device}; every stage of one run passed in {duration(found.taken)}. {found.out}"
    )
