"""The reference equals TFLM on every byte of every tensor."""

from pathlib import Path

import numpy as np
import pytest

from micronets import reference
from micronets.arch import INPUT
from micronets.device import tflm
from micronets.model import QuantizedModel
from micronets.tflite import read, write
from tests.random_models import random_arch, random_input, random_model
from tests.test_tflite import RELEASED

pytestmark = pytest.mark.skipif(not tflm.available(), reason="needs tflite-micro (Linux on x86-64)")

RANDOM_NETWORKS = 200


def first_difference(data: bytes, model: QuantizedModel, x: np.ndarray) -> str:
    """'' if every tensor is equal, else the first that is not, with its layer."""
    theirs, ours = tflm.tensors(data, x), reference.tensors(model, x)
    assert list(theirs) == list(ours)
    layers = {layer.name: layer for layer in model.arch.layers}
    for name, want in theirs.items():
        got = ours[name]
        if not np.array_equal(want.reshape(got.shape), got):
            where = np.argwhere(want.reshape(got.shape) != got)
            at = tuple(where[0])
            return f"{layers.get(name)}: {len(where)} of {got.size} differ, first at {at}: {got[at]}, TFLM {want[at]}"
    return ""


@pytest.mark.parametrize("block", range(8))
def test_random_networks_equal_tflm(block: int) -> None:
    for seed in range(block, RANDOM_NETWORKS, 8):
        model = random_model(random_arch(seed), seed)
        found = first_difference(write(model), model, random_input(model, 6, seed))
        assert not found, f"seed {seed}: {found}"


@pytest.mark.parametrize("name", RELEASED)
def test_released_models_equal_tflm(shared: Path, name: str) -> None:
    data = (shared / "models" / name).read_bytes()
    model = read(data, name)
    rng = np.random.default_rng(1)
    shape = (5, *model.arch.input_shape)
    near = np.clip(np.rint(rng.normal(model.quant[INPUT].zero_point, 20, shape)), -128, 127).astype(np.int8)
    x = np.concatenate([rng.integers(-128, 128, shape).astype(np.int8), near])
    x[0], x[1] = -128, 127
    assert not first_difference(data, model, x)
    ours = write(model)
    assert np.array_equal(tflm.run(ours, x), tflm.run(data, x))
