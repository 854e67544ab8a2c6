"""Networks that compute with int32 and float32 at their edges: reference, TFLM, our C and the board give the same."""

import numpy as np

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
    Layer,
    LeakyRelu,
    Logistic,
    Maximum,
    Mean,
    Minimum,
    Mul,
    Pad,
    Prelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Relu,
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


def test_indices_are_computed_in_whole_numbers() -> None:
    layers = (
        *(kind(name=f"{kind.__name__}_y", inputs=(INPUT, "c")) for kind in COMBINED),
        Concatenation(name="joined", inputs=("c", INPUT), axis=0),
    )
    arch = Arch((6,), layers, "int32", all_outputs(layers), (TensorSpec("c", (6,), "int32"),))
    ones = dict.fromkeys((INPUT, "c", *(name for layer in layers for name in layer.outputs)), TensorQuant(1.0, 0))
    model = QuantizedModel(arch, ones, {}, constants={"c": np.array([3, -4, 5, 7, 1, 2**30], np.int32)})
    same_everywhere(model, np.random.default_rng(0).integers(-(2**30), 2**30, (4, 6)).astype(np.int32))
