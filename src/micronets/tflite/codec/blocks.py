"""How SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND are stored, and what they are read as.

The first cuts a map into blocks and makes an own map of the pixels at each place in a block: places become a batch. The
second does the reverse. Converters write a dilated convolution as a plain one between the two: the pixels that it
combines lie a block apart. `spread_maps` finds these, and gives the tensors between the two the shape of the whole map;
what is left of the operators is a border in front, and a part that is cut out behind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from micronets.errors import FileError, UnsupportedError
from micronets.ir.layers import Layer, Pad, Reshape, Slice, Transpose
from micronets.ir.window import Pair
from micronets.tflite import schema as s
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph, Tensor

Sizes = tuple[int, ...]

_POINTWISE = (
    Op.RELU,
    Op.RELU6,
    Op.LEAKY_RELU,
    Op.LOGISTIC,
    Op.TANH,
    Op.ELU,
    Op.HARD_SWISH,
    Op.ABS,
    Op.QUANTIZE,
    Op.ADD,
    Op.SUB,
    Op.MUL,
    Op.PRELU,
    Op.MINIMUM,
    Op.MAXIMUM,
)
"""The operators that work on each pixel alone, so that the order of the pixels does not matter to them."""

_SHAPES = (Op.RESHAPE, Op.EXPAND_DIMS, Op.SQUEEZE)
"""The operators that may put in or take out a dimension of one, as for convolutions of sequences."""


def _blocks_of(graph: Graph, o: FileOperator) -> tuple[Sizes, tuple[Pair, ...]]:
    """Returns the sizes of the blocks, and the borders or what is cut off, for each dimension between the outer ones.

    Raises `FileError` if they do not fit the tensor, and `UnsupportedError` for a rank that TFLM does not take.
    """
    x = graph.tensor(o.inputs[0])
    if len(x.shape) not in (3, 4):
        raise graph.unsupported(f"{x.label} has {len(x.shape)} dimensions; TFLM's kernel takes 3 or 4")
    if (of := graph.activation_type(x)) not in ("int8", "float32"):
        raise graph.unsupported(f"{x.label} is {of}; TFLM's kernel takes int8 and float32")
    between = len(x.shape) - 2
    sizes, ends = (graph.constant(graph.tensor(index), (s.TensorType.INT32,)) for index in o.inputs[1:3])
    if sizes.shape != (between,) or ends.shape != (between, 2) or sizes.min() < 1 or ends.min() < 0:
        raise graph.damaged(f"blocks of {sizes.tolist()} with {ends.tolist()} for {list(x.shape)}")
    return tuple(int(n) for n in sizes), tuple((int(a), int(b)) for a, b in ends)


def _check_shape(graph: Graph, made: Tensor, shape: Sizes) -> None:
    """Raises `UnsupportedError` for an output of another shape than the operator makes."""
    if made.shape != shape:
        raise graph.unsupported(
            f"{made.label} has the shape {list(made.shape)}, where the operator makes {list(shape)}: with an open "
            "batch TFLM computes a part of the pixels alone; export the model with a batch of one (Input(shape, "
            "batch_size=1)), and it becomes a dilated convolution"
        )


def _border(graph: Graph, o: FileOperator) -> int | None:
    """Returns the code of the border of a SPACE_TO_BATCH_ND; None for the zero point.

    TFLM's kernel never sets it, and takes what is in the arena, which is 0 in one that was filled with zeros. With an
    open batch, which TFLM cannot run, it is the zero point, as in TensorFlow Lite.
    """
    if computed_in_part(graph, o.op, o.inputs, [o.outputs[0].index]) is not None:
        return None
    quant = graph.activation_quant(graph.tensor(o.inputs[0]))
    return None if quant is None or quant.zero_point == 0 else 0


def read_space_to_batch(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layers of a SPACE_TO_BATCH_ND: a Pad, and a Transpose between two Reshapes, as far as needed.

    - graph: the tensors of the file.
    - o: the operator; the constants that it reads are the sizes of the blocks and the borders, `(before, after)` of
      each dimension.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for blocks or borders that do not fit the shape, and `UnsupportedError` for a rank, a type or an
    output shape that is not supported.
    """
    blocks, ends = _blocks_of(graph, o)
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    batch, channels = x.shape[0], x.shape[-1]
    padded = tuple(n + a + b for n, (a, b) in zip(x.shape[1:-1], ends, strict=True))
    spread = y.index in graph.spread
    if not spread:
        if any(n % block for n, block in zip(padded, blocks, strict=True)):
            raise graph.damaged(f"blocks of {list(blocks)} do not divide {list(padded)}")
        counts = tuple(n // block for n, block in zip(padded, blocks, strict=True))
        _check_shape(graph, y, (batch * math.prod(blocks), *counts, channels))
    layers: list[Layer] = []
    last = own[0] if spread else graph.new_name(f"{own[0]}_border")
    paddings = (*(() if x.has_batch else ((0, 0),)), *ends, (0, 0))
    if any(max(pair) for pair in ends):
        layers.append(Pad(name=last, inputs=inputs, paddings=paddings, value=_border(graph, o)))
        inputs = (last,)
    elif spread:
        return (Reshape(name=own[0], inputs=inputs, shape=x.layer_shape),)
    if spread:
        return tuple(layers)
    apart = [batch, *(n for count, block in zip(counts, blocks, strict=True) for n in (count, block)), channels]
    places = [2 + 2 * axis for axis in range(len(blocks))]
    order = [*places, 0, *(place - 1 for place in places), len(apart) - 1]
    return (*layers, *_turned(graph, own[0], inputs, apart, order, y.layer_shape))


def read_batch_to_space(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layers of a BATCH_TO_SPACE_ND: a Transpose between two Reshapes, and a Slice, as far as needed.

    - graph: the tensors of the file.
    - o: the operator; the constants that it reads are the sizes of the blocks and what is cut off, `(before, after)` of
      each dimension.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for blocks or cuts that do not fit the shape, and `UnsupportedError` for a rank, a type or an
    output shape that is not supported.
    """
    blocks, ends = _blocks_of(graph, o)
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    spread = x.index in graph.spread
    if spread:
        whole = x.shape
    else:
        if x.shape[0] % math.prod(blocks):
            _check_shape(graph, x, (math.prod(blocks), *x.shape[1:]))
        counts, batch = x.shape[1:-1], x.shape[0] // math.prod(blocks)
        whole = (batch, *(n * block for n, block in zip(counts, blocks, strict=True)), x.shape[-1])
    sizes = tuple(n - a - b for n, (a, b) in zip(whole[1:-1], ends, strict=True))
    if min(sizes) < 1:
        raise graph.damaged(f"it cuts {[list(pair) for pair in ends]} off {list(whole)}")
    _check_shape(graph, y, (whole[0], *sizes, whole[-1]))
    cut = any(max(pair) for pair in ends)
    shape = whole[1:] if whole[0] == 1 else whole
    layers: tuple[Layer, ...] = ()
    if not spread:
        apart = [*blocks, batch, *counts, x.shape[-1]]
        k = len(blocks)
        order = [k, *(axis for n in range(k) for axis in (k + 1 + n, n)), 2 * k + 1]
        name = graph.new_name(f"{own[0]}_whole") if cut else own[0]
        layers = _turned(graph, name, inputs, apart, order, shape)
        inputs = (name,)
    elif not cut:
        return (Reshape(name=own[0], inputs=inputs, shape=shape),)
    if cut:
        begin = (*(() if whole[0] == 1 else (0,)), *(a for a, _ in ends), 0)
        layers = (*layers, Slice(name=own[0], inputs=inputs, begin=begin, size=y.layer_shape))
    return layers


def _turned(
    graph: Graph, name: str, inputs: TensorNames, apart: Sequence[int], order: Sequence[int], shape: Sizes
) -> tuple[Layer, ...]:
    """Returns the layers of a Transpose between two Reshapes; dimensions of one and those that stay neighbours are one.

    - name: what the result is called.
    - apart: the shape in front of the Transpose.
    - order: which of its dimensions each of the result is.
    - shape: the shape behind it.
    """
    groups: list[list[int]] = []
    for axis in order:
        if apart[axis] == 1:
            continue
        if groups and not [n for n in apart[groups[-1][-1] + 1 : axis] if n > 1] and axis > groups[-1][-1]:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    sizes = {group[0]: math.prod(apart[axis] for axis in group) for group in groups}
    first = sorted(sizes)
    if len(first) < 2 or first == [group[0] for group in groups]:
        return (Reshape(name=name, inputs=inputs, shape=shape),)
    before, turned = graph.new_name(f"{name}_in"), graph.new_name(f"{name}_out")
    return (
        Reshape(name=before, inputs=inputs, shape=tuple(sizes[axis] for axis in first)),
        Transpose(name=turned, inputs=(before,), permutation=tuple(first.index(group[0]) for group in groups)),
        Reshape(name=name, inputs=(turned,), shape=shape),
    )


def computed_in_part(graph: Graph, code: int, inputs: Sequence[int], outputs: Sequence[int]) -> str | None:
    """Returns how TFLM computes a part of an operator's result alone, as the end of a sentence; None if it does not.

    Converters write the batch of a model that was exported with an open one as 1, also behind a SPACE_TO_BATCH_ND that
    makes a batch of several. TFLM takes the shape as it is in the file, and computes the first of them.

    - graph: the tensors of the file.
    - code: the number of the operator.
    - inputs, outputs: the tensors that it reads and writes.
    """
    if code != Op.SPACE_TO_BATCH_ND or len(inputs) != 3 or len(outputs) != 1:
        return None
    x, y = graph.tensor(inputs[0]).shape, graph.shape_in_file(outputs[0])
    made = x[0] * math.prod(graph.constant(graph.tensor(inputs[1]), (s.TensorType.INT32,)).tolist())
    if y[0] == made:
        return None
    return f"1 of the {made} maps of a SPACE_TO_BATCH_ND, since the model was exported with an open batch"


def spread_maps(graph: Graph, operators: Sequence[FileOperator]) -> list[FileOperator]:
    """Gives tensors between a SPACE_TO_BATCH_ND and a BATCH_TO_SPACE_ND the shape of the whole map, where all can have.

    `graph.spread` then has them, with how many pixels of the map lie from one pixel of theirs to the next, which
    multiplies the dilation of convolutions. An operator between the two that needs the order of the pixels leaves all
    as it is. The operators are returned, with the tensors that they then write.

    - graph: the tensors of the file.
    - operators: the operators, in execution order.
    """
    readers: dict[int, list[FileOperator]] = {}
    for o in operators:
        for index in set(o.inputs):
            readers.setdefault(index, []).append(o)
    for o in operators:
        if o.op == Op.SPACE_TO_BATCH_ND and graph.tensor(o.inputs[0]).shape[:1] == (1,):
            graph.where = o.where
            try:
                blocks, ends = _blocks_of(graph, o)
            except (FileError, UnsupportedError):
                continue  # its reader says what is wrong with it
            found = _spread_from(graph, o, blocks, ends, readers)
            for index, (shape, steps) in found.items():
                graph.spread[index] = steps
                graph.set_shape(index, shape)
    return [replace(o, outputs=tuple(graph.tensor(tensor.index) for tensor in o.outputs)) for o in operators]


def _spread_from(
    graph: Graph,
    o: FileOperator,
    blocks: Sizes,
    ends: tuple[Pair, ...],
    readers: dict[int, list[FileOperator]],
) -> dict[int, tuple[Sizes, Sizes]]:
    """Returns the shapes of the tensors behind a SPACE_TO_BATCH_ND as whole maps, and the steps between their pixels.

    It is empty unless every way from there ends at a BATCH_TO_SPACE_ND of the same blocks.

    - o: the operator; its blocks and its borders are `blocks` and `ends`.
    - readers: the operators that read each tensor.
    """
    x, start = graph.tensor(o.inputs[0]), o.outputs[0]
    padded = tuple(n + a + b for n, (a, b) in zip(x.shape[1:-1], ends, strict=True))
    counts = tuple(n // block for n, block in zip(padded, blocks, strict=True))
    batches = {math.prod(blocks), 1}  # 1: the batch was open, see `computed_in_part`
    if start.shape[:1] not in {(batch,) for batch in batches} or start.shape[1:] != (*counts, x.shape[-1]):
        return {}
    if padded != tuple(np.multiply(counts, blocks)):
        return {}
    found: dict[int, tuple[Sizes, Sizes]] = {start.index: ((1, *padded, x.shape[-1]), blocks)}
    waiting = [start.index]
    while waiting:
        index = waiting.pop()
        shape, steps = found[index]
        for reader in readers.get(index, ()):
            if reader.op == Op.BATCH_TO_SPACE_ND:
                if tuple(graph.constant(graph.tensor(reader.inputs[1]), (s.TensorType.INT32,)).tolist()) != steps:
                    return {}
                continue
            made = _spread_through(graph, reader, graph.tensor(index), shape, steps)
            if made is None or len(reader.outputs) != 1:
                return {}
            others = [i for i in reader.activations if i != index and not graph.is_constant(graph.tensor(i))]
            if any(found.get(i) != (shape, steps) for i in others):
                return {}
            if reader.outputs[0].index not in found:
                found[reader.outputs[0].index] = made
                waiting.append(reader.outputs[0].index)
        if index not in readers:
            return {}
    return found


def _spread_through(graph: Graph, o: FileOperator, x: Tensor, shape: Sizes, steps: Sizes) -> tuple[Sizes, Sizes] | None:
    """Returns the shape and the steps of an operator's output as a whole map; None if it cannot be one.

    - o: the operator.
    - x: its input, as it is in the file.
    - shape, steps: those of its input as a whole map.
    """
    y = o.outputs[0]
    if o.op in (Op.CONV_2D, Op.DEPTHWISE_CONV_2D):
        slot = s.Conv2DSlot if o.op == Op.CONV_2D else s.DepthwiseSlot
        kernel = graph.tensor(o.inputs[1]).shape[1:3]
        even = any(k % 2 == 0 and n > 1 for k, n in zip(kernel, steps, strict=False))
        same = o.option(slot.PADDING, "b") == s.PADDINGS["same"]
        strides = o.option(slot.STRIDE_H, "i"), o.option(slot.STRIDE_W, "i")
        if not len(x.shape) == len(y.shape) == 4 or y.shape[0] != x.shape[0] or strides != (1, 1) or (same and even):
            return None
    elif o.op in _POINTWISE:
        constants = [graph.tensor(i) for i in o.activations if graph.is_constant(graph.tensor(i))]
        if y.shape != x.shape or any(math.prod(c.shape[:-1]) != 1 for c in constants):
            return None
    elif o.op in _SHAPES:
        if sorted((len(x.shape), len(y.shape))) != [3, 4] or (y.shape[0], y.shape[-1]) != (x.shape[0], x.shape[-1]):
            return None
        if len(y.shape) == 3:  # one of the two dimensions between is taken out
            gone = 1 if x.shape[1] == 1 else 2
            if x.shape[gone] != 1 or steps[gone - 1] != 1:
                return None
            kept = steps[2 - gone]
            return (1, y.shape[1] * kept, y.shape[2]), (kept,)
        if y.shape[1:3] == (1, x.shape[1]):
            steps = (1, *steps)
        elif y.shape[1:3] == (x.shape[1], 1):
            steps = (*steps, 1)
        else:
            return None
    else:
        return None
    return (1, *(n * step for n, step in zip(y.shape[1:-1], steps, strict=True)), y.shape[-1]), steps
