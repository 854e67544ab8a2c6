"""Networks with several outputs: files, TFLM, passes, C, simulated boards, commands."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model, optimise
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.host import build_library
from micronets.device.host_compiler import compile_c
from micronets.device.tflm import interpreter
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes import OUR_C, TFLM, on_sim
from micronets.runtimes.base import MeasureOptions
from micronets.tflite import ModelFile, read, write
from micronets.tflite.codec import Op
from micronets.tflite.file import as_file
from tests.support.generated_c import assert_equals_reference, needs_host_compiler
from tests.support.needs import needs_tflm
from tests.support.random_models import random_arch, random_input, random_model
from tests.support.small_file import FileLayer, FileTensor, small_file

RANDOM_NETWORKS = 24
F446 = load_board("NUCLEO-F446RE")


def heads() -> Arch:
    """Returns a body with two heads, one of which ends in floats, and a map in the middle that is an output as well."""
    stack = (
        layers.Conv2D(name="body", inputs=(INPUT,), filters=5, kernel=(3, 3), activation="relu"),
        layers.Conv2D(name="map", inputs=("body",), filters=4, kernel=(3, 3)),
        layers.Mean(name="mean", inputs=("map",)),
        layers.FullyConnected(name="kind", inputs=("mean",), units=3),
        layers.FullyConnected(name="box", inputs=("mean",), units=2),
        layers.Dequantize(name="real", inputs=("box",)),
    )
    return Arch((20, 18, 3), stack, output_names=("real", "map", "kind"))


def small(seed: int) -> QuantizedModel:
    """Returns a random network, as a rule with several outputs."""
    return random_model(random_arch(seed, several=True), seed)


def test_outputs_of_an_arch() -> None:
    arch = heads()
    assert arch.outputs == ("real", "map", "kind")
    assert Arch.from_json(arch.to_json()) == arch
    last = replace(arch, output_names=None)
    assert last.outputs == (last.only_output,) == ("real",)
    assert replace(arch, output_names=("real",)) == last
    assert "outputs" not in last.to_json()
    parts = Arch((4,), (layers.Split(name="a", inputs=(INPUT,), axis=0, others=("b",)),))
    assert parts.outputs == ("a", "b")
    with pytest.raises(SpecError, match=r"the network has 2 outputs \(a, b\), where exactly one is needed"):
        _ = parts.only_output


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("map", "kinds"), "output 'kinds' is not what a layer writes; did you mean 'kind'"),
        ((INPUT,), "output 'input' is not what a layer writes"),
        (("map", "map"), r"outputs \('map', 'map'\): need at least one, and each once"),
        ((), r"outputs \(\): need at least one, and each once"),
    ],
)
def test_outputs_that_cannot_be(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        replace(heads(), output_names=names)


def test_a_float_inside_is_refused() -> None:
    model = with_random_weights(heads())
    stack = (*model.arch.layers, layers.Elu(name="more", inputs=("real",)))
    with pytest.raises(SpecError, match="layer 'more': ELU reads float32; supported: int8"):
        reference.outputs(replace(model, arch=replace(model.arch, layers=stack)), np.zeros((1, 20, 18, 3), np.int8))


@needs_tflm
@pytest.mark.parametrize("block", range(4))
def test_random_networks_equal_tflm(block: int) -> None:
    for seed in range(block, RANDOM_NETWORKS, 4):
        model = small(seed)
        data, x = write(model), random_input(model, 4, seed)
        assert read(data).arch == model.arch
        ours, tensors = reference.outputs(model, x), reference.tensors(model, x)
        for name, theirs in interpreter.tensors(data, x).items():
            assert np.array_equal(theirs.reshape(tensors[name].shape), tensors[name]), (seed, name)
        found = interpreter.outputs(data, x, len(ours))
        for (name, y), theirs in zip(ours.items(), found, strict=True):
            assert np.array_equal(y, theirs.reshape(y.shape)), (seed, name)


@needs_tflm
def test_the_arena_holds_all_outputs_to_the_end() -> None:
    arch = heads()
    data, predicted = write(with_random_weights(arch)), arena_tflm_bytes(arch)
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed + 64
    assert predicted > arena_tflm_bytes(replace(arch, output_names=None))


def test_random_networks_in_c() -> None:
    """Half of them in patches, as few bytes of arena as there can be."""
    models = [small(seed) for seed in range(RANDOM_NETWORKS)]
    compiled = [compile_model(model, arena_limit=0 if i % 2 else None) for i, model in enumerate(models)]
    assert_equals_reference(models, compiled=compiled)


def test_passes_leave_every_output() -> None:
    """Each of these passes would take a layer away whose tensor only an output keeps."""
    same = (
        layers.Relu(name="a", inputs=(INPUT,)),
        layers.Quantize(name="b", inputs=("a",)),
        layers.Quantize(name="c", inputs=("b",)),
    )
    pad = (
        layers.Pad(name="a", inputs=(INPUT,), paddings=((1, 1), (1, 1), (0, 0))),
        layers.Conv2D(name="b", inputs=("a",), filters=2, kernel=(3, 3), padding="valid"),
    )
    for stack in (same, pad):
        for outputs in (("a", "b"), ("b", "a"), ("a",)):
            model = with_random_weights(Arch((4, 4, 1), stack, output_names=outputs), 1)
            model = replace(model, quant=dict.fromkeys(model.quant, model.quant["a"]))
            small = optimise(model)
            assert small.arch.outputs == outputs
            x = random_input(model, 3, 0)
            for name, y in reference.outputs(model, x).items():
                assert np.array_equal(reference.outputs(small, x)[name], y)


def test_a_channel_that_is_an_output_stays() -> None:
    arch = replace(heads(), output_names=("real", "map"))
    model = with_random_weights(arch)
    w = model.weights["map"]
    dead = w.weights.copy()
    dead[0] = 0
    model = replace(model, weights={**model.weights, "map": replace(w, weights=dead)})
    assert optimise(model).arch.shapes()["map"] == (20, 18, 4)
    one = replace(model, arch=replace(arch, output_names=None))
    assert optimise(one).arch.shapes()["map"] == (20, 18, 3)


def test_the_header_names_every_output() -> None:
    files = compile_model(with_random_weights(heads())).files
    header = files["model.h"]
    for line in (
        " *   0: 'real', float, 2;",
        " *   1: 'map', int8_t, 20 x 18 x 4;",
        " *   2: 'kind', int8_t, 3.",
        "#define MICRONETS_MODEL_OUTPUTS 3",
        "#define MICRONETS_MODEL_OUTPUT_0_COUNT 2",
        "#define MICRONETS_MODEL_OUTPUT_1_COUNT 1440",
        "#define MICRONETS_MODEL_OUTPUT_BYTES 1451 /* of all */",
        "const float *micronets_model_output_0(const void *arena);",
        "const int8_t *micronets_model_output_2(const void *arena);",
        "const void *micronets_model_output_at(const void *arena, int32_t index);",
        "int32_t micronets_model_output_size(int32_t index);",
    ):
        assert line in header.splitlines(), line
    assert "MICRONETS_MODEL_OUTPUT_0_SCALE" not in header
    assert re.search(r"#define MICRONETS_MODEL_OUTPUT_1_SCALE 0\.\d+f", header)
    assert "MICRONETS_MODEL_OUTPUT_COUNT" not in header


def test_the_example_compares_every_output(tmp_path: Path) -> None:
    needs_host_compiler()
    files = dict(compile_model(with_random_weights(heads())).files)

    def result(changed: dict[str, str]) -> int:
        import subprocess

        for name, text in {**files, **changed}.items():
            (tmp_path / name).write_text(text, "utf-8")
        flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
        compile_c(sorted(tmp_path.glob("*.c")), tmp_path / "example", flags)
        return subprocess.run([tmp_path / "example"], check=False).returncode

    assert result({}) == 0
    head = "static const int8_t micronets_test_output_2[3] = {\n    "
    start, rest = files["test_vector.h"].split(head)
    value, rest = rest.split(",", 1)
    assert result({"test_vector.h": f"{start}{head}{int(value) ^ 1},{rest}"}) == 1


def test_a_simulated_board_compares_every_output() -> None:
    if reason := on_sim.unavailable(F446):
        pytest.skip(reason)
    file = as_file(with_random_weights(heads()), "heads")
    assert OUR_C.measure(file, F446, MeasureOptions(samples=3)).bit_exact
    wrong = compile_model(file.model)
    offset = wrong.plan.offsets["kind"]
    code = wrong.files["model.c"].replace(f"arena + {offset});", f"arena + {offset + 1});")
    code = re.sub(r"(offsets\[MICRONETS_MODEL_OUTPUTS\] = \{.*, )\d+\}", rf"\g<1>{offset + 1}}}", code)
    assert code != wrong.files["model.c"]
    from micronets.runtimes.c import execute_compiled

    spoilt = replace(wrong, files={**wrong.files, "model.c": code})
    assert not execute_compiled(spoilt, file.model, F446, MeasureOptions(samples=3)).bit_exact


def test_who_needs_one_output_says_so() -> None:
    model = with_random_weights(heads())
    x, file = np.zeros((1, 20, 18, 3), np.int8), as_file(model, "heads")
    message = r"the network has 3 outputs \(real, map, kind\), where exactly one is needed"
    with pytest.raises(SpecError, match=message):
        reference.run(model, x)
    for runtime in (OUR_C, TFLM):
        with pytest.raises(SpecError, match=message):
            runtime.runner(file)
    with pytest.raises(SpecError, match=message):
        TFLM.compile(file, F446)


def test_released_cases(shared: Path) -> None:
    for name, count in (("two_outputs", 2), ("dead_op_last", 1), ("concat", 1)):
        data = (shared / "cases" / f"{name}.tflite").read_bytes()
        model = read(data, name)
        assert len(model.arch.outputs) == count
        x = random_input(model, 5, 0)
        ours = reference.outputs(model, x)
        if interpreter.available():
            for y, theirs in zip(ours.values(), interpreter.outputs(data, x, count), strict=True):
                assert np.array_equal(y, theirs.reshape(y.shape))
        needs_host_compiler()
        found = build_library([compile_model(model)]).outputs(0, x)
        for y, theirs in zip(ours.values(), found.values(), strict=True):
            assert np.array_equal(y, theirs)


IN, OUT = FileTensor((1, 4)), FileTensor((1, 4))
CONSTANT = FileTensor((1, 4), np.array([[1, 2, 3, 4]], np.int8))
RELU = FileLayer(Op.RELU, (0,), (1,))


@pytest.mark.parametrize("outputs", [(1, 0), (0,), (1, 1), (0, 1, 0)])
def test_outputs_that_are_inputs_or_repeated_are_copied(outputs: tuple[int, ...]) -> None:
    data = small_file([IN, OUT], [RELU], [0], outputs)
    model = read(data)
    x = random_input(model, 5, 0)
    ours = list(reference.outputs(model, x).values())
    kept = np.maximum(x, IN.zero_point)
    assert [y.tolist() for y in ours] == [(kept if index else x).tolist() for index in outputs]
    again = reference.outputs(read(write(model)), x).values()
    assert all(np.array_equal(y, other) for y, other in zip(ours, again, strict=True))
    if interpreter.available():
        theirs = interpreter.outputs(data, x, len(outputs))
        assert all(np.array_equal(y, other) for y, other in zip(ours, theirs, strict=True))
        predicted = ModelFile("m", data, model).arena_tflm_bytes(8)
        assert predicted == interpreter.min_arena(data, predicted)
    needs_host_compiler()
    made = build_library([compile_model(model)]).outputs(0, x)
    assert all(np.array_equal(y, other) for y, other in zip(ours, made.values(), strict=True))


def test_files_without_outputs_or_with_constant_ones_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="the model has no output; models need at least one"):
        read(small_file([IN, OUT], [RELU], [0], []))
    way_out = "is a constant; take it out of the model's outputs, since it is the same for every input"
    with pytest.raises(UnsupportedError, match=f"the output, tensor 2 't2', {way_out}"):
        read(small_file([IN, OUT, CONSTANT], [RELU], [0], [1, 2]))
    with pytest.raises(FileError, match="the output, tensor 2 't2', is not what an operator writes; copy or export it"):
        read(small_file([IN, OUT, OUT], [RELU], [0], [1, 2]))
    with pytest.raises(UnsupportedError, match="a tensor is twice among the model's inputs; export the model"):
        read(small_file([IN, OUT], [RELU], [0, 0], [1]))
