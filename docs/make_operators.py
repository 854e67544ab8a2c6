"""Writes docs/operators.md from the records of the operators and from the compiler's choice of kernels.

Run from the repository: `python -m docs.make_operators`. Which kernel computes a case is not written down here: each
case is a network of one layer with random weights, which is compiled, and the table says what came out. A test
(tests/docs/test_operators.py) tells when the page is not that of today.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from docs.wrap_markdown import wrapped
from micronets.boards.cores import CORES, Core
from micronets.boards.targets import DSP, MVE, PLAIN, Target
from micronets.compiler.generate.tflm_package import resolver_method
from micronets.compiler.kernel_files import is_source, kernel_files
from micronets.compiler.kernels.base import Kernel, LayerCode, Place, scratch_name
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.goal import DEFAULT_GOAL, Goal
from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import ACTIVATION_LIMITS, INPUT, Layer, Recurrent, Shape, TensorSpec, Weighted
from micronets.ir.ops import operator
from micronets.ir.ops.comparison import RELATIONS
from micronets.ir.ops.record import nothing
from micronets.ir.ops.unary import NUMBER_FUNCTIONS
from micronets.ir.types import TYPES, Type
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite.codec import codec
from micronets.tflite.codec.op import op_named

PAGE = Path(__file__).with_name("operators.md")
X = (INPUT,)
BOTH = (INPUT, "constant")
CHANNELS = (TensorSpec("constant", (8,), "int8"),)
SINGLE = (TensorSpec("constant", (1,), "int8"),)
WORDS = (TensorSpec("words", (20, 8), "int8"),)
NUMBERS: tuple[Type, ...] = ("int32", "float32")

HEAD = """# Operators

This page lists the operators that a `.tflite` may contain, and the kernels that compute them.
`python -m docs.make_operators` writes it from the records in `ir/ops` and from the compiler's choices.
[contributing.md](contributing.md#an-operator) says how to add an operator.
"""

REFUSED = (*("COS", "FLOOR_DIV", "FLOOR_MOD", "L2_POOL_2D", "LOG", "SIN"),)
"""Operators that TFLM runs and that are not read."""

FACTS = f"""## In a file

*Types* are those of the activations, "a to b" where the output's type differs from the inputs'. Weights are int8, or
int4 where 4 is among their bits. Weight scales are per channel or per tensor, and biases are int32. With int16
activations, biases may be int64, weights have 8 bits, and all zero points are 0. *In training*: whether a network that
micronets searches and trains may contain the operator. *State*: whether it keeps anything from one inference to the
next. A file with any other operator is refused; one message names everything in it that is not supported.

Some operators are read as others:

- DEPTH_TO_SPACE and SPACE_TO_DEPTH as a RESHAPE, a TRANSPOSE and another RESHAPE;
- REVERSE_V2 as a STRIDED_SLICE;
- EMBEDDING_LOOKUP as a GATHER at computed places, and GATHER_ND as a GATHER between RESHAPEs;
- an int8 FULLY_CONNECTED with computed weights as a BATCH_MATMUL;
- FILL with a computed value as a BROADCAST_TO; a QUANTIZE or FILL of constants, and ZEROS_LIKE, as the constants that
  they make;
- a convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND as a dilated one, also in a model that was exported with
  an open batch, of which TFLM would compute only a part; the two alone as a PAD and a TRANSPOSE between two RESHAPEs.
  TFLM's kernel never sets the code of the border that SPACE_TO_BATCH_ND puts around a map: it is what the arena held
  before. Here it is 0, as in an arena of zeros, whatever the zero point is.

Operators that TFLM runs but that are refused: {", ".join(REFUSED)}; SHAPE whose result is no shape;
FULLY_CONNECTED with computed weights and a bias, or with computed weights of int16; GATHER_ND at computed places of
several indices, and DYNAMIC_UPDATE_SLICE at a computed place in a tensor without a batch of one; DIV of int8 and
GREATER of int16, which TFLM leaves undefined; ELU, TANH, LOG_SOFTMAX, BATCH_MATMUL, convolutions and
matrix products of float32; PRELU of int16 with computed slopes; constants as outputs of the model; and custom operators
except those of TFLM's audio front end (Signal...), whose transforms must be of int16, with a power of 2 as their
length. TFLM leaves the energies outside the range of a SignalEnergy as they are in its arena; here they are 0.
"""

KERNELS = """## In our C

Each case was compiled. The kernel is a C function (`compiler/csrc/include/micronets_kernels.h` says what it computes).
Portable C99 defines it and runs on every core. The next column shows what is built instead for the kernel's inner loops
on a core with Arm's DSP extension, or with its vector extension where the row says so: *C* with their instructions,
*assembly*, or nothing (one source serves both; the functions that it takes from `micronets_dsp.h` are instructions
there and C elsewhere). *In patches*: whether the layer can run a few rows at a time if memory is short
([deploy.md](deploy.md)).
"""

ON_WHICH_CORE = """## On which core

A row is an entry of `boards/cores.py`; the name is that under `core` in a board's TOML file. The target decides which
kernels and which weight layout the compiler uses (`boards/targets.py`). Firmware is built by the named GCC or by
`ziglang`, executed by the named unicorn model, and again by the named QEMU machine; if unicorn has no such model, only
by QEMU. If there is a cycle model, it gives times ([measure.md](measure.md)); otherwise instructions are counted. The
last column is the name of the core in the makefile of TFLM with CMSIS-NN.
"""


@dataclass(frozen=True)
class Case:
    """A layer that the compiler treats in a way of its own: when that is, the layer, and the shape of its input.

    - change: what to change in the model's numbers, where they decide.
    - before: layers in front of it, of which it reads the last.
    - of: the type of the input.
    - constants: constants of the network, which it reads.
    - target: the instruction set that it is compiled for.
    - goal: what its kernel is chosen for.
    """

    when: str
    layer: Layer
    shape: Shape
    change: Callable[[QuantizedModel], QuantizedModel] = lambda model: model
    before: tuple[Layer, ...] = ()
    of: Type = "int8"
    constants: tuple[TensorSpec, ...] = ()
    target: Target = DSP
    goal: Goal = DEFAULT_GOAL


def _with_lowest_weight(model: QuantizedModel) -> QuantizedModel:
    """Returns the model with a weight of -128 beside a negative one in its convolution."""
    name = model.arch.layers[0].name
    weights = model.weights[name].weights.copy()
    weights.reshape(len(weights), -1)[:2, 0] = -1, -128
    return replace(model, weights={name: replace(model.weights[name], weights=weights)})


def _with_zero_point(model: QuantizedModel) -> QuantizedModel:
    """Returns the model with weights of its dense layer that have a zero point."""
    weights = replace(model.weights["layer"], zero_point=9)
    return replace(model, weights={"layer": weights})


def _with_ties(model: QuantizedModel) -> QuantizedModel:
    """Returns the model with an output's scale at which every other sum of codes lies between two codes."""
    quant = {INPUT: TensorQuant(0.5, 0), "layer": TensorQuant(1.0, 0)}
    return replace(model, quant=quant)


def _with_equal_scales(model: QuantizedModel) -> QuantizedModel:
    """Returns the model with codes of uint8 that stand for the same values as the codes of int8 behind them."""
    return replace(model, quant={INPUT: TensorQuant(0.5, 128), "layer": TensorQuant(0.5, 0)})


def _with_large_scale(model: QuantizedModel) -> QuantizedModel:
    """Returns the model with a scale of more than a half for the sums of its layer's first channel."""
    w = model.weights["layer"]
    scales = np.resize(w.scales, model.arch.shapes()["layer"][-1]).copy()
    scales[0] = 0.7 * model.quant["layer"].scale / model.quant[INPUT].scale
    return replace(model, weights={"layer": replace(w, scales=scales)})


def _conv(kernel: tuple[int, int], filters: int = 8, bits: int = 8) -> layers.Conv2D:
    return layers.Conv2D(name="layer", inputs=X, filters=filters, kernel=kernel, weight_bits=bits)


def _depthwise(
    kernel: tuple[int, int], stride: int = 1, bits: int = 8, multiplier: int = 1, activation: bool = False
) -> layers.DepthwiseConv2D:
    return layers.DepthwiseConv2D(
        name="layer",
        inputs=X,
        kernel=kernel,
        stride=(stride, stride),
        multiplier=multiplier,
        weight_bits=bits,
        activation="relu" if activation else "none",
    )


def _svdf(kept: Type) -> layers.Svdf:
    names = (constant.name for constant in _svdf_constants(kept))
    return layers.Svdf(name="layer", inputs=(INPUT, *names), rank=2, variable="state", of=kept)


def _svdf_constants(kept: Type) -> tuple[TensorSpec, ...]:
    return (
        TensorSpec("features", (16, 32), "int8"),
        TensorSpec("ages", (16, 8), kept),
        TensorSpec("bias", (8,), "int32"),
    )


LSTM_CONSTANTS = (
    *(TensorSpec(f"vectors{gate}", (8, 24), "int8") for gate in range(4)),
    *(TensorSpec(f"hidden{gate}", (8, 8), "int8") for gate in range(4)),
    *(TensorSpec(f"bias{gate}", (8,), "int32") for gate in range(4)),
)


def _lstm() -> layers.UnidirectionalSequenceLstm:
    names = (constant.name for constant in LSTM_CONSTANTS)
    return layers.UnidirectionalSequenceLstm(name="layer", inputs=(INPUT, *names), hidden="last", cell="cells")


def tables(*sizes: int) -> tuple[TensorSpec, ...]:
    """Returns int16 constants of so many numbers, called a, b and so on."""
    return tuple(TensorSpec(name, (size,), "int16") for name, size in zip("abcde", sizes, strict=False))


SUBTRACTION = layers.SignalFilterBankSpectralSubtraction(
    name="layer",
    inputs=X,
    channels=40,
    noise="noise",
    variable="estimates",
    smoothing=409,
    one_minus_smoothing=15975,
    alternate_smoothing=983,
    alternate_one_minus_smoothing=15401,
    smoothing_bits=10,
    subtraction_bits=14,
    min_signal_remaining=819,
)

CASES = (
    Case("1 x 1, stride 1", _conv((1, 1)), (8, 8, 8)),
    Case("channels a multiple of 4", _conv((3, 3)), (8, 8, 8)),
    Case(
        "3 x 3, stride 1, channels a multiple of 4, with `--optimise speed`",
        replace(_conv((3, 3)), filters=16),
        (16, 16, 16),
        goal="speed",
    ),
    Case("other channels", _conv((3, 3)), (8, 8, 3)),
    Case("weights of 4 bits, 1 x 1, stride 1", _conv((1, 1), bits=4), (8, 8, 8)),
    Case("weights of 4 bits, channels a multiple of 4", _conv((3, 3), bits=4), (8, 8, 8)),
    Case("weights of 4 bits, other channels", _conv((3, 3), bits=4), (8, 8, 3)),
    Case("windows of about 2,000 values or more", _conv((7, 7)), (8, 8, 64)),
    Case("a weight of -128 beside a negative one, 1 x 1, stride 1", _conv((1, 1)), (8, 8, 8), _with_lowest_weight),
    Case(
        "a weight of -128 beside a negative one, channels a multiple of 4",
        _conv((3, 3)),
        (8, 8, 8),
        _with_lowest_weight,
    ),
    Case("a weight of -128 beside a negative one, other channels", _conv((3, 3)), (8, 8, 3), _with_lowest_weight),
    Case("one output pixel", _conv((1, 1)), (1, 1, 64)),
    Case("several groups", replace(_conv((3, 3)), groups=2), (8, 8, 8)),
    Case("without the DSP extension", _conv((3, 3)), (8, 8, 8), target=PLAIN),
    Case("without the DSP extension, 1 x 1, stride 1", _conv((1, 1)), (8, 8, 8), target=PLAIN),
    Case("with the vector extension", _conv((3, 3)), (8, 8, 8), target=MVE),
    Case("with the vector extension, 1 x 1, stride 1", _conv((1, 1)), (8, 8, 8), target=MVE),
    Case("3 x 3, stride 1, large maps", _depthwise((3, 3)), (48, 48, 8)),
    Case("3 x 3, stride 1, large maps, ReLU", _depthwise((3, 3), activation=True), (48, 48, 8)),
    Case("3 x 3, stride 2, large maps", _depthwise((3, 3), 2), (49, 49, 1)),
    Case("3 x 3, stride 2, large maps, ReLU", _depthwise((3, 3), 2, activation=True), (49, 49, 1)),
    *(
        Case(
            f"3 x 3, stride {stride}, large maps{relu and ', ReLU'}, with `--optimise speed`",
            _depthwise((3, 3), stride, activation=bool(relu)),
            (48, 48, 16),
            goal="speed",
        )
        for stride in (1, 2)
        for relu in ("", "ReLU")
    ),
    Case("3 x 3, small maps", _depthwise((3, 3)), (5, 5, 64)),
    Case("3 x 3, small maps, ReLU", _depthwise((3, 3), activation=True), (5, 5, 64)),
    Case("a channel of a large scale", _depthwise((3, 3)), (48, 48, 8), _with_large_scale),
    Case("other windows, stride 1, large maps", _depthwise((5, 5)), (48, 48, 1)),
    Case("other windows, stride 2, large maps", _depthwise((5, 5), 2), (49, 49, 1)),
    Case("other windows, small maps", _depthwise((5, 1)), (10, 1, 64)),
    Case("strides above 2", _depthwise((3, 3), 3), (12, 12, 1)),
    Case("weights of 4 bits, large maps", _depthwise((3, 3), bits=4), (48, 48, 8)),
    Case("weights of 4 bits, small maps", _depthwise((3, 3), bits=4), (5, 5, 64)),
    Case("without the DSP extension, 3 x 3", _depthwise((3, 3)), (8, 8, 8), target=PLAIN),
    Case("without the DSP extension, other windows", _depthwise((5, 5)), (8, 8, 8), target=PLAIN),
    Case("with the vector extension, channels a multiple of 8, from 16 on", _depthwise((3, 3)), (8, 8, 16), target=MVE),
    Case("", layers.BatchMatMul(name="layer", inputs=(INPUT, INPUT), transpose_b=True), (4, 8, 8)),
    Case(
        "",
        layers.TransposeConv2D(name="layer", inputs=X, filters=8, kernel=(3, 3), size=(16, 16), stride=(2, 2)),
        (8, 8, 8),
    ),
    Case("inputs and outputs multiples of 8", layers.FullyConnected(name="layer", inputs=X, units=16), (64,)),
    Case("other sizes", layers.FullyConnected(name="layer", inputs=X, units=5), (13,)),
    Case(
        "weights of 4 bits, multiples of 8",
        layers.FullyConnected(name="layer", inputs=X, units=16, weight_bits=4),
        (64,),
    ),
    Case(
        "weights of 4 bits, other sizes", layers.FullyConnected(name="layer", inputs=X, units=5, weight_bits=4), (13,)
    ),
    Case("about 2,000 inputs or more", layers.FullyConnected(name="layer", inputs=X, units=8), (4096,)),
    Case("several vectors", layers.FullyConnected(name="layer", inputs=X, units=16, keep_dims=True), (24, 64)),
    Case(
        "a filter of a large scale", layers.FullyConnected(name="layer", inputs=X, units=16), (64,), _with_large_scale
    ),
    Case("weights with a zero point", layers.FullyConnected(name="layer", inputs=X, units=16), (64,), _with_zero_point),
    Case("exact as a sum of multiples", layers.Add(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8)),
    Case("else", layers.Add(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8), _with_ties),
    Case("of activations", layers.Concatenation(name="layer", inputs=(INPUT, INPUT), axis=2), (8, 8, 8)),
    Case("with constants", layers.Concatenation(name="layer", inputs=BOTH, axis=0), (8,), constants=CHANNELS),
    Case("", layers.Split(name="layer", inputs=X, axis=2, others=("other",)), (8, 8, 8)),
    Case("", layers.AveragePool2D(name="layer", inputs=X, pool=(2, 2), stride=(2, 2)), (8, 8, 8)),
    Case("", layers.MaxPool2D(name="layer", inputs=X, pool=(2, 2), stride=(2, 2)), (8, 8, 8)),
    Case(
        "over neighbours from the first dimension on, of 4 values or more",
        layers.Mean(name="layer", inputs=X),
        (8, 8, 8),
    ),
    Case("over others", layers.Mean(name="layer", inputs=X, axes=(1,)), (8, 8, 8)),
    Case(
        "over neighbours from the first dimension on, of 4 values or more",
        layers.Sum(name="layer", inputs=X, axes=(0, 1)),
        (8, 8, 8),
    ),
    Case("over others", layers.Sum(name="layer", inputs=X, axes=(0, 2)), (8, 8, 8)),
    Case("", layers.ReduceMax(name="layer", inputs=X, axes=(0, 1)), (8, 8, 8)),
    Case("", layers.ReduceMin(name="layer", inputs=X, axes=(0, 1)), (8, 8, 8)),
    Case("", layers.ReduceAll(name="layer", inputs=X, axes=(0, 1)), (8, 8, 8), of="bool"),
    Case("", layers.CumSum(name="layer", inputs=X, axis=0), (8, 8, 8)),
    Case("", layers.AddN(name="layer", inputs=(INPUT,) * 3), (8, 8, 8)),
    Case("", layers.ArgMax(name="layer", inputs=X, axis=2), (8, 8, 8)),
    Case("", layers.ArgMax(name="layer", inputs=X, axis=2, smallest=True), (8, 8, 8)),
    Case("shapes that broadcast, or a constant", layers.Add(name="layer", inputs=BOTH), (8, 8, 8), constants=CHANNELS),
    Case("a constant of one value", layers.Mul(name="layer", inputs=BOTH), (8, 8, 8), constants=SINGLE),
    Case("else", layers.Mul(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8)),
    Case("exact as a sum of multiples", layers.Sub(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8)),
    Case("else", layers.Sub(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8), _with_ties),
    Case("", layers.Minimum(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8)),
    Case("", layers.Maximum(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8)),
    Case("", layers.SquaredDifference(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8)),
    Case("", layers.Pad(name="layer", inputs=X, paddings=((0, 0), (1, 1), (0, 4))), (8, 8, 8)),
    Case("with a code", layers.Pad(name="layer", inputs=X, paddings=((1, 1), (1, 1), (0, 0)), value=7), (8, 8, 8)),
    Case(
        "with a number of several bytes",
        layers.Pad(name="layer", inputs=X, paddings=((1, 1), (1, 1), (0, 0)), value=-32768),
        (8, 8, 8),
        of="int16",
    ),
    Case("", layers.Reshape(name="layer", inputs=X, shape=(512,)), (8, 8, 8)),
    Case("", layers.ExpandDims(name="layer", inputs=X, axis=1), (8, 8)),
    Case("", layers.Squeeze(name="layer", inputs=X, axes=(1,)), (8, 1, 8)),
    Case("", layers.Transpose(name="layer", inputs=X, permutation=(2, 0, 1)), (8, 8, 8)),
    Case("", layers.Slice(name="layer", inputs=X, begin=(2, 2, 0), size=(4, 4, 8)), (8, 8, 8)),
    Case(
        "",
        layers.StridedSlice(name="layer", inputs=X, begin=(0, 0, 0), size=(4, 4, 8), strides=(2, 2, 1)),
        (8, 8, 8),
    ),
    Case("", layers.Pack(name="layer", inputs=(INPUT, INPUT), axis=0), (8, 8)),
    Case("", layers.Unpack(name="layer", inputs=X, axis=1, others=("other",)), (8, 2, 8)),
    Case(
        "parts of given sizes", layers.Split(name="layer", inputs=X, axis=2, others=("other",), sizes=(3, 5)), (8, 8, 8)
    ),
    Case("at constant places", layers.Gather(name="layer", inputs=X, axis=0, indices=(7, 0)), (8, 8, 8)),
    Case("at computed places", layers.Lookup(name="layer", inputs=("words", INPUT)), (6,), of="int32", constants=WORDS),
    Case("", layers.BroadcastTo(name="layer", inputs=X, shape=(4, 8, 8)), (1, 8)),
    Case(
        "at a constant place",
        layers.DynamicUpdateSlice(name="layer", inputs=(INPUT, "box"), begin=(2, 0, 0)),
        (8, 8, 8),
        before=(layers.Slice(name="box", inputs=X, begin=(0, 0, 0), size=(1, 8, 8)),),
    ),
    Case(
        "at a computed place",
        layers.DynamicUpdateSlice(name="layer", inputs=(INPUT, "box", "places"), begin=None),
        (8, 8, 8),
        before=(
            layers.Slice(name="box", inputs=X, begin=(0, 0, 0), size=(1, 8, 8)),
            layers.Slice(name="codes", inputs=X, begin=(0, 0, 0), size=(1, 1, 4)),
            layers.Reshape(name="vector", inputs=("codes",), shape=(4,)),
            layers.Cast(name="places", inputs=("vector",), to="int32"),
        ),
    ),
    Case("", layers.MirrorPad(name="layer", inputs=X, paddings=((1, 1), (1, 1), (0, 0))), (8, 8, 8)),
    Case("", layers.ResizeNearestNeighbor(name="layer", inputs=X, size=(16, 16)), (8, 8, 8)),
    Case("", layers.ResizeBilinear(name="layer", inputs=X, size=(16, 16)), (8, 8, 8)),
    Case("float32", layers.ResizeBilinear(name="layer", inputs=X, size=(16, 16)), (8, 8, 8), of="float32"),
    Case("to int8", layers.Softmax(name="layer", inputs=X), (10,)),
    Case("to int8, of two values", layers.Softmax(name="layer", inputs=X), (2,)),
    Case("to int8, from 256 codes on", layers.Softmax(name="layer", inputs=X), (8, 32)),
    Case("to int16", layers.Softmax(name="layer", inputs=X, to="int16"), (10,)),
    Case("", layers.LogSoftmax(name="layer", inputs=X), (10,)),
    Case("", layers.L2Normalization(name="layer", inputs=X), (10,)),
    Case("to another scale", layers.Relu(name="layer", inputs=X), (8, 8, 8), change=_with_ties),
    Case("of the same scale and zero point", layers.Relu(name="layer", inputs=X), (8, 8, 8)),
    Case("", layers.Relu(name="layer", inputs=X, six=True), (8, 8, 8)),
    Case("", layers.HardSwish(name="layer", inputs=X), (8, 8, 8)),
    Case("", layers.Logistic(name="layer", inputs=X), (8, 8, 8)),
    Case("", layers.Tanh(name="layer", inputs=X), (8, 8, 8)),
    Case("", layers.LeakyRelu(name="layer", inputs=X, alpha=0.125), (8, 8, 8)),
    Case("", layers.Elu(name="layer", inputs=X), (8, 8, 8)),
    Case("", layers.Abs(name="layer", inputs=X), (8, 8, 8)),
    Case("", layers.Rsqrt(name="layer", inputs=X), (8, 8, 8)),
    Case("from float32", layers.Quantize(name="layer", inputs=X), (8, 8, 8), of="float32"),
    Case("from float32 to int16", layers.Quantize(name="layer", inputs=X, to="int16"), (8, 8, 8), of="float32"),
    Case("between int8 and uint8", layers.Quantize(name="layer", inputs=X), (8, 8, 8), of="uint8"),
    Case(
        "between int8 and uint8, of one scale",
        layers.Quantize(name="layer", inputs=X),
        (8, 8, 8),
        change=_with_equal_scales,
        of="uint8",
    ),
    Case("between other integers", layers.Quantize(name="layer", inputs=X), (8, 8, 8), of="int16"),
    Case("from int8", layers.Dequantize(name="layer", inputs=X), (10,)),
    Case("else", layers.Dequantize(name="layer", inputs=X), (10,), of="uint8"),
    Case("", layers.Cast(name="layer", inputs=X, to="float32"), (10,)),
    Case("", layers.Prelu(name="layer", inputs=BOTH), (8, 8, 8), constants=CHANNELS),
    *(
        case
        for of in RELATIONS
        for case in (
            Case(
                "a constant of one value",
                layers.Compare(name="layer", inputs=BOTH, relation=of),
                (8,),
                constants=SINGLE,
            ),
            Case("else", layers.Compare(name="layer", inputs=(INPUT, INPUT), relation=of), (8, 8, 8)),
            Case("numbers", layers.Compare(name="layer", inputs=(INPUT, INPUT), relation=of), (8,), of="float32"),
        )
    ),
    Case("", layers.Logical(name="layer", inputs=(INPUT, INPUT)), (8,), of="bool"),
    Case("", layers.Logical(name="layer", inputs=(INPUT, INPUT), either=True), (8,), of="bool"),
    Case("", layers.LogicalNot(name="layer", inputs=X), (8,), of="bool"),
    Case(
        "",
        layers.Select(name="layer", inputs=("mask", INPUT, INPUT)),
        (8, 8, 8),
        before=(layers.Compare(name="mask", inputs=(INPUT, INPUT), relation="greater"),),
    ),
    *(
        Case("int16", layer, (8, 8, 8), of="int16")
        for layer in (
            _conv((3, 3)),
            _depthwise((3, 3)),
            layers.FullyConnected(name="layer", inputs=X, units=16),
            layers.TransposeConv2D(name="layer", inputs=X, filters=8, kernel=(3, 3), size=(16, 16), stride=(2, 2)),
            *(
                kind(name="layer", inputs=(INPUT, INPUT))
                for kind in (
                    layers.Add,
                    layers.Sub,
                    layers.Mul,
                    layers.Minimum,
                    layers.Maximum,
                    layers.SquaredDifference,
                )
            ),
            layers.AveragePool2D(name="layer", inputs=X, pool=(2, 2), stride=(2, 2)),
            layers.MaxPool2D(name="layer", inputs=X, pool=(2, 2), stride=(2, 2)),
            layers.Mean(name="layer", inputs=X),
            layers.Sum(name="layer", inputs=X, axes=(0, 2)),
            layers.Softmax(name="layer", inputs=X, to="int16"),
            layers.Relu(name="layer", inputs=X),
            layers.Relu(name="layer", inputs=X, six=True),
            layers.LeakyRelu(name="layer", inputs=X, alpha=0.125),
            layers.Logistic(name="layer", inputs=X),
            layers.Tanh(name="layer", inputs=X),
            layers.Abs(name="layer", inputs=X),
            layers.Rsqrt(name="layer", inputs=X),
            layers.BatchMatMul(name="layer", inputs=(INPUT, INPUT), transpose_b=True),
        )
    ),
    *(
        Case(of, kind(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8), of=of)
        for of in NUMBERS
        for kind in (
            layers.Div,
            layers.Add,
            layers.Sub,
            layers.Mul,
            layers.Minimum,
            layers.Maximum,
            layers.SquaredDifference,
        )
    ),
    Case("int16", layers.Prelu(name="layer", inputs=BOTH), (8, 8, 8), of="int16", constants=CHANNELS),
    Case("float32", layers.Prelu(name="layer", inputs=(INPUT, INPUT)), (8, 8, 8), of="float32"),
    *(
        Case("float32", layer, (8, 8, 8), of="float32")
        for layer in (
            layers.Relu(name="layer", inputs=X),
            layers.Relu(name="layer", inputs=X, six=True),
            layers.LeakyRelu(name="layer", inputs=X, alpha=0.125),
            layers.Logistic(name="layer", inputs=X),
            layers.Abs(name="layer", inputs=X),
            layers.HardSwish(name="layer", inputs=X),
            layers.Rsqrt(name="layer", inputs=X),
            *(layers.NumberFunction(name="layer", inputs=X, of=of) for of in NUMBER_FUNCTIONS),
            layers.L2Normalization(name="layer", inputs=X),
            layers.CumSum(name="layer", inputs=X, axis=0),
            layers.AddN(name="layer", inputs=(INPUT,) * 3),
            layers.Mean(name="layer", inputs=X),
            layers.Sum(name="layer", inputs=X, axes=(0, 1)),
            layers.ReduceMax(name="layer", inputs=X, axes=(0, 1)),
            layers.ReduceMin(name="layer", inputs=X, axes=(0, 1)),
            layers.ArgMax(name="layer", inputs=X, axis=2),
            layers.ArgMax(name="layer", inputs=X, axis=2, smallest=True),
            layers.Softmax(name="layer", inputs=X, to="float32"),
        )
    ),
    Case(
        "",
        layers.ReadVariable(name="layer", variable="state", shape=(8, 8, 8)),
        (8, 8, 8),
        before=(layers.AssignVariable(name="keep", inputs=X, variable="state"),),
    ),
    Case(
        "",
        layers.AssignVariable(name="layer", inputs=X, variable="state"),
        (8, 8, 8),
        before=(layers.ReadVariable(name="kept", variable="state", shape=(8, 8, 8)),),
    ),
    Case("", _lstm(), (16, 24), constants=LSTM_CONSTANTS),
    Case("8 bits kept", _svdf("int8"), (32,), constants=_svdf_constants("int8")),
    Case("16 bits kept", _svdf("int16"), (32,), constants=_svdf_constants("int16")),
    Case(
        "", layers.SignalWindow(name="layer", inputs=(INPUT, "a"), shift=12), (480,), of="int16", constants=tables(480)
    ),
    Case("", layers.SignalFftAutoScale(name="layer", inputs=X, bits="bits"), (480,), of="int16"),
    Case("", layers.SignalRfft(name="layer", inputs=X, length=512), (480,), of="int16"),
    Case("", layers.SignalEnergy(name="layer", inputs=X, start=5, end=241), (514,), of="int16"),
    Case(
        "",
        layers.SignalFilterBank(name="layer", inputs=(INPUT, "a", "b", "c", "d", "e"), channels=40),
        (257,),
        of="uint32",
        constants=tables(236, 236, 41, 41, 41),
    ),
    Case(
        "",
        layers.SignalFilterBankSquareRoot(name="layer", inputs=("bands", "bits")),
        (257,),
        before=(
            layers.SignalFilterBank(name="bands", inputs=(INPUT, "a", "b", "c", "d", "e"), channels=40),
            layers.Cast(name="numbers", inputs=X, to="int32"),
            layers.Slice(name="one", inputs=("numbers",), begin=(0,), size=(1,)),
            layers.Reshape(name="bits", inputs=("one",), shape=()),
        ),
        of="uint32",
        constants=tables(236, 236, 41, 41, 41),
    ),
    Case("", SUBTRACTION, (40,), of="uint32"),
    Case(
        "",
        layers.SignalPcan(name="layer", inputs=(INPUT, INPUT, "a"), snr_shift=6),
        (40,),
        of="uint32",
        constants=tables(125),
    ),
    Case("", layers.SignalFilterBankLog(name="layer", inputs=X, correction_bits=3, scale=64), (40,), of="uint32"),
)
"""A case for each way of the compiler; "" where a kind has one way."""


def compiled(case: Case) -> tuple[Kernel, LayerCode]:
    """Returns the kernel that the compiler chooses for a case, and the C that it makes of it."""
    outputs = None if case.layer.outputs else case.before[-1].outputs
    arch = Arch(case.shape, (*case.before, case.layer), case.of, outputs, case.constants)
    model = case.change(with_random_weights(arch))
    kernel = choose_all(model.arch, case.target, case.goal)[-1]
    names = (*model.arch.shapes(), scratch_name("layer"))
    return kernel, kernel.code(model, Place(0, {name: n << 16 for n, name in enumerate(names)}))


def function_of(code: LayerCode) -> str:
    """Returns the C function that computes a layer; "" where nothing is computed."""
    return code.call.function if code.call else ""


def inner_functions(function: str, code: LayerCode) -> list[str]:
    """Returns the functions for the lines of a depthwise layer; the general one only without a special one."""
    inner = [s for s in code.sources if function and s.startswith(f"{function}_")]
    return [s for s in inner if not s.endswith("_any")] or inner


def extension_form(code: LayerCode, target: Target) -> str:
    """In which form csrc/dsp, or csrc/mve for such a target, has what a layer needs: `assembly`, `C`, both, or ""."""
    prefix = "micronets_mve_" if target is MVE else "micronets_dsp_"
    files = kernel_files(code.sources, target=MVE if target is MVE else DSP)
    sources = [name for name in files if is_source(name) and name.startswith(prefix)]
    forms = {".S": "assembly", ".c": "C"}
    return " and ".join(form for ending, form in forms.items() if any(s.endswith(ending) for s in sources))


def facts_table() -> str:
    """Returns a row for each operator of the file: its layer, inputs and outputs, bits, and other facts."""
    lines = [
        "| operator | layer | inputs | outputs | types | bits of weights | fused | in training | state "
        "| TFLM's resolver |",
        "|---|---|--:|--:|---|---|---|---|---|---|",
    ]
    rows = dict.fromkeys((operator(case.layer).tflite_name, type(case.layer).__name__) for case in CASES)
    for name, kind in sorted(rows):
        layer = next(c.layer for c in CASES if operator(c.layer).tflite_name == name)
        facts = operator(layer)
        bits = "8, 4" if isinstance(layer, Weighted) else ""
        fused = (
            ", ".join(name.upper() for name in ACTIVATION_LIMITS).replace("NONE", "none")
            if facts.activation is not None
            else ""
        )
        yes = ("no", "yes")
        trained, kept = yes[facts.trainable], yes[facts.state_bytes is not nothing]
        lines.append(
            f"| `{name}` | `{kind}` | {facts.inputs} | {codec(op_named(name)).outputs} | {types_of(layer)} | {bits} "
            f"| {fused} | {trained} | {kept} | `{resolver_method(name)}` |"
        )
    return "\n".join(lines)


def types_of(layer: Layer) -> str:
    """Returns the types that an operator reads and makes."""
    forms = (
        [replace(layer, to=to) for to in TYPES]
        if isinstance(layer, layers.Quantize | layers.Cast | layers.Softmax)
        else [layer]
    )
    found: dict[str, None] = {}
    for read, form in product(TYPES, forms):
        several = isinstance(layer, Recurrent | layers.SignalLayer) or (
            read == "int16" and isinstance(layer, layers.Prelu)
        )
        types = (read, *_other_types(layer)) if several else (read,) * len(layer.inputs)
        with suppress(SpecError):
            made = operator(form).output_type(types, "")
            found[read if made == read else f"{read} to {made}"] = None
    return ", ".join(found)


def _other_types(layer: Layer) -> tuple[Type, ...]:
    """Returns the types of what a layer reads besides its first input."""
    case = next(c for c in CASES if c.layer is layer)
    steps = Arch(case.shape, (*case.before, layer), case.of, constants=case.constants).steps()
    return steps[-1].input_types[1:]


def kernels_table() -> str:
    """Returns a row for each case: the kernel that the compiler chooses, its paths, and whether it runs in patches."""
    lines = ["| operator | where | kernel | extension | in patches |", "|---|---|---|---|---|"]
    for case in CASES:
        kernel, code = compiled(case)
        function = function_of(code)
        functions = (function, *inner_functions(function, code)) if function else ()
        names = ", ".join(f"`{name}`" for name in functions) or "nothing to compute"
        patches = "yes" if kernel.row_reach is not None else "no"
        form = extension_form(code, case.target)
        lines.append(f"| `{operator(case.layer).tflite_name}` | {case.when} | {names} | {form} | {patches} |")
    return "\n".join(lines)


def cores_table() -> str:
    """Returns a row for each core: the kernels that the compiler takes for it, and what executes its code."""
    lines = [
        "| core | target | kernels | GCC | unicorn | QEMU | cycle model | TFLM |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += map(_core_row, CORES.values())
    return "\n".join(lines)


def _core_row(core: Core) -> str:
    cells = (
        f"`{core.name}`",
        core.target.name,
        {DSP: "DSP extension", MVE: "vector extension", PLAIN: "portable C"}[core.target],
        core.gcc[0],
        core.unicorn_model.removeprefix("UC_CPU_") if core.unicorn_model else "no",
        core.qemu.machine if core.qemu else "no",
        core.cycle_model or "no",
        core.tflm_arch or "no",
    )
    return f"| {' | '.join(cells)} |"


def page() -> str:
    """Returns the whole page."""
    parts = (HEAD, FACTS, facts_table(), KERNELS, kernels_table(), ON_WHICH_CORE, cores_table())
    return wrapped("\n\n".join(part.strip() for part in parts)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
