"""One layer of each kind, in all the forms that are operators of their own in a file."""

from micronets.ir.arch import Arch
from micronets.ir.layers import (
    INPUT,
    Abs,
    Add,
    ArgMax,
    AssignVariable,
    AveragePool2D,
    BatchMatMul,
    Cast,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    Elu,
    ExpandDims,
    FullyConnected,
    Gather,
    HardSwish,
    Layer,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    MirrorPad,
    Mul,
    Pack,
    Pad,
    Prelu,
    Quantize,
    ReadVariable,
    ReduceMax,
    ReduceMin,
    Relu,
    Reshape,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Rsqrt,
    Slice,
    Softmax,
    Split,
    SquaredDifference,
    Squeeze,
    StridedSlice,
    Sub,
    Sum,
    Svdf,
    Tanh,
    TensorSpec,
    Transpose,
    TransposeConv2D,
    Unpack,
)

X = (INPUT,)

SHAPE = (6, 4, 2)
"""An input that all of `LAYERS` take, or those that they read."""

LAYERS: tuple[Layer, ...] = (
    Conv2D(name="conv", inputs=X, filters=3, kernel=(3, 3), stride=(2, 1), activation="relu6"),
    DepthwiseConv2D(name="depthwise", inputs=X, kernel=(3, 1), multiplier=2, weight_bits=4),
    FullyConnected(name="dense", inputs=X, units=5, activation="relu"),
    FullyConnected(name="vectors", inputs=X, units=4, keep_dims=True),
    AveragePool2D(name="average", inputs=X, pool=(2, 2), stride=(2, 2)),
    MaxPool2D(name="maximum", inputs=X, pool=(3, 2), stride=(1, 2), padding="same"),
    Mean(name="mean", inputs=X),
    Sum(name="total", inputs=X, axes=(0, 2)),
    ReduceMax(name="largest", inputs=X, axes=(0, 1)),
    ReduceMin(name="least", inputs=X, axes=(2,), keep_dims=True),
    Add(name="sum", inputs=(INPUT, INPUT)),
    Mul(name="product", inputs=(INPUT, INPUT)),
    Sub(name="difference", inputs=(INPUT, INPUT)),
    Minimum(name="smaller", inputs=(INPUT, INPUT)),
    Maximum(name="larger", inputs=(INPUT, INPUT)),
    SquaredDifference(name="distance", inputs=(INPUT, INPUT)),
    Prelu(name="bent", inputs=(INPUT, INPUT)),
    Cast(name="numbers", inputs=X, to="float32"),
    Concatenation(name="joined", inputs=(INPUT, INPUT, INPUT), axis=1),
    Split(name="half", inputs=X, axis=1, others=("other_half",)),
    Pad(name="frame", inputs=X, paddings=((1, 0), (2, 2), (0, 0))),
    Pad(name="coloured", inputs=X, paddings=((1, 0), (2, 2), (0, 0)), value=7),
    Reshape(name="flat", inputs=X, shape=(48,)),
    ExpandDims(name="more", inputs=X, axis=1),
    Squeeze(name="fewer", inputs=("more",), axes=(1,)),
    Transpose(name="turned", inputs=X, permutation=(2, 0, 1)),
    Slice(name="box", inputs=X, begin=(1, 0, 0), size=(4, 3, 1)),
    StridedSlice(name="steps", inputs=X, begin=(5, 1, 0), size=(3, 1, 2), strides=(-2, 1, 1), shrink=(1,)),
    Pack(name="packed", inputs=(INPUT, INPUT), axis=2),
    Unpack(name="first", inputs=X, axis=2, others=("second",)),
    Split(name="short", inputs=X, axis=0, others=("long",), sizes=(2, 4)),
    Gather(name="taken", inputs=X, axis=0, indices=(5, 0, 0)),
    MirrorPad(name="mirror", inputs=X, paddings=((2, 1), (0, 3), (0, 0))),
    ResizeNearestNeighbor(name="larger", inputs=X, size=(12, 5)),
    ResizeBilinear(name="smooth", inputs=X, size=(3, 9), half_pixel_centers=True),
    Softmax(name="chances", inputs=X),
    Relu(name="relu", inputs=X),
    Relu(name="relu6", inputs=X, six=True),
    HardSwish(name="swish", inputs=X),
    Logistic(name="sigmoid", inputs=X),
    Tanh(name="tanh", inputs=X),
    LeakyRelu(name="leaky", inputs=X, alpha=0.125),
    Elu(name="elu", inputs=X),
    Abs(name="magnitude", inputs=X),
    Rsqrt(name="root", inputs=X),
    Quantize(name="codes", inputs=X),
    Dequantize(name="real", inputs=X),
    Conv2D(name="groups", inputs=X, filters=4, kernel=(2, 2), groups=2),
    TransposeConv2D(name="larger", inputs=X, filters=3, kernel=(3, 2), size=(12, 8), stride=(2, 2)),
    LogSoftmax(name="logarithms", inputs=X),
    BatchMatMul(name="products", inputs=(INPUT, INPUT), transpose_b=True),
    ArgMax(name="place", inputs=X, axis=2),
    ArgMax(name="least_place", inputs=X, axis=0, smallest=True),
    ReadVariable(name="kept", variable="state", shape=SHAPE),
    AssignVariable(name="keep", inputs=X, variable="state"),
    Svdf(name="memory", inputs=("flat", "features", "ages", "offset"), rank=2, variable="products"),
)

CONSTANTS = (
    TensorSpec("features", (6, 48), "int8"),
    TensorSpec("ages", (6, 4), "int8"),
    TensorSpec("offset", (3,), "int32"),
)
"""Constants that some of `LAYERS` read."""


def network_of(layer: Layer) -> Arch:
    """A network whose last layer is one of `LAYERS`, behind those of them that it reads, or that share its variable."""
    match layer:
        case ReadVariable() | AssignVariable():
            others = (a for a in LAYERS if isinstance(a, ReadVariable | AssignVariable) and a is not layer)
            return Arch(SHAPE, (*others, layer), output_names=("kept",))
    constants = tuple(constant for constant in CONSTANTS if constant.name in layer.inputs)
    return Arch(SHAPE, (*(before for before in LAYERS if before.name in layer.inputs), layer), constants=constants)
