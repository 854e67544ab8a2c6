"""`Net`: the torch network of an `Arch`, in float; `fakequant.attach` adds the simulation of quantisation.

Every convolution is followed by batch norm and then by the layer's fused activation; fully connected layers have a
bias. Names in the state dict are `layers.<layer>.weight`, `layers.<layer>.bias` (fully connected only) and
`layers.<layer>.bn.*`, so that a network can take its weights from another one whose layers have the same names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from micronets.design import torch_ops
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Activation, Layer, Reduction, Shape, Weighted


class Quantizer(Protocol):
    """The interface through which a `Net` simulates quantisation; `fakequant.FakeQuant` implements it."""

    def refresh(self) -> None:
        """Prepares a forward pass; called at its start."""

    def activation(self, name: str, x: Tensor) -> Tensor:
        """Returns `x`, of any shape, rounded and clipped to the values that the integer tensor `name` can hold."""
        ...

    def weights(self, layer: Weighted, cell: Cell) -> tuple[Tensor, Tensor]:
        """Returns the quantised weights of a layer, and its bias `[K]`."""
        ...


class Cell(nn.Module):
    """The parameters of one layer, with random weights (He et al. 2015) at first.

    - `weight`: `[filters, C, kh, kw]` of a convolution, `[C * multiplier, 1, kh, kw]` of a depthwise one, or
      `[units, inputs]` of a fully connected layer, inputs in NHWC order.
    - `bn`: the batch norm of a convolution; None for a fully connected layer.
    - `bias`: `[units]` of a fully connected layer; None for a convolution.
    """

    def __init__(self, layer: Weighted, input_shape: Shape) -> None:
        super().__init__()
        match layer:
            case layers.Conv2D():
                shape: Shape = (layer.filters, input_shape[2] // layer.groups, *layer.kernel)
            case layers.DepthwiseConv2D():
                shape = (input_shape[2] * layer.multiplier, 1, *layer.kernel)
            case layers.FullyConnected():
                shape = (layer.units, math.prod(input_shape))
            case layers.TransposeConv2D():
                raise _untrained(layer)
            case _:
                assert_never(layer)
        self.weight = nn.Parameter(torch.empty(shape))
        if not self.weight.is_meta:  # random numbers for tensors without memory would make torch import its compiler
            nn.init.normal_(self.weight, std=math.sqrt((1 if len(shape) == 2 else 2) / math.prod(shape[1:])))
        self.bn = torch_ops.batch_norm(shape[0]) if len(shape) == 4 else None
        self.bias = nn.Parameter(torch.zeros(shape[0])) if len(shape) == 2 else None


class Net(nn.Module):
    """A network that maps float inputs `[N, H, W, C]` to logits `[N, classes]`; a final Softmax layer is left out.

    - `arch`: its layers.
    - `steps`: the layers that are computed, with their shapes.
    - `quantizer`: simulates quantisation; None in a float network.

    Raises `UnsupportedError` for layers that exist only in finished models.
    """

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        self.arch = arch
        self.steps = trained_steps(arch)
        self.layers = nn.ModuleDict(
            {
                state_key(s.layer.name): Cell(s.layer, s.input_shapes[0])
                for s in self.steps
                if isinstance(s.layer, Weighted)
            }
        )
        last = {name: i for i, s in enumerate(self.steps) for name in s.layer.inputs}
        self._read_last = [[name for name, at in last.items() if at == i] for i in range(len(self.steps))]
        self.quantizer: nn.Module | None = None
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def cell(self, layer: Layer) -> Cell:
        """Returns the parameters of a layer with weights."""
        cell = self.layers[state_key(layer.name)]
        assert isinstance(cell, Cell)
        return cell

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits `[N, classes]` of inputs `[N, H, W, C]`."""
        return self.tensors(x, keep=False)[self.steps[-1].layer.name].flatten(1)

    def map_names(self) -> Sequence[str]:
        """Returns the names of the convolutions' output maps, in order."""
        return map_names(self.steps)

    def with_maps(self, x: Tensor, names: Sequence[str]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Computes the outputs `[N, outputs]` and the named maps `[N, C, H, W]` of inputs `[N, H, W, C]`."""
        values = self.tensors(x)
        return values[self.steps[-1].layer.name].flatten(1), {name: values[name] for name in names}

    def tensors(self, x: Tensor, keep: bool = True) -> dict[str, Tensor]:
        """Computes every tensor, by name, maps as `[N, C, H, W]`.

        - `x`: inputs `[N, H, W, C]`.
        - `keep`: whether tensors that no later layer reads are returned too.
        """
        quantizer: Quantizer | None = self.quantizer  # type: ignore[assignment]
        x = torch_ops.to_nchw(x) if len(self.arch.input_shape) == 3 else x
        if quantizer is not None:
            quantizer.refresh()
        values = {INPUT: x if quantizer is None else quantizer.activation(INPUT, x)}
        for i, step in enumerate(self.steps):
            inputs = [values[n] for n in step.layer.inputs]
            for name, y in zip(step.layer.outputs, self.run(step.layer, inputs, quantizer), strict=True):
                values[name] = y if quantizer is None else quantizer.activation(name, y)
            if not keep:
                for name in self._read_last[i]:
                    del values[name]
        return values

    def run(self, layer: Layer, inputs: list[Tensor], quantizer: Quantizer | None = None) -> tuple[Tensor, ...]:
        """Computes the outputs of one layer.

        - `layer`: the layer.
        - `inputs`: its inputs, maps as `[N, C, H, W]`.
        - `quantizer`: simulates its quantised weights; None computes in float.
        """
        x = inputs[0]
        match layer:
            case layers.Conv2D() | layers.DepthwiseConv2D() | layers.TransposeConv2D() | layers.FullyConnected():
                cell = self.cell(layer)
                if quantizer is None:
                    y = weighted_sums(layer, x, cell.weight, cell.bias)
                    return (torch_ops.activate(y if cell.bn is None else cell.bn(y), layer.activation),)
                return (_clip(weighted_sums(layer, x, *quantizer.weights(layer, cell)), layer.activation),)
            case layers.AveragePool2D():
                return (torch_ops.activate(average_pool(layer, x), layer.activation),)
            case layers.MaxPool2D():
                rows, columns = torch_ops.padding(x, layer.window)
                lowest = float("-inf") if any(rows + columns) else 0.0
                padded = F.pad(x, (*columns, *rows), value=lowest) if any(rows + columns) else x
                return (torch_ops.activate(F.max_pool2d(padded, layer.pool, layer.stride), layer.activation),)
            case layers.Mean():
                if x.ndim == 4 and layer.axes == (0, 1):
                    return (x.mean((2, 3), keepdim=layer.keep_dims),)
                return (_reduced(layer, x, Tensor.mean),)
            case layers.Sum():
                return (_reduced(layer, x, Tensor.sum),)
            case layers.ReduceMax():
                return (_reduced(layer, x, Tensor.amax),)
            case layers.ReduceMin():
                return (_reduced(layer, x, Tensor.amin),)
            case layers.Add():
                y = x + inputs[1]
                return (torch_ops.activate(y, layer.activation) if quantizer is None else _clip(y, layer.activation),)
            case layers.Pad():
                sides = _map_order(layer.paddings)
                return (F.pad(x, [side for pair in reversed(sides) for side in pair]),)
            case layers.Slice():
                begin, size = ((t[2], t[0], t[1]) if x.ndim == 4 else t for t in (layer.begin, layer.size))
                return (x[(slice(None), *(slice(b, b + n) for b, n in zip(begin, size, strict=True)))],)
            case layers.Reshape():
                flat = (torch_ops.to_nhwc(x) if x.ndim == 4 else x).reshape(x.shape[0], *layer.shape)
                return (torch_ops.to_nchw(flat) if len(layer.shape) == 3 else flat,)
            case layers.Relu():
                return (F.relu6(x) if layer.six else F.relu(x),)
            case layers.HardSwish():
                return (F.hardswish(x),)
            case layers.LeakyRelu():
                return (F.leaky_relu(x, layer.alpha),)
            case layers.Elu():
                return (F.elu(x),)
            case (
                layers.ArgMax()
                | layers.ReduceAll()
                | layers.CumSum()
                | layers.AddN()
                | layers.DynamicUpdateSlice()
                | layers.BatchMatMul()
                | layers.Compare()
                | layers.Lookup()
                | layers.Logical()
                | layers.LogicalNot()
                | layers.Select()
                | layers.LogSoftmax()
                | layers.L2Normalization()
                | layers.NumberFunction()
                | layers.Logistic()
                | layers.Tanh()
                | layers.Abs()
                | layers.Rsqrt()
                | layers.ResizeNearestNeighbor()
                | layers.ResizeBilinear()
                | layers.Gather()
                | layers.BroadcastTo()
                | layers.MirrorPad()
                | layers.ExpandDims()
                | layers.Squeeze()
                | layers.Transpose()
                | layers.StridedSlice()
                | layers.Pack()
                | layers.Unpack()
                | layers.Mul()
                | layers.Sub()
                | layers.Div()
                | layers.Minimum()
                | layers.Maximum()
                | layers.SquaredDifference()
                | layers.Prelu()
                | layers.Cast()
                | layers.Concatenation()
                | layers.Split()
                | layers.Softmax()
                | layers.Quantize()
                | layers.Dequantize()
                | layers.ReadVariable()
                | layers.AssignVariable()
                | layers.Svdf()
                | layers.UnidirectionalSequenceLstm()
                | layers.SignalLayer()
            ):
                raise _untrained(layer)
            case _:
                assert_never(layer)


def trained_steps(arch: Arch) -> tuple[Step, ...]:
    """Returns the steps that a `Net` computes: all but a Softmax at the end.

    Raises `UnsupportedError` for a layer that cannot be trained.
    """
    steps = arch.steps()
    if len(arch.outputs) > 1 or arch.output_names is not None:
        raise UnsupportedError(
            f"a network with the outputs {', '.join(arch.outputs)} cannot be trained; its only output must be the "
            "last layer's"
        )
    if isinstance(steps[-1].layer, layers.Softmax) and len(steps) > 1:
        steps = steps[:-1]
    for step in steps:
        if len(set(step.input_shapes)) > 1:
            raise UnsupportedError(
                f"layer '{step.layer.name}': a layer with inputs of unequal shapes cannot be trained"
            )
        if not step.operator.trainable or any(step.constants):
            kind = type(step.layer).__name__
            raise UnsupportedError(
                f"layer '{step.layer.name}': {kind} cannot be trained; leave it to the finished model"
            )
    return steps


def state_key(name: str) -> str:
    """Returns a layer's name as torch accepts it in a state dict."""
    return name.replace(".", "/")


def _untrained(layer: Layer) -> UnsupportedError:
    """Returns the error for a layer that exists only in finished models."""
    return UnsupportedError(f"layer '{layer.name}': {type(layer).__name__} cannot be part of a trained network")


def weighted_sums(layer: Weighted, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Computes the convolution or matrix product of a layer, without batch norm and activation.

    - `layer`: the layer, which gives the stride, dilation, padding and groups of a convolution.
    - `x`: its input, `[N, C, H, W]`; that of a fully connected layer may be `[N, inputs]` too.
    - `weight`: `[K, C / groups, kh, kw]` for a convolution (a depthwise one has C groups), and `[K, inputs]` for a
      fully connected layer.
    - `bias`: `[K]`, or None for no bias.

    Raises `UnsupportedError` for a transposed convolution, which cannot be trained.
    """
    match layer:
        case layers.Conv2D():
            return torch_ops.conv(x, weight, bias, layer.window, groups=layer.groups)
        case layers.DepthwiseConv2D():
            return torch_ops.conv(x, weight, bias, layer.window, groups=x.shape[1])
        case layers.TransposeConv2D():
            raise _untrained(layer)
        case layers.FullyConnected():
            return F.linear((torch_ops.to_nhwc(x) if x.ndim == 4 else x).flatten(1), weight, bias)
        case _:
            assert_never(layer)


def load_float(net: Net, state: Mapping[str, Tensor]) -> None:
    """Loads float weights into a network.

    - `net`: the network; its quantizer stays as it is.
    - `state`: weights by the names of the network's state dict.

    Raises `SpecError` that names the first tensor that is missing or has another shape.
    """
    own = {n: v for n, v in net.state_dict().items() if not n.startswith("quantizer.")}
    for name, value in own.items():
        if name not in state:
            raise SpecError(f"initial weights: '{name}' is missing; they belong to another network")
        if state[name].shape != value.shape:
            found, want = tuple(state[name].shape), tuple(value.shape)
            raise SpecError(
                f"initial weights: '{name}' has shape {found}, the network needs {want}; they belong to another network"
            )
    net.load_state_dict({n: state[n] for n in own}, strict=net.quantizer is None)


def _clip(y: Tensor, activation: Activation) -> Tensor:
    """Applies the fused activation before a quantizer, except a plain ReLU, whose range begins at 0 anyway."""
    return y if activation == "relu" else torch_ops.activate(y, activation)


def average_pool(layer: layers.AveragePool2D, x: Tensor) -> Tensor:
    """Computes an average pool under TensorFlow's padding: the mean of those pixels of a window that are in the map."""
    rows, columns = torch_ops.padding(x, layer.window)
    if not any(rows + columns):
        if layer.pool == tuple(x.shape[2:]):
            return x.mean((2, 3), keepdim=True)
        return F.avg_pool2d(x, layer.pool, layer.stride)
    total = F.avg_pool2d(F.pad(x, (*columns, *rows)), layer.pool, layer.stride)
    inside = F.pad(x.new_ones(1, 1, *x.shape[2:]), (*columns, *rows))
    return total / F.avg_pool2d(inside, layer.pool, layer.stride)


def _reduced(layer: Reduction, x: Tensor, function: Callable[..., Tensor]) -> Tensor:
    """Computes a reduction by calling `function` with a tensor `[N, ...]` in NHWC order, the axes, and `keepdim`."""
    axes = tuple(axis + 1 for axis in layer.axes)
    y = function(torch_ops.to_nhwc(x) if x.ndim == 4 else x, axes, keepdim=layer.keep_dims)
    return torch_ops.to_nchw(y) if y.ndim == 4 else y


def _map_order(paddings: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Returns paddings of (H, W, C) in torch's order (C, H, W), and those of other tensors unchanged."""
    return (paddings[2], paddings[0], paddings[1]) if len(paddings) == 3 else paddings


def map_names(steps: Sequence[Step]) -> tuple[str, ...]:
    """Returns the names of the maps that full convolutions make, in the order of the layers."""
    return tuple(
        s.layer.outputs[0] for s in steps if isinstance(s.layer, layers.Conv2D) and len(s.output_shapes[0]) == 3
    )
