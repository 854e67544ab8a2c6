"""Concatenation, from its shapes to the C: any axis, one to ten inputs, of one scale."""

import random

import numpy as np
import pytest

from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Concatenation, Conv2D, Layer, Pack, Quantize, Relu, TensorSpec
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from tests.support.everywhere import same_everywhere
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs_tflm
from tests.support.random_models import random_input
from tests.support.small_file import FileLayer, FileTensor, small_file

QUANT = TensorQuant(0.5, 3)


def joined(count: int, axis: int, seed: int = 0) -> Arch:
    """Returns a network that joins so many tensors, which differ in the size along `axis`."""
    rng = random.Random(f"{count} {axis} {seed}")
    layers: list[Layer] = []
    for i in range(count):
        size = [1, 1, 3]
        size[axis] = rng.randint(1, 7)
        kernel = (6 - size[0] if axis == 0 else 1, 6 - size[1] if axis == 1 else 1)
        kernel = (max(1, kernel[0]), max(1, kernel[1]))
        layers.append(
            Conv2D(name=f"part{i}", inputs=(INPUT,), filters=size[2], kernel=kernel, padding="valid", activation="relu")
        )
    layers.append(Concatenation(name="all", inputs=tuple(layer.name for layer in layers), axis=axis))
    layers.append(Relu(name="end", inputs=("all",), six=True))
    return Arch((6, 5, 2), tuple(layers))


def test_values() -> None:
    """Of a row [1, 2] and its codes one step on: joined in every direction."""
    quick = {INPUT: QUANT, "b": QUANT, "y": QUANT}
    for axis, want in ((0, [[[1], [2]], [[1], [2]]]), (1, [[[1], [2], [1], [2]]]), (2, [[[1, 1], [2, 2]]])):
        layers = Quantize(name="b", inputs=(INPUT,)), Concatenation(name="y", inputs=(INPUT, "b"), axis=axis)
        model = QuantizedModel(Arch((1, 2, 1), layers), quick, {})
        found = reference.run(model, np.array([[[[1], [2]]]], np.int8))
        assert found[0].tolist() == want


@needs_tflm
@pytest.mark.parametrize("count", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_tensor_and_the_arena_are_tflms(count: int, axis: int) -> None:
    arch = joined(count, axis)
    model = with_random_weights(arch, 1)
    data, x = write(model), random_input(model, 3, 0)
    assert read(data).arch == arch
    ours = reference.tensors(model, x)
    for name, theirs in interpreter.tensors(data, x).items():
        assert np.array_equal(theirs.reshape(ours[name].shape), ours[name]), name
    predicted = arena_tflm_bytes(arch)
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed + 64


@needs_tflm
@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_the_arena_of_a_concatenation_alone_is_tflms_to_the_byte(count: int) -> None:
    """While a kernel is prepared, TFLM holds a description of every input."""
    for shape in ((1, 1, 1), (40, 4, 3)):
        arch = Arch(shape, (Concatenation(name="y", inputs=(INPUT,) * count, axis=0),))
        predicted = arena_tflm_bytes(arch)
        assert predicted == interpreter.min_arena(write(with_random_weights(arch)), predicted)


def test_constants_are_joined() -> None:
    """Constants in front, behind and between, of bytes and of words, in one row and in several."""
    constants = (TensorSpec("c", (4, 3), "int8"), TensorSpec("e", (4, 5), "int8"), TensorSpec("d", (2, 5), "int8"))
    layers = (
        Concatenation(name="front", inputs=("c", INPUT), axis=1),
        Concatenation(name="between", inputs=(INPUT, "c", "front"), axis=1),
        Pack(name="packed", inputs=(INPUT, "e"), axis=0),
        Concatenation(name="below", inputs=(INPUT, "d"), axis=0),
    )
    arch = Arch((4, 5), layers, output_names=("between", "packed", "below"), constants=constants)
    model = with_random_weights(arch, 1)
    same_everywhere(model, random_input(model, 4, 2))


def test_the_c_equals_the_reference() -> None:
    models = [
        with_random_weights(joined(count, axis, seed), seed)
        for count in (1, 2, 6)
        for axis in range(3)
        for seed in range(2)
    ]
    shapes = (5,), (3, 4), (2, 3, 2, 2, 3)
    models += [
        with_random_weights(Arch(shape, (Concatenation(name="y", inputs=(INPUT, INPUT), axis=axis),)))
        for shape in shapes
        for axis in range(len(shape))
    ]
    assert_equals_reference(models)


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        (3, (2, 2, 1), r"layer 'y': axis = 3; need 0 to 2, a dimension of \(2, 2, 1\)"),
        (-1, (2, 2, 1), r"layer 'y': axis = -1; need 0 to 2"),
        (
            0,
            (1, 1, 1, 1, 1, 2),
            r"layer 'y': Concatenation of shapes like \(1, 1, 1, 1, 1, 2\); TFLM takes at most 5 dim",
        ),
    ],
)
def test_what_cannot_be(axis: int, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Arch(shape, (Concatenation(name="y", inputs=(INPUT, INPUT), axis=axis),))


def test_other_shapes_and_too_many_inputs_are_refused() -> None:
    part = Conv2D(name="part", inputs=(INPUT,), filters=3, kernel=(2, 2), padding="valid")
    with pytest.raises(SpecError, match=r"layer 'y': Concatenation needs equal shapes but for dimension 2, not"):
        Arch((4, 4, 3), (part, Concatenation(name="y", inputs=(INPUT, "part"), axis=2)))
    with pytest.raises(SpecError, match=r"layer 'y': Concatenation takes 1..10 input\(s\), not 11"):
        Arch((4, 4, 3), (Concatenation(name="y", inputs=(INPUT,) * 11, axis=2),))


@pytest.mark.parametrize("other", [TensorQuant(0.5, 4), TensorQuant(float(np.float32(0.5000001)), 3)])
def test_another_scale_is_refused_as_tflm_does(other: TensorQuant, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = Relu(name="b", inputs=(INPUT,)), Concatenation(name="y", inputs=(INPUT, "b"), axis=1)
    model = QuantizedModel(Arch((2, 2, 1), layers), {INPUT: QUANT, "b": other, "y": QUANT}, {})
    message = "layer 'y': TFLM's CONCATENATION takes tensors of one scale and zero point; 'input' has 0.5 and 3, 'b' "
    with pytest.raises(SpecError, match=message):
        write(model)
    if interpreter.available():
        monkeypatch.setattr("micronets.tflite.writer.validate", lambda model: None)
        with pytest.raises(DeviceError, match=r"concatenation\.cc"):
            interpreter.run(write(model), np.zeros((1, 2, 2, 1), np.int8))


def test_a_files_axis_may_count_from_the_end() -> None:
    def written(axis: int, activation: int = 0) -> bytes:
        tensors = [FileTensor((1, 3, 4)), FileTensor((1, 6, 4))]
        fields = (s.ConcatenationSlot.AXIS, "int32", axis, 0), (s.ConcatenationSlot.ACTIVATION, "int8", activation, 0)
        return small_file(tensors, [FileLayer(Op.CONCATENATION, (0, 0), (1,), fields)], [0], [1])

    layer = read(written(-2)).arch.layers[0]
    assert isinstance(layer, Concatenation)
    assert layer.axis == 0
    with pytest.raises(UnsupportedError, match=r"tensor 1 't1' has the shape \[1, 6, 4\]; its inputs make \[2, 3, 4\]"):
        read(written(0))
    with pytest.raises(UnsupportedError, match="a fused activation RELU6, which TFLM's kernel refuses; only NONE"):
        read(written(1, activation=3))
