"""Running a `Net` over a split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from micronets.design.net import Net

Floats = npt.NDArray[np.float32]


def predict(net: Net, x: Floats, batch: int = 256) -> Floats:
    """Logits `[N, classes]` of inputs `[N, H, W, C]`, in float32, on the device of the network."""
    device, training = next(net.parameters()).device, net.training
    net.eval()
    with torch.inference_mode():
        parts = [net(torch.from_numpy(x[i : i + batch]).to(device)).cpu() for i in range(0, len(x), batch)]
    net.train(training)
    return np.concatenate([p.numpy() for p in parts])
