"""Random layers of every size and window, for kernels that must compute them all."""

import random
from dataclasses import replace

import numpy as np

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Layer
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_model


def layer_of(seed: int) -> QuantizedModel:
    """Returns a random network of one layer: any window, stride, padding and dilation, large biases and odd scales."""
    rng = random.Random(seed)
    layer: Layer
    if rng.random() < 0.3:
        shape: tuple[int, ...] = (rng.randint(1, 300),)
        layer = FullyConnected(name="y", inputs=(INPUT,), units=rng.randint(1, 40))
    else:
        kernel = rng.choice([(1, 1), (1, 1), (3, 3), (5, 5), (1, 7), (4, 1), (2, 3)])
        dilation = rng.choice([(1, 1), (1, 1), (2, 2), (1, 3)])
        stride = (1, 1) if dilation != (1, 1) else (rng.randint(1, 3), rng.randint(1, 3))
        shape = (rng.randint(13, 17), rng.randint(19, 22), rng.choice([1, 2, 3, 4, 5, 8, 16, 17]))
        padding = rng.choice(["same", "valid"])
        activation = rng.choice(["none", "relu", "relu6"])
        window = {
            "kernel": kernel,
            "stride": stride,
            "dilation": dilation,
            "padding": padding,
            "activation": activation,
        }
        layer = Conv2D(name="y", inputs=(INPUT,), filters=rng.randint(1, 20), **window)
        if seed % 3 == 0:
            layer = DepthwiseConv2D(name="y", inputs=(INPUT,), multiplier=rng.choice([1, 1, 1, 2]), **window)
    model = random_model(Arch(shape, (layer,)), seed)
    w = model.weights["y"]
    if rng.random() < 0.2 and w.bias is not None:
        limit = 2 ** rng.randint(20, 29)
        noise = np.random.default_rng(seed)
        bias = noise.integers(-limit, limit, len(w.bias)).astype(np.int32)
        model = replace(model, weights={"y": replace(w, bias=bias)})
    return model
