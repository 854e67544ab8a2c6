"""What follows from shapes and constants alone is computed by the reader, as TFLM computes it."""

from pathlib import Path

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.host import build_library
from micronets.device.tflm import interpreter
from micronets.errors import UnsupportedError
from micronets.ir.types import code_range
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.tflite import read
from micronets.tflite.stored import stored_tensors

FILES = (
    "cases/flatten_none.tflite",
    "models/field/aa2edca1_fdmobilenet_0.25_128_int8.tflite",
    "models/field/b4b05a26_fdmobilenet_0.25_128_int8.tflite",
)


@pytest.mark.parametrize("name", FILES)
def test_chains_before_a_reshape_vanish(shared: Path, name: str) -> None:
    data = (shared / name).read_bytes()
    model = read(data)
    kinds = {type(layer).__name__ for layer in model.arch.layers}
    assert not kinds & {"Pack", "StridedSlice", "Cast"}
    low, high = code_range(model.arch.input_type)
    x = np.random.default_rng(0).integers(low, high + 1, (4, *model.arch.input_shape))
    x = x.astype(dtype_of(model.arch.input_type))
    want = reference.run(model, x)
    if interpreter.available():
        np.testing.assert_array_equal(interpreter.run(data, x).reshape(want.shape), want)
        needed, predicted = interpreter.min_arena(data), arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
        assert needed <= predicted <= needed + 16
    np.testing.assert_array_equal(build_library([compile_model(model)]).run(0, x), want)


def test_every_operator_that_is_not_read_is_named_at_once(shared: Path) -> None:
    data = (shared / "models/field/684c7e47_audio_preprocessor_float.tflite").read_bytes()
    with pytest.raises(UnsupportedError) as e:
        read(data, "m")
    text = str(e.value)
    assert text.startswith(
        "m: operator 0 (CUSTOM SignalWindow): this operator writing tensor 15 'signal_window' is not"
    )
    for name in ("CUSTOM SignalRfft", "CUSTOM SignalEnergy", "CUSTOM SignalPCAN"):
        assert name in text
    assert text.endswith("; docs/operators.md has those that are")
