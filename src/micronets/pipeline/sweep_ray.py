"""Makes the points of a sweep as Ray tasks, on this machine or on a cluster, by the stages of a run.

A point is a run directory that the machine of its task reads and writes. So all machines need the same files under the
same paths. The results equal those without Ray byte for byte, since every task uses the sweep's number of threads,
which decides the last bits of a loss.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from micronets.commands.ray_cluster import running
from micronets.errors import MicronetsError
from micronets.pipeline.config import load
from micronets.pipeline.directory import CONFIG
from micronets.pipeline.sweep_config import Point
from micronets.pipeline.sweep_workers import (
    Answer,
    Failed,
    Finished,
    Outcome,
    PointEvent,
    make_point,
    raised,
    write_configurations,
)
from micronets.progress import NoteEvent, Progress
from micronets.records import from_json, to_json


def make_on_ray(points: Sequence[Point], jobs: int, address: str, progress: Progress, finished: Finished) -> None:
    """Makes every unfinished point, each as a Ray task that takes as many cores as the run has threads.

    - `jobs`: the number of points made at the same time with the address `local`; a cluster decides by its cores.
    - `address`: `local`, which starts Ray here, or the address of a cluster (`ray_cluster.reached`).
    - `progress`: receives events that say which stage is in progress, and how far it is.
    - `finished`: called in this thread for every point that has ended.

    Raises the first error of a point, after which the others are stopped, and `MicronetsError` if Ray does not start.
    """
    import ray

    write_configurations(points)
    threads = max(1, points[0].config.threads)
    tasks: dict[Any, tuple[int, Point]] = {}
    way_out = "resume with --resume when the machine is less busy, or without --ray"
    with running(address, jobs * threads, way_out):
        try:
            # A failed task is not tried again: a point reports its own error, and what it has done is kept.
            made = ray.remote(num_cpus=threads, max_retries=0)(_answers_of_point)
            for number, point in enumerate(points, 1):
                tasks[made.remote(os.getcwd(), point.config.out)] = number, point
            started: set[int] = set()
            while tasks:
                (ready, *_), _ = ray.wait(list(tasks), num_returns=1)
                number, point = tasks[ready]
                try:
                    answer: Answer = from_json(Answer, ray.get(next(ready)))
                except StopIteration:
                    del tasks[ready]
                    continue
                except ray.exceptions.RayError as e:
                    raise MicronetsError(
                        f"{point.name}: its Ray task ended early ({type(e).__name__}); 'micronets run "
                        f"{point.config.out} --resume' shows why"
                    ) from e
                if number not in started:
                    started.add(number)
                    progress(NoteEvent("sweep", f"point {number} of {len(points)}: {point.name}"))
                match answer:
                    case PointEvent(event):
                        progress(event)
                    case Failed():
                        raise raised(answer)
                    case Outcome():
                        finished(point, answer)
        finally:
            for task in tasks:
                ray.cancel(task)


def _answers_of_point(folder: str, out: str) -> Iterator[Any]:
    """Makes a point on the machine of the task, and yields its answers as JSON.

    - `folder`: the directory that paths are relative to.
    - `out`: the directory of the run.
    """
    os.chdir(folder)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def make() -> None:
        try:
            answers.put(make_point(load(Path(out) / CONFIG), lambda event: answers.put(PointEvent(event)), None))
        except MicronetsError as e:
            answers.put(Failed(type(e).__name__, str(e)))
        except BaseException as e:  # the task must end
            answers.put(Failed("MicronetsError", f"{out}: {type(e).__name__}: {e}"))

    threading.Thread(target=make, daemon=True).start()
    answer: Answer = PointEvent(NoteEvent("sweep", out))
    while isinstance(answer, PointEvent):
        answer = answers.get()
        yield to_json(answer)
