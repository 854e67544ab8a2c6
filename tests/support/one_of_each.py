"""One layer of each kind, in all the forms that are operators of their own in a file."""

from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, TensorSpec
from micronets.ir.ops.comparison import RELATIONS
from micronets.ir.ops.unary import NUMBER_FUNCTIONS
from tests.support.sound_operators import SMOOTHING

X = (INPUT,)

SHAPE = (6, 4, 2)
"""An input that all of `LAYERS` take, or those that they read."""

LAYERS: tuple[Layer, ...] = (
    layers.Conv2D(name="conv", inputs=X, filters=3, kernel=(3, 3), stride=(2, 1), activation="relu6"),
    layers.DepthwiseConv2D(name="depthwise", inputs=X, kernel=(3, 1), multiplier=2, weight_bits=4),
    layers.FullyConnected(name="dense", inputs=X, units=5, activation="relu"),
    layers.FullyConnected(name="vectors", inputs=X, units=4, keep_dims=True),
    layers.AveragePool2D(name="average", inputs=X, pool=(2, 2), stride=(2, 2)),
    layers.MaxPool2D(name="maximum", inputs=X, pool=(3, 2), stride=(1, 2), padding="same"),
    layers.Mean(name="mean", inputs=X),
    layers.Sum(name="total", inputs=X, axes=(0, 2)),
    layers.ReduceMax(name="largest", inputs=X, axes=(0, 1)),
    layers.ReduceMin(name="least", inputs=X, axes=(2,), keep_dims=True),
    layers.CumSum(name="running", inputs=X, axis=1, exclusive=True, reverse=True),
    layers.AddN(name="all", inputs=(INPUT, INPUT, INPUT)),
    layers.Add(name="sum", inputs=(INPUT, INPUT)),
    layers.Mul(name="product", inputs=(INPUT, INPUT)),
    layers.Sub(name="difference", inputs=(INPUT, INPUT)),
    layers.Minimum(name="smaller", inputs=(INPUT, INPUT)),
    layers.Maximum(name="larger", inputs=(INPUT, INPUT)),
    layers.SquaredDifference(name="distance", inputs=(INPUT, INPUT)),
    layers.Prelu(name="bent", inputs=(INPUT, INPUT)),
    layers.Cast(name="numbers", inputs=X, to="float32"),
    layers.Div(name="quotient", inputs=("numbers", "numbers")),
    layers.Concatenation(name="joined", inputs=(INPUT, INPUT, INPUT), axis=1),
    layers.Split(name="half", inputs=X, axis=1, others=("other_half",)),
    layers.Pad(name="frame", inputs=X, paddings=((1, 0), (2, 2), (0, 0))),
    layers.Pad(name="coloured", inputs=X, paddings=((1, 0), (2, 2), (0, 0)), value=7),
    layers.Reshape(name="flat", inputs=X, shape=(48,)),
    layers.Reshape(name="rows", inputs=X, shape=(6, 8)),
    layers.ExpandDims(name="more", inputs=X, axis=1),
    layers.Squeeze(name="fewer", inputs=("more",), axes=(1,)),
    layers.Transpose(name="turned", inputs=X, permutation=(2, 0, 1)),
    layers.Slice(name="box", inputs=X, begin=(1, 0, 0), size=(4, 3, 1)),
    layers.StridedSlice(name="steps", inputs=X, begin=(5, 1, 0), size=(3, 1, 2), strides=(-2, 1, 1), shrink=(1,)),
    layers.Pack(name="packed", inputs=(INPUT, INPUT), axis=2),
    layers.Unpack(name="first", inputs=X, axis=2, others=("second",)),
    layers.Split(name="short", inputs=X, axis=0, others=("long",), sizes=(2, 4)),
    layers.BroadcastTo(name="repeated", inputs=X, shape=(2, 6, 4, 2)),
    layers.Gather(name="taken", inputs=X, axis=0, indices=(5, 0, 0)),
    layers.Lookup(name="found", inputs=(INPUT, "place"), axis=2),
    layers.DynamicUpdateSlice(name="updated", inputs=(INPUT, "box"), begin=(2, 1, 1)),
    layers.MirrorPad(name="mirror", inputs=X, paddings=((2, 1), (0, 3), (0, 0))),
    layers.ResizeNearestNeighbor(name="larger", inputs=X, size=(12, 5)),
    layers.ResizeBilinear(name="smooth", inputs=X, size=(3, 9), half_pixel_centers=True),
    layers.Softmax(name="chances", inputs=X),
    layers.Relu(name="relu", inputs=X),
    layers.Relu(name="relu6", inputs=X, six=True),
    layers.HardSwish(name="swish", inputs=X),
    layers.Logistic(name="sigmoid", inputs=X),
    layers.Tanh(name="tanh", inputs=X),
    layers.LeakyRelu(name="leaky", inputs=X, alpha=0.125),
    layers.Elu(name="elu", inputs=X),
    layers.Abs(name="magnitude", inputs=X),
    layers.Rsqrt(name="root", inputs=X),
    layers.Quantize(name="codes", inputs=X),
    layers.Dequantize(name="real", inputs=X),
    layers.Conv2D(name="groups", inputs=X, filters=4, kernel=(2, 2), groups=2),
    layers.TransposeConv2D(name="larger", inputs=X, filters=3, kernel=(3, 2), size=(12, 8), stride=(2, 2)),
    layers.LogSoftmax(name="logarithms", inputs=X),
    layers.L2Normalization(name="unit", inputs=X),
    *(layers.NumberFunction(name=f"{of}_of", inputs=("numbers",), of=of) for of in NUMBER_FUNCTIONS),
    layers.BatchMatMul(name="products", inputs=(INPUT, INPUT), transpose_b=True),
    layers.ArgMax(name="place", inputs=X, axis=2),
    layers.ArgMax(name="least_place", inputs=X, axis=0, smallest=True),
    layers.Compare(name="mask", inputs=(INPUT, INPUT), relation="less or equal"),
    *(layers.Compare(name=f"mask{k}", inputs=(INPUT, INPUT), relation=of) for k, of in enumerate(RELATIONS) if k < 5),
    layers.Logical(name="both", inputs=("mask", "mask")),
    layers.Logical(name="either", inputs=("mask", "mask"), either=True),
    layers.LogicalNot(name="other", inputs=("mask",)),
    layers.ReduceAll(name="every", inputs=("mask",), axes=(0, 2)),
    layers.Select(name="chosen", inputs=("mask", INPUT, INPUT)),
    layers.ReadVariable(name="kept", variable="state", shape=SHAPE),
    layers.AssignVariable(name="keep", inputs=X, variable="state"),
    layers.UnidirectionalSequenceLstm(
        name="words",
        inputs=("rows", *("of_rows",) * 4, *("of_last",) * 4, *("offset",) * 4),
        hidden="last",
        cell="cells",
    ),
    layers.Svdf(name="memory", inputs=("flat", "features", "ages", "offset"), rank=2, variable="products"),
    layers.Cast(name="samples", inputs=("flat",), to="int16"),
    layers.SignalWindow(name="frame_of_sound", inputs=("samples", "window"), shift=7),
    layers.SignalFftAutoScale(name="scaled", inputs=("frame_of_sound",), bits="scale_bits"),
    layers.SignalRfft(name="bins", inputs=("scaled",), length=64),
    layers.SignalEnergy(name="energies", inputs=("bins",), start=2, end=30),
    layers.SignalFilterBank(
        name="bands", inputs=("energies", "rising", "falling", "starts", "firsts", "widths"), channels=5
    ),
    layers.SignalFilterBankSquareRoot(name="roots", inputs=("bands", "scale_bits")),
    layers.SignalFilterBankSpectralSubtraction(
        name="clean",
        inputs=("roots",),
        channels=5,
        noise="noise",
        variable="estimates",
        **SMOOTHING,
    ),
    layers.SignalPcan(name="controlled", inputs=("clean", "noise", "gains"), snr_shift=6),
    layers.SignalFilterBankLog(name="levels", inputs=("controlled",), correction_bits=3, scale=64),
)

CONSTANTS = (
    TensorSpec("features", (6, 48), "int8"),
    TensorSpec("ages", (6, 4), "int8"),
    TensorSpec("offset", (3,), "int32"),
    TensorSpec("of_rows", (3, 8), "int8"),
    TensorSpec("of_last", (3, 3), "int8"),
    TensorSpec("window", (48,), "int16"),
    TensorSpec("rising", (28,), "int16"),
    TensorSpec("falling", (28,), "int16"),
    TensorSpec("starts", (6,), "int16"),
    TensorSpec("firsts", (6,), "int16"),
    TensorSpec("widths", (6,), "int16"),
    TensorSpec("gains", (125,), "int16"),
)
"""Constants that some of `LAYERS` read."""


def network_of(layer: Layer) -> Arch:
    """A network whose last layer is one of `LAYERS`, behind those of them that it reads, or that share its variable."""
    match layer:
        case layers.ReadVariable() | layers.AssignVariable():
            others = (
                a for a in LAYERS if isinstance(a, layers.ReadVariable | layers.AssignVariable) and a is not layer
            )
            return Arch(SHAPE, (*others, layer), output_names=("kept",))
    found, read = [layer], set(layer.inputs)
    for before in reversed(LAYERS):
        if before is not layer and read.intersection(before.outputs):
            found.insert(0, before)
            read.update(before.inputs)
    constants = tuple(constant for constant in CONSTANTS if constant.name in read)
    return Arch(SHAPE, tuple(found), constants=constants)
