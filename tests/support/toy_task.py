"""A data set small enough to train on in a second: noisy maps with a bright row whose place is the class."""

import numpy as np
import torch

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected
from micronets.tasks.scoring import classification

ARCH = Arch(
    (8, 4, 1),
    (
        Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3), activation="relu"),
        DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), activation="relu"),
        Conv2D(name="c", inputs=("b",), filters=8, kernel=(1, 4), padding="valid", activation="relu"),
        FullyConnected(name="e", inputs=("c",), units=3),
    ),
)
"""A network for `Toy`, with a convolution of each kind."""


class Toy:
    name = "toy"
    classes = ("a", "b", "c")
    source = "synthetic maps"
    synthetic = True
    input_settings = ()
    noun = "maps"
    metric = "accuracy"
    notes = ()
    space_options = {}  # noqa: RUF012

    def __init__(self, train=96, val=48, shape=(8, 4, 1), noise=0.6):
        rng = np.random.default_rng(0)
        self.shape, self.x, self.y = shape, {}, {}
        for split, n in (("train", train), ("val", val), ("test", val)):
            y = np.arange(n) % 3
            x = rng.normal(0, noise, (n, *shape)).astype(np.float32)
            x[np.arange(n), 2 * y + 1] += 1.5
            self.x[split], self.y[split] = x, y.astype(np.int64)

    def size(self, split):
        return len(self.y[split])

    def labels(self, split):
        return self.y[split]

    def input_shape(self, settings):
        return self.shape

    def inputs(self, split, settings, indices=None):
        return self.x[split] if indices is None else self.x[split][indices]

    def epoch(self, rng):
        return rng.permutation(len(self.y["train"]))

    def augmented(self, indices, settings, generator):
        x = torch.from_numpy(self.x["train"]).to(generator.device)[indices.to(generator.device)]
        return x + 0.1 * torch.randn(x.shape, generator=generator, device=generator.device)

    def evaluate(self, outputs, split):
        return classification(outputs, self.y[split], len(self.classes))

    def metadata(self, settings):
        return {"micronets.task": "toy"}
