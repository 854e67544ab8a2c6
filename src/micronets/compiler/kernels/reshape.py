"""Reshaping, which computes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import NOTHING, Kernel, LayerCode, Overlap, Place
from micronets.ir.layers import ExpandDims, Reshape, Squeeze
from micronets.quantized.model import QuantizedModel


@dataclass(frozen=True)
class ReshapeKernel(Kernel):
    """The kernel of a layer that only changes a shape: the output is the input, and nothing is computed."""

    layer: Reshape | ExpandDims | Squeeze

    @property
    def is_alias(self) -> bool:
        """True: the output is the input."""
        return True

    @property
    def scratch_bytes(self) -> int:
        """0: there is nothing to compute."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output has no memory that could overlap the input's: it is the input."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None, since rows of the output are not rows of the input."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns no constants and no call."""
        return NOTHING
