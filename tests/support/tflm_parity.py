"""TFLM, run by `tflite-micro` on this machine, against the integer reference."""

import numpy as np

from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.tflite import write
from tests.support.random_models import random_input


def first_difference(data: bytes, model: QuantizedModel, x: np.ndarray) -> str:
    """Returns '' if every tensor is equal, else the first that is not, with its layer."""
    theirs, ours = interpreter.tensors(data, x), reference.tensors(model, x)
    assert list(theirs) == list(ours)
    layers = {layer.name: layer for layer in model.arch.layers}
    for name, want in theirs.items():
        got = ours[name]
        if not np.array_equal(want.reshape(got.shape), got):
            where = np.argwhere(want.reshape(got.shape) != got)
            at = tuple(where[0])
            return f"{layers.get(name)}: {len(where)} of {got.size} differ, first at {at}: {got[at]}, TFLM {want[at]}"
    return ""


def assert_equals_tflm(model: QuantizedModel) -> None:
    """Fails unless every tensor of a model, once written, is TFLM's, and TFLM needs the arena that is predicted."""
    data = write(model)
    assert not first_difference(data, model, random_input(model, 6, 1))
    predicted = arena_tflm_bytes(model.arch)
    assert 0 <= predicted - interpreter.min_arena(data, predicted) <= 16
