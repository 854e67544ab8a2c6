"""Layers that keep variables for themselves: singular value decomposition filters, and long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.base import Arena, Call, LayerCode, Place, Struct, WholeKernel
from micronets.compiler.kernels.requantise import DOUBLED_LIMIT, SUM_LIMIT, pack, shiftable
from micronets.errors import UnsupportedError
from micronets.ir.layers import Svdf, UnidirectionalSequenceLstm
from micronets.ir.ops.lstm import GATES
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.int16 import sigmoid_table
from micronets.quantized.lstm import lstm_numbers
from micronets.quantized.model import QuantizedModel
from micronets.quantized.svdf import svdf_numbers

MATRIX = "micronets_matrix"
SVDF = "micronets_svdf"
LSTM = "micronets_lstm"
NO_CLIP = 2**15
"""A clip that limits no state of a cell, since a state is a code of 16 bits."""


@dataclass(frozen=True)
class SvdfKernel(WholeKernel):
    """A singular value decomposition filter, in which every output value needs the whole input.

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

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the weights, and with the place of what is kept in the state."""
        layer, numbers = self.layer, svdf_numbers(model, self.layer)
        x, kept, target = (model.quant[name].zero_point for name in (layer.inputs[0], layer.variable, layer.name))
        features = gate_matrix(place, layer.name, "features", numbers.features, x, None, numbers.to_kept)
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


@dataclass(frozen=True)
class LstmKernel(WholeKernel):
    """Long short-term memory, in which every vector of the output needs all that come before it.

    - hidden, cell: where the last output and the state of the cells begin in the state, in bytes.
    """

    layer: UnidirectionalSequenceLstm
    hidden: int
    cell: int

    @property
    def uses_state(self) -> bool:
        """True: it keeps the last output and the state of the cells."""
        return True

    @property
    def scratch_bytes(self) -> int:
        """Bytes of four gates of every unit, and of one more number, of 16 bits each."""
        return 2 * (GATES + 1) * self.step.output_shape[1]

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the weights, and with the places of what is kept in the state."""
        layer, numbers = self.layer, lstm_numbers(model, self.layer)
        x, zero = (model.quant[name].zero_point for name in (layer.inputs[0], layer.hidden))
        vectors = tuple(
            gate_matrix(
                place, layer.name, f"vector_{k}", numbers.of_input[k], x, numbers.bias[k], numbers.input_scales[k]
            )
            for k in range(GATES)
        )
        hidden = tuple(
            gate_matrix(place, layer.name, f"hidden_{k}", numbers.of_hidden[k], zero, None, numbers.hidden_scales[k])
            for k in range(GATES)
        )
        (cell_multiplier, cell_shift), (output_multiplier, output_shift) = (
            (int(v) for v in shiftable(*scale)) for scale in (numbers.to_cell, numbers.to_output)
        )
        lstm = Struct(
            LSTM,
            (
                ("vectors", vectors),
                ("hidden", hidden),
                ("sigmoid", place.table("uint16_t", "sigmoid", sigmoid_table())),
                ("steps", self.step.output_shape[0]),
                ("cell_multiplier", cell_multiplier),
                ("output_multiplier", output_multiplier),
                ("clip", NO_CLIP if numbers.clip is None else numbers.clip),
                ("cell_shift", cell_shift),
                ("output_shift", output_shift),
                ("tanh_shift", numbers.tanh_shift),
                ("zero_point", zero),
            ),
        )
        function = f"{LSTM}_s8"
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            arena=Arena(),
            hidden=self.hidden,
            cell=self.cell,
            gates=place.scratch(layer.name, "int16_t"),
            lstm=lstm,
        )
        return LayerCode(call, (function, "micronets_dense_s16"))


def gate_matrix(
    place: Place,
    layer: str,
    kind: str,
    rows: IntArray,
    zero_point: int,
    bias: IntArray | None,
    scale: tuple[IntArray, IntArray],
) -> Struct:
    """Returns a `micronets_matrix`, which points to tables of its own.

    - place: the source of the tables' names.
    - layer: the layer's name, for messages.
    - kind: the beginning of the tables' names.
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
