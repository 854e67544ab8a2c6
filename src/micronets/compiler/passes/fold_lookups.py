"""The pass that removes and merges layers that look each code up in a table of 256, such as Quantize and Relu."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from micronets.ir.layers import INPUT, Activation, Layer, Quantize, Relu, Reshape
from micronets.ir.ops import operator, with_activation
from micronets.quantized.arithmetic import activation_range, bit_range
from micronets.quantized.code_tables import Codes, code_table
from micronets.quantized.model import QuantizedModel, TensorQuant

_ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu6")


def fold_lookups(model: QuantizedModel) -> QuantizedModel:
    """Removes or merges layers that change each code alone (`Operator.codewise`) where no output bit changes.

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


class _Folding:
    """The network built so far.

    - codes: for each tensor, the codes that it may hold, rising.
    - renamed: for each tensor that is gone, the one that holds its codes.
    - readers: for each tensor, how many layers read it; an output has one reader more.
    - named: whether the network names its outputs, which then must remain.
    """

    def __init__(self, model: QuantizedModel) -> None:
        self.quant, self.bits, self.outputs = model.quant, model.arch.bits(), model.arch.outputs
        self.named = model.arch.output_names is not None
        self.layers: dict[str, Layer] = {}
        self.renamed: dict[str, str] = {}
        self.codes: dict[str, Codes] = {INPUT: _range(*bit_range(model.arch.input_bits))}
        self.readers = dict.fromkeys(self.bits, 0)
        for layer in model.arch.layers:
            for name in set(layer.inputs):
                self.readers[name] += 1
        for name in self.outputs:
            self.readers[name] += 1

    def append(self, layer: Layer) -> None:
        """Adds a layer, or a cheaper change that does the same."""
        layer = replace(layer, inputs=tuple(self.renamed.get(i, i) for i in layer.inputs))
        source = layer.inputs[0]
        if operator(layer).codewise and source in self.quant:
            if self._dropped(layer, source):
                return
            layer = self._united(layer, source)
        self.layers[layer.name] = layer
        self.codes |= {name: self._possible(layer, name) for name in layer.outputs}

    def _dropped(self, layer: Layer, source: str) -> bool:
        quant = self.quant[source]
        if quant != self.quant[layer.name] or layer.act_bits != self.bits[source]:
            return False
        if layer.name in self.outputs and not self._ends_with(source):
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

    def _ends_with(self, source: str) -> bool:
        """Whether what is there so far is a network whose only output is `source`, if nothing names its outputs."""
        if self.named or not self.layers:
            return False
        return self.layers[next(reversed(self.layers))].outputs == (source,)

    def _united(self, layer: Layer, source: str) -> Layer:
        """Returns the layer, or one that does its work and that of the layer in front, which is then removed."""
        before = self.layers.get(source)
        if before is None or not operator(before).codewise:
            return layer
        if before.inputs[0] not in self.quant or self.readers[source] != 1:
            return layer
        first, middle, last = (self.quant[n] for n in (before.inputs[0], source, layer.name))
        both = code_table(layer, middle, last)[code_table(before, first, middle).astype(np.intp) + 128]
        codes = self.codes[before.inputs[0]].astype(np.intp) + 128
        base: dict[str, Any] = {"name": layer.name, "inputs": before.inputs, "act_bits": layer.act_bits}
        # Another input or output must not bring the layer to scales that it cannot have.
        own = [a for a in (layer, before) if a is layer or operator(a).scale == "its own"]
        alike = [replace(a, **base) for a in own if operator(a).largest_rescale is None]
        for one in (Quantize(**base), Relu(**base), Relu(**base, six=True), *alike):
            if np.array_equal(code_table(one, first, last)[codes], both[codes]):
                del self.layers[source]
                return one
        return layer

    def _possible(self, layer: Layer, output: str) -> Codes:
        """Returns the codes that an output of the layer may hold, rising; all codes for kinds without more
        knowledge.
        """
        source, facts = layer.inputs[0], operator(layer)
        match layer:
            case _ if facts.codewise and source in self.quant:
                table = code_table(layer, self.quant[source], self.quant[output])
                return np.unique(table[self.codes[source].astype(np.intp) + 128])
            case Reshape():
                return self.codes[source]
            case _ if facts.activation is not None:
                return _range(*activation_range(facts.activation, self.quant[output], layer.act_bits))
            case _:
                return _range(*bit_range(layer.act_bits))


def _range(low: int, high: int) -> Codes:
    # Where the lower bound is above the upper one, the only code is the upper one.
    return np.arange(min(low, high), high + 1).astype(np.int8)


def _clamped(activation: Activation, quant: TensorQuant, bits: int) -> Codes:
    """Returns what a fused activation makes of the codes -128 .. 127, in a tensor of that many bits."""
    low, high = activation_range(activation, quant, bits)
    return np.minimum(np.maximum(np.arange(-128, 128), low), high).astype(np.int8)
