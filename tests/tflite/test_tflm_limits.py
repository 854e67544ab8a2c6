"""What TFLM cannot run, or reads otherwise than it looks, is refused or named."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.mutate import values
from micronets.boards.board import load_board
from micronets.commands.inspect import inspect
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, FileError, SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import validate
from micronets.runtimes.tflm import TFLM
from micronets.tflite import ModelFile, as_file, read, write
from micronets.tflite.codec import Op
from micronets.tflite.folding import FoldedOp
from micronets.tflite.schema import TENSOR_TYPES
from micronets.tflite.tflm_limits import why_tflm_cannot_run
from tests.support.small_file import FileLayer, FileTensor, constant, small_file


def softmax(scale: float, beta: float = 1.0) -> QuantizedModel:
    """Returns a network of one Softmax over four values."""
    arch = Arch((4,), (layers.Softmax(name="s", inputs=(INPUT,), beta=beta),))
    return QuantizedModel(arch, {INPUT: TensorQuant(scale, 0), "s": TensorQuant(1 / 256, -128)}, {})


SCALES = ((2.0**-26, 1.0), (7e-9, 1.0), (1e-8, 0.5), (2.0**-25, 1.0), (1e-8, 2.0), (0.1, 1.0))
"""Scales of the input, with beta."""


@pytest.mark.parametrize(("scale", "beta"), SCALES)
def test_the_smallest_scale_of_a_softmax_is_that_of_tflm(scale: float, beta: float) -> None:
    file = as_file(softmax(scale, beta), "m")
    reason = why_tflm_cannot_run(file.model)
    if interpreter.available():
        if reason is None:
            interpreter.run(file.content, np.zeros((1, 4), np.int8))
        else:
            with pytest.raises(
                DeviceError, match=r"^TFLM: it cannot run the model, which fails in an arena of 1,024 MiB"
            ):
                interpreter.min_arena(file.content)
    found = inspect(file.model, "NUCLEO-F446RE")
    assert (found.no_tflm, found.fits is None) == (reason, reason is not None)
    if reason is not None:
        with pytest.raises(UnsupportedError, match=r"^m: layer 's': TFLM's SOFTMAX takes .*; take --runtime c$"):
            TFLM.compile(file, load_board("NUCLEO-F446RE"))


@pytest.mark.parametrize(
    ("layer", "scales", "says"),
    [
        (layers.Logistic(name="y", inputs=(INPUT,)), (2.0**-28, 1 / 256), None),
        (
            layers.Logistic(name="y", inputs=(INPUT,)),
            (2.0**-29, 1 / 256),
            "LOGISTIC takes an input scale from 2**-28 to 2**34",
        ),
        (layers.Tanh(name="y", inputs=(INPUT,)), (2.0**34, 1 / 128), "TANH takes an input scale from 2**-28 to 2**34"),
        (layers.Rsqrt(name="y", inputs=(INPUT,)), (4.0, 2048.0), None),
        (
            layers.Rsqrt(name="y", inputs=(INPUT,)),
            (4.0, 2049.0),
            "RSQRT takes an output scale times the root of its input's",
        ),
    ],
)
def test_scales_at_which_shifts_of_tflm_are_no_c(layer: Layer, scales: tuple[float, float], says: str | None) -> None:
    source, target = (TensorQuant(scales[0], -128), TensorQuant(scales[1], -128 if scales[1] == 1 / 256 else 0))
    model = QuantizedModel(Arch((256,), (layer,)), {INPUT: source, "y": target}, {})
    reason = why_tflm_cannot_run(model)
    assert (reason is None) == (says is None)
    assert says is None or says in str(reason)
    x = np.arange(-128, 128).astype(np.int8)[None]
    ours = reference.run(model, x)
    if says is None and interpreter.available():
        theirs = interpreter.run(as_file(model, "m").content, x, arena_bytes=1 << 16)
        assert np.array_equal(np.ravel(theirs), ours.ravel())


def test_operators_that_tflm_has_no_kernel_of_are_named() -> None:
    codes, number = FileTensor((1, 3)), FileTensor((1,), type=TENSOR_TYPES["int32"])
    product = small_file(
        [constant(3, 1), constant(0), number, codes, codes, codes],
        [
            FileLayer(FoldedOp.REDUCE_PROD, (0, 1), (2,)),
            FileLayer(Op.RESHAPE, (3, 2), (4,)),
            FileLayer(Op.RELU, (4,), (5,)),
        ],
        [3],
        [5],
    )
    repeated = small_file(
        [codes, FileTensor((2,), type=TENSOR_TYPES["int32"]), codes],
        [FileLayer(FoldedOp.SHAPE, (0,), (1,)), FileLayer(Op.BROADCAST_TO, (0, 1), (2,))],
        [0],
        [2],
    )
    together = small_file(
        [codes, constant(1, 3), constant(1, 1), FileTensor((2,), type=TENSOR_TYPES["int32"]), codes],
        [FileLayer(FoldedOp.BROADCAST_ARGS, (1, 2), (3,)), FileLayer(Op.BROADCAST_TO, (0, 3), (4,))],
        [0],
        [4],
    )
    numbers = [FileTensor(shape, type=TENSOR_TYPES["int32"]) for shape in ((1, 3), (1, 3, 1))]
    expanded = small_file([*numbers, constant(2)], [FileLayer(Op.EXPAND_DIMS, (0, 2), (1,))], [0], [1])
    for data, missing in (
        (product, "REDUCE_PROD"),
        (repeated, "BROADCAST_TO to a shape that is computed"),
        (together, "BROADCAST_TO to a shape that is computed"),
        (expanded, "EXPAND_DIMS of int32"),
    ):
        file = ModelFile("m", data, read(data))
        reason = f"TFLM has no kernel of {missing}: TFLM cannot run this model"
        assert why_tflm_cannot_run(file.model, file.tensors) == reason
        if interpreter.available():
            with pytest.raises(DeviceError):
                interpreter.run(data, np.zeros((1, *file.model.arch.input_shape), dtype_of(file.model.arch.input_type)))


@pytest.mark.parametrize("type_", ["int8", "int16"])
@pytest.mark.parametrize(("op", "runs"), [(Op.SUB, False), (Op.MUL, True)])
def test_a_sum_with_a_constant_of_scale_0_ends_tflm(op: Op, runs: bool, type_: str) -> None:
    codes = FileTensor((1, 6), type=TENSOR_TYPES[type_], zero_point=0)
    zeros = FileTensor((1, 6), np.zeros((1, 6), type_), scale=0.0, zero_point=0)
    data = small_file([codes, zeros, codes], [FileLayer(op, (0, 1), (2,))], [0], [2])
    file = ModelFile("m", data, read(data))
    says = (
        "layer 't2': TFLM's SUB takes scales above 0, and that of its constant of zeros is 0: TFLM cannot run this "
        "model"
    )
    assert why_tflm_cannot_run(file.model, file.tensors) == (None if runs else says)
    assert why_tflm_cannot_run(file.model) is None
    x = np.arange(6).astype(type_)[None]
    if interpreter.available():
        assert np.array_equal(interpreter.run(write(file.model), x).reshape(x.shape), reference.run(file.model, x))
        if runs:
            interpreter.run(data, x)
        else:
            with pytest.raises(DeviceError, match=r"^TFLM: it cannot run the model"):
                interpreter.run(data, x)


def test_a_builtin_operator_with_custom_options_does_not_run_under_tflm() -> None:
    layer = FileLayer(Op.RELU, (0,), (1,), custom_options=b"more")
    data = small_file([FileTensor((1, 4)), FileTensor((1, 4))], [layer], [0], [1])
    model = read(data)
    reason = "TFLM has no kernel of RELU with custom options: TFLM cannot run this model"
    assert why_tflm_cannot_run(model, ModelFile("m", data, model).tensors) == reason
    if interpreter.available():
        with pytest.raises(DeviceError, match="found builtin operator RELU with custom options"):
            interpreter.run(data, np.zeros((1, 4), np.int8))


@pytest.mark.parametrize(("name", "says"), [("tflm_2_28", "has the values of buffer 2"), ("tflm_4_187", "do not hold")])
def test_files_that_tflm_reads_otherwise_are_refused(shared: Path, name: str, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        read((shared / f"cases/tflite_hostile/{name}.tflite").read_bytes())


@pytest.mark.parametrize(
    "last", [layers.Softmax(name="y", inputs=("twice",), to="float32"), layers.Logistic(name="y", inputs=("twice",))]
)
def test_functions_of_floats_have_no_scale_that_could_be_too_small(last: Layer) -> None:
    real = layers.Dequantize(name="real", inputs=(INPUT,))
    twice = layers.Add(name="twice", inputs=("real", "real"), activation="none")
    model = QuantizedModel(Arch((6,), (real, twice, last)), {INPUT: TensorQuant(0.5, 3)}, {})
    assert why_tflm_cannot_run(model) is None


LIMITS: tuple[tuple[Layer, float], ...] = (
    (layers.Conv2D(name="y", inputs=(INPUT,), filters=3, kernel=(1, 1)), 2.0**30),
    (layers.FullyConnected(name="y", inputs=(INPUT,), units=3), 2.0**30),
    (layers.Quantize(name="y", inputs=(INPUT,)), 2.0**30),
    (layers.Relu(name="y", inputs=(INPUT,)), 2.0**30),
    (layers.Mean(name="y", inputs=(INPUT,), keep_dims=True), 2.0**30),
    (layers.Add(name="y", inputs=(INPUT, INPUT)), 2.0**19),
    (layers.Mul(name="y", inputs=(INPUT, INPUT)), 2.0**30),
    (layers.BatchMatMul(name="y", inputs=(INPUT, INPUT)), 2.0**30),
)
"""A layer of each kind that rescales, and the ratio of scales from which TFLM's kernel leaves open what it does."""

PRODUCTS = (layers.Mul, layers.BatchMatMul)  # of two inputs, whose scales are multiplied, too


def rescaling(layer: Layer, ratio: float) -> QuantizedModel:
    """Returns a network of one layer, which brings `ratio` times the scale of its output."""
    arch = Arch((2, 3, 3), (layer,))
    weights = {}
    for step in arch.steps():
        if step.weights is not None:
            values = np.random.default_rng(0).integers(-127, 128, step.weights.shape).astype(np.int8)
            weights[layer.name] = LayerWeights(values, np.ones(1, np.float32), np.arange(3, dtype=np.int32))
    brought = 0.5 * 0.5 if isinstance(layer, PRODUCTS) else 0.5
    return QuantizedModel(arch, {INPUT: TensorQuant(0.5, 3), layer.name: TensorQuant(brought / ratio, -5)}, weights)


@pytest.mark.parametrize(("layer", "limit"), LIMITS)
def test_scale_ratios_beyond_a_shift_are_refused_and_others_give_tflms_bytes(layer: Layer, limit: float) -> None:
    for ratio in (limit, 2 * limit, 2.0**40):
        brings = "the product of its inputs' scales" if isinstance(layer, PRODUCTS) else "its input's scale"
        with pytest.raises(SpecError, match=rf"^layer 'y': {brings} .*; TFLM's \w+ takes less than {limit:,.0f}$"):
            validate(rescaling(layer, ratio))
    if interpreter.available():
        x = np.random.default_rng(1).integers(-128, 128, (4, 2, 3, 3)).astype(np.int8)
        for ratio in (limit * (1 - 2**-20), limit / 2, limit / 2**9):
            model = rescaling(layer, ratio)
            assert np.array_equal(interpreter.run(write(model), x), reference.run(model, x)), ratio


def test_a_file_with_such_a_ratio_is_refused_in_one_line() -> None:
    model = rescaling(LIMITS[0][0], 4.0)
    scale = np.float32(model.quant["y"].scale).tobytes()
    data = write(model)
    assert data.count(scale) == 1
    with pytest.raises(FileError, match=r"^m: the model does not fit together: layer 'y': its input's scale"):
        read(data.replace(scale, np.float32(1e-10).tobytes()), "m")


def test_a_six_that_has_no_code_is_refused() -> None:
    layer = layers.Conv2D(name="y", inputs=(INPUT,), filters=3, kernel=(1, 1), activation="relu6")
    validate(rescaling(layer, 2.0**26))
    with pytest.raises(SpecError, match=r"^layer 'y': output 'y': at the scale 1\.863e-09 the 6 of its RELU6 has"):
        validate(rescaling(layer, 2.0**28))
    relu = layers.Relu(name="y", inputs=(INPUT,), six=True)
    fine = QuantizedModel(Arch((4,), (relu,)), dict.fromkeys((INPUT, "y"), TensorQuant(2.0**-28, 0)), {})
    validate(fine)
    with pytest.raises(SpecError, match=r"^layer 'y': input 'input': at the scale 9\.313e-10 the 6 of its RELU6 has"):
        validate(replace(fine, quant=dict.fromkeys((INPUT, "y"), TensorQuant(2.0**-30, 0))))


@pytest.mark.parametrize("factor", [1.0, 1.1, 0.9, 1.13, 0.0001, 30.0])
def test_a_dense_layers_bias_has_the_scale_that_tflm_demands(factor: float) -> None:
    model = rescaling(layers.FullyConnected(name="y", inputs=(INPUT,), units=3), 2.0)
    w = model.weights["y"]
    weights = {"y": LayerWeights(w.weights, np.full(1, 0.25, np.float32), w.bias)}
    data = write(QuantizedModel(model.arch, {INPUT: TensorQuant(0.5, 3), "y": TensorQuant(0.75, -5)}, weights))
    product = np.float32(0.125).tobytes()
    assert data.count(product) == 1
    changed = data.replace(product, np.float32(0.125 * factor).tobytes())
    good = abs(factor - 1) * 0.125 <= 0.02 * 0.75
    if good:
        read(changed, "m")
    else:
        with pytest.raises(UnsupportedError, match=r"^m: operator 0 .*: the bias, .* has the scale .*: TFLM refuses"):
            read(changed, "m")
    if interpreter.available():
        x = np.zeros((1, 2, 3, 3), np.int8)
        with nullcontext() if good else pytest.raises(DeviceError, match="scale_diff"):
            interpreter.run(changed, x)


def test_damage_in_the_options_of_a_reshape_is_found() -> None:
    arch = Arch((2, 3, 3), (layers.Reshape(name="y", inputs=(INPUT,), shape=(18,)),))
    data = write(QuantizedModel(arch, dict.fromkeys((INPUT, "y"), TensorQuant(0.5, 0)), {}))
    (at,) = values(data)["option"]
    for shape, says in (((9, *range(9)), "its new shape has 9 dimensions"), ((2**30,), "claims 1073741824 items")):
        changed = bytearray(data) + np.array(shape, np.int32).tobytes()
        changed[at : at + 4] = (len(data) - at).to_bytes(4, "little")  # the option points to the list behind the file
        with pytest.raises(FileError, match=says):
            read(bytes(changed), "m")


def test_a_depthwise_bias_that_is_left_out_as_minus_one_is_refused_since_tflm_crashes() -> None:
    for layer in (layers.DepthwiseConv2D(name="y", inputs=(INPUT,), kernel=(2, 2)), LIMITS[0][0]):
        data = write(rescaling(layer, 4.0))
        at = values(data)["tensor"][2]
        changed = data[:at] + np.int32(-1).tobytes() + data[at + 4 :]
        if not isinstance(layer, layers.DepthwiseConv2D):
            assert read(changed).weights["y"].bias is None
            continue
        with pytest.raises(UnsupportedError, match="its bias is left out as tensor -1, which TFLM's kernel reads"):
            read(changed)
        if interpreter.available():
            with pytest.raises(DeviceError, match="cannot run the model"):
                interpreter.run(changed, np.zeros((1, 2, 3, 3), np.int8))


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (layers.Pack(name="y", inputs=(INPUT, INPUT), axis=0), "inputs"),
        (layers.Unpack(name="y", inputs=(INPUT,), axis=0, others=("z",)), "outputs"),
    ],
)
def test_options_that_count_other_tensors_are_damaged_since_tflm_believes_them(layer: Layer, what: str) -> None:
    arch = Arch((2, 3, 3), (layer,))
    data = write(QuantizedModel(arch, dict.fromkeys((INPUT, *layer.outputs), TensorQuant(0.5, 0)), {}))
    assert read(data).arch == arch
    count = next(at for at in values(data)["option"] if data[at] == 2 and data[at : at + 4] == b"\x02\0\0\0")
    for other in (3, 1, 7):
        changed = data[:count] + other.to_bytes(4, "little") + data[count + 4 :]
        with pytest.raises(FileError, match=f"its options say {other} {what}, and it has 2"):
            read(changed)
