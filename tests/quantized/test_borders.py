"""Borders of given values, PADV2, in every type that TFLM pads."""

from __future__ import annotations

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.device.host_compiler import host_compiler
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Pad
from micronets.ir.types import Type
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.generated_c import FLAGS

BORDERS: tuple[tuple[Type, float], ...] = (
    ("int16", -32768),
    ("int16", 0),
    ("int16", -1),
    ("int32", -(2**31)),
    ("int32", 77),
    ("float32", float("-inf")),
    ("float32", 1.5),
)


def bordered(of: Type, value: float) -> QuantizedModel:
    """A network that pads a tensor of a type in two dimensions."""
    layer = Pad(name="y", inputs=(INPUT,), paddings=((1, 0), (2, 3), (0, 0)), value=value)
    return with_random_weights(Arch((3, 4, 2), (layer,), of))


def test_borders_equal_those_of_tflm_and_of_our_c() -> None:
    models = [bordered(*border) for border in BORDERS]
    library = build_library([compile_model(model) for model in models], FLAGS) if host_compiler() else None
    for number, (model, (of, value)) in enumerate(zip(models, BORDERS, strict=True)):
        x = np.random.default_rng(number).integers(-1000, 1000, (3, 3, 4, 2)).astype(dtype_of(of))
        want = reference.run(model, x)
        assert want.shape == (3, 4, 9, 2)
        assert (want[:, 0] == value).all()
        assert np.array_equal(want[:, 1:, 2:6], x)
        data = write(model)
        assert np.array_equal(reference.run(read(data), x), want)
        if interpreter.available():
            assert np.array_equal(interpreter.run(data, x).reshape(want.shape), want), (of, value)
        if library is not None:
            assert np.array_equal(library.run(number, x), want), (of, value)


@pytest.mark.parametrize(("of", "value"), [("int16", 40000), ("int8", 200), ("int32", 0.5)])
def test_a_border_that_no_code_has_is_refused(of: Type, value: float) -> None:
    with pytest.raises(SpecError, match=f"value = {value}; need a code, -"):
        bordered(of, value)
