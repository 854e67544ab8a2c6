"""HardSwish, from its arithmetic to the C: the codes are TFLM's for every code of many scales."""

import random

import numpy as np
import pytest

from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, HardSwish
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs, needs_tflm

CODES = np.arange(-128, 128).astype(np.int8)[None]


def alone(source: TensorQuant, target: TensorQuant) -> QuantizedModel:
    """Returns a network of one HardSwish over 256 values."""
    return QuantizedModel(Arch((256,), (HardSwish(name="y", inputs=(INPUT,)),)), {INPUT: source, "y": target}, {})


def network() -> Arch:
    """Returns a small network of MobileNetV3's kind."""
    return Arch(
        (12, 9, 3),
        (
            Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3), stride=(2, 2)),
            HardSwish(name="b", inputs=("a",)),
            DepthwiseConv2D(name="c", inputs=("b",), kernel=(3, 3)),
            HardSwish(name="d", inputs=("c",)),
            Conv2D(name="e", inputs=("d",), filters=6, kernel=(1, 1)),
            HardSwish(name="f", inputs=("e",)),
            FullyConnected(name="g", inputs=("f",), units=4),
        ),
    )


def test_real_values() -> None:
    # Scale 1/16: -4, -3, -1.5, 0, 1, 3 and 6 become 0, 0, -0.375, 0, 2/3, 3 and 6.
    quant = TensorQuant(0.0625, 0)
    found = reference.run(alone(quant, quant), CODES)[0]
    codes = np.array([-64, -48, -24, 0, 16, 48, 96]) + 128
    assert found[codes].tolist() == [0, 0, -6, 0, 11, 48, 96]


@needs_tflm
def test_every_code_of_many_scales_equals_tflm() -> None:
    rng = random.Random("hard swish")
    for i in range(100):
        scale = 10 ** rng.uniform(-4, 1.5)
        target = scale * 10 ** rng.uniform(-2.1, 1)  # from just within TFLM's limit of 128 to ten times coarser
        quants = [TensorQuant(float(np.float32(s)), rng.randint(-128, 127)) for s in (scale, target)]
        model = alone(*quants)
        want = interpreter.run(write(model), CODES)
        assert np.array_equal(reference.run(model, CODES).ravel(), np.asarray(want).ravel()), f"case {i}: {quants}"


@needs_tflm
def test_every_code_at_extreme_scales_equals_tflm() -> None:
    """Where more than 16 bits are shifted out, TFLM's mask of 16 bits makes every value 1 or -1."""
    rng = random.Random("extreme")
    for i in range(60):
        scale, target = (2.0 ** rng.uniform(-40, 5) for _ in "ab")
        target = max(target, scale / 100)
        quants = [TensorQuant(float(np.float32(s)), rng.randint(-128, 127)) for s in (scale, target)]
        model = alone(*quants)
        want = interpreter.run(write(model), CODES)
        assert np.array_equal(reference.run(model, CODES).ravel(), np.asarray(want).ravel()), f"case {i}: {quants}"


def test_a_scale_beyond_tflms_kernel_is_refused() -> None:
    model = alone(TensorQuant(1.28, 0), TensorQuant(0.01, 0))
    message = (
        r"layer 'y': its input's scale 1.28 is 128 times that of its output; TFLM's HARD_SWISH takes less than 128"
    )
    with pytest.raises(SpecError, match=message):
        reference.run(model, CODES)
    if interpreter.available():
        fine = write(alone(TensorQuant(1.27, 0), TensorQuant(0.01, 0)))
        interpreter.run(fine, CODES)


@needs_tflm
def test_a_network_equals_tflm_in_the_predicted_arena_and_needs_all_of_it() -> None:
    arch = network()
    model = with_random_weights(arch, 1)
    data, predicted = write(model), arena_tflm_bytes(arch)
    x = np.random.default_rng(0).integers(-128, 128, (1, *arch.input_shape)).astype(np.int8)
    assert np.array_equal(np.ravel(interpreter.run(data, x, arena_bytes=predicted)), reference.run(model, x).ravel())
    with pytest.raises(DeviceError):
        interpreter.run(data, x, arena_bytes=predicted - 32)


def test_a_file_reads_back() -> None:
    model = with_random_weights(network(), 2)
    again = read(write(model))
    assert again.arch == model.arch
    assert again.quant == model.quant


def test_the_c_equals_the_reference() -> None:
    assert_equals_reference([with_random_weights(network(), 3)], samples=8)


def test_the_torch_network_computes_it() -> None:
    torch = needs("torch", "design")
    from micronets.design.net import Net

    arch = Arch((5,), (HardSwish(name="y", inputs=(INPUT,)),))
    found = Net(arch).eval()(torch.tensor([[-4.0, -1.5, 0.0, 1.0, 6.0]]))
    assert found[0].tolist() == pytest.approx([0, -0.375, 0, 2 / 3, 6])
