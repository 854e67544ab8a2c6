"""A few filters with numbers that a quick kernel cannot hold are computed apart: the layer keeps its kernel."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.cross_compiler import find_compiler
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Layer
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.runtimes import OUR_C, MeasureOptions
from micronets.tflite import as_file
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_input, random_model

F446 = load_board("NUCLEO-F446RE")
Y = {"name": "y", "inputs": (INPUT,), "filters": 16}
LAYERS: dict[str, tuple[tuple[int, ...], Layer]] = {
    "conv_c4": ((3, 5, 64), Conv2D(**Y, kernel=(3, 3))),
    "conv": ((4, 5, 63), Conv2D(**Y, kernel=(3, 3), stride=(2, 2), activation="relu")),
    "conv_1x1": ((3, 1, 600), Conv2D(**Y, kernel=(1, 1))),
    "fully_connected": ((603,), FullyConnected(name="y", inputs=(INPUT,), units=16)),
    "fully_connected_by8": ((608,), FullyConnected(name="y", inputs=(INPUT,), units=16)),
}
REASONS = ("sums of 24 bits", "bias of 24 bits", "scale of a half", "weights that clash")


def network(kernel: str, reason: str | None) -> QuantizedModel:
    """Returns a layer for a quick kernel of which one filter or two have numbers that it cannot hold, for a reason.

    All filters give codes from one end of the range to the other, so that none is a constant.
    """
    shape, layer = LAYERS[kernel]
    model = random_model(Arch(shape, (layer,)), 4)
    w = model.weights["y"].weights.clip(-40, 40).astype(np.int64)
    rows, bias, odd = w.reshape(len(w), -1), np.arange(len(w)) * 100 - 500, 5
    match reason:
        case "sums of 24 bits":
            w[odd] = np.sign(w[odd] + 0.5) * 127
        case "weights that clash":
            rows[odd - 1, 0], rows[odd, 0] = -1, -128
        case "scale of a half":
            w[odd] = 0
            rows[odd, :2] = 1, -1
        case _:
            pass
    sums = np.sqrt((rows.astype(float) ** 2).sum(axis=1)) * 70
    scales = 60 / np.maximum(sums, 1)
    if reason == "scale of a half":
        scales[odd] = 0.7
    if reason == "bias of 24 bits":
        bias[odd] = 2**23 if reason == "bias of 24 bits" else 2**30
        scales[odd] = 100 / bias[odd]
    source, target = TensorQuant(1 / 32, 3), TensorQuant(1 / 16, -128 if layer.activation == "relu" else 0)
    unit = target.scale / source.scale
    numbers = LayerWeights(w.astype(np.int8), (scales * unit).astype(np.float32), bias.astype(np.int32))
    return replace(model, quant={INPUT: source, "y": target}, weights={"y": numbers})


def test_outputs_equal_the_reference() -> None:
    named = {(kernel, reason): network(kernel, reason) for kernel in LAYERS for reason in REASONS}
    compiled = [compile_model(model) for model in named.values()]
    for (kernel, reason), one in zip(named, compiled, strict=True):
        assert f"run_{kernel.removesuffix('_by8')}_odd(" in one.files["model.c"], (kernel, reason)
        outputs = reference.run(one.model, random_input(one.model, 64, 1))
        assert len(np.unique(outputs[..., 5])) > 2, (kernel, reason)
    assert_equals_reference([*named.values()], compiled=compiled, samples=2)


@pytest.mark.parametrize("kernel", LAYERS)
def test_the_layer_takes_few_cycles_more(kernel: str) -> None:
    """One filter of sixteen, computed apart, costs less than a fifth more."""
    pytest.importorskip("unicorn")
    try:
        find_compiler(F446)
    except DeviceError as e:
        pytest.skip(str(e))
    cycles = []
    for reason in (None, "bias of 24 bits"):
        found = OUR_C.measure(as_file(network(kernel, reason), "a.tflite"), F446, MeasureOptions(samples=1))
        assert found.bit_exact
        cycles.append(found.core_cycles)
    assert cycles[1] < 1.2 * cycles[0]


def test_many_such_filters_take_a_kernel_for_all() -> None:
    model = network("conv_c4", None)
    w = model.weights["y"]
    bias = np.where(np.arange(16) % 3 == 0, 2**24, w.bias).astype(np.int32)
    scales = np.where(np.arange(16) % 3 == 0, 100 / 2**24 * 2, w.scales).astype(np.float32)
    large = replace(model, weights={"y": replace(w, bias=bias, scales=scales)})
    assert "run_conv_wide(" in compile_model(large).files["model.c"]
