"""Running a `Net` over a split, and accuracy of anything that gives scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch

from micronets.net import Net
from micronets.tasks import TaskData

Floats = npt.NDArray[np.float32]


def predict(net: Net, x: Floats, batch: int = 256) -> Floats:
    """Logits `[N, classes]` of inputs `[N, H, W, C]`, in float32, on the device of the network."""
    device, training = next(net.parameters()).device, net.training
    net.eval()
    with torch.inference_mode():
        parts = [net(torch.from_numpy(x[i : i + batch]).to(device)).cpu() for i in range(0, len(x), batch)]
    net.train(training)
    return np.concatenate([p.numpy() for p in parts])


def accuracy(
    scores: Callable[[Floats], npt.NDArray[np.generic]], data: TaskData, split: str, settings: Mapping[str, int]
) -> float:
    """Share of the split whose highest of `scores(inputs [N, H, W, C]) [N, classes]` is the right class, 0..1.

    `scores` may be a float network, a fake-quantised one, or integers from a runtime: the first of equals counts.
    """
    best = scores(data.inputs(split, settings)).argmax(1)
    return float((best == data.labels(split)).mean())
