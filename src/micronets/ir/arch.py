"""`Arch`: the one description of a network that every part of micronets reads.

Shapes leave out the batch of one: `(H, W, C)` for maps and `(N,)` for vectors. Names, padding rules and fused
activations are TensorFlow Lite Micro's. A layer has one output tensor and gives it its own name; the network's
input is called `INPUT`. Bits are those of the stored weights and of the output tensor: 8 or 4.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, assert_never

from micronets.errors import SpecError, did_you_mean
from micronets.ir.layers import (
    INPUT,
    KINDS,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    Layer,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Shape,
    Softmax,
)
from micronets.ir.window import Pair


@dataclass(frozen=True)
class Step:
    """One layer with the shapes it works on: what every cost function reads.

    `gate` is the chance that the layer is there at all: 1 in an `Arch`. In a relaxed network of a `SearchSpace` the
    channel counts of the shapes, the filter and kernel sizes of the layer, and the gate may be 0-d tensors.
    """

    layer: Layer
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    gate: Any = 1

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output, which for most kinds of layers is the only one."""
        return self.output_shapes[0]


@dataclass(frozen=True)
class Arch:
    """A network: the shape of its input and its layers in execution order; the last layer is the output.

    Raises `SpecError` on construction if the layers do not form a valid network.
    """

    input_shape: Shape
    layers: tuple[Layer, ...]
    input_bits: int = 8

    def __post_init__(self) -> None:
        _check(self)

    @property
    def output(self) -> str:
        """Name of the output tensor."""
        return self.layers[-1].name

    @property
    def output_shape(self) -> Shape:
        """Shape of the output tensor, without the batch."""
        return self.shapes()[self.output]

    def shapes(self) -> dict[str, Shape]:
        """Shape of every tensor, `INPUT` first."""
        shapes = {INPUT: self.input_shape}
        for layer in self.layers:
            shapes[layer.name] = output_shape(layer, tuple(shapes[i] for i in layer.inputs))
        return shapes

    def steps(self) -> tuple[Step, ...]:
        """Every layer with its shapes, in execution order."""
        shapes = self.shapes()
        return tuple(Step(a, tuple(shapes[i] for i in a.inputs), tuple(shapes[o] for o in a.outputs)) for a in self.layers)

    def bits(self) -> dict[str, int]:
        """Bits of every activation tensor, `INPUT` first."""
        return {INPUT: self.input_bits} | {name: a.act_bits for a in self.layers for name in a.outputs}

    def to_json(self) -> str:
        """The network as JSON; `from_json` is the inverse."""
        layers = [{"kind": type(a).__name__} | asdict(a) for a in self.layers]
        head = json.dumps({"input_shape": self.input_shape, "input_bits": self.input_bits})[:-1]
        return head + ', "layers": [\n  ' + ",\n  ".join(json.dumps(a) for a in layers) + "\n]}\n"

    @staticmethod
    def from_json(text: str, where: str = "arch JSON") -> Arch:
        """Reads what `to_json` wrote; `where` names the source in errors. Raises `SpecError`."""
        try:
            raw = json.loads(text)
            layers = tuple(_layer_from_dict(d, where) for d in raw["layers"])
            return Arch(tuple(raw["input_shape"]), layers, raw.get("input_bits", 8))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
            raise SpecError(f"{where}: not an architecture ({type(e).__name__}: {e}); write one with Arch.to_json") from e


def _layer_from_dict(d: Mapping[str, Any], where: str) -> Layer:
    kind = KINDS.get(d["kind"])
    if kind is None:
        raise SpecError(f"{where}: unknown layer kind '{d['kind']}'; {did_you_mean(str(d['kind']), KINDS)}")
    names = {f.name for f in fields(kind)}
    for key in d:
        if key not in names | {"kind"}:
            raise SpecError(f"{where}: layer '{d.get('name')}' has no field '{key}'; {did_you_mean(key, names)}")
    layer: Layer = kind(**{k: _tuples(v) for k, v in d.items() if k != "kind"})
    return layer


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def output_shape(layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
    """Shape of the layer's output. Channel counts (and kernels under `same`) may be 0-d tensors."""
    x = inputs[0]
    match layer:
        case Conv2D():
            return (*layer.window.out(x), layer.filters)
        case DepthwiseConv2D():
            return (*layer.window.out(x), x[2] * layer.multiplier)
        case AveragePool2D() | MaxPool2D():
            return (*layer.window.out(x), x[2])
        case FullyConnected():
            return (layer.units,)
        case Mean():
            return (1, 1, x[2]) if layer.keep_dims else (x[2],)
        case Pad():
            return tuple(n + a + b for n, (a, b) in zip(x, layer.paddings, strict=True))
        case Reshape():
            return layer.shape
        case Add() | Softmax() | Relu() | Quantize() | Dequantize():
            return x
        case _:
            assert_never(layer)


def _check(arch: Arch) -> None:
    if not arch.layers:
        raise SpecError("an architecture needs at least one layer")
    _positive("input", "input_shape", arch.input_shape)
    shapes: dict[str, Shape] = {INPUT: arch.input_shape}
    for layer in arch.layers:
        where = f"layer '{layer.name}'"
        if layer.name in shapes:
            raise SpecError(f"{where}: the name is taken; give every layer its own")
        for i in layer.inputs:
            if i not in shapes:
                raise SpecError(f"{where}: input '{i}' is not '{INPUT}' nor an earlier layer; {did_you_mean(i, shapes)}")
        want = 2 if isinstance(layer, Add) else 1
        if len(layer.inputs) != want:
            raise SpecError(f"{where}: {type(layer).__name__} takes {want} input(s), not {len(layer.inputs)}")
        inputs = tuple(shapes[i] for i in layer.inputs)
        _check_layer(layer, inputs, where)
        shapes[layer.name] = output_shape(layer, inputs)
        _positive(where, "output shape", shapes[layer.name])
    for name, bits in arch.bits().items():
        if bits not in (4, 8):
            raise SpecError(f"tensor '{name}': act_bits = {bits}; allowed: 4, 8")


def _check_layer(layer: Layer, inputs: tuple[Shape, ...], where: str) -> None:
    x = inputs[0]
    if not isinstance(layer, (FullyConnected, Reshape, Add, Softmax, Relu, Quantize, Dequantize, Pad)) and len(x) != 3:
        raise SpecError(f"{where}: {type(layer).__name__} needs an (H, W, C) input, not {x}")
    match layer:
        case Conv2D() | DepthwiseConv2D():
            for field in ("kernel", "stride", "dilation"):
                _pair(where, field, getattr(layer, field))
            _positive(where, *(("filters", layer.filters) if isinstance(layer, Conv2D) else ("multiplier", layer.multiplier)))
            _options(where, layer.activation, layer.padding)
        case AveragePool2D() | MaxPool2D():
            _pair(where, "pool", layer.pool)
            _pair(where, "stride", layer.stride)
            _options(where, layer.activation, layer.padding)
        case FullyConnected():
            _positive(where, "units", layer.units)
            _options(where, layer.activation)
        case Add():
            _options(where, layer.activation)
            if inputs[0] != inputs[1]:
                raise SpecError(f"{where}: Add needs equal shapes, not {inputs[0]} and {inputs[1]}; pad the smaller")
        case Pad():
            if len(layer.paddings) != len(x) or any(len(p) != 2 or min(p) < 0 for p in layer.paddings):
                raise SpecError(f"{where}: paddings {layer.paddings} are not a (before, after) for each dimension of {x}")
        case Reshape():
            _positive(where, "shape", layer.shape)
            if math.prod(layer.shape) != math.prod(x):
                sizes = f"{math.prod(x)} values, not {math.prod(layer.shape)}"
                raise SpecError(f"{where}: cannot reshape {x} to {layer.shape}: {sizes}")
        case Mean() | Softmax() | Relu() | Quantize() | Dequantize():
            pass
        case _:
            assert_never(layer)
    if getattr(layer, "weight_bits", 8) not in (4, 8):
        raise SpecError(f"{where}: weight_bits = {layer.weight_bits}; allowed: 4, 8")  # type: ignore[union-attr]


def _positive(where: str, field: str, value: int | Shape) -> None:
    values = value if isinstance(value, tuple) else (value,)
    if not values or any(not isinstance(v, int) or isinstance(v, bool) or v < 1 for v in values):
        raise SpecError(f"{where}: {field} = {value}; need integers of at least 1")


def _pair(where: str, field: str, value: Pair) -> None:
    if not isinstance(value, tuple) or len(value) != 2:
        raise SpecError(f"{where}: {field} = {value}; need two integers (height, width)")
    _positive(where, field, value)


def _options(where: str, activation: str, padding: str = "same") -> None:
    if activation not in ("none", "relu", "relu6"):
        raise SpecError(f"{where}: activation '{activation}'; allowed: none, relu, relu6")
    if padding not in ("same", "valid"):
        raise SpecError(f"{where}: padding '{padding}'; allowed: same, valid")
