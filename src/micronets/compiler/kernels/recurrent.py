"""Layers that keep variables for themselves: singular value decomposition filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.base import Arena, Call, Kernel, LayerCode, Overlap, Place, Struct
from micronets.compiler.kernels.requantise import DOUBLED_LIMIT, SUM_LIMIT, pack, shiftable
from micronets.errors import UnsupportedError
from micronets.ir.layers import Svdf
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.model import QuantizedModel
from micronets.quantized.svdf import svdf_numbers

MATRIX = "micronets_matrix"
SVDF = "micronets_svdf"


@dataclass(frozen=True)
class SvdfKernel(Kernel):
    """A singular value decomposition filter.

    - offset: where the products that it keeps begin in the state, in bytes.
    """

    layer: Svdf
    offset: int

    @property
    def uses_state(self) -> bool:
        """True: it keeps products."""
        return True

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the products of all filters with the input, of 16 bits each."""
        return 2 * self.step.input_shapes[1][0]

    @property
    def overlap(self) -> Overlap:
        """The output may not overlap the input, which is read until the last product."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None, since every output value needs the whole input."""

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the weights, and with the place of what is kept in the state."""
        layer, numbers = self.layer, svdf_numbers(model, self.layer)
        x, kept, target = (model.quant[name].zero_point for name in (layer.inputs[0], layer.variable, layer.name))
        features = matrix(place, layer.name, "features", numbers.features, x, None, numbers.to_kept)
        rank, memory = layer.rank, numbers.ages.shape[1]
        ages = place.table("int16_t" if layer.of == "int16" else "int8_t", "ages", numbers.ages)
        sums = numbers.ages.astype(np.int64).reshape(-1, rank * memory).sum(axis=1)
        bias = place.table("int32_t", "bias", (numbers.bias - kept * sums).astype(np.int32))
        multiplier, shift = (int(v) for v in shiftable(*numbers.to_output))
        svdf = Struct(
            SVDF,
            (
                ("features", features),
                ("ages", ages),
                ("bias", bias),
                ("memory", memory),
                ("rank", rank),
                ("multiplier", multiplier),
                ("kept_zero", kept),
                ("shift", shift),
                ("zero_point", target),
            ),
        )
        function = f"{SVDF}_s16" if layer.of == "int16" else f"{SVDF}_s8"
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            arena=Arena(),
            offset=self.offset,
            products=place.scratch(layer.name, "int16_t"),
            svdf=svdf,
        )
        return LayerCode(call, (function, "micronets_dense_s16"))


def matrix(
    place: Place,
    layer: str,
    kind: str,
    rows: IntArray,
    zero_point: int,
    bias: IntArray | None,
    scale: tuple[IntArray, IntArray],
) -> Struct:
    """Returns a `micronets_matrix`, which points to tables of its own.

    - layer: the layer's name, for messages.
    - kind: what the names of the tables end with.
    - rows: weights `[outputs, inputs]`, int8.
    - zero_point: that of the vectors.
    - bias: `[outputs]`; None for none.
    - scale: the multiplier and the shift that bring sums to codes.

    Raises `UnsupportedError` if sums may not fit 32 bits.
    """
    weights = rows.astype(np.int64)
    if int(np.abs(weights).sum(axis=1).max()) * 255 >= SUM_LIMIT:
        raise UnsupportedError(f"layer '{layer}': sums of {rows.shape[1]} products may not fit 32 bits")
    total = (-zero_point * weights.sum(axis=1) + (0 if bias is None else bias)).astype(np.int32)
    multiplier, shift = (int(v) for v in shiftable(*scale))
    largest = int((np.abs(weights).sum(axis=1) * 255 + np.abs(total.astype(np.int64))).max())
    quick = pack(np.zeros(1, np.int32), np.array([multiplier]), np.array([shift])) if largest < DOUBLED_LIMIT else None
    packed = quick is not None and conv_weights.suits(rows)
    if packed and quick is not None:
        shift, multiplier = -int(quick[0][0]), int(quick[1][0])
        table = place.table("uint32_t", f"{kind}_weights", conv_weights.words(rows))
    else:
        table = place.table("int8_t", f"{kind}_weights", rows)
    biases = place.table("int32_t", f"{kind}_bias", total)
    fields = (
        ("weights", table),
        ("bias", biases),
        ("inputs", rows.shape[1]),
        ("outputs", rows.shape[0]),
        ("multiplier", multiplier),
        ("shift", shift),
        ("packed", int(packed)),
    )
    return Struct(MATRIX, fields)
