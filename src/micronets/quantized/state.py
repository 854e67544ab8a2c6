"""`first_state`: what a network that keeps variables begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.layers import AssignVariable, ReadVariable
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel


def first_state(model: QuantizedModel) -> dict[str, npt.NDArray[Any]]:
    """Returns the codes of every variable before the first inference, in its shape, by its name.

    They are those in `model.initial`, and zero points elsewhere, as TFLM fills a variable of which it knows nothing. A
    variable of a layer's own begins with zero points, too, if it is int8, and with zeros if it is int16.
    """
    found, own = {}, model.arch.own_variables()
    for name, spec in model.arch.variables().items():
        if name in own:
            value = model.quant[name].zero_point if spec.type == "int8" else 0
        else:
            quant = next((model.quant[copy] for copy in _copies_of(model, name) if copy in model.quant), None)
            value = 0 if quant is None else quant.zero_point
        found[name] = model.initial.get(name, np.full(spec.shape, value, dtype_of(spec.type)))
    return found


def _copies_of(model: QuantizedModel, variable: str) -> Iterator[str]:
    """Yields the names of the tensors that are copied to a variable, and then of those that it is copied to."""
    for layer in model.arch.layers:
        if isinstance(layer, AssignVariable) and layer.variable == variable:
            yield layer.inputs[0]
    for layer in model.arch.layers:
        if isinstance(layer, ReadVariable) and layer.variable == variable:
            yield layer.name
