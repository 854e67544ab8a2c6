"""`Builder`: makes a `FloatNetwork` from the operations of a tool that has the channels first, as ONNX and PyTorch do.

The network that is made has the channels last. A map keeps them last for as long as it can; where an operation needs
the values in the tool's own order, a Transpose is put in (see `layouts.py`). Shapes are without the batch, which must
be 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets.importers.layouts import LayoutBuilder, ToolTensor, stored_shape
from micronets.importers.network import FloatWeights
from micronets.ir import layers
from micronets.ir.layers import Binary, Layer, Reduction, Shape
from micronets.ir.window import Padding, Pair, Window

Array = npt.NDArray[Any]


class Builder(LayoutBuilder):
    """Adds the operations of a tool that has the channels first to a network in the making.

    Every method takes `wanted`, the tool's name of the operation's result, and the operands as `ToolTensor`s, and
    returns the result. Axes and shapes are those of the tool, without the batch. A method raises `UnsupportedError` for
    a form of its operation that micronets does not have.
    """

    # Layers with weights

    def conv(
        self,
        wanted: str,
        x: ToolTensor,
        kernel: Array,
        bias: Array | None,
        stride: Sequence[int],
        dilation: Sequence[int],
        pads: Sequence[tuple[int, int]],
        groups: int,
        scales: Array | None = None,
    ) -> ToolTensor:
        """Adds a convolution.

        - wanted: the tool's name of its result.
        - x: a map `(C, H, W)` or `(C, L)`.
        - kernel: `[filters, C / groups, kh, kw]` or `[filters, C / groups, k]`.
        - bias: `[filters]`, or None.
        - stride, dilation: a number for each axis of the map.
        - pads: `(before, after)` for each axis of the map.
        - groups: how many groups of channels there are.
        - scales: `[filters]` or `[1]`, the real value of a step of the weights' codes; None if the file has floats.
        """
        x = self.channels_last(x)
        if kernel.ndim != len(x.shape) + 1:
            raise self.unsupported(f"a kernel of shape {list(kernel.shape)} on a map {list(x.shape)}")
        if kernel.ndim == 3:
            kernel, stride, dilation, pads = kernel[..., None], (*stride, 1), (*dilation, 1), (*pads, (0, 0))
        filters, channels = len(kernel), x.shape[0]
        if kernel.shape[1] * groups != channels:
            raise self.unsupported(f"{groups} groups of {kernel.shape[1]} channels, and an input of {channels}")
        size = (kernel.shape[2], kernel.shape[3])
        step, apart = (stride[0], stride[1]), (dilation[0], dilation[1])
        x, padding = self._padded(x, size, step, apart, pads)
        values = np.zeros(filters, np.float32) if bias is None else np.asarray(bias, np.float32)
        name = self.name(wanted)
        layer: Layer
        if groups == channels and groups > 1:
            layout = np.ascontiguousarray(kernel[:, 0].transpose(1, 2, 0)[None], np.float32)
            layer = layers.DepthwiseConv2D(
                name=name, inputs=(x.name,), kernel=size, stride=step, dilation=apart, padding=padding,
                multiplier=filters // channels,
            )  # fmt: skip
        else:
            layout = np.ascontiguousarray(kernel.transpose(0, 2, 3, 1), np.float32)
            layer = layers.Conv2D(
                name=name, inputs=(x.name,), filters=filters, kernel=size, stride=step, dilation=apart, padding=padding,
                groups=groups,
            )  # fmt: skip
        self.add(layer, FloatWeights(layout, values, scales))
        return self.map_of(name, one_dimensional=len(x.shape) == 2)

    def linear(
        self, wanted: str, x: ToolTensor, kernel: Array, bias: Array | None, scales: Array | None = None
    ) -> ToolTensor:
        """Adds a matrix product over the last dimension of `x`.

        - wanted: the tool's name of its result.
        - x: a tensor `(..., inputs)`.
        - kernel: `[units, inputs]`.
        - bias: `[units]`, or None.
        - scales: `[units]` or `[1]`, the real value of a step of the weights' codes; None if the file has floats.
        """
        units, size = kernel.shape
        if x.layout == "flattened" and x.shape == (size,):
            positions = math.prod(x.map_shape[1:])
            kernel = kernel.reshape(units, x.map_shape[0], positions).transpose(0, 2, 1).reshape(units, size)
        else:
            x = self.plain(x)
        if not x.shape or x.shape[-1] != size:
            raise self.unsupported(f"weights [{units}, {size}] and an input of the shape {list(x.shape)}")
        values = np.zeros(units, np.float32) if bias is None else np.asarray(bias, np.float32)
        kept = len(x.shape) > 1
        source = x.name if kept else self.unshaped(x.name)  # without keep_dims the layer flattens its input itself
        layer = layers.FullyConnected(name=self.name(wanted), inputs=(source,), units=units, keep_dims=kept)
        name = self.add(layer, FloatWeights(np.ascontiguousarray(kernel, np.float32), values, scales))
        return ToolTensor(name, (*x.shape[:-1], units))

    def _padded(
        self,
        x: ToolTensor,
        kernel: Pair,
        stride: Pair,
        dilation: Pair,
        pads: Sequence[tuple[int, int]],
        pooled: bool = False,
    ) -> tuple[ToolTensor, Padding]:
        """Returns the input of a window, with zeros added where neither "valid" nor "same" pads it so, and the rule.

        - pooled: whether the window takes a maximum. Zeros in the padding change it where all values are negative.
        """
        if not any(before or after for before, after in pads):
            return x, "valid"
        stored = self.shape_here(x)
        same = Window(kernel, stride, dilation, "same")
        if tuple(zip(same.before(stored), same.after(stored), strict=True)) == tuple(pads):
            return x, "same"
        if min(n for pair in pads for n in pair) < 0:
            raise self.unsupported(f"the padding {list(pads)} is negative")
        if pooled and x.name not in self.rectified:
            raise self.unsupported(
                f"a maximum with the padding {list(pads)} over values that may be negative; put it behind a ReLU, or "
                "choose the kernel and the padding so that TensorFlow's SAME gives the same"
            )
        layer = layers.Pad(name=self.name(f"{x.name}_pad"), inputs=(x.name,), paddings=(pads[0], pads[1], (0, 0)))
        return replace(x, name=self.add(layer)), "valid"

    # Windows and reductions

    def pool(
        self,
        wanted: str,
        x: ToolTensor,
        kind: Literal["max", "average"],
        kernel: Sequence[int],
        stride: Sequence[int],
        pads: Sequence[tuple[int, int]],
        count_padding: bool = True,
    ) -> ToolTensor:
        """Adds a pool over windows of a map.

        - wanted: the tool's name of its result.
        - x: a map `(C, H, W)` or `(C, L)`.
        - kind: whether it takes the maximum or the average of a window.
        - kernel, stride: a number for each axis of the map.
        - pads: `(before, after)` for each axis of the map.
        - count_padding: whether an average counts the zeros in the padding.
        """
        x = self.channels_last(x)
        if len(x.shape) == 2:
            kernel, stride, pads = (*kernel, 1), (*stride, 1), (*pads, (0, 0))
        size, step = (kernel[0], kernel[1]), (stride[0], stride[1])
        padded = any(before or after for before, after in pads)
        if kind == "average" and padded and count_padding:
            layer = layers.Pad(name=self.name(f"{x.name}_pad"), inputs=(x.name,), paddings=(pads[0], pads[1], (0, 0)))
            x, padding = replace(x, name=self.add(layer)), _VALID
        else:
            x, padding = self._padded(x, size, step, (1, 1), pads, pooled=kind == "max")
            if kind == "average" and padded and padding == "valid":
                raise self.unsupported(f"an average that leaves out the padding {list(pads)}")
        make = layers.MaxPool2D if kind == "max" else layers.AveragePool2D
        name = self.add(make(name=self.name(wanted), inputs=(x.name,), pool=size, stride=step, padding=padding))
        return self.map_of(name, one_dimensional=len(x.shape) == 2)

    def reduce(
        self,
        wanted: str,
        x: ToolTensor,
        kind: type[layers.Mean | layers.Sum | layers.ReduceMax | layers.ReduceMin],
        axes: Sequence[int],
        keep_dims: bool,
    ) -> ToolTensor:
        """Adds a reduction over some dimensions of a tensor.

        - wanted: the tool's name of its result.
        - x: the tensor.
        - kind: the layer that reduces.
        - axes: the dimensions that are reduced; negative ones count from the last.
        - keep_dims: whether the result keeps these dimensions, with the size 1.
        """
        if x.layout == "flattened":
            x = self.plain(x)
        chosen = sorted({axis % len(x.shape) for axis in axes})
        kept = tuple(1 if axis in chosen else n for axis, n in enumerate(x.shape))
        left = tuple(n for axis, n in enumerate(x.shape) if axis not in chosen)
        own = sorted(self.axis_here(x, axis) for axis in chosen)
        if x.layout == "channels last" and len(x.shape) == 2 and 0 in own:
            own = sorted({*own, 1})  # a map (C, L) is stored as (L, 1, C): the width of 1 is reduced with the length
        layer: Reduction = kind(name=self.name(wanted), inputs=(x.name,), axes=tuple(own), keep_dims=True)
        found = ToolTensor(self.add(layer), kept, x.layout)
        return found if keep_dims else self.reshape(wanted, found, left)

    # Elementwise

    def activation(self, wanted: str, x: ToolTensor, kind: str, value: float = 0.0) -> ToolTensor:
        """Adds an activation.

        - wanted: the tool's name of its result.
        - x: the tensor.
        - kind: relu, relu6, hard swish, sigmoid, tanh, leaky relu, elu, abs or rsqrt.
        - value: the slope of a leaky relu for negative values; the other kinds do not read it.
        """
        inputs, name = (x.name,), self.name(wanted)
        made: dict[str, Callable[[], Layer]] = {
            "relu": lambda: layers.Relu(name=name, inputs=inputs),
            "relu6": lambda: layers.Relu(name=name, inputs=inputs, six=True),
            "hard swish": lambda: layers.HardSwish(name=name, inputs=inputs),
            "sigmoid": lambda: layers.Logistic(name=name, inputs=inputs),
            "tanh": lambda: layers.Tanh(name=name, inputs=inputs),
            "leaky relu": lambda: layers.LeakyRelu(name=name, inputs=inputs, alpha=value),
            "elu": lambda: layers.Elu(name=name, inputs=inputs),
            "abs": lambda: layers.Abs(name=name, inputs=inputs),
            "rsqrt": lambda: layers.Rsqrt(name=name, inputs=inputs),
        }
        return replace(x, name=self.add(made[kind]()))

    def silu(self, wanted: str, x: ToolTensor) -> ToolTensor:
        """Adds x * sigmoid(x)."""
        return self.binary(wanted, layers.Mul, x, self.activation(f"{wanted}_sigmoid", x, "sigmoid"))

    def hard_sigmoid(self, wanted: str, x: ToolTensor) -> ToolTensor:
        """Adds relu6(x + 3) / 6."""
        shifted = self.binary(f"{wanted}_shifted", layers.Add, x, np.float32(3))
        return self.binary(
            wanted, layers.Mul, self.activation(f"{wanted}_clipped", shifted, "relu6"), np.float32(1 / 6)
        )

    def softmax(self, wanted: str, x: ToolTensor, axis: int) -> ToolTensor:
        """Adds a softmax.

        - wanted: the tool's name of its result.
        - x: the tensor.
        - axis: the dimension along which the result sums to 1; a negative one counts from the last.
        """
        x = self.plain(x) if x.layout == "flattened" else x
        if self.axis_here(x, axis % len(x.shape)) != len(self.shape_here(x)) - 1:
            x = self.plain(x)
            if axis % len(x.shape) != len(x.shape) - 1:
                raise self.unsupported(f"a softmax along dimension {axis + 1} of {len(x.shape) + 1}, not the last")
        return replace(x, name=self.add(layers.Softmax(name=self.name(wanted), inputs=(x.name,))))

    def binary(
        self, wanted: str, kind: type[Binary], a: ToolTensor | Array | np.float32, b: ToolTensor | Array | np.float32
    ) -> ToolTensor:
        """Adds an operation on two operands value by value, such as a sum.

        - wanted: the tool's name of its result.
        - kind: the layer that computes it.
        - a, b: the operands in their order; one of the two may be a constant.
        """
        first = a if isinstance(a, ToolTensor) else b
        assert isinstance(first, ToolTensor)
        names: tuple[str, ...]
        if isinstance(a, ToolTensor) and isinstance(b, ToolTensor):
            a, b = self._aligned(a, b)
            first = a if math.prod(a.shape) >= math.prod(b.shape) else b
            names = (a.name, b.name)
        else:
            names = tuple(
                v.name if isinstance(v, ToolTensor) else self._constant(wanted, np.asarray(v), first) for v in (a, b)
            )
        layer = kind(name=self.name(wanted), inputs=names)
        name = self.add(layer)
        if self.shapes[name] != self.shapes[first.name]:
            shape = self.shapes[name]
            if first.layout != "plain":
                raise self.unsupported(f"operands that broadcast to {list(shape)}")
            return ToolTensor(name, shape)
        return replace(first, name=name)

    def _aligned(self, a: ToolTensor, b: ToolTensor) -> tuple[ToolTensor, ToolTensor]:
        """Returns two tensors with their values in the same order."""
        if a.layout == b.layout and len(a.shape) == len(b.shape) and a.map_shape == b.map_shape:
            return a, b
        if len(a.shape) == len(b.shape) and "channels last" in (a.layout, b.layout) and len(a.shape) > 1:
            return self.channels_last(a), self.channels_last(b)
        return self.plain(a), self.plain(b)

    def _constant(self, wanted: str, values: Array, beside: ToolTensor) -> str:
        """Adds a constant whose values lie in the order of `beside`, its other operand, and returns its name."""
        rank = len(beside.shape)
        if values.ndim == rank + 1 and values.shape[0] == 1:
            values = values[0]
        if values.ndim > rank:
            raise self.unsupported(f"a constant of the shape {list(values.shape)} beside {list(beside.shape)}")
        if values.size > 1:
            values = values.reshape((1,) * (rank - values.ndim) + values.shape)
        match beside.layout:
            case "channels last" if values.size > 1:
                values = np.moveaxis(values, 0, -1)
                values = values.reshape(values.shape[0], 1, values.shape[1]) if rank == 2 else values
            case "flattened" if values.size > 1:
                channels = beside.map_shape[0]
                values = np.broadcast_to(values, beside.shape).reshape(channels, -1).T.ravel()
            case _:
                pass
        if values.size == 1:
            values = values.reshape(())
        elif math.prod(values.shape[:-1]) == 1:
            values = values.ravel()
        name = self.name(f"{wanted}_constant")
        self.constants[name] = np.ascontiguousarray(values, np.float32)
        return name

    def batch_norm(self, wanted: str, x: ToolTensor, scale: Array, shift: Array) -> ToolTensor:
        """Adds `x * scale + shift`; `network.folded` later folds both into the convolution in front.

        - wanted: the tool's name of its result.
        - x: a tensor whose first dimension is the channels, `(C, ...)`.
        - scale, shift: `[C]`, a number for each channel.
        """
        shape = (-1, *(1,) * (len(x.shape) - 1))
        scaled = self.binary(f"{wanted}_scaled", layers.Mul, x, scale.reshape(shape))
        return self.binary(wanted, layers.Add, scaled, shift.reshape(shape))

    def clip(self, wanted: str, x: ToolTensor, low: float | None, high: float | None) -> ToolTensor:
        """Adds a clamp of the values to `[low, high]`.

        - wanted: the tool's name of its result.
        - x: the tensor.
        - low, high: the bounds; None for a bound leaves that side open.
        """
        if low == 0 and high is None:
            return self.activation(wanted, x, "relu")
        if low == 0 and high == 6:
            return self.activation(wanted, x, "relu6")
        if low is not None:
            first = wanted if high is None else f"{wanted}_low"
            x = (
                self.activation(first, x, "relu")
                if low == 0
                else self.binary(first, layers.Maximum, x, np.float32(low))
            )
        return x if high is None else self.binary(wanted, layers.Minimum, x, np.float32(high))

    # Movement

    def reshape(self, wanted: str, x: ToolTensor, shape: Shape) -> ToolTensor:
        """Returns the values of a tensor, in the tool's order, under another shape.

        - wanted: the tool's name of the result.
        - x: the tensor.
        - shape: the new shape, with the same number of values.
        """
        if x.shape == shape:
            return x
        if x.layout == "channels last" and len(shape) == 1 and math.prod(x.shape[1:]) > 1 and x.shape[0] > 1:
            return ToolTensor(self.reshaped(x.name, shape), shape, "flattened", x.shape)
        if x.layout == "channels last" and _without_ones(x.shape) == _without_ones(shape) and len(shape) in (2, 3):
            stored = stored_shape(shape, "channels last")
            if _without_ones(self.shape_here(x)) == _without_ones(stored):
                return ToolTensor(self.reshaped(x.name, stored), shape, "channels last")
        return ToolTensor(self.reshaped(self.plain(x).name, shape), shape)

    def transpose(self, wanted: str, x: ToolTensor, order: Sequence[int]) -> ToolTensor:
        """Returns a tensor with its dimensions in another order.

        - wanted: the tool's name of the result.
        - x: the tensor.
        - order: a permutation; dimension i of the result is dimension `order[i]` of `x`.
        """
        order = tuple(order)
        if order == tuple(range(len(order))):
            return x
        shape = tuple(x.shape[axis] for axis in order)
        if x.layout == "channels last" and order == (*range(1, len(order)), 0):
            return ToolTensor(self.reshaped(x.name, shape), shape)
        if x.layout == "plain" and order == (len(order) - 1, *range(len(order) - 1)) and len(order) in (2, 3):
            return ToolTensor(self.reshaped(x.name, stored_shape(shape, "channels last")), shape, "channels last")
        x = self.plain(x)
        layer = layers.Transpose(name=self.name(wanted), inputs=(x.name,), permutation=order)
        return ToolTensor(self.add(layer), shape)

    def concatenate(self, wanted: str, values: Sequence[ToolTensor], axis: int) -> ToolTensor:
        """Adds a concatenation of tensors.

        - wanted: the tool's name of its result.
        - values: the tensors in their order, at least one; they differ only in their size along `axis`.
        - axis: the dimension along which they are joined; a negative one counts from the last.
        """
        if len(values) == 1:
            return values[0]
        rank = len(values[0].shape)
        mapped = rank > 1 and any(value.layout == "channels last" for value in values)
        sources = [self.channels_last(value) if mapped else self.plain(value) for value in values]
        own = self.axis_here(sources[0], axis % rank)
        name = self.add(layers.Concatenation(name=self.name(wanted), inputs=tuple(v.name for v in sources), axis=own))
        size = sum(value.shape[axis] for value in values)
        shape = tuple(size if d == axis % rank else n for d, n in enumerate(values[0].shape))
        return ToolTensor(name, shape, sources[0].layout)

    def slice(self, wanted: str, x: ToolTensor, axis: int, begin: int, end: int, step: int = 1) -> ToolTensor:
        """Adds a slice, which takes some places along one dimension of a tensor.

        - wanted: the tool's name of its result.
        - x: the tensor.
        - axis: the dimension, at least 0.
        - begin, end: the first place that is taken, at least 0, and the place before which the slice ends.
        - step: every `step`-th place is taken, from `begin` on; at least 1.
        """
        x = self.plain(x) if x.layout == "flattened" else x
        size = len(range(begin, end, step))
        if size == x.shape[axis] and step == 1:
            return x
        if size < 1:
            raise self.unsupported(f"a slice of no places along dimension {axis + 1}")
        stored, own = self.shape_here(x), self.axis_here(x, axis)
        layer = layers.StridedSlice(
            name=self.name(wanted),
            inputs=(x.name,),
            begin=tuple(begin if d == own else 0 for d in range(len(stored))),
            size=tuple(size if d == own else n for d, n in enumerate(stored)),
            strides=tuple(step if d == own else 1 for d in range(len(stored))),
        )
        shape = tuple(size if d == axis else n for d, n in enumerate(x.shape))
        return ToolTensor(self.add(layer), shape, x.layout)

    def split(self, wanted: str, x: ToolTensor, axis: int, sizes: Sequence[int]) -> list[ToolTensor]:
        """Divides a tensor along one dimension into parts, and returns them in their order.

        - wanted: the tool's name of the first part; the names of the others are made from it.
        - x: the tensor.
        - axis: the dimension, at least 0.
        - sizes: the size of each part along `axis`; they sum to that of `x`.
        """
        x = self.plain(x) if x.layout == "flattened" else x
        if len(sizes) == 1:
            return [x]
        names = []
        for k in range(len(sizes)):
            name = self.name(f"{wanted}_{k}" if k else wanted)
            names.append(name)
            self.shapes[name] = ()
        own = self.axis_here(x, axis)
        layer = layers.Split(name=names[0], inputs=(x.name,), axis=own, others=tuple(names[1:]), sizes=tuple(sizes))
        self.add(layer if len(set(sizes)) > 1 else replace(layer, sizes=()))
        return [
            ToolTensor(name, tuple(size if d == axis else n for d, n in enumerate(x.shape)), x.layout)
            for name, size in zip(names, sizes, strict=True)
        ]

    def pad(self, wanted: str, x: ToolTensor, pads: Sequence[tuple[int, int]]) -> ToolTensor:
        """Adds zeros around the values of a tensor.

        - wanted: the tool's name of the result.
        - x: the tensor.
        - pads: `(before, after)` for each dimension of the tool's shape; negative numbers take places away.
        """
        x = self.plain(x) if x.layout == "flattened" else x
        for axis, (before, after) in enumerate(pads):
            if before < 0 or after < 0:
                n = x.shape[axis]
                x = self.slice(f"{wanted}_cut", x, axis, max(0, -before), n - max(0, -after))
        added = [(max(0, before), max(0, after)) for before, after in pads]
        if not any(before or after for before, after in added):
            return x
        paddings = [(0, 0)] * len(self.shape_here(x))
        for axis, pair in enumerate(added):
            paddings[self.axis_here(x, axis)] = pair
        name = self.add(layers.Pad(name=self.name(wanted), inputs=(x.name,), paddings=tuple(paddings)))
        shape = tuple(n + before + after for n, (before, after) in zip(x.shape, added, strict=True))
        return ToolTensor(name, shape, x.layout)


_VALID: Padding = "valid"


def _without_ones(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)
