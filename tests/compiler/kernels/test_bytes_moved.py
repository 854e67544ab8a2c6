"""Elementwise operators, reductions, softmax and movements of bytes, of many shapes, against the reference."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks.same_bytes import SANITIZED, Way, case, missing, run
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, Shape, TensorSpec
from micronets.quantized.model import QuantizedModel, TensorQuant
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_model

BINARY = (layers.Add, layers.Sub, layers.Mul, layers.Minimum, layers.Maximum, layers.SquaredDifference, layers.Prelu)
X = (INPUT,)


def elementwise(rng: random.Random, shape: Shape) -> tuple[Layer, tuple[TensorSpec, ...]]:
    """A table, or two tensors combined, the second a constant of a shape that is repeated in one way or another."""
    if rng.random() < 0.1:
        return layers.HardSwish(name="y", inputs=X), ()
    kind = rng.choice(BINARY)
    if rng.random() < 0.2:
        return kind(name="y", inputs=(INPUT, INPUT)), ()
    constant = tuple(n if rng.random() < 0.5 else 1 for n in shape)
    if rng.random() < 0.3:
        constant = constant[-1:]
    order = (INPUT, "c") if kind is layers.Prelu or rng.random() < 0.7 else ("c", INPUT)
    return kind(name="y", inputs=order), (TensorSpec("c", constant, "int8"),)


def reduction(rng: random.Random, shape: Shape) -> tuple[Layer, tuple[TensorSpec, ...]]:
    """A sum, mean, maximum or minimum over some dimensions."""
    axes = tuple(axis for axis in range(len(shape)) if rng.random() < 0.5) or (rng.randrange(len(shape)),)
    return rng.choice((layers.Mean, layers.Sum, layers.ReduceMax, layers.ReduceMin))(name="y", inputs=X, axes=axes), ()


def along_rows(rng: random.Random, shape: Shape) -> tuple[Layer, tuple[TensorSpec, ...]]:
    """A softmax or its logarithm, or the place of the largest or smallest value."""
    if rng.random() < 0.3:
        return layers.ArgMax(name="y", inputs=X, axis=rng.randrange(len(shape)), smallest=rng.random() < 0.5), ()
    if rng.random() < 0.5:
        return layers.LogSoftmax(name="y", inputs=X), ()
    return layers.Softmax(name="y", inputs=X, beta=rng.choice((0.1, 1.0, 4.0))), ()


def movement(rng: random.Random, shape: Shape) -> tuple[Layer, tuple[TensorSpec, ...]]:
    """A copy of bytes to other places."""
    height, width, _ = shape
    axis = rng.randrange(3)
    others = tuple(f"z{i}" for i in range(shape[axis] - 1))
    steps = tuple(rng.choice((1, 1, 2, -1)) for _ in shape)
    begin = tuple(n - 1 if step < 0 else 0 for n, step in zip(shape, steps, strict=True))
    size = tuple((n + abs(step) - 1) // abs(step) for n, step in zip(shape, steps, strict=True))
    box = tuple(rng.randint(1, n) for n in shape)
    corner = tuple(rng.randint(0, n - m) for n, m in zip(shape, box, strict=True))
    border = tuple((rng.randint(0, n - 1), rng.randint(0, n - 1)) for n in (height, width))
    made = rng.choice(((2 * height, 4 * width), (rng.randint(1, 2 * height), rng.randint(1, 2 * width))))
    taken = tuple(rng.randrange(shape[axis]) for _ in range(rng.randint(1, 9)))
    permutation = tuple(rng.sample(range(3), 3))
    choices: tuple[Layer, ...] = (
        layers.Transpose(name="y", inputs=X, permutation=permutation),
        layers.Concatenation(name="y", inputs=(INPUT, INPUT), axis=axis),
        layers.Pack(name="y", inputs=(INPUT, INPUT, INPUT), axis=rng.randrange(4)),
        layers.Slice(name="y", inputs=X, begin=corner, size=box),
        layers.StridedSlice(name="y", inputs=X, begin=begin, size=size, strides=steps),
        layers.MirrorPad(name="y", inputs=X, paddings=(*border, (0, 0)), symmetric=rng.random() < 0.5),
        layers.ResizeNearestNeighbor(name="y", inputs=X, size=made, half_pixel_centers=rng.random() < 0.5),
        layers.ResizeBilinear(name="y", inputs=X, size=made, half_pixel_centers=rng.random() < 0.5),
        layers.Gather(name="y", inputs=X, axis=axis, indices=taken),
        layers.Unpack(name="y", inputs=X, axis=axis, others=others),
        layers.Split(name="y", inputs=X, axis=axis, others=others),
    )
    return rng.choice(choices), ()


def model_of(seed: int) -> QuantizedModel:
    """A network of one layer, on a shape whose sizes need not be multiples of anything."""
    rng = random.Random(seed)
    shape = rng.randint(1, 9), rng.randint(1, 9), rng.choice((1, 2, 3, 4, 5, 7, 8, 16, 19, 33, 70, 131))
    layer, constants = (elementwise, reduction, movement, along_rows)[seed % 4](rng, shape)
    model = random_model(Arch(shape, (layer,), constants=constants, output_names=("y",)), seed)
    if isinstance(layer, layers.Mean | layers.Sum | layers.Mul) and rng.random() < 0.6:  # a result of less resolution
        quant = model.quant["y"]
        model = replace(model, quant={**model.quant, "y": TensorQuant(quant.scale * 40, quant.zero_point)})
    if isinstance(layer, layers.Softmax | layers.LogSoftmax):  # few or many differences of codes count
        x = TensorQuant(rng.choice((0.004, 0.05, 0.3, 2.0)), 0)
        model = replace(model, quant={**model.quant, INPUT: x})
    return model


def test_every_byte_is_that_of_the_reference() -> None:
    assert_equals_reference([model_of(seed) for seed in range(24, 56)])


def test_sanitizers_find_nothing() -> None:
    way = Way("gcc", (*SANITIZED, "-DMICRONETS_DSP"))
    if reason := missing(way):
        pytest.skip(reason)
    assert run(way, [case(f"network {seed}", model_of(seed), seed) for seed in range(16)]) == []
