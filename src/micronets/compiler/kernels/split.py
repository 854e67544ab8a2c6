"""One tensor divided into several."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import Kernel, LayerCode, Overlap, Place, RunRecord, View, runner
from micronets.compiler.kernels.concatenation import part_views, parts_record
from micronets.ir.layers import Split, Unpack
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

SPLIT = "micronets_split"


@dataclass(frozen=True)
class SplitKernel(Kernel):
    """The rows of several tensors, taken from one where they lie one behind the other; or the values at each place."""

    layer: Split | Unpack

    @property
    def views(self) -> tuple[View, ...]:
        """The outputs, if each lies together in the input."""
        layer, step = self.layer, self.step
        element = ELEMENT_BYTES[step.output_type]
        return part_views(layer.inputs[0], layer.outputs, step.output_shapes, layer.axis, element)

    @property
    def scratch_bytes(self) -> int:
        """None is needed."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """None: the first part is written before the second has been read."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None: it has several outputs."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a run of the record, with a table of the parts."""
        layer = self.layer
        if self.views and all(view.holds(place) for view in self.views):
            return LayerCode((), None, ())
        record = parts_record(
            place,
            tuple(place.offset(name) for name in layer.outputs),
            self.step.output_shapes,
            place.offset(layer.inputs[0]),
            layer.axis,
            ELEMENT_BYTES[self.step.output_type],
        )
        return LayerCode(record, RunRecord(runner(SPLIT), record[-1]), (SPLIT,))
