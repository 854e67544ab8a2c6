"""Lookup tables of the layers whose output codes each follow from one input code.

The compiler generates these tables, and it compares them to find layers that it may leave out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Layer, TensorSpec
from micronets.ir.ops import operator
from micronets.ir.types import Type, Types, stored
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel, TensorQuant

Codes = npt.NDArray[np.int8]

BYTES: Types = ("int4", "int8", "uint8", "bool")
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


def operand_table(model: QuantizedModel, step: Step) -> Codes:
    """Returns the output byte of every input byte -128 .. 127, `[256]`, of a step with a constant of one value.

    - model: the network.
    - step: its step of a kind `Binary` or of int8 codes that are compared; one of its inputs is such a constant.
    """
    layer = step.layer
    fixed = step.constants.index(True)
    name = layer.inputs[fixed]
    inputs = tuple(name if k == fixed else INPUT for k in range(len(layer.inputs)))
    spec = TensorSpec(name, (256,), step.input_types[fixed])  # as many as the bytes: a PRELU's slopes fit its input
    arch = Arch((256,), (replace(layer, inputs=inputs),), step.input_types[1 - fixed], None, (spec,))
    quant = {name: model.quant[name], INPUT: model.quant[layer.inputs[1 - fixed]], layer.name: model.quant[layer.name]}
    one = QuantizedModel(arch, quant, {}, constants={name: np.repeat(model.constants[name], 256)})
    return np.asarray(reference.run(one, ALL.view(dtype_of(arch.input_type))[None])[0]).view(np.int8)


@lru_cache(maxsize=256)
def _cached_table(layer: Layer, source: TensorQuant, target: TensorQuant, read: Type) -> Codes:
    model = QuantizedModel(Arch((256,), (layer,), read), {INPUT: source, "y": target}, {})
    return np.asarray(reference.run(model, ALL.view(dtype_of(read))[None])[0]).view(np.int8)
