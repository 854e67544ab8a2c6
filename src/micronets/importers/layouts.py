"""`LayoutBuilder`: a network in the making whose tensors come from a tool that has the channels first.

ONNX and PyTorch hold a map as `[C, H, W]`, micronets holds it as `[H, W, C]`. A `ToolTensor` says of a tensor which
shape it has in the tool, and in which order the network in the making holds its values. This file turns one order into
another; `channels_first.py` adds the tool's operations. All shapes are without the batch, which must be 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets.errors import UnsupportedError
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, Reshape, Shape, TensorSpec, Transpose
from micronets.ir.ops import operator
from micronets.quantized.model import TensorQuant

Array = npt.NDArray[Any]

Layout = Literal["plain", "channels last", "flattened"]
"""The order in which the network in the making holds the values of a tensor.

- plain: the order of the tool, that of the tensor's shape.
- channels last: a map `(C, H, W)` of the tool is held as `(H, W, C)`, and `(C, L)` as `(L, 1, C)`.
- flattened: a vector that the tool made of a map `(C, ...)`; its values are held in the order of the map with its
  channels last, so that no Transpose is needed. A matrix product with it permutes its weights instead.
"""


@dataclass(frozen=True)
class ToolTensor:
    """A tensor of the tool, and how the network in the making holds it.

    - name: its name in the network in the making.
    - shape: its shape in the tool, without the batch.
    - layout: the order of its values in the network in the making.
    - map_shape: for the layout "flattened" the shape `(C, ...)`, in the tool, of the map that it was made of; otherwise
      ().
    """

    name: str
    shape: Shape
    layout: Layout = "plain"
    map_shape: Shape = ()


@dataclass
class LayoutBuilder:
    """A network in the making, and the layout of each of its tensors.

    - where: the beginning of error messages: the file or module, and the operation that is being read.
    - layers, weights, constants: what the network has so far; the last two by name.
    - given: scales and zero points that the tool's file states, by the name of the tensor.
    - input_value: the network's input.
    - shapes: the shape in which the network holds each tensor, without the batch, by the tensor's name.
    - rectified: names of the tensors that are never negative, as behind a ReLU.
    """

    where: str
    layers: list[Layer] = field(default_factory=list)
    weights: dict[str, FloatWeights] = field(default_factory=dict)
    constants: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    given: dict[str, TensorQuant] = field(default_factory=dict)
    input_value: ToolTensor = field(default_factory=lambda: ToolTensor(INPUT, ()))
    shapes: dict[str, Shape] = field(default_factory=dict)
    rectified: set[str] = field(default_factory=set)
    _reshapes: dict[str, str] = field(default_factory=dict)

    def unsupported(self, what: str) -> UnsupportedError:
        """Returns the error for the operation that is being read; `what` says what it has that micronets does not."""
        return UnsupportedError(f"{self.where}: {what}")

    def input(self, shape: Shape, channels_first: bool) -> ToolTensor:
        """Makes the network's input, whose shape in the tool is `shape`; `channels_first` says whether it is a map."""
        layout: Layout = "channels last" if channels_first else "plain"
        self.shapes[INPUT] = stored_shape(shape, layout)
        self.input_value = ToolTensor(INPUT, shape, layout)
        return self.input_value

    def finish(self, outputs: Sequence[ToolTensor], metadata: dict[str, str] | None = None) -> FloatNetwork:
        """Returns the network whose outputs are these tensors, each with its values in the tool's order."""
        names = tuple(self.plain(value).name for value in outputs)
        self._drop_unread(names)
        if not self.layers:
            raise self.unsupported("the network has no layers")
        specs = tuple(TensorSpec(name, values.shape, "int8") for name, values in self.constants.items())
        arch = Arch(self.shapes[INPUT], tuple(self.layers), "int8", names, specs)
        return FloatNetwork(
            arch,
            dict(self.weights),
            dict(self.constants),
            metadata or {},
            dict(self.given),
            self.input_value.layout == "channels last",
        )

    def shape_here(self, value: ToolTensor) -> Shape:
        """Returns the shape, without the batch, in which the network holds a tensor."""
        return self.shapes[value.name]

    def name(self, wanted: str) -> str:
        """Returns a name that no tensor has yet, as near as possible to `wanted`, the name in the tool."""
        plain = re.sub(r"[^A-Za-z0-9_.:/\-]", "_", wanted).strip("/._-:")[-44:] or "tensor"
        found, k = plain, 1
        while found in self.shapes or found in self.constants:
            k += 1
            found = f"{plain}_{k}"
        return found

    def add(self, layer: Layer, weights: FloatWeights | None = None) -> str:
        """Adds a layer, after a check of its inputs, and returns its name.

        Raises `SpecError` for shapes that do not fit.
        """
        facts = operator(layer)
        shapes = tuple(
            self.constants[name].shape if name in self.constants else self.shapes[name] for name in layer.inputs
        )
        facts.check(shapes, self.where)
        for name, shape in zip(layer.outputs, facts.output_shapes(shapes), strict=True):
            self.shapes[name] = shape
            rectified = facts.rectifies or (
                facts.sign == "as the inputs" and all(source in self.rectified for source in layer.inputs)
            )
            self.rectified |= {name} if rectified else set()
        if weights is not None:
            self.weights[layer.name] = weights
        if isinstance(layer, Reshape):
            self._reshapes[layer.name] = layer.inputs[0]
        self.layers.append(layer)
        return layer.name

    # How values lie

    def plain(self, value: ToolTensor) -> ToolTensor:
        """Returns a tensor with the values of `value` in the tool's order; adds layers where `value` has another."""
        match value.layout:
            case "plain":
                return value
            case "channels last":
                stored = self.shape_here(value)
                if sum(n > 1 for n in stored[:-1]) == 0 or stored[-1] == 1:
                    return ToolTensor(self.reshaped(value.name, value.shape), value.shape)
                turned = Transpose(name=self.name(f"{value.name}_chw"), inputs=(value.name,), permutation=(2, 0, 1))
                name = self.add(turned)
                return ToolTensor(self.reshaped(name, value.shape), value.shape)
            case "flattened":
                whole = ToolTensor(
                    self.reshaped(value.name, stored_shape(value.map_shape, "channels last")),
                    value.map_shape,
                    "channels last",
                )
                return ToolTensor(self.reshaped(self.plain(whole).name, value.shape), value.shape)

    def channels_last(self, value: ToolTensor) -> ToolTensor:
        """Returns a map with the values of `value`, `(C, H, W)` or `(C, L)`, held with its channels last."""
        if value.layout == "channels last":
            return value
        value = self.plain(value)
        if len(value.shape) not in (2, 3):
            raise self.unsupported(
                f"its input has the shape {list(value.shape)} without the batch; need a map (C, H, W)"
            )
        name = self.reshaped(value.name, value.shape if len(value.shape) == 3 else (*value.shape, 1))
        stored = stored_shape(value.shape, "channels last")
        if value.shape[0] > 1 and math.prod(value.shape[1:]) > 1:
            name = self.add(Transpose(name=self.name(f"{value.name}_hwc"), inputs=(name,), permutation=(1, 2, 0)))
        return ToolTensor(self.reshaped(name, stored), value.shape, "channels last")

    def reshaped(self, name: str, shape: Shape) -> str:
        """Returns the name of a tensor with the values of tensor `name` in the shape `shape`; may add a Reshape."""
        name = self.unshaped(name) if self.shapes[name] != shape else name
        if self.shapes[name] == shape:
            return name
        return self.add(Reshape(name=self.name(f"{name}_shaped"), inputs=(name,), shape=shape))

    def unshaped(self, name: str) -> str:
        """Returns the name of the tensor at the start of the Reshapes, if any, that made tensor `name`."""
        while name in self._reshapes:
            name = self._reshapes[name]
        return name

    def _drop_unread(self, outputs: Sequence[str]) -> None:
        """Removes layers, weights and constants that nothing reads, such as a Reshape that another one replaced."""
        read, kept = set(outputs), list[Layer]()
        for layer in reversed(self.layers):
            if read.intersection(layer.outputs):
                read |= set(layer.inputs)
                kept.append(layer)
        self.layers = kept[::-1]
        self.weights = {layer.name: self.weights[layer.name] for layer in self.layers if layer.name in self.weights}
        self.constants = {name: values for name, values in self.constants.items() if name in read}

    def axis_here(self, value: ToolTensor, axis: int) -> int:
        """Returns the number, in the shape that the network holds, of dimension `axis` of the tool's shape."""
        if value.layout != "channels last":
            return axis
        return 2 if axis == 0 else axis - 1

    def map_of(self, name: str, one_dimensional: bool) -> ToolTensor:
        """Returns the map of the tool that the tensor `name`, `(H, W, C)`, holds; `one_dimensional`: a map `(C, L)`."""
        height, width, channels = self.shapes[name]
        return ToolTensor(name, (channels, height) if one_dimensional else (channels, height, width), "channels last")


def stored_shape(shape: Shape, layout: Layout) -> Shape:
    """Returns the shape in which the network holds a tensor of the tool's shape `shape` in a layout."""
    if layout != "channels last":
        return shape
    return (shape[1], 1, shape[0]) if len(shape) == 2 else (*shape[1:], shape[0])
