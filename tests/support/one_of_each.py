"""One layer of each kind, in all the forms that are operators of their own in a file."""

from micronets.ir.layers import (
    INPUT,
    Abs,
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    Elu,
    FullyConnected,
    HardSwish,
    Layer,
    LeakyRelu,
    Logistic,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Rsqrt,
    Softmax,
    Split,
    Tanh,
)

X = (INPUT,)

SHAPE = (6, 4, 2)
"""An input that all of `LAYERS` take."""

LAYERS: tuple[Layer, ...] = (
    Conv2D(name="conv", inputs=X, filters=3, kernel=(3, 3), stride=(2, 1), activation="relu6"),
    DepthwiseConv2D(name="depthwise", inputs=X, kernel=(3, 1), multiplier=2, weight_bits=4),
    FullyConnected(name="dense", inputs=X, units=5, activation="relu"),
    FullyConnected(name="vectors", inputs=X, units=4, keep_dims=True),
    AveragePool2D(name="average", inputs=X, pool=(2, 2), stride=(2, 2)),
    MaxPool2D(name="maximum", inputs=X, pool=(3, 2), stride=(1, 2), padding="same"),
    Mean(name="mean", inputs=X),
    Add(name="sum", inputs=(INPUT, INPUT)),
    Concatenation(name="joined", inputs=(INPUT, INPUT, INPUT), axis=1),
    Split(name="half", inputs=X, axis=1, others=("other_half",)),
    Pad(name="frame", inputs=X, paddings=((1, 0), (2, 2), (0, 0))),
    Reshape(name="flat", inputs=X, shape=(48,)),
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
)
