"""Split, from its shapes to the C: equal parts along any axis."""

import numpy as np
import pytest

from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import FileError, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Concatenation, Conv2D, Split
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs_tflm
from tests.support.random_models import random_input
from tests.support.small_file import FileLayer, FileTensor, constant, small_file

QUANT = TensorQuant(0.5, 3)


def divided(count: int, axis: int) -> Arch:
    """Returns a network that divides a map into so many parts, uses the first and the last, and returns them all."""
    shape = [6, 5, 4]
    shape[axis] = 2 * count
    names = tuple(f"part{i}" for i in range(count))
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=shape[2], kernel=(1, 1)),
        Split(name=names[0], inputs=("a",), axis=axis, others=names[1:]),
        Add(name="b", inputs=(names[0], names[-1])),
        Concatenation(name="c", inputs=(*names[:9], names[0]), axis=axis),
    )
    return Arch((shape[0], shape[1], 3), layers, output_names=("c", "b", *names))


def test_values() -> None:
    x = np.arange(8, dtype=np.int8).reshape(1, 2, 2, 2)
    for axis, want in (
        (0, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (1, [[0, 1, 4, 5], [2, 3, 6, 7]]),
        (2, [[0, 2, 4, 6], [1, 3, 5, 7]]),
    ):
        layer = Split(name="y", inputs=(INPUT,), axis=axis, others=("z",))
        found = reference.outputs(
            QuantizedModel(Arch((2, 2, 2), (layer,)), dict.fromkeys((INPUT, "y", "z"), QUANT), {}), x
        )
        assert list(found) == ["y", "z"]
        assert [part.ravel().tolist() for part in found.values()] == want


@needs_tflm
@pytest.mark.parametrize("count", [1, 2, 3, 12])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_tensor_every_output_and_the_arena_are_tflms(count: int, axis: int) -> None:
    arch = divided(count, axis)
    model = with_random_weights(arch, 1)
    data, x = write(model), random_input(model, 3, 0)
    assert read(data).arch == arch
    ours = reference.tensors(model, x)
    for name, theirs in interpreter.tensors(data, x).items():
        assert np.array_equal(theirs.reshape(ours[name].shape), ours[name]), name
    for name, theirs in zip(arch.outputs, interpreter.outputs(data, x, len(arch.outputs)), strict=True):
        assert np.array_equal(theirs.reshape(ours[name].shape), ours[name]), name
    predicted = arena_tflm_bytes(arch)
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed + 64


def test_the_c_equals_the_reference() -> None:
    models = [with_random_weights(divided(count, axis), count) for count in (1, 2, 5, 12) for axis in range(3)]
    assert_equals_reference(models)


@pytest.mark.parametrize(
    ("axis", "parts", "message"),
    [
        (3, 2, r"layer 'y': axis = 3; need 0 to 2, a dimension of \(4, 2, 6\)"),
        (0, 3, r"layer 'y': Split makes 3 equal parts of dimension 0 of \(4, 2, 6\); 3 must divide it"),
    ],
)
def test_what_cannot_be(axis: int, parts: int, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Arch((4, 2, 6), (Split(name="y", inputs=(INPUT,), axis=axis, others=tuple(f"y{i}" for i in range(1, parts))),))


def test_names_of_parts_are_names_of_tensors() -> None:
    with pytest.raises(SpecError, match="layer 'y': the name 'input' is taken"):
        Arch((4, 2, 6), (Split(name="y", inputs=(INPUT,), axis=0, others=(INPUT,)),))
    split = Split(name="y", inputs=(INPUT,), axis=0, others=("z",))
    with pytest.raises(SpecError, match="layer 'b': the name 'z' is taken"):
        Arch((4, 2, 6), (split, Split(name="b", inputs=("y",), axis=0, others=("z",))))


def test_a_files_axis_may_count_from_the_end() -> None:
    def written(axis: int) -> bytes:
        tensors = [FileTensor((1, 4, 2, 6)), constant(axis), FileTensor((1, 4, 2, 3)), FileTensor((1, 4, 2, 3))]
        fields = ((s.SplitSlot.COUNT, "int32", 2, 0),)
        return small_file(tensors, [FileLayer(Op.SPLIT, (1, 0), (2, 3), fields)], [0], [2, 3])

    layer = read(written(-1)).arch.layers[0]
    assert isinstance(layer, Split)
    assert layer.axis == 2
    with pytest.raises(FileError, match=r"Split makes 2 equal parts of dimension 0 of \(1, 4, 2, 6\); 2 must"):
        read(written(0))
