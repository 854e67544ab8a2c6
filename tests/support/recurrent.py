"""Networks of layers that keep variables for themselves."""

import random
from dataclasses import replace

import numpy as np

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected, Layer, Svdf, TensorSpec, UnidirectionalSequenceLstm
from micronets.ir.types import Type, code_range
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights

GATES = ("input", "forget", "cell", "output")


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


def lstm_layer(
    name: str, source: str, size: int, units: int, cell_clip: float
) -> tuple[UnidirectionalSequenceLstm, tuple[TensorSpec, ...]]:
    """Returns an LSTM for vectors of `size` values, and the constants that it reads."""
    constants = (
        *(TensorSpec(f"{name}/{gate}_vectors", (units, size), "int8") for gate in GATES),
        *(TensorSpec(f"{name}/{gate}_hidden", (units, units), "int8") for gate in GATES),
        *(TensorSpec(f"{name}/{gate}_bias", (units,), "int32") for gate in GATES),
    )
    inputs = (source, *(c.name for c in constants))
    layer = UnidirectionalSequenceLstm(
        name=name, inputs=inputs, hidden=f"{name}/last", cell=f"{name}/cells", cell_clip=cell_clip
    )
    return layer, constants


def lstm_network(seed: int) -> QuantizedModel:
    """Returns a network of an LSTM or two; every layer is an output. Every third seed makes gates that saturate."""
    rng = random.Random(f"lstm {seed}")
    steps, size = rng.choice((1, 2, 5, 9)), rng.choice((1, 3, 8, 17))
    shape = (steps, size)
    layers: list[Layer] = []
    constants: tuple[TensorSpec, ...] = ()
    source = INPUT
    for k in range(rng.randint(1, 2)):
        units = rng.choice((1, 3, 4, 6, 9, 16))
        layer, new = lstm_layer(f"lstm{k}", source, size, units, rng.choice((0.0, 0.0, 0.75, 10.0)))
        layers.append(layer)
        constants += new
        source, size = layer.name, units
    if rng.random() < 0.5:
        layers.append(FullyConnected(name="dense", inputs=(source,), units=3))
    arch = Arch(shape, tuple(layers), "int8", tuple(layer.name for layer in layers), constants)
    model = with_random_weights(arch, seed)
    return saturating_gates(model, seed) if seed % 3 == 2 else model


def recurrent_network(seed: int) -> QuantizedModel:
    """Returns one of `svdf_network`, for an even seed, or of `lstm_network`."""
    return lstm_network(seed // 2) if seed % 2 else svdf_network(seed // 2)


def saturating_gates(model: QuantizedModel, seed: int) -> QuantizedModel:
    """Returns the network with weights of all codes, zero points anywhere, and sums that saturate a gate."""
    rng = np.random.default_rng(seed)
    quant, constants = dict(model.quant), dict(model.constants)
    for layer in model.arch.layers:
        if isinstance(layer, UnidirectionalSequenceLstm):
            for name in layer.inputs[1:9]:
                constants[name] = rng.integers(-128, 128, constants[name].shape).astype(np.int8)
                quant[name] = TensorQuant(float(np.float32(quant[name].scale * rng.choice((1, 8)))), 0)
            scale = float(np.float32(quant[layer.hidden].scale * rng.choice((0.5, 1.5))))
            quant[layer.hidden] = TensorQuant(scale, int(rng.choice((-128, 100, 127))))
            quant[layer.cell] = TensorQuant(float(np.float32(rng.choice((2.0**-15, 2.0**-12, 3e-4, 0.3)))), 0)
    return replace(model, quant=quant, constants=constants)


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
