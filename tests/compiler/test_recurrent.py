"""Layers that keep variables for themselves: the reference, files, TFLM and the generated C go through sequences."""

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
from micronets.quantized.lstm import sigmoid, tanh
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.quantized.state import first_state
from micronets.quantized.validate import validate
from micronets.runtimes import OUR_C, MeasureOptions
from micronets.tflite import read, write
from micronets.tflite.file import as_file
from micronets.tflite.stored import stored_tensors
from tests.support.edited import edited
from tests.support.generated_c import needs_host_compiler
from tests.support.needs import needs_tflm
from tests.support.recurrent import lstm_layer, lstm_network, recurrent_network, svdf_layer, svdf_network

SEEDS = range(20)
BUILT = 6
"""How many networks of each kind are built as C, with each set of flags."""

STEPS = 50

UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


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


def test_an_lstm_by_hand() -> None:
    layer, constants = lstm_layer("lstm", INPUT, size=1, units=1, cell_clip=1.5)
    values = {c.name: np.zeros(c.shape, c.type) for c in constants}
    quant = dict.fromkeys(values, TensorQuant(1.0, 0))
    quant |= {INPUT: TensorQuant(1.0, 2), "lstm": TensorQuant(1 / 128, -1)}
    quant |= {"lstm/last": TensorQuant(1 / 128, -1), "lstm/cells": TensorQuant(2.0**-12, 0)}
    arch = Arch((3, 1), (layer,), constants=constants)
    for gate, bias in (("input", 7), ("forget", 7), ("output", 7)):  # open, as near as may be: sigmoid(7) = 0.99909
        values[f"lstm/{gate}_bias"][:] = bias
    values["lstm/cell_vectors"][:] = 1
    model = QuantizedModel(arch, quant, {}, constants=values)
    x = np.array([[[9], [2], [9]], [[2], [2], [2]]], np.int8)  # less the zero point: 7, 0, 7, and then zeros
    open_gate, added = 1 / (1 + np.exp(-7.0)), np.tanh(7.0) / (1 + np.exp(-7.0))
    cells = [added, open_gate * added, min(open_gate**2 * added + added, 1.5)]
    cells += [1.5 * open_gate, 1.5 * open_gate**2, 1.5 * open_gate**3]
    want = np.rint(np.tanh(cells) * open_gate * 128 - 1).reshape(2, 3, 1)
    assert np.abs(reference.run(model, x) - want).max() <= 1
    assert reference.run(model, x).ravel().tolist() == [96, 96, 115, 115, 115, 115]


def test_functions_of_gates_are_within_two_steps_of_the_real_ones() -> None:
    x = np.arange(-(2**15), 2**15)
    for found, real in ((sigmoid(x), 1 / (1 + np.exp(-x / 2**12))), (tanh(x, 0), np.tanh(x / 2**12))):
        assert np.abs(found - np.minimum(real * 2**15, 2**15 - 1)).max() < 2
    np.testing.assert_array_equal(tanh(x, 3), tanh(np.clip(8 * x, -(2**15), 2**15 - 1), 0))


@pytest.mark.parametrize("seed", SEEDS)
def test_files_hold_them(seed: int) -> None:
    model = recurrent_network(seed)
    data = write(model)
    again = read(data)
    assert again.arch == model.arch
    assert again.quant == model.quant
    assert write(again) == data


@needs_tflm
@pytest.mark.parametrize("seed", SEEDS)
def test_tflm_computes_the_same(seed: int) -> None:
    model = recurrent_network(seed)
    data = write(model)
    for smooth in (False, True):
        x = sequence(model, seed, smooth)
        theirs, ours = interpreter.tensors(data, x), reference.tensors(model, x)
        assert list(theirs) == list(ours)
        for name, want in theirs.items():
            np.testing.assert_array_equal(ours[name], want.reshape(ours[name].shape), name)
        np.testing.assert_array_equal(interpreter.run(data, x), theirs[model.arch.output])
    predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed + 16
    assert predicted == arena_tflm_bytes(model.arch)


@pytest.mark.parametrize(
    "flags",
    [("-O1", *UNDEFINED), ("-O1", "-DMICRONETS_DSP=1", *UNDEFINED)],
    ids=str,
)
def test_our_c_computes_the_same(flags: tuple[str, ...]) -> None:
    needs_host_compiler()
    models = [recurrent_network(seed) for seed in SEEDS[:BUILT]]
    library = build_library([compile_model(model, PLAIN if k % 2 else DSP) for k, model in enumerate(models)], flags)
    for number, model in enumerate(models):
        for smooth in (False, True):  # the second run begins anew
            x = sequence(model, number, smooth)
            found, want = library.outputs(number, x), reference.outputs(model, x)
            for name, y in want.items():
                np.testing.assert_array_equal(found[name], y, f"network {number}")


@pytest.mark.parametrize("seed", [4, 5, 10])
def test_the_simulated_processor_computes_the_same(seed: int) -> None:
    pytest.importorskip("unicorn", reason="needs the simulator")
    pytest.importorskip("elftools", reason="needs the simulator")
    board = load_board("NUCLEO-F446RE")
    if reason := OUR_C.unmeasurable(board):
        pytest.skip(reason)
    found = OUR_C.measure(as_file(recurrent_network(seed), "words"), board, MeasureOptions(device="sim", samples=12))
    assert found.bit_exact


@pytest.mark.parametrize(
    "name", ["1d5e0e5c_keyword_scrambled_8bit", "2335faf0_keyword_scrambled", "a44e4d8a_trained_lstm_int8"]
)
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


def test_an_lstm_whose_shapes_do_not_fit_is_refused() -> None:
    layer, constants = lstm_layer("lstm", INPUT, size=4, units=2, cell_clip=0.0)
    for wrong, shape, why in (
        (
            layer,
            (5, 3),
            "layer 'lstm': UnidirectionalSequenceLstm reads (5, 3), (2, 4), (2, 2), (2,); need (steps, n), ",
        ),
        (layer, (5,), "layer 'lstm': UnidirectionalSequenceLstm reads (5,), (2, 4), (2, 2), (2,); need (steps, n), "),
        (replace(layer, cell_clip=-1.0), (5, 4), "layer 'lstm': cell_clip = -1.0; need 0, for no limit, or a positive"),
        (replace(layer, cell="lstm/last"), (5, 4), "layer 'lstm': hidden and cell are both called 'lstm/last'; give "),
        (replace(layer, cell="lstm"), (5, 4), "layer 'lstm': its variable's name 'lstm' is taken; give it another"),
    ):
        with pytest.raises(SpecError) as e:
            Arch(shape, (wrong,), constants=constants)
        assert str(e.value).startswith(why)


def test_scales_of_an_lstm_that_tflm_refuses_are_refused() -> None:
    model = lstm_network(0)
    for quant, why in (
        ({"lstm0/cells": TensorQuant(2.0**3, 0)}, "layer 'lstm0': the scale of its cells is about 2**3; TFLM's"),
        ({"lstm0/cells": TensorQuant(2.0**-11, 1)}, "layer 'lstm0': 'lstm0/cells' has the zero point 1; TFLM's"),
        ({"lstm0/cell_hidden": TensorQuant(1.0, 1)}, "layer 'lstm0': 'lstm0/cell_hidden' has the zero point 1; TFLM's"),
        ({"lstm0/cell_hidden": TensorQuant(1e9, 0)}, "layer 'lstm0': the scale of 'lstm0/cell_hidden' times that of"),
        ({"lstm0/last": TensorQuant(1e-30, 0)}, "layer 'lstm0': the scale of 'lstm0/last' is 1e-30; TFLM takes more"),
    ):
        with pytest.raises(SpecError) as e:
            validate(replace(model, quant=dict(model.quant) | quant))
        assert str(e.value).startswith(why)


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


@pytest.mark.parametrize("seed", [1, 2])
def test_json_holds_them(seed: int) -> None:
    arch = recurrent_network(seed).arch
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


WAY_OUT = (
    "; TFLM runs the LSTM of Keras with its default activations: export it with a batch of one (Input(shape, "
    "batch_size=1)) and quantise it to int8 after training (TFLITE_BUILTINS_INT8)"
)


def left_out(m: Any, places: tuple[int, ...], index: int = -1) -> None:
    """Sets tensors that the first operator reads."""
    m.subgraphs[0].operators[0].inputs = [
        index if place in places else old for place, old in enumerate(m.subgraphs[0].operators[0].inputs)
    ]


def unusual(m: Any) -> None:
    left_out(m, (9, 10, 11, 16, 20, 21, 22, 23), 1)
    left_out(m, (1, 5, 12))
    m.subgraphs[0].operators[0].builtinOptions.fusedActivationFunction = 1
    m.subgraphs[0].operators[0].builtinOptions.diagonalRecurrentTensors = True
    m.subgraphs[0].tensors[0].shape = [3, 2, 2]
    m.subgraphs[0].tensors[0].type = 7


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: left_out(m, (9,), 1), "peephole weights"),
        (lambda m: left_out(m, (17,), 1), "a projection"),
        (lambda m: left_out(m, (20,), 1), "layer normalisation"),
        (lambda m: left_out(m, (1, 5, 12)), "no input gate of its own (CIFG)"),
        (lambda m: left_out(m, (3,)), "no weights or biases for some gates"),
        (
            unusual,
            "peephole weights, a projection, layer normalisation, no input gate of its own (CIFG), activations of "
            "INT16, another fused activation than TANH (RELU), diagonal recurrent weights, a batch of 3",
        ),
    ],
)
def test_an_lstm_that_tflm_does_not_run_is_refused_with_all_that_it_has(
    change: Callable[[Any], None], why: str
) -> None:
    with pytest.raises(UnsupportedError) as e:
        read(edited(lstm_network(0), change), "m")
    assert str(e.value) == f"m: operator 0 (UNIDIRECTIONAL_SEQUENCE_LSTM): it has {why}{WAY_OUT}"


@needs_tflm
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_time_may_come_before_the_batch(seed: int) -> None:
    layer, constants = lstm_layer("lstm", INPUT, size=5, units=1 + 3 * seed, cell_clip=0.0)
    model = with_random_weights(Arch((6, 5), (layer,), constants=constants), seed)

    def change(m: Any) -> None:
        graph = m.subgraphs[0]
        graph.operators[0].builtinOptions.timeMajor = True
        for index in (graph.inputs[0], graph.outputs[0]):
            steps, size = graph.tensors[index].shape[1:]
            graph.tensors[index].shape = [steps, 1, size]

    data = edited(model, change)
    found = read(data)
    assert found.arch.input_shape == (6, 1, 5)
    x = sequence(found, seed)
    theirs, ours = interpreter.tensors(data, x), reference.tensors(found, x)
    for name, want in theirs.items():
        np.testing.assert_array_equal(ours[name], want.reshape(ours[name].shape), name)
    np.testing.assert_array_equal(ours["lstm"].ravel(), reference.run(model, x.reshape(-1, 6, 5)).ravel())
    assert build_library([compile_model(found)]).run(0, x).tobytes() == ours["lstm"].tobytes()
    predicted = arena_tflm_bytes(found.arch, 8, stored_tensors(data, found))
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed + 16
