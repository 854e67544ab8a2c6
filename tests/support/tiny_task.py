"""A task and a search space small enough to search and train in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from micronets.ir.space import Block, Choice, SearchSpace, Template, ValueOf
from micronets.tasks.scoring import Score, classification

CLASSES = ("low", "middle", "high")
FRAMES, BANDS = 16, 8


class TinyTask:
    """Three classes told apart by where in frequency a bump lies, in noise."""

    name = "tiny"
    classes = CLASSES
    source = "synthetic bumps"
    synthetic = True
    input_settings = ("frame_stride",)
    noun = "maps"
    metric = "accuracy"
    notes: tuple[str, ...] = ()
    space_options: Mapping[str, Any] = {}

    def __init__(self, seed: int = 0, train: int = 192) -> None:
        rng = np.random.default_rng(seed)
        self._y = {split: rng.integers(0, 3, n) for split, n in (("train", train), ("val", 96), ("test", 96))}
        self._x = {split: self._draw(y, rng) for split, y in self._y.items()}

    def _draw(self, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        x = rng.normal(0, 0.5, (len(y), FRAMES, BANDS, 1)).astype(np.float32)
        for i, c in enumerate(y):
            x[i, :, 1 + 2 * c : 3 + 2 * c] += 1
        return x

    def size(self, split: str) -> int:
        return len(self._y[split])

    def labels(self, split: str) -> np.ndarray:
        return self._y[split]

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        return rng.permutation(len(self._y["train"]))

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        return (FRAMES // settings.get("frame_stride", 1), BANDS, 1)

    def inputs(self, split: str, settings: Mapping[str, int], indices: Any = None) -> np.ndarray:
        x = self._x[split] if indices is None else self._x[split][indices]
        return x[:, :: settings.get("frame_stride", 1)]

    def augmented(self, indices: Any, settings: Mapping[str, int], generator: Any) -> Any:
        import torch

        x = torch.from_numpy(self.inputs("train", settings, indices.numpy()).copy())
        return x + 0.1 * torch.randn(x.shape, generator=generator)

    def evaluate(self, outputs: np.ndarray, split: str) -> Score:
        return classification(outputs, self._y[split], len(CLASSES))

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        return {"micronets.task": self.name}


def tiny_space() -> SearchSpace:
    """Returns one choice of every kind: a stem, a residual block and a plain block that may go, a head."""
    choices = (
        Choice("frame_stride", "shape", (1, 2)),
        Choice("width", "width", (4, 8, 12)),
        Choice("last", "width", (4, 8, 12)),
        Choice("kernel", "kernel", (3, 5)),
        Choice("dilation", "dilation", (1, 2)),
        Choice("keep_residual", "keep", (0, 1)),
        Choice("keep_plain", "keep", (0, 1)),
    )

    def template(pick: ValueOf) -> Template:
        stem = Conv2D(
            name="stem", inputs=(INPUT,), filters=pick("width"), kernel=(3, 3), stride=(1, 2), activation="relu"
        )
        dw = DepthwiseConv2D(name="dw", inputs=("stem",), kernel=(pick("kernel"), 1), dilation=(pick("dilation"), 1))
        pw = Conv2D(name="pw", inputs=("dw",), filters=pick("width"), kernel=(1, 1))
        add = Add(name="add", inputs=("stem", "pw"), activation="relu")
        plain = Conv2D(name="plain", inputs=("add",), filters=pick("last"), kernel=(1, 1), activation="relu")
        pool = Mean(name="pool", inputs=("plain",))
        logits = FullyConnected(name="logits", inputs=("pool",), units=len(CLASSES))
        blocks = (
            Block((stem,)),
            Block((dw, pw, add), keep="keep_residual"),
            Block((plain,), keep="keep_plain"),
            Block((pool, logits)),
        )
        return Template((FRAMES // pick("frame_stride"), BANDS, 1), blocks)

    return SearchSpace("tiny", choices, template)
