"""Products of matrices of two tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import Call, ConstantOperand, Kernel, LayerCode, Overlap, Place, Struct
from micronets.compiler.kernels.requantise import SUM_LIMIT, requantisation_of
from micronets.errors import UnsupportedError
from micronets.ir.layers import BatchMatMul, Shape
from micronets.ir.ops.batch_matmul import matrix
from micronets.ir.types import code_range
from micronets.quantized.arithmetic import IntArray, product_rescale
from micronets.quantized.model import QuantizedModel

BATCH_MATMUL = "micronets_batch_matmul"
MATRICES = "micronets_matrices"
_FACTORS = 255 * 255  # the largest product of two codes less their zero points


@dataclass(frozen=True)
class BatchMatMulKernel(Kernel):
    """The product of each matrix of one tensor with one of the other, either of which may be transposed."""

    layer: BatchMatMul

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may not overlap an input, whose values are read again for other outputs."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None, since every output row needs a whole matrix of one input."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes, and with a table of where the matrices of each batch begin."""
        layer, shapes = self.layer, self.step.input_shapes
        a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
        rows, depth = matrix(shapes[0], layer.transpose_a)
        columns = self.step.output_shape[-1]
        if depth * _FACTORS >= SUM_LIMIT:
            raise UnsupportedError(f"layer '{layer.name}': sums of {depth} products may not fit 32 bits")
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
        multiplier, shift = product_rescale(a, b, target)
        factors = np.array([int(multiplier)]), np.array([int(shift)])
        limits = code_range(self.step.output_type)
        requant = requantisation_of(place, np.zeros(1, np.int32), *factors, limits, target, SUM_LIMIT)
        operands = {
            letter: ConstantOperand(place.table("int8_t", f"operand_{letter}", model.constants[name]))
            if fixed
            else place.pointer(name)
            for name, fixed, letter in zip(layer.inputs, self.step.constants, "ab", strict=True)
        }
        call = Call.of(
            BATCH_MATMUL,
            **operands,
            output=place.pointer(layer.name),
            starts=place.table("int32_t", "starts", starts),
            count=math.prod(batches),
            matrices=matrices,
            requant=requant.struct,
        )
        return LayerCode(call, (BATCH_MATMUL,))


def _starts(shape: Shape, batches: Shape) -> IntArray:
    """Returns where the matrix of a tensor begins, in values, for each of the output's matrices."""
    own = shape[:-2]
    numbers = np.arange(math.prod(own)).reshape(own) * math.prod(shape[-2:])
    return np.broadcast_to(numbers, batches).ravel()
