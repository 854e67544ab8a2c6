"""Networks that compute with int32 and float32 at their edges: reference, TFLM, our C and the board give the same."""

from dataclasses import replace

import numpy as np

from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.ir.arch import Arch
from micronets.ir.layers import (
    INPUT,
    Abs,
    Add,
    Concatenation,
    Dequantize,
    Div,
    FullyConnected,
    HardSwish,
    L2Normalization,
    Layer,
    LeakyRelu,
    Logistic,
    Maximum,
    Mean,
    Minimum,
    Mul,
    NumberFunction,
    NumberFunctionName,
    Pad,
    Prelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Relu,
    Rsqrt,
    Softmax,
    Split,
    SquaredDifference,
    Sub,
    Sum,
    TensorSpec,
)
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from tests.support.everywhere import same_everywhere

COMBINED = (Add, Sub, Mul, Div, Minimum, Maximum, SquaredDifference)


def all_outputs(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """Returns the names of what nobody reads."""
    read = {name for layer in layers for name in layer.inputs}
    return tuple(name for layer in layers for name in layer.outputs if name not in read)


def test_a_network_normalises_and_decides_in_floats() -> None:
    """What converters leave in floats at both ends, and every function of floats that we compute."""
    x, mean, scale, wide = (INPUT, "mean", "scale", "wide")
    layers = (
        Sub(name="centred", inputs=(x, mean)),
        Div(name="unit", inputs=("centred", scale), activation="relu6"),
        Quantize(name="codes", inputs=("unit",)),
        FullyConnected(name="dense", inputs=("codes",), units=6),
        Dequantize(name="real", inputs=("dense",)),
        Softmax(name="chances", inputs=("real",), beta=0.5, to="float32"),
        *(kind(name=f"{kind.__name__}_y", inputs=("centred", mean)) for kind in (*COMBINED, Prelu)),
        Logistic(name="gate", inputs=("real",)),
        Relu(name="rectified", inputs=("centred",)),
        Relu(name="limited", inputs=("centred",), six=True),
        LeakyRelu(name="leaky", inputs=("centred",), alpha=0.25),
        Abs(name="magnitude", inputs=("centred",)),
        HardSwish(name="swish", inputs=("centred",)),
        Concatenation(name="joined", inputs=("centred", wide), axis=1),
        Pad(name="framed", inputs=("centred",), paddings=((1, 0), (0, 2))),
        Mean(name="mean_y", inputs=("centred",), axes=(1,)),
        Sum(name="sum_y", inputs=("centred",), axes=(0, 1), keep_dims=True),
        ReduceMax(name="most_y", inputs=("centred",), axes=(0,)),
        ReduceMin(name="least_y", inputs=("centred",), axes=(1,), keep_dims=True),
        Split(name="half", inputs=("joined",), axis=1, others=("other",)),
    )
    constants = (
        TensorSpec(mean, (4,), "float32"),
        TensorSpec(scale, (), "float32"),
        TensorSpec(wide, (3, 4), "float32"),
    )
    arch = Arch((3, 4), layers, "float32", all_outputs(layers), constants)
    rng = np.random.default_rng(4)  # here the exponentials of the C library, which TFLM takes, are the nearest floats
    model = with_random_weights(arch, 1)
    values = {spec.name: rng.uniform(0.5, 2, spec.shape).astype(np.float32) for spec in constants}
    model = QuantizedModel(arch, model.quant, model.weights, constants=values)
    same_everywhere(model, rng.normal(0, 2, (4, 3, 4)).astype(np.float32))


def test_functions_of_floats_and_lengths_of_vectors() -> None:
    """Float functions without parameters, and vectors of floats and of codes that are brought to the length of one."""
    functions: tuple[NumberFunctionName, ...] = ("negate", "square", "exponential", "floor", "ceil", "round")
    layers = (
        *(NumberFunction(name=of, inputs=(INPUT,), of=of) for of in functions),
        NumberFunction(name="root", inputs=("square",), of="root"),
        Rsqrt(name="inverse", inputs=("square",)),
        L2Normalization(name="unit", inputs=(INPUT,)),
        Quantize(name="codes", inputs=(INPUT,)),
        L2Normalization(name="unit_codes", inputs=("codes",)),
    )
    model = with_random_weights(Arch((5, 7), layers, "float32", all_outputs(layers)), 1)
    quant = {**model.quant, "codes": TensorQuant(0.05, -7)}
    rng = np.random.default_rng(7)
    x = rng.normal(0, 3, (24, 5, 7)).astype(np.float32)
    x[0] = np.float32([0.5, 1.5, -2.5, -0.5, 1e-7, 3e5, -8.5])  # halves, and values of all sizes
    x[1] *= np.float32(1e-3)
    x[2, 0] = 0.05 * np.arange(-3, 4)  # short vectors of codes
    same_everywhere(replace(model, quant=quant), x)


def test_roots_are_the_nearest_floats() -> None:
    rng = np.random.default_rng(6)
    bits = np.concatenate([rng.integers(1, 0x7F800000, 20000), [0, 1, 2, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000]])
    x = bits.astype(np.uint32).view(np.float32).reshape(1, -1)
    model = with_random_weights(
        Arch((x.shape[1],), (NumberFunction(name="y", inputs=(INPUT,), of="root"),), "float32"), 0
    )
    library = build_library([compile_model(model)], ("-O1",))
    np.testing.assert_array_equal(library.outputs(0, x)["y"], np.sqrt(x))


def test_indices_are_computed_in_whole_numbers() -> None:
    layers = (
        *(kind(name=f"{kind.__name__}_y", inputs=(INPUT, "c")) for kind in COMBINED),
        Concatenation(name="joined", inputs=("c", INPUT), axis=0),
    )
    arch = Arch((6,), layers, "int32", all_outputs(layers), (TensorSpec("c", (6,), "int32"),))
    ones = dict.fromkeys((INPUT, "c", *(name for layer in layers for name in layer.outputs)), TensorQuant(1.0, 0))
    model = QuantizedModel(arch, ones, {}, constants={"c": np.array([3, -4, 5, 7, 1, 2**30], np.int32)})
    same_everywhere(model, np.random.default_rng(0).integers(-(2**30), 2**30, (4, 6)).astype(np.int32))
