"""`OPERATIONS`: how each operation of ATen, PyTorch's own set, is read into layers.

Each function takes the `ProgramReader`, and then the operation's arguments in the order in which PyTorch declares them
(aten/src/ATen/native/native_functions.yaml). It adds layers, and returns the tensor or the tensors that the operation
makes. Shapes and axes in the arguments count the batch; those of a `ToolTensor` do not. `ADVICE` says for operations
that are not read what can be done instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from micronets.importers.layouts import ToolTensor
from micronets.importers.torch_reader import Array, Made, ProgramReader, as_float64
from micronets.ir.layers import Add, Binary, Maximum, Mean, Minimum, Mul, Prelu, ReduceMax, ReduceMin, Sub, Sum


def _per_axis(value: Any, axes: int) -> tuple[int, ...]:
    """Returns a number for each axis; `value` is such a list, or one number for all axes, alone or in a list."""
    given = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    return given * axes if len(given) == 1 else given


# Layers with weights


def _convolution(
    r: ProgramReader,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> ToolTensor:
    if transposed:
        raise r.unsupported("a transposed convolution; upsample in another way, or import a .tflite")
    kernel = r.constant(weight, "weights")
    axes = kernel.ndim - 2
    if axes not in (1, 2):
        raise r.unsupported(f"a convolution over {axes} axes; Conv1d and Conv2d are supported")
    cut = r.cuts.get(r.node, {})
    pads = [(n, n - cut.get(k, 0)) for k, n in enumerate(_per_axis(padding, axes))]
    offset = None if bias is None else r.constant(bias, "biases")
    strides, dilations = _per_axis(stride, axes), _per_axis(dilation, axes)
    return r.builder.conv(r.name, r.tensor(x), kernel, offset, strides, dilations, pads, groups)


def _linear(r: ProgramReader, x: Any, weight: Any, bias: Any = None) -> ToolTensor:
    offset = None if bias is None else r.constant(bias, "biases")
    return r.builder.linear(r.name, r.tensor(x), r.constant(weight, "weights"), offset)


def _addmm(r: ProgramReader, bias: Any, x: Any, weight: Any, *, beta: float = 1, alpha: float = 1) -> ToolTensor:
    kernel = r.constant(weight, "weights").T * alpha
    offset = np.broadcast_to(r.constant(bias, "biases") * beta, len(kernel))
    return r.builder.linear(r.name, r.tensor(x), kernel, offset)


def _matmul(r: ProgramReader, x: Any, weight: Any) -> ToolTensor:
    kernel = r.constant(weight, "second operands")
    if kernel.ndim != 2:
        raise r.unsupported(f"a second operand of the shape {list(kernel.shape)}")
    return r.builder.linear(r.name, r.tensor(x), kernel.T, None)


def _batch_norm(
    r: ProgramReader, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> list[ToolTensor]:
    means, variances = r.constant(mean, "means"), r.constant(variance, "variances")
    scale = 1 / np.sqrt(variances + eps)
    scale = scale if weight is None else scale * r.constant(weight, "weights")
    shift = -means * scale
    shift = shift if bias is None else shift + r.constant(bias, "biases")
    return [r.builder.batch_norm(r.name, r.tensor(x), scale, shift)]


# Windows and reductions


def _max_pool(
    r: ProgramReader,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> ToolTensor:
    value = r.tensor(x)
    if any(n != 1 for n in _per_axis(dilation, len(value.shape) - 1)):
        raise r.unsupported("dilation has no counterpart")
    return _pool(r, value, "max", kernel, stride, padding, ceil_mode)


def _average_pool(
    r: ProgramReader,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> ToolTensor:
    if divisor_override is not None:
        raise r.unsupported("divisor_override has no counterpart")
    return _pool(r, r.tensor(x), "average", kernel, stride, padding, ceil_mode, count_include_pad)


def _pool(
    r: ProgramReader,
    x: ToolTensor,
    kind: Literal["max", "average"],
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    counted: bool = True,
) -> ToolTensor:
    """Adds a pool over one or two axes; `counted` says whether an average counts zeros in the padding."""
    axes = len(x.shape) - 1
    size = _per_axis(kernel, axes)
    steps = _per_axis(stride, axes) if stride else size
    pads = [(n, n) for n in _per_axis(padding, axes)]
    if ceil_mode:
        for axis, (n, k, step, (before, after)) in enumerate(zip(x.shape[1:], size, steps, pads, strict=True)):
            whole, rest = divmod(n + before + after - k, step)
            if not rest or (whole + 1) * step >= n + before:  # no further window, or it would begin in the padding
                continue
            if kind == "average":
                raise r.unsupported("ceil_mode where it makes the map larger")
            pads[axis] = (before, after + step - rest)
    return r.builder.pool(r.name, x, kind, size, steps, pads, counted)


def _max_pool_with_indices(r: ProgramReader, *args: Any) -> list[ToolTensor]:
    return [_max_pool(r, *args)]


def _adaptive(kind: Literal["max", "average"]) -> Callable[..., ToolTensor]:
    def read(r: ProgramReader, x: Any, wanted: Any) -> ToolTensor:
        value = r.tensor(x)
        sizes = value.shape[1:]
        target = tuple(n if m is None else m for m, n in zip(_per_axis(wanted, len(sizes)), sizes, strict=True))
        if all(n == 1 for n in target):
            axes = range(1, len(value.shape))
            return r.builder.reduce(r.name, value, Mean if kind == "average" else ReduceMax, axes, True)
        if any(n % m for n, m in zip(sizes, target, strict=True)):
            raise r.unsupported(f"pools {list(sizes)} to {list(target)}; windows of one size need sizes that divide")
        kernel = tuple(n // m for n, m in zip(sizes, target, strict=True))
        return r.builder.pool(r.name, value, kind, kernel, kernel, [(0, 0)] * len(kernel))

    return read


def _adaptive_max(r: ProgramReader, x: Any, wanted: Any) -> list[ToolTensor]:
    return [_adaptive("max")(r, x, wanted)]


def _reduce(kind: type[Mean | Sum | ReduceMax | ReduceMin]) -> Callable[..., ToolTensor]:
    def read(r: ProgramReader, x: Any, dims: Any = (), keepdim: bool = False, *, dtype: Any = None) -> ToolTensor:
        value = r.tensor(x)
        chosen = [dims] if isinstance(dims, int) else list(dims or range(len(value.shape) + 1))
        return r.builder.reduce(r.name, value, kind, [r.axis(value, dim) for dim in chosen], keepdim)

    return read


# Elementwise


def _activation(kind: str) -> Callable[..., ToolTensor]:
    return lambda r, x: r.builder.activation(r.name, r.tensor(x), kind)


def _leaky_relu(r: ProgramReader, x: Any, slope: float = 0.01) -> ToolTensor:
    return r.builder.activation(r.name, r.tensor(x), "leaky relu", float(slope))


def _elu(r: ProgramReader, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> ToolTensor:
    if (alpha, scale, input_scale) != (1, 1, 1):
        raise r.unsupported(f"alpha = {alpha}, scale = {scale}; an ELU with alpha = 1 is supported")
    return r.builder.activation(r.name, r.tensor(x), "elu")


def _silu(r: ProgramReader, x: Any) -> ToolTensor:
    return r.builder.silu(r.name, r.tensor(x))


def _hard_sigmoid(r: ProgramReader, x: Any) -> ToolTensor:
    return r.builder.hard_sigmoid(r.name, r.tensor(x))


def _prelu(r: ProgramReader, x: Any, slopes: Any) -> ToolTensor:
    value, factors = r.tensor(x), r.constant(slopes, "slopes")
    if factors.size > 1:
        factors = factors.reshape(-1, *(1,) * (len(value.shape) - 1))
    return r.builder.binary(r.name, Prelu, value, factors)


def _clamp(r: ProgramReader, x: Any, low: Any = None, high: Any = None) -> ToolTensor:
    return r.builder.clip(
        r.name, r.tensor(x), None if low is None else float(low), None if high is None else float(high)
    )


def _hardtanh(r: ProgramReader, x: Any, low: float = -1, high: float = 1) -> ToolTensor:
    return r.builder.clip(r.name, r.tensor(x), float(low), float(high))


def _clamp_max(r: ProgramReader, x: Any, high: float) -> ToolTensor:
    return r.builder.clip(r.name, r.tensor(x), None, float(high))


def _operand(value: Any, factor: float = 1) -> ToolTensor | Array:
    return value if isinstance(value, ToolTensor) else as_float64(value) * factor


def _binary(kind: type[Binary]) -> Callable[..., ToolTensor]:
    def read(r: ProgramReader, a: Any, b: Any, *, alpha: float = 1) -> ToolTensor:
        if alpha != 1 and isinstance(b, ToolTensor):
            b = r.builder.binary(f"{r.name}_scaled", Mul, b, np.float32(alpha))
        return r.builder.binary(r.name, kind, _operand(a), _operand(b, alpha))

    return read


def _reverse_subtraction(r: ProgramReader, x: Any, other: Any, alpha: float = 1) -> ToolTensor:
    return _binary(Sub)(r, other, x, alpha=alpha)


def _divide(r: ProgramReader, x: Any, divisor: Any) -> ToolTensor:
    return r.builder.binary(r.name, Mul, r.tensor(x), 1 / r.constant(divisor, "divisors"))


def _negative(r: ProgramReader, x: Any) -> ToolTensor:
    return r.builder.binary(r.name, Mul, r.tensor(x), np.float32(-1))


def _softmax(r: ProgramReader, x: Any, dim: int, *rest: Any) -> ToolTensor:
    value = r.tensor(x)
    return r.builder.softmax(r.name, value, r.axis(value, dim))


# Movement


def _reshape(r: ProgramReader, x: Any, *rest: Any) -> ToolTensor:
    return r.builder.reshape(r.name, r.tensor(x), r.shape())


def _permute(r: ProgramReader, x: Any, dims: Sequence[int]) -> ToolTensor:
    value = r.tensor(x)
    order = [dim % len(dims) for dim in dims]
    if order[0] != 0:
        raise r.unsupported(f"the order {order} moves the batch")
    return r.builder.transpose(r.name, value, [dim - 1 for dim in order[1:]])


def _transpose(r: ProgramReader, x: Any, first: int, second: int) -> ToolTensor:
    value = r.tensor(x)
    a, b = r.axis(value, first), r.axis(value, second)
    order = list(range(len(value.shape)))
    order[a], order[b] = b, a
    return r.builder.transpose(r.name, value, order)


def _cat(r: ProgramReader, parts: Sequence[Any], dim: int = 0) -> ToolTensor:
    values = [r.tensor(part) for part in parts]
    return r.builder.concatenate(r.name, values, r.axis(values[0], dim))


def _stack(r: ProgramReader, parts: Sequence[Any], dim: int = 0) -> ToolTensor:
    shape, values = r.shape(), [r.tensor(part) for part in parts]
    axis = dim % (len(shape) + 1) - 1
    if axis < 0:
        raise r.unsupported("works along the batch")
    single = tuple(1 if k == axis else n for k, n in enumerate(shape))
    return r.builder.concatenate(r.name, [r.builder.reshape(r.name, value, single) for value in values], axis)


def _slice(r: ProgramReader, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> ToolTensor:
    value = r.tensor(x)
    size = r.node.args[0].meta["val"].shape[dim]
    begin, stop, stride = slice(start, end, step).indices(size)
    if dim % (len(value.shape) + 1) == 0 and (begin, stop, stride) == (0, size, 1):
        return value
    return r.builder.slice(r.name, value, r.axis(value, dim), begin, stop, stride)


def _select(r: ProgramReader, x: Any, dim: int, index: int) -> ToolTensor:
    value = r.tensor(x)
    axis = r.axis(value, dim)
    at = index % value.shape[axis]
    return r.builder.reshape(r.name, r.builder.slice(r.name, value, axis, at, at + 1), r.shape())


def _split(r: ProgramReader, x: Any, sizes: Sequence[int], dim: int = 0) -> list[ToolTensor]:
    value = r.tensor(x)
    return r.builder.split(r.name, value, r.axis(value, dim), [int(n) for n in sizes])


def _split_evenly(r: ProgramReader, x: Any, size: int, dim: int = 0) -> list[ToolTensor]:
    value = r.tensor(x)
    n = value.shape[r.axis(value, dim)]
    return _split(r, x, [min(size, n - at) for at in range(0, n, size)], dim)


def _pad(r: ProgramReader, x: Any, pad: Sequence[int], value: float = 0) -> ToolTensor:
    if value:
        raise r.unsupported(f"padding with {value}; zeros are supported")
    source = r.tensor(x)
    pads = [(0, 0)] * len(source.shape)
    for k in range(len(pad) // 2):  # PyTorch lists the last dimension first
        pads[len(pads) - 1 - k] = (int(pad[2 * k]), int(pad[2 * k + 1]))
    return r.builder.pad(r.name, source, pads)


def _expand(r: ProgramReader, x: Any, sizes: Sequence[int], **rest: Any) -> ToolTensor:
    if r.tensor(x).shape != r.shape():
        raise r.unsupported(f"repeats {list(x.shape)} to {list(r.shape())}; leave it to the operation behind it")
    return r.tensor(x)


def _same(r: ProgramReader, x: Any, *rest: Any, **more: Any) -> ToolTensor:
    return r.tensor(x)


OPERATIONS: Mapping[str, Callable[..., Made]] = {
    "aten.convolution.default": _convolution,
    "aten.linear.default": _linear,
    "aten.addmm.default": _addmm,
    "aten.mm.default": _matmul,
    "aten.matmul.default": _matmul,
    "aten._native_batch_norm_legit_no_training.default": _batch_norm,
    "aten.max_pool1d.default": _max_pool,
    "aten.max_pool2d.default": _max_pool,
    "aten.max_pool2d_with_indices.default": _max_pool_with_indices,
    "aten.avg_pool1d.default": _average_pool,
    "aten.avg_pool2d.default": _average_pool,
    "aten.adaptive_avg_pool1d.default": _adaptive("average"),
    "aten.adaptive_avg_pool2d.default": _adaptive("average"),
    "aten._adaptive_avg_pool2d.default": _adaptive("average"),
    "aten.adaptive_max_pool1d.default": _adaptive_max,
    "aten.adaptive_max_pool2d.default": _adaptive_max,
    "aten.mean.dim": _reduce(Mean),
    "aten.sum.dim_IntList": _reduce(Sum),
    "aten.amax.default": _reduce(ReduceMax),
    "aten.amin.default": _reduce(ReduceMin),
    "aten.relu.default": _activation("relu"),
    "aten.relu6.default": _activation("relu6"),
    "aten.hardtanh.default": _hardtanh,
    "aten.clamp.default": _clamp,
    "aten.clamp_min.default": _clamp,
    "aten.clamp_max.default": _clamp_max,
    "aten.hardswish.default": _activation("hard swish"),
    "aten.hardsigmoid.default": _hard_sigmoid,
    "aten.silu.default": _silu,
    "aten.sigmoid.default": _activation("sigmoid"),
    "aten.tanh.default": _activation("tanh"),
    "aten.leaky_relu.default": _leaky_relu,
    "aten.elu.default": _elu,
    "aten.prelu.default": _prelu,
    "aten.abs.default": _activation("abs"),
    "aten.rsqrt.default": _activation("rsqrt"),
    "aten.neg.default": _negative,
    "aten.add.Tensor": _binary(Add),
    "aten.add.Scalar": _binary(Add),
    "aten.sub.Tensor": _binary(Sub),
    "aten.sub.Scalar": _binary(Sub),
    "aten.rsub.Scalar": _reverse_subtraction,
    "aten.mul.Tensor": _binary(Mul),
    "aten.mul.Scalar": _binary(Mul),
    "aten.div.Tensor": _divide,
    "aten.div.Scalar": _divide,
    "aten.minimum.default": _binary(Minimum),
    "aten.maximum.default": _binary(Maximum),
    "aten._softmax.default": _softmax,
    "aten.softmax.int": _softmax,
    "aten.view.default": _reshape,
    "aten._unsafe_view.default": _reshape,
    "aten.reshape.default": _reshape,
    "aten.squeeze.default": _reshape,
    "aten.squeeze.dim": _reshape,
    "aten.squeeze.dims": _reshape,
    "aten.unsqueeze.default": _reshape,
    "aten.permute.default": _permute,
    "aten.transpose.int": _transpose,
    "aten.cat.default": _cat,
    "aten.stack.default": _stack,
    "aten.slice.Tensor": _slice,
    "aten.select.int": _select,
    "aten.split_with_sizes.default": _split,
    "aten.split.Tensor": _split_evenly,
    "aten.constant_pad_nd.default": _pad,
    "aten.expand.default": _expand,
    "aten.clone.default": _same,
    "aten.alias.default": _same,
    "aten.detach.default": _same,
    "aten._to_copy.default": _same,
}
"""The function that reads each operation, by the operation's full name."""

OTHER_ADVICE = "docs/conversion.md has the operations that are read; compute others outside of the module"
_RECURRENT = "in place of a recurrent layer take convolutions over time (a TCN), or import a .tflite with an LSTM"
_NORM = "in place of this norm take BatchNorm, which costs nothing in the finished network"
_DROPOUT = "give dropout training=self.training, so that it ends in evaluation mode"
_RESIZE = "enlarge maps outside of the module"
ADVICE: Mapping[str, str] = {
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
    "rnn_tanh": _RECURRENT,
    "rnn_relu": _RECURRENT,
    "layer_norm": _NORM,
    "native_layer_norm": _NORM,
    "group_norm": _NORM,
    "native_group_norm": _NORM,
    "instance_norm": _NORM,
    "_native_batch_norm_legit": "give the norm track_running_stats=True",
    "gelu": "in place of GELU take ReLU, Hardswish or SiLU",
    "scaled_dot_product_attention": "in place of attention take convolutions",
    "bmm": "a product of two computed tensors has no counterpart",
    "embedding": "look embeddings up outside of the module",
    "log_softmax": "leave log_softmax out, the largest output is the same without",
    "_log_softmax": "leave log_softmax out, the largest output is the same without",
    "native_dropout": _DROPOUT,
    "bernoulli": _DROPOUT,
    "upsample_nearest2d": _RESIZE,
    "upsample_bilinear2d": _RESIZE,
}
"""What can be done instead of an operation that is not read, by its name without namespace and overload."""
