"""Data of keyword spotting in memory: log-mel pixels by split, background, and the augmentation of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.frontend import INPUT_SETTINGS, FrontEnd, network_input
from micronets.tasks.base import Labels
from micronets.tasks.kws.settings import SpectrogramAugmentation
from micronets.tasks.labelled import LabelledData, drawn_examples, given_labels
from micronets.tasks.scoring import Score

if TYPE_CHECKING:
    import torch

    from micronets.tasks.kws.augment import SpectrogramAugmenter

SILENCE, UNKNOWN = "_silence_", "_unknown_"
KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")

Features = npt.NDArray[Any]


@dataclass(frozen=True)
class HeldRecordings:
    """Whole recordings of the test split, of which a stream can be composed.

    - clips: paths of recordings by class.
    - background: paths of noise recordings; may be empty.
    """

    clips: Mapping[str, Sequence[Path]]
    background: Sequence[Path]


@dataclass(frozen=True, eq=False, kw_only=True)
class KwsData(LabelledData):
    """A keyword data set as log-mel pixels, a `TaskData`.

    - `features`: by split, uint8 `[N, T, M]`; for evaluation through an MFCC front end, its float32 logarithms.
    - `target`: class indices by split, `[N]`.
    - `background`: uint8 `[B, T, M]`, noise without speech, for mixing and for the silence class of the train split; B
      may be 0.
    - `share`: examples of `_unknown_` and of `_silence_` in an epoch, as a multiple of the mean number of the other
      classes.
    - `made_per_epoch`: number of synthesised examples (see `LabelledData.made`) in an epoch.
    - `held`: the recordings of the test split; None if there are none, or if they are parts of longer ones.
    """

    frontend: FrontEnd
    features: Mapping[str, Features]
    target: Mapping[str, Labels]
    background: Features
    share: float = 1.0
    made_per_epoch: int = 0
    held: HeldRecordings | None = None
    augmentation: SpectrogramAugmentation = field(default_factory=SpectrogramAugmentation)
    name: str = "kws"
    noun: str = "clips"
    input_settings: tuple[str, ...] = INPUT_SETTINGS

    def stored(self, split: str) -> npt.NDArray[Any]:
        """Returns the stored examples of a split, `[N, ...]`."""
        return self.of_split(self.features, split)

    def labels(self, split: str) -> Labels:
        """Returns the class indices `[N]` of a split. Raises `SpecError` for an unknown split."""
        return self.of_split(self.target, split)

    def counts(self, split: str) -> dict[str, int]:
        """Returns the number of examples of a split by class, without negatives."""
        return dict(
            zip(self.classes, np.bincount(given_labels(self, split), minlength=len(self.classes)).tolist(), strict=True)
        )

    def epoch(self, rng: np.random.Generator) -> Labels:
        """Returns shuffled indices into the train split for one epoch.

        Every word's clips occur once, or with a `balance` of "sampled" as often as those of the average word.
        `_unknown_` and `_silence_` each have `share` times the average word's clips; they are redrawn each time, and
        repeat if there are too few. Negatives are added to these.
        """
        target = given_labels(self, "train")
        special = [i for i, c in enumerate(self.classes) if c in (SILENCE, UNKNOWN)]
        parts = [np.flatnonzero(~np.isin(target, special))]
        words = len(self.classes) - len(special)
        want = round(self.share * len(parts[0]) / max(words, 1)) if len(parts[0]) else None
        if self.balance == "sampled":
            count = round(len(parts[0]) / max(words, 1))
            parts = [drawn_examples(np.flatnonzero(target == i), count, rng) for i in np.unique(target[parts[0]])]
        for i in special:
            rows = np.flatnonzero(target == i)
            if len(rows):
                parts.append(drawn_examples(rows, len(rows) if want is None else want, rng))
        if self.made_per_epoch:
            parts.append(drawn_examples(len(target) + np.arange(self.made), self.made_per_epoch, rng))
        indices = np.concatenate(parts)
        rng.shuffle(indices)
        return indices

    def evaluate(self, outputs: npt.NDArray[np.floating[Any]], split: str) -> Score:
        """Returns the accuracy of logits `[N, classes]`; a negative is correct if no word is predicted for it."""
        if split == "val" and self.made_to_choose:
            outputs, labels = np.array(outputs), self.labels(split)
            rows = np.arange(len(labels) - self.made_to_choose, len(labels))
            quiet = rows[np.isin(outputs[rows].argmax(1), self.made_classes)]
            outputs[quiet, labels[quiet]] = np.inf
        return super().evaluate(outputs, split)

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """Returns the shape `(T, M, 1)` of the network's input. Raises `SpecError` for an unknown setting."""
        return self.frontend.with_settings(settings).input_shape

    def inputs(self, split: str, settings: Mapping[str, int], indices: Labels | None = None) -> npt.NDArray[np.float32]:
        """Returns network inputs `[N, T, M, 1]` of a split in real units (see `FrontEnd`), not augmented.

        - `split`: the name of the split.
        - `settings`: values of the `input_settings` by name.
        - `indices`: indices of examples of the split, `[N]`; None: all of them.

        Raises `SpecError` for an unknown split.
        """
        self.labels(split)
        values = self.features[split]
        return network_input(values if indices is None else values[indices], self.frontend.with_settings(settings))

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Returns network inputs `[B, T, M, 1]` of train examples, augmented, float32.

        - `indices`: indices of examples of the train split, `[B]`.
        - `settings`: values of the `input_settings` by name.
        - `generator`: draws the augmentation; the result is on its device.

        The result depends on the arguments alone. Examples of the silence class are drawn from `background`.

        Raises `SpecError` for a front end of another kind than "logmel".
        """
        if self.frontend.kind != "logmel":
            raise SpecError(f"kws: augmentation needs a front end of kind 'logmel', not '{self.frontend.kind}'")
        return self._augmenter(indices, self.frontend.with_settings(settings), generator)

    @cached_property
    def _augmenter(self) -> SpectrogramAugmenter:
        from micronets.tasks.kws.augment import SpectrogramAugmenter

        silence = self.classes.index(SILENCE) if SILENCE in self.classes else None
        return SpectrogramAugmenter(
            self.features["train"],
            self.target["train"],
            self.background,
            self.augmentation,
            self.frontend.pixel_scale,
            silence,
            self.made,
        )

    @property
    def space_options(self) -> Mapping[str, int]:
        """The frames and the bands of a clip, which a search space must know."""
        return {"frames": self.frontend.frames, "bands": self.frontend.n_mels}

    def front_end(self, settings: Mapping[str, int]) -> str:
        """Returns the JSON of the front end with these input settings."""
        return self.frontend.with_settings(settings).to_json()
