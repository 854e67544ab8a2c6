"""The TFLM runner: outputs, arenas, errors, and a clean stderr."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from micronets.device.tflm import interpreter
from micronets.errors import DeviceError
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, Quantize
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.tflite import write
from tests.support.needs import needs_tflm
from tests.support.random_models import random_arch, random_input, random_model


@pytest.fixture(scope="module")
def model() -> QuantizedModel:
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=6, kernel=(3, 3), activation="relu"),
        Conv2D(name="b", inputs=("a",), filters=3, kernel=(1, 1)),
    )
    return random_model(Arch((6, 5, 2), layers), seed=1)


@needs_tflm
def test_many_samples_over_processes_keep_their_order(model: QuantizedModel) -> None:
    x = random_input(model, 101, seed=2)
    assert np.array_equal(interpreter.run(write(model), x), reference.run(model, x))


@needs_tflm
def test_tensors_are_all_there(model: QuantizedModel) -> None:
    x = random_input(model, 3, seed=2)
    got = interpreter.tensors(write(model), x)
    assert {k: v.shape for k, v in got.items()} == {k: (3, *s) for k, s in model.arch.shapes().items()}
    assert np.array_equal(got[INPUT], x)


@needs_tflm
def test_float_edges() -> None:
    arch = Arch((4,), (Quantize(name="q_in", inputs=(INPUT,)),), "float32")
    m = QuantizedModel(arch, {"q_in": TensorQuant(0.5, 3)}, {})
    x = np.float32([[0.2, 0.3, -100.0, 7.25]])
    assert interpreter.run(write(m), x).tolist() == reference.run(m, x).tolist() == [[3, 4, -128, 18]]


@needs_tflm
@pytest.mark.parametrize("seed", [0, 4, 9])
def test_smallest_arena_is_the_smallest(seed: int) -> None:
    m = random_model(random_arch(seed), seed)
    data = write(m)
    size = interpreter.min_arena(data)
    for far in (0, 16, size - 1600, size - 16, size, size + 16, 3 * size, 1 << 40):
        assert interpreter.min_arena(data, far) == size, far
    x = random_input(m, 2, seed)
    assert size % 16 == 0
    assert np.array_equal(interpreter.run(data, x, size), reference.run(m, x))
    with pytest.raises(DeviceError):
        interpreter.run(data, x, size - 16)


@needs_tflm
@pytest.mark.parametrize("arena_bytes", [0, 1, 64, 300, 700, 1100, 1300, 1500, 1600])
def test_small_arenas_are_survived_in_silence(
    model: QuantizedModel, arena_bytes: int, capfd: pytest.CaptureFixture[str]
) -> None:
    x = random_input(model, 2, seed=2)
    with pytest.raises(
        DeviceError, match=rf"^TFLM: an arena of {arena_bytes} bytes is too small for the model; it needs \d+$"
    ):
        interpreter.run(write(model), x, arena_bytes)
    assert np.array_equal(interpreter.run(write(model), x), reference.run(model, x))  # and the worker is back
    assert capfd.readouterr() == ("", "")


@needs_tflm
def test_bad_models_and_inputs_are_refused_in_one_line(
    model: QuantizedModel, capfd: pytest.CaptureFixture[str]
) -> None:
    x = random_input(model, 2, seed=2)
    with pytest.raises(DeviceError, match=r"the model takes int8 \(1, 6, 5, 2\), the input is int8 \(2, 6, 5, 1\)"):
        interpreter.run(write(model), x[..., :1])
    with pytest.raises(DeviceError, match="no samples to run"):
        interpreter.run(write(model), x[:0])
    with pytest.raises(DeviceError, match=r"^TFLM: "):
        interpreter.run(b"TFL3" * 20, x)
    assert capfd.readouterr() == ("", "")


def test_absence_names_the_way_out(model: QuantizedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "available", lambda: False)
    with pytest.raises(
        DeviceError, match=re.escape(f"TFLM is not installed: {install('tflm')} (Linux on x86-64 only)")
    ):
        interpreter.run(write(model), random_input(model, 1, seed=0))


@needs_tflm
def test_worker_ends_with_its_parent(model: QuantizedModel) -> None:
    program = (
        "import numpy as np; from micronets.ir.arch import *; from micronets.ir.layers import *\n"
        "from micronets.quantized.model import *; from micronets.tflite import write\n"
        "from micronets.device.tflm import interpreter as tflm\n"
        "m = QuantizedModel(Arch((2,), (Relu(name='r', inputs=('input',)),)),"
        " {'input': TensorQuant(1.0, 0), 'r': TensorQuant(1.0, 0)}, {})\n"
        "print(tflm.run(write(m), np.int8([[-3, 3]])).tolist(), tflm._workers[0].process.pid)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    answer, pid = done.stdout.rsplit(" ", 1)
    assert (answer, done.stderr) == ("[[0, 3]]", "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
