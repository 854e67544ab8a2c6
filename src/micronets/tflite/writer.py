"""`QuantizedModel` -> `.tflite` bytes, lean: what TensorFlow Lite Micro needs and little else.

Where the bytes go (measured on chains of equal layers; `n` outputs of a layer, W bytes of packed weights). Equal
shapes, options, scales, zero points and strings are stored once for all who need them, so that real layers take a little
more where they differ and less where they agree. Weights and biases are never shared: the size follows from the `Arch`.
    the file itself            about 300 bytes, and 20..24 for each kind of operator used
    Conv2D, DepthwiseConv2D    W + 8 n (a scale and a bias each) + 215
    FullyConnected             W + 4 n (+ 4 n with a scale for each output) + 245
    Add, Pad                   110
    other operators            65..75
    metadata                   the text + 40 + the name, each entry
Buffers start at multiples of 16, as the format demands, which costs 8 bytes apiece on average.

What is left out: names of constants, min/max, versions, descriptions, the scale of biases behind per-channel weights,
and zero points of weights but one zero per layer (TFLM then takes that one for every channel).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError, UnsupportedError
from micronets.ir.layers import (
    INPUT,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    Layer,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Shape,
    Softmax,
)
from micronets.quantized.arithmetic import activation_range, bit_range, pack_int4
from micronets.quantized.model import QuantizedModel
from micronets.quantized.validate import validate
from micronets.tflite import schema as s
from micronets.tflite.builder import Field, LeanBuilder


def write(model: QuantizedModel, portable: bool = False) -> bytes:
    """The model as a `.tflite` file, the same bytes for the same model; `read` is the inverse.

    The file runs in TFLM. With `portable` it opens in the full TensorFlow Lite interpreter as well, which wants a zero
    point for every channel (8 bytes more for each output of a layer, once for all layers of that width) and biases
    everywhere, so that a missing one reads back as zeros.

    Raises `SpecError` for an inconsistent model and `UnsupportedError` for one that TFLM cannot run: 4-bit weights of
    a FullyConnected layer with a scale per output, 4-bit outputs that no clamp keeps within 16 codes.
    """
    validate(model)
    _check_four_bits(model)
    return _Writer(model, portable).finish()


def _check_four_bits(model: QuantizedModel) -> None:
    bits = model.arch.bits()
    lo, hi = bit_range(4)
    for layer in model.arch.layers:
        where = f"layer '{layer.name}'"
        if isinstance(layer, FullyConnected) and layer.weight_bits == 4 and len(model.weights[layer.name].scales) > 1:
            raise UnsupportedError(f"{where}: TFLM runs 4-bit FullyConnected weights with one scale only; use one per layer")
        if layer.act_bits == 8:
            continue
        match layer:
            case Conv2D() | DepthwiseConv2D() | FullyConnected() | Add() | AveragePool2D() | MaxPool2D():
                low, high = activation_range(layer.activation, model.quant[layer.name])
            case Mean() | Pad() | Reshape() | Relu() | Quantize() | Softmax() | Dequantize():
                low, high = bit_range(8)
            case _:
                assert_never(layer)
        keeps = isinstance(layer, (AveragePool2D, MaxPool2D, Mean, Pad, Reshape, Quantize, Relu))
        source = layer.inputs[0]
        carried = keeps and bits[source] == 4 and model.quant.get(source) == model.quant[layer.name]
        if not carried and not lo <= low <= high <= hi:
            raise UnsupportedError(
                f"{where}: TFLM has no 4-bit outputs, only clamps: the codes span [{low}, {high}], not [{lo}, {hi}]; "
                "use activation 'relu6' with scale 0.4 and zero point -8, or 8 bits"
            )


@dataclass
class _Writer:
    """One file in the making: tensors and operators are collected first, and written when all are known."""

    model: QuantizedModel
    portable: bool
    file: LeanBuilder = field(default_factory=LeanBuilder)
    buffers: list[bytes] = field(default_factory=lambda: [b""])
    tensors: list[Callable[[], int]] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    constants: dict[tuple[Shape, bytes], int] = field(default_factory=dict)
    codes: list[s.Op] = field(default_factory=list)

    def finish(self) -> bytes:
        arch = self.model.arch
        shapes = arch.shapes()
        self.activation(INPUT, shapes[INPUT])
        operators = [self.operator(layer, shapes) for layer in arch.layers]
        metadata = [self.metadata(name, text) for name, text in _metadata(self.model).items()]
        tensors = self.file.offsets([make() for make in self.tensors])
        slot = s.SubGraphSlot
        graph = self.file.table(
            [
                (slot.TENSORS, "table", tensors, 0),
                (slot.INPUTS, "table", self.file.vector(np.int32, [self.index[INPUT]]), 0),
                (slot.OUTPUTS, "table", self.file.vector(np.int32, [self.index[arch.output]]), 0),
                (slot.OPERATORS, "table", self.file.offsets([make() for make in operators]), 0),
            ]
        )
        top: list[Field] = [
            (s.ModelSlot.VERSION, "uint32", s.VERSION, 0),
            (s.ModelSlot.OPERATOR_CODES, "table", self.file.offsets([self.operator_code(c) for c in self.codes]), 0),
            (s.ModelSlot.SUBGRAPHS, "table", self.file.offsets([graph]), 0),
            (s.ModelSlot.BUFFERS, "table", self.file.offsets([self.file.buffer(b) for b in self.buffers]), 0),
        ]
        if metadata:
            top.append((s.ModelSlot.METADATA, "table", self.file.offsets([make() for make in metadata]), 0))
        return self.file.finish(self.file.table(top))

    # --- tensors ------------------------------------------------------------------------------------------------------

    def add_buffer(self, data: bytes) -> int:
        """Index of a buffer; equal weights or biases are not shared, so that the size follows from the architecture."""
        if not data:
            return 0
        self.buffers.append(data)
        return len(self.buffers) - 1

    def quantization(self, scales: npt.NDArray[np.float32], zero_point: int, dimension: int = 0) -> int:
        slot = s.QuantizationSlot
        zero_points = [zero_point] * (len(scales) if self.portable else 1)
        return self.file.table(
            [
                (slot.SCALE, "table", self.file.vector(np.float32, scales), 0),
                (slot.ZERO_POINT, "table", self.file.vector(np.int64, zero_points), 0),
                (slot.DIMENSION, "int32", dimension, 0),
            ]
        )

    def add_tensor(
        self, shape: Shape, kind: s.TensorType, data: bytes = b"", name: str = "", quant: tuple[Any, int, int] | None = None
    ) -> int:
        buffer = self.add_buffer(data)

        def make() -> int:
            slot = s.TensorSlot
            return self.file.table(
                [
                    (slot.SHAPE, "table", self.file.vector(np.int32, shape), 0),
                    (slot.TYPE, "int8", int(kind), 0),
                    (slot.BUFFER, "uint32", buffer, 0),
                    (slot.NAME, "table", self.file.string(name) if name else 0, 0),
                    (slot.QUANTIZATION, "table", self.quantization(*quant) if quant else 0, 0),
                ]
            )

        self.tensors.append(make)
        return len(self.tensors) - 1

    def activation(self, name: str, shape: Shape) -> int:
        quant = self.model.quant.get(name)
        kind = s.TensorType.FLOAT32 if quant is None else s.TensorType.INT8
        parameters = None if quant is None else (np.array([quant.scale], np.float32), quant.zero_point, 0)
        self.index[name] = self.add_tensor((1, *shape), kind, name=name, quant=parameters)
        return self.index[name]

    def constant(self, values: npt.ArrayLike) -> int:
        """An int32 tensor (axes, paddings), shared by all operators that need the same."""
        array = np.ascontiguousarray(values, np.int32)
        key = (array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = self.add_tensor(array.shape, s.TensorType.INT32, array.tobytes())
        return self.constants[key]

    def parameters(self, layer: Conv2D | DepthwiseConv2D | FullyConnected) -> list[int]:
        """Tensors of a layer's weights and bias."""
        w = self.model.weights[layer.name]
        dimension = 3 if isinstance(layer, DepthwiseConv2D) else 0  # of the outputs
        four = layer.weight_bits == 4
        data = pack_int4(w.weights) if four else w.weights.tobytes()
        kind = s.TensorType.INT4 if four else s.TensorType.INT8
        tensors = [self.add_tensor(w.weights.shape, kind, data, quant=(w.scales, 0, dimension))]
        bias = np.zeros(w.weights.shape[dimension], np.int32) if w.bias is None and self.portable else w.bias
        if bias is not None:
            # FullyConnected alone compares the bias's scale with the product of the others.
            x = self.model.quant[layer.inputs[0]]
            scale = np.float32(x.scale) * w.scales
            quant = (scale, 0, 0) if isinstance(layer, FullyConnected) else None
            tensors.append(self.add_tensor(bias.shape, s.TensorType.INT32, bias.tobytes(), quant=quant))
        return tensors

    # --- operators ----------------------------------------------------------------------------------------------------

    def operator(self, layer: Layer, shapes: Mapping[str, Shape]) -> Callable[[], int]:
        inputs = [self.index[i] for i in layer.inputs]
        options: list[Field] = []
        code = s.OPS[type(layer)]
        match layer:
            case Conv2D() | DepthwiseConv2D():
                inputs += self.parameters(layer)
                options = _window_options(layer)
            case FullyConnected():
                inputs += self.parameters(layer)
                options = [(s.FullyConnectedSlot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0)]
            case AveragePool2D() | MaxPool2D():
                options = _pool_options(layer)
            case Mean():
                inputs.append(self.constant([1, 2]))
                options = [(s.ReducerSlot.KEEP_DIMS, "bool", layer.keep_dims, False)]
            case Pad():
                inputs.append(self.constant([(0, 0), *layer.paddings]))
            case Reshape():
                shape = self.file.vector(np.int32, (1, *layer.shape))
                options = [(s.ReshapeSlot.NEW_SHAPE, "table", shape, 0)]
            case Softmax():
                options = [(s.SoftmaxSlot.BETA, "float32", layer.beta, 0.0)]
            case Add():
                options = [(s.AddSlot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0)]
            case Relu():
                code = s.Op.RELU6 if layer.six else s.Op.RELU
            case Quantize() | Dequantize():
                pass
            case _:
                assert_never(layer)
        output = self.activation(layer.name, shapes[layer.name])
        if code not in self.codes:
            self.codes.append(code)

        def make() -> int:
            slot = s.OperatorSlot
            fields: list[Field] = [
                (slot.CODE_INDEX, "uint32", self.codes.index(code), 0),
                (slot.INPUTS, "table", self.file.vector(np.int32, inputs), 0),
                (slot.OUTPUTS, "table", self.file.vector(np.int32, [output]), 0),
            ]
            if code in s.OPTIONS:
                fields.append((slot.OPTIONS_TYPE, "int8", s.OPTIONS[code], 0))
                fields.append((slot.OPTIONS, "table", self.file.table(options), 0))
            return self.file.table(fields)

        return make

    def operator_code(self, code: s.Op) -> int:
        slot = s.OperatorCodeSlot
        return self.file.table([(slot.DEPRECATED_CODE, "int8", int(code), 0), (slot.CODE, "int32", int(code), 0)])

    def metadata(self, name: str, text: str) -> Callable[[], int]:
        buffer = self.add_buffer(text.encode())
        slot = s.MetadataSlot
        return lambda: self.file.table([(slot.NAME, "table", self.file.string(name), 0), (slot.BUFFER, "uint32", buffer, 0)])


def _window_options(layer: Conv2D | DepthwiseConv2D) -> list[Field]:
    slot: Any = s.Conv2DSlot if isinstance(layer, Conv2D) else s.DepthwiseSlot
    fields: list[Field] = [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
        (slot.DILATION_W, "int32", layer.dilation[1], 1),
        (slot.DILATION_H, "int32", layer.dilation[0], 1),
    ]
    if isinstance(layer, DepthwiseConv2D):
        fields.append((s.DepthwiseSlot.MULTIPLIER, "int32", layer.multiplier, 0))
    return fields


def _pool_options(layer: AveragePool2D | MaxPool2D) -> list[Field]:
    slot = s.PoolSlot
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.FILTER_W, "int32", layer.pool[1], 0),
        (slot.FILTER_H, "int32", layer.pool[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
    ]


def _metadata(model: QuantizedModel) -> dict[str, str]:
    for name, text in model.metadata.items():
        if name in s.RESERVED_METADATA or not name or not text or "\0" in name + text:
            raise SpecError(f"metadata '{name}': the name is reserved, or name or text is empty or holds a NUL")
    four = [name for name, bits in model.arch.bits().items() if bits == 4]
    return dict(model.metadata) | ({s.BITS_METADATA: json.dumps(four)} if four else {})
