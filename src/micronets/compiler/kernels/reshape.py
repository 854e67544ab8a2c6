"""Reshaping, which computes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import NOTHING, LayerCode, Place, WholeKernel
from micronets.ir.layers import ExpandDims, Reshape, Squeeze
from micronets.quantized.model import QuantizedModel


@dataclass(frozen=True)
class ReshapeKernel(WholeKernel):
    """The kernel of a layer that only changes a shape: the output is the input, and nothing is computed.

    Rows of the output are not rows of the input.
    """

    layer: Reshape | ExpandDims | Squeeze

    @property
    def is_alias(self) -> bool:
        """True: the output is the input."""
        return True

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns no constants and no call."""
        return NOTHING
