"""What TFLM cannot run, or reads otherwise than it looks, is refused or named."""

from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.commands.inspect import inspect
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, Logistic, Rsqrt, Softmax, Tanh
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.runtimes.tflm import TFLM
from micronets.tflite import as_file, read
from micronets.tflite.tflm_limits import why_tflm_cannot_run


def softmax(scale: float, beta: float = 1.0) -> QuantizedModel:
    """A network of one Softmax over four values."""
    arch = Arch((4,), (Softmax(name="s", inputs=(INPUT,), beta=beta),))
    return QuantizedModel(arch, {INPUT: TensorQuant(scale, 0), "s": TensorQuant(1 / 256, -128)}, {})


SCALES = ((2.0**-26, 1.0), (7e-9, 1.0), (1e-8, 0.5), (2.0**-25, 1.0), (1e-8, 2.0), (0.1, 1.0))
"""Scales of the input, with beta."""


@pytest.mark.parametrize(("scale", "beta"), SCALES)
def test_the_smallest_scale_of_a_softmax_is_that_of_tflm(scale: float, beta: float) -> None:
    file = as_file(softmax(scale, beta), "m")
    reason = why_tflm_cannot_run(file.model)
    if interpreter.available():
        if reason is None:
            interpreter.run(file.content, np.zeros((1, 4), np.int8))
        else:
            with pytest.raises(
                DeviceError, match=r"^TFLM: it cannot run the model, which fails in an arena of 1,024 MiB"
            ):
                interpreter.min_arena(file.content)
    found = inspect(file.model, "NUCLEO-F446RE")
    assert (found.no_tflm, found.fits is None) == (reason, reason is not None)
    if reason is not None:
        with pytest.raises(UnsupportedError, match=r"^m: layer 's': TFLM's SOFTMAX takes .*; take --runtime c$"):
            TFLM.compile(file, load_board("NUCLEO-F446RE"))


@pytest.mark.parametrize(
    ("layer", "scales", "says"),
    [
        (Logistic(name="y", inputs=(INPUT,)), (2.0**-28, 1 / 256), None),
        (
            Logistic(name="y", inputs=(INPUT,)),
            (2.0**-29, 1 / 256),
            "LOGISTIC takes an input scale from 2**-28 to 2**34",
        ),
        (Tanh(name="y", inputs=(INPUT,)), (2.0**34, 1 / 128), "TANH takes an input scale from 2**-28 to 2**34"),
        (Rsqrt(name="y", inputs=(INPUT,)), (4.0, 2048.0), None),
        (Rsqrt(name="y", inputs=(INPUT,)), (4.0, 2049.0), "RSQRT takes an output scale times the root of its input's"),
    ],
)
def test_scales_at_which_shifts_of_tflm_are_no_c(layer: Layer, scales: tuple[float, float], says: str | None) -> None:
    source, target = (TensorQuant(scales[0], -128), TensorQuant(scales[1], -128 if scales[1] == 1 / 256 else 0))
    model = QuantizedModel(Arch((256,), (layer,)), {INPUT: source, "y": target}, {})
    reason = why_tflm_cannot_run(model)
    assert (reason is None) == (says is None)
    assert says is None or says in str(reason)
    x = np.arange(-128, 128).astype(np.int8)[None]
    ours = reference.run(model, x)
    if says is None and interpreter.available():
        theirs = interpreter.run(as_file(model, "m").content, x, arena_bytes=1 << 16)
        assert np.array_equal(np.ravel(theirs), ours.ravel())


@pytest.mark.parametrize(("name", "says"), [("tflm_2_28", "has the values of buffer 2"), ("tflm_4_187", "do not hold")])
def test_files_that_tflm_reads_otherwise_are_refused(shared: Path, name: str, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        read((shared / f"cases/tflite_hostile/{name}.tflite").read_bytes())
