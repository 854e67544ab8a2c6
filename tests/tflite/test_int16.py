"""Networks with int16 activations: read, written, computed and costed as TFLM does it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.cost.tflite_size import tflite_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected, Layer, LeakyRelu, Logistic, Relu, Softmax, Sub, Tanh, TensorSpec
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.builder import Field
from micronets.tflite.codec import Op
from micronets.tflite.stored import stored_tensors
from micronets.tflite.tflm_limits import why_tflm_cannot_run
from tests.support.int16_models import random_int16_input, random_int16_model
from tests.support.needs import needs_tflm
from tests.support.small_file import FileLayer, FileTensor, small_file
from tests.support.tflm_parity import first_difference

X = (INPUT,)
FIELD = "d1e85b5e_quant_model_act.tflite"


@needs_tflm
@pytest.mark.parametrize("block", range(2))
def test_random_networks_equal_tflm(block: int) -> None:
    for seed in range(block, 50, 2):
        model = random_int16_model(seed)
        found = first_difference(write(model), model, random_int16_input(model, 5, seed))
        assert not found, f"seed {seed}: {found}"


@pytest.mark.parametrize("seed", range(30))
def test_files_read_back_as_they_were_written(seed: int) -> None:
    model = random_int16_model(seed)
    again = read(write(model))
    assert again.arch == model.arch
    for name, w in model.weights.items():
        found = again.weights[name]
        assert np.array_equal(found.weights, w.weights)
        assert np.array_equal(found.scales, w.scales)
        assert np.array_equal(found.bias, w.bias)
        assert w.bias is None or found.bias.dtype == w.bias.dtype


@needs_tflm
@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 2.0**-12 * 1.0005, 0.00031, 0.0123, 2.1, 1e-7])
@pytest.mark.parametrize("kind", [Logistic, Tanh, Softmax])
def test_every_code_equals_tflm(kind: type[Layer], scale: float) -> None:
    codes = np.arange(-32768, 32768).astype(np.int16)
    shape = (512, 128) if kind is Softmax else (65536,)
    quant = {INPUT: TensorQuant(float(np.float32(scale)), 0), "y": FIXED["1/32768"]}
    layer = Softmax(name="y", inputs=X, to="int16") if kind is Softmax else kind(name="y", inputs=X)
    model = QuantizedModel(Arch(shape, (layer,), "int16"), quant, {})
    assert not first_difference(write(model), model, codes.reshape(1, *shape))


@needs_tflm
@pytest.mark.parametrize("layer", [Relu(name="y", inputs=X), LeakyRelu(name="y", inputs=X, alpha=0.3)])
def test_every_rectified_code_equals_tflm(layer: Layer) -> None:
    rng = np.random.default_rng(2)
    codes = np.arange(-32768, 32768).astype(np.int16)[None]
    for _ in range(12):
        of_x, of_y = (float(np.float32(v)) for v in np.exp(rng.uniform(-9, -8, 2)))
        quant = {INPUT: TensorQuant(of_x, 0), "y": TensorQuant(of_y, 0)}
        model = QuantizedModel(Arch((65536,), (layer,), "int16"), quant, {})
        assert not first_difference(write(model), model, codes)


@needs_tflm
@pytest.mark.parametrize("seed", [0, 1, 4, 8, 9, 12, 20, 33])
def test_the_arena_is_predicted(seed: int) -> None:
    data = write(random_int16_model(seed))
    model = read(data)
    predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
    assert predicted == interpreter.min_arena(data, predicted)


@needs_tflm
def test_differences_of_int8_equal_tflm_where_a_float32_quotient_would_not() -> None:
    """The scales and codes were found by search: dividing in float32 changes the output."""
    rng = np.random.default_rng(6)
    a, b = (v.ravel() for v in np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)))
    for _ in range(20):
        of_a, of_b = (np.float32(v) for v in np.exp(rng.uniform(-4, -1, 2)))
        half = np.float32(2 * float(abs(of_a * 50 - of_b * 37)) / (2 * rng.integers(1, 60) + 1))  # makes halves
        scales = {INPUT: of_a, "b": of_b, "y": half}
        quant = {name: TensorQuant(float(scale), 0) for name, scale in scales.items()}
        constant = TensorSpec("b", a.shape, "int8")
        arch = Arch(a.shape, (Sub(name="y", inputs=(INPUT, "b")),), constants=(constant,))
        model = QuantizedModel(arch, quant, {}, constants={"b": b.astype(np.int8)})
        assert not first_difference(write(model), model, a.astype(np.int8)[None])


def dense(bias: np.ndarray | None) -> bytes:
    """Returns the file of a matrix product."""
    layer = FullyConnected(name="y", inputs=X, units=2)
    weights = LayerWeights(np.array([[1, -2, 3], [4, 5, -6]], np.int8), np.array([0.01], np.float32), bias)
    quant = {INPUT: TensorQuant(0.001, 0), "y": TensorQuant(0.002, 0)}
    return write(QuantizedModel(Arch((3,), (layer,), "int16"), quant, {"y": weights}))


def test_a_zero_point_of_int16_is_refused_by_operator_and_tensor() -> None:
    model = read(dense(None))
    wrong = replace(model, quant={**model.quant, INPUT: TensorQuant(0.001, 5)})
    with pytest.raises(Exception, match="'input' has the zero point 5; TFLM's FULLY_CONNECTED takes int16 tensors"):
        write(wrong)


def test_the_size_of_a_file_is_bounded() -> None:
    for seed in range(20):
        model = random_int16_model(seed)
        assert len(write(model)) <= tflite_bytes(model.arch.steps())


def test_what_cmsis_nn_does_not_take_is_told() -> None:
    layer = FullyConnected(name="y", inputs=X, units=2)
    quant = {INPUT: TensorQuant(0.001, 0), "y": TensorQuant(0.002, 0)}
    weights = LayerWeights(np.ones((2, 3), np.int8), np.array([0.01, 0.02], np.float32), None)
    model = QuantizedModel(Arch((3,), (layer,), "int16"), quant, {"y": weights})
    assert why_tflm_cannot_run(model) == (
        "layer 'y': CMSIS-NN's FULLY_CONNECTED of int16 takes one scale for all weights, not 2: TFLM cannot run this "
        "model on a Cortex-M"
    )
    assert why_tflm_cannot_run(read(dense(None))) is None
    small = {INPUT: TensorQuant(0.001, 0), "y": TensorQuant(2.0**-29, 0), "z": TensorQuant(2.0**-15, 0)}
    everywhere = Arch((3,), (layer, Logistic(name="z", inputs=("y",))), "int16")
    assert str(why_tflm_cannot_run(QuantizedModel(everywhere, small, {"y": weights}))).startswith("layer 'z': TFLM's")


@needs_tflm
def test_a_strangers_network_equals_tflm(shared: Path) -> None:
    path = shared / "models" / "field" / FIELD
    if not path.is_file():
        pytest.skip(f"needs {path}")
    data = path.read_bytes()
    model = read(data)
    rng = np.random.default_rng(0)
    noise = rng.integers(-32768, 32768, (2, 6, 72, 1))
    smooth = np.cumsum(rng.normal(0, 300, (2, 432)), axis=1).reshape(2, 6, 72, 1)
    x = np.clip(np.concatenate([noise, smooth]), -32768, 32767).astype(np.int16)
    ours = reference.tensors(model, x)
    for name, want in interpreter.tensors(data, x).items():
        assert np.array_equal(ours[name], want), name
    assert np.array_equal(interpreter.run(write(model), x), interpreter.run(data, x))
    predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
    assert predicted == interpreter.min_arena(data, predicted)


def convolution(op: Op, bias: np.ndarray | None, *options: Field) -> bytes:
    """Returns the file of a convolution of 1 x 1 over a map of int16, as other tools may write it."""
    wide = {"zero_point": 0, "type": s.TensorType.INT16}
    tensors = [
        FileTensor((1, 3, 3, 2), scale=0.001, **wide),
        FileTensor((1, 1, 1, 2) if op == Op.DEPTHWISE_CONV_2D else (2, 1, 1, 2), None, 0.02, 0),
        FileTensor((1, 3, 3, 2), scale=0.0007, **wide),
    ]
    values = np.array([100, -37, 5, 90][: math.prod(tensors[1].shape)], np.int8)
    tensors[1] = replace(tensors[1], values=values.reshape(tensors[1].shape))
    if bias is not None:
        tensors.append(FileTensor(bias.shape, bias))
    layer = FileLayer(op, (0, 1, 3) if bias is not None else (0, 1), (2,), options)
    return small_file(tensors, [layer], [0], [2])


STRIDES: tuple[Field, ...] = ((s.Conv2DSlot.STRIDE_W, "int32", 1, 0), (s.Conv2DSlot.STRIDE_H, "int32", 1, 0))
SHORT: Field = (s.Conv2DSlot.BIAS_TYPE, "int8", int(s.TensorType.INT32), 0)


@needs_tflm
@pytest.mark.parametrize(
    ("bias", "options"),
    [
        (None, STRIDES),
        (None, (*STRIDES, SHORT)),
        (np.array([300, -20000], np.int32), STRIDES),
        (np.array([300, -20000], np.int64), STRIDES),
        (np.array([300, -20000], np.int64), (*STRIDES, SHORT)),
    ],
)
def test_biases_of_both_widths_and_none_equal_tflm(bias: np.ndarray | None, options: tuple[Field, ...]) -> None:
    data = convolution(Op.CONV_2D, bias, *options)
    model = read(data)
    x = np.random.default_rng(3).integers(-32768, 32768, (40, 3, 3, 2)).astype(np.int16)
    assert not first_difference(data, model, x)
    short = (bias is None and SHORT in options) or (bias is not None and bias.dtype == np.int32)
    found = model.weights[model.arch.output].bias
    assert (found is not None and found.dtype == np.int32) == short
    predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
    assert predicted == interpreter.min_arena(data, predicted)


def test_a_bias_that_tflm_would_misread_is_refused() -> None:
    strides: tuple[Field, ...] = (
        (s.DepthwiseSlot.STRIDE_W, "int32", 1, 0),
        (s.DepthwiseSlot.STRIDE_H, "int32", 1, 0),
        (s.DepthwiseSlot.MULTIPLIER, "int32", 1, 0),
    )
    good = convolution(Op.DEPTHWISE_CONV_2D, np.array([1, 2], np.int64), *strides)
    assert read(good).weights["t2"].bias.tolist() == [1, 2]
    with pytest.raises(UnsupportedError, match=r"tensor 3 't3' is INT32; supported: INT64"):
        read(convolution(Op.DEPTHWISE_CONV_2D, np.array([1, 2], np.int32), *strides))


def test_a_constant_of_zeros_with_the_scale_0_counts_for_nothing() -> None:
    """Converters give a cell state of zeros the scale 0, and what is made of it one of less than 1e-42."""
    wide = {"zero_point": 0, "type": s.TensorType.INT16}
    tensors = [
        FileTensor((1, 4), scale=0.001, **wide),
        FileTensor((1, 4), np.zeros((1, 4), np.int16), 0.0, 0),
        FileTensor((1, 4), scale=3.6e-43, **wide),
        FileTensor((1, 4), scale=0.0004, **wide),
    ]
    layers = [FileLayer(Op.MUL, (0, 1), (2,)), FileLayer(Op.ADD, (0, 2), (3,))]
    data = small_file(tensors, layers, [0], [3])
    model = read(data)
    x = np.array([[5, -7, 32767, 1000]], np.int16)
    if interpreter.available():
        assert not first_difference(data, model, x)
    assert reference.run(model, x).tolist() == [[13, -18, 32767, 2500]]
