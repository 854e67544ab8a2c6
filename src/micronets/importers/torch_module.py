"""`read_module`: makes a `FloatNetwork` of a trained module of PyTorch; `torch.export` traces it.

What is read are operations of ATen, PyTorch's own set. Those that are not read here are taken apart into simpler ones
by `torch.export`, as far as it can. Whatever depends on parameters alone (weight norm, tables of positions) is computed
while reading.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets.errors import MicronetsError, SpecError, UnsupportedError
from micronets.importers.channels_first import Builder, ToolTensor
from micronets.importers.network import FloatNetwork, folded
from micronets.importers.quantise import with_requantised_joins
from micronets.installation import require
from micronets.ir.layers import Add, Binary, Maximum, Mean, Minimum, Mul, Prelu, ReduceMax, ReduceMin, Shape, Sub, Sum

Array = npt.NDArray[Any]
Made = ToolTensor | Sequence[ToolTensor]
"""What an operation makes: one tensor, or several."""

WHERE = "from_torch"


def read_module(module: Any, example: Any) -> FloatNetwork:
    """Returns the network that a module computes in evaluation mode, with its weights.

    - module: a module of one input. It stays as it is.
    - example: a tensor `[N, ...]` that it takes, N at least 1; its values do not matter.

    Batch norms are folded into the layers in front. Raises `SpecError` for an example that is none, and
    `UnsupportedError` for a module that cannot be traced or has parts that micronets does not have, which names these
    by their paths in the module.
    """
    require("torch")
    import torch

    if not isinstance(module, torch.nn.Module):
        raise SpecError(f"{WHERE}: a {_kind(module)} is no module; give a trained torch.nn.Module")
    if not isinstance(example, torch.Tensor):
        raise SpecError(f"{WHERE}: the example is a {_kind(example)}; give a tensor [N, ...] that the module takes")
    if example.ndim < 2 or not example.numel() or not example.is_floating_point():
        shown = f"{str(example.dtype).removeprefix('torch.')} {list(example.shape)}"
        raise SpecError(f"{WHERE}: the example is {shown}; give floats [N, ...], with a batch of at least 1 in front")
    # With two examples a step that mixes them is seen; modules that are written for one alone get one.
    try:
        return _read(module, example[:1].expand(2, *example.shape[1:]).contiguous())
    except _NotOfTwoError as refused:
        try:
            return _read(module, example[:1])
        except UnsupportedError:
            raise UnsupportedError(str(refused)) from refused


class _NotOfTwoError(UnsupportedError):
    """What a module that is written for a batch of one alone may raise for one of two."""


def _kind(value: Any) -> str:
    return type(value).__name__


def _read(module: Any, example: Any) -> FloatNetwork:
    """Returns the network of a module for a batch as large as that of the example."""
    program = _exported(module, example)
    signature = program.graph_signature
    if signature.buffers_to_mutate or getattr(signature, "user_inputs_to_mutate", {}):
        changed = ", ".join(dict.fromkeys(signature.buffers_to_mutate.values())) or "its input"
        raise UnsupportedError(
            f"{WHERE}: the module changes {changed} at every call; a module without a state between calls can be read"
        )
    (source,) = (node for node in program.graph.nodes if node.name == signature.user_inputs[0])
    _check_known(program.graph, source)
    reader = _Reader(example.shape[0], _cuts(program.graph))
    held = {**program.state_dict, **program.constants}
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    names |= signature.inputs_to_lifted_tensor_constants
    for node in program.graph.nodes:
        match node.op:
            case "placeholder" if node is source:
                reader.values[node] = _input(reader.builder, tuple(example.shape[1:]), _is_map(node))
            case "placeholder":
                reader.values[node] = held[names[node.name]].detach().cpu()
            case "call_function":
                reader.read(node)
            case _:
                pass
    (last,) = (node for node in program.graph.nodes if node.op == "output")
    outputs = [reader.values[node] for node in last.args[0]]
    reader.builder.where = WHERE
    if not all(isinstance(value, ToolTensor) for value in outputs):
        raise UnsupportedError(f"{WHERE}: an output does not depend on the input; return computed tensors only")
    return with_requantised_joins(folded(reader.builder.finish(outputs)))


def _input(builder: Builder, shape: Shape, is_map: bool) -> ToolTensor:
    """Returns the input of the network, which here has three dimensions, as `arrays` and tasks make them."""
    if is_map or len(shape) >= 3:
        return builder.input(shape, is_map)
    return builder.reshape("input", builder.input((*shape, *(1,) * (3 - len(shape))), False), shape)


def _exported(module: Any, example: Any) -> Any:
    """Returns the exported program of a module in evaluation mode, in the operations that are read here."""
    import torch

    first = next(iter(module.parameters()), None)
    if first is not None:
        example = example.to(first.device, first.dtype)
    kept = _READERS.keys() | _REFUSED.keys()
    try:
        with _evaluating(module), _quiet(), torch.no_grad():
            program = torch.export.export(module, (example,))
            table: Any = torch.export.default_decompositions()
            for operation in [o for o in table if str(o) in kept or _base(str(o)) in kept]:
                table.pop(operation, None)
            return program.run_decompositions(table)
    except Exception as e:  # of the module's own code and of the tracer, which have no common base
        said = next((line.strip() for line in str(e).splitlines() if line.strip()), _kind(e))
        raise _NotOfTwoError(
            f"{WHERE}: torch.export cannot trace the module with an input {list(example.shape)}: {said}; its "
            "forward has to take one tensor and to do the same whatever the values are"
        ) from e


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Puts a module into evaluation mode, and at the end every part into the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what torch.export says to developers of torch off the terminal; its errors are still raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _base(operation: str) -> str:
    """Returns the name of an operation without its namespace and its overload: "relu" of "aten.relu.default"."""
    return operation.split(".")[1] if "." in operation else operation


def _place(node: Any) -> tuple[str, str]:
    """Returns the path and the class of the innermost module that an operation stems from."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    if not stack:
        return "", "Module"
    path, kind = stack[-1]
    name = kind if isinstance(kind, str) else kind.__name__
    return path.split("@")[0], name.rsplit(".", 1)[-1]


def _shown(node: Any) -> str:
    """Returns a module as errors name it."""
    path, kind = _place(node)
    return f"module '{path}' ({kind})" if path else f"the module itself ({kind})"


def _check_known(graph: Any, source: Any) -> None:
    """Raises `UnsupportedError` that names every module with an operation that is not read."""
    found: dict[str, list[str]] = {}
    ways: dict[str, None] = {}
    computed = _computed(graph, source)
    for node in graph.nodes:
        if node not in computed or str(node.target) in _READERS or node.target.__name__ == "getitem":
            continue
        base = _base(str(node.target))
        names = found.setdefault(_shown(node), [])
        if base not in names:
            names.append(base)
        ways[_REFUSED.get(base, _OTHERWISE)] = None
    if found:
        parts = ", ".join(f"{module} computes {' and '.join(names)}" for module, names in found.items())
        raise UnsupportedError(f"{WHERE}: not supported: {parts}; {'; '.join(ways)}")


def _computed(graph: Any, source: Any) -> set[Any]:
    """Returns the operations whose result depends on the input `source` of a program."""
    found = {source}
    for node in graph.nodes:
        if node.op == "call_function" and found.intersection(node.all_input_nodes):
            found.add(node)
    return found - {source}


def _is_map(node: Any) -> bool:
    """Returns whether an input of the program is a map with its channels first."""
    rank = len(node.meta["val"].shape)
    first = next((str(user.target) for user in node.users), "")
    if _base(first) in ("permute", "transpose"):
        return False
    if rank == 3:
        return any(_base(str(n.target)) in _MAPPED for n in node.graph.nodes if n.op == "call_function") and (
            _base(first) != "unsqueeze"
        )
    return rank == 4


_MAPPED = (
    "convolution", "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "_native_batch_norm_legit_no_training",
)  # fmt: skip
"""Operations whose input of two dimensions is a map (C, L)."""

_UNARY = (
    "relu", "hardtanh", "clamp", "hardswish", "hardsigmoid", "silu", "sigmoid", "tanh", "leaky_relu", "elu", "abs",
    "clone", "alias", "dropout", "_native_batch_norm_legit_no_training", "getitem",
)  # fmt: skip
"""Operations that compute each value of a map from that value and its channel."""


def _cuts(graph: Any) -> dict[Any, dict[int, int]]:
    """Returns for convolutions how many places at the end of an axis of their map nothing reads.

    A causal convolution is often written as one that is padded at both ends, whose last outputs are cut off
    (Bai et al. 2018). Without the padding behind, these are not computed at all.
    """
    found: dict[Any, dict[int, int]] = {}
    for node in graph.nodes:
        if node.op != "call_function" or _base(str(node.target)) != "slice":
            continue
        source, dim, start, end, step = _slice_of(*node.args)
        size = source.meta["val"].shape[dim]
        begin, stop, _ = slice(start, end, step).indices(size)
        axis = dim % len(source.meta["val"].shape) - 2
        while len(source.users) == 1 and source.op == "call_function" and _name(source) in _UNARY:
            source = source.args[0]
        if source.op != "call_function" or _name(source) != "convolution" or len(source.users) > 1 or axis < 0:
            continue
        strides, paddings = source.args[3], source.args[4]
        stride, padding = strides[axis % len(strides)], paddings[axis % len(paddings)]
        if begin == 0 and step == 1 and stride == 1 and size - stop <= padding:
            found[source] = {axis: size - stop}
    return found


def _slice_of(source: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> tuple[Any, ...]:
    """Returns the arguments of a slice, with those that are left out."""
    return source, dim, start, end, step


def _name(node: Any) -> str:
    """Returns the name of an operation, or of what takes one of its results."""
    return "getitem" if node.target.__name__ == "getitem" else _base(str(node.target))


class _Reader:
    """What has been read of a program: tensors of the network in the making, and constants as tensors of torch.

    - batch: how many examples it was traced with.
    - cuts: see `_cuts`.
    """

    def __init__(self, batch: int, cuts: Mapping[Any, Mapping[int, int]]) -> None:
        self.batch, self.cuts = batch, cuts
        self.builder = Builder(WHERE)
        self.values: dict[Any, Any] = {}
        self.node: Any = None

    @property
    def name(self) -> str:
        """What the tensor that is being made is to be called: its module's path, and the operation in the root."""
        path, _ = _place(self.node)
        return path or str(self.node.name)

    def unsupported(self, what: str) -> UnsupportedError:
        """Returns the error for the operation that is being worked on."""
        return self.builder.unsupported(what)

    def read(self, node: Any) -> None:
        """Works on one operation."""
        import torch

        self.node = node
        args = torch.fx.node.map_arg(node.args, lambda n: self.values[n])
        kwargs = torch.fx.node.map_arg(node.kwargs, lambda n: self.values[n])
        if node.target.__name__ == "getitem":
            self.values[node] = args[0][args[1]]
            return
        if not any(_has_value(v) for v in (*args, *kwargs.values())):
            with torch.no_grad():
                self.values[node] = node.target(*args, **kwargs)
            return
        self.builder.where = f"{WHERE}: {_shown(node)}, {_base(str(node.target))}"
        try:
            made = _READERS[str(node.target)](self, *args, **kwargs)
        except MicronetsError:
            raise
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as e:
            raise self.unsupported(f"a form of this operation that is not supported ({e})") from e
        if isinstance(made, ToolTensor):
            self.check_shape(made)
        self.values[node] = made

    def check_shape(self, made: ToolTensor) -> None:
        """Raises `UnsupportedError` where a tensor has not the shape that torch told, but for what is cut off later."""
        if made.shape != self.shape() and not self._is_cut():
            raise self.unsupported(f"makes {list(made.shape)} here, and {list(self.shape())} in torch")

    def _is_cut(self) -> bool:
        node = self.node
        while node.op == "call_function" and _name(node) in _UNARY:
            node = node.args[0]
        return node in self.cuts

    def shape(self) -> Shape:
        """Returns the shape of what is being made without the batch, as torch tells it."""
        return self.without_batch(self.node.meta["val"].shape)

    def without_batch(self, shape: Sequence[Any]) -> Shape:
        """Returns a shape without the batch in front. Raises `UnsupportedError` where it is not in front."""
        sizes = tuple(int(n) for n in shape)
        if not sizes or sizes[0] != self.batch:
            said = f"makes {list(sizes)} of a batch of {self.batch}, which has to stay in front"
            raise _NotOfTwoError(str(self.unsupported(said)))
        return sizes[1:]

    def axis(self, x: ToolTensor, dim: int) -> int:
        """Returns a dimension of torch's counting without the batch."""
        found: int = dim % (len(x.shape) + 1) - 1
        if found < 0:
            raise self.unsupported("works along the batch")
        return found

    def tensor(self, value: Any) -> ToolTensor:
        """Returns an operand that is computed."""
        if not isinstance(value, ToolTensor):
            raise self.unsupported("its first operand is a constant")
        return value

    def constant(self, value: Any, what: str) -> Array:
        """Returns an operand that has to be constant; `what` says which."""
        if isinstance(value, ToolTensor):
            raise self.unsupported(f"its {what} are computed; they have to be constant")
        return _array(value)


def _has_value(value: Any) -> bool:
    return isinstance(value, ToolTensor) or (isinstance(value, (list, tuple)) and any(map(_has_value, value)))


def _array(value: Any) -> Array:
    """Returns a constant of torch, or a number, as float64."""
    return np.asarray(value.double().numpy() if hasattr(value, "double") else value, np.float64)


def _per_axis(value: Any, axes: int) -> tuple[int, ...]:
    """Returns a number for each axis, of a list that may hold one for all."""
    given = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    return given * axes if len(given) == 1 else given


# Layers with weights


def _convolution(
    r: _Reader,
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


def _linear(r: _Reader, x: Any, weight: Any, bias: Any = None) -> ToolTensor:
    offset = None if bias is None else r.constant(bias, "biases")
    return r.builder.linear(r.name, r.tensor(x), r.constant(weight, "weights"), offset)


def _addmm(r: _Reader, bias: Any, x: Any, weight: Any, *, beta: float = 1, alpha: float = 1) -> ToolTensor:
    kernel = r.constant(weight, "weights").T * alpha
    offset = np.broadcast_to(r.constant(bias, "biases") * beta, len(kernel))
    return r.builder.linear(r.name, r.tensor(x), kernel, offset)


def _matmul(r: _Reader, x: Any, weight: Any) -> ToolTensor:
    kernel = r.constant(weight, "second operands")
    if kernel.ndim != 2:
        raise r.unsupported(f"a second operand of the shape {list(kernel.shape)}")
    return r.builder.linear(r.name, r.tensor(x), kernel.T, None)


def _batch_norm(
    r: _Reader, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> list[ToolTensor]:
    means, variances = r.constant(mean, "means"), r.constant(variance, "variances")
    scale = 1 / np.sqrt(variances + eps)
    scale = scale if weight is None else scale * r.constant(weight, "weights")
    shift = -means * scale
    shift = shift if bias is None else shift + r.constant(bias, "biases")
    return [r.builder.batch_norm(r.name, r.tensor(x), scale, shift)]


# Windows and reductions


def _max_pool(
    r: _Reader, x: Any, kernel: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> ToolTensor:
    value = r.tensor(x)
    if any(n != 1 for n in _per_axis(dilation, len(value.shape) - 1)):
        raise r.unsupported("dilation has no counterpart")
    return _pool(r, value, "max", kernel, stride, padding, ceil_mode)


def _average_pool(
    r: _Reader,
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
    r: _Reader,
    x: ToolTensor,
    kind: Literal["max", "average"],
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    counted: bool = True,
) -> ToolTensor:
    """Adds a pool; `counted` says whether an average counts the padding."""
    axes = len(x.shape) - 1
    size = _per_axis(kernel, axes)
    steps = _per_axis(stride, axes) if stride else size
    pads = [(n, n) for n in _per_axis(padding, axes)]
    if ceil_mode:
        for axis, (n, k, step, (before, after)) in enumerate(zip(x.shape[1:], size, steps, pads, strict=True)):
            whole, rest = divmod(n + before + after - k, step)
            if not rest or (whole + 1) * step >= n + before:  # no window more, or one that begins in the padding
                continue
            if kind == "average":
                raise r.unsupported("ceil_mode where it makes the map larger")
            pads[axis] = (before, after + step - rest)
    return r.builder.pool(r.name, x, kind, size, steps, pads, counted)


def _max_pool_with_indices(r: _Reader, *args: Any) -> list[ToolTensor]:
    return [_max_pool(r, *args)]


def _adaptive(kind: Literal["max", "average"]) -> Callable[..., ToolTensor]:
    def read(r: _Reader, x: Any, wanted: Any) -> ToolTensor:
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


def _adaptive_max(r: _Reader, x: Any, wanted: Any) -> list[ToolTensor]:
    return [_adaptive("max")(r, x, wanted)]


def _reduce(kind: type[Mean | Sum | ReduceMax | ReduceMin]) -> Callable[..., ToolTensor]:
    def read(r: _Reader, x: Any, dims: Any = (), keepdim: bool = False, *, dtype: Any = None) -> ToolTensor:
        value = r.tensor(x)
        chosen = [dims] if isinstance(dims, int) else list(dims or range(len(value.shape) + 1))
        return r.builder.reduce(r.name, value, kind, [r.axis(value, dim) for dim in chosen], keepdim)

    return read


# Elementwise


def _activation(kind: str) -> Callable[..., ToolTensor]:
    return lambda r, x: r.builder.activation(r.name, r.tensor(x), kind)


def _leaky_relu(r: _Reader, x: Any, slope: float = 0.01) -> ToolTensor:
    return r.builder.activation(r.name, r.tensor(x), "leaky relu", float(slope))


def _elu(r: _Reader, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> ToolTensor:
    if (alpha, scale, input_scale) != (1, 1, 1):
        raise r.unsupported(f"alpha = {alpha}, scale = {scale}; an ELU with alpha = 1 is supported")
    return r.builder.activation(r.name, r.tensor(x), "elu")


def _silu(r: _Reader, x: Any) -> ToolTensor:
    return r.builder.silu(r.name, r.tensor(x))


def _hard_sigmoid(r: _Reader, x: Any) -> ToolTensor:
    return r.builder.hard_sigmoid(r.name, r.tensor(x))


def _prelu(r: _Reader, x: Any, slopes: Any) -> ToolTensor:
    value, factors = r.tensor(x), r.constant(slopes, "slopes")
    if factors.size > 1:
        factors = factors.reshape(-1, *(1,) * (len(value.shape) - 1))
    return r.builder.binary(r.name, Prelu, value, factors)


def _clamp(r: _Reader, x: Any, low: Any = None, high: Any = None) -> ToolTensor:
    return r.builder.clip(
        r.name, r.tensor(x), None if low is None else float(low), None if high is None else float(high)
    )


def _hardtanh(r: _Reader, x: Any, low: float = -1, high: float = 1) -> ToolTensor:
    return r.builder.clip(r.name, r.tensor(x), float(low), float(high))


def _clamp_max(r: _Reader, x: Any, high: float) -> ToolTensor:
    return r.builder.clip(r.name, r.tensor(x), None, float(high))


def _operand(value: Any, factor: float = 1) -> ToolTensor | Array:
    return value if isinstance(value, ToolTensor) else _array(value) * factor


def _binary(kind: type[Binary]) -> Callable[..., ToolTensor]:
    def read(r: _Reader, a: Any, b: Any, *, alpha: float = 1) -> ToolTensor:
        if alpha != 1 and isinstance(b, ToolTensor):
            b = r.builder.binary(f"{r.name}_scaled", Mul, b, np.float32(alpha))
        return r.builder.binary(r.name, kind, _operand(a), _operand(b, alpha))

    return read


def _reverse_subtraction(r: _Reader, x: Any, other: Any, alpha: float = 1) -> ToolTensor:
    return _binary(Sub)(r, other, x, alpha=alpha)


def _divide(r: _Reader, x: Any, divisor: Any) -> ToolTensor:
    return r.builder.binary(r.name, Mul, r.tensor(x), 1 / r.constant(divisor, "divisors"))


def _negative(r: _Reader, x: Any) -> ToolTensor:
    return r.builder.binary(r.name, Mul, r.tensor(x), np.float32(-1))


def _softmax(r: _Reader, x: Any, dim: int, *rest: Any) -> ToolTensor:
    value = r.tensor(x)
    return r.builder.softmax(r.name, value, r.axis(value, dim))


# Movement


def _reshape(r: _Reader, x: Any, *rest: Any) -> ToolTensor:
    return r.builder.reshape(r.name, r.tensor(x), r.shape())


def _permute(r: _Reader, x: Any, dims: Sequence[int]) -> ToolTensor:
    value = r.tensor(x)
    order = [dim % len(dims) for dim in dims]
    if order[0] != 0:
        raise r.unsupported(f"the order {order} moves the batch")
    return r.builder.transpose(r.name, value, [dim - 1 for dim in order[1:]])


def _transpose(r: _Reader, x: Any, first: int, second: int) -> ToolTensor:
    value = r.tensor(x)
    a, b = r.axis(value, first), r.axis(value, second)
    order = list(range(len(value.shape)))
    order[a], order[b] = b, a
    return r.builder.transpose(r.name, value, order)


def _cat(r: _Reader, parts: Sequence[Any], dim: int = 0) -> ToolTensor:
    values = [r.tensor(part) for part in parts]
    return r.builder.concatenate(r.name, values, r.axis(values[0], dim))


def _stack(r: _Reader, parts: Sequence[Any], dim: int = 0) -> ToolTensor:
    shape, values = r.shape(), [r.tensor(part) for part in parts]
    axis = dim % (len(shape) + 1) - 1
    if axis < 0:
        raise r.unsupported("works along the batch")
    single = tuple(1 if k == axis else n for k, n in enumerate(shape))
    return r.builder.concatenate(r.name, [r.builder.reshape(r.name, value, single) for value in values], axis)


def _slice(r: _Reader, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> ToolTensor:
    value = r.tensor(x)
    size = r.node.args[0].meta["val"].shape[dim]
    begin, stop, stride = slice(start, end, step).indices(size)
    if dim % (len(value.shape) + 1) == 0 and (begin, stop, stride) == (0, size, 1):
        return value
    return r.builder.slice(r.name, value, r.axis(value, dim), begin, stop, stride)


def _select(r: _Reader, x: Any, dim: int, index: int) -> ToolTensor:
    value = r.tensor(x)
    axis = r.axis(value, dim)
    at = index % value.shape[axis]
    return r.builder.reshape(r.name, r.builder.slice(r.name, value, axis, at, at + 1), r.shape())


def _split(r: _Reader, x: Any, sizes: Sequence[int], dim: int = 0) -> list[ToolTensor]:
    value = r.tensor(x)
    return r.builder.split(r.name, value, r.axis(value, dim), [int(n) for n in sizes])


def _split_evenly(r: _Reader, x: Any, size: int, dim: int = 0) -> list[ToolTensor]:
    value = r.tensor(x)
    n = value.shape[r.axis(value, dim)]
    return _split(r, x, [min(size, n - at) for at in range(0, n, size)], dim)


def _pad(r: _Reader, x: Any, pad: Sequence[int], value: float = 0) -> ToolTensor:
    if value:
        raise r.unsupported(f"padding with {value}; zeros are supported")
    source = r.tensor(x)
    pads = [(0, 0)] * len(source.shape)
    for k in range(len(pad) // 2):  # from the last dimension on
        pads[len(pads) - 1 - k] = (int(pad[2 * k]), int(pad[2 * k + 1]))
    return r.builder.pad(r.name, source, pads)


def _expand(r: _Reader, x: Any, sizes: Sequence[int], **rest: Any) -> ToolTensor:
    if r.tensor(x).shape != r.shape():
        raise r.unsupported(f"repeats {list(x.shape)} to {list(r.shape())}; leave it to the operation behind it")
    return r.tensor(x)


def _same(r: _Reader, x: Any, *rest: Any, **more: Any) -> ToolTensor:
    return r.tensor(x)


_READERS: Mapping[str, Callable[..., Made]] = {
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
"""How each operation is read; the functions take the reader and the operation's own arguments."""

_OTHERWISE = "docs/conversion.md has the operations that are read; compute others outside of the module"
_RECURRENT = "in place of a recurrent layer take convolutions over time (a TCN), or import a .tflite with an LSTM"
_NORM = "in place of this norm take BatchNorm, which costs nothing in the finished network"
_DROPOUT = "give dropout training=self.training, so that it ends in evaluation mode"
_RESIZE = "enlarge maps outside of the module"
_REFUSED: Mapping[str, str] = {
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
"""Operations that are not read, by the name without overload, and what can be done instead."""
