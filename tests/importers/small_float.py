"""A small float `.tflite` with batch norm that no converter has folded, for the tests of the importers."""

from __future__ import annotations

import numpy as np

from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from tests.support.small_file import FileLayer, FileTensor, constant, small_file

SHAPE = (12, 10, 3)
"""The shape of the network's input."""

_FLOAT = s.TensorType.FLOAT32


def _activation(*shape: int) -> FileTensor:
    return FileTensor((1, *shape), type=_FLOAT)


def _floats(rng: np.random.Generator, *shape: int, half: bool = False, scale: float = 1.0) -> FileTensor:
    values = rng.normal(0, scale, shape).astype(np.float16 if half else np.float32)
    return FileTensor(shape, values)


def small_float_file(seed: int = 0) -> bytes:
    """Returns a file of 10 operators: CONV_2D, MUL, ADD and RELU; DEQUANTIZE of the float16 weights of a
    DEPTHWISE_CONV_2D; MEAN; FULLY_CONNECTED; SOFTMAX; the rest are in front of and behind an ADD of two maps.
    """
    rng = np.random.default_rng(seed)
    slot, deep, dense = s.Conv2DSlot, s.DepthwiseSlot, s.FullyConnectedSlot
    strides = ((slot.STRIDE_W, "int32", 2, 0), (slot.STRIDE_H, "int32", 2, 0))
    tensors = [
        _activation(*SHAPE),  # 0
        _floats(rng, 8, 3, 3, 3, scale=0.3),
        _floats(rng, 8, scale=0.2),
        _activation(6, 5, 8),  # 3: the convolution
        FileTensor((8,), rng.uniform(0.2, 3.0, 8).astype(np.float32)),
        _activation(6, 5, 8),  # 5: scaled
        _floats(rng, 8),
        _activation(6, 5, 8),  # 7: shifted
        _activation(6, 5, 8),  # 8: rectified
        _floats(rng, 1, 3, 3, 8, half=True, scale=0.4),
        FileTensor((1, 3, 3, 8), type=_FLOAT),  # 10: what DEQUANTIZE makes of it
        _floats(rng, 8),
        _activation(6, 5, 8),  # 12: the depthwise convolution
        _activation(6, 5, 8),  # 13: the sum
        constant(1, 2),
        _activation(8),  # 15: the mean
        _floats(rng, 4, 8),
        _floats(rng, 4),
        _activation(4),  # 18
        _activation(4),  # 19
    ]
    layers = [
        FileLayer(Op.CONV_2D, (0, 1, 2), (3,), strides),
        FileLayer(Op.MUL, (3, 4), (5,)),
        FileLayer(Op.ADD, (5, 6), (7,)),
        FileLayer(Op.RELU, (7,), (8,)),
        FileLayer(Op.DEQUANTIZE, (9,), (10,)),
        FileLayer(
            Op.DEPTHWISE_CONV_2D,
            (8, 10, 11),
            (12,),
            (
                (deep.STRIDE_W, "int32", 1, 0),
                (deep.STRIDE_H, "int32", 1, 0),
                (deep.MULTIPLIER, "int32", 1, 0),
                (deep.ACTIVATION, "int8", 3, 0),
            ),
        ),
        FileLayer(Op.ADD, (8, 12), (13,)),
        FileLayer(Op.MEAN, (13, 14), (15,)),
        FileLayer(Op.FULLY_CONNECTED, (15, 16, 17), (18,), ((dense.ACTIVATION, "int8", 0, 0),)),
        FileLayer(Op.SOFTMAX, (18,), (19,), ((s.SoftmaxSlot.BETA, "float32", 1.0, 0.0),)),
    ]
    return small_file(tensors, layers, [0], [19])
