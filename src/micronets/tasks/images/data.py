"""Data of the image tasks, in memory by split, with the augmentation of training images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.frontend.image import INPUT_SETTINGS, PRESETS, Bytes, ImageFrontEnd, network_input
from micronets.ir.spaces.base import SpaceOptions
from micronets.tasks.base import Card, Examples, Labels, LoadExamples, MakeView
from micronets.tasks.images.settings import ImageAugmentation
from micronets.tasks.labelled import LabelledData, examples_of

if TYPE_CHECKING:
    import torch

    from micronets.tasks.images.augment import ImageAugmenter


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageData(LabelledData):
    """A data set of images, a `TaskData`.

    - `pictures`: by split, uint8 `[N, S, S, C]` at the side that `frontend` stores.
    - `target`: class indices by split, `[N]`.
    - `frontend`: the front end for the default input settings.
    - `augmentation`: the augmentation of training images.
    - `marks`: further metadata of a model, by key.
    """

    frontend: ImageFrontEnd
    pictures: Mapping[str, Bytes]
    target: Mapping[str, Labels]
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)
    noun: str = "images"
    input_settings: tuple[str, ...] = INPUT_SETTINGS
    marks: Mapping[str, str] = field(default_factory=dict)

    def stored(self, split: str) -> npt.NDArray[Any]:
        """Returns the stored examples of a split, `[N, ...]`."""
        return self.of_split(self.pictures, split)

    def pictures_of(self, split: str, indices: Labels) -> Bytes:
        """Returns the stored images of a split, `[N, S, S, 3]`."""
        found = self.stored(split)[indices]
        return found if found.shape[-1] == 3 else np.repeat(found, 3, axis=-1)

    def labels(self, split: str) -> Labels:
        """Returns the class indices `[N]` of a split. Raises `SpecError` for an unknown split."""
        return self.of_split(self.target, split)

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """Returns `(resolution, resolution, colour)`. Raises `SpecError` for an unknown setting."""
        return self.frontend.with_settings(settings).input_shape

    def inputs(self, split: str, settings: Mapping[str, int], indices: Labels | None = None) -> npt.NDArray[np.float32]:
        """Returns network inputs `[N, H, W, C]` of a split in real units (see `ImageFrontEnd`), not augmented.

        - `split`: the name of the split.
        - `settings`: values of the `input_settings` by name.
        - `indices`: indices of images of the split, `[N]`; None: all of them.

        Raises `SpecError` for an unknown split.
        """
        self.labels(split)
        x = self.pictures[split]
        return network_input(x if indices is None else x[indices], self.frontend.with_settings(settings))

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Returns network inputs `[B, H, W, C]` of train examples, augmented, float32.

        - `indices`: indices of examples of the train split, `[B]`.
        - `settings`: values of the `input_settings` by name.
        - `generator`: draws the augmentation; the result is on its device.

        The result depends on the arguments alone.
        """
        return self._augmenter(indices, self.frontend.with_settings(settings), generator)

    def view(self, card: Card, settings: Mapping[str, int]) -> MakeView:
        """Returns a function that makes inputs for another model, from images augmented as by `augmented`.

        - `card`: the other model.
        - `settings`: the input settings of the network that gets the result of `augmented`.

        Raises `SpecError` if the model's front end is not one of images, or does not fit its input.
        """
        own, shown_to = front_end(card), self.frontend.with_settings(settings)
        own = replace(own, via=self.frontend.stored)

        def augmented(indices: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            return self._augmenter(indices, own, generator, shown_to)

        return augmented

    @cached_property
    def _augmenter(self) -> ImageAugmenter:
        from micronets.tasks.images.augment import ImageAugmenter

        return ImageAugmenter(self.pictures["train"], self.augmentation)

    @property
    def space_options(self) -> SpaceOptions:
        """No options: a search space itself defines the resolutions and colours that it offers."""
        return {}

    def front_end(self, settings: Mapping[str, int]) -> str:
        """Returns the JSON of the front end with these input settings."""
        return self.frontend.with_settings(settings).to_json()

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        """Returns task, labels, front end and marks, for a model's metadata."""
        return {**super().metadata(settings), **self.marks}


def front_end(card: Card) -> ImageFrontEnd:
    """Returns the front end of a finished model, at the resolution of its input. Raises `SpecError`."""
    if card.frontend is None:
        names = ", ".join(PRESETS)
        raise SpecError(f"{card.where}: carries no front end; name one with --front-end: {names}, or a JSON file")
    fe = ImageFrontEnd.from_json(card.frontend, card.where)
    #  A front end that is known by name serves models of several resolutions.
    fe = replace(fe, resolution=card.input_shape[0])
    if fe.input_shape != card.input_shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, the front end gives {fe.input_shape}; name another one"
        )
    return fe


def examples_by(task: str, load: Callable[[Path | None, Card, str], ImageData]) -> LoadExamples:
    """Returns the `Task.examples` of an image task whose test images are among its data.

    - `task`: the name of the task.
    - `load`: reads a split of the data at a path, or draws it without a path, with the front end of a model.
    """

    def examples(card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
        if test is not None:
            raise SpecError(f"--test: task {task} takes its test images from --data")
        data, where = load(path, card, split), path if path is not None else "synthetic images"
        return examples_of(data, card, split, where, lambda rows: data.inputs(split, {}, rows))

    return examples
