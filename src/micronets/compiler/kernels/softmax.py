"""Softmax."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, Kernel, LayerCode, Overlap, Place
from micronets.errors import UnsupportedError
from micronets.ir.layers import Softmax
from micronets.quantized.model import QuantizedModel
from micronets.quantized.softmax import exponentials

SOFTMAX = "micronets_softmax"
_ROW_LIMIT = 8191  # values of a row, whose exponentials then sum to less than 2**32


@dataclass(frozen=True)
class SoftmaxKernel(Kernel):
    """A softmax over the last dimension."""

    layer: Softmax

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input: sums are taken before the first output is written."""
        return Overlap(0)

    @property
    def row_reach(self) -> None:
        """None, since the layer follows those whose maps are large, and need not run in patches."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with a table of exponentials."""
        layer, (*rows, columns) = self.layer, self.step.output_shape
        if columns > _ROW_LIMIT:
            sizes = f"softmax of {columns} values; at most {_ROW_LIMIT} are supported"
            raise UnsupportedError(f"layer '{layer.name}': {sizes}")
        table = place.table("int32_t", "exponentials", exponentials(layer.beta, model.quant[layer.inputs[0]].scale))
        ends = place.pointer(layer.inputs[0]), place.pointer(layer.name)
        numbers = len(table.values), math.prod(rows), columns
        return LayerCode((table,), Call(SOFTMAX, (*ends, table.as_argument, *numbers)), (SOFTMAX,))
