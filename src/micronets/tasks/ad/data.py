"""Data of anomaly detection in memory: log-mels of whole clips by split, cut into windows.

The network names the machine that a window comes from, and is trained on machines without faults. The anomaly score of
a window is -log softmax of its own machine, which is large if the network does not recognise the machine. The score of
a clip is the mean over its windows. MicroNets, Section 5.3, uses minus the softmax itself, which saturates when the
network is confident.

With `Windows.pitches` the network also says whether the sound is as recorded, or a little higher or lower: each pitch
of each machine is a class. So it must know exactly how a machine sounds, and one machine is enough to learn from.
(Self-supervision by transformations: Golan and El-Yaniv, Deep Anomaly Detection Using Geometric Transformations, 2018.)
Scores are always those of the sound as recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from micronets.ir.spaces.base import SpaceOptions
from micronets.tasks.ad.auc import auc, interval, partial_auc
from micronets.tasks.ad.settings import Floats, Labels, WindowAugmentation, Windows
from micronets.tasks.labelled import LabelledData
from micronets.tasks.scoring import Score, classification

if TYPE_CHECKING:
    import torch

    from micronets.tasks.ad.augment import WindowAugmenter

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class AdData(LabelledData):
    """Machine sounds, a `TaskData` whose examples are windows. Classes are machines, such as `slider_id_00`.

    With pitches there are further classes: all machines at the first pitch (`slider_id_00 x 0.97`), all at the second,
    and so on. The windows of "train" and "val" occur once as recorded, then once at each pitch.

    - `clips`: log-mel pixels by split, uint8 `[C, T, M]`.
    - `machine`: class indices by split, `[C]`.
    - `abnormal`: whether a clip is abnormal, by split, bool `[C]`; false for all of "train".
    - `windows`: how a clip is cut into windows.
    - `augmentation`: the augmentation of training windows.
    """

    windows: Windows
    clips: Mapping[str, npt.NDArray[np.uint8]]
    machine: Mapping[str, Labels]
    abnormal: Mapping[str, Bools]
    augmentation: WindowAugmentation = field(default_factory=WindowAugmentation)
    name: str = "ad"
    noun: str = "windows"
    metric: str = "auc"

    @property
    def space_options(self) -> SpaceOptions:
        """The height and the width of the network's input."""
        return {"height": self.windows.height, "width": self.windows.width}

    def _windows_of(self, split: str) -> int:
        return self.windows.count(self.of_split(self.clips, split).shape[1])

    def _pitches_of(self, split: str) -> int:
        """Returns the number of pitches at which the windows of a split occur, including the original one."""
        return 1 + len(self.windows.pitches) if split in ("train", "val") else 1

    def size(self, split: str) -> int:
        """Returns the number of windows of a split. Raises `SpecError` for an unknown split."""
        return self._windows_of(split) * len(self.clips[split]) * self._pitches_of(split)

    def labels(self, split: str) -> Labels:
        """Returns the class of every window `[N]`: by pitch, and within a pitch clip by clip."""
        own = np.repeat(self.of_split(self.machine, split), self._windows_of(split))
        machines = len(self.classes) // (1 + len(self.windows.pitches))
        return (machines * np.arange(self._pitches_of(split))[:, None] + own).ravel()

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """Returns `(height, width, 1)`."""
        return self.windows.height, self.windows.width, 1

    def inputs(self, split: str, settings: Mapping[str, int], indices: Labels | None = None) -> Floats:
        """Returns network inputs `[N, height, width, 1]` of a split, not augmented.

        - `split`: the name of the split.
        - `settings`: unused: nothing changes the input of this task.
        - `indices`: indices of windows of the split, `[N]`; None: all of them.

        Raises `SpecError` for an unknown split.
        """
        rows = np.arange(self.size(split)) if indices is None else indices
        count = max(1, self._windows_of(split))
        pitch, clip = np.divmod(rows // count, max(1, len(self.clips[split])))
        return self.windows.inputs(self.clips[split], (clip, rows % count), pitch)

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Returns augmented network inputs `[B, height, width, 1]` of train windows.

        The result depends on the arguments alone.

        - `indices`: indices of windows of the train split, `[B]`.
        - `settings`: unused: nothing changes the input of this task.
        - `generator`: draws the augmentation; the result is on its device.
        """
        return self._augmenter(indices, generator)

    @cached_property
    def _augmenter(self) -> WindowAugmenter:
        from micronets.tasks.ad.augment import WindowAugmenter

        return WindowAugmenter(self.clips["train"], self.windows, self.augmentation)

    def evaluate(self, outputs: npt.NDArray[Any], split: str) -> Score:
        """Returns the AUC of the clips' anomaly scores, as the mean over machines.

        With it come the pAUC (up to a false-positive rate of 0.1), and both figures for each machine. For a split
        without abnormal clips, the result is the share of windows whose machine is recognised.

        - `outputs`: logits `[N, classes]` of all windows of the split.
        """
        own, abnormal = self.machine[split], self.abnormal[split]
        if not abnormal.any():  # always so in "val"
            return classification(outputs, self.labels(split), len(self.classes), self.noun)
        scores = anomaly_scores(outputs, own, self._windows_of(split))
        groups = {self.classes[i]: (scores[own == i], abnormal[own == i]) for i in np.unique(own)}
        judged = {c: g for c, g in groups.items() if g[1].any() and not g[1].all()}
        each = {c: (auc(*g), partial_auc(*g)) for c, g in judged.items()}
        means = np.mean([*each.values()], 0).tolist() if each else [0.5, 0.5]
        rest = {f"{kind} {c}": v for c, values in each.items() for kind, v in zip(("auc", "pauc"), values, strict=True)}
        metrics = {"auc": means[0], "pauc": means[1], **rest}
        sizes = {
            f"{machine}, {kind}": int((bad == (kind == "abnormal")).sum())
            for machine, (_, bad) in groups.items()
            for kind in ("normal", "abnormal")
        }
        return Score(metrics, interval([*judged.values()]), len(scores), "clips", sizes=sizes)

    def front_end(self, settings: Mapping[str, int]) -> str:
        """Returns the JSON of the conversion from sound to windows."""
        return self.windows.to_json()


def anomaly_scores(outputs: npt.NDArray[Any], own: Labels, windows: int) -> npt.NDArray[np.float64]:
    """Returns the anomaly scores of clips `[C]`: the mean over a clip's windows of -log softmax of its own machine.

    - `outputs`: logits `[C * windows, classes]`.
    - `own`: the machine of each clip, `[C]`.
    - `windows`: number of windows of a clip.
    """
    logits = outputs.reshape(len(own), windows, -1).astype(np.float64)
    top = logits.max(2, keepdims=True)
    surprise = np.log(np.exp(logits - top).sum(2)) + top[..., 0] - logits[np.arange(len(own)), :, own]
    scores: npt.NDArray[np.float64] = surprise.mean(1)
    return scores
