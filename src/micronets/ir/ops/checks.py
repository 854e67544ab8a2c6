"""Parts that the checks of several kinds of layers share.

In all functions `where` names the layer and begins every message.
"""

from __future__ import annotations

from micronets.errors import SpecError
from micronets.ir.layers import ACTIVATION_LIMITS, WEIGHT_BITS, Shape
from micronets.ir.window import Window

MOST_OPERAND_DIMENSIONS = 4
"""The most dimensions, without the batch, of a tensor that is combined with another by values or matrices."""

MOST_DIMENSIONS = 5
"""The most dimensions, without the batch, of a tensor that is joined or split.

TFLM's shapes hold six with the batch, its `RuntimeShape::kMaxSmallSize`.
"""


def a_map(kind: str, shape: Shape, where: str) -> None:
    """Raises `SpecError` unless a layer's input is a map.

    - kind: the layer's kind, for the message.
    - shape: the shape of its input; that of a map is `(H, W, C)`.
    - where: what the message begins with.
    """
    if len(shape) != 3:
        raise SpecError(f"{where}: {kind} needs an (H, W, C) input, not {shape}")


def a_shape(where: str, field: str, value: Shape) -> None:
    """Raises `SpecError` unless all dimensions of a shape are integers of at least 1; it may have none.

    - where: what the message begins with.
    - field: what the message calls the shape.
    - value: the shape.
    """
    if value != ():
        positive(where, field, value)


def an_axis(where: str, axis: int, shape: Shape) -> None:
    """Raises `SpecError` unless an axis is a dimension of a shape.

    - where: what the message begins with.
    - axis: the number of the dimension, from 0 on.
    - shape: the shape.
    """
    if isinstance(axis, bool) or not isinstance(axis, int) or not 0 <= axis < len(shape):
        raise SpecError(f"{where}: axis = {axis}; need 0 to {len(shape) - 1}, a dimension of {shape}")


def positive(where: str, field: str, value: int | Shape) -> None:
    """Raises `SpecError` unless all numbers of a field are integers of at least 1.

    - where: what the message begins with.
    - field: what the message calls the value.
    - value: the number, or a tuple of at least one.
    """
    values = value if isinstance(value, tuple) else (value,)
    if not values or any(not isinstance(v, int) or isinstance(v, bool) or v < 1 for v in values):
        raise SpecError(f"{where}: {field} = {value}; need integers of at least 1")


def window(where: str, window: Window, kernel: str, *others: str) -> None:
    """Raises `SpecError` unless all numbers of a layer's window are integers of at least 1.

    - where: what the message begins with.
    - window: the window.
    - kernel: what the layer calls the window's kernel.
    - others: the other fields of `Window` that the layer has, by name.
    """
    for field, value in ((kernel, window.kernel), *((name, getattr(window, name)) for name in others)):
        if not isinstance(value, tuple) or len(value) != 2:
            raise SpecError(f"{where}: {field} = {value}; need two integers (height, width)")
        positive(where, field, value)


def known_padding(where: str, value: str) -> None:
    """Raises `SpecError` for an unknown padding."""
    if value not in ("same", "valid"):
        raise SpecError(f"{where}: padding '{value}'; allowed: same, valid")


def activation(where: str, value: str) -> None:
    """Raises `SpecError` for an unknown fused activation."""
    if value not in ACTIVATION_LIMITS:
        raise SpecError(f"{where}: activation '{value}'; allowed: {', '.join(ACTIVATION_LIMITS)}")


def weight_bits(where: str, value: int) -> None:
    """Raises `SpecError` for weights of other than 8 or 4 bits."""
    if value not in WEIGHT_BITS:
        raise SpecError(f"{where}: weight_bits = {value}; allowed: {', '.join(map(str, WEIGHT_BITS))}")
