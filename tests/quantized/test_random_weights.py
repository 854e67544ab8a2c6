"""`with_random_weights`: any network gets weights that TFLM would take, and that nothing of the compiler can remove."""

import numpy as np
import pytest

from micronets import tflite
from micronets.compiler import compile_model
from micronets.ir.arch import Arch
from micronets.quantized import reference
from micronets.quantized.random_weights import with_random_weights
from tests.support.realistic_archs import random_arch


@pytest.mark.parametrize("seed", range(12))
def test_it_runs_survives_its_file_form_and_keeps_every_filter(seed: int) -> None:
    arch = random_arch(seed)
    model = with_random_weights(arch)
    again = tflite.read(tflite.write(model))
    x = np.random.default_rng(seed).integers(-128, 128, (4, *arch.input_shape)).astype(np.int8)
    assert (reference.run(again, x) == reference.run(model, x)).all()
    filters = {name: w.scales.size for name, w in model.weights.items()}
    kept = {name: w.scales.size for name, w in compile_model(model).model.weights.items()}
    assert kept == filters


def test_outputs_use_the_range_of_their_codes() -> None:
    arch = random_arch(3)
    x = np.random.default_rng(0).integers(-128, 128, (32, *arch.input_shape)).astype(np.int8)
    tensors = reference.tensors(with_random_weights(arch), x)
    for name in with_random_weights(arch).weights:
        assert len(np.unique(tensors[name])) > 8, name


def test_the_seed_decides_the_weights() -> None:
    arch: Arch = random_arch(1)
    a, b, c = with_random_weights(arch, 1), with_random_weights(arch, 1), with_random_weights(arch, 2)
    assert tflite.write(a) == tflite.write(b) != tflite.write(c)
