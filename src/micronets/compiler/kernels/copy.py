"""Copies of values in another order: transpositions, slices and repetitions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import NOTHING, Call, LayerCode, Place, Struct, View, WholeKernel
from micronets.errors import UnsupportedError
from micronets.ir.layers import BroadcastTo, Slice, StridedSlice, Transpose
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

COPY = "micronets_copy_strided"
COPY_PARAMS = "micronets_copy_params"
_DIMENSIONS = 5  # how many dimensions the kernel goes through

CopySteps = tuple[tuple[int, int], ...]
"""For each dimension of a copy, the outermost first: how many places it has, and how far they lie apart in the source,
in bytes."""


@dataclass(frozen=True)
class CopyKernel(WholeKernel):
    """A copy that writes the output in order and reads the input in equal steps along each dimension of the output.

    A row of the output may need any rows of the input.
    """

    layer: Transpose | Slice | StridedSlice | BroadcastTo

    @property
    def views(self) -> tuple[View, ...]:
        """The output, if it is a run of the input."""
        start, steps, _ = self._steps()
        return () if steps else (View(self.layer.name, self.layer.inputs[0], start),)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the steps through the input."""
        layer = self.layer
        if self.views and all(view.holds(place) for view in self.views):
            return NOTHING
        params = copy_params(layer.name, *self._steps())
        call = Call.of(COPY, input=place.pointer(layer.inputs[0]), output=place.pointer(layer.name), params=params)
        return LayerCode(call, (COPY,))

    def _steps(self) -> tuple[int, CopySteps, int]:
        """Returns where the copy starts in the input, its steps, and the bytes that it copies at each place."""
        x, element = self.step.input_shapes[0], ELEMENT_BYTES[self.step.output_type]
        pitch = [element * math.prod(x[axis + 1 :]) for axis in range(len(x))]
        match self.layer:
            case Transpose(permutation=order):
                return (0, *merged_steps([(x[axis], pitch[axis]) for axis in order], element))
            case BroadcastTo(shape=shape):
                steps = [(n, 0) for n in shape[: len(shape) - len(x)]]
                behind = zip(shape[len(shape) - len(x) :], x, pitch, strict=True)
                steps += [(n, each if size == n else 0) for n, size, each in behind]
                return (0, *merged_steps(steps, element))
            case Slice(begin=begin, size=size):
                strides: tuple[int, ...] = (1,) * len(x)
            case StridedSlice(begin=begin, size=size, strides=strides):
                pass
        start = sum(first * each for first, each in zip(begin, pitch, strict=True))
        steps = [(n, stride * each) for n, stride, each in zip(size, strides, pitch, strict=True)]
        return (start, *merged_steps(steps, element))


def copy_params(layer: str, start: int, steps: CopySteps, run: int) -> Struct:
    """Returns the steps of a copy as kernels take them.

    - layer: the name of the layer.
    - start: the byte at which the copy starts in the tensor that it steps through.
    - steps: the steps.
    - run: the bytes that it copies at each place.

    Raises `UnsupportedError` for more steps than the kernels go through.
    """
    if len(steps) > _DIMENSIONS:
        raise UnsupportedError(
            f"layer '{layer}': {len(steps)} separate dimensions to copy; at most {_DIMENSIONS} are supported"
        )
    steps = ((1, 0),) * (_DIMENSIONS - len(steps)) + steps
    return Struct(
        COPY_PARAMS,
        (
            ("count", tuple(count for count, _ in steps)),
            ("step", tuple(step for _, step in steps)),
            ("start", start),
            ("run", run),
        ),
    )


def merged_steps(steps: list[tuple[int, int]], run: int) -> tuple[CopySteps, int]:
    """Returns the fewest steps that go through the same bytes in the same order, and the bytes of a run at each place.

    - steps: the places of each dimension and their distance, the outermost first.
    - run: bytes that lie together at each place of `steps`.
    """
    kept: list[tuple[int, int]] = []
    for count, step in reversed([pair for pair in steps if pair[0] > 1]):
        if not kept and step == run:
            run *= count
        elif kept and step == kept[-1][0] * kept[-1][1]:
            kept[-1] = (kept[-1][0] * count, kept[-1][1])
        else:
            kept.append((count, step))
    return tuple(reversed(kept)), run
