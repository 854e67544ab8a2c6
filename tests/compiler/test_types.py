"""Networks whose tensors are not all int8: edges of uint8 and float32."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.commands.evaluate import quantized
from micronets.commands.invoke import invoke
from micronets.compiler import compile_model, optimise
from micronets.device.host_compiler import compile_c
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import (
    INPUT,
    Cast,
    Conv2D,
    Dequantize,
    FullyConnected,
    Layer,
    Prelu,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    TensorSpec,
)
from micronets.ir.ops.edges import CASTS, DEQUANTIZES, QUANTIZES
from micronets.ir.types import Type
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, dtype_of
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes.base import seeded_inputs
from micronets.tflite import read as read_model
from tests.support.everywhere import same_everywhere
from tests.support.random_models import random_input

UINT8_INSIDE: tuple[Layer, ...] = (
    Reshape(name="map", inputs=(INPUT,), shape=(8, 6, 2)),
    Quantize(name="codes", inputs=("map",)),
    Conv2D(name="conv", inputs=("codes",), filters=4, kernel=(3, 3), activation="relu"),
    FullyConnected(name="dense", inputs=("conv",), units=5),
    Softmax(name="chances", inputs=("dense",)),
    Quantize(name="bytes", inputs=("chances",), to="uint8"),
)
"""What converters make of a network that takes and gives uint8."""


def uint8_network() -> QuantizedModel:
    return with_random_weights(Arch((96,), UINT8_INSIDE, "uint8"), 3)


def test_uint8_edges_are_the_same_everywhere() -> None:
    model = uint8_network()
    x = random_input(model, 6, 1)
    assert x.dtype == np.uint8
    assert reference.run(model, x).dtype == np.uint8
    same_everywhere(model, x)


def test_an_uint8_code_is_an_int8_code_plus_128() -> None:
    arch = Arch((4,), (Quantize(name="y", inputs=(INPUT,)),), "uint8")
    model = QuantizedModel(arch, {INPUT: TensorQuant(0.5, 128), "y": TensorQuant(0.5, 0)}, {})
    x = np.array([[0, 1, 128, 255]], np.uint8)
    assert reference.run(model, x).tolist() == [[-128, -127, 0, 127]]
    back = Arch((4,), (Quantize(name="y", inputs=(INPUT,), to="uint8"),))
    model = QuantizedModel(back, {INPUT: TensorQuant(0.5, 0), "y": TensorQuant(0.25, 100)}, {})
    assert reference.run(model, np.array([[-128, -50, 1, 127]], np.int8)).tolist() == [[0, 0, 102, 255]]


def test_the_header_and_the_example_know_the_types(tmp_path: Path) -> None:
    files = compile_model(uint8_network()).files
    for line in (
        "uint8_t *micronets_model_input(void *arena);",
        "const uint8_t *micronets_model_output(const void *arena);",
    ):
        assert line in files["model.h"].splitlines(), line
    assert re.search(r"#define MICRONETS_MODEL_INPUT_ZERO_POINT \d+", files["model.h"])
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    compile_c(sorted(tmp_path.glob("*.c")), tmp_path / "example", ("-std=c99", "-Wall", "-Wextra", "-Werror"))
    assert subprocess.run([tmp_path / "example"], check=False).returncode == 0


def test_real_numbers_and_uint8_codes_go_in() -> None:
    model = uint8_network()
    codes = random_input(model, 3, 1)
    quant = model.quant[INPUT]
    real = ((codes.astype(np.float32) - quant.zero_point) * np.float32(quant.scale)).astype(np.float32)
    assert np.array_equal(quantized(model, real), codes)
    given, back = invoke(model, codes), invoke(model, real)
    assert given.dtype == np.uint8
    assert np.array_equal(back, dequantize(given, model.quant["bytes"]))


def test_two_changes_of_scale_become_one_table() -> None:
    layers = (Quantize(name="a", inputs=(INPUT,)), Quantize(name="b", inputs=("a",), to="uint8"))
    quant = {INPUT: TensorQuant(0.1, 128), "a": TensorQuant(0.1, 0), "b": TensorQuant(0.2, 128)}
    quant["c"] = TensorQuant(0.2, 0)
    model = QuantizedModel(Arch((256,), (*layers, Quantize(name="c", inputs=("b",))), "uint8"), quant, {})
    smaller = optimise(model)
    assert [(layer.name, layer.to) for layer in smaller.arch.layers] == [("c", "int8")]
    x = np.arange(256).astype(np.uint8)[None]
    assert np.array_equal(reference.run(model, x), reference.run(smaller, x))


def test_floats_inside() -> None:
    layers = (
        Relu(name="a", inputs=(INPUT,)),
        Dequantize(name="real", inputs=("a",)),
        Reshape(name="flat", inputs=("real",), shape=(12,)),
        Quantize(name="b", inputs=("flat",)),
        FullyConnected(name="c", inputs=("b",), units=3),
    )
    model = with_random_weights(Arch((2, 6), layers), 1)
    same_everywhere(model, random_input(model, 5, 2))


@pytest.mark.parametrize(
    ("of", "layer", "message"),
    [
        ("uint8", Relu(name="a", inputs=(INPUT,)), "layer 'a': RELU reads uint8; supported: int8"),
        ("int8", Quantize(name="a", inputs=(INPUT,), to="float32"), "layer 'a': QUANTIZE makes float32 of int8; supp"),
        ("float32", Dequantize(name="a", inputs=(INPUT,)), "layer 'a': DEQUANTIZE reads float32; supported: int8"),
        ("int4", Quantize(name="a", inputs=(INPUT,), to="uint8", act_bits=4), "makes uint8 and has act_bits = 4"),
        ("int7", Relu(name="a", inputs=(INPUT,)), "input: input_type = 'int7'; allowed: int4, int8"),
    ],
)
def test_types_that_cannot_be(of: Type, layer: Layer, message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        Arch((4,), (layer,), of)


def test_types_of_an_arch() -> None:
    arch = uint8_network().arch
    assert list(arch.types().values()) == ["uint8", "uint8", "int8", "int8", "int8", "int8", "uint8"]
    assert Arch.from_json(arch.to_json()) == arch
    four = Arch((4,), (Relu(name="a", inputs=(INPUT,)),), "int4")
    assert Arch.from_json(four.to_json().replace('"input_type": "int4"', '"input_bits": 4')) == four
    real = Arch((5,), (Quantize(name="a", inputs=(INPUT,)), Dequantize(name="b", inputs=("a",))), "float32")
    assert real.tensor_bytes() == {INPUT: 20, "a": 5, "b": 20}


@pytest.mark.parametrize("read", ["int8", "uint8", "int16", "int32", "float32"])
def test_every_change_of_type(read: Type) -> None:
    """All that Quantize, Dequantize and Cast make of a type, of codes at both ends and in the middle."""
    layers: list[Layer] = [Quantize(name=f"q_{to}", inputs=(INPUT,), to=to) for to in QUANTIZES[read]]
    if read in DEQUANTIZES:
        layers.append(Dequantize(name="d", inputs=(INPUT,)))
    layers += [Cast(name=f"c_{to}", inputs=(INPUT,), to=to) for to in CASTS.get(read, ()) if to != "int8"]
    names = tuple(layer.name for layer in layers)
    model = with_random_weights(Arch((4, 6), tuple(layers), read, names), 3)
    scale = {"int16": 256, "int32": 2**20}.get(read, 1)
    quant = {n: replace(q, scale=q.scale / scale) if n == INPUT else q for n, q in model.quant.items()}
    model = replace(model, quant=quant)
    x = seeded_inputs(model, 6, 1)
    if read == "float32":
        x = (x * 3).astype(np.float32)
    same_everywhere(model, x)


def test_numbers_of_a_cast_by_hand() -> None:
    def cast(values: list[float], read: Type, to: Type) -> list[float]:
        arch = Arch((len(values),), (Cast(name="y", inputs=(INPUT,), to=to),), read)
        quant = {n: TensorQuant(0.5, 3) for n, of in arch.types().items() if of != "float32"}
        x = np.array([values], dtype_of(read))
        return reference.run(QuantizedModel(arch, quant, {}), x)[0].tolist()

    assert cast([-128, 5, 127], "int8", "float32") == [-128.0, 5.0, 127.0]
    assert cast([1.9, -1.9, 300.5, np.nan, 1e20], "float32", "int32") == [1, -1, 300, 0, 2**31 - 1]
    assert cast([258, -129], "int16", "int8") == [2, 127]


def test_prelu_by_hand() -> None:
    constant = TensorSpec("c", (3,), "int8")
    arch = Arch((2, 3), (Prelu(name="y", inputs=(INPUT, "c")),), constants=(constant,))
    quant = {INPUT: TensorQuant(1.0, 2), "c": TensorQuant(0.25, 1), "y": TensorQuant(0.5, -4)}
    model = QuantizedModel(arch, quant, {}, constants={"c": np.array([5, 1, -3], np.int8)})
    x = np.array([[[10, 10, 10], [-2, -2, -2]]], np.int8)
    assert reference.run(model, x).tolist() == [[[12, 12, 12], [-12, -4, 4]]]
    same_everywhere(model, x)
    with pytest.raises(SpecError, match=re.escape("alpha of (4, 2, 3) does not fit an input of (2, 3)")):
        Arch((2, 3), arch.layers, constants=(replace(constant, shape=(4, 2, 3)),))


def test_numbers_of_32_bits() -> None:
    layers = (Reshape(name="a", inputs=(INPUT,), shape=(4,)), Cast(name="y", inputs=("a",), to="float32"))
    model = QuantizedModel(Arch((2, 2), layers, "int32"), dict.fromkeys((INPUT, "a"), TensorQuant(1.0, 0)), {})
    same_everywhere(model, np.arange(-6, 6, dtype=np.int32).reshape(3, 2, 2) * 2**24)


@pytest.mark.parametrize("name", ["mobile_uint8", "dq_q_middle"])
def test_released_cases(shared: Path, name: str) -> None:
    data = (shared / "cases" / f"{name}.tflite").read_bytes()
    model = read_model(data, name)
    same_everywhere(model, random_input(model, 5, 0), data)
