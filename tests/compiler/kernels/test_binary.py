"""Two tensors combined value by value: shapes that broadcast, constants, values by hand, refusals."""

import re
from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.commands.inspect import inspect
from micronets.compiler import compile_model
from micronets.cost.tflite_size import tflite_bytes
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Binary, Shape, TensorSpec
from micronets.ir.ops.binary import broadcast
from micronets.ir.types import Type
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.quantized.validate import validate
from micronets.tflite import read, write
from tests.support.everywhere import same_everywhere
from tests.support.random_models import random_input

KINDS = (layers.Add, layers.Mul, layers.Sub, layers.Minimum, layers.Maximum, layers.SquaredDifference)
C = "c"


def with_constant(layer: Binary, x: Shape, c: Shape) -> QuantizedModel:
    return with_random_weights(Arch(x, (layer,), constants=(TensorSpec(C, c, "int8"),)), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_constants_of_all_shapes(kind: type[Binary]) -> None:
    """A value, a channel, a row, a column, a whole map and one that makes the output larger, on either side."""
    x = (3, 4, 5)
    shapes = [(), (1,), (5,), (4, 1), (3, 1, 1), (4, 5), (1, 1, 5), (3, 1, 5), (3, 4, 5), (2, 1, 1, 1)]
    stack, specs = [], []
    for k, shape in enumerate(shapes):
        names = (INPUT, f"c{k}") if k % 2 else (f"c{k}", INPUT)
        stack.append(kind(name=f"y{k}", inputs=names))
        specs.append(TensorSpec(f"c{k}", shape, "int8"))
    arch = Arch(x, tuple(stack), output_names=tuple(layer.name for layer in stack), constants=tuple(specs))
    assert arch.shapes()["y9"] == (2, 3, 4, 5)
    model = with_random_weights(arch, 2)
    same_everywhere(model, random_input(model, 4, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_two_tensors_that_broadcast(kind: type[Binary]) -> None:
    """A map and a vector of it, as a squeeze-and-excitation block has them: the output lies over the map."""
    stack = (
        layers.Relu(name="a", inputs=(INPUT,)),
        layers.Relu(name="b", inputs=("a",), six=True),
        layers.Reshape(name="row", inputs=("b",), shape=(6, 1, 8)),
        layers.Relu(name="map", inputs=("row",)),
        kind(name="y", inputs=("map", "a")),
        kind(name="z", inputs=("a", "y")),
    )
    model = with_random_weights(Arch((6, 8), stack), 5)
    assert model.arch.shapes()["y"] == (6, 6, 8)
    same_everywhere(model, random_input(model, 4, 3))


def test_the_output_lies_over_the_input_of_its_size_and_over_no_smaller_one() -> None:
    stack = (
        layers.Relu(name="small", inputs=(INPUT,)),
        layers.Mul(name="y", inputs=(INPUT, C)),
        layers.Mul(name="z", inputs=("y", "small")),
    )
    arch = Arch((4, 4, 8), stack, constants=(TensorSpec(C, (8,), "int8"),))
    plan = compile_model(with_random_weights(arch, 1)).plan
    assert plan.offsets["y"] == plan.offsets[INPUT]
    wide = Arch(
        (8,),
        (layers.Relu(name="a", inputs=(INPUT,)), layers.Mul(name="y", inputs=("a", C))),
        constants=(TensorSpec(C, (4, 8), "int8"),),
    )
    plan = compile_model(with_random_weights(wide, 1)).plan
    low, high = plan.offsets["y"], plan.offsets["y"] + 32
    assert plan.offsets["a"] + 8 <= low or plan.offsets["a"] >= high


def test_values_by_hand() -> None:
    x, c = np.array([[-10, 0, 3, 127]], np.int8), np.array([2, -4, 7, 100], np.int8)
    want = {
        layers.Add: [-8, -4, 10, 127],
        layers.Sub: [-12, 4, -4, 27],
        layers.Mul: [-20, 0, 21, 127],
        layers.Minimum: [-10, -4, 3, 100],
        layers.Maximum: [2, 0, 7, 127],
        layers.SquaredDifference: [127, 16, 16, 127],
    }
    one = TensorQuant(1.0, 0)
    for kind, values in want.items():
        arch = Arch((4,), (kind(name="y", inputs=(INPUT, C)),), constants=(TensorSpec(C, (4,), "int8"),))
        model = QuantizedModel(arch, dict.fromkeys((INPUT, C, "y"), one), {}, constants={C: c})
        assert reference.run(model, x).tolist() == [values], kind


def test_a_constant_of_one_value_is_a_table_and_another_one_no_copy_in_the_arena() -> None:
    one = compile_model(with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (8, 8, 4), (1,)))
    assert "micronets_lookup(" in one.files["model.c"]
    assert "micronets_binary.c" not in one.files
    channels = compile_model(with_constant(layers.Mul(name="y", inputs=(C, INPUT)), (8, 8, 4), (4,)))
    assert "static const int8_t operand_a_0[4]" in channels.files["model.c"]
    assert channels.arena_bytes == one.arena_bytes == 256
    assert "micronets_row_mul.c" in channels.files
    assert "micronets_row_add.c" not in channels.files


@pytest.mark.parametrize(("read", "zero_points"), [("int8", (3, 3)), ("uint8", (128, 0)), ("uint8", (131, 3))])
def test_codes_that_are_clamped_or_change_their_type_need_no_table(read: Type, zero_points: tuple[int, int]) -> None:
    """A maximum with one value, and a Quantize from uint8 of the same scale: of more codes than a round of the loop."""
    layer = (
        layers.Maximum(name="y", inputs=(INPUT, C)) if read == "int8" else layers.Quantize(name="y", inputs=(INPUT,))
    )
    constants = (TensorSpec(C, (1,), "int8"),) if read == "int8" else ()
    model = with_random_weights(Arch((5, 3, 7), (layer,), read, constants=constants), 1)
    quant = {name: TensorQuant(0.5, z) for name, z in zip((INPUT, "y"), zero_points, strict=True)}
    model = replace(model, quant={**model.quant, **dict.fromkeys((c.name for c in constants), quant["y"]), **quant})
    assert "micronets_clamp_codes(" in compile_model(model).files["model.c"]
    same_everywhere(model, random_input(model, 4, 3))


def test_a_constant_may_be_what_a_prelu_rectifies() -> None:
    """The activation then holds its slopes."""
    model = with_constant(layers.Prelu(name="y", inputs=(C, INPUT)), (1,), (1,))
    model = replace(model, constants={C: np.array([-128], np.int8)})  # below 0, so that the slope counts
    assert "micronets_lookup(" in compile_model(model).files["model.c"]
    same_everywhere(model, random_input(model, 8, 3))


@pytest.mark.parametrize(
    ("a", "b", "made"),
    [
        ((3, 4), (3, 4), (3, 4)),
        ((3, 4), (4,), (3, 4)),
        ((), (2, 3), (2, 3)),
        ((3, 1, 5), (4, 1), (3, 4, 5)),
        ((1,), (1, 1), (1, 1)),
        ((3, 4), (3,), None),
        ((2, 2), (4, 2), None),
    ],
)
def test_shapes_that_broadcast(a: Shape, b: Shape, made: Shape | None) -> None:
    assert broadcast(a, b) == broadcast(b, a) == made
    if made is not None:
        assert np.broadcast_shapes(a, b) == made


def test_files_keep_constants_and_their_names() -> None:
    model = with_constant(layers.Sub(name="y", inputs=(C, INPUT), activation="relu"), (2, 3), (3,))
    again = read(write(model))
    assert again.arch == model.arch
    assert again.quant == model.quant
    assert np.array_equal(again.constants[C], model.constants[C])
    assert len(write(model)) <= tflite_bytes(model.arch.steps())
    assert Arch.from_json(model.arch.to_json()) == model.arch


def test_what_cannot_be() -> None:
    spec = TensorSpec(C, (3,), "int8")

    def refused(message: str, *stack: object, constants: tuple[TensorSpec, ...] = (spec,)) -> None:
        with pytest.raises(SpecError, match=re.escape(message)):
            Arch((2, 4), tuple(stack), constants=constants)

    refused(
        "layer 'y': Mul needs equal shapes, or sizes of 1 where they differ", layers.Mul(name="y", inputs=(INPUT, C))
    )
    refused("layer 'y': Relu reads the constant 'c'; it takes activations only", layers.Relu(name="y", inputs=(C,)))
    refused("layer 'y': all that it reads is constant", layers.Add(name="y", inputs=(C, C)))
    refused(
        "constant 'input': the name is taken",
        layers.Relu(name="y", inputs=(INPUT,)),
        constants=(replace(spec, name=INPUT),),
    )
    refused(
        "constant 'c': type = 'int4'", layers.Relu(name="y", inputs=(INPUT,)), constants=(replace(spec, type="int4"),)
    )
    model = with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (2, 3), (3,))
    for values, found in (
        (None, "no values"),
        (np.zeros(3), r"float64 \(3,\)"),
        (np.zeros(2, np.int8), r"int8 \(2,\)"),
    ):
        with pytest.raises(SpecError, match=f"constant 'c' has {found}; need int8"):
            validate(replace(model, constants={} if values is None else {C: values}))
    with pytest.raises(SpecError, match="the product of its inputs' scales"):
        validate(replace(model, quant=model.quant | {C: TensorQuant(1e9, 0), "y": TensorQuant(1e-9, 0)}))
    rank = with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (2, 1, 2, 1), (1, 2, 1, 2))
    assert compile_model(rank)
    with pytest.raises((SpecError, UnsupportedError)):
        compile_model(with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (2, 1, 2, 1, 2), (2, 1, 2, 1)))


def test_networks_with_constants_are_inspected() -> None:
    board = load_board("NUCLEO-F446RE")
    model = with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (8, 8, 64), (8, 64))
    found = inspect(model, board)
    larger = inspect(with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (8, 8, 64), (8, 8, 64)), board)
    assert larger.flash_c_bytes - found.flash_c_bytes == 7 * 8 * 64
    assert larger.arena_c_bytes == found.arena_c_bytes


def test_a_constant_of_zeros_may_have_the_scale_0() -> None:
    """Converters write that for the first state of an unrolled LSTM; a product with it is the code of 0."""
    model = with_constant(layers.Mul(name="y", inputs=(INPUT, C)), (2, 3), (3,))
    scale = float(np.float32(0.12345))
    model = replace(model, quant=model.quant | {C: TensorQuant(scale, 5)}, constants={C: np.zeros(3, np.int8)})
    data = write(model)
    mark = np.float32(scale).tobytes()
    assert data.count(mark) == 1
    empty = data.replace(mark, bytes(4))
    again = read(empty)
    assert again.constants[C].tolist() == [5, 5, 5]
    x = random_input(again, 4, 0)
    assert (reference.run(again, x) == again.quant["y"].zero_point).all()
    same_everywhere(again, x, empty)


def test_a_square_beyond_tflms_shifts_is_refused() -> None:
    """TFLM brings the square of twice the larger scale to the output's by a shift of at most 30 bits to the left."""
    arch = Arch(
        (4,), (layers.SquaredDifference(name="y", inputs=(INPUT, "c")),), constants=(TensorSpec("c", (4,), "int8"),)
    )
    model = with_random_weights(arch)
    for scale, fits in ((2.0**20, True), (2.0**21, False)):
        quant = {INPUT: TensorQuant(1.0, 0), "c": TensorQuant(scale, 0), "y": TensorQuant(1.0, 0)}
        if fits:
            validate(replace(model, quant=quant))
            continue
        with pytest.raises(SpecError, match=r"the square of its inputs' larger scale 4.398e\+12 is .* TFLM's SQUARED_"):
            validate(replace(model, quant=quant))
