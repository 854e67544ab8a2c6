"""`read_onnx`: makes a `FloatNetwork` of an ONNX model; the package `onnx` reads the file.

In a model that is quantised already (QuantizeLinear and DequantizeLinear around its operators) the scales and zero
points of the file are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import FileError, MicronetsError, UnsupportedError
from micronets.importers.channels_first import Builder
from micronets.importers.layouts import ToolTensor
from micronets.importers.network import FloatNetwork
from micronets.installation import require
from micronets.ir.layers import Add, Binary, Maximum, Mean, Minimum, Mul, ReduceMax, ReduceMin, Sub, Sum
from micronets.quantized.model import TensorQuant

Array = npt.NDArray[Any]
OnnxOperand = ToolTensor | Array


@dataclass(frozen=True, eq=False)
class StoredCodes:
    """A constant that the file holds as codes: its values, and the steps of its codes along dimension `axis`."""

    values: npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32]
    axis: int


@dataclass(eq=False)
class _Node:
    """One operator of the file: its kind, its name, its attributes, and the names of its inputs and outputs."""

    kind: str
    name: str
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def ints(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Returns an attribute that is a list of whole numbers."""
        return tuple(int(v) for v in self.attributes.get(name, default))


def read_onnx(path: Path) -> FloatNetwork:
    """Returns the network in an ONNX file.

    Raises `MissingPackageError` without the package `onnx`, `FileError` for a damaged file, and `UnsupportedError` for
    a model of several inputs, of open shapes beside the batch, or with operators that micronets does not have.
    """
    require("onnx")
    import onnx

    try:
        model = onnx.load(str(path))
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as e:  # errors of protobuf and of onnx have no common base class
        raise FileError(f"{path}: damaged, or no ONNX model ({type(e).__name__}); export it again") from e
    graph = model.graph
    constants: dict[str, Array] = {t.name: np.asarray(onnx.numpy_helper.to_array(t)) for t in graph.initializer}
    inputs = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1:
        raise UnsupportedError(f"{path}: {len(inputs)} inputs; an ONNX model of one input can be imported")
    nodes = [
        _Node(
            n.op_type,
            n.name or (n.output[0] if n.output else n.op_type),
            {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute},
            tuple(n.input),
            tuple(n.output),
        )
        for n in graph.node
    ]
    unknown = sorted({n.kind for n in nodes} - _READERS.keys() - {"Constant"})
    if unknown:
        raise UnsupportedError(
            f"{path}: operators that are not supported: {', '.join(unknown)}; docs/conversion.md has those that are"
        )
    dims = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    if len(dims) < 2 or any(n < 1 for n in dims[1:]) or dims[0] not in (0, 1):
        shown = [n or "?" for n in dims]
        raise UnsupportedError(f"{path}: its input has the shape {shown}; export it with [1 or open, fixed sizes ...]")
    reader = _Reader(str(path), constants)
    first = next((n.kind for n in nodes if inputs[0].name in n.inputs and n.kind not in _QUANTISERS), "")
    if first in _QUANTISERS or not first:
        first = next((n.kind for n in nodes if n.kind in _MAPPED), "")
    mapped = len(dims) == 4 or (len(dims) == 3 and first in _MAPPED)
    reader.values[inputs[0].name] = reader.builder.input(tuple(dims[1:]), mapped and first != "Transpose")
    for node in nodes:
        reader.builder.where = f"{path}: {node.kind} '{node.name}'"
        try:
            reader.read(node, onnx)
        except MicronetsError:
            raise
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as e:
            raise reader.builder.unsupported(f"a form of this operator that is not supported ({e})") from e
    reader.builder.where = str(path)
    outputs = [reader.values[o.name] for o in graph.output]
    if not all(isinstance(value, ToolTensor) for value in outputs):
        raise UnsupportedError(f"{path}: an output is constant")
    return reader.builder.finish([value for value in outputs if isinstance(value, ToolTensor)])


_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
_MAPPED = (
    "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization",
)  # fmt: skip
"""Operators whose input is a map with the channels first."""


class _Reader:
    """Reads the operators of a file in their order; holds the tensors of the network in the making, and constants."""

    def __init__(self, where: str, constants: dict[str, Array]) -> None:
        self.builder = Builder(where)
        self.values: dict[str, ToolTensor | StoredCodes | Array] = dict(constants)

    def read(self, node: _Node, onnx: Any) -> None:
        """Reads one operator, whose inputs have been read, and keeps its outputs."""
        if node.kind == "Constant":
            held = next(iter(node.attributes.values()))
            tensor = onnx.numpy_helper.to_array(held) if hasattr(held, "data_type") else held
            self.values[node.outputs[0]] = np.asarray(tensor)
            return
        found = _READERS[node.kind](self, node)
        made = found if isinstance(found, list) else [found]
        self.values |= zip(node.outputs, made, strict=False)

    def tensor(self, node: _Node, place: int = 0) -> ToolTensor:
        """Returns an input that depends on the network's input. Raises `UnsupportedError` for a constant."""
        value = self.values[node.inputs[place]]
        if not isinstance(value, ToolTensor):
            raise self.builder.unsupported(f"its input '{node.inputs[place]}' is a constant")
        return value

    def constant(self, node: _Node, place: int, missing: Any = None) -> Any:
        """Returns an input of an operator that is a constant. Raises `UnsupportedError` for an input that is computed.

        - node: the operator.
        - place: which of its inputs, from 0.
        - missing: what is returned where that input is left out.
        """
        if place >= len(node.inputs) or not node.inputs[place]:
            return missing
        value = self.values[node.inputs[place]]
        if isinstance(value, ToolTensor):
            raise self.builder.unsupported(f"its input '{node.inputs[place]}' is computed; it has to be a constant")
        return value.values if isinstance(value, StoredCodes) else value

    def scales(self, node: _Node, place: int) -> npt.NDArray[np.float32] | None:
        """Returns the steps of the codes of a constant; None if it has none."""
        value = self.values[node.inputs[place]]
        return value.scales if isinstance(value, StoredCodes) and value.scales.size else None

    def either(self, node: _Node, place: int) -> OnnxOperand:
        """Returns an input, constant or not."""
        value = self.values[node.inputs[place]]
        return value.values if isinstance(value, StoredCodes) else value


def _window(
    r: _Reader, node: _Node, x: ToolTensor, kernel: tuple[int, ...]
) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """Returns the strides and the paddings of an operator with a window."""
    axes = len(kernel)
    strides = node.ints("strides", (1,) * axes)
    dilations = node.ints("dilations", (1,) * axes)
    auto = node.attributes.get("auto_pad", b"NOTSET").decode()
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = []
        for n, k, step, apart in zip(x.shape[1:], kernel, strides, dilations, strict=True):
            total = max(0, (-(-n // step) - 1) * step + (k - 1) * apart + 1 - n)
            less, more = total // 2, total - total // 2
            pads.append((less, more) if auto == "SAME_UPPER" else (more, less))
        return strides, pads
    flat = node.ints("pads", (0,) * (2 * axes)) if auto == "NOTSET" else (0,) * (2 * axes)
    return strides, [(flat[i], flat[i + axes]) for i in range(axes)]


def _conv(r: _Reader, node: _Node) -> ToolTensor:
    x, kernel = r.tensor(node), np.asarray(r.constant(node, 1), np.float32)
    strides, pads = _window(r, node, x, kernel.shape[2:])
    dilations = node.ints("dilations", (1,) * (kernel.ndim - 2))
    groups = int(node.attributes.get("group", 1))
    bias = r.constant(node, 2)
    return r.builder.conv(node.outputs[0], x, kernel, bias, strides, dilations, pads, groups, r.scales(node, 1))


def _gemm(r: _Reader, node: _Node) -> ToolTensor:
    if node.attributes.get("transA", 0):
        raise r.builder.unsupported("a transposed first operand")
    kernel = np.asarray(r.constant(node, 1), np.float32) * np.float32(node.attributes.get("alpha", 1.0))
    kernel = kernel if node.attributes.get("transB", 0) else kernel.T
    bias = r.constant(node, 2)
    if bias is not None:
        bias = np.broadcast_to(np.asarray(bias, np.float32) * np.float32(node.attributes.get("beta", 1.0)), len(kernel))
    return r.builder.linear(node.outputs[0], r.tensor(node), kernel, bias, r.scales(node, 1))


def _matmul(r: _Reader, node: _Node) -> ToolTensor:
    kernel = np.asarray(r.constant(node, 1), np.float32)
    if kernel.ndim != 2:
        raise r.builder.unsupported(f"a second operand of the shape {list(kernel.shape)}")
    return r.builder.linear(node.outputs[0], r.tensor(node), kernel.T, None, r.scales(node, 1))


def _pool(kind: Any) -> Callable[[_Reader, _Node], ToolTensor]:
    def read(r: _Reader, node: _Node) -> ToolTensor:
        x, kernel = r.tensor(node), node.ints("kernel_shape")
        strides, pads = _window(r, node, x, kernel)
        if node.attributes.get("ceil_mode", 0):
            for n, k, step, pair in zip(x.shape[1:], kernel, strides, pads, strict=True):
                if (n + sum(pair) - k) % step:
                    raise r.builder.unsupported("ceil_mode where it makes the map larger")
        counted = bool(node.attributes.get("count_include_pad", 0))
        return r.builder.pool(node.outputs[0], x, kind, kernel, strides, pads, counted)

    return read


def _global(kind: Any) -> Callable[[_Reader, _Node], ToolTensor]:
    def read(r: _Reader, node: _Node) -> ToolTensor:
        x = r.tensor(node)
        return r.builder.reduce(node.outputs[0], x, kind, range(1, len(x.shape)), True)

    return read


def _reduce(kind: Any) -> Callable[[_Reader, _Node], ToolTensor]:
    def read(r: _Reader, node: _Node) -> ToolTensor:
        x = r.tensor(node)
        given = r.constant(node, 1)
        axes = node.ints("axes") if given is None else tuple(int(v) for v in np.ravel(given))
        if not axes or 0 in axes or -len(x.shape) - 1 in axes:
            raise r.builder.unsupported("a reduction over the batch")
        own = [axis - 1 if axis > 0 else axis for axis in axes]
        return r.builder.reduce(node.outputs[0], x, kind, own, bool(node.attributes.get("keepdims", 1)))

    return read


def _batch_norm(r: _Reader, node: _Node) -> ToolTensor:
    gamma, beta, mean, variance = (np.asarray(r.constant(node, k), np.float64) for k in range(1, 5))
    scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return r.builder.batch_norm(node.outputs[0], r.tensor(node), scale, beta - mean * scale)


def _activation(
    kind: str, value: Callable[[_Node], float] = lambda node: 0.0
) -> Callable[[_Reader, _Node], ToolTensor]:
    return lambda r, node: r.builder.activation(node.outputs[0], r.tensor(node), kind, value(node))


def _clip(r: _Reader, node: _Node) -> ToolTensor:
    low, high = (r.constant(node, k, node.attributes.get(name)) for k, name in ((1, "min"), (2, "max")))
    return r.builder.clip(
        node.outputs[0], r.tensor(node), None if low is None else float(low), None if high is None else float(high)
    )


def _binary(kind: type[Binary]) -> Callable[[_Reader, _Node], ToolTensor]:
    def read(r: _Reader, node: _Node) -> ToolTensor:
        if len(node.inputs) != 2:
            raise r.builder.unsupported(f"{len(node.inputs)} operands; two are supported")
        return r.builder.binary(node.outputs[0], kind, r.either(node, 0), r.either(node, 1))

    return read


def _div(r: _Reader, node: _Node) -> ToolTensor:
    return r.builder.binary(node.outputs[0], Mul, r.tensor(node), 1 / np.asarray(r.constant(node, 1), np.float64))


def _reshape(r: _Reader, node: _Node) -> ToolTensor:
    x, wanted = r.tensor(node), [int(v) for v in np.ravel(r.constant(node, 1))]
    size = int(np.prod(x.shape))
    whole = [(1, *x.shape)[k] if n == 0 and k <= len(x.shape) else n for k, n in enumerate(wanted)]
    if -1 in whole:
        rest = int(np.prod([n for n in whole if n != -1]))
        whole[whole.index(-1)] = size // rest
    if whole[0] != 1 or int(np.prod(whole)) != size:
        raise r.builder.unsupported(f"the shape {wanted} of {[1, *x.shape]}: the batch of one has to stay in front")
    return r.builder.reshape(node.outputs[0], x, tuple(whole[1:]))


def _flatten(r: _Reader, node: _Node) -> ToolTensor:
    x = r.tensor(node)
    if node.attributes.get("axis", 1) != 1:
        raise r.builder.unsupported("an axis other than 1")
    return r.builder.reshape(node.outputs[0], x, (int(np.prod(x.shape)),))


def _squeeze(r: _Reader, node: _Node) -> ToolTensor:
    x, given = r.tensor(node), r.constant(node, 1)
    axes = node.ints("axes") if given is None else tuple(int(v) for v in np.ravel(given))
    rank = len(x.shape) + 1
    gone = {axis % rank - 1 for axis in axes} or {k for k, n in enumerate(x.shape) if n == 1}
    return r.builder.reshape(node.outputs[0], x, tuple(n for k, n in enumerate(x.shape) if k not in gone))


def _unsqueeze(r: _Reader, node: _Node) -> ToolTensor:
    x, given = r.tensor(node), r.constant(node, 1)
    axes = node.ints("axes") if given is None else tuple(int(v) for v in np.ravel(given))
    shape = [1, *x.shape]
    for axis in sorted(a % (len(x.shape) + 1 + len(axes)) for a in axes):
        shape.insert(axis, 1)
    return r.builder.reshape(node.outputs[0], x, tuple(shape[1:]))


def _transpose(r: _Reader, node: _Node) -> ToolTensor:
    x = r.tensor(node)
    order = node.ints("perm", tuple(reversed(range(len(x.shape) + 1))))
    if order[0] != 0:
        raise r.builder.unsupported(f"the order {list(order)} moves the batch")
    return r.builder.transpose(node.outputs[0], x, [axis - 1 for axis in order[1:]])


def _concat(r: _Reader, node: _Node) -> ToolTensor:
    values = [r.tensor(node, k) for k in range(len(node.inputs))]
    axis = int(node.attributes["axis"]) % (len(values[0].shape) + 1) - 1
    if axis < 0:
        raise r.builder.unsupported("a concatenation along the batch")
    return r.builder.concatenate(node.outputs[0], values, axis)


def _softmax(r: _Reader, node: _Node) -> ToolTensor:
    x = r.tensor(node)
    return r.builder.softmax(node.outputs[0], x, int(node.attributes.get("axis", -1)) % (len(x.shape) + 1) - 1)


def _pad(r: _Reader, node: _Node) -> ToolTensor:
    x, given = r.tensor(node), r.constant(node, 1)
    flat = node.ints("pads") if given is None else tuple(int(v) for v in np.ravel(given))
    value = r.constant(node, 2, node.attributes.get("value", 0.0))
    if node.attributes.get("mode", b"constant") != b"constant" or float(value) != 0 or len(node.inputs) > 3:
        raise r.builder.unsupported("padding with other values than zeros, or along chosen axes")
    rank = len(x.shape) + 1
    return r.builder.pad(node.outputs[0], x, [(flat[k], flat[k + rank]) for k in range(1, rank)])


def _slice(r: _Reader, node: _Node) -> ToolTensor:
    x = r.tensor(node)
    starts, ends = (np.ravel(r.constant(node, k)).tolist() for k in (1, 2))
    axes = np.ravel(r.constant(node, 3, np.arange(len(starts)))).tolist()
    steps = np.ravel(r.constant(node, 4, np.ones(len(starts), np.int64))).tolist()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = axis % (len(x.shape) + 1) - 1
        if axis < 0:
            raise r.builder.unsupported("a slice of the batch")
        begin, stop, stride = slice(start, end, step).indices(x.shape[axis])
        x = r.builder.slice(node.outputs[0], x, axis, begin, stop, stride)
    return x


def _split(r: _Reader, node: _Node) -> list[ToolTensor]:
    x, given = r.tensor(node), r.constant(node, 1)
    axis = int(node.attributes.get("axis", 0)) % (len(x.shape) + 1) - 1
    sizes = node.ints("split") if given is None else tuple(int(v) for v in np.ravel(given))
    if axis < 0:
        raise r.builder.unsupported("a division of the batch")
    sizes = sizes or (x.shape[axis] // len(node.outputs),) * len(node.outputs)
    return r.builder.split(node.outputs[0], x, axis, sizes)


def _same(r: _Reader, node: _Node) -> ToolTensor:
    return r.tensor(node)


def _quantize(r: _Reader, node: _Node) -> ToolTensor:
    x = r.tensor(node)
    scale, zero = np.ravel(r.constant(node, 1)), np.ravel(r.constant(node, 2, np.uint8(0)))
    if scale.size != 1 or zero.dtype not in (np.int8, np.uint8):
        raise r.builder.unsupported(f"an activation of {scale.size} scales and {zero.dtype}; one and 8 bits are needed")
    point = int(zero[0]) - (128 if zero.dtype == np.uint8 else 0)
    r.builder.given.setdefault(x.name, TensorQuant(float(np.float32(scale[0])), point))
    return x


def _dequantize(r: _Reader, node: _Node) -> ToolTensor | StoredCodes:
    value = r.values[node.inputs[0]]
    if isinstance(value, ToolTensor):
        return value
    assert isinstance(value, np.ndarray)
    scales = np.ravel(np.asarray(r.constant(node, 1), np.float32))
    zero = np.ravel(r.constant(node, 2, np.zeros(1, value.dtype))).astype(np.int64)
    axis = int(node.attributes.get("axis", 1)) % max(1, value.ndim) if len(scales) > 1 else 0
    shape = [1] * value.ndim
    if value.ndim:
        shape[axis] = len(scales)
    codes = value.astype(np.int64) - np.broadcast_to(zero, len(scales)).reshape(shape)
    real = (codes * scales.astype(np.float64).reshape(shape)).astype(np.float32)
    if value.dtype == np.int32 or np.abs(codes).max(initial=0) > 128:
        return StoredCodes(real, np.zeros(0, np.float32), axis)
    return StoredCodes(real, scales, axis)


_READERS: Mapping[str, Callable[[_Reader, _Node], Any]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("average"),
    "GlobalAveragePool": _global(Mean),
    "GlobalMaxPool": _global(ReduceMax),
    "ReduceMean": _reduce(Mean),
    "ReduceSum": _reduce(Sum),
    "ReduceMax": _reduce(ReduceMax),
    "ReduceMin": _reduce(ReduceMin),
    "BatchNormalization": _batch_norm,
    "Relu": _activation("relu"),
    "Clip": _clip,
    "HardSwish": _activation("hard swish"),
    "Sigmoid": _activation("sigmoid"),
    "Tanh": _activation("tanh"),
    "LeakyRelu": _activation("leaky relu", lambda node: float(node.attributes.get("alpha", 0.01))),
    "Elu": _activation("elu"),
    "Abs": _activation("abs"),
    "Add": _binary(Add),
    "Sub": _binary(Sub),
    "Mul": _binary(Mul),
    "Min": _binary(Minimum),
    "Max": _binary(Maximum),
    "Div": _div,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Softmax": _softmax,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
    "Identity": _same,
    "Dropout": _same,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
}
"""How each operator is read."""
