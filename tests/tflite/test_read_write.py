"""`read` and `write` are inverses; what the reader refuses, and how."""

import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micronets.cost.counts import macs
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Mean, Relu, Reshape, Softmax
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.tflite import read, tensor_names, write
from tests.support.edited import edited
from tests.support.random_models import random_arch, random_input, random_model

RELEASED = {  # layers, weights, multiplications (the last six as published with the models)
    "micronets/vww2_50_50_INT8.tflite": (71, 85_840, 3_143_416),
    "micronets/vww4_128_128_INT8.tflite": (74, 228_602, 18_828_800),
    "micronets/ad_large_int8.tflite": (14, 359_408, 64_494_656),
    "micronets/kws_micronet_m.tflite": (14, 110_432, 15_556_352),
    "mlperf_tiny/ad01_int8.tflite": (10, 264_192, 264_192),
    "mlperf_tiny/kws_ref_model.tflite": (13, 22_016, 2_656_768),
    "mlperf_tiny/pretrainedResnet_quant.tflite": (16, 77_360, 12_501_632),
    "mlperf_tiny/vww_96_int8.tflite": (31, 208_112, 7_489_664),
}


def assert_equal(a: QuantizedModel, b: QuantizedModel) -> None:
    assert a.arch == b.arch
    assert a.quant == b.quant
    assert a.metadata == b.metadata
    assert list(a.weights) == list(b.weights)
    for name, w in a.weights.items():
        v = b.weights[name]
        for field in ("weights", "scales", "bias"):
            x, y = getattr(w, field), getattr(v, field)
            assert (x is None) == (y is None), (name, field)
            if x is not None:
                assert x.dtype == y.dtype
                assert np.array_equal(x, y), (name, field)


@pytest.fixture(scope="module")
def small() -> QuantizedModel:
    layers = (
        Conv2D(name="stem", inputs=(INPUT,), filters=5, kernel=(3, 3), stride=(2, 2), activation="relu"),
        DepthwiseConv2D(name="dw", inputs=("stem",), kernel=(3, 1), activation="relu6"),
        Conv2D(name="pw", inputs=("dw",), filters=5, kernel=(1, 1), weight_bits=4),
        Add(name="sum", inputs=("stem", "pw")),
        Mean(name="mean", inputs=("sum",)),
        FullyConnected(name="logits", inputs=("mean",), units=3),
        Softmax(name="probabilities", inputs=("logits",)),
    )
    model = random_model(Arch((9, 6, 2), layers), seed=1)
    return replace(model, metadata={"micronets.labels": '["ja", "nein", "äöü"]', "note": "x" * 100})


@pytest.mark.parametrize("seed", range(60))
def test_read_inverts_write(seed: int) -> None:
    model = random_model(random_arch(seed), seed)
    data = write(model)
    assert_equal(read(data), model)
    assert write(read(data)) == data


def test_metadata_and_names_come_back(small: QuantizedModel) -> None:
    data = write(small)
    assert_equal(read(data), small)
    assert read(data).metadata["micronets.labels"] == '["ja", "nein", "äöü"]'
    names = tensor_names(data)
    assert list(names) == [INPUT, *(layer.name for layer in small.arch.layers)]
    assert names[INPUT] == 0
    assert len(set(names.values())) == len(names)


def test_portable_file_means_the_same(small: QuantizedModel) -> None:
    weights = {
        n: replace(w, scales=np.resize(w.scales, 5)) if n in ("dw", "pw") else w for n, w in small.weights.items()
    }
    small = replace(small, weights=weights)
    lean, portable = write(small), write(small, portable=True)
    assert len(lean) < len(portable) < len(lean) + 500
    x = random_input(small, 4, seed=0)
    assert np.array_equal(reference.run(read(portable), x), reference.run(small, x))


def test_file_is_lean() -> None:
    """Beyond weights, biases and scales, a layer costs little; the shares that the writer's docstring states."""

    def chain(depth: int) -> int:
        layers = []
        for k in range(depth):
            layers.append(
                Conv2D(name=f"c{k:02}", inputs=(layers[-1].name if layers else INPUT,), filters=16, kernel=(1, 1))
            )
        return len(write(random_model(Arch((4, 4, 16), tuple(layers)), seed=1)))

    assert (chain(24) - chain(4)) / 20 - 16 * 16 - 8 * 16 < 225
    assert chain(1) < 1100


def test_float32_scales_come_back_exactly() -> None:
    quant = {INPUT: TensorQuant(0.1, 0), "r": TensorQuant(1 / 3, 5)}
    model = read(write(QuantizedModel(Arch((3,), (Relu(name="r", inputs=(INPUT,)),)), quant, {})))
    assert model.quant["r"] == TensorQuant(float(np.float32(1 / 3)), 5)


@pytest.mark.parametrize("name", RELEASED)
def test_released_models_read_back(shared: Path, name: str) -> None:
    data = (shared / "models" / name).read_bytes()
    model = read(data, name)
    steps = model.arch.steps()
    found = len(steps), sum(w.weights.size for w in model.weights.values()), macs(steps)
    assert found == RELEASED[name]
    again = write(model)
    assert len(again) < len(data)
    assert_equal(read(again), model)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x7fELF" + b"\0" * 100, b"PK\x03\x04" + b"a" * 5000])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(
        FileError, match=rf"^x\.tflite: not a \.tflite file: {len(content)} bytes without the mark TFL3$"
    ):
        read(content, "x.tflite")


def test_every_truncation_is_refused(small: QuantizedModel) -> None:
    data = write(small)
    for size in range(0, len(data) - 40, 7):
        with pytest.raises((FileError, UnsupportedError)):
            read(data[:size])


def mutated(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        width = rng.choice((1, 1, 2, 4))
        at = rng.randrange(len(out) - width)
        top = 1 << 8 * width
        value = rng.choice((0, 1, top - 1, top // 2 - 1, top // 2, rng.randrange(256), rng.randrange(top)))
        out[at : at + width] = value.to_bytes(width, "little")
    return bytes(out)


def test_mutated_files_are_read_or_refused_in_bounded_memory() -> None:
    rng = random.Random(3)
    bases = [write(random_model(random_arch(seed), seed)) for seed in range(10)]
    refusals: list[str] = []
    tracemalloc.start()
    for k in range(200):
        try:
            read(mutated(rng, bases[k % len(bases)]))
        except (FileError, UnsupportedError) as e:
            refusals.append(str(e))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 40 < len(refusals) < 190
    assert all("\n" not in text and len(part) < 500 for text in refusals for part in text.split("; also "))
    assert peak < 20e6


def test_writer_refuses_what_tflm_cannot_run() -> None:
    def one(layer: Any, weights: dict[str, LayerWeights] | None = None) -> QuantizedModel:
        quant = {INPUT: TensorQuant(1.0, 0), "x": TensorQuant(1.0, 0)}
        return QuantizedModel(Arch((2,), (layer,)), quant, weights or {})

    w = {"x": LayerWeights(np.ones((2, 2), np.int8), np.ones(2, np.float32), None)}
    with pytest.raises(UnsupportedError, match="layer 'x': TFLM runs 4-bit FullyConnected weights with one scale only"):
        write(one(FullyConnected(name="x", inputs=(INPUT,), units=2, weight_bits=4), w))
    with pytest.raises(UnsupportedError, match="layer 'x': TFLM has no 4-bit outputs, only clamps: the codes span"):
        write(one(FullyConnected(name="x", inputs=(INPUT,), units=2, act_bits=4, activation="relu"), w))
    with pytest.raises(SpecError, match="layer 'x': FullyConnected has no weights"):
        write(one(FullyConnected(name="x", inputs=(INPUT,), units=2)))
    with pytest.raises(SpecError, match=r"layer 'x': weights are int8 \(2, 2\); need int8 \(3, 2\)"):
        write(one(FullyConnected(name="x", inputs=(INPUT,), units=3), w))
    with pytest.raises(SpecError, match=r"layer 'x': Softmax gives scale 1/256 and zero point -128, not 1\.0 and 0"):
        write(one(Softmax(name="x", inputs=(INPUT,))))
    model = one(Relu(name="x", inputs=(INPUT,)))
    with pytest.raises(SpecError, match="metadata 'OfflineMemoryAllocation': the name is reserved"):
        write(replace(model, metadata={"OfflineMemoryAllocation": "x"}))
    with pytest.raises(SpecError, match="tensor 'x': zero point 200 is outside"):
        write(replace(model, quant={INPUT: TensorQuant(1.0, 0), "x": TensorQuant(1.0, 200)}))
    with pytest.raises(SpecError, match="tensor 'x': scale nan is not a positive float32"):
        write(replace(model, quant={INPUT: TensorQuant(1.0, 0), "x": TensorQuant(float("nan"), 0)}))


# --- foreign models, made by changing ours through the full schema ----------------------------------------------------


def test_files_of_the_full_schema_read_the_same(small: QuantizedModel) -> None:
    assert read(edited(small, lambda m: None)).arch == small.arch


def set_code(position: int, code: int) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        m.operatorCodes[position].builtinCode = code
        m.operatorCodes[position].deprecatedBuiltinCode = min(code, 127)

    return change


def set_tensor(index: int, **fields: Any) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        for name, value in fields.items():
            setattr(m.subgraphs[0].tensors[index], name, value)

    return change


def set_option(operator: int, **fields: Any) -> Callable[[Any], None]:
    def change(m: Any) -> None:
        for name, value in fields.items():
            setattr(m.subgraphs[0].operators[operator].builtinOptions, name, value)

    return change


def two_subgraphs(m: Any) -> None:
    m.subgraphs.append(m.subgraphs[0])


def two_inputs(m: Any) -> None:
    m.subgraphs[0].inputs = [0, 3]


def no_output(m: Any) -> None:
    m.subgraphs[0].outputs = []


def zero_point_in_weights(m: Any) -> None:
    m.subgraphs[0].tensors[1].quantization.zeroPoint = [1] * 5


def constant_addend(m: Any) -> None:
    m.subgraphs[0].operators[3].inputs = [3, 1]


def forward_reference(m: Any) -> None:
    m.subgraphs[0].operators[1].inputs = [9, 4, 5]


# Tensors of `small`: 0 input, 1 weights, 2 bias, 3 stem, 4, 5, 6 dw, 7, 8, 9 pw, 10 sum, 11 axes, 12 mean, ...
REFUSALS = [
    (
        set_code(1, 13),
        UnsupportedError,
        r"operator 1 \(LOCAL_RESPONSE_NORMALIZATION\): this operator writing tensor 6 'dw' is not supported; docs",
    ),
    (set_code(1, 206), UnsupportedError, r"operator 1 \(operator 206\): this operator"),
    (
        set_tensor(0, type=0),
        UnsupportedError,
        r"a float model: operator CONV_2D reads tensor 0 'input' of float32; make an int8 model of it",
    ),
    (
        set_tensor(0, type=3),
        UnsupportedError,
        r"operator 0 \(CONV_2D\) reads uint8; supported: int8, int16; TFLM has no .* kernel",
    ),
    (
        set_tensor(3, type=7),
        UnsupportedError,
        r"operator 0 \(CONV_2D\): tensor 3 'stem' is INT16; its inputs make int8",
    ),
    (
        set_tensor(1, type=0),
        UnsupportedError,
        r"operator 0 \(CONV_2D\): tensor 1 '' is FLOAT32; supported: INT8 or INT4",
    ),
    (
        set_tensor(0, shapeSignature=[-1, -1, 6, 2]),
        UnsupportedError,
        r"tensor 0 'input' has the dynamic shape \[-1, -1, 6",
    ),
    (
        set_tensor(3, shape=[1, 1, 1, 5], shapeSignature=[1, -1, -1, 5]),
        UnsupportedError,
        r"operator 0 .*'stem' has the dynamic shape \[1, -1, -1, 5\]; export",
    ),
    (set_tensor(0, shape=[2, 9, 6, 2]), UnsupportedError, r"shape \[2, 9, 6, 2\]; only a batch of one is supported"),
    (
        set_tensor(3, shape=[1, 5, 4, 5]),
        UnsupportedError,
        r"operator 0 .*'stem' has the shape \[1, 5, 4, 5\]; its inputs make",
    ),
    (set_tensor(3, isVariable=True), UnsupportedError, r"tensor 3 'stem' is an output and a variable; operators"),
    (
        set_tensor(1, isVariable=True),
        UnsupportedError,
        r"tensor 1 '' is a variable and has the values of buffer \d+, wh",
    ),
    (set_tensor(1, shape=[5, 3, 3, 1]), FileError, r"operator 0 .*tensor 1 '' of shape .* needs 45 bytes and has 90"),
    (set_tensor(1, shape=[5, 6, 3, 1]), FileError, r"operator 0 .*5 filters of 1 channels and an input of 2"),
    (
        set_option(0, fusedActivationFunction=4),
        UnsupportedError,
        r"operator 0 \(CONV_2D\): the fused activation TANH is not",
    ),
    (set_option(0, strideH=0), FileError, r"the model does not fit together: layer 'stem': stride = \(0, 2\)"),
    (
        set_option(1, depthMultiplier=2),
        FileError,
        r"operator 1 .*weights \[1, 3, 1, 5\] for 5 channels and a depth multiplier",
    ),
    (two_inputs, UnsupportedError, r"^m: tensor 3 .stem. is an input of the model, and an operator writes it"),
    (no_output, UnsupportedError, r"^m: the model has no output; models need at least one"),
    (
        two_subgraphs,
        UnsupportedError,
        r"^m: 2 subgraphs, of which CALL_ONCE runs 0; others, as for IF and WHILE, are not read",
    ),
    (
        zero_point_in_weights,
        UnsupportedError,
        r"operator 0 .*the weights, tensor 1 '', have a zero point, which TFLM takes",
    ),
    (constant_addend, UnsupportedError, r"operator 3 \(ADD\): tensor 1 '' has 5 scales; an int8 act"),
    (forward_reference, FileError, r"operator 1 .*its input tensor 9 'pw' is not computed before it"),
]


@pytest.mark.parametrize(("change", "kind", "text"), REFUSALS)
def test_refusals_name_operator_and_tensor(
    small: QuantizedModel, change: Callable[[Any], None], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        read(edited(small, change), "m")
    assert str(caught.value).startswith("m: ")
    assert "\n" not in str(caught.value)


def test_foreign_names_become_unique(small: QuantizedModel) -> None:
    def change(m: Any) -> None:
        tensors = m.subgraphs[0].tensors
        tensors[3].name = b"a;" * 100
        tensors[6].name = b"same"
        tensors[9].name = b"same"
        tensors[10].name = b"conv_2d_0"
        tensors[12].name = None
        tensors[14 + 1].name = b"input"

    names = [layer.name for layer in read(edited(small, change)).arch.layers]
    assert names == [
        "conv_2d_0_",
        "depthwise_conv_2d_1",
        "conv_2d_2",
        "conv_2d_0",
        "mean_4",
        "fully_connected_5",
        "probabilities",
    ]


def test_dynamic_batch_and_unknown_metadata_are_taken(small: QuantizedModel) -> None:
    def change(m: Any) -> None:
        m.subgraphs[0].tensors[0].shapeSignature = [-1, 9, 6, 2]
        m.buffers[m.metadata[0].buffer].data = np.frombuffer(b"\xff\xfe\x00\x80", np.uint8)

    model = read(edited(small, change))
    assert model.arch == small.arch
    assert list(model.metadata) == ["note"]


def test_shared_constants_cannot_blow_up_the_reader() -> None:
    """A file whose many layers share one large constant is refused before it costs more than its size is worth."""
    layers = []
    for k in range(40):
        layers.append(FullyConnected(name=f"f{k}", inputs=(layers[-1].name if layers else INPUT,), units=256))
    arch = Arch((256,), tuple(layers))
    w = LayerWeights(np.ones((256, 256), np.int8), np.ones(1, np.float32), None)
    quant = {name: TensorQuant(1.0, 0) for name in arch.shapes()}

    def share(m: Any) -> None:
        first, *rest = (t for t in m.subgraphs[0].tensors if tuple(t.shape) == (256, 256))
        for tensor in rest:
            m.buffers[tensor.buffer].data = None
            tensor.buffer = first.buffer

    data = edited(QuantizedModel(arch, quant, {layer.name: w for layer in layers}), share)
    assert len(data) < 120_000
    with pytest.raises(FileError, match="it uses the same constants again and again"):
        read(data)


def test_reshape_and_flat_shapes_come_back() -> None:
    arch = Arch(
        (2, 3, 4), (Reshape(name="a", inputs=(INPUT,), shape=(24,)), Reshape(name="b", inputs=("a",), shape=(4, 6)))
    )
    quant = {name: TensorQuant(1.0, 0) for name in arch.shapes()}
    assert read(write(QuantizedModel(arch, quant, {}))).arch == arch
