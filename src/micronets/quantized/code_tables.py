"""Lookup tables of the layers whose output codes each follow from one input code.

The compiler generates these tables, and it compares them to find layers that it may leave out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.ir.ops import operator
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant

Codes = npt.NDArray[np.int8]


def code_table(layer: Layer, source: TensorQuant, target: TensorQuant) -> Codes:
    """Returns the output code for every input code -128 .. 127, `[256]`, as the reference computes it.

    - layer: of a kind whose `Operator.codewise` is true.
    - source: quantisation of its input.
    - target: quantisation of its output.
    """
    assert operator(layer).codewise, type(layer).__name__
    # Layers that differ in their names only share one cached table.
    return _cached_table(replace(layer, name="y", inputs=(INPUT,)), source, target)


@lru_cache(maxsize=256)
def _cached_table(layer: Layer, source: TensorQuant, target: TensorQuant) -> Codes:
    model = QuantizedModel(Arch((256,), (layer,)), {INPUT: source, "y": target}, {})
    return np.asarray(reference.run(model, np.arange(-128, 128).astype(np.int8)[None])[0], np.int8)
