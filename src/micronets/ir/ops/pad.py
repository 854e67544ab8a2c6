"""Pad: a tensor with a frame of zeros around it."""

from __future__ import annotations

from micronets.errors import SpecError
from micronets.ir.layers import Pad
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import ONE, Operand, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import COPIED, keeps
from micronets.ir.types import Type, Types, code_range

CYCLES = 2.0
"""TFLM's cycles for a value of the output."""

MOST_PADDED = 4
"""The most dimensions, without the batch, that TFLM pads: `PadKernelMaxDimensionCount` is five with the batch."""


def pad_operator(layer: Pad) -> Operator:
    """Returns the facts of a padding."""

    def check(inputs: Shapes, where: str) -> None:
        x, paddings = inputs[0], layer.paddings
        if len(x) > MOST_PADDED:
            raise SpecError(f"{where}: Pad of a shape like {x}; TFLM takes at most {MOST_PADDED} dimensions")
        if len(paddings) != len(x) or any(len(p) != 2 or min(p) < 0 for p in paddings):
            raise SpecError(f"{where}: paddings {paddings} are not a (before, after) for each dimension of {x}")
        if layer.act_bits == 4 and layer.value is not None:
            _check_code(layer.value, "int4", f"{where}: ")

    def output_shapes(inputs: Shapes) -> Shapes:
        return (tuple(n + a + b for n, (a, b) in zip(inputs[0], layer.paddings, strict=True)),)

    rule, coded = keeps(*COPIED), layer.value is not None

    def output_type(inputs: Types, where: str) -> Type:
        made = rule(inputs, where)
        if layer.value is not None and made != "float32":
            _check_code(layer.value, made, f"{where} has ")
        return made

    asked: tuple[Operand, ...] = ("input", "constant", *(("output",) if coded else ()), "output")
    kernel = TflmKernel(parameters=0, alignment=4, op_data=56, temporaries=asked, scratch=())
    return Operator(
        tflite_name="PADV2" if coded else "PAD",
        constants=(((0, 0), *layer.paddings),),
        table_bytes=186 + (80 if coded else 0),
        inputs=ONE,
        output_shapes=output_shapes,
        check=check,
        output_type=output_type,
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="copied codes",
        largest_rescale=None,
        selects=not coded,
        codewise=False,
        within_input=not coded,
        sign="any" if coded else "as the inputs",
        by_channel=False,
        trainable=not coded,
        tflm=Tflm(
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=by_value(CYCLES),
        ),
        timed_as=timed_as("pad"),
        timed_by=timed_by_value,
    )


def _check_code(value: float, of: Type, where: str) -> None:
    """Raises `SpecError` for a border that is not a code of the type `of`."""
    least, most = code_range(of)
    if not float(value).is_integer() or not least <= value <= most:
        raise SpecError(f"{where}value = {value}; need a code, {least} to {most}, or None for the zero point")
