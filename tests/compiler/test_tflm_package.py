"""`micronets compile --runtime tflm`: array and operators are those of the file, and TFLM runs in the arena."""

import json
import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from micronets import tflite
from micronets.compiler.generate.tflm_package import arena_with_margin, resolver_method
from micronets.device.host_compiler import compile_c
from micronets.device.tflm import interpreter
from micronets.ir import layers
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Layer
from micronets.quantized.arithmetic import dtype_of
from micronets.runtimes.tflm import operators_registered
from tests.support.calling import call
from tests.support.generated_c import needs_host_compiler
from tests.support.needs import needs_tflm
from tests.support.random_models import random_arch, random_model
from tests.support.stateful import streaming

BOARD = ("--board", "NUCLEO-F446RE", "--runtime", "tflm")


def written(path: Path, out: Path) -> dict[str, str]:
    result = call("compile", path, *BOARD, "--out", out)
    assert result.code == 0, result.err
    return {p.name: p.read_text("utf-8") for p in out.iterdir()}


def numbers(text: str, array: str) -> list[float]:
    body = re.search(rf"\b{array}\[[^]]*\] = {{(.*?)}};", text, re.DOTALL)
    assert body
    return [float(word.rstrip("f")) for word in body[1].replace(",", " ").split()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.tflite"
    file.write_bytes(tflite.write(random_model(random_arch(5), 5)))
    return file


def test_the_array_is_the_file_and_compiles(path: Path, tmp_path: Path) -> None:
    text = written(path, tmp_path / "out")["model_data.c"]
    data = path.read_bytes()
    assert bytes(map(int, numbers(text, "micronets_model"))) == data
    needs_host_compiler()
    check = tmp_path / "check.c"
    check.write_text(
        '#include <stdio.h>\n#include "model_data.h"\n'
        "int main(void) { fwrite(micronets_model, 1, sizeof micronets_model, stdout);"
        " return (int)((uintptr_t)micronets_model % 16); }\n"
    )
    program = tmp_path / "check"
    compile_c([tmp_path / "out" / "model_data.c", check], program, (), folders=[tmp_path / "out"])
    assert subprocess.run([program], capture_output=True, check=True).stdout == data


def operator_name(layer: Layer) -> str:
    """Returns the name of TensorFlow Lite's operator for a layer, in small letters."""
    match layer:
        case layers.ArgMax(smallest=True):
            return "argmin"
        case layers.TransposeConv2D():
            return "transposeconv"
        case layers.Pad(value=int()):
            return "padv2"
        case layers.Compare(relation=relation):
            return relation.replace(" or ", "").replace(" ", "")
        case layers.Select():
            return "selectv2"
        case _:
            return type(layer).__name__.lower()


@pytest.mark.parametrize("seed", range(8))
def test_operators_are_those_of_the_file(seed: int, tmp_path: Path) -> None:
    model = random_model(random_arch(seed), seed)
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite.write(model))
    files = written(path, tmp_path / "out")
    registered = re.findall(r"ops\.(\w+)\(\)", files["resolver.cc"])
    kinds = {operator_name(layer) for layer in model.arch.layers} - {"relu"}
    assert kinds <= {name.removeprefix("Add").lower() for name in registered}
    assert len(registered) == len(set(registered)) == len(tflite.operators(path.read_bytes()))
    assert f"MicroMutableOpResolver<{len(registered)}>" in files["micronets_tflm.h"]


def test_variables_are_registered_and_get_room(tmp_path: Path) -> None:
    """Operators that name and fill variables are no layers, and TFLM has to be told how many variables there are."""
    model = streaming(1)
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite.write(model))
    files = written(path, tmp_path / "out")
    registered = re.findall(r"ops\.Add(\w+)\(\)", files["resolver.cc"])
    assert {"CallOnce", "VarHandle", "ReadVariable", "AssignVariable"} <= set(registered)
    assert f"kMicronetsVariables = {len(model.arch.variables())};" in files["micronets_tflm.h"]
    assert "MicroResourceVariables::Create(allocator, kMicronetsVariables)" in files["main.cc"]


def test_what_tflm_runs_of_a_model_with_variables() -> None:
    """Each operator of the file is a layer by the tensor that it makes, or is called by its name."""
    file = tflite.as_file(streaming(1), "model.tflite")
    rows = operators_registered(file)
    assert len(rows) == file.tensors.operators
    assert rows[0] == "CALL_ONCE"
    named = [row for row in rows if isinstance(row, str)]
    assert set(named) == {"CALL_ONCE", "VAR_HANDLE", "ASSIGN_VARIABLE"}
    stack = [row for row in rows if isinstance(row, Step)]
    assert stack == [step for step in file.model.arch.steps() if step.layer.outputs]


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("CONV_2D", "AddConv2D"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("SPACE_TO_BATCH_ND", "AddSpaceToBatchNd"),
        ("SPLIT_V", "AddSplitV"),
        ("PADV2", "AddPadV2"),
        ("REVERSE_V2", "AddReverseV2"),
        ("RELU6", "AddRelu6"),
        ("SVDF", "AddSvdf"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_methods_of_the_resolver(operator: str, method: str) -> None:
    """These are names of TFLM's `micro_mutable_op_resolver.h`."""
    assert resolver_method(operator) == method


def test_operators_are_named_once_in_order_of_use() -> None:
    conv = {"kernel": (1, 1), "filters": 2}
    stack = (
        layers.Conv2D(name="a", inputs=(INPUT,), **conv),
        layers.Conv2D(name="b", inputs=("a",), **conv),
        layers.FullyConnected(name="c", inputs=("b",), units=3),
        layers.Softmax(name="d", inputs=("c",)),
    )
    data = tflite.write(random_model(Arch((3, 3, 1), stack), 1))
    assert tflite.operators(data) == ("CONV_2D", "FULLY_CONNECTED", "SOFTMAX")


@needs_tflm
@pytest.mark.parametrize("seed", range(6))
def test_tflm_runs_the_test_vector_in_the_arena_that_is_written(seed: int, tmp_path: Path) -> None:
    model = random_model(random_arch(seed), seed)
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite.write(model))
    files = written(path, tmp_path / "out")
    host, cortex = map(int, re.findall(r"0xFFFFFFFFu \? (\d+) : (\d+);", files["micronets_tflm.h"])[0])
    assert cortex == arena_with_margin(tflite.read_file(path).arena_tflm_bytes(4))
    values = np.array(numbers(files["test_vector.h"], "micronets_test_input"))
    x = values.astype(dtype_of(model.arch.input_type)).reshape(1, *model.arch.input_shape)
    expected = numbers(files["test_vector.h"], "micronets_test_output")
    found = interpreter.run(path.read_bytes(), x, host).ravel()
    np.testing.assert_array_equal(found, np.array(expected).astype(found.dtype))


def test_the_margin_covers_the_prediction_and_what_it_says() -> None:
    for predicted in (0, 16, 5000, 262_144):
        total = arena_with_margin(predicted)
        assert total % 16 == 0
        assert 0 <= total - (predicted + 1024 + math.floor(0.02 * predicted)) < 16


def test_directories_are_replaced_and_figures_told(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("compile", path, "--board", "NUCLEO-F446RE", "--out", out).code == 0
    result = call("compile", path, *BOARD, "--out", out, "--json")
    found = json.loads(result.out)
    assert sorted(p.name for p in out.iterdir()) == found["files"]
    assert not (out / "model.c").exists()
    assert (found["runtime"], found["constant_bytes"]) == ("tflm", path.stat().st_size)
    assert found["arena_tflm_compiled_bytes"] > found["arena_tflm_cortex_m_bytes"]
    assert found["operators"]
    assert "(with its margin; predicted" in call("compile", path, *BOARD, "--out", out).out


def test_what_does_not_fit_and_runtimes_that_are_none(tmp_path: Path) -> None:
    wide = Arch((300, 200, 1), (layers.Conv2D(name="stem", inputs=(INPUT,), kernel=(3, 3), filters=8),))
    heavy = Arch((1000,), (layers.FullyConnected(name="fc", inputs=(INPUT,), units=600),))
    path = tmp_path / "model.tflite"
    for arch, memory in ((wide, "SRAM"), (heavy, "flash")):
        path.write_bytes(tflite.write(random_model(arch, 1)))
        result = call("compile", path, *BOARD, "--out", tmp_path / "c")
        assert (result.code, (tmp_path / "c").exists()) == (1, False)
        assert f"of {memory} of NUCLEO-F446RE; --runtime c needs less" in result.error
    result = call("compile", path, "--board", "NUCLEO-F446RE", "--runtime", "tfml", "--out", tmp_path / "c")
    assert result.error == "runtime: unknown 'tfml'; did you mean 'tflm'? known: c, tflm"
