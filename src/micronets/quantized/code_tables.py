"""Tables of layers whose output codes each follow from one input code: what the compiler looks up, and simplifies
by.
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
    - source, target: quantisation of its input and of its output.
    """
    assert operator(layer).codewise, type(layer).__name__
    # Equal but for their names, layers have one table.
    return _table(replace(layer, name="y", inputs=(INPUT,)), source, target)


@lru_cache(maxsize=256)
def _table(layer: Layer, source: TensorQuant, target: TensorQuant) -> Codes:
    one = QuantizedModel(Arch((256,), (layer,)), {INPUT: source, "y": target}, {})
    return np.asarray(reference.run(one, np.arange(-128, 128).astype(np.int8)[None])[0], np.int8)
