"""The kernels of layers that read int16 activations; weights are int8."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import (
    SIZE_LIMIT,
    Argument,
    Call,
    ConstantOperand,
    FlashOutline,
    Kernel,
    LayerCode,
    Name,
    Overlap,
    Place,
    Struct,
    Value,
    WholeKernel,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.batch_matmul import REQUANT_S16
from micronets.compiler.kernels.binary import BinaryKernel, loops, rescales
from micronets.compiler.kernels.lookup import value_overlap
from micronets.compiler.kernels.reduction import ReductionKernel
from micronets.compiler.kernels.requantise import shiftable
from micronets.compiler.kernels.transpose_conv import transposed_sizes
from micronets.compiler.kernels.window import WINDOW, sizes_struct, window_overlap, window_struct
from micronets.cost.tflm_plan import align
from micronets.errors import UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Step
from micronets.ir.layers import Binary, Weighted
from micronets.ir.window import Window
from micronets.quantized.arithmetic import (
    IntArray,
    activation_range,
    conv_rescale,
    mean_rescale,
    quantize_multiplier,
    reduced_multiplier,
    rescale,
)
from micronets.quantized.int16 import (
    exponential_table,
    int16_softmax_factor,
    logistic_factor,
    reciprocal_table,
    tanh_factor,
)
from micronets.quantized.model import QuantizedModel
from micronets.quantized.products import wide_sums
from micronets.quantized.unary import magnitude_rescale, root_rescale, slope_below_zero

CONV_S16 = "micronets_conv_s16"
DEPTHWISE_S16 = "micronets_depthwise_s16"
TRANSPOSE_CONV_S16 = "micronets_transpose_conv_s16"
BINARY_S16 = "micronets_binary_s16"
AVERAGE_POOL_S16 = "micronets_average_pool_s16"
MAX_POOL_S16 = "micronets_max_pool_s16"
REDUCE_SUM_S16 = "micronets_reduce_sum_s16"
SOFTMAX_OF_S16 = "micronets_softmax_of_s16"
SIGMOID = "micronets_sigmoid_s16"
RECTIFY = "micronets_rectify_s16"
CLAMP = "micronets_clamp_s16"
ABS_S16 = "micronets_abs_s16"
RSQRT_S16 = "micronets_rsqrt_s16"
OPERANDS_S16 = "micronets_operands_s16"
ROW_S16 = "micronets_row_s16 *"

IN, OUT = "const int16_t", "int16_t"
_MOST_SUMMED = 65535  # the sum of this many 16-bit codes fits 32 bits


def weights_by4(rows: npt.NDArray[np.int8], groups: int) -> npt.NDArray[np.int8]:
    """Returns weights in the order of micronets_products_s16.h, filled up to multiples of four.

    - rows: weights `[filters, values of a window]`.
    - groups: how many groups the filters form.
    """
    filters, size = len(rows) // groups, rows.shape[1]
    whole = np.zeros((groups, align(filters, 4), align(size, 4)), np.int8)
    whole[:, :filters, :size] = rows.reshape(groups, filters, size)
    blocks = whole.reshape(groups, -1, 4, whole.shape[2] // 4, 4).swapaxes(2, 3)
    return np.ascontiguousarray(blocks[..., [0, 2, 1, 3]])


def _lie_together(step: Step, window: Window) -> bool:
    """Returns whether the values of every window of a map lie next to each other, by the rule of
    micronets_conv_s16.c."""
    x, y = step.input_shapes[0], step.output_shape
    reached = tuple((y[axis] - 1) * window.stride[axis] + window.kernel[axis] for axis in (0, 1))
    inside = window.before(x) == (0, 0) and reached[0] <= x[0] and reached[1] <= x[1]
    return inside and window.dilation == (1, 1) and (window.kernel[0] == 1 or window.kernel[1] == x[1])


@dataclass(frozen=True)
class Int16ProductsKernel(Kernel):
    """A convolution, in groups or depthwise, or a matrix product, which is a convolution of 1 x 1."""

    layer: layers.Conv2D | layers.DepthwiseConv2D | layers.FullyConnected

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the values of a window of one group; 0 where the kernel multiplies them where they lie."""
        if isinstance(self.layer, layers.DepthwiseConv2D):
            return 0
        sizes, (step, window) = self.step.weights, self._as_convolution
        assert sizes is not None
        together = self._groups == 1 and int(sizes.taps) % 4 == 0 and _lie_together(step, window)
        return 0 if together else 2 * align(int(sizes.taps), 4)

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite input that no later window reads."""
        step, window = self._as_convolution
        below = window_overlap(step, window, by_channel=False).below
        return Overlap(None if below is None else 2 * below)

    @property
    def row_reach(self) -> None:
        """None: the layer runs whole."""

    @property
    def _as_convolution(self) -> tuple[Step, Window]:
        """The step with maps as input and output, and the window that slides over the input."""
        step, layer = self.step, self.layer
        if not isinstance(layer, layers.FullyConnected):
            return step, layer.window
        assert step.weights is not None
        size, units = int(step.weights.taps), layer.units
        vectors = math.prod(step.input_shapes[0]) // size
        return replace(step, input_shapes=((vectors, 1, size),), output_shapes=((vectors, 1, units),)), Window((1, 1))

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what the call takes of flash."""
        sizes = self.step.weights
        assert sizes is not None
        taps, channels = int(sizes.taps), int(sizes.channels)
        depthwise, groups = isinstance(self.layer, layers.DepthwiseConv2D), self._groups
        weights = taps * channels if depthwise else align(taps, 4) * groups * align(channels // groups, 4)
        tables = weights + 4 * channels + 8 * int(sizes.scales)
        record = record_bytes(4 if depthwise else 5, WINDOW, REQUANT_S16)
        return FlashOutline(tables + record, runner_of(self._function), (self._function,), -weights % 4)

    @property
    def _groups(self) -> int:
        """The number of groups of channels; each filter reads one group."""
        return self.layer.groups if isinstance(self.layer, layers.Conv2D) else 1

    @property
    def _function(self) -> str:
        """The C function that computes the layer."""
        return DEPTHWISE_S16 if isinstance(self.layer, layers.DepthwiseConv2D) else CONV_S16

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the window and the requantisation."""
        layer, (step, window) = self.layer, self._as_convolution
        weights, requant = model.weights[layer.name].weights, _requantisation(model, layer, place)
        ends = {"input": place.pointer(layer.inputs[0], IN), "output": place.pointer(layer.name, OUT)}
        sizes = window_struct(step, place, window)
        if isinstance(layer, layers.DepthwiseConv2D):
            table = place.table("int8_t", "weights", weights)
            call = Call.of(
                DEPTHWISE_S16, **ends, weights=table, window=sizes, multiplier=layer.multiplier, requant=requant
            )
            return LayerCode(call, (DEPTHWISE_S16,))
        call = Call.of(
            CONV_S16,
            **ends,
            weights=place.table("int8_t", "weights", weights_by4(weights.reshape(len(weights), -1), self._groups)),
            scratch=place.scratch(layer.name, "int16_t"),
            window=sizes,
            groups=self._groups,
            requant=requant,
        )
        return LayerCode(call, (CONV_S16,))


def _requantisation(model: QuantizedModel, layer: Weighted, place: Place) -> Struct:
    """Returns biases, scales and limits of the output."""
    w, source, target = model.weights[layer.name], model.quant[layer.inputs[0]], model.quant[layer.name]
    multiplier, shift = conv_rescale(source, w.scales, target)
    wide = wide_sums(w, "int16")
    multiplier, shift = reduced_multiplier(multiplier, shift) if wide else shiftable(multiplier, shift)
    bias: Value = 0
    high: Value = 0
    if w.bias is not None:
        values = w.bias.astype(np.int64)
        bias = place.table("int32_t", "bias", values.astype(np.int32))
        if np.any(values != values.astype(np.int32)):
            high = place.table("int32_t", "bias_high", values >> 32)
    lowest, highest = activation_range(layer.activation, target, "int16")
    fields: tuple[tuple[str, Value], ...] = (
        ("bias", bias),
        ("bias_high", high),
        ("multiplier", place.table("int32_t", "multiplier", np.append(multiplier, shift))),
        ("lowest", lowest),
        ("highest", highest),
        ("scales", place.size(multiplier.size)),
        ("long_sums", int(wide)),
    )
    return Struct(REQUANT_S16, fields)


@dataclass(frozen=True)
class Int16TransposeConvKernel(WholeKernel):
    """A transposed convolution: each output value sums the products of all input pixels whose window covers it.

    The output is the larger map, and how many input rows an output row needs differs from row to row.
    """

    layer: layers.TransposeConv2D

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what the call takes of flash."""
        sizes = self.step.weights
        assert sizes is not None
        weights, channels = int(sizes.taps) * int(sizes.channels), int(sizes.channels)
        tables = weights + 4 * channels + 8 * int(sizes.scales)
        constants = tables + record_bytes(3, WINDOW, REQUANT_S16)
        return FlashOutline(constants, runner_of(TRANSPOSE_CONV_S16), (TRANSPOSE_CONV_S16,), -weights % 4)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the window of the convolution whose transposition it is."""
        layer, x = self.layer, self.step.input_shapes[0]
        call = Call.of(
            TRANSPOSE_CONV_S16,
            input=place.pointer(layer.inputs[0], IN),
            output=place.pointer(layer.name, OUT),
            weights=place.table("int8_t", "weights", model.weights[layer.name].weights),
            window=sizes_struct(place, transposed_sizes(layer, x), 0, by_rows=False),
            requant=_requantisation(model, layer, place),
        )
        return LayerCode(call, (TRANSPOSE_CONV_S16,))


@dataclass(frozen=True)
class Int16BinaryKernel(BinaryKernel):
    """Two tensors combined value by value; one of them may be a constant."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the loops and the factors. Raises `UnsupportedError` for slopes that are computed."""
        layer, step = self.layer, self.step
        if isinstance(layer, layers.Prelu) and not step.constants[1]:
            raise UnsupportedError(f"layer '{layer.name}': computes the slopes of a Prelu of int16; make them constant")
        first, second = (
            ConstantOperand(place.table("int16_t", f"operand_{letter}", _operand(model, name)))
            if fixed
            else place.pointer(name, IN)
            for name, fixed, letter in zip(layer.inputs, step.constants, "ab", strict=True)
        )
        a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
        factors = [shiftable(*scale) for scale in rescales(layer, a, b, target, "int16")]
        low, high = activation_range(step.operator.activation or "none", target, "int16")
        names = zip(("a", "b", "result"), ((int(m), int(s)) for m, s in factors), strict=True)
        row = _row_function(layer)
        call = Call.of(
            BINARY_S16,
            a=first,
            b=second,
            output=place.pointer(layer.name, OUT),
            shape=loops(step),
            operands=Struct(OPERANDS_S16, (*names, ("lowest", low), ("highest", high))),
            row=Name(row, ROW_S16),
        )
        return LayerCode(call, (BINARY_S16, row))


def _operand(model: QuantizedModel, name: str) -> npt.NDArray[np.int16]:
    """Returns a constant of int16, or one of int8 less its zero point."""
    return np.asarray(model.constants[name], np.int16) - np.int16(model.quant[name].zero_point)


def _row_function(layer: Binary) -> str:
    """Returns the C function that computes a row of values."""
    match layer:
        case layers.Add():
            return "micronets_row_add_s16"
        case layers.Sub():
            return "micronets_row_sub_s16"
        case layers.Mul():
            return "micronets_row_mul_s16"
        case layers.Minimum():
            return "micronets_row_minimum_s16"
        case layers.Maximum():
            return "micronets_row_maximum_s16"
        case layers.SquaredDifference():
            return "micronets_row_squared_difference_s16"
        case layers.Div():
            raise AssertionError("a Div reads numbers alone")
        case layers.Prelu():
            return "micronets_row_prelu_s16"
        case _:
            assert_never(layer)


@dataclass(frozen=True)
class Int16PoolKernel(WholeKernel):
    """An average or maximum over windows."""

    layer: layers.AveragePool2D | layers.MaxPool2D

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite input that no later window reads."""
        below = window_overlap(self.step, self.layer.window, by_channel=True).below
        return Overlap(None if below is None else 2 * below)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the window and the clamp. Raises `UnsupportedError` for a window of too many values."""
        layer = self.layer
        if math.prod(layer.pool) > _MOST_SUMMED:
            raise UnsupportedError(f"layer '{layer.name}': windows of {layer.pool}; at most {_MOST_SUMMED} values fit")
        function = AVERAGE_POOL_S16 if isinstance(layer, layers.AveragePool2D) else MAX_POOL_S16
        low, high = activation_range(layer.activation, model.quant[layer.name], "int16")
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0], IN),
            output=place.pointer(layer.name, OUT),
            window=window_struct(self.step, place, layer.window),
            lowest=low,
            highest=high,
        )
        return LayerCode(call, (function,))


@dataclass(frozen=True)
class Int16ReductionKernel(ReductionKernel):
    """A sum or a mean over some dimensions."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the dimensions and the scale. Raises `UnsupportedError` for sums of too many values."""
        layer, shape = self.layer, self.step.input_shapes[0]
        assert isinstance(layer, layers.Mean | layers.Sum)
        source, target = model.quant[layer.inputs[0]], model.quant[layer.name]
        count = math.prod(shape[axis] for axis in layer.axes)
        if count > _MOST_SUMMED:
            raise UnsupportedError(f"layer '{layer.name}': sums of {count} values; at most {_MOST_SUMMED} fit 32 bits")
        scale = mean_rescale(count, source, target) if isinstance(layer, layers.Mean) else rescale(source, target)
        multiplier, shift = (int(v) for v in shiftable(*(np.asarray(v) for v in scale)))
        call = Call.of(
            REDUCE_SUM_S16,
            input=place.pointer(layer.inputs[0], IN),
            output=place.pointer(layer.name, OUT),
            dimensions=self.dimensions(),
            multiplier=multiplier,
            shift=shift,
        )
        return LayerCode(call, (REDUCE_SUM_S16,))


@dataclass(frozen=True)
class Int16FunctionKernel(WholeKernel):
    """A function of single codes."""

    layer: layers.Logistic | layers.Tanh | layers.Relu | layers.LeakyRelu | layers.Abs | layers.Rsqrt

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input."""
        return value_overlap(self.step)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the factors or the limits of the function."""
        layer = self.layer
        source, target = model.quant[layer.inputs[0]], model.quant[layer.name]
        function, numbers = RECTIFY, dict[str, Argument]()
        match layer:
            case layers.Logistic() | layers.Tanh():
                tanh = isinstance(layer, layers.Tanh)
                multiplier, shift = (tanh_factor if tanh else logistic_factor)(source)
                function, numbers = SIGMOID, {"multiplier": multiplier, "shift": shift, "tanh": int(tanh)}
            case layers.Relu(six=True):
                low, high = activation_range("relu6", source, "int16")
                function, numbers = CLAMP, {"lowest": low, "highest": high}
            case layers.Relu():
                numbers = _slopes(rescale(source, target), 0.0)
            case layers.LeakyRelu():
                numbers = _slopes(rescale(source, target), slope_below_zero(layer.alpha, source, target))
            case layers.Abs() | layers.Rsqrt():
                of_root = isinstance(layer, layers.Rsqrt)
                factor = root_rescale(source, target) if of_root else magnitude_rescale(source, target)
                multiplier, shift = (int(v) for v in shiftable(*factor))
                function, numbers = RSQRT_S16 if of_root else ABS_S16, {"multiplier": multiplier, "shift": shift}
            case _:
                assert_never(layer)
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0], IN),
            output=place.pointer(layer.name, OUT),
            count=math.prod(self.step.output_shape),
            **numbers,
        )
        return LayerCode(call, (function,))


def _slopes(above: tuple[IntArray, IntArray], below: float) -> dict[str, Argument]:
    """Returns the factors of a rectifier: multiplier and shift above 0, and the real factor below 0."""
    multiplier, shift = (int(v) for v in shiftable(*above))
    slope, slope_shift = (int(v) for v in shiftable(*quantize_multiplier(abs(below))))
    return {
        "multiplier": multiplier,
        "shift": shift,
        "slope": slope,
        "slope_shift": slope_shift,
        "negative": int(below < 0),
    }


@dataclass(frozen=True)
class Int16SoftmaxKernel(WholeKernel):
    """A softmax over the last dimension."""

    layer: layers.Softmax

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input: a row's largest code is found before the first output is written."""
        return Overlap(0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with both tables. Raises `UnsupportedError` for rows of too many values."""
        layer, (*rows, columns) = self.layer, self.step.output_shape
        if columns > SIZE_LIMIT:
            sizes = f"softmax of {columns} values; at most {SIZE_LIMIT} are supported"
            raise UnsupportedError(f"layer '{layer.name}': {sizes}")
        multiplier, shift = int16_softmax_factor(layer.beta, model.quant[layer.inputs[0]])
        call = Call.of(
            SOFTMAX_OF_S16,
            input=place.pointer(layer.inputs[0], IN),
            output=place.pointer(layer.name, OUT),
            exponentials=place.table("int16_t", "exponentials", exponential_table()),
            reciprocals=place.table("int16_t", "reciprocals", reciprocal_table()),
            rows=math.prod(rows),
            columns=columns,
            multiplier=multiplier,
            shift=shift,
        )
        return LayerCode(call, (SOFTMAX_OF_S16,))
