"""Layers that only look codes up go where they change nothing, and every output bit stays."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.compiler.passes.fold_lookups import fold_lookups
from micronets.compiler.passes.pipeline import optimise
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, Dequantize, Layer, LeakyRelu, Logistic, Quantize, Relu, Reshape
from micronets.ir.scales import scale_owners
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED, validate
from tests.support.random_models import of_type, random_arch, random_input, random_model

Q = TensorQuant(0.05, -10)
OTHER = TensorQuant(0.11, 4)
EVERY_CODE = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)


def network(*layers: Layer, **quant: TensorQuant) -> QuantizedModel:
    """Returns a network of `layers` on a map of every code; scales that are not given are `Q`."""
    arch = Arch((16, 16, 1), layers)
    made = random_model(arch, 1)
    quants = {name: quant.get(name, Q) for name in made.quant}
    return replace(made, quant=quants)


def united(model: QuantizedModel) -> list[Layer]:
    """Returns the layers that are left; the output is checked."""
    smaller = fold_lookups(model)
    validate(smaller)
    x = np.concatenate([EVERY_CODE, random_input(model, 4, 0)]) if INPUT in model.quant else random_input(model, 4, 0)
    assert np.array_equal(reference.run(model, x), reference.run(smaller, x))
    return list(smaller.arch.layers)


def conv(activation: str = "none", **more) -> Conv2D:
    return Conv2D(name="c", inputs=(INPUT,), filters=3, kernel=(3, 3), activation=activation, **more)


def names(layers: list[Layer]) -> list[str]:
    return [layer.name for layer in layers]


def test_a_quantize_at_its_inputs_scale_goes() -> None:
    layers = (conv(), Quantize(name="q", inputs=("c",)), Reshape(name="r", inputs=("q",), shape=(768,)))
    assert united(network(*layers)) == [layers[0], replace(layers[2], inputs=("c",))]
    assert names(united(network(*layers, q=OTHER, r=OTHER))) == ["c", "q", "r"]
    assert names(united(network(*layers[:2]))) == ["c"]  # the output
    assert names(united(network(Quantize(name="q", inputs=(INPUT,)), replace(layers[0], inputs=("q",))))) == ["c"]


def test_the_only_layer_and_the_edges_of_float_stay() -> None:
    assert names(united(network(Quantize(name="q", inputs=(INPUT,))))) == ["q"]
    layers = (Quantize(name="q_in", inputs=(INPUT,)), Dequantize(name="d", inputs=("q_in",)))
    edges = QuantizedModel(Arch((8, 8, 3), layers, "float32"), {"q_in": TensorQuant(0.1, 5)}, {})
    assert names(united(edges)) == ["q_in", "d"]


@pytest.mark.parametrize(
    ("before", "six", "after"),
    [
        ("none", False, "relu"),
        ("none", True, "relu6"),
        ("relu", False, "relu"),
        ("relu", True, "relu6"),
        ("relu6", False, "relu6"),
        ("relu6", True, "relu6"),
    ],
)
def test_a_relu_becomes_the_activation_in_front(before: str, six: bool, after: str) -> None:
    layers = (conv(before), Relu(name="a", inputs=("c",), six=six))
    assert united(network(*layers)) == [conv(after)]


def test_a_relu_at_another_scale_or_of_what_others_read_stays() -> None:
    layers = (conv(), Relu(name="a", inputs=("c",)), Add(name="b", inputs=("c", "a")))
    assert names(united(network(*layers))) == ["c", "a", "b"]
    assert names(united(network(*layers[:2], a=OTHER))) == ["c", "a"]
    silent = (conv("relu"), *layers[1:])  # which may be read twice: nothing changes
    assert united(network(*silent)) == [silent[0], Add(name="b", inputs=("c", "c"))]


def test_four_bits_are_no_eight() -> None:
    layers = (conv("relu6", act_bits=8), Relu(name="a", inputs=("c",), six=True, act_bits=4))
    low = TensorQuant(0.4, -8)
    assert names(united(network(*layers, c=low, a=low))) == ["c", "a"]


def test_two_tables_in_a_row_become_one_where_one_has_both() -> None:
    """A RELU6 keeps codes and reads the input's scale alone; a Quantize behind it then only moves codes."""
    layers = (Quantize(name="q", inputs=(INPUT,)), Relu(name="a", inputs=("q",)))
    assert united(network(*layers, input=OTHER)) == [Relu(name="a", inputs=(INPUT,))]
    layers = (Relu(name="a", inputs=(INPUT,)), Quantize(name="q", inputs=("a",)))
    assert united(network(*layers, q=OTHER)) == [Relu(name="q", inputs=(INPUT,))]
    coarse = TensorQuant(3.0, 0)  # what rounds twice is not what rounds once
    layers = (Quantize(name="q", inputs=(INPUT,)), Quantize(name="r", inputs=("q",)))
    assert names(united(network(*layers, q=coarse))) == ["q", "r"]


def test_a_quantize_in_front_of_another_function_goes_where_that_has_the_table_of_both() -> None:
    """The logistic function of codes of twice the scale, when these hold all values, is that of the finer codes."""
    fine, coarse = TensorQuant(0.25, 0), TensorQuant(0.5, 0)
    layers = (
        Relu(name="r", inputs=(INPUT,), six=True),
        Quantize(name="q", inputs=("r",)),
        Logistic(name="s", inputs=("q",)),
    )
    unit = TensorQuant(1 / 256, -128)
    assert united(network(*layers, input=coarse, r=coarse, q=fine, s=unit)) == [
        layers[0],
        replace(layers[2], inputs=("r",)),
    ]
    assert names(united(network(*layers, input=fine, r=fine, q=coarse, s=unit))) == ["r", "q", "s"]
    layers = (LeakyRelu(name="a", inputs=(INPUT,), alpha=0.0), Quantize(name="b", inputs=("a",)))
    assert united(network(*layers)) == [replace(layers[0], name="a")]


def test_random_networks_keep_every_bit() -> None:
    before = after = 0
    for seed in range(100):
        model = random_model(random_arch(seed), seed)
        if seed % 2:  # one scale for all, so that there is something to find
            steps = model.arch.steps()
            owners = scale_owners(steps)
            fixed = {owners[n] for s in steps if s.operator.scale in FIXED for n in s.layer.outputs}
            shared, types = TensorQuant(0.4, -8), model.arch.types()
            own = {
                n: of_type(shared, types[n]) if n in types and owners[n] not in fixed else q
                for n, q in model.quant.items()
            }
            model = replace(model, quant=own)
        for smaller in (fold_lookups(model), optimise(model)):
            validate(smaller)
            x = random_input(model, 4, seed)
            assert np.array_equal(reference.run(model, x), reference.run(smaller, x)), model.arch.layers
        before, after = before + len(model.arch.layers), after + len(fold_lookups(model).arch.layers)
        compile_model(model)
    assert before - after > 5
