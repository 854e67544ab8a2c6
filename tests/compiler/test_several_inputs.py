"""Networks with several inputs: files, TFLM, C, header and example, simulated boards, refusals of who needs one."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from micronets.commands.invoke import invoke
from micronets.compiler import compile_model
from micronets.device.host_compiler import compile_c
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Concatenation, Conv2D, FullyConnected, Mul, Quantize, Relu, TensorSpec
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize
from micronets.quantized.model import QuantizedModel, input_offsets
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes.base import seeded_inputs
from tests.support.everywhere import same_everywhere
from tests.support.generated_c import needs_host_compiler


def towers() -> QuantizedModel:
    """A map, a vector of uint8 whose bytes are no multiple of 4, and floats, which meet at the end."""
    layers = (
        Conv2D(name="conv", inputs=(INPUT,), filters=4, kernel=(3, 3), activation="relu"),
        Quantize(name="codes", inputs=("bytes",)),
        Quantize(name="numbers", inputs=("reals",)),
        FullyConnected(name="a", inputs=("conv",), units=6),
        FullyConnected(name="b", inputs=("codes",), units=6),
        FullyConnected(name="c", inputs=("numbers",), units=6),
        Add(name="ab", inputs=("a", "b")),
        Mul(name="y", inputs=("ab", "c")),
    )
    more = (TensorSpec("bytes", (7,), "uint8"), TensorSpec("reals", (3,), "float32"))
    return with_random_weights(Arch((5, 6, 2), layers, more_inputs=more), 4)


def test_several_inputs_are_the_same_everywhere() -> None:
    model = towers()
    x = seeded_inputs(model, 5, 1)
    assert isinstance(x, dict)
    assert [(name, v.dtype.name, v.shape) for name, v in x.items()] == [
        (INPUT, "int8", (5, 5, 6, 2)),
        ("bytes", "uint8", (5, 7)),
        ("reals", "float32", (5, 3)),
    ]
    same_everywhere(model, x)


def test_inputs_of_one_shape_are_not_confused() -> None:
    more = (TensorSpec("second", (4, 2), "int8"),)
    layers = (
        Relu(name="a", inputs=("second",)),
        Concatenation(name="y", inputs=("a", INPUT), axis=0),
    )
    model = with_random_weights(Arch((4, 2), layers, more_inputs=more), 1)
    x = seeded_inputs(model, 4, 2)
    same_everywhere(model, x)
    swapped = {INPUT: x["second"], "second": x[INPUT]}
    assert not np.array_equal(reference.run(model, x), reference.run(model, swapped))


def test_inputs_lie_one_behind_the_other() -> None:
    model = towers()
    assert input_offsets(model.arch) == (0, 60, 68, 80)
    plan = compile_model(model).plan
    begin = plan.offsets[INPUT]
    assert [plan.offsets[name] - begin for name in ("bytes", "reals")] == [60, 68]
    rows = reference.packed_inputs(model, seeded_inputs(model, 2, 0))
    assert rows.shape == (2, 80)
    assert not rows[:, 67].any()  # between the bytes and the floats


def test_the_header_and_the_example_name_every_input(tmp_path: Path) -> None:
    files = compile_model(towers()).files
    header = files["model.h"]
    for line in (
        " *   0: 'input', int8_t, 5 x 6 x 2;",
        " *   1: 'bytes', uint8_t, 7;",
        " *   2: 'reals', float, 3. Output: int8_t, 6.",
        "#define MICRONETS_MODEL_INPUTS 3",
        "#define MICRONETS_MODEL_INPUT_1_COUNT 7",
        "#define MICRONETS_MODEL_INPUT_BYTES 80 /* of all */",
        "uint8_t *micronets_model_input_1(void *arena);",
        "float *micronets_model_input_2(void *arena);",
        "void *micronets_model_input_at(void *arena, int32_t index);",
    ):
        assert line in header.splitlines(), line
    assert re.search(r"#define MICRONETS_MODEL_INPUT_1_ZERO_POINT \d+", header)
    assert "MICRONETS_MODEL_INPUT_2_SCALE" not in header
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    compile_c(sorted(tmp_path.glob("*.c")), tmp_path / "example", ("-std=c99", "-Wall", "-Wextra", "-Werror"))
    assert subprocess.run([tmp_path / "example"], check=False).returncode == 0


def test_an_arch_with_several_inputs() -> None:
    arch = towers().arch
    assert Arch.from_json(arch.to_json()) == arch
    assert list(arch.shapes())[:3] == [INPUT, "bytes", "reals"]
    with pytest.raises(SpecError, match="input 'input': the name is taken"):
        Arch((2,), (Relu(name="y", inputs=(INPUT,)),), more_inputs=(TensorSpec(INPUT, (2,), "int8"),))
    with pytest.raises(SpecError, match="output 'bytes' is not what a layer writes"):
        Arch(arch.input_shape, arch.layers, output_names=("bytes",), more_inputs=arch.more_inputs)


def test_wrong_inputs_are_named() -> None:
    model = towers()
    x = seeded_inputs(model, 3, 0)
    wrong = {
        "the model takes the inputs input, bytes, reals, not input, bytes": {n: x[n] for n in (INPUT, "bytes")},
        "takes uint8 [N, 7] for 'bytes', not int8 [3, 7]": x | {"bytes": x["bytes"].view(np.int8)},
        "3 samples of 'input' and 2 of 'reals'": x | {"reals": x["reals"][:2]},
        "the network has 3 inputs (input, bytes, reals), where exactly one is needed": x[INPUT],
    }
    for message, given in wrong.items():
        with pytest.raises(SpecError, match=re.escape(message)):
            reference.run(model, given)
    need = "; need a list of 3 arrays, or a dict with input, bytes, reals"
    with pytest.raises(SpecError, match=f"^x is a ndarray, and the model has 3 inputs{need}$"):
        invoke(model, x[INPUT])
    with pytest.raises(SpecError, match=f"^x is a list of 2, and the model has 3 inputs{need}$"):
        invoke(model, [x[INPUT], x["bytes"]])
    with pytest.raises(SpecError, match=f"^x has the inputs input{need}$"):
        invoke(model, {INPUT: x[INPUT]})
    with pytest.raises(SpecError, match=re.escape("x['bytes'] is uint8 [3, 6]; need numbers [N, 7], N inputs of the")):
        invoke(model, x | {"bytes": x["bytes"][:, :6]})


@pytest.mark.parametrize("runtime", ["reference", "c", "tflm"])
def test_invoke_takes_inputs_in_order_and_by_name(runtime: str) -> None:
    if runtime == "tflm" and not interpreter.available():
        pytest.skip("needs tflite-micro (Linux on x86-64)")
    if runtime == "c":
        needs_host_compiler()
    model = towers()
    x = seeded_inputs(model, 3, 0)
    assert isinstance(x, dict)
    codes = reference.run(model, x)
    for given in (list(x.values()), dict(reversed(x.items()))):
        found = invoke(model, given, runtime)
        assert found.dtype == np.int8
        assert np.array_equal(found, codes)
    real = [dequantize(v, model.quant[n]) if n in model.quant else v for n, v in x.items()]
    assert np.array_equal(invoke(model, real, runtime), dequantize(codes, model.quant["y"]))
