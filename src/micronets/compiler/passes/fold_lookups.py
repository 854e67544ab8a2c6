"""The pass that removes and merges layers that look each code up in a table of 256, such as Quantize and Relu."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from micronets.errors import SpecError
from micronets.ir.layers import (
    ACTIVATION_LIMITS,
    Activation,
    AssignVariable,
    BroadcastTo,
    ExpandDims,
    Gather,
    Layer,
    MirrorPad,
    Quantize,
    ReadVariable,
    Relu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Split,
    Squeeze,
    StridedSlice,
    Transpose,
    Unpack,
)
from micronets.ir.ops import operator, with_activation
from micronets.ir.types import Type, code_range, stored
from micronets.quantized.arithmetic import activation_range
from micronets.quantized.code_tables import ALL, BYTES, Codes, code_table
from micronets.quantized.model import QuantizedModel, TensorQuant


def fold_lookups(model: QuantizedModel) -> QuantizedModel:
    """Removes or merges layers that map each code by itself (`Operator.codewise`) where no output bit changes.

    - A layer is removed if its scale is that of its input, and it maps every code that it can get to itself.
    - A layer is removed if its scale is that of its input, and it clamps as a fused activation of the layer in front
      can; no other layer may read the output of that one.
    - Two such layers in a row become one if a single layer has the table of both.
    """
    network = _Folding(model)
    for layer in model.arch.layers:
        network.append(layer)
    layers = tuple(network.layers.values())
    if len(layers) == len(model.arch.layers):
        return model
    kept = {*(spec.name for spec in model.arch.inputs), *(name for layer in layers for name in layer.outputs)}
    kept |= model.constants.keys()
    quant = {name: q for name, q in model.quant.items() if name in kept}
    return replace(model, arch=replace(model.arch, layers=layers), quant=quant)


class _Folding:
    """The network built so far.

    - codes: for each tensor whose elements have one byte, the bytes that it may hold, as signed numbers in ascending
      order.
    - renamed: for each tensor that has been removed, the one that holds its codes.
    - readers: for each tensor, how many layers read it; an output has one reader more.
    - named: whether the network names its outputs, which then must remain.
    """

    def __init__(self, model: QuantizedModel) -> None:
        self.quant, self.types, self.outputs = model.quant, model.arch.types(), model.arch.outputs
        self.named = model.arch.output_names is not None
        self.layers: dict[str, Layer] = {}
        self.renamed: dict[str, str] = {}
        self.codes: dict[str, Codes] = {spec.name: _all(spec.type) for spec in model.arch.inputs}
        self.readers = dict.fromkeys(self.types, 0)
        for layer in model.arch.layers:
            for name in set(layer.inputs) & self.readers.keys():
                self.readers[name] += 1
        for name in self.outputs:
            self.readers[name] += 1

    def append(self, layer: Layer) -> None:
        """Adds a layer, or a change of the layers so far that has the same effect."""
        layer = replace(layer, inputs=tuple(self.renamed.get(i, i) for i in layer.inputs))
        if self._by_table(layer):
            if self._dropped(layer, layer.inputs[0]):
                return
            while (one := self._united(layer, layer.inputs[0])) is not layer:
                layer = one
        self.layers[layer.name] = layer
        self.codes |= {name: self._possible(layer, name) for name in layer.outputs}

    def _by_table(self, layer: Layer) -> bool:
        """Returns whether the layer looks up each byte in a table of 256."""
        if isinstance(layer, ReadVariable | AssignVariable):
            return False
        return operator(layer).codewise and {self.types[layer.inputs[0]], self.types[layer.name]}.issubset(BYTES)

    def _dropped(self, layer: Layer, source: str) -> bool:
        """Returns whether the layer can be left out; the layer in front may get its activation."""
        quant = self.quant[source]
        if quant != self.quant[layer.name] or self.types[layer.name] != self.types[source]:
            return False
        if layer.name in self.outputs and not self._ends_with(source):
            return False
        before, table = self.layers.get(source), code_table(layer, quant, quant, self.types[source])
        codes = self.codes[source]
        if not np.array_equal(table[codes.astype(np.intp) + 128], codes):
            activation = None if before is None else operator(before).activation
            if before is None or activation is None or self.readers[source] != 1:
                return False
            kind = self.types[source]
            wanted = table[_clamped(activation, quant, kind).astype(np.intp) + 128]
            same = [a for a in ACTIVATION_LIMITS if np.array_equal(_clamped(a, quant, kind), wanted)]
            if not same:
                return False
            self.layers[source] = with_activation(before, same[0])
            self.codes[source] = self._possible(self.layers[source], source)
        self.renamed[layer.name] = source
        self.readers[source] += self.readers[layer.name] - 1
        return True

    def _ends_with(self, source: str) -> bool:
        """Returns whether `source` would be the output of a network of the layers so far, which names no outputs."""
        if self.named or not self.layers:
            return False
        return self.layers[next(reversed(self.layers))].outputs == (source,)

    def _united(self, layer: Layer, source: str) -> Layer:
        """Returns the layer, or one that does its work and that of the layer in front, which is then removed."""
        before = self.layers.get(source)
        if before is None or not self._by_table(before) or self.readers[source] != 1:
            return layer
        read, between, made = (self.types[n] for n in (before.inputs[0], source, layer.name))
        first, middle, last = (self.quant[n] for n in (before.inputs[0], source, layer.name))
        both = code_table(layer, middle, last, between)[code_table(before, first, middle, read).astype(np.intp) + 128]
        codes = self.codes[before.inputs[0]].astype(np.intp) + 128
        name, inputs, bits = layer.name, before.inputs, layer.act_bits
        relu = Relu(name=name, inputs=inputs, act_bits=bits)
        own = [
            replace(a, name=name, inputs=inputs, act_bits=bits)
            for a in (layer, before)
            if a is layer or operator(a).scale == "its own"
        ]
        quantize = Quantize(name=name, inputs=inputs, act_bits=bits, to=stored(made))
        for one in (quantize, relu, replace(relu, six=True), *own):
            limit = operator(one).largest_rescale
            if limit is not None and np.float32(first.scale) >= limit * np.float32(last.scale):
                continue  # the layer cannot have these scales
            if not _takes(one, read, made):
                continue
            if np.array_equal(code_table(one, first, last, read)[codes], both[codes]):
                del self.layers[source]
                return one
        return layer

    def _possible(self, layer: Layer, output: str) -> Codes:
        """Returns the codes that an output of the layer may hold, ascending; all codes where nothing more is known."""
        facts, kind = operator(layer), self.types[output]
        source = layer.inputs[0] if layer.inputs else ""
        match layer:
            case _ if self._by_table(layer):
                table = code_table(layer, self.quant[source], self.quant[output], self.types[source])
                return np.unique(table[self.codes[source].astype(np.intp) + 128])
            case (
                Gather()
                | BroadcastTo()
                | MirrorPad()
                | ResizeNearestNeighbor()
                | Reshape()
                | ExpandDims()
                | Squeeze()
                | Transpose()
                | Slice()
                | StridedSlice()
                | Split()
                | Unpack()
            ):
                return self.codes[source]
            case _ if facts.activation is not None and kind in BYTES:
                return _range(*activation_range(facts.activation, self.quant[output], kind))
            case _:
                return _all(kind)


def _range(low: int, high: int) -> Codes:
    """Returns the codes low .. high, ascending; only `high` where the lower bound is above the upper one."""
    return np.arange(min(low, high), high + 1).astype(np.int8)


def _all(of: Type) -> Codes:
    """Returns all bytes that a tensor of a type may hold, as signed numbers in ascending order."""
    return _range(*code_range("int4")) if of == "int4" else ALL


def _clamped(activation: Activation, quant: TensorQuant, of: Type) -> Codes:
    """Returns what a fused activation makes of each code from -128 to 127, in a tensor of type `of`."""
    low, high = activation_range(activation, quant, of)
    return np.minimum(np.maximum(np.arange(-128, 128), low), high).astype(np.int8)


def _takes(layer: Layer, read: Type, made: Type) -> bool:
    """Returns whether a layer accepts an input of type `read`, and then writes type `made`."""
    try:
        return stored(operator(layer).output_type((stored(read),), layer.name)) == stored(made)
    except SpecError:
        return False
