"""Options and constants that several operators have: pairs, padding, fused activation, axes, numbers."""

from __future__ import annotations

from micronets.ir.layers import Activation, Add, Div, FullyConnected, Mul, Sub
from micronets.ir.window import Padding, Pair
from micronets.tflite import schema as s
from micronets.tflite.builder import Field
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.tensors import Graph, Tensor

_ACTIVATION_NAMES: dict[int, Activation] = {number: name for name, number in s.ACTIVATIONS.items()}
_PADDING_NAMES: dict[int, Padding] = {number: name for name, number in s.PADDINGS.items()}
_OTHER_ACTIVATION_NAMES = {4: "TANH", 5: "SIGN_BIT"}


def check_map(graph: Graph, o: FileOperator) -> None:
    """Raises `UnsupportedError` unless the operator's input is a map, of a batch of one."""
    x = graph.tensor(o.inputs[0])
    if len(x.shape) != 4 or x.shape[0] != 1:
        raise graph.unsupported(
            f"{x.label} has the shape {list(x.shape)}; only a batch of one is supported, [1, H, W, C]"
        )


def read_pair(o: FileOperator, height: int, width: int, default: int = 0) -> Pair:
    """Returns two int32 options of an operator, that of the height and that of the width.

    - o: the operator.
    - height, width: the slots of the two in its options table.
    - default: the value of each where the file does not hold it.
    """
    return o.option(height, "i", default), o.option(width, "i", default)


def read_padding(graph: Graph, o: FileOperator) -> Padding:
    """Returns the padding of a window. Raises `FileError` for an invalid padding."""
    number = o.option(0, "b")  # the padding has slot 0 in every operator that has one
    if number not in _PADDING_NAMES:
        raise graph.damaged(f"padding {number}")
    return _PADDING_NAMES[number]


def activation_name(number: int) -> str:
    """Returns what the format calls a fused activation, or its number if it has none of that."""
    if number in _ACTIVATION_NAMES:
        return _ACTIVATION_NAMES[number].upper()
    return _OTHER_ACTIVATION_NAMES.get(number, str(number))


def read_activation(graph: Graph, o: FileOperator, slot: int) -> Activation:
    """Returns the fused activation, an option.

    - graph: the tensors of the file.
    - o: the operator.
    - slot: the slot of the activation in its options table.

    Raises `UnsupportedError` for one that layers do not support.
    """
    number = o.option(slot, "b")
    if number not in _ACTIVATION_NAMES:
        name = activation_name(number)
        supported = ", ".join(map(activation_name, sorted(_ACTIVATION_NAMES)))
        raise graph.unsupported(f"the fused activation {name} is not supported; supported: {supported}")
    return _ACTIVATION_NAMES[number]


def activation_option(layer: FullyConnected | Add | Mul | Sub | Div, slot: int) -> list[Field]:
    """Returns the options table's field of a fused activation."""
    return [(slot, "int8", s.ACTIVATIONS[layer.activation], 0)]


def read_numbers(graph: Graph, index: int) -> tuple[int, ...]:
    """Returns the numbers of an int32 constant: at most 100, as there are no more dimensions, outputs or axes."""
    values = graph.constant(graph.tensor(index), (s.TensorType.INT32,)).ravel()
    if len(values) > 100:
        raise graph.unsupported(f"{graph.tensor(index).label} has {len(values)} values; at most 100 are supported")
    return tuple(int(value) for value in values)


def read_number(graph: Graph, index: int) -> int:
    """Returns the number of an int32 constant that has one."""
    numbers = read_numbers(graph, index)
    if len(numbers) != 1:
        raise graph.damaged(f"{graph.tensor(index).label} has {len(numbers)} values instead of one")
    return numbers[0]


def read_axis(graph: Graph, axis: int, tensor: Tensor) -> int:
    """Returns a dimension of a file's tensor, counted from the first, batch included.

    - graph: the tensors of the file.
    - axis: the number of the dimension in the file; one below 0 counts from the end, so that -1 is the last.
    - tensor: the tensor.

    Raises `FileError` for an invalid dimension.
    """
    rank = len(tensor.shape)
    positive = axis + rank if axis < 0 else axis
    if not 0 <= positive < rank:
        raise graph.damaged(f"axis {axis} of {tensor.label}, which has {rank} dimensions")
    return positive


def read_paddings(graph: Graph, o: FileOperator) -> tuple[Pair, ...]:
    """Returns the paddings of a PAD, `(before, after)` of each dimension but the batch."""
    tensor = graph.tensor(o.inputs[1])
    values = graph.constant(tensor, (s.TensorType.INT32,))
    rank = len(graph.tensor(o.inputs[0]).shape)
    if values.shape != (rank, 2) or values.min() < 0:
        raise graph.damaged(f"the paddings, {tensor.label}, are not (before, after) of {rank} dimensions")
    return tuple((int(a), int(b)) for a, b in values)
