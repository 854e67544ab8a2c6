"""One tensor divided into several."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import NOTHING, Arena, Call, LayerCode, Place, View, WholeKernel
from micronets.compiler.kernels.concatenation import part_views, parts_table
from micronets.ir.layers import Split, Unpack
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

SPLIT = "micronets_split"


@dataclass(frozen=True)
class SplitKernel(WholeKernel):
    """A tensor divided along a dimension (Split), or into one tensor for each place of a dimension (Unpack).

    The first output is written before the second has been read.
    """

    layer: Split | Unpack

    @property
    def views(self) -> tuple[View, ...]:
        """The outputs, if each is one run of bytes of the input."""
        layer, step = self.layer, self.step
        element = ELEMENT_BYTES[step.output_type]
        return part_views(layer.inputs[0], layer.outputs, step.output_shapes, layer.axis, element)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with a table of the parts."""
        layer = self.layer
        if self.views and all(view.holds(place) for view in self.views):
            return NOTHING
        element = ELEMENT_BYTES[self.step.output_type]
        parts, count, rows = parts_table(place, layer.outputs, self.step.output_shapes, layer.axis, element)
        call = Call.of(SPLIT, input=place.pointer(layer.inputs[0]), arena=Arena(), parts=parts, count=count, rows=rows)
        return LayerCode(call, (SPLIT,))
