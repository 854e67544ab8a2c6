"""Operators that move values: views, transpositions, slices, packing, borders that mirror, maps of another size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.layers import Shape
from micronets.ir.ops import checks
from micronets.ir.ops.binary import broadcast
from micronets.ir.ops.elementwise import timed_as
from micronets.ir.ops.record import (
    ONE,
    OPERATOR_CYCLES,
    TWO,
    Arity,
    Count,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
)
from micronets.ir.ops.types import COPIED, keeps
from micronets.ir.types import Type, Types
from micronets.number import Number

COPY_CYCLES = 2.0
"""TFLM's cycles for a value that it copies in runs. They are assumed."""

STEP_CYCLES = 20.0
"""TFLM's cycles for a value that it copies by itself, with its place worked out again. They are assumed."""

STRIDED_CYCLES = 5.7
"""TFLM's cycles for a value that a StridedSlice copies, measured (docs/arena.md)."""

EXPAND_CYCLES = 8.9
"""TFLM's cycles for a value that an ExpandDims copies, measured on one network."""

INTERPOLATION_CYCLES = 60.0
"""TFLM's cycles for a value that it interpolates between four. They are assumed."""

PACK_INPUTS = Arity(1, None)


def movement(
    name: str,
    *,
    check: Callable[[Shapes, str], None],
    output_shapes: Callable[[Shapes], Shapes],
    types: tuple[Type, ...] = COPIED,
    constants: tuple[tuple[Any, ...], ...] = (),
    table_bytes: int = 120,
    inputs: Arity = ONE,
    parameters: int = 0,
    op_data: int = 0,
    temporaries: tuple[Operand, ...] = (),
    scratch: tuple[Count, ...] = (),
    prepared: tuple[Count, ...] = (),
    alignment: int = 4,
    selects: bool = True,
    cycles: float = COPY_CYCLES,
    timed: str | None = "pad",
    trainable: bool = False,
) -> Operator:
    """Returns the facts of an operator whose outputs hold values of its inputs in another order.

    - name: what TensorFlow Lite calls it.
    - check, output_shapes, types, constants, table_bytes, inputs: see `Operator`; `types` are those that it takes.
    - parameters, op_data, temporaries, scratch, prepared, alignment: see `TflmKernel`; the kernel is the same on every
      machine.
    - selects: see `Operator`; False where values are interpolated.
    - cycles: cycles of TFLM's kernel for a value.
    - timed: the kind of kernel by which a latency model knows it; None for one that takes no time.
    - trainable: see `Operator`.
    """

    def values(outputs: Shapes) -> Number:
        return sum(math.prod(shape) for shape in outputs)

    kernel = TflmKernel(
        parameters=parameters,
        alignment=alignment,
        op_data=op_data,
        temporaries=temporaries,
        scratch=scratch,
        prepared=prepared,
    )
    return Operator(
        tflite_name=name,
        constants=constants,
        table_bytes=table_bytes,
        inputs=inputs,
        output_shapes=output_shapes,
        check=check,
        output_type=keeps(*types),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="copied codes",
        largest_rescale=None,
        selects=selects,
        codewise=False,
        within_input=True,
        sign="as the inputs",
        by_channel=False,
        trainable=trainable,
        tflm=Tflm(
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + cycles * values(outputs),
        ),
        timed_as=timed_as(timed),
        timed_by=lambda inputs, outputs: {"layer": 1, "value": values(outputs)},
    )


def expand_dims_operator(layer: layers.ExpandDims) -> Operator:
    """Returns the facts of inserting a dimension of size 1."""
    axis = layer.axis

    def check(inputs: Shapes, where: str) -> None:
        checks.an_axis(where, axis, (*inputs[0], 1))

    return movement(
        "EXPAND_DIMS",
        check=check,
        output_shapes=lambda inputs: ((*inputs[0][:axis], 1, *inputs[0][axis:]),),
        constants=((axis + 1,),),
        temporaries=("input", "constant", "output"),
        cycles=EXPAND_CYCLES,
        timed=None,
    )


def squeeze_operator(layer: layers.Squeeze) -> Operator:
    """Returns the facts of removing dimensions of size 1."""

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        for axis in layer.axes:
            checks.an_axis(where, axis, x)
            if x[axis] != 1:
                raise SpecError(f"{where}: Squeeze takes out dimension {axis} of {x}, which is not 1")
        if not layer.axes or sorted(set(layer.axes)) != list(layer.axes):
            raise SpecError(f"{where}: axes = {layer.axes}; need at least one, rising")

    return movement(
        "SQUEEZE",
        check=check,
        types=(*COPIED, "bool"),
        output_shapes=lambda inputs: (tuple(n for i, n in enumerate(inputs[0]) if i not in layer.axes),),
        parameters=36,
        temporaries=("input", "output"),
        timed=None,
    )


def transpose_operator(layer: layers.Transpose) -> Operator:
    """Returns the facts of dimensions in another order."""
    order = layer.permutation

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        _check_dimensions("Transpose", x, checks.MOST_DIMENSIONS, where)
        if sorted(order) != list(range(len(x))):
            raise SpecError(f"{where}: permutation = {order}; need each dimension of {x} once, 0 to {len(x) - 1}")

    return movement(
        "TRANSPOSE",
        check=check,
        output_shapes=lambda inputs: (tuple(inputs[0][axis] for axis in order),),
        types=("int8", "int16", "float32"),
        constants=((0, *(axis + 1 for axis in order)),),
        temporaries=("input", "constant", "output"),
        cycles=STEP_CYCLES,
    )


def slice_operator(layer: layers.Slice) -> Operator:
    """Returns the facts of a box of values."""
    begin, size = layer.begin, layer.size

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        _check_dimensions("Slice", x, 4, where)
        if not len(begin) == len(size) == len(x):
            raise SpecError(f"{where}: begin {begin} and size {size} need a number for each dimension of {x}")
        for axis, (first, count) in enumerate(zip(begin, size, strict=True)):
            if first < 0 or count < 1 or first + count > x[axis]:
                raise SpecError(f"{where}: {count} values from {first} on of dimension {axis} of {x}")

    return movement(
        "SLICE",
        check=check,
        types=(*COPIED, "bool"),
        output_shapes=lambda inputs: (size,),
        constants=((0, *begin), (1, *size)),
        table_bytes=220,
        temporaries=("input", "constant", "constant", "output"),
        cycles=STEP_CYCLES,
        trainable=True,
    )


def strided_slice_operator(layer: layers.StridedSlice) -> Operator:
    """Returns the facts of a strided slice: values of a box at a fixed stride along each dimension."""
    begin, size, strides = layer.begin, layer.size, layer.strides

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        _check_dimensions("StridedSlice", x, 4, where)
        if not len(begin) == len(size) == len(strides) == len(x):
            sizes = f"begin {begin}, size {size} and strides {strides}"
            raise SpecError(f"{where}: {sizes} need a number for each dimension of {x}")
        for axis, (first, count, stride) in enumerate(zip(begin, size, strides, strict=True)):
            last = first + (count - 1) * stride
            if count < 1 or stride == 0 or not (0 <= first < x[axis] and 0 <= last < x[axis]):
                raise SpecError(f"{where}: {count} values from {first} on by {stride} of dimension {axis} of {x}")
        for axis in layer.shrink:
            checks.an_axis(where, axis, x)
            if size[axis] != 1 or strides[axis] != 1:
                raise SpecError(f"{where}: shrink = {layer.shrink}; dimension {axis} has {size[axis]} values, not one")

    ends = tuple(layer.ends)
    return movement(
        "STRIDED_SLICE",
        check=check,
        types=(*COPIED, "bool"),
        output_shapes=lambda inputs: (tuple(n for i, n in enumerate(size) if i not in layer.shrink),),
        constants=((0, *begin), (1, *ends), (1, *strides)),
        table_bytes=280,
        parameters=24,
        op_data=84,
        temporaries=("input", "constant", "constant", "constant", "output"),
        cycles=STRIDED_CYCLES,
    )


def pack_operator(layer: layers.Pack) -> Operator:
    """Returns the facts of tensors that are stacked along a new dimension."""
    axis, parts = layer.axis, len(layer.inputs)

    def check(inputs: Shapes, where: str) -> None:
        first = inputs[0]
        _check_dimensions("Pack", first, checks.MOST_DIMENSIONS - 1, where)
        checks.an_axis(where, axis, (*first, parts))
        for shape in inputs[1:]:
            if shape != first:
                raise SpecError(f"{where}: Pack needs inputs of one shape, not {first} and {shape}")

    return movement(
        "PACK",
        check=check,
        output_shapes=lambda inputs: ((*inputs[0][:axis], parts, *inputs[0][axis:]),),
        table_bytes=120 + 4 * parts,
        inputs=PACK_INPUTS,
        parameters=8,
    )


def unpack_operator(layer: layers.Unpack) -> Operator:
    """Returns the facts of a tensor whose places along a dimension become tensors."""
    axis, parts = layer.axis, len(layer.outputs)

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        _check_dimensions("Unpack", x, checks.MOST_DIMENSIONS, where)
        checks.an_axis(where, axis, x)
        if x[axis] != parts:
            raise SpecError(f"{where}: Unpack of dimension {axis} of {x} makes {x[axis]} tensors, not {parts}")

    def output_shapes(inputs: Shapes) -> Shapes:
        shape: Shape = (*inputs[0][:axis], *inputs[0][axis + 1 :])
        return (shape,) * parts

    return movement(
        "UNPACK",
        check=check,
        output_shapes=output_shapes,
        table_bytes=120 + 60 * parts,
        parameters=8,
    )


def gather_operator(layer: layers.Gather) -> Operator:
    """Returns the facts of places that are taken out along a dimension."""
    axis, indices = layer.axis, layer.indices

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        _check_dimensions("Gather", x, checks.MOST_DIMENSIONS, where)
        checks.an_axis(where, axis, x)
        if not indices or min(indices) < 0 or max(indices) >= x[axis]:
            raise SpecError(f"{where}: indices = {indices}; need places 0 to {x[axis] - 1} of dimension {axis} of {x}")

    return movement(
        "GATHER",
        check=check,
        output_shapes=lambda inputs: ((*inputs[0][:axis], len(indices), *inputs[0][axis + 1 :]),),
        types=("int8", "float32"),
        constants=(indices,),
        table_bytes=160 + 4 * len(indices),
        parameters=8,
        prepared=(_shape_bytes,),
        temporaries=("input", "constant", "output"),
    )


def lookup_operator(layer: layers.Lookup) -> Operator:
    """Returns the facts of places along a dimension that another tensor holds."""
    axis = layer.axis

    def check(inputs: Shapes, where: str) -> None:
        x, places = inputs
        _check_dimensions("Lookup", (*x, *places[1:]), checks.MOST_DIMENSIONS, where)
        checks.an_axis(where, axis, x)

    def output_type(inputs: Types, where: str) -> Type:
        if inputs[1] != "int32":
            raise SpecError(f"{where} reads places of {inputs[1]}; supported: int32")
        return keeps("int8", "float32")(inputs[:1], where)

    facts = movement(
        "GATHER",
        check=check,
        output_shapes=lambda inputs: ((*inputs[0][:axis], *inputs[1], *inputs[0][axis + 1 :]),),
        inputs=TWO,
        parameters=8,
        prepared=(_shape_bytes,),
        temporaries=("every input", "output"),
    )
    return replace(facts, output_type=output_type)


def broadcast_to_operator(layer: layers.BroadcastTo) -> Operator:
    """Returns the facts of values that are repeated to another shape."""
    shape = layer.shape

    def check(inputs: Shapes, where: str) -> None:
        checks.positive(where, "shape", shape)
        _check_dimensions("BroadcastTo", shape, checks.MOST_DIMENSIONS - 1, where)
        if broadcast(inputs[0], shape) != shape:
            raise SpecError(f"{where}: BroadcastTo of {inputs[0]} to {shape}; sizes must be equal, or 1 in the input")

    return movement(
        "BROADCAST_TO",
        check=check,
        output_shapes=lambda inputs: (shape,),
        types=(*COPIED, "bool"),
        constants=((1, *shape),),
        table_bytes=160,
        temporaries=("input", "constant", "output"),
        cycles=STEP_CYCLES,
    )


def dynamic_update_slice_operator(layer: layers.DynamicUpdateSlice) -> Operator:
    """Returns the facts of replacing a box of a tensor."""
    computed = layer.begin is None

    def check(inputs: Shapes, where: str) -> None:
        x, box, *places = inputs
        begin = (0,) * len(x) if layer.begin is None else layer.begin
        _check_dimensions("DynamicUpdateSlice", x, checks.MOST_DIMENSIONS, where)
        if places not in ([], [(len(x) + 1,)]):
            raise SpecError(f"{where}: places {places[0]} for a box in {x}; need one for each dimension and the batch")
        if not len(x) == len(box) == len(begin):
            raise SpecError(f"{where}: begin = {begin} of {box} in {x}; need as many dimensions of each")
        if any(not 0 <= at <= n - size for n, size, at in zip(x, box, begin, strict=True)):
            raise SpecError(f"{where}: a box of {box} from {begin} on does not lie in {x}")

    def output_type(inputs: Types, where: str) -> Type:
        if inputs[2:] not in ((), ("int32",)):
            raise SpecError(f"{where} reads places of {inputs[2]}; supported: int32")
        return keeps(*COPIED)(inputs[:2], where)

    facts = movement(
        "DYNAMIC_UPDATE_SLICE",
        check=check,
        output_shapes=lambda inputs: (inputs[0],),
        inputs=Arity(3, 3) if computed else TWO,
        constants=() if layer.begin is None else ((0, *layer.begin),),
        temporaries=("every input", "output") if computed else ("every input", "constant", "output"),
    )
    return replace(facts, output_type=output_type)


def mirror_pad_operator(layer: layers.MirrorPad) -> Operator:
    """Returns the facts of a mirrored border."""
    least = 0 if layer.symmetric else 1

    def check(inputs: Shapes, where: str) -> None:
        x, paddings = inputs[0], layer.paddings
        _check_dimensions("MirrorPad", x, checks.MOST_DIMENSIONS, where)
        if len(paddings) != len(x) or any(len(p) != 2 or min(p) < 0 for p in paddings):
            raise SpecError(f"{where}: paddings {paddings} are not a (before, after) for each dimension of {x}")
        if any(max(pair) > n - least for n, pair in zip(x, paddings, strict=True)):
            raise SpecError(f"{where}: paddings {paddings} are wider than what is mirrored of {x}")

    return movement(
        "MIRROR_PAD",
        check=check,
        output_shapes=lambda inputs: (tuple(n + a + b for n, (a, b) in zip(inputs[0], layer.paddings, strict=True)),),
        types=("int8", "float32"),
        constants=(((0, 0), *layer.paddings),),
        table_bytes=200,
        parameters=4,
        op_data=20,
        temporaries=("input", "constant", "output"),
        scratch=(_sizes_of_dimensions, _sizes_of_dimensions),
        cycles=STEP_CYCLES,
    )


def _shape_bytes(inputs: Shapes, outputs: Shapes) -> int:
    """Bytes of the copy of the output's shape that TFLM's GATHER makes: its rank, and the sizes with the batch.

    There are at least four sizes: a table of places, which the reader brings to one dimension, adds one in the file.
    """
    return 4 * max(5, len(outputs[0]) + 2)


def _sizes_of_dimensions(inputs: Shapes, outputs: Shapes) -> int:
    """Bytes in which TFLM's MIRROR_PAD keeps a number for each dimension, the batch included."""
    return 4 * (len(inputs[0]) + 1)


def resize_nearest_neighbor_operator(layer: layers.ResizeNearestNeighbor) -> Operator:
    """Returns the facts of a map of another size whose pixels are copied."""
    return _resizing(layer, "RESIZE_NEAREST_NEIGHBOR", ("int8", "int16", "float32"))


def resize_bilinear_operator(layer: layers.ResizeBilinear) -> Operator:
    """Returns the facts of a map of another size whose pixels are interpolated."""
    return _resizing(layer, "RESIZE_BILINEAR", ("int8", "float32"))


def _resizing(
    layer: layers.ResizeNearestNeighbor | layers.ResizeBilinear, name: str, types: tuple[Type, ...]
) -> Operator:
    """Returns the facts of a map of another size."""
    copies = isinstance(layer, layers.ResizeNearestNeighbor)

    def check(inputs: Shapes, where: str) -> None:
        checks.a_map(type(layer).__name__, inputs[0], where)
        if not isinstance(layer.size, tuple) or len(layer.size) != 2:
            raise SpecError(f"{where}: size = {layer.size}; need two integers (height, width)")
        checks.positive(where, "size", layer.size)
        if not copies and layer.align_corners and layer.half_pixel_centers:
            raise SpecError(f"{where}: ResizeBilinear has align_corners or half_pixel_centers, not both")

    return movement(
        name,
        check=check,
        output_shapes=lambda inputs: ((*layer.size, inputs[0][2]),),
        types=types,
        constants=(layer.size,),
        table_bytes=180,
        parameters=2,
        alignment=1,
        temporaries=("input", "constant", "output"),
        cycles=COPY_CYCLES if copies else INTERPOLATION_CYCLES,
        selects=copies,
    )


def _check_dimensions(kind: str, x: Shape, most: int, where: str) -> None:
    """Raises `SpecError` for a tensor of more dimensions than TFLM's kernel takes, the batch left out."""
    if len(x) > most:
        raise SpecError(f"{where}: {kind} of a shape like {x}; at most {most} dimensions are supported")
