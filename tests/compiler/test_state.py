"""Networks that keep variables: the reference, files, TFLM, the generated C and its firmware go through sequences."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.compiler.kernels.variables import state_block_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.host import build_library
from micronets.device.tflm import interpreter
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, AssignVariable, Layer, ReadVariable
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.validate import validate
from micronets.runtimes import OUR_C, MeasureOptions
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.file import as_file
from micronets.tflite.flatbuffer import Flat
from micronets.tflite.stored import stored_tensors
from tests.support.generated_c import needs_host_compiler
from tests.support.needs import needs_tflm
from tests.support.random_models import random_arch, random_model
from tests.support.stateful import counter, streaming

SEEDS = range(12)
STEPS = 50


def sequence(model: QuantizedModel, seed: int = 0, steps: int = STEPS) -> np.ndarray:
    """Returns the inputs of a sequence of inferences."""
    return np.random.default_rng(seed).integers(-128, 128, (steps, *model.arch.input_shape)).astype(np.int8)


def test_the_reference_remembers() -> None:
    model = counter()
    zero = model.quant["new"].zero_point
    x = np.array([5, -6, 7, 8], np.int8).reshape(4, 1, 1, 1)
    want = [[zero, zero, 5], [zero, 5, -6], [5, -6, 7], [-6, 7, 8]]
    assert reference.run(model, x).reshape(4, 3).tolist() == want
    assert reference.run(model, x).reshape(4, 3).tolist() == want, "each run begins anew"
    begun = replace(model, initial={"last": np.array([1, 2, 3], np.int8).reshape(3, 1, 1)})
    assert reference.run(begun, x[:1]).ravel().tolist() == [2, 3, 5]


@pytest.mark.parametrize("seed", SEEDS)
def test_files_hold_variables(seed: int) -> None:
    model = streaming(seed)
    data = write(model)
    again = read(data)
    assert again.arch == model.arch
    assert write(again) == data
    assert np.array_equal(reference.run(again, sequence(model)), reference.run(model, sequence(model)))


def test_what_stands_for_a_variable_has_the_type_of_a_handle() -> None:
    data = bytearray(write(streaming(0)))
    tensors = Flat(bytes(data), "x").root().tables(s.ModelSlot.SUBGRAPHS)[0].tables(s.SubGraphSlot.TENSORS)
    handle = next(t for t in map(tensors.__getitem__, range(len(tensors))) if t.number(s.TensorSlot.TYPE, "b") == 13)
    offset = struct.unpack_from("<H", data, handle.vtable + 4 + 2 * s.TensorSlot.TYPE)[0]
    data[handle.at + offset] = s.TensorType.INT8  # TFLM's AssignVariable ends with an error there
    with pytest.raises(FileError, match=r"damaged \.tflite, tensor \d+ '' stands for a variable and is INT8"):
        read(bytes(data))


@needs_tflm
@pytest.mark.parametrize("seed", SEEDS)
def test_tflm_keeps_the_same(seed: int) -> None:
    model = streaming(seed, blocks=3)
    x, data = sequence(model), write(model)
    theirs, ours = interpreter.tensors(data, x), reference.tensors(model, x)
    assert list(theirs) == list(ours)
    for name, want in theirs.items():
        np.testing.assert_array_equal(ours[name], want.reshape(ours[name].shape), name)
    predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed + 16
    assert predicted == arena_tflm_bytes(model.arch)


def test_our_c_keeps_the_same() -> None:
    flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    needs_host_compiler()
    models = [streaming(seed, blocks=1 + seed % 4) for seed in SEEDS]
    library = build_library([compile_model(model) for model in models], flags)
    for number, model in enumerate(models):
        x = sequence(model, number)
        for _ in range(2):  # the second run begins anew
            found, want = library.outputs(number, x), reference.outputs(model, x)
            for name, y in want.items():
                np.testing.assert_array_equal(found[name], y, f"network {number}")


def test_the_state_is_a_block_of_its_own() -> None:
    model = streaming(3)
    files = compile_model(model, name="listen").files
    assert f"#define MICRONETS_LISTEN_STATE_BYTES {state_block_bytes(model.arch)}\n" in files["listen.h"]
    assert "void micronets_listen_invoke(void *arena, void *state);" in files["listen.h"]
    assert "void micronets_listen_reset(void *state);" in files["listen.h"]
    plain = compile_model(random_model(random_arch(0), 0), name="plain").files["plain.h"]
    assert "state" not in plain


@pytest.mark.parametrize("device", ["host", "sim"])
def test_devices_run_sequences(device: str) -> None:
    if device == "sim":
        pytest.importorskip("unicorn", reason="needs the simulator")
        pytest.importorskip("elftools", reason="needs the simulator")
    board = load_board("NUCLEO-F446RE")
    if device == "sim" and (reason := OUR_C.unmeasurable(board)):
        pytest.skip(reason)
    file = as_file(streaming(5, blocks=3), "listen")
    found = OUR_C.measure(file, board, MeasureOptions(device=device, samples=9))
    assert found.bit_exact
    if device == "sim":
        kept = state_block_bytes(file.model.arch)
        assert found.sram_bytes is not None
        assert found.arena_c_bytes is not None
        assert found.sram_bytes >= found.arena_c_bytes + kept


def test_a_board_is_not_measured_with_variables() -> None:
    file = as_file(streaming(5), "listen")
    with pytest.raises(SpecError, match="keeps variables from one inference to the next"):
        OUR_C.measure(file, load_board("NUCLEO-F446RE"), MeasureOptions(device="serial:/dev/null"))


READ = ReadVariable(name="r", variable="v", shape=(2, 3))
KEEP = AssignVariable(name="k", inputs=(INPUT,), variable="v")


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ((READ,), "layer 'r': nothing assigns the variable 'v'"),
        (
            (READ, AssignVariable(name="k", inputs=("r",), variable="w")),
            "layer 'r': nothing assigns the variable 'v'",
        ),
        (
            (replace(READ, shape=(3, 2)), KEEP),
            "layer 'k': the variable 'v' is int8 (2, 3) here and int8 (3, 2) elsewhere",
        ),
        (
            (replace(READ, of="int16"), KEEP),
            "layer 'k': the variable 'v' is int8 (2, 3) here and int16 (2, 3) elsewhere",
        ),
    ],
)
def test_variables_that_cannot_be_are_refused(layers: tuple[Layer, ...], why: str) -> None:
    with pytest.raises(SpecError) as e:
        Arch((2, 3), layers, output_names=("r",))
    assert str(e.value) == why


def test_json_holds_variables() -> None:
    arch = streaming(1).arch
    assert Arch.from_json(arch.to_json()) == arch


def test_initial_codes_must_fit() -> None:
    model = counter()
    for codes, why in (
        ({"other": np.zeros((3, 1, 1), np.int8)}, "variable 'other' has initial codes but is not in the architecture"),
        (
            {"last": np.zeros(3, np.int8)},
            "variable 'last': its initial codes are int8 (3,); need int8 (3, 1, 1)",
        ),
    ):
        with pytest.raises(SpecError) as e:
            validate(replace(model, initial=codes))
        assert str(e.value) == why


@pytest.mark.parametrize("name", ["9011a815_alexa", "0689abe1_okay_nabu", "7aa4db6d_vad"])
def test_wake_words_of_others_keep_the_same(shared: Path, name: str) -> None:
    data = (shared / f"models/field/{name}.tflite").read_bytes()
    model = read(data)
    x = sequence(model)
    want = reference.run(model, x)
    if interpreter.available():
        np.testing.assert_array_equal(interpreter.run(data, x).reshape(want.shape), want)
    np.testing.assert_array_equal(build_library([compile_model(model)]).run(0, x), want)


def test_damaged_files_are_refused_or_read(shared: Path) -> None:
    """Whatever byte is wrong, also of the subgraph that fills the variables, there is a model or one of our errors."""
    data = (shared / "models/field/9011a815_alexa.tflite").read_bytes()
    refused = 0
    for offset in range(0, len(data), 997):
        broken = bytearray(data)
        broken[offset] ^= 0xFF
        try:
            read(bytes(broken))
        except (FileError, UnsupportedError, SpecError):
            refused += 1
    assert refused > 5
