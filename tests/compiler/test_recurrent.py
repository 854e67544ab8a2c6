"""Layers that keep variables for themselves: the reference, files, TFLM and the generated C go through sequences."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.targets import DSP, PLAIN
from micronets.compiler import compile_model
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.host import build_library
from micronets.device.tflm import interpreter
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, AssignVariable, FullyConnected, Layer, Svdf, TensorSpec
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.state import first_state
from micronets.quantized.validate import validate
from micronets.runtimes import OUR_C, MeasureOptions
from micronets.tflite import read, write
from micronets.tflite.file import as_file
from micronets.tflite.stored import stored_tensors
from tests.support.edited import edited
from tests.support.recurrent import svdf_layer, svdf_network

SEEDS = range(18)
BUILT = 8
"""How many networks of each kind are built as C, with each set of flags."""

STEPS = 50

UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")

with_tflm = pytest.mark.skipif(not interpreter.available(), reason="needs tflite-micro (Linux on x86-64)")


def sequence(model: QuantizedModel, seed: int = 0, smooth: bool = False) -> np.ndarray:
    """Returns the inputs of a sequence of inferences: random codes, or codes that change slowly."""
    rng, shape = np.random.default_rng(seed), (STEPS, *model.arch.input_shape)
    kind = np.dtype(model.arch.input_type)
    limits = np.iinfo(kind)
    if smooth:
        return np.clip(np.cumsum(rng.normal(0, limits.max / 20, shape), axis=0), limits.min, limits.max).astype(kind)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


def test_an_svdf_by_hand() -> None:
    layer, constants = svdf_layer("svdf", INPUT, size=2, units=1, rank=2, memory=2, kept="int8")
    names = [c.name for c in constants]
    values = (
        np.array([[2, 0], [0, 4]], np.int8),
        np.array([[1, 2], [0, 3]], np.int8),
        np.array([5], np.int32),
    )
    quants = TensorQuant(1.0, 0), TensorQuant(1.0, 0), TensorQuant(1.0, 0)
    quant = dict(zip(names, quants, strict=True))
    quant |= {INPUT: TensorQuant(1.0, 3), "svdf/state": TensorQuant(2.0, 0), "svdf": TensorQuant(2.0, -1)}
    quant[names[2]] = TensorQuant(2.0, 0)
    arch = Arch((2,), (layer,), constants=constants)
    model = QuantizedModel(arch, quant, {}, constants=dict(zip(names, values, strict=True)))
    x = np.array([[4, 3], [13, 4], [3, 3]], np.int8)  # less the zero point: (1, 0), (10, 1), (0, 0)
    # Products, halved: 1 and 0, 10 and 2, 0 and 0. Sums: 2, 1 + 20 + 6, 10; with the bias 7, 32, 15; scale 2 / 2.
    assert reference.run(model, x).ravel().tolist() == [6, 31, 14]
    assert reference.run(model, x).ravel().tolist() == [6, 31, 14], "each run begins anew"
    assert first_state(replace(model, quant=quant | {"svdf/state": TensorQuant(2.0, 9)}))["svdf/state"].tolist() == [
        9,
        9,
        9,
        9,
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_files_hold_them(seed: int) -> None:
    model = svdf_network(seed)
    data = write(model)
    again = read(data)
    assert again.arch == model.arch
    assert again.quant == model.quant
    assert write(again) == data


@with_tflm
@pytest.mark.parametrize("seed", SEEDS)
def test_tflm_computes_the_same(seed: int) -> None:
    model = svdf_network(seed)
    data = write(model)
    for smooth in (False, True):
        x = sequence(model, seed, smooth)
        theirs, ours = interpreter.tensors(data, x), reference.tensors(model, x)
        assert list(theirs) == list(ours)
        for name, want in theirs.items():
            np.testing.assert_array_equal(ours[name], want.reshape(ours[name].shape), name)
        np.testing.assert_array_equal(interpreter.run(data, x), theirs[model.arch.output])
    needed = interpreter.min_arena(data)
    predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
    assert needed <= predicted <= needed + 16
    assert predicted == arena_tflm_bytes(model.arch)


@pytest.mark.parametrize(
    "flags",
    [("-O1", *UNDEFINED), ("-O1", "-DMICRONETS_DSP=1", *UNDEFINED)],
    ids=str,
)
def test_our_c_computes_the_same(flags: tuple[str, ...]) -> None:
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("needs a C compiler")
    models = [svdf_network(seed) for seed in SEEDS[:BUILT]]
    library = build_library([compile_model(model, PLAIN if k % 2 else DSP) for k, model in enumerate(models)], flags)
    for number, model in enumerate(models):
        for smooth in (False, True):  # the second run begins anew
            x = sequence(model, number, smooth)
            found, want = library.outputs(number, x), reference.outputs(model, x)
            for name, y in want.items():
                np.testing.assert_array_equal(found[name], y, f"network {number}")


@pytest.mark.parametrize("seed", [4, 5])
def test_the_simulated_processor_computes_the_same(seed: int) -> None:
    pytest.importorskip("unicorn", reason="needs the simulator")
    pytest.importorskip("elftools", reason="needs the simulator")
    board = load_board("NUCLEO-F446RE")
    if reason := OUR_C.unmeasurable(board):
        pytest.skip(reason)
    found = OUR_C.measure(as_file(svdf_network(seed), "words"), board, MeasureOptions(device="sim", samples=12))
    assert found.bit_exact


@pytest.mark.parametrize("name", ["1d5e0e5c_keyword_scrambled_8bit", "2335faf0_keyword_scrambled"])
def test_models_of_others_compute_the_same(shared: Path, name: str) -> None:
    data = (shared / f"models/field/{name}.tflite").read_bytes()
    model = read(data)
    library = build_library([compile_model(model)])
    for smooth in (False, True):
        x = sequence(model, 1, smooth)
        ours = reference.tensors(model, x)
        if interpreter.available():
            for tensor, want in interpreter.tensors(data, x).items():
                np.testing.assert_array_equal(ours[tensor], want.reshape(ours[tensor].shape), tensor)
        np.testing.assert_array_equal(library.run(0, x), ours[model.arch.output])


SVDF, CONSTANTS = svdf_layer("svdf", INPUT, size=4, units=2, rank=3, memory=5, kept="int16")


@pytest.mark.parametrize(
    ("layers", "constants", "why"),
    [
        (
            (SVDF,),
            (replace(CONSTANTS[0], shape=(6, 3)), *CONSTANTS[1:]),
            "layer 'svdf': Svdf of rank 3 reads (4,), (6, 3), (6, 5) and (2,); need (n,), (filters, n), (filters, "
            "memory) and (filters / rank,)",
        ),
        (
            (replace(SVDF, rank=0),),
            CONSTANTS,
            "layer 'svdf': rank = 0; need integers of at least 1",
        ),
        (
            (replace(SVDF, of="int32"),),
            CONSTANTS,
            "layer 'svdf': of = 'int32'; allowed: int8, int16",
        ),
        (
            (replace(SVDF, of="int8"),),
            CONSTANTS,
            "layer 'svdf': SVDF reads int8, int8, int16, int32; need int8, int8, int8, int32",
        ),
        (
            (FullyConnected(name="bias", inputs=(INPUT,), units=2), replace(SVDF, inputs=(*SVDF.inputs[:3], "bias"))),
            CONSTANTS[:2],
            "layer 'svdf': Svdf reads an activation, and constants after it",
        ),
        (
            (SVDF, AssignVariable(name="keep", inputs=(INPUT,), variable="svdf/state")),
            CONSTANTS,
            "layer 'keep': another layer keeps the variable 'svdf/state' for itself",
        ),
        (
            (replace(SVDF, variable="svdf"),),
            CONSTANTS,
            "layer 'svdf': its variable's name 'svdf' is taken; give it another",
        ),
    ],
)
def test_layers_that_cannot_be_are_refused(
    layers: tuple[Layer, ...], constants: tuple[TensorSpec, ...], why: str
) -> None:
    with pytest.raises(SpecError) as e:
        Arch((4,), layers, output_names=("svdf",), constants=constants)
    assert str(e.value) == why


def test_numbers_that_tflm_refuses_are_refused() -> None:
    model = svdf_network(0)
    layer = model.arch.layers[0]
    assert isinstance(layer, Svdf)
    _, features, _, bias = layer.inputs
    cases = (
        ({bias: TensorQuant(1.0, 0)}, f"layer 'svdf0': the bias '{bias}' has the scale 1, the sums"),
        ({features: TensorQuant(0.1, 2)}, f"layer 'svdf0': '{features}' has the zero point 2; TFLM's SVDF takes"),
        ({features: TensorQuant(1e30, 0)}, "layer 'svdf0': the scale of its products, "),
    )
    for quant, why in cases:
        with pytest.raises(SpecError) as e:
            validate(replace(model, quant=dict(model.quant) | quant))
        assert str(e.value).startswith(why)


def test_json_holds_them() -> None:
    arch = svdf_network(1).arch
    assert Arch.from_json(arch.to_json()) == arch


# Tensors of the file of `svdf_network(0)`: 0 input, 1 features, 2 ages, 3 bias, 4 output, 5 state, ...
REFUSALS: list[tuple[Callable[[Any], None], str]] = [
    (
        lambda m: setattr(m.subgraphs[0].operators[0], "inputs", [0, 1, 2, -1, 5]),
        "m: operator 0 (SVDF): one of its inputs is left out as tensor -1, which TFLM's kernel reads all the same",
    ),
    (
        lambda m: setattr(m.subgraphs[0].tensors[5], "isVariable", False),
        "m: operator 0 (SVDF): damaged .tflite, tensor 5",
    ),
    (
        lambda m: setattr(m.subgraphs[0].tensors[5], "type", 9),
        "m: operator 0 (SVDF): tensor 5 'svdf0/state' is INT8 [1, ",
    ),
    (lambda m: setattr(m.subgraphs[0].tensors[5], "shape", [1, 7]), "m: operator 0 (SVDF): tensor 5 'svdf0/state' is "),
    (
        lambda m: setattr(m.subgraphs[0].tensors[0], "shape", [2, 1]),
        "m: operator 0 (SVDF): tensor 0 'input' has the shape [2, 1]; need a vector with a batch of one, [1, n]",
    ),
    (
        lambda m: setattr(m.subgraphs[0].tensors[0], "isVariable", True),
        "m: tensor 0 'input' is the input and a variable; operators keep variables for themselves only",
    ),
    (
        lambda m: setattr(m.subgraphs[0].tensors[1].quantization, "scale", [0.1, 0.2]),
        "m: operator 0 (SVDF): tensor 1 'svdf0/features' has 2 scales; an int8 activation needs one",
    ),
]


@pytest.mark.parametrize(("change", "why"), REFUSALS)
def test_files_that_tflm_does_not_run_are_refused(change: Callable[[Any], None], why: str) -> None:
    with pytest.raises((UnsupportedError, FileError)) as e:
        read(edited(svdf_network(0), change), "m")
    assert str(e.value).startswith(why)


def test_names_of_variables_are_made_where_files_have_none() -> None:
    def change(m: Any) -> None:
        for tensor in m.subgraphs[0].tensors:
            tensor.name = ""

    model = svdf_network(1)
    found = read(edited(model, change), "m")
    assert list(found.arch.variables()) == [
        f"svdf_{k}_state" for k, a in enumerate(model.arch.layers) if isinstance(a, Svdf)
    ]
    assert read(write(found)).arch == found.arch
    x = sequence(model)
    np.testing.assert_array_equal(reference.output_bytes(found, x), reference.output_bytes(model, x))
