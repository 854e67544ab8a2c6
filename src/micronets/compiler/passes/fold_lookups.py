"""The pass that removes and merges Quantize and Relu, the layers that look each code up in a table of 256."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Activation, Layer, Quantize, Relu, Reshape
from micronets.ir.ops import operator, with_activation
from micronets.quantized import reference
from micronets.quantized.arithmetic import activation_range, bit_range
from micronets.quantized.model import QuantizedModel, TensorQuant

Codes = npt.NDArray[np.int8]

_ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu6")


def fold_lookups(model: QuantizedModel) -> QuantizedModel:
    """Removes or merges Quantize and Relu layers where no output bit changes.

    Such a layer goes if it maps every code that it can get to itself and the scale stays; if it clamps as the
    activation of the layer in front would (at the same scale, and nobody else reads that); and two in a row become one
    where a single one has the table of both.
    """
    network = _Folding(model)
    for layer in model.arch.layers:
        network.append(layer)
    layers = tuple(network.layers.values())
    if len(layers) == len(model.arch.layers):
        return model
    kept = {INPUT, *(name for layer in layers for name in layer.outputs)}
    quant = {name: q for name, q in model.quant.items() if name in kept}
    return replace(model, arch=replace(model.arch, layers=layers), quant=quant)


def code_table(layer: Relu | Quantize, source: TensorQuant, target: TensorQuant) -> Codes:
    """Returns the output code for every input code -128 .. 127, `[256]`, as the reference computes it."""
    return _table(isinstance(layer, Quantize), isinstance(layer, Relu) and layer.six, layer.act_bits, source, target)


@lru_cache(maxsize=256)
def _table(quantize: bool, six: bool, bits: int, source: TensorQuant, target: TensorQuant) -> Codes:
    base: dict[str, Any] = {"name": "y", "inputs": (INPUT,), "act_bits": bits}
    arch = Arch((256,), (Quantize(**base) if quantize else Relu(**base, six=six),))
    one = QuantizedModel(arch, {INPUT: source, "y": target}, {})
    return np.asarray(reference.run(one, np.arange(-128, 128).astype(np.int8)[None])[0], np.int8)


class _Folding:
    """The network built so far.

    - codes: for each tensor, the codes that it may hold, rising.
    - renamed: for each tensor that is gone, the one that holds its codes.
    - readers: for each tensor, how many layers read it.
    """

    def __init__(self, model: QuantizedModel) -> None:
        self.quant, self.bits, self.output = model.quant, model.arch.bits(), model.arch.output
        self.layers: dict[str, Layer] = {}
        self.renamed: dict[str, str] = {}
        self.codes: dict[str, Codes] = {INPUT: _range(*bit_range(model.arch.input_bits))}
        self.readers = dict.fromkeys(self.bits, 0)
        for layer in model.arch.layers:
            for name in set(layer.inputs):
                self.readers[name] += 1

    def append(self, layer: Layer) -> None:
        """Adds a layer, or a cheaper change that does the same."""
        layer = replace(layer, inputs=tuple(self.renamed.get(i, i) for i in layer.inputs))
        source = layer.inputs[0]
        if isinstance(layer, (Quantize, Relu)) and source in self.quant:
            if self._dropped(layer, source):
                return
            layer = self._united(layer, source)
        self.layers[layer.name] = layer
        self.codes |= {name: self._possible(layer, name) for name in layer.outputs}

    def _dropped(self, layer: Quantize | Relu, source: str) -> bool:
        quant = self.quant[source]
        if quant != self.quant[layer.name] or layer.act_bits != self.bits[source]:
            return False
        if layer.name == self.output and (not self.layers or source != next(reversed(self.layers))):
            return False
        before, table = self.layers.get(source), code_table(layer, quant, quant)
        codes = self.codes[source]
        if not np.array_equal(table[codes.astype(np.intp) + 128], codes):
            activation = None if before is None else operator(before).activation
            if before is None or activation is None or self.readers[source] != 1:
                return False
            bits = before.act_bits
            wanted = table[_clamped(activation, quant, bits).astype(np.intp) + 128]
            same = [a for a in _ACTIVATIONS if np.array_equal(_clamped(a, quant, bits), wanted)]
            if not same:
                return False
            self.layers[source] = with_activation(before, same[0])
            self.codes[source] = self._possible(self.layers[source], source)
        self.renamed[layer.name] = source
        self.readers[source] += self.readers[layer.name] - 1
        return True

    def _united(self, layer: Quantize | Relu, source: str) -> Quantize | Relu:
        """Returns the layer, or one that does its work and that of the layer in front, which is then removed."""
        before = self.layers.get(source)
        if not isinstance(before, (Quantize, Relu)) or before.inputs[0] not in self.quant or self.readers[source] != 1:
            return layer
        first, middle, last = (self.quant[n] for n in (before.inputs[0], source, layer.name))
        both = code_table(layer, middle, last)[code_table(before, first, middle).astype(np.intp) + 128]
        codes = self.codes[before.inputs[0]].astype(np.intp) + 128
        base: dict[str, Any] = {"name": layer.name, "inputs": before.inputs, "act_bits": layer.act_bits}
        for one in (Quantize(**base), Relu(**base), Relu(**base, six=True)):
            if np.array_equal(code_table(one, first, last)[codes], both[codes]):
                del self.layers[source]
                return one
        return layer

    def _possible(self, layer: Layer, output: str) -> Codes:
        """Returns the codes that an output of the layer may hold, rising; all codes for kinds without more knowledge."""
        source, activation = layer.inputs[0], operator(layer).activation
        match layer:
            case Quantize() | Relu() if source in self.quant:
                table = code_table(layer, self.quant[source], self.quant[output])
                return np.unique(table[self.codes[source].astype(np.intp) + 128])
            case Reshape():
                return self.codes[source]
            case _ if activation is not None:
                return _range(*activation_range(activation, self.quant[output], layer.act_bits))
            case _:
                return _range(*bit_range(layer.act_bits))


def _range(low: int, high: int) -> Codes:
    return np.arange(min(low, high), high + 1).astype(np.int8)  # a lower bound above the upper one gives the upper one


def _clamped(activation: Activation, quant: TensorQuant, bits: int) -> Codes:
    """Returns what a fused activation makes of the codes -128 .. 127, in a tensor of that many bits."""
    low, high = activation_range(activation, quant, bits)
    return np.minimum(np.maximum(np.arange(-128, 128), low), high).astype(np.int8)
