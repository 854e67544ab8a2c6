"""Random networks of the shapes and sizes that searches find: `random_arch(seed)`."""

import random

from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer


def random_arch(seed: int) -> Arch:
    """Returns a network of 2 to 12 blocks: like a DS-CNN, residual, or temporal (1-D, residual, with dilation)."""
    rng = random.Random(seed)
    kind = ("ds", "residual", "temporal")[seed % 3]
    width = rng.randrange(8, 65 if kind == "temporal" else 161, 4)
    if kind == "temporal":
        shape = (rng.choice((49, 98, 101)), 1, rng.choice((10, 40)))
        stem: Layer = layers.Conv2D(
            name="stem", inputs=(INPUT,), filters=width, kernel=(rng.choice((3, 9)), 1), activation="relu"
        )
    else:
        shape = rng.choice(((49, 10, 1), (98, 40, 1), (32, 32, 3), (48, 48, 1)))
        kernel, stride = rng.choice(((10, 4), (3, 3), (5, 5))), rng.choice(((1, 1), (2, 2), (2, 1)))
        stem = layers.Conv2D(
            name="stem", inputs=(INPUT,), filters=width, kernel=kernel, stride=stride, activation="relu"
        )
    stack: list[Layer] = [stem]
    for i in range(rng.randrange(2, 13)):
        stack += _block(
            rng, kind, i, stack[-1].name, width := width if rng.random() < 0.5 else rng.randrange(8, 129, 4)
        )
        if kind != "ds" and rng.random() < 0.8:
            stack += _residual(rng, i, stack[-1].name, width)
    return Arch(shape, (*stack, *_head(rng, shape, stack)))


def _block(rng: random.Random, kind: str, i: int, before: str, width: int) -> list[Layer]:
    temporal = kind == "temporal"
    kernel = (rng.choice((3, 5, 9)), 1) if temporal else (3, 3)
    stride = rng.choice((1, 1, 1, 2))
    dilation = (rng.choice((1, 2, 4)), 1) if temporal and stride == 1 else (1, 1)
    bits = rng.choice((8, 8, 8, 4))
    return [
        layers.DepthwiseConv2D(
            name=f"depthwise_{i}",
            inputs=(before,),
            kernel=kernel,
            stride=(stride, 1 if temporal else stride),
            dilation=dilation,
            activation="relu",
        ),
        layers.Conv2D(
            name=f"pw{i}", inputs=(f"depthwise_{i}",), filters=width, kernel=(1, 1), weight_bits=bits, activation="relu"
        ),
    ]


def _residual(rng: random.Random, i: int, before: str, width: int) -> list[Layer]:
    """Returns a branch beside the identity; sometimes narrower, with a Pad, sometimes with a Relu of its own."""
    narrow = rng.choice((0, 0, 4))
    stack: list[Layer] = [
        layers.Conv2D(name=f"branch{i}", inputs=(before,), filters=width - narrow, kernel=(3, 1)),
        layers.Pad(name=f"pad{i}", inputs=(f"branch{i}",), paddings=((0, 0), (0, 0), (0, narrow))),
        layers.Add(name=f"add{i}", inputs=(before, f"pad{i}" if narrow else f"branch{i}")),
        layers.Relu(name=f"relu{i}", inputs=(f"add{i}",)),
    ]
    return [
        a
        for a in stack
        if (narrow or not isinstance(a, layers.Pad)) and (rng.random() < 0.3 or not isinstance(a, layers.Relu))
    ]


def _head(rng: random.Random, shape: tuple[int, ...], stack: list[Layer]) -> list[Layer]:
    last = stack[-1].name
    h, w, c = Arch(shape, tuple(stack)).output_shape
    match rng.randrange(3):
        case 0:
            pooled: list[Layer] = [layers.Mean(name="mean", inputs=(last,))]
        case 1:
            pooled = [layers.AveragePool2D(name="average", inputs=(last,), pool=(h, w), stride=(h, w))]
            pooled.append(layers.Reshape(name="flat", inputs=("average",), shape=(c,)))
        case _:
            pooled = [layers.MaxPool2D(name="max", inputs=(last,), pool=(min(h, 2), 1), stride=(min(h, 2), 1))]
            pooled.append(layers.Mean(name="mean", inputs=("max",), keep_dims=True))
    logits = layers.FullyConnected(name="logits", inputs=(pooled[-1].name,), units=12, weight_bits=rng.choice((8, 4)))
    return [*pooled, logits, *([layers.Softmax(name="softmax", inputs=("logits",))] if rng.random() < 0.5 else [])]
