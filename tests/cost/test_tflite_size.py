"""Predicted sizes of `.tflite` files against those that the writer writes."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.cost.tflite_size import text_bytes, tflite_bytes
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.paper_archs import paper_archs
from tests.support.random_models import of_type
from tests.support.random_models import random_arch as random_arch_of_corners
from tests.support.realistic_archs import random_arch
from tests.support.stateful import streaming


def unequal(model: QuantizedModel, seed: int) -> QuantizedModel:
    """Returns the model with different scales and zero points where these may be, so that a file shares none."""
    rng = np.random.default_rng(seed)
    quant = dict(model.quant)
    for step in model.arch.steps():
        facts, layer = step.operator, step.layer
        if layer.act_bits == 8 and facts.scale == "its own" and step.output_type != "float32":
            scale, zero_point = float(np.float32(rng.uniform(0.01, 0.2))), int(rng.integers(-128, 128))
            quant |= dict.fromkeys(layer.outputs, of_type(TensorQuant(scale, zero_point), step.output_type))
        elif facts.scale != "1/256" and step.output_type != "float32":
            quant |= dict.fromkeys(layer.outputs, quant[layer.inputs[0]])
    return replace(model, quant=quant)


def excess(model: QuantizedModel) -> int:
    """Returns by how many bytes the predicted file is larger than the one that is written."""
    return int(tflite_bytes(model.arch.steps(), text_bytes(model.metadata))) - len(write(model))


def allowed(model: QuantizedModel) -> int:
    """Returns the most bytes that docs/arena.md grants the prediction."""
    return 600 + 50 * len(model.arch.layers)


@pytest.mark.parametrize("seed", range(30))
def test_no_file_of_a_network_as_we_train_it_is_larger_than_predicted(seed: int) -> None:
    model = with_random_weights(random_arch(seed), seed)
    for made in (model, unequal(model, seed)):
        assert 0 <= excess(made) <= allowed(made)


def test_no_file_of_a_small_network_is_larger_than_predicted() -> None:
    judged = 0
    for seed in range(200):
        with suppress(SpecError, UnsupportedError, KeyError):  # random weights that do not go with this network
            model = with_random_weights(random_arch_of_corners(seed), seed)
            data = [write(made) for made in (model, unequal(model, seed))]
            judged += 1
            assert all(len(d) <= tflite_bytes(model.arch.steps()) for d in data), seed
    assert judged > 100


def test_the_papers_networks(shared: Path) -> None:
    for name, arch in paper_archs(shared).items():
        model = with_random_weights(arch)
        assert 0 <= excess(model) <= allowed(model), name
        assert 0 <= excess(unequal(model, 1)) <= allowed(model), name


@pytest.mark.parametrize("rows", [1, 100])
def test_first_values_of_variables_are_in_the_file(rows: int) -> None:
    read_old = layers.ReadVariable(name="old", variable="state", shape=(rows, 1, 9))
    both = layers.Concatenation(name="both", inputs=("old", INPUT), axis=0)
    new = layers.Slice(name="new", inputs=("both",), begin=(2, 0, 0), size=(rows, 1, 9))
    keep = layers.AssignVariable(name="assign_variable", inputs=("new",), variable="state")
    window = layers.Conv2D(name="window", inputs=("both",), filters=3, kernel=(rows + 2, 1), padding="valid")
    model = with_random_weights(Arch((2, 1, 9), (read_old, both, new, keep, window)))
    for made in (model, streaming(rows, 4)):
        assert 0 <= excess(made) <= allowed(made)


def test_no_file_of_others_is_larger_than_predicted(shared: Path) -> None:
    """A dense layer is predicted with one scale; with one for each output, 8 bytes for each of them come on top."""
    judged = several = 0
    for path in sorted([*(shared / "models/field").glob("*.tflite"), *(shared / "cases").glob("*.tflite")]):
        with suppress(UnsupportedError):  # operators that are not read
            model = read(path.read_bytes())
            dense = (step.layer.name for step in model.arch.steps() if isinstance(step.layer, layers.FullyConnected))
            scales = [len(model.weights[name].scales) for name in dense if name in model.weights]
            assert excess(model) + 8 * sum(n for n in scales if n > 1) >= 0, path.stem
            judged += 1
            several += any(n > 1 for n in scales)
    assert judged > 70
    assert several > 2


def test_the_released_models(shared: Path) -> None:
    for path in sorted(
        p for maker in ("micronets", "mlperf_tiny") for p in (shared / "models" / maker).glob("*.tflite")
    ):
        model = read(path.read_bytes())
        assert 0 <= excess(model) <= allowed(model), path.stem


def test_texts_and_tensors_of_4_bits_are_counted() -> None:
    arch = random_arch(1)
    metadata = {"micronets.labels": "x" * 500, "micronets.frontend": "y" * 300, "micronets.task": "z"}
    model = with_random_weights(arch)
    more = len(write(replace(model, metadata=metadata))) - len(write(model))
    assert more <= text_bytes(metadata) <= more + 3 * 64
    layer = layers.Conv2D(name="a" * 40, inputs=(INPUT,), filters=4, kernel=(1, 1), activation="relu6", act_bits=4)
    four = with_random_weights(Arch((4, 4, 1), (layer,)))
    clamped = TensorQuant(float(np.float32(0.4)), -8)
    assert 0 <= excess(replace(four, quant={**four.quant, layer.name: clamped})) <= 500


@pytest.mark.parametrize("count", range(1, 6))
def test_the_prediction_for_a_tiny_network_is_near(count: int) -> None:
    """The first of these files has 700 bytes, most of them tables, of which 340 too many were predicted once."""
    stack: tuple[Layer, ...] = (
        layers.Conv2D(name="stem", inputs=(INPUT,), filters=6, kernel=(3, 3), activation="relu"),
        layers.DepthwiseConv2D(name="depthwise", inputs=("stem",), kernel=(3, 3), activation="relu"),
        layers.Conv2D(name="pointwise", inputs=("depthwise",), filters=7, kernel=(1, 1), activation="relu"),
        layers.AveragePool2D(name="pool", inputs=("pointwise",), pool=(8, 6), stride=(8, 6)),
        layers.FullyConnected(name="dense", inputs=("pool",), units=4),
    )
    model = with_random_weights(Arch((8, 6, 1), stack[:count]))
    for made in (model, unequal(model, count)):
        assert 0 <= excess(made) <= 200
