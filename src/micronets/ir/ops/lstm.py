"""UnidirectionalSequenceLstm: long short-term memory over a sequence."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import UnidirectionalSequenceLstm
from micronets.ir.ops.record import OPERATOR_CYCLES, Arity, Operand, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.types import Type, Types
from micronets.number import Number

GATES = 4
"""The gates of a cell: input, forget, cell and output."""

INPUTS = 1 + 3 * GATES
"""The sequence, and for each gate two matrices of weights and a bias."""

OPERANDS: tuple[Operand, ...] = ("every input", "variable", "variable", "output")
"""What TFLM's kernel asks for while it is prepared."""

CYCLES = (2.6, 500.0)
"""CMSIS-NN's cycles for a MAC, and for a unit at each step besides; they are assumed."""

_INT8: Types = ("int8",)
_INT32: Types = ("int32",)

WANTED: Types = (*_INT8 * (1 + 2 * GATES), *_INT32 * GATES)
"""The types of the inputs."""


def unidirectional_sequence_lstm_operator(layer: UnidirectionalSequenceLstm) -> Operator:
    """Returns the facts of long short-term memory."""

    def units_of(inputs: Shapes) -> Number:
        return inputs[-1][0]

    def check(inputs: Shapes, where: str) -> None:
        x, bias = inputs[0], inputs[-1]
        fits = len(x) == 2 and len(bias) == 1
        if fits:
            units = bias[0]
            fits = inputs[1:] == (*((units, x[1]),) * GATES, *((units, units),) * GATES, *((units,),) * GATES)
        if not fits:
            shapes = ", ".join(map(str, dict.fromkeys(inputs)))
            raise SpecError(
                f"{where}: UnidirectionalSequenceLstm reads {shapes}; need (steps, n), four weights (units, n), four "
                "(units, units) and four biases (units,)"
            )
        if not (math.isfinite(layer.cell_clip) and layer.cell_clip >= 0):
            raise SpecError(f"{where}: cell_clip = {layer.cell_clip}; need 0, for no limit, or a positive number")
        if layer.hidden == layer.cell:
            raise SpecError(f"{where}: hidden and cell are both called '{layer.cell}'; give each its own name")

    def output_type(inputs: Types, where: str) -> Type:
        if inputs != WANTED:
            raise SpecError(
                f"{where} reads {', '.join(dict.fromkeys(inputs))}; need int8, with weights of int8 and biases of int32"
            )
        return "int8"

    def macs(inputs: Shapes, outputs: Shapes) -> Number:
        return inputs[0][0] * GATES * units_of(inputs) * (inputs[0][1] + units_of(inputs))

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        mac, each = CYCLES
        return OPERATOR_CYCLES + mac * macs(inputs, outputs) + each * math.prod(outputs[0])

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        values = 2 * GATES * math.prod(outputs[0])
        return {"layer": 1, "input": math.prod(inputs[0]), "value": values, "mac": macs(inputs, outputs)}

    def gate(inputs: Shapes, outputs: Shapes) -> Number:
        return 2 * units_of(inputs)

    def effective_bias(inputs: Shapes, outputs: Shapes) -> Number:
        return 4 * units_of(inputs)

    return Operator(
        tflite_name="UNIDIRECTIONAL_SEQUENCE_LSTM",
        constants=(),
        table_bytes=600,
        inputs=Arity(INPUTS, INPUTS),
        output_shapes=lambda inputs: ((inputs[0][0], units_of(inputs)),),
        check=check,
        output_type=output_type,
        state_bytes=lambda inputs, outputs: 3 * units_of(inputs),
        window=None,
        weights=None,
        activation=None,
        macs=macs,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=TflmKernel(parameters=16, alignment=4, op_data=688, temporaries=OPERANDS, scratch=(gate,) * 4),
            cortex_m=TflmKernel(
                parameters=16,
                alignment=4,
                op_data=912,
                temporaries=OPERANDS,
                scratch=(gate,) * 3,
                prepared=(effective_bias,) * (2 * GATES),
            ),
            requantised_channels=nothing,
            cycles=cycles,
        ),
        timed_as=lambda inputs: "fully_connected",
        timed_by=timed_by,
    )
