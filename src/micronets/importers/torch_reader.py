"""`ProgramReader`: reads the nodes of a traced PyTorch program, one after another, into a network in the making.

The program is an `ExportedProgram` of `torch.export`. Its graph is a list of nodes, each of which calls one operation
of ATen, PyTorch's own set; `torch_operations.py` says what each operation becomes. Nodes are typed `Any`, as torch is
only imported where a module is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import MicronetsError, UnsupportedError
from micronets.importers.channels_first import Builder
from micronets.importers.layouts import ToolTensor
from micronets.ir.layers import Shape

Array = npt.NDArray[Any]
Made = ToolTensor | Sequence[ToolTensor]
"""What the reader of an operation returns: one tensor, or several."""

WHERE = "from_torch"
"""The name of the function that a user called; messages begin with it."""


def base_name(operation: str) -> str:
    """Returns the name of an operation without its namespace and its overload: "relu" of "aten.relu.default"."""
    return operation.split(".")[1] if "." in operation else operation


def module_of(node: Any) -> tuple[str, str]:
    """Returns the path and the class of the innermost module that an operation stems from."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    if not stack:
        return "", "Module"
    path, kind = stack[-1]
    name = kind if isinstance(kind, str) else kind.__name__
    return path.split("@")[0], name.rsplit(".", 1)[-1]


def shown_module(node: Any) -> str:
    """Returns the module that an operation stems from, in the words of an error message."""
    path, kind = module_of(node)
    return f"module '{path}' ({kind})" if path else f"the module itself ({kind})"


_VALUE_BY_VALUE = (
    "relu", "hardtanh", "clamp", "hardswish", "hardsigmoid", "silu", "sigmoid", "tanh", "leaky_relu", "elu", "abs",
    "clone", "alias", "dropout", "_native_batch_norm_legit_no_training", "getitem",
)  # fmt: skip
"""Operations whose output at a position depends on the input at that position alone."""


def unread_ends(graph: Any) -> dict[Any, dict[int, int]]:
    """Finds convolutions whose last outputs along an axis are cut off by a slice before anything else reads them.

    A causal convolution is often written so: padded at both ends, then shortened at the end (Bai et al. 2018). With
    less padding at the end, the outputs that are cut off are not computed at all.

    Returns for each such convolution the axis of its map, from 0, and the number of outputs that are cut off.
    """
    found: dict[Any, dict[int, int]] = {}
    for node in graph.nodes:
        if node.op != "call_function" or base_name(str(node.target)) != "slice":
            continue
        source, dim, start, end, step = _slice_of(*node.args)
        size = source.meta["val"].shape[dim]
        begin, stop, _ = slice(start, end, step).indices(size)
        axis = dim % len(source.meta["val"].shape) - 2
        while len(source.users) == 1 and source.op == "call_function" and operation_name(source) in _VALUE_BY_VALUE:
            source = source.args[0]
        if source.op != "call_function" or operation_name(source) != "convolution" or len(source.users) > 1 or axis < 0:
            continue
        strides, paddings = source.args[3], source.args[4]
        stride, padding = strides[axis % len(strides)], paddings[axis % len(paddings)]
        if begin == 0 and step == 1 and stride == 1 and size - stop <= padding:
            found[source] = {axis: size - stop}
    return found


def _slice_of(source: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> tuple[Any, ...]:
    """Returns the five arguments of a slice, with PyTorch's defaults for those that the node leaves out."""
    return source, dim, start, end, step


def operation_name(node: Any) -> str:
    """Returns the name of a node's operation; "getitem" for a node that takes one of several results."""
    return "getitem" if node.target.__name__ == "getitem" else base_name(str(node.target))


class NotOfTwoError(UnsupportedError):
    """A module cannot be traced, or read, with a batch of two; one that is written for a batch of one may raise it."""


class ProgramReader:
    """Reads the nodes of a program in their order, and holds what has been read.

    - operations: the function that reads each operation, by the operation's full name, as "aten.relu.default".
    - batch: the number of examples that the program was traced with.
    - cuts: the outputs of convolutions that need not be computed, as `unread_ends` returns them.
    - builder: the network in the making.
    - values: the result of each node: a `ToolTensor` if it depends on the network's input, otherwise a tensor of torch.
    - node: the node that is being read.
    """

    def __init__(
        self, operations: Mapping[str, Callable[..., Made]], batch: int, cuts: Mapping[Any, Mapping[int, int]]
    ) -> None:
        self.operations, self.batch, self.cuts = operations, batch, cuts
        self.builder = Builder(WHERE)
        self.values: dict[Any, Any] = {}
        self.node: Any = None

    @property
    def name(self) -> str:
        """The name for the node's result: the path of its module, or the node's own name in the outermost module."""
        path, _ = module_of(self.node)
        return path or str(self.node.name)

    def unsupported(self, what: str) -> UnsupportedError:
        """Returns the error for the operation that is being read; `what` says what it has that micronets does not."""
        return self.builder.unsupported(what)

    def read(self, node: Any) -> None:
        """Reads one node whose operands have been read, and keeps its result in `values`.

        A result that depends on parameters alone is computed by torch. Raises `UnsupportedError` for a form of the
        operation that micronets does not have.
        """
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
        self.builder.where = f"{WHERE}: {shown_module(node)}, {base_name(str(node.target))}"
        try:
            made = self.operations[str(node.target)](self, *args, **kwargs)
        except MicronetsError:
            raise
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as e:
            raise self.unsupported(f"a form of this operation that is not supported ({e})") from e
        if isinstance(made, ToolTensor):
            self.check_shape(made)
        self.values[node] = made

    def check_shape(self, made: ToolTensor) -> None:
        """Raises `UnsupportedError` for a result of another shape than torch's, unless its end is left out (`cuts`)."""
        if made.shape != self.shape() and not self._is_cut():
            raise self.unsupported(f"makes {list(made.shape)} here, and {list(self.shape())} in torch")

    def _is_cut(self) -> bool:
        node = self.node
        while node.op == "call_function" and operation_name(node) in _VALUE_BY_VALUE:
            node = node.args[0]
        return node in self.cuts

    def shape(self) -> Shape:
        """Returns the shape that torch gives the node's result, without the batch."""
        return self.without_batch(self.node.meta["val"].shape)

    def without_batch(self, shape: Sequence[Any]) -> Shape:
        """Returns a shape of torch without its first size, which must be the batch, otherwise raises
        `NotOfTwoError`."""
        sizes = tuple(int(n) for n in shape)
        if not sizes or sizes[0] != self.batch:
            said = f"makes {list(sizes)} of a batch of {self.batch}, which has to stay in front"
            raise NotOfTwoError(str(self.unsupported(said)))
        return sizes[1:]

    def axis(self, x: ToolTensor, dim: int) -> int:
        """Returns dimension `dim` of torch, which counts the batch, in the counting of `x`, which does not."""
        found: int = dim % (len(x.shape) + 1) - 1
        if found < 0:
            raise self.unsupported("works along the batch")
        return found

    def tensor(self, value: Any) -> ToolTensor:
        """Returns an operand that depends on the network's input. Raises `UnsupportedError` for a constant."""
        if not isinstance(value, ToolTensor):
            raise self.unsupported("its first operand is a constant")
        return value

    def constant(self, value: Any, what: str) -> Array:
        """Returns a constant operand as float64.

        Raises `UnsupportedError` for another, which the message calls `what`.
        """
        if isinstance(value, ToolTensor):
            raise self.unsupported(f"its {what} are computed; they have to be constant")
        return as_float64(value)


def _has_value(value: Any) -> bool:
    """Returns whether an argument is, or holds, a tensor that depends on the network's input."""
    return isinstance(value, ToolTensor) or (isinstance(value, (list, tuple)) and any(map(_has_value, value)))


def as_float64(value: Any) -> Array:
    """Returns a constant of torch, or a number, as float64."""
    return np.asarray(value.double().numpy() if hasattr(value, "double") else value, np.float64)
