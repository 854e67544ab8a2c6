"""Front ends of pictures and of arrays: their C, as tests call it, and networks that carry them."""

import json
from collections.abc import Mapping
from dataclasses import replace

from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.standard import Standard
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights

CALL = "micronets_model_frontend_picture((const uint8_t *)in, work, (int8_t *)out)"
"""The call for `tests.support.front_end_firmware.simulated`."""


def work_bytes(files: Mapping[str, str]) -> int:
    """Returns the bytes that the header of a front end of pictures asks for."""
    line = next(line for line in files["model_frontend.h"].splitlines() if "FRONTEND_BYTES " in line)
    return int(line.split()[-1])


def model_of(front_end: ImageFrontEnd | Standard) -> QuantizedModel:
    """Returns a network of two classes that takes what a front end makes, and carries it."""
    layer = FullyConnected(name="logits", inputs=(INPUT,), units=2, activation="none")
    made = with_random_weights(Arch(front_end.input_shape, (layer,)))
    carried = {"micronets.frontend": front_end.to_json(), "micronets.labels": json.dumps(["a", "b"])}
    return replace(made, quant={**made.quant, INPUT: TensorQuant(1 / 128, 0)}, metadata=carried)
