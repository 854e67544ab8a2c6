"""`FrozenNet`: a finished network in torch, such as that of a `.tflite`, whose weights are fixed; for teachers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from micronets.design import torch_ops
from micronets.design.net import average_pool, map_names, state_key
from micronets.ir import layers
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT

Array = npt.NDArray[Any]

Compute = Callable[[Step, list[Array]], tuple[Array, ...]]
"""A function that computes a layer in numpy, from inputs `[N, *shape]` to outputs."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """The weights, constants and ranges of a finished network, as real numbers.

    - kernels: weights of every layer that has some, by the layer's name, laid out as in TensorFlow Lite: `[filters, kh,
      kw, C / groups]`, `[1, kh, kw, C * multiplier]` or `[units, inputs]`.
    - biases: `[outputs]`, for the same layers.
    - constants: the values of the network's constants, by name.
    - ranges: the least and the greatest value of each tensor, by name; empty for a float network.
    """

    kernels: Mapping[str, Array]
    biases: Mapping[str, Array]
    constants: Mapping[str, Array] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class FrozenNet(nn.Module):
    """A network with fixed weights that maps inputs `[N, *input_shape]` to logits `[N, outputs]`, float32.

    A final Softmax, and a DEQUANTIZE after it, are left out, so that the outputs are logits. Torch computes
    convolutions and the other common layers on the inputs' device and in its autocast type; `compute` computes rare
    layers in float32 on the CPU.

    - `arch`: its layers, with one input and without variables.
    - `parameters`: its weights, constants and ranges.
    - `compute`: computes a layer that torch does not, without its fused activation.
    - `order`: for each logit the index of its output; None: the outputs are the logits in order.

    Inputs may have axes of one value that `input_shape` lacks, since those of tasks always have three.
    """

    def __init__(
        self, arch: Arch, parameters: Parameters, compute: Compute, order: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.order = None if order is None or list(order) == list(range(len(order))) else list(order)
        self.arch, self.compute, self.ranges = arch, compute, dict(parameters.ranges)
        self.steps, self.output, self.sharpness = _steps_to_logits(arch)
        self._read_last = {name: i for i, step in enumerate(self.steps) for name in step.layer.inputs}
        for step in self.steps:
            name = step.layer.name
            if name in parameters.kernels:
                kernel = _tensor(parameters.kernels[name])
                if isinstance(step.layer, layers.Conv2D):
                    kernel = kernel.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
                elif isinstance(step.layer, layers.DepthwiseConv2D):
                    kernel = kernel.permute(3, 0, 1, 2).contiguous()
                self.register_buffer(f"kernel_{state_key(name)}", kernel)
                self.register_buffer(f"bias_{state_key(name)}", _tensor(parameters.biases[name]))
        for name, values in parameters.constants.items():
            self.register_buffer(f"constant_{state_key(name)}", _tensor(values))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits `[N, outputs]` of inputs `[N, *input_shape]`."""
        return self._logits(self._tensors(x, (self.output,)))

    def map_names(self) -> Sequence[str]:
        """Returns the names of the convolutions' output maps, in order."""
        return map_names(self.steps)

    def with_maps(self, x: Tensor, names: Sequence[str]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Computes the logits `[N, outputs]` and the named maps `[N, C, H, W]` of inputs `[N, H, W, C]`."""
        values = self._tensors(x, (self.output, *names))
        return self._logits(values), {name: torch_ops.to_nchw(values[name]) for name in names}

    def _logits(self, values: Mapping[str, Tensor]) -> Tensor:
        """Returns the logits `[N, outputs]` from the tensors that `_tensors` returned."""
        logits = self.sharpness * values[self.output].flatten(1).float()
        return logits if self.order is None else logits[:, self.order]

    def _tensors(self, x: Tensor, kept: Collection[str]) -> dict[str, Tensor]:
        """Computes the tensors named in `kept`, maps as `[N, H, W, C]`."""
        count = len(x)
        x = x.reshape(count, *self.arch.input_shape)
        values = {INPUT: self._clipped(INPUT, x)}
        for spec in self.arch.constants:
            constant: Tensor = getattr(self, f"constant_{state_key(spec.name)}")
            values[spec.name] = constant.expand(count, *constant.shape)
        for i, step in enumerate(self.steps):
            found = self._layer_outputs(step, [values[name] for name in step.layer.inputs])
            for name, y in zip(step.layer.outputs, found, strict=True):
                values[name] = self._clipped(name, torch_ops.activate(y, step.operator.activation or "none"))
            for name in step.layer.inputs:
                if self._read_last[name] == i and name not in kept:
                    values.pop(name, None)
        return values

    def _clipped(self, name: str, y: Tensor) -> Tensor:
        """Returns `y` clipped to the range of the tensor `name`, as its integer codes saturate."""
        return y.clamp(*self.ranges[name]) if name in self.ranges else y

    def _layer_outputs(self, step: Step, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        """Returns the outputs of a layer, without its fused activation; maps are `[N, H, W, C]`."""
        layer, x = step.layer, inputs[0]
        match layer:
            case layers.Conv2D() | layers.DepthwiseConv2D():
                groups = layer.groups if isinstance(layer, layers.Conv2D) else x.shape[3]
                kernel, bias = self._weights(layer.name)
                y = torch_ops.conv(torch_ops.to_nchw(x), kernel, bias, layer.window, groups)
                return (torch_ops.to_nhwc(y),)
            case layers.FullyConnected():
                kernel, bias = self._weights(layer.name)
                return (F.linear(x if layer.keep_dims else x.reshape(len(x), kernel.shape[1]), kernel, bias),)
            case layers.AveragePool2D():
                return (torch_ops.to_nhwc(average_pool(layer, torch_ops.to_nchw(x))),)
            case layers.MaxPool2D():
                maps = torch_ops.to_nchw(x)
                (top, bottom), (left, right) = torch_ops.padding(maps, layer.window)
                padded = F.pad(maps, (left, right, top, bottom), value=float("-inf"))
                return (torch_ops.to_nhwc(F.max_pool2d(padded, layer.pool, layer.stride)),)
            case layers.Mean():
                return (x.mean([axis + 1 for axis in layer.axes], keepdim=layer.keep_dims),)
            case layers.Add() | layers.Sub() | layers.Mul():
                a, b = _aligned(*inputs)
                match layer:
                    case layers.Add():
                        return (a + b,)
                    case layers.Sub():
                        return (a - b,)
                    case _:
                        return (a * b,)
            case layers.Concatenation():
                return (torch.cat(inputs, layer.axis + 1),)
            case layers.Pad():
                return (F.pad(x, [side for pair in reversed(layer.paddings) for side in pair]),)
            case layers.Reshape():
                return (x.reshape(len(x), *layer.shape),)
            case layers.Relu():
                return (F.relu6(x) if layer.six else F.relu(x),)
            case layers.HardSwish():
                return (F.hardswish(x),)
            case layers.Logistic():
                return (torch.sigmoid(x),)
            case layers.Quantize() | layers.Dequantize():
                return (x,)
            case _:
                found = self.compute(step, [y.detach().float().cpu().numpy() for y in inputs])
                return tuple(_tensor(y).to(x.device) for y in found)

    def _weights(self, name: str) -> tuple[Tensor, Tensor]:
        """Returns the kernel and the bias of a layer."""
        return getattr(self, f"kernel_{state_key(name)}"), getattr(self, f"bias_{state_key(name)}")


def _steps_to_logits(arch: Arch) -> tuple[tuple[Step, ...], str, float]:
    """Returns the layers of a network up to its logits, the name of the logits, and the factor that scales them."""
    steps, name = arch.steps(), arch.output
    made_by = {output: (i, step.layer) for i, step in enumerate(steps) for output in step.layer.outputs}
    at, layer = made_by[name]
    while isinstance(layer, layers.Quantize | layers.Dequantize) and layer.inputs[0] in made_by:
        at, layer = made_by[layer.inputs[0]]
    if isinstance(layer, layers.Softmax) and layer.inputs[0] in made_by:
        return steps[:at], layer.inputs[0], layer.beta
    return steps, name, 1.0


def _tensor(values: Array) -> Tensor:
    """Returns a copy of `values` as a float32 tensor."""
    return torch.from_numpy(np.array(values, np.float32))


def _aligned(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the tensors `[N, *shape]`, of which the one with fewer dimensions gets more, so that they broadcast."""
    rank = max(a.ndim, b.ndim)
    first, second = (x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in (a, b))
    return first, second
