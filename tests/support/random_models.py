"""Random small networks and integer weights that stress corners: `random_arch(seed)`, `random_model(arch, seed)`.

Among them are odd channel counts, strides beyond the kernel, maps one wide, dilation, depth multipliers, both paddings,
4-bit weights and activations, zero points at the ends of the range, multipliers above one, and sums that saturate.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import numpy as np

from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import ACTIVATION_LIMITS, INPUT, Layer, Relation, TensorSpec, Weighted
from micronets.ir.ops.binary import broadcast
from micronets.ir.scales import scale_owners
from micronets.ir.types import Type
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED

MAP_KINDS = (
    *(
        "conv",
        "conv",
        "depthwise",
        "depthwise",
        "average",
        "max",
        "add",
        "pad",
        "relu",
        "hard_swish",
        "quantize",
        "reshape",
        "concatenation",
        "split",
        "unary",
        "dense",
        "reduction",
        "transpose_conv",
        "batch_matmul",
        "transpose",
        "slice",
        "strided_slice",
        "pack",
        "unpack",
        "view",
        "gather",
        "mirror_pad",
        "resize",
    ),
)
"""Kinds of layers in the body of a network; those of `ANY_KINDS` take tensors of any shape, the others maps."""

ANY_KINDS = (
    "add",
    "pad",
    "relu",
    "hard_swish",
    "quantize",
    "reshape",
    "concatenation",
    "split",
    "batch_matmul",
    "unary",
    "dense",
    "reduction",
    "transpose",
    "slice",
    "strided_slice",
    "pack",
    "unpack",
    "view",
    "gather",
    "mirror_pad",
)

MOVES = (
    layers.ResizeNearestNeighbor,
    layers.ResizeBilinear,
    layers.Pad,
    layers.Reshape,
    layers.Split,
    layers.ExpandDims,
    layers.Squeeze,
    layers.Transpose,
    layers.Slice,
    layers.StridedSlice,
    layers.Pack,
    layers.Unpack,
    layers.Gather,
    layers.BroadcastTo,
    layers.MirrorPad,
    layers.DynamicUpdateSlice,
)
"""Kinds of layers that copy codes, whatever the scales are."""


def random_arch(seed: int, max_layers: int = 7, several: bool = False) -> Arch:
    """Returns a valid network that TFLM runs; with one output, or with several."""
    rng = random.Random(f"arch {seed}")
    kind: Type = "int8"
    shape = (rng.choice((1, 2, 5, 8, 11)), rng.choice((1, 3, 6, 10)), rng.choice((1, 2, 3, 5, 8)))
    stack: list[Layer] = []
    shapes = {INPUT: shape}
    four = {INPUT: False}
    rectified: set[str] = set()  # tensors that hold no negative number
    constants: list[TensorSpec] = []

    def add(layer: Layer, *new: TensorSpec) -> bool:
        try:
            candidate = Arch(shape, (*stack, layer), kind, constants=(*constants, *new))
        except SpecError:
            return False
        owners = scale_owners(candidate.steps())
        if any(isinstance(a, layers.HardSwish) and owners[a.name] != a.name for a in candidate.layers):
            return False  # another tensor would give it a scale that TFLM's kernel may not take
        fixed = [(owners[n], s.operator.scale) for s in candidate.steps() for n in s.layer.outputs]
        fixed = [(owner, scale) for owner, scale in fixed if scale in FIXED]
        if len({owner for owner, _ in fixed}) < len(fixed):
            return False  # two tensors of fixed scales would be bound to each other
        stack.append(layer)
        constants.extend(new)
        for name in layer.outputs:
            shapes[name] = candidate.shapes()[name]
            four[name] = layer.act_bits == 4
            if isinstance(layer, (layers.Relu, layers.Abs, layers.Logistic)) or candidate.steps()[
                -1
            ].operator.activation in (
                "relu",
                "relu6",
            ):
                rectified.add(name)
        return True

    if rng.random() < 0.1:
        kind = random.Random(f"type {seed}").choice(("float32", "uint8", "int16"))
        add(layers.Quantize(name="q_in", inputs=(INPUT,)))
    want = rng.randint(1, max_layers)
    for _ in range(50):
        if len(stack) >= want:
            break
        previous = rng.choice(stack[-1].outputs) if stack else INPUT
        own = random.Random(f"binary {seed} {len(stack)} {previous}")
        if own.random() < 0.2 and add(*_binary_layer(own, f"{own.choice('mno')}{len(stack)}", previous, shapes)):
            continue
        add(_map_layer(rng, f"{rng.choice('abcdxyz')}{len(stack)}", previous, shapes, four, previous in rectified))
    previous = stack[-1].name if stack else INPUT
    for layer in _tail(rng, previous, shapes):
        add(layer)
    if not stack:
        add(layers.Reshape(name="r", inputs=(INPUT,), shape=(math.prod(shape),)))
    names = [name for layer in stack for name in layer.outputs]
    if several:  # at least two, if there are two tensors
        outputs = {names[-1], *rng.sample(names, min(len(names), rng.randint(1, 3)))}
        return Arch(shape, tuple(stack), kind, tuple(rng.sample(sorted(outputs), len(outputs))), tuple(constants))
    return Arch(shape, tuple(stack), kind, (stack[-1].name,), tuple(constants))


def _binary_layer(rng: random.Random, name: str, previous: str, shapes: dict) -> tuple[Layer, *tuple[TensorSpec, ...]]:
    """A layer that combines `previous` with another tensor or with a constant, and the constant."""
    shape = shapes[previous]
    others = [n for n, s in shapes.items() if broadcast(s, shape)]
    new: tuple[TensorSpec, ...] = ()
    if rng.random() < 0.6 or not others:
        kept = rng.randint(0, len(shape))
        sizes = tuple(n if rng.random() < 0.7 else 1 for n in shape[len(shape) - kept :])
        if len(sizes) > 1 and sizes[0] == 1 and rng.random() < 0.5:
            sizes = sizes[1:]
        new = (TensorSpec(f"{name}_constant", sizes, "int8"),)
    names = [previous, new[0].name if new else rng.choice(others)]
    rng.shuffle(names)
    kind = rng.choice(
        (layers.Add, layers.Mul, layers.Sub, layers.Minimum, layers.Maximum, layers.SquaredDifference, layers.Prelu)
    )
    fused = {"activation": rng.choice(tuple(ACTIVATION_LIMITS))} if kind in (layers.Add, layers.Mul, layers.Sub) else {}
    return kind(name=name, inputs=tuple(names), **fused), *new


def _map_layer(rng: random.Random, name: str, previous: str, shapes: dict, four: dict, rectified: bool) -> Layer:
    shape = shapes[previous]
    h, w, c = shape if len(shape) == 3 else (math.prod(shape[:-1]), 1, shape[-1])
    rank = len(shape)
    activation = rng.choice(tuple(ACTIVATION_LIMITS))
    padding = rng.choice(("same", "valid"))
    kernel = (rng.randint(1, min(5, h + 1)), rng.randint(1, min(4, w + 1)))
    stride = rng.choice(((1, 1), (1, 1), (2, 2), (2, 1), (1, 3), (4, 3)))
    dilation = rng.choice(((1, 1), (1, 1), (2, 2), (1, 2), (3, 1)))
    weight_bits = rng.choice((8, 8, 4))
    act_bits = rng.choice((8, 8, 8, 4))
    if act_bits == 4:
        activation = "relu6"
    base = {"name": name, "inputs": (previous,)}
    kind = rng.choice(MAP_KINDS if rank == 3 else ANY_KINDS)
    if kind in ("conv", "depthwise"):
        base |= {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding, "activation": activation}
        base |= {"weight_bits": weight_bits, "act_bits": act_bits}
        if kind == "conv":
            groups = rng.choice([1, 1, 1, *(n for n in range(2, c + 1) if c % n == 0)])
            base |= {"weight_bits": 8, "groups": groups} if groups > 1 else {}
            return layers.Conv2D(
                filters=rng.choice((1, 2, 3, 5, 7, 8, 12) if groups == 1 else (groups, 2 * groups)), **base
            )
        return layers.DepthwiseConv2D(multiplier=rng.choice((1, 1, 1, 2, 3)), **base)
    if kind == "transpose_conv":
        size = tuple(
            (n - 1) * s + (1 if padding == "same" else k) for n, s, k in zip((h, w), stride, kernel, strict=True)
        )
        size = tuple(n + rng.randrange(s) for n, s in zip(size, stride, strict=True))  # all of them give this map back
        base |= {"kernel": kernel, "stride": stride, "padding": padding, "activation": activation, "act_bits": act_bits}
        return layers.TransposeConv2D(filters=rng.choice((1, 2, 3, 4, 7)), size=size, **base)
    if kind in ("average", "max"):
        act_bits = 4 if four[previous] else 8
        pool = {"pool": kernel, "stride": stride, "padding": padding, "activation": activation, "act_bits": act_bits}
        return (layers.AveragePool2D if kind == "average" else layers.MaxPool2D)(**base, **pool)
    if kind == "add":
        others = [n for n, s in shapes.items() if s == shapes[previous] and (n != INPUT or "q_in" not in shapes)]
        return layers.Add(name=name, inputs=(previous, rng.choice(others)), activation=activation, act_bits=act_bits)
    keep = 4 if four[previous] else 8
    if kind == "dense":
        fused = {"activation": activation, "weight_bits": weight_bits, "act_bits": act_bits}
        return layers.FullyConnected(**base, units=rng.choice((1, 3, 4, 6, 8)), keep_dims=True, **fused)
    if kind == "split":
        axis = rng.randrange(rank)
        sizes = [n for n in range(1, 9) if shapes[previous][axis] % n == 0]
        others = tuple(f"{name}_{i}" for i in range(1, rng.choice(sizes)))
        return layers.Split(**base, axis=axis, others=others, act_bits=keep)
    own = random.Random(f"total {name} {shapes}")
    if kind == "reduction" and own.random() < 0.3:
        return _total(own, base, shapes, four)
    if kind == "reduction":
        axes = tuple(sorted(rng.sample(range(rank), rng.randint(1, rank))))
        chosen = rng.choice((layers.Mean, layers.Sum, layers.ReduceMax, layers.ReduceMin))
        bits = keep if chosen in (layers.ReduceMax, layers.ReduceMin) else 8
        return chosen(**base, axes=axes, keep_dims=True, act_bits=bits)
    if kind == "concatenation":
        axis = rng.randrange(rank)
        others = [n for n, s in shapes.items() if _joins(s, shapes[previous], axis) and four[n] == four[previous]]
        others = [n for n in others if n != INPUT or "q_in" not in shapes]
        inputs = [previous, *rng.choices(others, k=rng.randint(0, 3))]
        rng.shuffle(inputs)
        return layers.Concatenation(name=name, inputs=tuple(inputs), axis=axis, act_bits=keep)
    if kind == "pad":
        pads = tuple((rng.randint(0, 2), rng.randint(0, 2)) for _ in range(rank))
        if rank > 3:  # our C pads three dimensions, of which the first is then all those in front
            pads = (*((0, 0) for _ in pads[2:]), *pads[-2:])
        value = rng.choice((None, None, -8, 0, 7)) if keep == 4 else rng.choice((None, None, -128, 5, 127))
        return layers.Pad(**base, paddings=pads, act_bits=keep, value=value)
    if kind == "relu":
        return layers.Relu(**base, six=rng.random() < 0.5)
    if kind == "hard_swish":
        return layers.HardSwish(**base)
    if kind == "batch_matmul":
        first = rng.random() < 0.5
        return layers.BatchMatMul(name=name, inputs=(previous, previous), transpose_a=first, transpose_b=not first)
    if kind == "unary":
        kinds = (
            layers.Logistic,
            layers.Tanh,
            layers.LeakyRelu,
            layers.Elu,
            layers.Abs,
            *((layers.Rsqrt,) if rectified else ()),
        )  # TFLM's Rsqrt takes no other
        chosen = rng.choice(kinds)
        alpha = {"alpha": rng.choice((0.0, 0.125, float(np.float32(0.3)), 2.5))} if chosen is layers.LeakyRelu else {}
        return chosen(**base, **alpha)
    if kind in ("transpose", "slice", "strided_slice", "pack", "unpack", "view", "gather", "mirror_pad", "resize"):
        return _moved(rng, kind, base | {"act_bits": keep}, shapes, four)
    if kind == "quantize":
        return layers.Quantize(**base)
    others = ((w, h, c), (1, h * w, c), (h * w, 1, c), (h, w, c), (h * w, c), (h, w, 1, c), (h, 1, w, c))
    return layers.Reshape(**base, shape=rng.choice(others), act_bits=keep)


def _total(rng: random.Random, base: dict, shapes: dict, four: dict) -> Layer:
    """Returns a layer that adds values as they are, or replaces a box of a tensor."""
    previous = base["inputs"][0]
    x = shapes[previous]
    boxes = [n for n, s in shapes.items() if len(s) == len(x) and all(a <= b for a, b in zip(s, x, strict=True))]
    boxes = [n for n in boxes if four[n] == four[previous] and (n != INPUT or "q_in" not in shapes)]
    if boxes and rng.random() < 0.4:
        box = rng.choice(boxes)
        begin = tuple(rng.randint(0, n - size) for n, size in zip(x, shapes[box], strict=True))
        bits = 4 if four[previous] else 8
        return layers.DynamicUpdateSlice(name=base["name"], inputs=(previous, box), begin=begin, act_bits=bits)
    if rng.random() < 0.3:
        return layers.AddN(name=base["name"], inputs=(previous,) * rng.randint(2, 4))
    ways = {"exclusive": rng.random() < 0.5, "reverse": rng.random() < 0.5}
    return layers.CumSum(**base, axis=rng.randrange(len(x)), **ways)


def _moved(rng: random.Random, kind: str, base: dict, shapes: dict, four: dict) -> Layer:
    """Returns a layer that moves the values of a tensor of any shape."""
    name, previous = base["name"], base["inputs"][0]
    x = shapes[previous]
    # TFLM's kernels take four dimensions with the batch, and five.
    if (kind == "strided_slice" and len(x) > 3) or (kind == "transpose" and len(x) > 4):
        kind = "slice"
    if kind == "transpose":
        return layers.Transpose(**base, permutation=tuple(rng.sample(range(len(x)), len(x))))
    if kind == "gather" and 1 in x and len(x) < 5 and rng.random() < 0.5:
        repeated = tuple(rng.randint(1, 3) if n == 1 else n for n in x)
        return layers.BroadcastTo(**base, shape=(*((2,) if len(x) < 4 and rng.random() < 0.3 else ()), *repeated))
    if kind == "gather":
        axis = rng.randrange(len(x))
        return layers.Gather(
            **base, axis=axis, indices=tuple(rng.choices(range(x[axis]), k=rng.randint(1, x[axis] + 1)))
        )
    if kind == "mirror_pad":
        symmetric = rng.random() < 0.5
        most = [min(2, n if symmetric else n - 1) for n in x]
        pads = tuple((rng.randint(0, n), rng.randint(0, n)) for n in most)
        return layers.MirrorPad(**base, paddings=pads, symmetric=symmetric)
    if kind == "resize":
        size = (rng.randint(1, 2 * x[0] + 1), rng.randint(1, 2 * x[1] + 1))
        corners, centers = rng.choice(((False, False), (True, False), (False, True)))
        kinds = (layers.ResizeNearestNeighbor, layers.ResizeBilinear)
        return rng.choice(kinds)(**base, size=size, align_corners=corners, half_pixel_centers=centers)
    if kind == "slice":
        begin = tuple(rng.randrange(n) for n in x)
        return layers.Slice(
            **base, begin=begin, size=tuple(rng.randint(1, n - b) for n, b in zip(x, begin, strict=True))
        )
    if kind == "strided_slice":
        begin = tuple(rng.randrange(n) for n in x)
        strides = tuple(rng.choice((1, 1, 2, 3, -1, -2)) for _ in x)
        most = [(n - 1 - b) // s if s > 0 else b // -s for n, b, s in zip(x, begin, strides, strict=True)]
        size = tuple(1 + rng.choice((0, n, n)) for n in most)
        single = [axis for axis, n in enumerate(size) if n == 1 and strides[axis] == 1]
        shrink = tuple(axis for axis in single if rng.random() < 0.3 and len(x) > 1)
        return layers.StridedSlice(**base, begin=begin, size=size, strides=strides, shrink=shrink[: len(x) - 1])
    if kind == "pack":
        others = [n for n, s in shapes.items() if s == x and four[n] == four[previous]]
        others = [n for n in others if n != INPUT or "q_in" not in shapes]
        inputs = (previous, *rng.choices(others, k=rng.randint(0, 2)))
        return layers.Pack(**base | {"inputs": inputs}, axis=rng.randint(0, len(x)))
    ones = tuple(axis for axis, n in enumerate(x) if n == 1)[: len(x) - 1]
    if kind == "unpack" and len(x) > 1:
        axis = rng.randrange(len(x))
        return layers.Unpack(**base, axis=axis, others=tuple(f"{name}_{i}" for i in range(1, x[axis])))
    if ones and rng.random() < 0.6:
        return layers.Squeeze(**base, axes=tuple(sorted(rng.sample(ones, rng.randint(1, len(ones))))))
    return layers.ExpandDims(**base, axis=rng.randint(0, len(x)))


def _joins(a: tuple[int, ...], b: tuple[int, ...], axis: int) -> bool:
    """Returns whether two tensors can lie one behind the other along a dimension."""
    return len(a) == len(b) and all(m == n for i, (m, n) in enumerate(zip(a, b, strict=True)) if i != axis)


def _tail(rng: random.Random, previous: str, shapes: dict) -> list[Layer]:
    stack: list[Layer] = []
    rank = len(shapes[previous])
    if rng.random() < 0.4 and rank > 1:
        axes = (
            (0, 1) if rank == 3 and rng.random() < 0.4 else tuple(sorted(rng.sample(range(rank), rng.randint(1, rank))))
        )
        stack.append(layers.Mean(name="mean", inputs=(previous,), axes=axes, keep_dims=rng.random() < 0.5))
    elif rng.random() < 0.3:
        stack.append(layers.Reshape(name="flat", inputs=(previous,), shape=(math.prod(shapes[previous]),)))
    if rng.random() < 0.6:
        source = stack[-1].name if stack else previous
        bits = rng.choice((8, 8, 4))
        activation = rng.choice(("none", *ACTIVATION_LIMITS))
        stack.append(
            layers.FullyConnected(
                name="fc", inputs=(source,), units=rng.randint(1, 9), activation=activation, weight_bits=bits
            )
        )
    wide = shapes[previous][-1] if not stack else {"flat": math.prod(shapes[previous])}.get(stack[-1].name, 0)
    for name, kind, chance in (("soft", layers.Softmax, 0.4), ("q_out", layers.Dequantize, 0.1)):
        if rng.random() < chance and (
            kind is not layers.Softmax or wide < 512
        ):  # TFLM aborts where exponentials sum to 512
            extra = {"beta": rng.choice((1.0, 1.0, 0.5, 3.0))} if kind is layers.Softmax else {}
            stack.append(kind(name=name, inputs=(stack[-1].name if stack else previous,), **extra))
    if rng.random() < 0.1 and not stack:
        stack.append(layers.LogSoftmax(name="logarithms", inputs=(previous,)))
    if rng.random() < 0.1 and (not stack or not isinstance(stack[-1], layers.Dequantize)):
        source = stack[-1].name if stack else previous
        stack.append(layers.ArgMax(name="place", inputs=(source,), axis=0, smallest=rng.random() < 0.3))
    own = random.Random(f"choice {previous} {shapes}")
    if not stack and own.random() < 0.2:
        relation = own.choice(get_args(Relation))
        others = own.choices([n for n, s in shapes.items() if s == shapes[previous]], k=2)
        stack.append(layers.Compare(name="mask", inputs=(previous, others[0]), relation=relation))
        stack.append(layers.Select(name="chosen", inputs=("mask", previous, others[1])))
    if stack and isinstance(stack[-1], layers.Dequantize) and random.Random(f"{previous} {shapes}").random() < 0.5:
        to = random.Random(f"{shapes} {previous}").choice(("uint8", "int16", "int32"))
        stack[-1] = layers.Quantize(name="u_out", inputs=stack[-1].inputs, to=to)
    return stack


def random_model(arch: Arch, seed: int) -> QuantizedModel:
    """Returns the network with weights, biases, scales and zero points; every fourth seed makes sums that saturate."""
    rng = np.random.default_rng([seed, 7])
    quant: dict[str, TensorQuant] = {}
    weights: dict[str, LayerWeights] = {}
    owners = _joined(arch)
    fixed = {
        owners[n]: FIXED[s.operator.scale] for s in arch.steps() if s.operator.scale in FIXED for n in s.layer.outputs
    }
    if arch.input_type != "float32":
        quant[INPUT] = of_type(_random_quant(rng), arch.input_type)
        quant[INPUT] = fixed.get(INPUT, quant[INPUT])
    constants = {c.name: rng.integers(-128, 128, c.shape).astype(np.int8) for c in arch.constants}
    quant |= {name: _random_quant(rng) for name in constants}
    for step in arch.steps():
        layer = step.layer
        if isinstance(layer, layers.Dequantize):
            continue
        source = quant.get(layer.inputs[0])
        if owners[layer.name] in fixed:
            quant[layer.name] = fixed[owners[layer.name]]
        elif owners[layer.name] in quant:
            quant[layer.name] = quant[owners[layer.name]]
        elif (
            isinstance(layer, layers.HardSwish) and source is not None
        ):  # TFLM's kernel takes less than 128 times the scale
            scale = float(np.float32(source.scale * 2.0 ** rng.uniform(-6.5, 3)))
            quant[layer.name] = TensorQuant(scale, _random_quant(rng).zero_point)
        elif layer.act_bits == 4:
            carried = (
                isinstance(layer, (*MOVES, layers.AveragePool2D, layers.MaxPool2D, layers.ReduceMax, layers.ReduceMin))
                and source is not None
            )
            quant[layer.name] = source if carried else TensorQuant(float(np.float32(0.4)), -8)
        elif isinstance(layer, (layers.AveragePool2D, layers.MaxPool2D, layers.ReduceMax, layers.ReduceMin)) or (
            source is not None and isinstance(layer, (*MOVES, layers.Relu, layers.Mean)) and rng.random() < 0.7
        ):
            quant[layer.name] = source
        else:
            quant[layer.name] = _random_quant(rng)
        quant[layer.name] = of_type(quant[layer.name], step.output_type)
        for name in layer.outputs[1:]:  # TFLM copies codes, whatever the scales are
            bound = layer.act_bits == 4 or owners[name] != name or rng.random() < 0.7
            quant[name] = quant[layer.name] if bound else _random_quant(rng)
        if isinstance(layer, Weighted):
            weights[layer.name] = _random_weights(rng, step, source.scale, quant[layer.name].scale, loud=seed % 4 == 3)
    texts = {"micronets.labels": '["yes", "no"]'} if seed % 5 == 0 else {}
    return QuantizedModel(arch, quant, weights, texts, constants)


def _joined(arch: Arch) -> Mapping[str, str]:
    """Returns the owner of every tensor's scale where tensors are joined; elsewhere each has its own."""
    owners = scale_owners(arch.steps())
    joined = {owners[layer.name] for layer in arch.layers if isinstance(layer, layers.Concatenation)}
    return {name: owner if owner in joined else name for name, owner in owners.items()}


def of_type(quant: TensorQuant, of: Type) -> TensorQuant:
    """Returns a quantisation of int8 as one of another type: a uint8 code is an int8 code plus 128."""
    return replace(quant, zero_point=quant.zero_point + 128) if of == "uint8" else quant


def _random_quant(rng: np.random.Generator) -> TensorQuant:
    zero_point = int(rng.choice((-128, 127, 0, int(rng.integers(-128, 128)))))
    scale = rng.choice((0.1, 0.2, 0.4, 0.05, 0.25, 1 / 256)) if rng.random() < 0.4 else np.exp(rng.uniform(-5, 0))
    return TensorQuant(float(np.float32(scale)), zero_point)  # round scales make ties


def _random_weights(rng: np.random.Generator, step, scale_in: float, scale_out: float, loud: bool) -> LayerWeights:
    layer, shape = step.layer, step.weights.shape
    outputs = step.output_shape[-1]
    limit = 7 if layer.weight_bits == 4 else 127
    lowest = -limit - 1 if rng.random() < 0.2 or limit == 7 else -limit  # converters leave -128 out
    values = rng.integers(lowest, limit + 1, shape).astype(np.int8)
    one = rng.random() < 0.3 or (isinstance(layer, layers.FullyConnected) and layer.weight_bits == 4)
    # Scales such that the outputs spread over the int8 range, give or take; loud ones saturate.
    taps = math.prod(shape) // outputs
    spread = math.sqrt(taps) * 100 * limit
    gains = np.exp(rng.uniform(-3, 6 if loud else 1, 1 if one else outputs))
    scales = (gains * 100 / spread * scale_out / scale_in).astype(np.float32)
    bias = rng.normal(0, spread * (100 if loud else 1), outputs).clip(-(2**30), 2**30).astype(np.int32)
    if len(scales) > 1 and rng.random() < 0.1:
        scales[0] = 0  # a pruned filter
    centred = isinstance(layer, layers.FullyConnected) and len(scales) == 1 and limit == 127 and rng.random() < 0.2
    zero_point = int(rng.integers(-128, 128)) if centred else 0
    return LayerWeights(values, scales, None if rng.random() < 0.15 else bias, zero_point)


def random_input(model: QuantizedModel, count: int, seed: int) -> np.ndarray:
    """Returns random codes `[count, ...]`, the first two all at one end; of the type of the model's input."""
    rng = np.random.default_rng([seed, 11])
    shape = (count, *model.arch.input_shape)
    x = rng.integers(-128, 128, shape).astype(np.int8)
    x[:1], x[1:2] = -128, 127
    if model.arch.input_type == "int16":
        return (x.astype(np.int16) << 8) + rng.integers(0, 256, shape).astype(np.int16)
    if model.arch.input_type == "uint8":
        return x.view(np.uint8) ^ 128
    return x if INPUT in model.quant else (x * rng.uniform(0.01, 0.5)).astype(np.float32)
