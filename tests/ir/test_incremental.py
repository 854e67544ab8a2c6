"""`ir.incremental`: random networks over time give the outputs of every window from the new columns alone."""

import random
from dataclasses import replace

import numpy as np
import pytest

from micronets.errors import UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.incremental import incremental, step_of
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights

SEEDS = range(24)


def time_arch(seed: int) -> Arch:
    """Returns a random network whose windows never leave the map along time."""
    rng = random.Random(seed)
    shape = (rng.randint(14, 30), rng.randint(3, 5), rng.randint(1, 2))
    stack: list[Layer] = []
    shapes = {INPUT: shape}
    previous = INPUT

    def add(layer: Layer) -> str:
        nonlocal previous
        stack.append(layer)
        shapes.update(Arch(shape, tuple(stack)).shapes())
        previous = layer.name
        return previous

    for i in range(rng.randint(3, 6)):
        name, (rows, columns, channels) = f"l{i}", shapes[previous]
        taps = rng.randint(1, min(4, rows))
        apart = rng.choice([1, 2]) if (taps - 1) * 2 < rows else 1
        stride = rng.choice([1, 1, 1, 2, 3]) if rows > 8 else 1
        width = rng.randint(1, min(2, columns))
        match rng.choice(["conv", "conv", "depthwise", "average", "max", "residual", "join", "pad", "codes", "shape"]):
            case "conv":
                add(
                    layers.Conv2D(
                        name=name,
                        inputs=(previous,),
                        filters=rng.randint(1, 4),
                        kernel=(taps, width),
                        stride=(stride, 1),
                        dilation=(apart, 1) if stride == 1 else (1, 1),
                        padding="valid",
                        activation=rng.choice(["none", "relu"]),
                    )
                )
            case "depthwise":
                add(
                    layers.DepthwiseConv2D(
                        name=name,
                        inputs=(previous,),
                        kernel=(taps, width),
                        stride=(stride, stride),
                        padding="valid",
                    )
                )
            case "average":
                add(layers.AveragePool2D(name=name, inputs=(previous,), pool=(taps, width), stride=(stride, 1)))
            case "max":
                add(layers.MaxPool2D(name=name, inputs=(previous,), pool=(taps, width), stride=(stride, 1)))
            case "residual":
                source, lost = previous, (taps - 1) * apart
                cut = rng.randint(0, lost)
                kernel = {"kernel": (taps, 1), "dilation": (apart, 1), "padding": "valid"}
                branch = add(layers.DepthwiseConv2D(name=f"{name}b", inputs=(source,), **kernel))
                size = (rows - lost, columns, channels)
                crop = add(layers.Slice(name=f"{name}c", inputs=(source,), begin=(cut, 0, 0), size=size))
                add(rng.choice([layers.Add, layers.Mul])(name=name, inputs=(crop, branch)))
            case "join":
                first = layers.Split(name=f"{name}a", inputs=(previous,), axis=2, others=(f"{name}b",))
                if channels % 2 == 0:
                    add(first)
                    add(layers.Concatenation(name=name, inputs=(f"{name}b", f"{name}a"), axis=rng.choice([1, 2])))
                else:
                    add(layers.Concatenation(name=name, inputs=(previous, previous), axis=2))
            case "pad":
                add(layers.Pad(name=name, inputs=(previous,), paddings=((0, 0), (1, 0), (0, 1))))
            case "codes":
                add(layers.HardSwish(name=name, inputs=(previous,)))
            case "shape":
                add(layers.Reshape(name=name, inputs=(previous,), shape=(rows, 1, columns * channels)))
    rows, columns, channels = shapes[previous]
    match rng.choice(["mean", "dense", "conv", "columns"]):
        case "mean":
            add(layers.Mean(name="pool", inputs=(previous,)))
            add(layers.FullyConnected(name="logits", inputs=("pool",), units=3))
        case "dense":
            add(layers.FullyConnected(name="logits", inputs=(previous,), units=3))
        case "conv":
            whole = {"kernel": (rows, columns), "padding": "valid"}
            add(layers.Conv2D(name="logits", inputs=(previous,), filters=3, **whole))
            add(layers.Softmax(name="certainties", inputs=("logits",)))
        case "columns":
            add(layers.Slice(name="crop", inputs=(previous,), begin=(rows - 1, 0, 0), size=(1, columns, channels)))
            add(layers.FullyConnected(name="logits", inputs=("crop",), units=3))
    return Arch(shape, tuple(stack))


def found_for(arch: Arch) -> tuple[QuantizedModel, QuantizedModel]:
    """Returns a network with random weights, and the incremental one."""
    model, made = with_random_weights(arch), incremental(arch)
    quant = {name: model.quant[made.copies.get(name, name)] for name in made.arch.shapes()}
    return model, replace(model, arch=made.arch, quant=quant)


def same_outputs(arch: Arch, windows: int = 6) -> int:
    """Compares the outputs of windows, and returns how many different codes they have."""
    model, steps = found_for(arch)
    length, step = arch.input_shape[0], steps.arch.input_shape[0]
    rng = np.random.default_rng(1)
    loudness = np.cumsum(rng.normal(0, 30, (length + step * (windows - 1), *arch.input_shape[1:])), axis=0)
    frames = (np.rint(loudness) % 255 - 127).astype(np.int8)
    want = reference.run(model, np.stack([frames[i * step : i * step + length] for i in range(windows)]))
    # What is in front of the first window is never heard: two beginnings lead to the same outputs.
    for filler in (-128, 99):
        early = np.full((-length % step, *arch.input_shape[1:]), filler, np.int8)
        given = np.concatenate([early, frames]).reshape(-1, step, *arch.input_shape[1:])
        np.testing.assert_array_equal(reference.run(steps, given)[-windows:], want)
    return len(np.unique(want))


def test_every_window_of_random_networks_has_the_outputs_of_the_whole_network() -> None:
    archs = [time_arch(seed) for seed in SEEDS]
    steps = [step_of(arch) for arch in archs]
    assert {1, 2, 3} <= set(steps)
    codes = [same_outputs(arch) for arch, step in zip(archs, steps, strict=True) if step is not None]
    assert sum(count > 3 for count in codes) > 15  # the others hardly change with their input


def depthwise(name: str, source: str, taps: int, stride: int = 1) -> Layer:
    return layers.DepthwiseConv2D(name=name, inputs=(source,), kernel=(taps, 1), stride=(stride, 1), padding="valid")


def test_a_layer_computes_its_new_columns_and_keeps_those_it_needs() -> None:
    dense = layers.FullyConnected(name="logits", inputs=("b",), units=2)
    made = incremental(Arch((20, 1, 3), (depthwise("a", INPUT, 5), depthwise("b", "a", 3, 2), dense)))
    shapes = made.arch.shapes()
    assert (made.step, made.arch.input_shape) == (2, (2, 1, 3))
    assert (shapes["a"], shapes["b"], shapes["logits"]) == ((2, 1, 3), (1, 1, 3), (2,))
    # A window has 16 columns of `a` and 7 of `b`: of `a`, the last two are the newest, and `b` needs two before them.
    kept = {name: spec.shape[0] for name, spec in made.arch.variables().items()}
    assert kept == {"input/kept": 4, "a/kept": 2, "b/kept": 6}


def test_one_variable_serves_all_readers_of_a_tensor() -> None:
    stack = (
        depthwise("a", INPUT, 3),
        depthwise("b", INPUT, 5),
        layers.Slice(name="crop", inputs=("a",), begin=(1, 0, 0), size=(16, 1, 2)),
        layers.Add(name="sum", inputs=("crop", "b")),
        layers.Mean(name="pool", inputs=("sum",)),
    )
    made = incremental(Arch((20, 1, 2), stack))
    kept = {name: spec.shape[0] for name, spec in made.arch.variables().items()}
    assert kept == {"input/kept": 4, "a/kept": 1, "sum/kept": 15}
    same_outputs(Arch((20, 1, 2), stack))


def test_names_that_are_taken_are_avoided() -> None:
    stack = (depthwise("input/columns", INPUT, 3), layers.Mean(name="input/old", inputs=("input/columns",)))
    same_outputs(Arch((12, 1, 2), stack))


@pytest.mark.parametrize(
    ("stack", "why"),
    [
        (
            (layers.Conv2D(name="a", inputs=(INPUT,), filters=2, kernel=(3, 1)),),
            "layer 'a' has SAME padding along time",
        ),
        ((layers.FullyConnected(name="a", inputs=(INPUT,), units=2),), "layer 'a' reads all frames at once"),
        ((depthwise("a", INPUT, 1, 9), depthwise("b", "a", 1, 9)), "layer 'a' reads all frames at once"),
        (
            (
                depthwise("a", INPUT, 1, 4),
                depthwise("b", INPUT, 1, 5),
                layers.Mean(name="c", inputs=("a",)),
                layers.Mean(name="d", inputs=("b",)),
                layers.Add(name="e", inputs=("c", "d")),
            ),
            "its strides along time make steps of 20 frames, which is more than the 9 that 'input' spans",
        ),
        (
            (
                layers.ReadVariable(name="old", variable="v", shape=(9, 1, 1)),
                layers.AssignVariable(name="new", inputs=(INPUT,), variable="v"),
                layers.Mean(name="a", inputs=("old",)),
            ),
            "it keeps state from one inference to the next already",
        ),
    ],
)
def test_what_cannot_be_incremental_is_one_clear_line(stack: tuple[Layer, ...], why: str) -> None:
    arch = Arch((9, 1, 1), stack)
    with pytest.raises(UnsupportedError) as e:
        incremental(arch)
    assert why in str(e.value)
    assert "\n" not in str(e.value)
    assert step_of(arch) is None
