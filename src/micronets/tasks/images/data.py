"""Pictures in memory, by split, and how those of the train split are disturbed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.frontend.image import INPUT_SETTINGS, PRESETS, Bytes, ImageFrontEnd, network_input
from micronets.tasks import Card, Examples
from micronets.tasks.images.settings import ImageAugmentation
from micronets.tasks.scoring import Score, classification

if TYPE_CHECKING:
    import torch

    from micronets.tasks.images.augment import Augmenter

SPLITS = ("train", "val", "test")

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageData:
    """A data set of pictures; a `TaskData`.

    pictures, target: by split: uint8 `[N, S, S, C]` at the side that `frontend` keeps, and class indices `[N]`.
    frontend: what a network gets where no input settings are given. marks: what else travels in a model's metadata.
    """

    name: str
    classes: tuple[str, ...]
    source: str
    frontend: ImageFrontEnd
    pictures: Mapping[str, Bytes]
    target: Mapping[str, Labels]
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)
    noun: str = "images"
    metric: str = "accuracy"
    input_settings: tuple[str, ...] = INPUT_SETTINGS
    marks: Mapping[str, str] = field(default_factory=dict)

    def size(self, split: str) -> int:
        """Number of examples of a split. Raises `SpecError` for an unknown split."""
        return len(self.labels(split))

    def labels(self, split: str) -> Labels:
        """Class indices `[N]`. Raises `SpecError` for an unknown split."""
        if split not in self.target:
            raise SpecError(f"{self.name}: no split '{split}'; {did_you_mean(split, self.target)}")
        return self.target[split]

    def epoch(self, rng: np.random.Generator) -> Labels:
        """Indices of the train split, shuffled, each once."""
        return rng.permutation(self.size("train"))

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """`(resolution, resolution, colour)`. Raises `SpecError` for an unknown setting."""
        return self.frontend.with_settings(settings).input_shape

    def inputs(self, split: str, settings: Mapping[str, int], indices: Labels | None = None) -> npt.NDArray[np.float32]:
        """Network inputs `[N, H, W, C]` of a split, or of `indices` into it, in real units (see `ImageFrontEnd`)."""
        self.labels(split)
        x = self.pictures[split]
        return network_input(x if indices is None else x[indices], self.frontend.with_settings(settings))

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Network inputs `[B, H, W, C]` of train examples, augmented; float32 on the generator's device.

        The result depends on the arguments alone.
        """
        return self._augmenter(indices, self.frontend.with_settings(settings), generator)

    @cached_property
    def _augmenter(self) -> Augmenter:
        from micronets.tasks.images.augment import Augmenter

        return Augmenter(self.pictures["train"], self.augmentation)

    @property
    def space_options(self) -> Mapping[str, Any]:
        """Nothing: a space of networks says itself which resolutions and colours it offers."""
        return {}

    def evaluate(self, outputs: npt.NDArray[np.floating[Any]], split: str) -> Score:
        """Top-1 accuracy of logits `[N, classes]` for all examples of a split."""
        return classification(outputs, self.labels(split), len(self.classes), self.noun)

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        """Task, labels and front end as they travel with a model."""
        return {
            "micronets.task": self.name,
            "micronets.labels": json.dumps(self.classes),
            "micronets.frontend": self.frontend.with_settings(settings).to_json(),
            **self.marks,
        }


def front_end(card: Card) -> ImageFrontEnd:
    """The front end of a finished model, at the resolution of its input. Raises `SpecError`."""
    if card.frontend is None:
        names = ", ".join(PRESETS)
        raise SpecError(f"{card.where}: carries no front end; name one with --front-end: {names}, or a JSON file")
    fe = ImageFrontEnd.from_json(card.frontend, card.where)
    # Those known by name serve models of several resolutions.
    fe = replace(fe, resolution=card.input_shape[0])
    if fe.input_shape != card.input_shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, the front end gives {fe.input_shape}; name another one"
        )
    return fe


def examples_of(data: ImageData, card: Card, split: str, where: Path | str) -> Examples:
    """A split as the model of `card` wants it, with the classes in the order of its labels; the front end is that of `data`.

    Raises `DataError` if the split is empty or holds a class that the model does not know.
    """
    target, classes = data.labels(split), card.labels or data.classes
    if not len(target):
        raise DataError(f"{where}: split '{split}' is empty; choose another with --split")
    for i in np.unique(target):
        if data.classes[i] not in classes:
            raise DataError(f"{where}: class '{data.classes[i]}' is not a label of the model ({', '.join(classes)})")
    order = np.array([classes.index(c) if c in classes else -1 for c in data.classes])
    labels = order[target].astype(np.int64)
    return Examples(
        part=lambda rows: data.inputs(split, {}, rows), labels=labels, classes=classes,
        score=lambda outputs: classification(outputs, labels, len(classes), data.noun), source=data.source,
        synthetic=data.synthetic, noun=data.noun, notes=data.notes,
    )  # fmt: skip
