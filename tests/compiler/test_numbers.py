"""Networks that compute with int32 and float32 at their edges: reference, TFLM, our C and the board give the same."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, NumberFunctionName, Relation, TensorSpec
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from tests.support.everywhere import same_everywhere

COMBINED = (layers.Add, layers.Sub, layers.Mul, layers.Div, layers.Minimum, layers.Maximum, layers.SquaredDifference)


def all_outputs(stack: tuple[Layer, ...]) -> tuple[str, ...]:
    """Returns the names of what nobody reads."""
    read = {name for layer in stack for name in layer.inputs}
    return tuple(name for layer in stack for name in layer.outputs if name not in read)


def test_a_network_normalises_and_decides_in_floats() -> None:
    """What converters leave in floats at both ends, and every function of floats that we compute."""
    x, mean, scale, wide = (INPUT, "mean", "scale", "wide")
    stack = (
        layers.Sub(name="centred", inputs=(x, mean)),
        layers.Div(name="unit", inputs=("centred", scale), activation="relu6"),
        layers.Quantize(name="codes", inputs=("unit",)),
        layers.FullyConnected(name="dense", inputs=("codes",), units=6),
        layers.Dequantize(name="real", inputs=("dense",)),
        layers.Softmax(name="chances", inputs=("real",), beta=0.5, to="float32"),
        *(kind(name=f"{kind.__name__}_y", inputs=("centred", mean)) for kind in (*COMBINED, layers.Prelu)),
        layers.Logistic(name="gate", inputs=("real",)),
        layers.Relu(name="rectified", inputs=("centred",)),
        layers.Relu(name="limited", inputs=("centred",), six=True),
        layers.LeakyRelu(name="leaky", inputs=("centred",), alpha=0.25),
        layers.Abs(name="magnitude", inputs=("centred",)),
        layers.HardSwish(name="swish", inputs=("centred",)),
        layers.Concatenation(name="joined", inputs=("centred", wide), axis=1),
        layers.Pad(name="framed", inputs=("centred",), paddings=((1, 0), (0, 2))),
        layers.Mean(name="mean_y", inputs=("centred",), axes=(1,)),
        layers.Sum(name="sum_y", inputs=("centred",), axes=(0, 1), keep_dims=True),
        layers.ReduceMax(name="most_y", inputs=("centred",), axes=(0,)),
        layers.ReduceMin(name="least_y", inputs=("centred",), axes=(1,), keep_dims=True),
        layers.Split(name="half", inputs=("joined",), axis=1, others=("other",)),
    )
    constants = (
        TensorSpec(mean, (4,), "float32"),
        TensorSpec(scale, (), "float32"),
        TensorSpec(wide, (3, 4), "float32"),
    )
    arch = Arch((3, 4), stack, "float32", all_outputs(stack), constants)
    rng = np.random.default_rng(4)  # here the exponentials of the C library, which TFLM takes, are the nearest floats
    model = with_random_weights(arch, 1)
    values = {spec.name: rng.uniform(0.5, 2, spec.shape).astype(np.float32) for spec in constants}
    model = QuantizedModel(arch, model.quant, model.weights, constants=values)
    same_everywhere(model, rng.normal(0, 2, (4, 3, 4)).astype(np.float32))


def test_functions_of_floats_and_lengths_of_vectors() -> None:
    """Float functions without parameters, and vectors of floats and of codes that are brought to the length of one."""
    functions: tuple[NumberFunctionName, ...] = ("negate", "square", "exponential", "floor", "ceil", "round")
    stack = (
        *(layers.NumberFunction(name=of, inputs=(INPUT,), of=of) for of in functions),
        layers.NumberFunction(name="root", inputs=("square",), of="root"),
        layers.Rsqrt(name="inverse", inputs=("square",)),
        layers.L2Normalization(name="unit", inputs=(INPUT,)),
        layers.Quantize(name="codes", inputs=(INPUT,)),
        layers.L2Normalization(name="unit_codes", inputs=("codes",)),
    )
    model = with_random_weights(Arch((5, 7), stack, "float32", all_outputs(stack)), 1)
    quant = {**model.quant, "codes": TensorQuant(0.05, -7)}
    rng = np.random.default_rng(7)
    x = rng.normal(0, 3, (24, 5, 7)).astype(np.float32)
    x[0] = np.float32([0.5, 1.5, -2.5, -0.5, 1e-7, 3e5, -8.5])  # halves, and values of all sizes
    x[1] *= np.float32(1e-3)
    x[2, 0] = 0.05 * np.arange(-3, 4)  # short vectors of codes
    same_everywhere(replace(model, quant=quant), x)


def test_roots_are_the_nearest_floats() -> None:
    rng = np.random.default_rng(6)
    bits = np.concatenate([rng.integers(1, 0x7F800000, 20000), [0, 1, 2, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000]])
    x = bits.astype(np.uint32).view(np.float32).reshape(1, -1)
    model = with_random_weights(
        Arch((x.shape[1],), (layers.NumberFunction(name="y", inputs=(INPUT,), of="root"),), "float32"), 0
    )
    library = build_library([compile_model(model)], ("-O1",))
    np.testing.assert_array_equal(library.outputs(0, x)["y"], np.sqrt(x))


def test_indices_are_computed_in_whole_numbers() -> None:
    stack = (
        *(kind(name=f"{kind.__name__}_y", inputs=(INPUT, "c")) for kind in COMBINED),
        layers.Concatenation(name="joined", inputs=("c", INPUT), axis=0),
    )
    arch = Arch((6,), stack, "int32", all_outputs(stack), (TensorSpec("c", (6,), "int32"),))
    ones = dict.fromkeys((INPUT, "c", *(name for layer in stack for name in layer.outputs)), TensorQuant(1.0, 0))
    model = QuantizedModel(arch, ones, {}, constants={"c": np.array([3, -4, 5, 7, 1, 2**30], np.int32)})
    same_everywhere(model, np.random.default_rng(0).integers(-(2**30), 2**30, (4, 6)).astype(np.int32))


def test_attention_and_a_normalisation_of_int16() -> None:
    """What a converter makes of attention and of a layer normalisation with codes of 16 bits, and places of floats."""
    stack = (
        layers.BatchMatMul(name="scores", inputs=(INPUT, "keys"), transpose_b=True),
        layers.BatchMatMul(name="mixed", inputs=("scores", INPUT)),
        layers.BatchMatMul(name="turned", inputs=(INPUT, "mixed"), transpose_a=True),
        layers.Abs(name="sizes", inputs=("mixed",)),
        layers.Abs(name="same_scale", inputs=("turned",)),
        layers.Rsqrt(name="inverse", inputs=("sizes",)),
        layers.Dequantize(name="real", inputs=("mixed",)),
        layers.ArgMax(name="place", inputs=("real",), axis=2),
        layers.ArgMax(name="least_place", inputs=("real",), axis=0, smallest=True),
    )
    spec = TensorSpec("keys", (2, 7, 5), "int16")
    arch = Arch((2, 7, 5), stack, "int16", all_outputs(stack), (spec,))
    scales = {INPUT: 0.002, "keys": 0.0001, "scores": 0.003, "mixed": 0.02, "turned": 0.01, "sizes": 0.03}
    scales |= {"same_scale": 0.01, "inverse": 0.0004, "place": 1.0, "least_place": 1.0}
    rng = np.random.default_rng(8)
    keys = rng.integers(-32768, 32767, spec.shape, endpoint=True).astype(np.int16)
    quant = {name: TensorQuant(scale, 0) for name, scale in scales.items()}
    model = QuantizedModel(arch, quant, {}, constants={"keys": keys})
    x = rng.integers(-32768, 32767, (6, 2, 7, 5), endpoint=True).astype(np.int16)
    x[0], x[1], x[2] = -32768, 32767, 0
    x[3] = (9000 * np.sin(np.arange(70) / 5)).reshape(x[3].shape)
    same_everywhere(model, x)


def test_the_place_of_an_extreme_passes_over_what_is_not_a_number() -> None:
    stack = tuple(layers.ArgMax(name=f"y{k}", inputs=(INPUT,), axis=0, smallest=bool(k)) for k in range(2))
    arch = Arch((4,), stack, "float32", ("y0", "y1"))
    model = QuantizedModel(arch, dict.fromkeys(("y0", "y1"), TensorQuant(1.0, 0)), {})
    x = np.float32([[1, np.nan, 3, -2], [np.nan, 1, 2, 3], [2, 2, np.nan, 2], [-np.inf, np.nan, -np.inf, np.inf]])
    found = reference.outputs(model, x)
    assert [found[name].tolist() for name in ("y0", "y1")] == [[2, 0, 0, 3], [3, 0, 0, 0]]
    same_everywhere(model, x)


def test_codes_and_numbers_are_compared_and_chosen() -> None:
    """A threshold, a mask and a choice, with constants and shapes that broadcast, as converters write them."""
    relations: tuple[Relation, ...] = get_args(Relation)
    stack = (
        layers.Relu(name="other", inputs=(INPUT,)),
        *(layers.Compare(name=f"{r} codes".replace(" ", "_"), inputs=(INPUT, "other"), relation=r) for r in relations),
        *(layers.Compare(name=f"{r} one".replace(" ", "_"), inputs=("one", INPUT), relation=r) for r in relations),
        layers.Compare(name="rows", inputs=(INPUT, "row"), relation="less"),
        layers.Dequantize(name="real", inputs=(INPUT,)),
        layers.Dequantize(name="other_real", inputs=("other",)),
        *(
            layers.Compare(name=f"{r} reals".replace(" ", "_"), inputs=("real", "other_real"), relation=r)
            for r in relations
        ),
        layers.Logical(name="both", inputs=("rows", "less_codes")),
        layers.Logical(name="any", inputs=("rows", "truths"), either=True),
        layers.LogicalNot(name="neither", inputs=("any",)),
        layers.Compare(name="unlike", inputs=("both", "neither"), relation="not equal"),
        layers.Select(name="chosen", inputs=("both", INPUT, "other")),
        layers.Select(name="by_row", inputs=("truths", "row", INPUT)),
        layers.Select(name="chosen_real", inputs=("neither", "real", "other_real")),
        layers.Cast(name="gate", inputs=("neither",), to="float32"),
        layers.Cast(name="whole", inputs=("any",), to="int32"),
        layers.Compare(name="whole_same", inputs=("whole", "zero"), relation="equal"),
        layers.Compare(name="real_over", inputs=("real", "limit"), relation="greater"),
        layers.Cast(name="truth", inputs=("real",), to="bool"),
        layers.Cast(name="code_truth", inputs=(INPUT,), to="bool"),
        layers.Cast(name="back", inputs=("truth",), to="int8"),
        layers.Reshape(name="flat", inputs=("truth",), shape=(12,)),
    )
    constants = (
        TensorSpec("one", (), "int8"),
        TensorSpec("row", (4,), "int8"),
        TensorSpec("truths", (3, 1), "bool"),
        TensorSpec("zero", (4,), "int32"),
        TensorSpec("limit", (4,), "float32"),
    )
    arch = Arch((3, 4), stack, "int8", all_outputs(stack), constants)
    scales = {INPUT: (0.05, -7), "other": (0.031, 4), "one": (0.002, 5), "row": (0.021, 3), "chosen": (0.05, -7)}
    scales |= {"by_row": (0.021, 3), "back": (0.5, 1)}
    types = arch.types() | {spec.name: spec.type for spec in constants}
    quant = {name: TensorQuant(*scales.get(name, (1.0, 0))) for name, of in types.items() if of != "float32"}
    values = {"one": np.int8(40), "row": np.int8([-128, 0, 3, 127]), "truths": np.array([[True], [False], [True]])}
    values = {name: np.asarray(v) for name, v in values.items()} | {"zero": np.int32([0, 1, 0, 2])}
    values["limit"] = np.float32([0.5, -1, 0, 2])
    model = QuantizedModel(arch, quant, {}, constants=values)
    x = np.random.default_rng(5).integers(-128, 127, (8, 3, 4), endpoint=True).astype(np.int8)
    x[0], x[1], x[2] = -128, 127, -7
    same_everywhere(model, x)


def test_what_is_not_a_number_is_in_no_order() -> None:
    names: tuple[Relation, ...] = ("equal", "not equal", "less", "greater or equal")
    stack = tuple(layers.Compare(name=f"y{k}", inputs=(INPUT, "c"), relation=of) for k, of in enumerate(names))
    arch = Arch((3,), stack, "float32", all_outputs(stack), (TensorSpec("c", (3,), "float32"),))
    quant = {layer.name: TensorQuant(1.0, 0) for layer in stack}
    model = QuantizedModel(arch, quant, {}, constants={"c": np.float32([1, 5, -2])})
    x = np.float32([[1, 1, -3], [np.nan, np.nan, -2]])
    found = [reference.outputs(model, x)[layer.name].astype(int).tolist() for layer in stack]
    assert found[:2] == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 1], [1, 1, 0]]]
    assert found[2:] == [[[0, 1, 1], [0, 0, 0]], [[1, 0, 0], [0, 0, 1]]]
    same_everywhere(model, x)


def test_a_text_becomes_the_vectors_of_its_words() -> None:
    """An embedding of words, one of floats, and places that the network computes itself."""
    stack = (
        layers.Lookup(name="vectors", inputs=("words", INPUT)),
        layers.Lookup(name="reals", inputs=("real_words", INPUT)),
        layers.ArgMax(name="place", inputs=("vectors",), axis=1),
        layers.Lookup(name="columns", inputs=("vectors", "place"), axis=1),
        layers.Mean(name="text", inputs=("vectors",), axes=(0,)),
    )
    constants = (TensorSpec("words", (9, 4), "int8"), TensorSpec("real_words", (9, 3), "float32"))
    arch = Arch((5,), stack, "int32", all_outputs(stack), constants)
    scales = dict.fromkeys(("words", "vectors", "columns"), (0.05, -7)) | {"text": (0.02, 3)}
    scales |= dict.fromkeys((INPUT, "place"), (1.0, 0))
    rng = np.random.default_rng(2)
    words = {"words": rng.integers(-128, 127, (9, 4), endpoint=True).astype(np.int8)}
    words |= {"real_words": rng.normal(0, 1, (9, 3)).astype(np.float32)}
    model = QuantizedModel(arch, {name: TensorQuant(*q) for name, q in scales.items()}, {}, constants=words)
    x = rng.integers(0, 8, (6, 5), endpoint=True).astype(np.int32)
    same_everywhere(model, x)
    astray = np.int32([[-5, 9, 2**30, -(2**31), 3]])
    assert np.array_equal(reference.tensors(model, astray)["vectors"][0], words["words"][[0, 8, 8, 0, 3]])


def test_an_example_compares_what_is_not_a_number(tmp_path: Path) -> None:
    """Roots of negative numbers must be none, and only they."""
    stack = (
        layers.Dequantize(name="real", inputs=(INPUT,)),
        layers.NumberFunction(name="y", inputs=("real",), of="root"),
    )
    model = with_random_weights(Arch((16,), stack), 1)
    files = compile_model(model).files
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    sources = [name for name in files if name.endswith(".c")]
    given = files["test_vector.h"]
    head, expected = given.split("micronets_test_output[16] = {\n")
    values = expected.split(",\n")
    number = next(value for value in values if "NAN" not in value)
    assert "NAN" in expected
    for change, code in ((expected, 0), (expected.replace("NAN", "1.0f", 1), 1), (expected.replace(number, "NAN"), 1)):
        (tmp_path / "test_vector.h").write_text(f"{head}micronets_test_output[16] = {{\n{change}")
        flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-o", "example"]
        subprocess.run(["cc", *flags, *sources], cwd=tmp_path, check=True)
        assert subprocess.run(["./example"], cwd=tmp_path, check=False).returncode == code, change


def test_maps_of_floats_are_interpolated() -> None:
    stack = tuple(
        layers.ResizeBilinear(
            name=f"y{k}", inputs=(INPUT,), size=size, align_corners=way == 1, half_pixel_centers=way == 2
        )
        for k, (size, way) in enumerate(
            (((7, 11), 0), ((7, 11), 1), ((7, 11), 2), ((3, 2), 2), ((1, 9), 1), ((5, 4), 0))
        )
    )
    model = with_random_weights(Arch((5, 4, 3), stack, "float32", all_outputs(stack)), 1)
    same_everywhere(model, np.random.default_rng(6).normal(0, 3, (4, 5, 4, 3)).astype(np.float32))
