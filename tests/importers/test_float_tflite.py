"""Float `.tflite` files are read, computed as TFLM computes them, and folded without changing what they compute."""

from pathlib import Path

import numpy as np
import pytest

from micronets import tflite
from micronets.errors import UnsupportedError
from micronets.importers.equalise import equalised, neighbours
from micronets.importers.float_tflite import is_float, read_float
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork, folded
from micronets.ir.layers import Add, Conv2D, DepthwiseConv2D, Relu
from tests.importers.small_float import SHAPE, small_float_file
from tests.support.needs import needs

ROOT = Path(__file__).parents[2]
FLOAT_MODELS = ("ad01_fp32", "pretrainedResnet", "vww_96_float")


def inputs(network: FloatNetwork, count: int = 3, seed: int = 1) -> np.ndarray:
    x = np.random.default_rng(seed).normal(0, 1, (count, *network.arch.input_shape))
    return x.astype(np.float32)


def under_tflm(data: bytes, x: np.ndarray) -> np.ndarray:
    runtime = needs("tflite_micro", "tflm").runtime
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=10_000_000)
    found = []
    for one in x:
        interpreter.set_input(one[None], 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0)[0])
    return np.stack(found)


def test_weights_of_float16_are_read() -> None:
    data = small_float_file()
    network = read_float(data)
    assert network.arch.input_shape == SHAPE
    x = inputs(network)
    (found,) = execute(network, x).values()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    weights = network.weights["t12"].kernel  # float16 in the file
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, weights.astype(np.float16))


@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_released_float_models_compute_what_tflm_computes(shared: Path, name: str) -> None:
    data = (shared / f"models/mlperf_tiny_float/{name}.tflite").read_bytes()
    network = read_float(data, name)
    x = inputs(network)
    (found,) = execute(folded(network), x).values()
    want = under_tflm(data, x).reshape(found.shape)
    np.testing.assert_allclose(found, want, atol=1e-4 * max(1, np.abs(want).max()))


def test_folding_leaves_fewer_layers_that_compute_the_same() -> None:
    network = read_float(small_float_file())
    less = folded(network)
    assert [type(layer) for layer in less.arch.layers][:3] == [Conv2D, DepthwiseConv2D, Add]
    first = less.arch.layers[0]
    assert isinstance(first, Conv2D)
    assert (first.name, first.activation) == ("t8", "relu")
    assert not any(isinstance(layer, Relu) for layer in less.arch.layers)
    assert not less.constants
    x = inputs(network)
    np.testing.assert_allclose(*(next(iter(execute(n, x).values())) for n in (network, less)), atol=1e-5)


def test_equalisation_evens_out_ranges_and_computes_the_same(shared: Path) -> None:
    data = (shared / "models/mlperf_tiny_float/pretrainedResnet.tflite").read_bytes()
    network = folded(read_float(data))
    found = neighbours(network)
    assert len(found) == 3  # the first convolution of each block and the second; sums lie between the blocks
    even = equalised(network)
    for a, b in found:
        made = np.abs(even.weights[a.name].kernel).max(axis=(1, 2, 3))
        read = np.abs(even.weights[b.name].kernel).max(axis=(0, 1, 2))
        np.testing.assert_allclose(made, read, rtol=0.01)
        before = np.abs(network.weights[a.name].kernel).max(axis=(1, 2, 3))
        assert made.max() / made.min() != pytest.approx(before.max() / before.min(), rel=0.01)
    x = 100 * inputs(network)
    np.testing.assert_allclose(*(next(iter(execute(n, x).values())) for n in (network, even)), atol=1e-4)


def test_float_and_integer_files_are_told_apart() -> None:
    assert is_float(small_float_file())
    zoo = (ROOT / "zoo/kws_frontier/model.tflite").read_bytes()
    assert not is_float(zoo)
    with pytest.raises(UnsupportedError, match=r"input.* is INT8; the activations of a float model are FLOAT32"):
        read_float(zoo)
    with pytest.raises(UnsupportedError, match="a float model"):
        tflite.read(small_float_file())
