"""Transposed convolutions, from their values to the C."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, TransposeConv2D
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs_tflm
from tests.support.small_file import FileLayer, FileTensor, constant, small_file
from tests.support.tflm_parity import assert_equals_tflm

X = (INPUT,)


def network(channels: int, filters: int, size: tuple[int, int], **more) -> QuantizedModel:
    """A small encoder and decoder: a map, half of it, and a transposed convolution of that."""
    layers = (
        Conv2D(name="a", inputs=X, filters=channels, kernel=(3, 3), stride=(2, 2), activation="relu"),
        TransposeConv2D(name="b", inputs=("a",), filters=filters, size=size, **more),
        Conv2D(name="c", inputs=("b",), filters=2, kernel=(1, 1)),
    )
    return with_random_weights(Arch((10, 7, 3), layers), channels)  # "a" is a map of 5 x 4


MODELS = {
    "twice as large": network(6, 5, (10, 8), kernel=(3, 3), stride=(2, 2)),
    "an odd size": network(5, 4, (9, 7), kernel=(2, 4), stride=(2, 2), activation="relu"),
    "valid": network(8, 3, (11, 9), kernel=(3, 3), stride=(2, 2), padding="valid"),
    "a row more": network(8, 3, (12, 10), kernel=(3, 3), stride=(2, 2), padding="valid"),
    "stride beyond the kernel": network(3, 1, (14, 8), kernel=(2, 1), stride=(3, 2), activation="relu6"),
    "stride 1": network(4, 9, (5, 4), kernel=(3, 2)),
    "many channels": network(20, 6, (10, 8), kernel=(3, 3), stride=(2, 2)),
}


def test_values_by_hand() -> None:
    layer = TransposeConv2D(name="y", inputs=X, filters=1, kernel=(2, 2), size=(4, 4), stride=(2, 2), padding="valid")
    weights = np.array([[1, 2], [3, 4]], np.int8).reshape(1, 2, 2, 1)
    one = TensorQuant(1.0, 0)
    model = QuantizedModel(
        Arch((2, 2, 1), (layer,)), {INPUT: one, "y": one}, {"y": LayerWeights(weights, np.ones(1, np.float32), None)}
    )
    x = np.array([[1, 2], [0, -1]], np.int8).reshape(1, 2, 2, 1)
    assert reference.run(model, x)[0, :, :, 0].tolist() == [[1, 2, 2, 4], [3, 4, 6, 8], [0, 0, -1, -2], [0, 0, -3, -4]]
    same = replace(layer, kernel=(3, 3), padding="same")  # the window reaches over the last row and column
    model = replace(
        model,
        arch=Arch((2, 2, 1), (same,)),
        weights={"y": LayerWeights(np.ones((1, 3, 3, 1), np.int8), np.ones(1, np.float32), None)},
    )
    assert reference.run(model, x)[0, :, :, 0].tolist() == [[1, 1, 3, 2], [1, 1, 3, 2], [1, 1, 2, 1], [0, 0, -1, -1]]
    (step,) = model.arch.steps()
    assert step.operator.macs(step.input_shapes, step.output_shapes) == 4 * 9


@needs_tflm
@pytest.mark.parametrize("what", MODELS)
def test_every_tensor_equals_tflm_in_the_predicted_arena(what: str) -> None:
    assert_equals_tflm(MODELS[what])


@pytest.mark.parametrize("what", MODELS)
def test_a_file_reads_back(what: str) -> None:
    model = MODELS[what]
    again = read(write(model))
    assert again.arch == model.arch
    assert np.array_equal(again.weights["b"].weights, model.weights["b"].weights)
    bias = model.weights["b"].bias
    assert bias is not None
    assert np.array_equal(again.weights["b"].bias, bias)


def test_the_c_equals_the_reference() -> None:
    assert_equals_reference(list(MODELS.values()))


def test_it_is_the_transposition_of_a_convolution() -> None:
    """The product of a map with the output is that of the convolved map with the input."""
    rng = np.random.default_rng(0)
    for stride, kernel, padding, size in (((2, 2), (3, 3), "same", (5, 6)), ((2, 1), (2, 3), "valid", (6, 5))):
        weights = rng.integers(-3, 4, (2, *kernel, 3)).astype(np.int8)
        wide = TensorQuant(1.0, 0)
        one = np.ones(1, np.float32)
        there = Conv2D(name="y", inputs=X, filters=3, kernel=kernel, stride=stride, padding=padding)  # type: ignore[arg-type]
        across = weights.transpose(3, 1, 2, 0).copy()
        forth = QuantizedModel(
            Arch((*size, 2), (there,)), {INPUT: wide, "y": wide}, {"y": LayerWeights(across, one, None)}
        )
        back_layer = TransposeConv2D(
            name="y",
            inputs=X,
            filters=2,
            kernel=kernel,
            size=size,
            stride=stride,
            padding=padding,  # type: ignore[arg-type]
        )
        shape = forth.arch.output_shape
        back = QuantizedModel(
            Arch(shape, (back_layer,)), {INPUT: wide, "y": wide}, {"y": LayerWeights(weights, one, None)}
        )
        a, b = rng.integers(-1, 2, (1, *size, 2)).astype(np.int8), rng.integers(-1, 2, (1, *shape)).astype(np.int8)
        forwards = (reference.run(forth, a).astype(int) * b).sum()
        assert forwards == (reference.run(back, b).astype(int) * a).sum()


def test_what_cannot_be() -> None:
    layer = TransposeConv2D(name="y", inputs=X, filters=1, kernel=(3, 3), size=(12, 8), stride=(2, 2))
    with pytest.raises(SpecError, match=r"size = \(12, 8\); a convolution with this window must make a map of"):
        Arch((5, 4, 3), (layer,))
    with pytest.raises(SpecError, match=r"weight_bits = 4; TransposeConv2D has weights of 8 bits"):
        Arch((6, 4, 3), (replace(layer, weight_bits=4),))


def test_files_that_cannot_be() -> None:
    def file(x: tuple[int, ...], channels: int, inputs: tuple[int, ...]) -> bytes:
        slot = s.TransposeConvSlot
        fields = ((slot.STRIDE_W, "int32", 2, 0), (slot.STRIDE_H, "int32", 2, 0))
        weights = FileTensor((1, 2, 2, channels), np.ones((1, 2, 2, channels), np.int8), 0.02, 0)
        tensors = [constant(1, 4, 4, 1), weights, FileTensor(x), FileTensor((1, 4, 4, 1))]
        return small_file(tensors, [FileLayer(Op.TRANSPOSE_CONV, inputs, (3,), fields)], [2], [3])

    assert read(file((1, 2, 2, 3), 3, (0, 1, 2))).arch.output_shape == (4, 4, 1)
    with pytest.raises(FileError, match=r"1 filters of 2 channels and an input of 3"):
        read(file((1, 2, 2, 3), 2, (0, 1, 2)))
    with pytest.raises(UnsupportedError, match=r"its bias is left out as tensor -1, .* give it three inputs"):
        read(file((1, 2, 2, 3), 3, (0, 1, 2, -1)))
    with pytest.raises(UnsupportedError, match=r"has the shape \[2, 2, 3\]; need a map"):
        read(file((2, 2, 3), 3, (0, 1, 2)))
