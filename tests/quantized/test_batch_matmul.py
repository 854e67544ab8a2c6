"""Products of matrices of two tensors, from their values to the C."""

import numpy as np
import pytest

from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, BatchMatMul, Conv2D, FullyConnected
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from micronets.tflite.stored import stored_tensors
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs_tflm
from tests.support.random_models import random_input
from tests.support.small_file import FileLayer, FileTensor, small_file
from tests.support.tflm_parity import assert_equals_tflm

X = (INPUT,)


def squared(shape: tuple[int, ...], a: bool, b: bool) -> QuantizedModel:
    """A network that multiplies a tensor with a dense layer of it, one of which is transposed."""
    dense = FullyConnected(name="d", inputs=X, units=shape[-1], keep_dims=True)
    product = BatchMatMul(name="y", inputs=(INPUT, "d"), transpose_a=a, transpose_b=b)
    return with_random_weights(Arch(shape, (dense, product)), 3)


def attention() -> QuantizedModel:
    """The products of queries and keys, and of what becomes of them and values, for two heads."""
    layers = (
        Conv2D(name="q", inputs=X, filters=6, kernel=(1, 1)),
        Conv2D(name="k", inputs=X, filters=6, kernel=(1, 1)),
        Conv2D(name="v", inputs=X, filters=5, kernel=(1, 1)),
        BatchMatMul(name="scores", inputs=("q", "k"), transpose_b=True),
        BatchMatMul(name="y", inputs=("scores", "v")),
    )
    return with_random_weights(Arch((2, 7, 4), layers), 4)


MODELS = {
    "rows by rows": squared((3, 9, 5), False, True),
    "columns by columns": squared((3, 5, 9), True, False),
    "two dimensions": squared((4, 8), False, True),
    "attention": attention(),
}


def test_values_by_hand() -> None:
    one = TensorQuant(1.0, 0)
    layer = BatchMatMul(name="y", inputs=(INPUT, INPUT))
    x = np.array([[1, 2], [3, -4]], np.int8)[None]
    model = QuantizedModel(Arch((2, 2), (layer,)), {INPUT: one, "y": TensorQuant(0.5, 3)}, {})
    assert reference.run(model, x)[0].tolist() == [[17, -9], [-15, 47]]  # twice [[7, -6], [-9, 22]], and 3
    (step,) = model.arch.steps()
    assert step.operator.macs(step.input_shapes, step.output_shapes) == 8


@needs_tflm
@pytest.mark.parametrize("what", MODELS)
def test_every_tensor_equals_tflm_in_the_predicted_arena(what: str) -> None:
    assert read(write(MODELS[what])).arch == MODELS[what].arch
    assert_equals_tflm(MODELS[what])


def file(a: tuple[int, ...], b: tuple[int, ...], y: tuple[int, ...], x: bool = False, z: bool = False) -> bytes:
    """A BATCH_MATMUL of the input and a constant; x, z: whether they are transposed."""
    values = np.random.default_rng(1).integers(-128, 128, b).astype(np.int8)
    fields = ((s.BatchMatMulSlot.ADJ_X, "bool", x, False), (s.BatchMatMulSlot.ADJ_Y, "bool", z, False))
    tensors = [FileTensor(a), FileTensor(b, values, 0.02, -5), FileTensor(y, scale=0.5)]
    return small_file(tensors, [FileLayer(Op.BATCH_MATMUL, (0, 1), (2,), fields)], [0], [2])


FILES = {
    "constants": file((1, 3, 4, 5), (1, 3, 5, 6), (1, 3, 4, 6)),
    "constants for all batches": file((1, 3, 4, 5), (5, 6), (1, 3, 4, 6)),
    "transposed constants for all batches": file((1, 4, 5), (6, 5), (1, 4, 6), z=True),
    "matrices": file((4, 5), (5, 6), (4, 6)),
    "a vector": file((1, 5), (5, 6), (1, 6)),
    "both transposed": file((2, 5, 4), (2, 6, 5), (2, 4, 6), x=True, z=True),
    "the first for all": file((1, 1, 4, 5), (1, 3, 5, 2), (1, 3, 4, 2)),
}


@needs_tflm
@pytest.mark.parametrize("what", FILES)
def test_files_of_others(what: str) -> None:
    data = FILES[what]
    model = read(data)
    x = random_input(model, 5, 2)
    ours = reference.tensors(model, x)
    for name, want in interpreter.tensors(data, x).items():
        assert np.array_equal(want.reshape(ours[name].shape), ours[name]), name
    predicted = arena_tflm_bytes(model.arch, tensors=stored_tensors(data, model))
    assert 0 <= predicted - interpreter.min_arena(data, predicted) <= 96  # a file of one operator that has no batch


def test_the_c_equals_the_reference() -> None:
    assert_equals_reference([*MODELS.values(), *map(read, FILES.values())])


def test_what_cannot_be() -> None:
    for shape in ((3, 4), (2, 3, 4)):
        with pytest.raises(SpecError, match=r"are not matrices that can be multiplied"):
            Arch(shape, (BatchMatMul(name="y", inputs=(INPUT, INPUT)),))
    with pytest.raises(SpecError, match=r"BatchMatMul of \(4,\) and \(4,\); need 2 to 4 dimensions of each"):
        Arch((4,), (BatchMatMul(name="y", inputs=(INPUT, INPUT)),))
