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
from micronets.ir.types import Type, Types, stored
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel, TensorQuant

Codes = npt.NDArray[np.int8]

BYTES: Types = ("int4", "int8", "uint8")
"""The types of tensors whose elements have one byte each, so that a table of 256 has all of them."""


ALL = np.arange(-128, 128).astype(np.int8)
"""Every byte, as a signed number: the inputs of a table."""


def code_table(layer: Layer, source: TensorQuant, target: TensorQuant, read: Type = "int8") -> Codes:
    """Returns the output byte for every input byte -128 .. 127, `[256]`, as the reference computes it.

    A byte is the code of a tensor as memory holds it: an uint8 code of 255 is the byte -1.

    - layer: of a kind whose `Operator.codewise` is true.
    - source: quantisation of its input.
    - target: quantisation of its output.
    - read: type of its input, of one byte.
    """
    assert operator(layer).codewise, type(layer).__name__
    # Layers that differ in their names only share one cached table.
    return _cached_table(replace(layer, name="y", inputs=(INPUT,)), source, target, stored(read))


@lru_cache(maxsize=256)
def _cached_table(layer: Layer, source: TensorQuant, target: TensorQuant, read: Type) -> Codes:
    model = QuantizedModel(Arch((256,), (layer,), read), {INPUT: source, "y": target}, {})
    return np.asarray(reference.run(model, ALL.view(dtype_of(read))[None])[0]).view(np.int8)
