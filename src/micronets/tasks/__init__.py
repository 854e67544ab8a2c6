"""Tasks: what a data set looks like to the trainer, the search and the evaluation; and `load`, which reads one.

Nothing here imports torch until `TaskData.augmented` is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    import torch

TASKS = ("kws",)


class TaskData(Protocol):
    """A data set in memory. `split` is "train", "val" or "test".

    name: of the task.
    classes: names of the outputs, in order.
    source: one line saying what the data are; starts with "synthetic" if they are.
    input_settings: names that may stand in `settings`, each an integer that changes the network's input.
    notes: warnings of the loading, one line each.
    """

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def input_settings(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...

    def size(self, split: str) -> int:
        """Number of examples N of a split."""

    def labels(self, split: str) -> npt.NDArray[np.int64]:
        """Class indices `[N]`."""

    def epoch(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Shuffled indices into the train split for one epoch, balanced as the task wants it; always of one length."""

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """`(H, W, C)` of the network's input."""

    def inputs(
        self, split: str, settings: Mapping[str, int], indices: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Network inputs `[N, H, W, C]` in real units, not augmented; of all examples or of `indices`."""

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Network inputs `[B, H, W, C]` of train examples, augmented, float32, on the generator's device."""

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        """What travels with a model: "micronets.task", "micronets.labels" (JSON list), "micronets.frontend" (JSON)."""


def load(name: str, path: Path | str | None = None, **options: Any) -> TaskData:
    """The data of task `name` at `path`; without a path, synthetic data. Options are those of the task's own `load`.

    Raises `SpecError` for an unknown task or option and `DataError` for data that cannot be used.
    """
    if name not in TASKS:
        raise SpecError(f"task '{name}' is not known; {did_you_mean(name, TASKS)}")
    from micronets.tasks import kws

    known = [*signature(kws.load).parameters][1:]
    for option in options:
        if option not in known:
            raise SpecError(f"task {name}: no option '{option}'; {did_you_mean(option, known)}")
    return kws.load(None if path is None else Path(path), **options)
