"""Products of matrices of two tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import (
    Call,
    ConstantOperand,
    Element,
    LayerCode,
    Place,
    Struct,
    Value,
    WholeKernel,
)
from micronets.compiler.kernels.requantise import SUM_LIMIT, RequantNumbers, requantisation_of
from micronets.errors import UnsupportedError
from micronets.ir.layers import BatchMatMul, Shape
from micronets.ir.ops.batch_matmul import matrix
from micronets.ir.types import code_range
from micronets.quantized.arithmetic import IntArray, product_rescale, reduced_multiplier
from micronets.quantized.model import QuantizedModel

BATCH_MATMUL = "micronets_batch_matmul"
BATCH_MATMUL_S16 = "micronets_batch_matmul_s16"
MATRICES = "micronets_matrices"
REQUANT_S16 = "micronets_requant_s16"
_MOST_WIDE_PRODUCTS = (1 << 17) - 1  # of codes of 16 bits
_FACTORS = 255 * 255  # the largest product of two codes less their zero points


@dataclass(frozen=True)
class BatchMatMulKernel(WholeKernel):
    """The product of each matrix of one tensor with one of the other, either of which may be transposed.

    Values of an input are read again for other outputs, and every output row needs a whole matrix.
    """

    layer: BatchMatMul

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes, and with a table of where the matrices of each batch begin."""
        layer = self.layer
        a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
        if self._depth * _FACTORS >= SUM_LIMIT:
            raise UnsupportedError(f"layer '{layer.name}': sums of {self._depth} products may not fit 32 bits")
        multiplier, shift = product_rescale(a, b, target)
        limits = code_range(self.step.output_type)
        requant = requantisation_of(place, RequantNumbers.of_one(0, multiplier, shift, limits, target))
        call = self._call(BATCH_MATMUL, "int8_t", model, place, requant.struct)
        return LayerCode(call, (BATCH_MATMUL,))

    @property
    def _depth(self) -> int:
        """How many products each output value sums."""
        return matrix(self.step.input_shapes[0], self.layer.transpose_a)[1]

    def _call(self, function: str, element: Element, model: QuantizedModel, place: Place, requant: Struct) -> Call:
        """Returns a call with the sizes, and with a table of where the matrices of each batch begin.

        - function: the C function.
        - element: the C type of codes.
        - model: the network, which has the constants.
        - place: the source of names.
        - requant: how sums become codes.
        """
        layer, shapes = self.layer, self.step.input_shapes
        a, b = (model.quant[name] for name in layer.inputs)
        rows, depth = matrix(shapes[0], layer.transpose_a)
        columns = self.step.output_shape[-1]
        steps = []
        for shape, transposed in zip(shapes, (layer.transpose_a, layer.transpose_b), strict=True):
            steps.append((1, shape[-1]) if transposed else (shape[-1], 1))
        matrices = Struct(
            MATRICES,
            (
                ("rows", rows),
                ("columns", columns),
                ("depth", depth),
                ("a_row", steps[0][0]),
                ("a_step", steps[0][1]),
                ("b_column", steps[1][1]),
                ("b_step", steps[1][0]),
                ("a_zero", a.zero_point),
                ("b_zero", b.zero_point),
            ),
        )
        batches = self.step.output_shape[:-2]
        starts = np.stack([_starts(shape, batches) for shape in shapes], axis=-1)
        operands = {
            letter: ConstantOperand(place.table(element, f"operand_{letter}", model.constants[name]))
            if fixed
            else place.pointer(name, f"const {element}")
            for name, fixed, letter in zip(layer.inputs, self.step.constants, "ab", strict=True)
        }
        return Call.of(
            function,
            **operands,
            output=place.pointer(layer.name, element),
            starts=place.table("int32_t", "starts", starts),
            count=math.prod(batches),
            matrices=matrices,
            requant=requant,
        )


@dataclass(frozen=True)
class Int16BatchMatMulKernel(BatchMatMulKernel):
    """The same of int16 tensors, whose products are summed in 64 bits."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes. Raises `UnsupportedError` for sums of 48 bits or more."""
        layer = self.layer
        a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
        if self._depth > _MOST_WIDE_PRODUCTS:
            sums = f"sums of {self._depth} products; at most {_MOST_WIDE_PRODUCTS} fit 48 bits"
            raise UnsupportedError(f"layer '{layer.name}': {sums}")
        multiplier, shift = reduced_multiplier(*product_rescale(a, b, target))
        lowest, highest = code_range("int16")
        fields: tuple[tuple[str, Value], ...] = (
            ("bias", 0),
            ("bias_high", 0),
            ("multiplier", place.table("int32_t", "multiplier", np.append(multiplier, shift))),
            ("lowest", lowest),
            ("highest", highest),
            ("scales", 1),
            ("long_sums", 1),
        )
        call = self._call(BATCH_MATMUL_S16, "int16_t", model, place, Struct(REQUANT_S16, fields))
        return LayerCode(call, (BATCH_MATMUL_S16,))


def _starts(shape: Shape, batches: Shape) -> IntArray:
    """Returns where the matrix of a tensor begins, in values, for each of the output's matrices."""
    own = shape[:-2]
    numbers = np.arange(math.prod(own)).reshape(own) * math.prod(shape[-2:])
    return np.broadcast_to(numbers, batches).ravel()
