"""Random small networks with int16 activations and int8 weights: `random_int16_model(seed)`.

Among them are sums of 64 and of 32 bits, grouped and dilated convolutions, operands that are repeated or constant,
quantisations to int8 and back, inputs and outputs of float32, and sums that saturate.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np

from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import ACTIVATION_LIMITS, INPUT, Layer, TensorSpec, Weighted
from micronets.ir.ops.binary import broadcast
from micronets.ir.scales import scale_owners
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED

KINDS = (
    "conv",
    "conv",
    "depthwise",
    "dense",
    "pool",
    "binary",
    "binary",
    "unary",
    "unary",
    "move",
    "reduce",
    "softmax",
    "products",
)


def random_int16_arch(seed: int, max_layers: int = 6) -> Arch:
    """Returns a valid network of int16 that TFLM runs."""
    rng = random.Random(f"wide {seed}")
    shape = (rng.choice((1, 3, 6, 9)), rng.choice((1, 2, 5, 8)), rng.choice((1, 2, 3, 4, 7, 8)))
    edge = rng.choice(("int16", "int16", "int16", "float32", "int8"))
    stack: list[Layer] = []
    shapes = {INPUT: shape}
    constants: list[TensorSpec] = []

    def add(layer: Layer, *new: TensorSpec) -> bool:
        try:
            found = Arch(shape, (*stack, layer), edge, constants=(*constants, *new))
        except SpecError:
            return False
        owners = scale_owners(found.steps())
        fixed = [owners[n] for s in found.steps() if s.operator.scale in FIXED for n in s.layer.outputs]
        if len(set(fixed)) < len(fixed):
            return False
        stack.append(layer)
        constants.extend(new)
        shapes.update({name: found.shapes()[name] for name in layer.outputs})
        return True

    if edge != "int16":
        add(layers.Quantize(name="q_in", inputs=(INPUT,), to="int16"))
        del shapes[INPUT]
    want = len(stack) + rng.randint(1, max_layers)
    for _ in range(40):
        if len(stack) >= want:
            break
        previous = rng.choice(stack[-1].outputs) if stack else INPUT
        add(*_layer(rng, f"{rng.choice('abcxyz')}{len(stack)}", previous, shapes))
    previous = stack[-1].name if stack else INPUT
    if rng.random() < 0.3 or not stack:
        add(layers.FullyConnected(name="fc", inputs=(previous,), units=rng.randint(1, 9)))
    to = rng.choice((None, None, None, "float32", "int8"))
    if to is not None:
        last: Layer = layers.Dequantize(name="out", inputs=(stack[-1].name,))
        add(last if to == "float32" else layers.Quantize(name="out", inputs=last.inputs))
    return Arch(shape, tuple(stack), edge, (stack[-1].name,), tuple(constants))


def _layer(rng: random.Random, name: str, previous: str, shapes: dict) -> tuple[Layer, *tuple[TensorSpec, ...]]:
    x = shapes[previous]
    base = {"name": name, "inputs": (previous,)}
    fused = {"activation": rng.choice(tuple(ACTIVATION_LIMITS))}
    h, w, c = x if len(x) == 3 else (1, 1, x[-1])
    window = {
        "stride": rng.choice(((1, 1), (1, 1), (2, 2), (2, 1), (4, 3))),
        "padding": rng.choice(("same", "valid")),
    }
    size = (rng.randint(1, min(4, h + 1)), rng.randint(1, min(4, w + 1)))
    match rng.choice(KINDS):
        case "conv":
            window |= {"kernel": size, "dilation": rng.choice(((1, 1), (1, 1), (2, 1), (1, 2)))}
            groups = rng.choice([1, 1, *(n for n in range(2, c + 1) if c % n == 0)])
            return (layers.Conv2D(**base, **window, **fused, filters=groups * rng.choice((1, 2, 3, 5)), groups=groups),)
        case "depthwise":
            window |= {"kernel": size, "dilation": rng.choice(((1, 1), (1, 1), (2, 1), (1, 2)))}
            return (layers.DepthwiseConv2D(**base, **window, **fused, multiplier=rng.choice((1, 1, 2, 3))),)
        case "dense":
            return (
                layers.FullyConnected(**base, **fused, units=rng.choice((1, 3, 4, 9)), keep_dims=rng.random() < 0.7),
            )
        case "pool":
            return (rng.choice((layers.AveragePool2D, layers.MaxPool2D))(**base, **window, **fused, pool=size),)
        case "binary":
            kind = rng.choice(
                (layers.Add, layers.Sub, layers.Mul, layers.Minimum, layers.Maximum, layers.SquaredDifference)
            )
            others = [n for n, s in shapes.items() if broadcast(s, x)]
            new: tuple[TensorSpec, ...] = ()
            if rng.random() < 0.4:
                kept = rng.randint(0, len(x))
                new = (TensorSpec(f"{name}_c", tuple(rng.choice((n, n, 1)) for n in x[len(x) - kept :]), "int16"),)
            names = [previous, new[0].name if new else rng.choice(others)]
            rng.shuffle(names)
            return kind(
                name=name, inputs=tuple(names), **(fused if kind in (layers.Add, layers.Sub, layers.Mul) else {})
            ), *new
        case "unary":
            six = {"six": rng.random() < 0.5}
            alpha = {"alpha": rng.choice((0.0, 0.125, float(np.float32(0.3)), 2.5, -0.5))}
            kind, more = rng.choice(
                (
                    (layers.Logistic, {}),
                    (layers.Tanh, {}),
                    (layers.Relu, six),
                    (layers.LeakyRelu, alpha),
                    (layers.Abs, {}),
                )
            )
            return (kind(**base, **more),)
        case "reduce":
            axes = tuple(sorted(rng.sample(range(len(x)), rng.randint(1, len(x)))))
            return (rng.choice((layers.Mean, layers.Sum))(**base, axes=axes, keep_dims=True),)
        case "products":
            first = rng.random() < 0.5
            return (
                layers.BatchMatMul(name=name, inputs=(previous, previous), transpose_a=first, transpose_b=not first),
            )
        case "softmax":
            return (layers.Softmax(**base, to="int16", beta=rng.choice((1.0, 0.5, 3.0))),)
        case _:
            return _moved(rng, name, previous, shapes)


def _moved(rng: random.Random, name: str, previous: str, shapes: dict) -> tuple[Layer]:
    x, axis = shapes[previous], rng.randrange(len(shapes[previous]))
    base = {"name": name, "inputs": (previous,)}
    match rng.choice(("pad", "reshape", "concatenation", "split", "transpose", "slice")):
        case "pad":
            pads = tuple((rng.randint(0, 2), rng.randint(0, 2)) for _ in x)
            return (layers.Pad(**base, paddings=(*((0, 0) for _ in pads[3:]), *pads[-3:])),)
        case "reshape":
            return (layers.Reshape(**base, shape=rng.choice(((math.prod(x),), (*x[::-1],), (1, *x)))),)
        case "concatenation":
            others = [n for n, s in shapes.items() if s[:axis] == x[:axis] and s[axis + 1 :] == x[axis + 1 :]]
            return (
                layers.Concatenation(
                    name=name, inputs=(previous, *rng.choices(others, k=rng.randint(0, 2))), axis=axis
                ),
            )
        case "split":
            parts = rng.choice([n for n in range(1, x[axis] + 1) if x[axis] % n == 0])
            return (layers.Split(**base, axis=axis, others=tuple(f"{name}_{i}" for i in range(1, parts))),)
        case "transpose":
            return (layers.Transpose(**base, permutation=tuple(rng.sample(range(len(x)), len(x)))),)
        case _:
            begin = tuple(rng.randrange(n) for n in x[:3])
            size = tuple(rng.randint(1, n - b) for n, b in zip(x, begin, strict=False))
            return (layers.StridedSlice(**base, begin=begin, size=size, strides=(1,) * len(begin)),)


def random_int16_model(seed: int, max_layers: int = 6) -> QuantizedModel:
    """Returns a network of `random_int16_arch` with weights, biases and scales; every fourth seed makes large sums."""
    arch, rng = random_int16_arch(seed, max_layers), np.random.default_rng([seed, 16])
    types = arch.types()
    owners = scale_owners(arch.steps())
    fixed = {
        owners[n]: FIXED[s.operator.scale] for s in arch.steps() if s.operator.scale in FIXED for n in s.layer.outputs
    }
    own: dict[str, TensorQuant] = {}
    for name, owner in owners.items():
        own.setdefault(owner, fixed.get(owner, TensorQuant(_scale(rng), 0)))
        if types.get(name) == "int8":
            own[owner] = replace(own[owner], scale=float(np.float32(own[owner].scale * 256)), zero_point=-3)
    constants = {c.name: rng.integers(-32768, 32768, c.shape).astype(np.int16) for c in arch.constants}
    quant = {name: own[owner] for name, owner in owners.items() if types.get(name) != "float32"}
    weights = {
        s.layer.name: _weights(rng, s, quant, loud=seed % 4 == 3) for s in arch.steps() if isinstance(s.layer, Weighted)
    }
    return QuantizedModel(arch, quant, weights, constants=constants)


def _scale(rng: np.random.Generator) -> float:
    """Returns a scale such as 16 bits have; now and then a power of two, or nearly one."""
    if rng.random() < 0.2:
        return float(np.float32(2.0 ** -int(rng.integers(10, 14)) * rng.choice((1, 1, 1.0003, 1.002))))
    return float(np.float32(np.exp(rng.uniform(-11, -5))))


def _weights(rng: np.random.Generator, step, quant: dict, loud: bool) -> LayerWeights:
    layer, shape, outputs = step.layer, step.weights.shape, step.output_shape[-1]
    values = rng.integers(-128 if rng.random() < 0.3 else -127, 128, shape).astype(np.int8)
    source, target = quant[layer.inputs[0]].scale, quant[layer.name].scale
    spread = math.sqrt(math.prod(shape) // outputs) * 127 * 20000
    gains = np.exp(rng.uniform(-3, 6 if loud else 1, 1 if rng.random() < 0.4 else outputs))
    scales = np.minimum(gains * 20000 / spread * target / source, 100 * target / source).astype(np.float32)
    bias = rng.normal(0, spread * (100 if loud else 1), outputs)
    short = rng.random() < 0.3 and not isinstance(layer, layers.DepthwiseConv2D)
    if short:
        return LayerWeights(values, scales, bias.clip(-(2**31), 2**31 - 1).astype(np.int32))
    return LayerWeights(values, scales, None if rng.random() < 0.2 else bias.clip(-(2**45), 2**45).astype(np.int64))


def random_int16_input(model: QuantizedModel, count: int, seed: int) -> np.ndarray:
    """Returns inputs `[count, ...]`: random, a smooth one, and the extremes; of the type of the model's input."""
    rng = np.random.default_rng([seed, 17])
    shape = (count, *model.arch.input_shape)
    x = rng.integers(-32768, 32768, shape)
    x[0], x[1] = -32768, 32767
    x[2] = (8000 * np.sin(np.arange(x[2].size) / 5)).reshape(x[2].shape)
    if model.arch.input_type == "int8":
        return (x >> 8).astype(np.int8)
    return x.astype(np.int16) if model.arch.input_type == "int16" else (x / 4000).astype(np.float32)


def in_int16(model: QuantizedModel) -> QuantizedModel:
    """Returns a network of int8 that we have trained with activations of int16 that reach as far: its 16x8 twin."""
    arch = Arch(model.arch.input_shape, model.arch.layers, "int16", model.arch.output_names)
    owners, reach = scale_owners(arch.steps()), dict[str, float]()
    for name, owner in owners.items():
        q = model.quant[name]
        reach[owner] = max(reach.get(owner, 0.0), q.scale * max(q.zero_point + 128, 127 - q.zero_point))
    quant = {name: TensorQuant(float(np.float32(reach[owner] / 32767)), 0) for name, owner in owners.items()}
    weights = dict(model.weights)
    for step in arch.steps():
        if step.layer.name in weights:
            w, source = weights[step.layer.name], step.layer.inputs[0]
            finer = model.quant[source].scale / quant[source].scale
            bias = None if w.bias is None else np.rint(w.bias * finer).astype(np.int64)
            weights[step.layer.name] = replace(w, bias=bias)
    return QuantizedModel(arch, quant, weights, model.metadata)
