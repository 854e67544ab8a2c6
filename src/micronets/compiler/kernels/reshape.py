"""Reshaping, which computes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import Kernel, LayerCode, Overlap, Place
from micronets.ir.layers import Reshape
from micronets.quantized.model import QuantizedModel


@dataclass(frozen=True)
class ReshapeKernel(Kernel):
    """The same values under another shape: the output is the input."""

    layer: Reshape

    @property
    def is_alias(self) -> bool:
        """True."""
        return True

    @property
    def scratch_bytes(self) -> int:
        """None is needed."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """None: there is no output of its own."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None: rows of the input are no rows of the output."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns no constants and no call."""
        return LayerCode((), None, ())
