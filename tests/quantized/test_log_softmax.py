"""The logarithm of the softmax, from its values to the C."""

import random

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, LogSoftmax
from micronets.quantized import reference
from micronets.quantized.fixed_point import log_of_at_least_one
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs_tflm
from tests.support.random_models import random_input


def alone(columns: int, scale: float, zero_point: int = 0) -> QuantizedModel:
    """A network of one LogSoftmax over two rows."""
    arch = Arch((2, columns), (LogSoftmax(name="y", inputs=(INPUT,)),))
    return QuantizedModel(
        arch, {INPUT: TensorQuant(float(np.float32(scale)), zero_point), "y": TensorQuant(1 / 16, 127)}, {}
    )


def samples(columns: int, scale: float) -> np.ndarray:
    """Rows of random logits, of equal ones, and of one that is far above the others."""
    rng = np.random.default_rng(columns)
    x = rng.integers(-128, 128, (8, 2, columns))
    x[1], x[2, :, :] = 5, -128
    x[2, :, 0] = 127
    x[3] = np.clip(rng.normal(0, 1 / scale, (2, columns)), -128, 127)
    return x.astype(np.int8)


def test_the_logarithm_in_fixed_point() -> None:
    x = np.exp(np.random.default_rng(0).uniform(0, np.log(4095), 2000))
    raw = np.rint(x * 2**19).astype(np.int64)
    assert np.abs(log_of_at_least_one(raw) / 2**26 - np.log(raw / 2**19)).max() < 1e-6
    assert log_of_at_least_one(np.array([1 << 19])) == 0


@pytest.mark.parametrize("scale", [0.02, 0.1, 0.7])
def test_codes_are_the_nearest_to_the_real_value_but_for_one(scale: float) -> None:
    x = samples(10, scale)
    real = x.astype(float) * np.float32(scale)
    wanted = real - real.max(-1, keepdims=True)
    wanted -= np.log(np.exp(wanted).sum(-1, keepdims=True))
    found = reference.run(alone(10, scale), x)
    assert np.abs(found - np.clip(16 * wanted + 127, -128, 127)).max() <= 1.01
    assert len(np.unique(found)) > 10


@needs_tflm
def test_many_scales_equal_tflm() -> None:
    rng = random.Random("log softmax")
    for i in range(80):
        columns, scale = rng.choice((1, 2, 3, 10, 257)), 10 ** rng.uniform(-6, 2)
        model, x = alone(columns, scale, rng.randint(-128, 127)), samples(columns, scale)
        theirs = interpreter.run(write(model), x, arena_bytes=1 << 16)
        assert np.array_equal(np.ravel(theirs), reference.run(model, x).ravel()), (i, columns, scale)


def network() -> QuantizedModel:
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=11, kernel=(2, 2), padding="valid"),
        LogSoftmax(name="y", inputs=("a",)),
    )
    return with_random_weights(Arch((4, 5, 3), layers), 1)


@needs_tflm
def test_a_network_runs_in_the_predicted_arena_and_not_in_a_smaller_one() -> None:
    model = network()
    data, x = write(model), random_input(model, 4, 0)
    assert read(data).arch == model.arch
    assert np.array_equal(interpreter.run(data, x), reference.run(model, x))
    predicted = arena_tflm_bytes(model.arch)
    assert 0 <= predicted - interpreter.min_arena(data, predicted) <= 16


def test_the_c_equals_the_reference() -> None:
    scales = [10**k for k in np.linspace(-6, 1.5, 12)]
    models = [*(alone(columns, scale) for scale in scales for columns in (1, 10, 300)), network()]
    inputs = [samples(m.arch.input_shape[-1], m.quant[INPUT].scale) for m in models[:-1]]
    assert_equals_reference(models, inputs=[*inputs, random_input(models[-1], 6, 1)])


def test_what_cannot_be() -> None:
    model = QuantizedModel(alone(4, 0.1).arch, {INPUT: TensorQuant(0.1, 0), "y": TensorQuant(0.1, 0)}, {})
    with pytest.raises(SpecError, match=r"layer 'y': LogSoftmax gives scale 1/16 and zero point 127, not 0\.1 and 0"):
        write(model)
    with pytest.raises(UnsupportedError, match="logarithms of a softmax of 5000 values; at most 4095 are supported"):
        compile_model(alone(5000, 0.1))
    for scale in (2.0**-26, 2.4e-44):  # once a result of -128 everywhere, and a division by zero
        with pytest.raises(SpecError, match=r"layer 'y': the scale of 'input' is .*; a LOG_SOFTMAX takes one above 2"):
            reference.run(alone(4, scale), samples(4, 0.1))
    assert reference.run(alone(4, 2.0**-25), samples(4, 0.1)).ravel().tolist() == [105] * 64  # 127 - 16 log 4
