"""The records of all kinds of layers: that they agree with the layers, and what the checks say."""

import pickle
from dataclasses import fields, replace

import pytest

from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, LAYER_KINDS, Add, Conv2D, Layer, Pad, TransposeConv2D, Weighted
from micronets.ir.ops import Arity, operator, with_activation
from tests.support.one_of_each import LAYERS, SHAPE, network_of


def test_there_is_a_layer_of_each_kind_here() -> None:
    assert {type(layer) for layer in LAYERS} == set(LAYER_KINDS.values())


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_the_record_agrees_with_the_layer(layer: Layer) -> None:
    facts, step = operator(layer), network_of(layer).steps()[-1]
    names = {f.name for f in fields(layer)}
    assert len(step.output_shapes) == len(layer.outputs)
    assert (facts.weights is not None) == isinstance(layer, Weighted) == ("weight_bits" in names)
    assert (facts.activation is not None) == ("activation" in names)
    assert (facts.window is not None) == ("stride" in names and not isinstance(layer, TransposeConv2D))
    if facts.activation is not None:
        assert operator(with_activation(layer, "relu6")).activation == "relu6"
    if step.weights is not None:
        assert facts.macs(step.input_shapes, step.output_shapes) % (step.weights.taps * step.weights.channels) == 0
        assert step.weights.shape[step.weights.axis] == step.weights.channels == step.output_shape[-1]


def test_weights_by_hand() -> None:
    (step,) = Arch((6, 4, 2), (Conv2D(name="a", inputs=(INPUT,), filters=3, kernel=(5, 1)),)).steps()
    assert step.weights is not None
    assert (step.weights.shape, step.weights.taps, step.weights.scales) == ((3, 5, 1, 2), 10, 3)
    assert step.operator.macs(step.input_shapes, step.output_shapes) == 6 * 4 * 3 * 10


def test_a_step_can_be_pickled_and_compared_after_its_record_was_asked_for() -> None:
    first, second = (Arch(SHAPE, LAYERS[:1]).steps()[0] for _ in range(2))
    assert first.operator is first.operator
    assert pickle.loads(pickle.dumps(first)) == first == second
    assert replace(first, layer=LAYERS[2]).operator.tflite_name == "FULLY_CONNECTED"


def test_arity() -> None:
    assert [n in Arity(2, None) for n in (1, 2, 9)] == [False, True, True]
    assert [str(a) for a in (Arity(1, 1), Arity(2, 3), Arity(1, None))] == ["1", "2..3", "1 or more"]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Add(name="a", inputs=(INPUT,)), "layer 'a': Add takes 2 input(s), not 1"),
        (
            Conv2D(name="a", inputs=(INPUT,), filters=0, kernel=(1, 1)),
            "layer 'a': filters = 0; need integers of at least 1",
        ),
        (
            Conv2D(name="a", inputs=(INPUT,), filters=1, kernel=(1, 0)),
            "layer 'a': kernel = (1, 0); need integers of at least 1",
        ),
        (replace(LAYERS[1], kernel=7), "layer 'depthwise': kernel = 7; need two integers (height, width)"),
        (
            replace(next(a for a in LAYERS if a.name == "maximum"), pool=3),
            "layer 'maximum': pool = 3; need two integers (height, width)",
        ),
        (replace(LAYERS[0], padding="full"), "layer 'conv': padding 'full'; allowed: same, valid"),
        (
            replace(LAYERS[2], activation="tanh"),
            "layer 'dense': activation 'tanh'; allowed: none, relu, relu6, relu_n1_to_1",
        ),
        (replace(LAYERS[1], weight_bits=5), "layer 'depthwise': weight_bits = 5; allowed: 4, 8"),
        (
            Pad(name="a", inputs=(INPUT,), paddings=((1, 1),)),
            "layer 'a': paddings ((1, 1),) are not a (before, after) for each dimension of (6, 4, 2)",
        ),
        (
            Conv2D(name=INPUT, inputs=(INPUT,), filters=1, kernel=(1, 1)),
            "layer 'input': the name is taken; give every layer its own",
        ),
    ],
)
def test_what_the_checks_say(layer: Layer, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Arch(SHAPE, (layer,))
    assert str(caught.value) == message


def test_a_convolution_wants_a_map() -> None:
    with pytest.raises(SpecError, match=r"layer 'conv': Conv2D needs an \(H, W, C\) input, not \(7,\)"):
        Arch((7,), LAYERS[:1])
