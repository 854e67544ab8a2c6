"""The reference equals TFLM on every byte of every tensor."""

from pathlib import Path

import numpy as np
import pytest

from micronets.device.tflm import interpreter
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Layer
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.tflite import read, write
from tests.support.needs import needs_tflm
from tests.support.random_models import random_arch, random_input, random_model
from tests.support.tflm_parity import first_difference
from tests.tflite.test_read_write import RELEASED

pytestmark = needs_tflm

RANDOM_NETWORKS = 160


@pytest.mark.parametrize("block", range(8))
def test_random_networks_equal_tflm(block: int) -> None:
    for seed in range(block, RANDOM_NETWORKS, 8):
        model = random_model(random_arch(seed), seed)
        found = first_difference(write(model), model, random_input(model, 6, seed))
        assert not found, f"seed {seed}: {found}"


@pytest.mark.parametrize("kind", ["conv", "depthwise", "per tensor", "per channel"])
def test_multipliers_equal_tflm_to_the_last_bit(kind: str) -> None:
    """Biases beside the points where the output code changes tell multipliers apart that differ by 1 in 2**31."""
    rng = np.random.default_rng(len(kind))
    units = 3000
    scales = rng.uniform(0.001, 0.01, 1 if kind == "per tensor" else units).astype(np.float32)
    quant = {INPUT: TensorQuant(float(np.float32(0.0371)), 3), "x": TensorQuant(float(np.float32(30011.7)), 0)}
    real = np.float64(np.float32(0.0371)) * scales.astype(np.float64) / np.float64(np.float32(30011.7))
    steps = (rng.integers(1, 5, units) - 0.5) * rng.choice((-1, 1), units)
    bias = (steps / real + rng.integers(-60, 61, units)).clip(-(2**31), 2**31 - 1).astype(np.int32)
    layer: Layer
    if kind == "conv":
        layer, shape = Conv2D(name="x", inputs=(INPUT,), filters=units, kernel=(1, 1)), (units, 1, 1, 1)
    elif kind == "depthwise":
        layer, shape = DepthwiseConv2D(name="x", inputs=(INPUT,), multiplier=units, kernel=(1, 1)), (1, 1, 1, units)
    else:
        layer, shape = FullyConnected(name="x", inputs=(INPUT,), units=units), (units, 1)
    weights = {"x": LayerWeights(np.zeros(shape, np.int8), scales, bias)}
    model = QuantizedModel(Arch((1, 1, 1), (layer,)), quant, weights)
    x = np.zeros((1, 1, 1, 1), np.int8)
    assert len(np.unique(reference.run(model, x))) > 6
    assert not first_difference(write(model), model, x)


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
    assert np.array_equal(interpreter.run(ours, x), interpreter.run(data, x))
