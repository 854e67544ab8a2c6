"""Functions of one code, from their arithmetic to the C: the codes are TFLM's for every code of many scales."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Abs, Conv2D, Elu, Layer, LeakyRelu, Logistic, Rsqrt, Tanh
from micronets.ir.ops import operator
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.quantized.validate import FIXED
from micronets.tflite import read, write
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs, needs_tflm

CODES = np.arange(-128, 128).astype(np.int8)[None]
X = (INPUT,)
LAYERS: tuple[Layer, ...] = (
    Logistic(name="y", inputs=X),
    Tanh(name="y", inputs=X),
    LeakyRelu(name="y", inputs=X, alpha=0.25),
    Elu(name="y", inputs=X),
    Abs(name="y", inputs=X),
    Rsqrt(name="y", inputs=X),
)
each_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)


def alone(layer: Layer, source: TensorQuant, target: TensorQuant) -> QuantizedModel:
    """Returns a network of one layer over 256 values; `target` holds where the kind leaves the output's scale open."""
    target = FIXED.get(operator(layer).scale, target)
    return QuantizedModel(Arch((256,), (layer,)), {INPUT: source, "y": target}, {})


def real(layer: Layer, x: float) -> float:
    """Returns the value that a layer stands for."""
    match layer:
        case Logistic():
            return 1 / (1 + math.exp(-x))
        case Tanh():
            return math.tanh(x)
        case LeakyRelu():
            return x if x >= 0 else layer.alpha * x
        case Elu():
            return x if x >= 0 else math.exp(x) - 1
        case Abs():
            return abs(x)
        case Rsqrt():
            return 1 / math.sqrt(x) if x > 0 else math.inf
        case _:
            raise AssertionError(layer)


@each_layer
def test_codes_are_the_nearest_to_the_real_value_but_for_one(layer: Layer) -> None:
    source, target = TensorQuant(0.0625, -20), FIXED.get(operator(layer).scale, TensorQuant(0.03125, -60))
    found = reference.run(alone(layer, source, target), CODES)[0]
    wanted = [real(layer, source.scale * (int(c) - source.zero_point)) / target.scale for c in CODES[0]]
    wanted = np.clip(np.array(wanted) + target.zero_point, -128, 127)
    assert np.abs(found - wanted).max() <= 1.01
    assert len(np.unique(found)) > 30


def test_values_by_hand() -> None:
    quant = TensorQuant(1.0, 0)  # codes 0, 1 and 2 are these numbers
    ends = [128, 129, 130, 0, 255]  # of 0, 1, 2, -128 and 127
    logistic = reference.run(alone(LAYERS[0], quant, quant), CODES)[0]
    assert logistic[ends].tolist() == [0, 187 - 128, 225 - 128, -128, 127]  # 0.5, 0.731, 0.881 times 256
    tanh = reference.run(alone(LAYERS[1], quant, quant), CODES)[0]
    assert tanh[ends].tolist() == [0, 97, 123, -128, 127]  # 0, 0.762, 0.964 times 128
    leaky = reference.run(alone(LAYERS[2], quant, quant), CODES)[0]
    assert leaky[[128, 127, 126, 124, 0, 255]].tolist() == [0, 0, -1, -1, -32, 127]  # -0.25, -0.5: halves away from 0
    root = reference.run(alone(LAYERS[5], quant, TensorQuant(1 / 64, 0)), CODES)[0]
    assert root[[127, 128, 129, 132, 144]].tolist() == [127, 127, 64, 32, 16]  # negative, 0, 1, 4 and 16


@needs_tflm
@each_layer
def test_every_code_of_many_scales_equals_tflm(layer: Layer) -> None:
    rng = random.Random(type(layer).__name__)
    for i in range(60):
        scale = 10 ** rng.uniform(-6, 2)
        target = (1 if isinstance(layer, Rsqrt) else scale) * 10 ** rng.uniform(-2.5, 2.5)
        quants = [
            TensorQuant(float(np.float32(s)), rng.choice((-128, 127, rng.randint(-128, 127)))) for s in (scale, target)
        ]
        if isinstance(layer, LeakyRelu):
            layer = LeakyRelu(name="y", inputs=X, alpha=rng.choice((0.0, 0.01, 0.3, 1.0, 7.5)))
        model = alone(layer, *quants)
        x = np.maximum(CODES, quants[0].zero_point).astype(np.int8) if isinstance(layer, Rsqrt) else CODES
        want = interpreter.run(write(model), x, arena_bytes=1 << 16)
        assert np.array_equal(reference.run(model, x).ravel(), np.asarray(want).ravel()), f"case {i}: {quants}"


def network(layer: Layer) -> Arch:
    """Returns a small network with the layer twice."""
    first = Conv2D(name="a", inputs=X, filters=5, kernel=(3, 3), stride=(2, 2), activation="relu")
    layers = (
        first,
        replace(layer, inputs=("a",)),
        Conv2D(name="b", inputs=("y",), filters=6, kernel=(1, 1), activation="relu"),
        replace(layer, name="z", inputs=("b",)),
    )
    return Arch((9, 8, 3), layers)


@needs_tflm
@each_layer
def test_a_network_equals_tflm_in_the_predicted_arena_and_needs_all_of_it(layer: Layer) -> None:
    arch = network(layer)
    model = with_random_weights(arch, 1)
    data, predicted = write(model), arena_tflm_bytes(arch)
    x = np.random.default_rng(0).integers(-128, 128, (1, *arch.input_shape)).astype(np.int8)
    assert np.array_equal(np.ravel(interpreter.run(data, x, arena_bytes=predicted)), reference.run(model, x).ravel())
    with pytest.raises(DeviceError):
        interpreter.run(data, x, arena_bytes=predicted - 32)


@each_layer
def test_a_file_reads_back(layer: Layer) -> None:
    model = with_random_weights(network(layer), 2)
    again = read(write(model))
    assert again.arch == model.arch
    assert again.quant == model.quant


def test_the_c_equals_the_reference_and_runs_in_place() -> None:
    models = [with_random_weights(network(layer), 3) for layer in LAYERS]
    compiled = [compile_model(model) for model in models]
    assert_equals_reference(models, compiled=compiled, samples=8)
    without = tuple(layer for layer in models[0].arch.layers if isinstance(layer, Conv2D))
    bare = Arch(models[0].arch.input_shape, (without[0], replace(without[1], inputs=("a",))))
    least = compile_model(with_random_weights(bare, 3)).plan.bytes
    assert {c.plan.bytes for c in compiled} == {least}


def test_what_is_refused() -> None:
    wide = TensorQuant(1.0, 0)
    with pytest.raises(SpecError, match=r"layer 'y': Tanh gives scale 1/128 and zero point 0, not 1\.0 and 0"):
        reference.run(QuantizedModel(Arch((256,), LAYERS[1:2]), {INPUT: wide, "y": wide}, {}), CODES)
    with pytest.raises(SpecError, match=r"layer 'y': alpha = inf; need a finite number"):
        Arch((4,), (LeakyRelu(name="y", inputs=X, alpha=math.inf),))
    with pytest.raises(SpecError, match=r"TFLM's ELU takes less than 4,194,304"):
        reference.run(alone(LAYERS[3], TensorQuant(8.0, 0), TensorQuant(1e-6, 0)), CODES)


def test_the_torch_network_computes_those_that_can_be_trained() -> None:
    torch = needs("torch", "design")
    from micronets.design.net import Net

    x = torch.tensor([[-4.0, -1.5, 0.0, 1.0, 6.0]])
    for layer in LAYERS:
        if operator(layer).trainable:
            found = Net(Arch((5,), (layer,))).eval()(x)
            assert found[0].tolist() == pytest.approx([real(layer, float(v)) for v in x[0]])
