"""The matrix products in assembly count their rounds in the upper bits of a sum: right up to the most rounds, and with
the largest sums of both signs."""

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.compiler.limits import MOST_VALUES, MOST_VALUES_S4
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Shape, Weighted
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant

Y = {"name": "y", "inputs": (INPUT,)}
POINTWISE, POINTWISE_S4 = Conv2D(**Y, filters=5, kernel=(1, 1)), Conv2D(**Y, filters=5, kernel=(1, 1), weight_bits=4)
DENSE, DENSE_S4 = FullyConnected(**Y, units=8), FullyConnected(**Y, units=8, weight_bits=4)
CASES: dict[str, tuple[Shape, Weighted, int, str]] = {
    "largest weights": ((2, 1, 516), POINTWISE, 127, "conv_1x1"),
    "most rounds": ((2, 1, MOST_VALUES), POINTWISE, 11, "conv_1x1"),
    "one more": ((2, 1, MOST_VALUES + 1), POINTWISE, 11, "conv_wide"),
    "4 bits, most rounds": ((2, 1, MOST_VALUES_S4), POINTWISE_S4, 1, "conv_1x1_s4"),
    "4 bits, one more": ((2, 1, MOST_VALUES_S4 + 1), POINTWISE_S4, 1, "conv_1x1"),
    "dense, largest weights": ((512,), DENSE, 127, "fully_connected_by8"),
    "dense, most rounds": ((MOST_VALUES_S4,), DENSE, 15, "fully_connected_by8"),
    "dense, eight more": ((MOST_VALUES_S4 + 8,), DENSE, 15, "fully_connected"),
    "dense, 4 bits": ((MOST_VALUES_S4,), DENSE_S4, 1, "fully_connected_by8_s4"),
}


def network(shape: Shape, layer: Weighted, largest: int) -> QuantizedModel:
    """Returns a layer whose first filters have the largest sums of both signs; a few of 4 bits, which must be small."""
    four, size = layer.weight_bits == 4, shape[-1]
    channels = 8 if isinstance(layer, FullyConnected) else 5
    rows = np.random.default_rng(size).integers(-largest, largest + 1, (channels, size))
    rows[0], rows[1] = largest, -largest
    if four:
        rows[:, 3800:] = 0
        rows[2, :400], rows[2, 400:] = 7, 0
    weights = rows if isinstance(layer, FullyConnected) else rows[:, None, None]
    scale = np.full(channels, 2.0**-9, np.float32)
    bias = np.arange(-500, 500, 1000 // channels)[:channels].astype(np.int32)
    quant = {INPUT: TensorQuant(2.0**-6, -3), "y": TensorQuant(size * largest * 2.0**-15, 5)}
    numbers = LayerWeights(weights.astype(np.int8), scale, bias)
    return QuantizedModel(Arch(shape, (layer,)), quant, {"y": numbers})


@pytest.mark.parametrize("name", CASES)
def test_outputs_equal_the_reference(name: str) -> None:
    sim, board = pytest.importorskip("micronets.device.sim.machine"), load_board("NUCLEO-F446RE")
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    shape, layer, largest, kernel = CASES[name]
    model = network(shape, layer, largest)
    rng = np.random.default_rng(0)
    ends = np.stack([np.full(shape, -128), np.full(shape, 127), rng.choice([-128, 127], shape)]).astype(np.int8)
    compiled = compile_model(model)
    assert f"micronets_{kernel}(" in compiled.files["model.c"]
    expected = reference.run(model, ends)
    elf = build_firmware(firmware_files(compiled), board).elf
    found = sim.simulate(elf, ends.reshape(len(ends), -1), 1, expected[0].nbytes, board)
    assert found.outputs.tobytes() == expected.tobytes()
