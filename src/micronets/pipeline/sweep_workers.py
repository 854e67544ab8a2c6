"""Makes the points of a sweep, in this process or in several: each is a run, done by the stages of a run.

A worker is a process that executes this module. It reads the directory of a run from a line of its stdin, makes that
run, and answers with lines of JSON on its stdout: its progress, and at the end the outcome. It is killed when this
process ends.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

from micronets import child_processes, errors
from micronets.errors import BudgetError, MicronetsError
from micronets.files import write_atomic
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import opened
from micronets.pipeline.directory import CONFIG, RunDir
from micronets.pipeline.perform import perform_all
from micronets.pipeline.sweep_config import Point
from micronets.pipeline.toml_config import to_toml
from micronets.progress import Event, NoteEvent, Progress
from micronets.records import from_json, to_json
from micronets.tasks import TaskData


@dataclass(frozen=True)
class Outcome:
    """The end of a point.

    `refused` says why no network was found that meets its limits, and is None if there is one.
    """

    refused: str | None = None
    kind: Literal["outcome"] = "outcome"


@dataclass(frozen=True)
class PointEvent:
    """An event of a process that makes a point."""

    event: Event
    kind: Literal["event"] = "event"


@dataclass(frozen=True)
class Failed:
    """The error with which a point ended.

    - `error`: the name of its class in `micronets.errors`.
    - `message`: its text.
    """

    error: str
    message: str
    kind: Literal["error"] = "error"


Answer = PointEvent | Failed | Outcome
"""An answer of a worker: any number of events, then the end of the point."""

Finished = Callable[[Point, Outcome], None]
"""A function that is called with every point that has ended, one at a time."""


def make_points(
    points: Sequence[Point],
    jobs: int,
    data: Callable[[], TaskData],
    progress: Progress,
    finished: Finished,
    ray: str = "",
) -> None:
    """Makes every unfinished point.

    - `jobs`: the number of points made at the same time; above 1, each process loads its own data.
    - `data`: returns the data for points that are made in this process.
    - `progress`: receives events that say which stage is in progress, and how far it is.
    - `finished`: called in this thread for every point that has ended.
    - `ray`: the address of a connected Ray cluster, or `local`; empty: points are made without Ray.

    Raises the first error of a point; the others are then stopped.
    """
    if ray:
        from micronets.pipeline.sweep_ray import make_on_ray

        make_on_ray(points, jobs, ray, progress, finished)
        return
    if jobs > 1:
        _in_processes(points, jobs, progress, finished)
        return
    for number, point in enumerate(points, 1):
        progress(NoteEvent("sweep", f"point {number} of {len(points)}: {point.name}"))
        finished(point, make_point(point.config, progress, data))


def make_point(config: Config, progress: Progress, data: Callable[[], TaskData] | None) -> Outcome:
    """Makes one point; `data` returns the data (`RunContext.shared_data`), or is None if the run loads them."""
    from dataclasses import replace

    command = f"micronets run {config.out} --resume"
    try:
        with opened(config, resume=True, progress=progress, command=command) as context:
            perform_all(replace(context, shared_data=data))
    except BudgetError as e:
        return Outcome(refused=str(e))
    return Outcome()


def write_configurations(points: Sequence[Point]) -> None:
    """Writes the configuration of every point that has not begun to its directory, for another process to read."""
    for point in points:
        folder = RunDir(Path(point.config.out))
        if not folder.started:
            write_atomic(folder / CONFIG, to_toml(point.config))


def raised(failed: Failed) -> MicronetsError:
    """Returns the error that another process reported."""
    error: MicronetsError = getattr(errors, failed.error, MicronetsError)(failed.message)
    return error


def _in_processes(points: Sequence[Point], jobs: int, progress: Progress, finished: Finished) -> None:
    """Makes the points in `jobs` processes."""
    write_configurations(points)
    left: queue.SimpleQueue[tuple[int, Point]] = queue.SimpleQueue()
    for item in enumerate(points, 1):
        left.put(item)
    told: queue.SimpleQueue[tuple[Point, Answer]] = queue.SimpleQueue()
    words = [sys.executable, "-m", "micronets.pipeline.sweep_workers"]
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(jobs):
            workers.append(child_processes.start(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))
            threading.Thread(target=_serve, args=(workers[-1], left, told, len(points)), daemon=True).start()
        ended = 0
        while ended < len(points):
            point, answer = told.get()
            match answer:
                case PointEvent(event):
                    progress(event)
                case Failed():
                    raise raised(answer)
                case Outcome():
                    finished(point, answer)
                    ended += 1
                case _:
                    assert_never(answer)
    finally:
        for worker in workers:
            child_processes.stop(worker)


def _serve(
    worker: subprocess.Popen[bytes],
    left: queue.SimpleQueue[tuple[int, Point]],
    told: queue.SimpleQueue[tuple[Point, Answer]],
    count: int,
) -> None:
    """Gives a worker one point after another while points are left, and puts its answers into `told`."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    while True:
        try:
            number, point = left.get_nowait()
        except queue.Empty:
            return
        told.put((point, PointEvent(NoteEvent("sweep", f"point {number} of {count}: {point.name}"))))
        try:
            worker.stdin.write(json.dumps(point.config.out).encode() + b"\n")
            worker.stdin.flush()
            ended = False
            for line in worker.stdout:
                answer: Answer = from_json(Answer, json.loads(line))
                told.put((point, answer))
                if not isinstance(answer, PointEvent):
                    ended = True
                    break
        except (OSError, ValueError, TypeError):
            ended = False
        if not ended:
            message = f"{point.name}: its process ended early; 'micronets run {point.config.out} --resume' shows why"
            told.put((point, Failed("DeviceError", message)))
            return


def _work() -> None:
    """Makes the runs that are named on stdin, until it ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # other output of this process must not mix with the answers

    def say(answer: Answer) -> None:
        answers.write(json.dumps(to_json(answer), default=float) + "\n")
        answers.flush()

    for line in sys.stdin:
        path = Path(json.loads(line))
        try:
            outcome = make_point(load(path / CONFIG), lambda event: say(PointEvent(event)), None)
        except MicronetsError as e:
            say(Failed(type(e).__name__, str(e)))
        else:
            say(outcome)


if __name__ == "__main__":
    _work()
