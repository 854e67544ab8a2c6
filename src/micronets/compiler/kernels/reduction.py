"""Sums, means, maxima and minima over some dimensions of a tensor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, LayerCode, Overlap, Place, Struct, WholeKernel
from micronets.compiler.kernels.requantise import RequantNumbers, requantisation_of
from micronets.errors import UnsupportedError
from micronets.ir.layers import Mean, ReduceAll, ReduceMax, ReduceMin, Reduction, Shape, Sum
from micronets.ir.types import code_range
from micronets.quantized.arithmetic import mean_rescale, rescale
from micronets.quantized.model import QuantizedModel

MEAN = "micronets_mean"
REDUCE_SUM = "micronets_reduce_sum"
REDUCE_EXTREME = "micronets_reduce_extreme"
REDUCTION = "micronets_reduction"

_DIMENSIONS = 3  # the number of kept dimensions, and of reduced ones, in a micronets_reduction
_SUM_LIMIT = 2**30  # sums of codes less their zero point must stay below it
_LEAST_CHANNELS = 4  # the channels that `MEAN` computes at once


@dataclass(frozen=True)
class AxisGroup:
    """Neighbouring dimensions of a tensor that all stay or all go.

    - size: the product of their sizes.
    - step: values from one place to the next.
    - goes: whether they are reduced.
    """

    size: int
    step: int
    goes: bool


def axis_groups(shape: Shape, axes: Sequence[int]) -> tuple[AxisGroup, ...]:
    """Returns the dimensions of a tensor, without those of size 1, joined where neighbours both stay or both go.

    - shape: the tensor's shape.
    - axes: the dimensions that go.
    """
    sizes = [(n, math.prod(shape[k + 1 :]), k in axes) for k, n in enumerate(shape) if n > 1]
    found = []
    for goes, group in itertools.groupby(sizes, key=lambda dimension: dimension[2]):
        dimensions = list(group)
        found.append(AxisGroup(math.prod(n for n, _, _ in dimensions), dimensions[-1][1], goes))
    return tuple(found)


@dataclass(frozen=True)
class ReductionKernel(WholeKernel):
    """A sum, mean, maximum or minimum over some dimensions."""

    layer: Reduction

    @property
    def overlap(self) -> Overlap:
        """The output may lie over the input: every value up to the place of an output is read before it is written."""
        return Overlap(0)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the dimensions and, for sums and means, the requantisation."""
        match self.layer:
            case Mean() | Sum():
                return self._sum_code(model, place)
            case ReduceMax() | ReduceMin() | ReduceAll():  # all values are true if the least is
                return self._extreme_code(place)

    def _sum_code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the fastest kernel of sums and means that the dimensions allow."""
        layer, shape = self.layer, self.step.input_shapes[0]
        source, target = model.quant[layer.inputs[0]], model.quant[layer.name]
        count = math.prod(shape[axis] for axis in layer.axes)
        multiplier, shift = mean_rescale(count, source, target) if isinstance(layer, Mean) else rescale(source, target)
        if 255 * count >= _SUM_LIMIT:
            raise UnsupportedError(f"layer '{layer.name}': sums of {count} values may not fit 32 bits; split the layer")
        bias = -source.zero_point * count
        limits = code_range(self.step.output_type)
        requant = requantisation_of(place, RequantNumbers.of_one(bias, multiplier, shift, limits, target))
        x, y = place.pointer(layer.inputs[0]), place.pointer(layer.name)
        match axis_groups(shape, layer.axes):
            case (AxisGroup(goes=True), AxisGroup(size=channels)) if channels >= _LEAST_CHANNELS:
                pass
            case ():
                channels = 1
            case _:
                call = Call.of(REDUCE_SUM, input=x, output=y, dimensions=self.dimensions(), requant=requant.struct)
                return LayerCode(call, (REDUCE_SUM,))
        call = Call.of(MEAN, input=x, output=y, pixels=count, channels=channels, requant=requant.struct)
        return LayerCode(call, (MEAN,))

    def _extreme_code(self, place: Place) -> LayerCode:
        """Returns a call of the kernel of maxima and minima."""
        layer = self.layer
        x, y = place.pointer(layer.inputs[0]), place.pointer(layer.name)
        flip = 0 if isinstance(layer, ReduceMax) else -1
        call = Call.of(REDUCE_EXTREME, input=x, output=y, dimensions=self.dimensions(), flip=flip)
        return LayerCode(call, (REDUCE_EXTREME,))

    def dimensions(self) -> Struct:
        """Returns the dimensions that stay and those that go. Raises `UnsupportedError` for too many of them."""
        found = axis_groups(self.step.input_shapes[0], self.layer.axes)
        kept, gone = ([run for run in found if run.goes is goes] for goes in (False, True))
        if max(len(kept), len(gone)) > _DIMENSIONS:
            raise UnsupportedError(
                f"layer '{self.layer.name}': {type(self.layer).__name__} over axes {self.layer.axes} of "
                f"{self.step.input_shapes[0]}; at most {_DIMENSIONS} groups of neighbouring axes are supported"
            )
        fields = []
        for name, part in (("kept", kept), ("gone", gone)):
            filled = [AxisGroup(1, 1, False)] * (_DIMENSIONS - len(part)) + part
            fields.append((name, tuple(run.size for run in filled)))
            fields.append((f"{name}_step", tuple(run.step for run in filled)))
        return Struct(REDUCTION, tuple(fields))
