"""Values copied from places that tables list: gathering, mirrored borders, maps of another size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import (
    CTYPES,
    Argument,
    Call,
    ConstantOperand,
    LayerCode,
    Place,
    WholeKernel,
)
from micronets.ir.layers import Gather, Lookup, MirrorPad, ResizeBilinear, ResizeNearestNeighbor
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel
from micronets.quantized.places import (
    Places,
    bilinear_places,
    float_bilinear_places,
    mirrored_places,
    nearest_places,
)

TAKE = "micronets_take"
RESIZE_BILINEAR = "micronets_resize_bilinear"
RESIZE_BILINEAR_F32 = "micronets_resize_bilinear_f32"
GATHER = "micronets_gather"


@dataclass(frozen=True)
class TakeKernel(WholeKernel):
    """Runs of bytes, each copied from the sum of the two offsets that tables give for its row and its column.

    The input is read in any order, and the tables are of whole tensors.
    """

    layer: Gather | MirrorPad | ResizeNearestNeighbor

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the tables."""
        layer = self.layer
        *outer, run = self._offsets()
        row_offsets, columns = np.zeros(1, np.int64), outer[-1] if outer else np.zeros(1, np.int64)
        for offsets in outer[:-1]:
            row_offsets = (row_offsets[:, None] + offsets).ravel()
        call = Call.of(
            TAKE,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            rows=place.table("int32_t", "rows", row_offsets),
            row_count=row_offsets.size,
            columns=place.table("int32_t", "columns", columns),
            column_count=columns.size,
            run=int(run[0]),
        )
        return LayerCode(call, (TAKE,))

    def _offsets(self) -> list[Places]:
        """Returns the input offsets of each output dimension, in bytes, and as the last item the bytes of a run.

        Inner dimensions that are taken whole and in order are part of the run and have no item.
        """
        x, element = self.step.input_shapes[0], ELEMENT_BYTES[self.step.output_type]
        found: list[Places] = []
        run = element
        for axis in reversed(range(len(x))):
            places = self._places(axis, x[axis])
            if not found and np.array_equal(places, np.arange(x[axis])):
                run *= x[axis]
            else:
                found.append(places * (element * math.prod(x[axis + 1 :])))
        return [*reversed(found), np.array([run])]

    def _places(self, axis: int, size: int) -> Places:
        """Returns the places of dimension `axis`, which has `size`, that the output takes, in order."""
        match self.layer:
            case Gather(axis=own, indices=indices) if own == axis:
                return np.array(indices, np.int64)
            case MirrorPad(paddings=paddings, symmetric=symmetric):
                return mirrored_places(size, *paddings[axis], symmetric)
            case ResizeNearestNeighbor(size=made, align_corners=corners, half_pixel_centers=centers) if axis < 2:
                return nearest_places(size, made[axis], corners, centers)
            case _:
                return np.arange(size)


@dataclass(frozen=True)
class ResizeBilinearKernel(WholeKernel):
    """A map of another size, each pixel interpolated between four.

    Rows of the input are read again and again, and the tables are of whole maps.
    """

    layer: ResizeBilinear

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with a table of rows and one of columns: two offsets and a weight each."""
        layer, (height, width, channels) = self.layer, self.step.input_shapes[0]
        tables = []
        for kind, size, made, pitch in (
            ("rows", height, layer.size[0], width * channels),
            ("columns", width, layer.size[1], channels),
        ):
            lower, upper, weight = bilinear_places(size, made, layer.align_corners, layer.half_pixel_centers)
            tables.append(place.table("int32_t", kind, np.stack([lower * pitch, upper * pitch, weight], 1)))
        call = Call.of(
            RESIZE_BILINEAR,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            rows=tables[0],
            row_count=layer.size[0],
            columns=tables[1],
            column_count=layer.size[1],
            channels=channels,
        )
        return LayerCode(call, (RESIZE_BILINEAR,))


@dataclass(frozen=True)
class FloatResizeBilinearKernel(ResizeBilinearKernel):
    """A map of float32 of another size, each pixel interpolated between four."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with a table of rows and one of columns, two offsets each, and with their weights."""
        layer, (height, width, channels) = self.layer, self.step.input_shapes[0]
        tables: dict[str, Argument] = {}
        for kind, size, made, pitch in (
            ("row", height, layer.size[0], width * channels),
            ("column", width, layer.size[1], channels),
        ):
            lower, upper, weight = float_bilinear_places(size, made, layer.align_corners, layer.half_pixel_centers)
            tables[f"{kind}s"] = place.table("int32_t", f"{kind}s", np.stack([lower * pitch, upper * pitch], 1))
            tables[f"{kind}_weights"] = place.table("float", f"{kind}_weights", weight)
            tables[f"{kind}_count"] = made
        call = Call.of(
            RESIZE_BILINEAR_F32,
            input=place.pointer(layer.inputs[0], "const float"),
            output=place.pointer(layer.name, "float"),
            **tables,
            channels=channels,
        )
        return LayerCode(call, (RESIZE_BILINEAR_F32,))


@dataclass(frozen=True)
class GatherKernel(WholeKernel):
    """Runs of bytes, each copied from the place that another tensor holds.

    The places are read in any order.
    """

    layer: Lookup

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes."""
        layer, (shape, places) = self.layer, self.step.input_shapes
        values: Argument
        positions: Argument
        if self.step.constants[0]:
            table = place.table(CTYPES[self.step.output_type], "values", model.constants[layer.inputs[0]])
            values = ConstantOperand(table, any_type=True)
        else:
            values = place.pointer(layer.inputs[0], "const void")
        if self.step.constants[1]:
            positions = ConstantOperand(place.table("int32_t", "places", model.constants[layer.inputs[1]]))
        else:
            positions = place.pointer(layer.inputs[1], "const int32_t")
        call = Call.of(
            GATHER,
            values=values,
            places=positions,
            output=place.pointer(layer.name, "void"),
            rows=math.prod(shape[: layer.axis]),
            size=shape[layer.axis],
            count=math.prod(places),
            run=ELEMENT_BYTES[self.step.output_type] * math.prod(shape[layer.axis + 1 :]),
        )
        return LayerCode(call, (GATHER,))
