"""The kernels of layers that read numbers, int32 or float32, and compute with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from micronets.compiler.kernels.base import (
    Argument,
    Call,
    ConstantOperand,
    Element,
    LayerCode,
    Name,
    Overlap,
    Place,
    Real,
    WholeKernel,
)
from micronets.compiler.kernels.binary import BinaryKernel, loops
from micronets.compiler.kernels.reduction import ReductionKernel
from micronets.ir import layers
from micronets.ir.layers import Binary
from micronets.quantized.model import QuantizedModel
from micronets.quantized.numbers import FLOAT_LIMITS, FloatFunction

BINARY_WHOLE = "micronets_binary_s32"
BINARY_FLOAT = "micronets_binary_f32"
FUNCTION = "micronets_function_f32"
UNARY = "micronets_unary_f32"
REDUCE = "micronets_reduce_f32"
SOFTMAX_F32 = "micronets_softmax_f32"

_OPERATIONS: Mapping[type[Binary], str] = {
    layers.Add: "SUM",
    layers.Sub: "DIFFERENCE",
    layers.Mul: "PRODUCT",
    layers.Div: "QUOTIENT",
    layers.Minimum: "SMALLER",
    layers.Maximum: "LARGER",
    layers.SquaredDifference: "SQUARED_DIFFERENCE",
    layers.Prelu: "PRELU",
}


@dataclass(frozen=True)
class NumberBinaryKernel(BinaryKernel):
    """Two tensors of numbers combined value by value; one of them may be a constant."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the loops and the operation and, for floats, the limits of the fused activation."""
        layer, step = self.layer, self.step
        whole = step.output_type == "int32"
        ctype: Element = "int32_t" if whole else "float"
        first, second = (
            ConstantOperand(place.table(ctype, f"operand_{letter}", model.constants[name]))
            if fixed
            else place.pointer(name, f"const {ctype}")
            for name, fixed, letter in zip(layer.inputs, step.constants, "ab", strict=True)
        )
        limits: dict[str, Argument] = {}
        if not whole:
            low, high = FLOAT_LIMITS[step.operator.activation or "none"]
            limits = {"lowest": Real(low), "highest": Real(high)}
        function = BINARY_WHOLE if whole else BINARY_FLOAT
        call = Call.of(
            function,
            a=first,
            b=second,
            output=place.pointer(layer.name, ctype),
            shape=loops(step),
            operation=Name(f"MICRONETS_{_OPERATIONS[type(layer)]}", "micronets_operation"),
            **limits,
        )
        return LayerCode(call, (function,))


@dataclass(frozen=True)
class FloatFunctionKernel(WholeKernel):
    """A function of single float32 values."""

    layer: FloatFunction

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input."""
        return Overlap(0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the function and its slope below 0, where it has one."""
        layer, slope = self.layer, 0.0
        match layer:
            case layers.Relu():
                name = "RELU6" if layer.six else "RELU"
            case layers.LeakyRelu():
                name, slope = "LEAKY_RELU", layer.alpha
            case layers.Logistic():
                name = "LOGISTIC"
            case layers.Abs():
                name = "ABS"
            case layers.HardSwish():
                name = "HARD_SWISH"
            case layers.Rsqrt():
                return self._unary("ROOT_RECIPROCAL", place)
            case layers.NumberFunction():
                return self._unary(layer.of.upper(), place)
            case _:
                assert_never(layer)
        call = Call.of(
            FUNCTION,
            input=place.pointer(layer.inputs[0], "const float"),
            output=place.pointer(layer.name, "float"),
            count=math.prod(self.step.output_shape),
            kind=Name(f"MICRONETS_{name}", "micronets_function"),
            slope=Real(slope),
        )
        return LayerCode(call, (FUNCTION,))

    def _unary(self, name: str, place: Place) -> LayerCode:
        """Returns a call of the kernel that has the functions without parameters."""
        call = Call.of(
            UNARY,
            input=place.pointer(self.layer.inputs[0], "const float"),
            output=place.pointer(self.layer.name, "float"),
            count=math.prod(self.step.output_shape),
            kind=Name(f"MICRONETS_{name}", "micronets_number_function"),
        )
        return LayerCode(call, (UNARY,))


@dataclass(frozen=True)
class FloatReductionKernel(ReductionKernel):
    """A sum, mean, maximum or minimum of float32 values over some dimensions."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the dimensions, what is computed over them, and what the result is divided by."""
        layer, shape, divisor = self.layer, self.step.input_shapes[0], 1.0
        match layer:
            case layers.Mean():
                operation, divisor = "SUM", float(math.prod(shape[axis] for axis in layer.axes))
            case layers.Sum():
                operation = "SUM"
            case layers.ReduceMax():
                operation = "LARGER"
            case layers.ReduceMin():
                operation = "SMALLER"
            case layers.ReduceAll():
                raise AssertionError("a ReduceAll reads truth values alone")
            case _:
                assert_never(layer)
        call = Call.of(
            REDUCE,
            input=place.pointer(layer.inputs[0], "const float"),
            output=place.pointer(layer.name, "float"),
            dimensions=self.dimensions(),
            operation=Name(f"MICRONETS_{operation}", "micronets_operation"),
            divisor=Real(divisor),
        )
        return LayerCode(call, (REDUCE,))


@dataclass(frozen=True)
class FloatSoftmaxKernel(WholeKernel):
    """A softmax over the last dimension of float32 values."""

    layer: layers.Softmax

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input."""
        return Overlap(0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes and the factor."""
        layer, (*rows, columns) = self.layer, self.step.output_shape
        call = Call.of(
            SOFTMAX_F32,
            input=place.pointer(layer.inputs[0], "const float"),
            output=place.pointer(layer.name, "float"),
            rows=math.prod(rows),
            columns=columns,
            beta=Real(layer.beta),
        )
        return LayerCode(call, (SOFTMAX_F32,))
