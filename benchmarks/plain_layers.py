"""Random convolutions, depthwise and dense layers as cores without the DSP extension compute them, byte by byte.

    python -m benchmarks.plain_layers [--layers 1000] [--seed 0]

Each layer is compiled for the target `plain`, built on this machine, once with products of 64 bits and the sanitizer
for undefined behaviour, once without such products (as a Cortex-M0+ computes), and run on random inputs. The program
prints how many layers there were and exits with 1 if any byte differs from the reference.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace

import numpy as np

from micronets.boards.targets import PLAIN
from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Activation, Conv2D, DepthwiseConv2D, FullyConnected, Layer
from micronets.ir.window import Padding
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_input, random_model

WAYS = {
    "products of 64 bits": ("-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all"),
    "products of 32 bits": ("-O2", "-DMICRONETS_NARROW_PRODUCTS=1"),
}
BATCH = 50  # layers that are built together
SAMPLES = 3


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
        padding: Padding = rng.choice(["same", "valid"])
        activation: Activation = rng.choice(["none", "relu", "relu6"])
        layer = Conv2D(
            name="y",
            inputs=(INPUT,),
            filters=rng.randint(1, 20),
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
            activation=activation,
        )
        if seed % 3 == 0:
            layer = DepthwiseConv2D(
                name="y",
                inputs=(INPUT,),
                multiplier=rng.choice([1, 1, 1, 2]),
                kernel=kernel,
                stride=stride,
                dilation=dilation,
                padding=padding,
                activation=activation,
            )
    model = random_model(Arch(shape, (layer,)), seed)
    w = model.weights["y"]
    if rng.random() < 0.2 and w.bias is not None:
        limit = 2 ** rng.randint(20, 29)
        noise = np.random.default_rng(seed)
        bias = noise.integers(-limit, limit, len(w.bias)).astype(np.int32)
        model = replace(model, weights={"y": replace(w, bias=bias)})
    return model


def differing(seeds: range, flags: tuple[str, ...]) -> list[int]:
    """Returns the seeds of the layers whose bytes, built with these flags, are not the reference's."""
    models = [layer_of(seed) for seed in seeds]
    library = build_library([compile_model(model, PLAIN) for model in models], flags)
    wrong = []
    for number, (seed, model) in enumerate(zip(seeds, models, strict=True)):
        x = random_input(model, SAMPLES, seed)
        if not np.array_equal(library.run(number, x), reference.run(model, x)):
            wrong.append(seed)
    return wrong


def main() -> int:
    """Runs the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = False
    for way, flags in WAYS.items():
        wrong: list[int] = []
        for first in range(options.seed, options.seed + options.layers, BATCH):
            wrong += differing(range(first, min(first + BATCH, options.seed + options.layers)), flags)
        print(f"{way}: {options.layers} layers, {len(wrong)} differ {wrong or ''}", flush=True)
        failed |= bool(wrong)
    return failed


if __name__ == "__main__":
    sys.exit(main())
