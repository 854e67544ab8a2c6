"""`Stage`: everything that the rest of the program knows about a stage of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micronets.pipeline.directory import StageInputs

if TYPE_CHECKING:
    from micronets.pipeline.context import RunContext


@dataclass(frozen=True)
class Stage:
    """One stage of a run: its inputs, its work, and its files in the run directory.

    - `name`: its name in `stages.json`, in progress lines and in errors.
    - `command`: the command that does it and that redoes it (`micronets COMMAND DIRECTORY --redo`).
    - `inputs`: everything that its result depends on, by name. Files that were made from other inputs are refused.
    - `make`: does the work and returns the names of the files that it wrote, relative to the run directory.
    - `outputs`: its own files in the run directory; `LIBRARY`, a folder with its own list of files; and `TRIAL_FOLDER`,
      a folder of single trainings. They are removed before it begins again.
    - `resumes`: whether it resumes from checkpoints among its outputs after an interruption.
    - `divided`: whether several processes can share it (`pipeline.parallel`).
    """

    name: str
    command: str
    inputs: Callable[[RunContext], StageInputs]
    make: Callable[[RunContext], Sequence[str]]
    outputs: tuple[str, ...]
    resumes: bool = False
    divided: bool = False
