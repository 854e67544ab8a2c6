"""Values of int16 layers, computed by hand or with real numbers."""

import math
from pathlib import Path

import numpy as np
import pytest

from micronets.commands.evaluate import quantized
from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.device.host_compiler import host_compiler
from micronets.device.tflm import interpreter
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, TensorSpec
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, multiply_by_reduced_multiplier
from micronets.quantized.int16 import exponential_table, reciprocal_table, sigmoid_table
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED, validate
from micronets.tflite import ModelFile, read, write
from tests.support.int16_models import in_int16

X = (INPUT,)
ZOO = Path(__file__).parents[2] / "zoo"
FINE = FIXED["1/32768"]


def dense(bias: np.ndarray | None, scale: float = 2.0**-9, weights: tuple[int, ...] = (1, 100)) -> QuantizedModel:
    """Returns a matrix product of two values; a product of input and weight is 2**-9 steps of the output."""
    layer = layers.FullyConnected(name="y", inputs=X, units=1)
    values = np.array([weights], np.int8)
    w = LayerWeights(values, np.array([scale], np.float32), bias)
    return QuantizedModel(
        Arch((2,), (layer,), "int16"), {INPUT: TensorQuant(0.5, 0), "y": TensorQuant(0.5, 0)}, {"y": w}
    )


def codes(model: QuantizedModel, *values: int) -> list[int]:
    """Returns the output codes for one input."""
    return reference.run(model, np.array([values], np.int16)).ravel().tolist()


def test_sums_of_64_bits_are_rounded_once_and_saturate() -> None:
    assert codes(dense(None), 256, 0) == [1]  # a half goes up
    assert codes(dense(None), -256, 0) == [0]
    assert codes(dense(None), -257, 0) == [-1]
    assert codes(dense(np.array([2**39])), 0, 0) == [32767]
    assert codes(dense(np.array([2**40])), 0, 0) == [-32768]  # TFLM keeps the lowest 32 bits of the product
    assert codes(dense(np.array([-(2**36)]), weights=(127, 127)), 0, 32767) == [-32768]


def test_sums_of_32_bits_are_rounded_away_from_zero_and_wrap() -> None:
    short = np.array([0], np.int32)
    assert codes(dense(short), 256, 0) == [1]
    assert codes(dense(short), -256, 0) == [-1]
    near = np.array([2**31 - 1], np.int32)
    assert codes(dense(near), 1, 0) == [-32768]  # 2**31 wraps
    assert codes(dense(near.astype(np.int64)), 1, 0) == [32767]


def test_multipliers_of_64_bit_sums_have_15_bits() -> None:
    """A factor of 2**30 + 2**14 over 2**31 becomes 2**14 over 2**15, and one of 2**31 - 1 becomes 32767 over 2**15."""
    assert multiply_by_reduced_multiplier(np.array(2**30), 2**30 + 2**14, 0) == 2**29
    assert multiply_by_reduced_multiplier(np.array(2**15), 2**31 - 1, 0) == 32767


def test_the_tables_are_the_functions() -> None:
    x = np.arange(256) / 24
    table = sigmoid_table()[:-1]
    assert np.abs(table / 2**16 - 1 / (1 + np.exp(-x[:-1]))).max() < 1.2 / 2**16
    assert (table[0], sigmoid_table()[-1]) == (2**15, 2**16 - 1)
    places = np.linspace(0, 1, 513)
    assert np.abs(exponential_table() / 2**15 - np.exp(10 * (places - 1))).max() < 1e-4
    assert np.abs(reciprocal_table() / 2**15 - 1 / (1 + places)).max() < 1e-4


@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 0.00031, 0.004])
def test_functions_are_near_those_of_real_numbers(scale: float) -> None:
    x = np.linspace(-32768, 32767, 501).astype(np.int16)
    scale = float(np.float32(scale))
    kinds: tuple[tuple[Layer, object], ...] = (
        (layers.Logistic(name="y", inputs=X), lambda v: 1 / (1 + math.exp(-v))),
        (layers.Tanh(name="y", inputs=X), math.tanh),
    )
    for layer, function in kinds:
        model = QuantizedModel(Arch((501,), (layer,), "int16"), {INPUT: TensorQuant(scale, 0), "y": FINE}, {})
        y = reference.run(model, x[None])[0] / 32768
        assert max(abs(got - function(v * scale)) for got, v in zip(y, x.tolist(), strict=True)) < 3e-4
    model = QuantizedModel(
        Arch((501,), (layers.Softmax(name="y", inputs=X, to="int16"),), "int16"),
        {INPUT: TensorQuant(scale, 0), "y": FINE},
        {},
    )
    y = reference.run(model, x[None])[0] / 32768
    want = np.exp((x - 32767.0) * scale)
    assert np.abs(y - want / want.sum()).max() < 6e-3


def test_elementwise_values_by_hand() -> None:
    """The scales of a, b and y are 1/4, 1/2 and 1/8: codes of a count twice, those of b four times."""
    quant = {INPUT: TensorQuant(0.25, 0), "b": TensorQuant(0.5, 0), "y": TensorQuant(0.125, 0)}
    constant = TensorSpec("b", (4,), "int16")
    for kind, want in (
        (layers.Add, [2400, -2404, 32767, 34]),
        (layers.Sub, [1600, -1596, -32768, -46]),
        (layers.Mul, [32767, 32767, 32767, -30]),
    ):
        arch = Arch((4,), (kind(name="y", inputs=(INPUT, "b")),), "int16", constants=(constant,))
        model = QuantizedModel(arch, quant, {}, constants={"b": np.array([100, -101, 32767, 10], np.int16)})
        assert codes(model, 1000, -1000, 32767, -3) == want


def test_a_rectifier_brings_codes_to_the_scale_of_its_output() -> None:
    quant = {INPUT: TensorQuant(0.25, 0), "y": TensorQuant(0.5, 0)}
    model = QuantizedModel(Arch((4,), (layers.Relu(name="y", inputs=X),), "int16"), quant, {})
    assert codes(model, -5, 0, 7, 32767) == [0, 0, 4, 16384]
    six = QuantizedModel(Arch((4,), (layers.Relu(name="y", inputs=X, six=True),), "int16"), quant, {})
    assert codes(six, -5, 0, 7, 32767) == [0, 0, 7, 24]


def test_what_int16_does_not_take_is_refused_in_one_line() -> None:
    model = dense(None)
    moved = QuantizedModel(model.arch, {**model.quant, "y": TensorQuant(0.5, 3)}, model.weights)
    with pytest.raises(SpecError, match="'y' has the zero point 3; TFLM's FULLY_CONNECTED takes int16 tensors of the"):
        validate(moved)
    with pytest.raises(SpecError, match="reads int16; supported: int8"):
        Arch((4, 4, 1), (layers.Conv2D(name="c", inputs=X, filters=2, kernel=(1, 1), weight_bits=4),), "int16")
    arch = Arch((4, 4, 1), (layers.DepthwiseConv2D(name="y", inputs=X, kernel=(1, 1)),), "int16")
    weights = LayerWeights(np.ones((1, 1, 1, 1), np.int8), np.ones(1, np.float32), np.zeros(1, np.int32))
    with pytest.raises(SpecError, match=r"bias is int32 \(1,\); need int64 \(1,\)"):
        validate(QuantizedModel(arch, dense(None).quant, {"y": weights}))
    with pytest.raises(SpecError, match=r"its sums may reach .*; TFLM takes less than 2\*\*47"):
        validate(dense(np.array([2**47])))
    with pytest.raises(SpecError, match="128 times that of its output; TFLM's FULLY_CONNECTED takes less than 128"):
        validate(dense(None, scale=128))
    with pytest.raises(SpecError, match="TFLM's LOGISTIC takes less than 87,379"):
        validate(
            QuantizedModel(
                Arch((1,), (layers.Logistic(name="y", inputs=X),), "int16"), {INPUT: TensorQuant(2.7, 0), "y": FINE}, {}
            )
        )


def test_a_trained_network_gives_the_same_answers_in_16_bits() -> None:
    """Codes 256 times finer move no output by more than 8 bits do, and most samples keep their class."""
    narrow = read((ZOO / "kws_s_f446re/model.tflite").read_bytes())
    wide = in_int16(narrow)
    rng = np.random.default_rng(4)
    x = dequantize(rng.integers(-128, 128, (12, *narrow.arch.input_shape)), narrow.quant[INPUT])
    logits = [
        dequantize(reference.run(model, quantized(model, x)), model.quant[model.arch.output])
        for model in (narrow, wide)
    ]
    step = narrow.quant[narrow.arch.output].scale
    assert np.abs(logits[0] - logits[1]).max() < 12 * step
    assert (logits[0].argmax(axis=1) == logits[1].argmax(axis=1)).sum() >= 10


def test_a_rectifier_with_slopes_of_8_bits_equals_tflm_and_our_c() -> None:
    """Slopes may have a zero point; a channel's is 0.02 of 96 codes, which falls, one of 0 and one that rises."""
    layer = layers.Prelu(name="y", inputs=(INPUT, "slopes"))
    arch = Arch((5, 3), (layer,), "int16", constants=(TensorSpec("slopes", (3,), "int8"),))
    quant = {INPUT: TensorQuant(0.001, 0), "slopes": TensorQuant(0.02, -6), "y": TensorQuant(0.0013, 0)}
    model = QuantizedModel(arch, quant, {}, constants={"slopes": np.array([90, -6, -120], np.int8)})
    x = np.random.default_rng(5).integers(-32768, 32768, (50, 5, 3)).astype(np.int16)
    x[0, 0] = (-1000, -1000, 13)
    ours = reference.run(model, x)
    assert ours[0, 0].tolist() == [-1477, 0, 10]  # -1000 * 0.02 * 96 / 1.3 and 13 / 1.3
    data = write(model)
    assert np.array_equal(reference.run(read(data), x), ours)
    if host_compiler() is not None:
        assert np.array_equal(build_library([compile_model(model)]).run(0, x), ours)
    if interpreter.available():
        assert np.array_equal(interpreter.run(data, x), ours)
        predicted = ModelFile("m", data, model).arena_tflm_bytes(8)
        assert predicted == interpreter.min_arena(data, predicted)
    computed = Arch((5, 3), (layers.Quantize(name="slopes", inputs=X, to="int8"), layer), "int16")
    with pytest.raises(
        UnsupportedError, match="layer 'y': computes the slopes of a Prelu of int16; make them constant"
    ):
        compile_model(QuantizedModel(computed, quant, {}))
