"""`predict`: outputs of a `Net` for many examples. `TaskData.evaluate` computes the task's metric from them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from micronets.design import processes
from micronets.design.net import Net

Floats = npt.NDArray[np.float32]


def predict(net: Net, x: Floats, batch: int = 256) -> Floats:
    """Computes the logits of every example in float32, on the device that holds the network.

    The network computes in evaluation mode and is left in the mode that it was in.

    - `x`: inputs `[N, H, W, C]`, in the real units that the front end gives, N at least 1.
    - `batch`: number of examples computed at once; it changes memory and time, not the result.

    Returns logits `[N, classes]`.
    """
    device, training = next(net.parameters()).device, net.training
    net.eval()
    with torch.inference_mode():
        parts = [net(torch.from_numpy(x[i : i + batch]).to(device)).cpu() for i in range(0, len(x), batch)]
    net.train(training)
    return np.concatenate([p.numpy() for p in parts])


def predict_together(net: Net, x: Floats) -> Floats:
    """Computes what `predict` does; processes that work together each compute a part of the examples."""
    group = processes.group()
    if group.count == 1 or len(x) < group.count:
        return predict(net, x)
    return group.whole(torch.from_numpy(predict(net, x[group.rows(len(x))])), len(x)).numpy()
