"""Networks of layers that keep variables for themselves."""

import random
from dataclasses import replace

import numpy as np

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected, Layer, Svdf, TensorSpec
from micronets.ir.types import Type, code_range
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights


def svdf_layer(
    name: str, source: str, size: int, units: int, rank: int, memory: int, kept: Type
) -> tuple[Svdf, tuple[TensorSpec, ...]]:
    """Returns an Svdf for `size` values, and the constants that it reads."""
    filters = units * rank
    constants = (
        TensorSpec(f"{name}/features", (filters, size), "int8"),
        TensorSpec(f"{name}/ages", (filters, memory), kept),
        TensorSpec(f"{name}/bias", (units,), "int32"),
    )
    inputs = (source, *(c.name for c in constants))
    return Svdf(name=name, inputs=inputs, rank=rank, variable=f"{name}/state", of=kept), constants


def svdf_network(seed: int) -> QuantizedModel:
    """Returns a network of a few Svdf layers; every layer is an output. Every third seed makes sums that saturate."""
    rng = random.Random(f"svdf {seed}")
    size = first = rng.choice((1, 3, 8, 17, 32))
    layers: list[Layer] = []
    constants: tuple[TensorSpec, ...] = ()
    source = INPUT
    for k in range(rng.randint(1, 3)):
        units, rank, memory = rng.randint(1, 9), rng.choice((1, 1, 2, 3)), rng.choice((1, 2, 3, 4, 5, 8, 12))
        kept: Type = rng.choice(("int8", "int16"))
        layer, new = svdf_layer(f"svdf{k}", source, size, units, rank, memory, kept)
        layers.append(layer)
        constants += new
        source, size = layer.name, units
        if rng.random() < 0.3:
            size = rng.randint(1, 8)
            layers.append(FullyConnected(name=f"dense{k}", inputs=(source,), units=size))
            source = f"dense{k}"
    arch = Arch((first,), tuple(layers), "int8", tuple(layer.name for layer in layers), constants)
    model = with_random_weights(arch, seed)
    return saturating(model, seed) if seed % 3 == 2 else model


def saturating(model: QuantizedModel, seed: int) -> QuantizedModel:
    """Returns the network with weights of all codes, and with scales by which products saturate in what is kept."""
    rng = np.random.default_rng(seed)
    quant, constants = dict(model.quant), dict(model.constants)
    for layer in model.arch.layers:
        if isinstance(layer, Svdf):
            _, features, ages, bias = layer.inputs
            for name, kind in ((features, "int8"), (ages, layer.of)):
                low, high = code_range(kind)
                constants[name] = rng.integers(low, high, constants[name].shape, endpoint=True).astype(dtype_of(kind))
            zero_point = int(rng.integers(-128, 128))
            kept = float(np.float32(quant[layer.variable].scale * rng.choice((0.02, 0.3))))
            quant[layer.variable] = TensorQuant(kept, zero_point if layer.of == "int8" else 0)
            quant[bias] = TensorQuant(float(np.float32(kept) * np.float32(quant[ages].scale)), 0)
    return replace(model, quant=quant, constants=constants)
