"""The stored form of operators that select, repeat or surround values: slices, gathers, borders, resizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from micronets.ir import layers
from micronets.ir.layers import Layer
from micronets.tflite import schema as s
from micronets.tflite.builder import Field
from micronets.tflite.codec.batch import on_shapes
from micronets.tflite.codec.fields import check_map, read_axis, read_numbers, read_paddings
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.folding import FILLED
from micronets.tflite.tensors import Graph, Tensor


def read_pad(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a PAD or PADV2, and Reshapes where layers do not have its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the paddings, and the third of a PADV2 that of the code of
      the border.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for paddings that do not fit the input and for a border that is not one value, and
    `UnsupportedError` for a border of another scale or zero point than the output's.
    """
    paddings, value = read_paddings(graph, o), None
    if o.op == Op.PADV2:
        value = _border(graph, o)
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.Pad(name=own[0], inputs=inputs, paddings=paddings[batch:], value=value),
        along_batch=paddings[0] != (0, 0),
    )


def _border(graph: Graph, o: FileOperator) -> float:
    """Returns the code of the border of a PADV2, or the number where it pads float32."""
    of, code = graph.activation_type(graph.tensor(o.inputs[0])), graph.tensor(o.inputs[2])
    values = graph.constant(code, (s.TENSOR_TYPES[of],)).ravel()
    if len(values) != 1:
        raise graph.damaged(f"{code.label} has {len(values)} values instead of one")
    if of == "int8" and graph.activation_quant(code) != graph.activation_quant(o.outputs[0]):
        raise graph.unsupported(f"{code.label} has another scale or zero point than the output: TFLM refuses that")
    return float(values[0]) if of == "float32" else int(values[0])


def read_slice(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a SLICE, and Reshapes where layers do not have its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the first places, and its third that of the sizes, where -1
      is the rest.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for constants that do not fit the input, and for a slice that does not leave a batch of one
    whole.
    """
    x, begin, size = graph.tensor(o.inputs[0]), read_numbers(graph, o.inputs[1]), read_numbers(graph, o.inputs[2])
    if not len(begin) == len(size) == len(x.shape):
        raise graph.damaged(
            f"begin {list(begin)} and size {list(size)} of {x.label}, which has {len(x.shape)} dimensions"
        )
    size = tuple(n - first if count == -1 else count for n, first, count in zip(x.shape, begin, size, strict=True))
    _check_batch_slice(graph, x, begin[0], size[0])
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.Slice(name=own[0], inputs=inputs, begin=begin[batch:], size=size[batch:]),
        along_batch=False,  # a batch of one can only stay whole
    )


def _check_batch_slice(graph: Graph, x: Tensor, begin: int, size: int) -> None:
    """Raises `FileError` for a slice that leaves a batch of one, which no layer's shape has: it can only stay whole."""
    if x.has_batch and (begin, size) != (0, 1):
        raise graph.damaged(f"it takes {size} from place {begin} on of the batch of {x.label}, which is one")


def read_strided_slice(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a STRIDED_SLICE, and Reshapes where layers do not have its shapes.

    - graph: the tensors of the file.
    - o: the operator; its inputs behind the first are the constants of the begins, the ends and the strides, and its
      options hold masks of dimensions.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for constants that do not fit the input, and `UnsupportedError` for options that TFLM's kernel
    does not know and for a stride that it does not take.
    """
    slot, x = s.StridedSliceSlot, graph.tensor(o.inputs[0])
    begins, ends, strides = (read_numbers(graph, index) for index in o.inputs[1:])
    if not len(begins) == len(ends) == len(strides) == len(x.shape):
        numbers = f"begin {list(begins)}, end {list(ends)} and strides {list(strides)}"
        raise graph.damaged(f"{numbers} of {x.label}, which has {len(x.shape)} dimensions")
    for name in (slot.ELLIPSIS_MASK, slot.NEW_AXIS_MASK, slot.OFFSET):
        if o.option(name, "?" if name == slot.OFFSET else "i"):
            raise graph.unsupported(f"it has the option {name.name.lower()}, which TFLM's kernel does not know")
    masks = [o.option(name, "i") for name in (slot.BEGIN_MASK, slot.END_MASK, slot.SHRINK_AXIS_MASK)]
    places = []
    for axis, (n, begin, end, stride) in enumerate(zip(x.shape, begins, ends, strides, strict=True)):
        from_start, to_end, shrink = (bool(mask >> axis & 1) for mask in masks)
        if stride == 0 or (shrink and stride < 0):
            raise graph.unsupported(f"a stride of {stride} along dimension {axis} of {x.label}")
        least, most = (0, n) if stride > 0 else (-1, n - 1)
        first = begin + n if begin < 0 else begin
        first = (least if stride > 0 else most) if from_start else min(max(first, least), most)
        last = end + n if end < 0 else end
        last = (most if stride > 0 else least) if to_end else min(max(last, least), most)
        places.append((first, 1 if shrink else -((first - last) // stride), 1 if shrink else stride))
    begin_of, size, stride_of = (tuple(numbers) for numbers in zip(*places, strict=True))
    _check_batch_slice(graph, x, begin_of[0], size[0])
    shrunk = tuple(axis for axis in range(len(x.shape)) if masks[2] >> axis & 1)
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.StridedSlice(
            name=own[0],
            inputs=inputs,
            begin=begin_of[batch:],
            size=size[batch:],
            strides=stride_of[batch:],
            shrink=tuple(axis - batch for axis in shrunk),
        ),
        along_batch=0 in shrunk,
    )


def read_update(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a DYNAMIC_UPDATE_SLICE, and Reshapes where needed.

    - graph: the tensors of the file.
    - o: the operator; its third input has the first places: a constant, which may be of int64, or an activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of the tensor, of what takes the place of a box of it, and of places that are computed.

    Raises `FileError` unless there is one position for each dimension, and `UnsupportedError` for computed positions in
    a tensor without a batch of one. A box that would reach beyond the tensor is moved into it.
    """
    (x, box), places = (graph.tensor(index) for index in o.inputs[:2]), graph.tensor(o.inputs[2])
    if len(inputs) > 2:
        if not x.has_batch or places.shape != (len(x.shape),):
            raise graph.unsupported(
                f"{places.label} of shape {list(places.shape)} has the place of a box in {x.label} of {list(x.shape)}; "
                "computed places need a batch of one, and a place for each dimension; export it with constant places"
            )
        return (layers.DynamicUpdateSlice(name=own[0], inputs=inputs, begin=None),)
    begin = graph.constant(places, (s.TensorType.INT32, s.TensorType.INT64)).ravel().tolist()
    if not len(begin) == len(x.shape) == len(box.shape):
        raise graph.damaged(f"{len(begin)} places for {box.label} in {x.label}, of {len(x.shape)} dimensions")
    sizes = zip(begin, x.shape, box.shape, strict=True)
    inside = tuple(max(0, min(at, n - size)) for at, n, size in sizes)
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.DynamicUpdateSlice(name=own[0], inputs=inputs, begin=inside[batch:]),
        along_batch=False,
    )


def read_blocks(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layers of a DEPTH_TO_SPACE or SPACE_TO_DEPTH: a Transpose of rows of blocks between two Reshapes.

    - graph: the tensors of the file.
    - o: the operator; its option is the size of a block, in pixels along each side.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    The rows of a block, of `block` pixels, lie next to one another in the channels of one pixel, or under one another
    in the map. Raises `FileError` for blocks that do not divide the input, and `UnsupportedError` for an input that is
    not a map `[1, H, W, C]` of int8 or float32.
    """
    check_map(graph, o)
    x = graph.tensor(o.inputs[0])
    if (of := graph.activation_type(x)) not in ("int8", "float32"):
        raise graph.unsupported(f"{x.label} is {of}; TFLM's kernel takes int8 and float32")
    block, (h, w, c) = o.option(s.BlockSlot.SIZE, "i"), x.layer_shape
    if block < 1 or (c % block**2 if o.op == Op.DEPTH_TO_SPACE else h % block or w % block):
        raise graph.damaged(f"blocks of {block} do not divide {list(x.shape)}")
    if o.op == Op.DEPTH_TO_SPACE:
        rows, made = (h, w, block, c // block), (h * block, w * block, c // block**2)
    else:
        rows, made = (h // block, block, w // block, block * c), (h // block, w // block, block**2 * c)
    apart, turned = graph.new_name(f"{own[0]}_in"), graph.new_name(f"{own[0]}_out")
    return (
        layers.Reshape(name=apart, inputs=inputs, shape=rows),
        layers.Transpose(name=turned, inputs=(apart,), permutation=(0, 2, 1, 3)),
        layers.Reshape(name=own[0], inputs=(turned,), shape=made),
    )


def read_reverse(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a REVERSE_V2: a StridedSlice that goes backwards along some dimensions.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of these dimensions.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for a dimension that the input does not have, and `UnsupportedError` for none and for dimensions
    that are not neighbours.
    """
    x = graph.tensor(o.inputs[0])
    axes = sorted(read_axis(graph, axis, x) for axis in read_numbers(graph, o.inputs[1]))
    if not axes or axes != list(range(axes[0], axes[-1] + 1)):
        raise graph.unsupported(f"it goes backwards along {axes}; TFLM's kernel takes neighbouring dimensions only")
    back = [axis in axes for axis in range(len(x.shape))]
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.StridedSlice(
            name=own[0],
            inputs=inputs,
            begin=tuple(n - 1 if turned else 0 for n, turned in zip(x.shape, back, strict=True))[batch:],
            size=x.shape[batch:],
            strides=tuple(-1 if turned else 1 for turned in back)[batch:],
        ),
        along_batch=False,  # a batch of one stays as it is
    )


def _read_lookup(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a GATHER whose places are computed, and a Reshape behind it where the output has a batch.

    The arguments and the errors are those of `read_gather`; a batch of more than one, or one that is gathered from, is
    refused.
    """
    x, places, y = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[1]), o.outputs[0]
    axis, batches = read_axis(graph, o.option(s.GatherSlot.AXIS, "i"), x), o.option(s.GatherSlot.BATCH_DIMS, "i")
    made = (*x.shape[:axis], *places.shape[batches:], *x.shape[axis + 1 :])
    if y.shape != made:
        raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {list(made)}")
    if batches not in (0, int(x.has_batch and places.has_batch)) or (x.has_batch and axis == 0):
        raise graph.unsupported(f"it gathers along the batch of {x.label}; only a batch of one that stays is supported")
    axis -= int(x.has_batch)
    shape = (*x.layer_shape[:axis], *places.layer_shape, *x.layer_shape[axis + 1 :])
    if shape == y.layer_shape:
        return (layers.Lookup(name=own[0], inputs=inputs, axis=axis),)
    name = graph.new_name(f"{own[0]}_out")
    return layers.Lookup(name=name, inputs=inputs, axis=axis), layers.Reshape(
        name=own[0], inputs=(name,), shape=y.layer_shape
    )


def read_gather(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a GATHER, and Reshapes where layers do not have its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input has the places to take, a constant or an activation, and its options hold the
      axis.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its activations.

    Raises `FileError` for an axis that the input does not have, and `UnsupportedError` for batches of its own and for
    an output of another shape than its inputs make.
    """
    if len(inputs) > 1:
        return _read_lookup(graph, o, own, inputs)
    x, y, which = graph.tensor(o.inputs[0]), o.outputs[0], graph.tensor(o.inputs[1])
    axis = read_axis(graph, o.option(s.GatherSlot.AXIS, "i"), x)
    if o.option(s.GatherSlot.BATCH_DIMS, "i"):
        raise graph.unsupported("it gathers along batches of its own; only batch_dims = 0 is supported")
    indices = tuple(int(i) for i in graph.constant(which, (s.TensorType.INT32,)).ravel())
    made = (*x.shape[:axis], *which.shape, *x.shape[axis + 1 :])
    if y.shape != made:
        raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {list(made)}")
    batch = int(x.has_batch)
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()
    shape, name = x.layer_shape, own[0]
    if axis < batch:
        whole = graph.new_name(f"{own[0]}_in")
        before = (layers.Reshape(name=whole, inputs=inputs, shape=x.shape),)
        inputs, shape, batch = (whole,), x.shape, 0
    axis -= batch
    if (*shape[:axis], len(indices), *shape[axis + 1 :]) != y.layer_shape:
        name = graph.new_name(f"{own[0]}_out")
        after = (layers.Reshape(name=own[0], inputs=(name,), shape=y.layer_shape),)
    return (*before, layers.Gather(name=name, inputs=inputs, axis=axis, indices=indices), *after)


def read_gather_nd(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layers of a GATHER_ND: a Gather along the first dimensions, which a Reshape makes one of.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the places, whose last dimension has an index for each of the
      first dimensions of the input.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for places that the input does not have, and `UnsupportedError` for computed places of several
    indices and for an output of another shape than its inputs make.
    """
    x, which, y = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[1]), o.outputs[0]
    depth = which.shape[-1] if which.shape else 0
    if not 1 <= depth <= len(x.shape):
        raise graph.damaged(f"{which.label} has {depth} indices for each place of {x.label}")
    made = (*which.shape[:-1], *x.shape[depth:])
    if y.shape != made:
        raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {list(made)}")
    if len(inputs) > 1:
        return _looked_up(graph, o, own, inputs)
    places = graph.constant(which, (s.TensorType.INT32,))
    if (places < 0).any() or (places >= np.array(x.shape[:depth])).any():
        raise graph.damaged(f"{which.label} has places that {x.label} of shape {list(x.shape)} does not have")
    numbers = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), x.shape[:depth]).ravel()
    flat, name = graph.new_name(f"{own[0]}_in"), graph.new_name(f"{own[0]}_out")
    return (
        layers.Reshape(name=flat, inputs=inputs, shape=(int(np.prod(x.shape[:depth])), *x.shape[depth:])),
        layers.Gather(name=name, inputs=(flat,), axis=0, indices=tuple(int(number) for number in numbers)),
        layers.Reshape(name=own[0], inputs=(name,), shape=y.layer_shape),
    )


def _looked_up(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layers of a GATHER_ND along the first dimension at computed places, between Reshapes."""
    x, which, y = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[1]), o.outputs[0]
    if which.shape[-1] != 1:
        raise graph.unsupported(
            f"{which.label} is computed, {which.shape[-1]} indices for each place; computed places are supported along "
            "one dimension: make them constant, or use GATHER"
        )
    whole, places, name = (graph.new_name(f"{own[0]}_{part}") for part in ("in", "places", "out"))
    return (
        layers.Reshape(name=whole, inputs=inputs[:1], shape=x.shape),
        layers.Reshape(name=places, inputs=inputs[1:], shape=which.shape[:-1] or (1,)),
        layers.Lookup(name=name, inputs=(whole, places)),
        layers.Reshape(name=own[0], inputs=(name,), shape=y.layer_shape),
    )


def read_embedding_lookup(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of an EMBEDDING_LOOKUP, and a Reshape behind it where the output has a batch of one.

    - graph: the tensors of the file.
    - o: the operator; its first input has the numbers of rows, its second one the rows.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its inputs, in order.

    Raises `UnsupportedError` for numbers of several dimensions, a table of one row, and an output of another shape than
    its inputs make.
    """
    numbers, table, y = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[1]), o.outputs[0]
    if len(numbers.shape) != 1 or len(table.shape) < 2 or table.has_batch:
        raise graph.unsupported(
            f"{numbers.label} has the shape {list(numbers.shape)} and {table.label} {list(table.shape)}; supported: "
            "[places] and [rows, ...] with two rows and more"
        )
    made = (*numbers.shape, *table.shape[1:])
    if y.shape != made:
        raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {list(made)}")
    turned = inputs[1], inputs[0]
    if not y.has_batch:
        return (layers.Lookup(name=own[0], inputs=turned),)
    name = graph.new_name(f"{own[0]}_out")
    return layers.Lookup(name=name, inputs=turned), layers.Reshape(name=own[0], inputs=(name,), shape=y.layer_shape)


def read_broadcast_to(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a BROADCAST_TO, and Reshapes where layers do not have its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the output's shape.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `UnsupportedError` for an output of another shape than the constant says.
    """
    x, y, shape = graph.tensor(o.inputs[0]), o.outputs[0], read_numbers(graph, o.inputs[1])
    if y.shape != shape:
        raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {list(shape)}")
    if y.has_batch and not x.has_batch and len(x.shape) < len(y.shape):
        return (layers.BroadcastTo(name=own[0], inputs=inputs, shape=y.layer_shape),)  # the batch is one of what is new
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.BroadcastTo(name=own[0], inputs=inputs, shape=y.shape[batch:]),
        along_batch=False,  # a batch of one stays one
    )


def read_fill(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a FILL with a computed value: a BroadcastTo. One with constants alone is `folding`'s.

    - graph: the tensors of the file.
    - o: the operator; its first input is the constant of the output's shape, its second one the value.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of the value, in a tuple of one.

    Raises `UnsupportedError` for an output of another shape than the constant says, for several values, and for a type
    that TFLM's kernel does not take.
    """
    value, y, shape = graph.tensor(o.inputs[1]), o.outputs[0], read_numbers(graph, o.inputs[0])
    if y.shape != shape or value.shape:
        raise graph.unsupported(
            f"{y.label} has the shape {list(y.shape)} and {value.label} {list(value.shape)}; need {list(shape)} and []"
        )
    if (of := graph.activation_type(value)) not in FILLED:
        raise graph.unsupported(f"{value.label} is {of}; TFLM's kernel takes {', '.join(FILLED)}")
    return layers.BroadcastTo(name=own[0], inputs=inputs, shape=y.layer_shape)


def read_mirror_pad(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a MIRROR_PAD, and Reshapes where layers do not have its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the paddings, and its option says whether the outermost
      values are repeated.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for paddings that do not fit the input.
    """
    paddings, symmetric = read_paddings(graph, o), bool(o.option(s.MirrorPadSlot.MODE, "b"))
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: layers.MirrorPad(
            name=own[0], inputs=inputs, paddings=paddings[batch:], symmetric=symmetric
        ),
        along_batch=paddings[0] != (0, 0),
    )


def read_resize(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the output's height and width, in pixels.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    Raises `FileError` for a size that is not two numbers, and `UnsupportedError` for an input that is not a map `[1, H,
    W, C]`.
    """
    check_map(graph, o)
    size = read_numbers(graph, o.inputs[1])
    if len(size) != 2:
        raise graph.damaged(f"the size {list(size)} instead of (height, width)")
    nearest = o.op == Op.RESIZE_NEAREST_NEIGHBOR
    slot: Any = s.ResizeNearestNeighborSlot if nearest else s.ResizeBilinearSlot
    return (layers.ResizeNearestNeighbor if nearest else layers.ResizeBilinear)(
        name=own[0],
        inputs=inputs,
        size=(size[0], size[1]),
        align_corners=bool(o.option(slot.ALIGN_CORNERS, "?", False)),
        half_pixel_centers=bool(o.option(slot.HALF_PIXEL_CENTERS, "?", False)),
    )


def resize_options(layer: layers.ResizeNearestNeighbor | layers.ResizeBilinear, slot: Any) -> list[Field]:
    """Returns the options of a resizing; `slot` is the enum of their slots."""
    return [
        (slot.ALIGN_CORNERS, "bool", layer.align_corners, False),
        (slot.HALF_PIXEL_CENTERS, "bool", layer.half_pixel_centers, False),
    ]
