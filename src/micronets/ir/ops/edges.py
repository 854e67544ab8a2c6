"""Quantize and Dequantize: from float to integers and back at the edges of a network, and between scales inside it."""

from __future__ import annotations

from dataclasses import replace

from micronets.ir.layers import Cast, Dequantize, Quantize
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    Operator,
    Tflm,
    TflmKernel,
    TypeRule,
    anything,
    nothing,
    same_shape,
)
from micronets.ir.ops.types import converts
from micronets.ir.types import Type, Types

CYCLES = {"QUANTIZE": 9.0, "DEQUANTIZE": 100.0, "CAST": 20.0}
"""TFLM's cycles for a value.

That of QUANTIZE is measured from uint8 to int8; from float32 and int16 it takes 57. That of DEQUANTIZE is measured, too
(docs/arena.md), that of CAST assumed.
"""


QUANTIZES: dict[Type, Types] = {
    "float32": ("int8", "int16"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}
"""What Quantize makes of each type that it reads."""

DEQUANTIZES: dict[Type, Types] = {"int8": ("float32",), "uint8": ("float32",), "int16": ("float32",)}
"""What Dequantize makes of each type that it reads."""


def quantize_operator(layer: Quantize) -> Operator:
    """Returns the facts of a change of scale or type, to integers."""
    return _edge_operator("QUANTIZE", converts(layer.to, QUANTIZES), to_float=False)


def dequantize_operator(layer: Dequantize) -> Operator:
    """Returns the facts of a conversion to float."""
    return _edge_operator("DEQUANTIZE", converts("float32", DEQUANTIZES), to_float=True)


_CASTS: Types = ("int8", "int16", "int32", "float32", "bool")

CASTS: dict[Type, Types] = {
    **dict.fromkeys(_CASTS, (*_CASTS, "uint32")),
    "float32": _CASTS,
    "uint32": ("int8", "int16", "int32", "float32", "uint32"),
}
"""What Cast makes of each type that it reads."""


def cast_operator(layer: Cast) -> Operator:
    """Returns the facts of a change of type that leaves the numbers as they are."""
    found = _edge_operator("CAST", converts(layer.to, CASTS), to_float=True)
    host = TflmKernel(parameters=8, alignment=4, op_data=0, temporaries=("input", "output"), scratch=())
    cortex_m = replace(host, parameters=2, alignment=1)  # enums of one byte (-fshort-enums)
    return replace(found, largest_rescale=None, tflm=replace(found.tflm, host=host, cortex_m=cortex_m))


def _edge_operator(tflite_name: str, output_type: TypeRule, *, to_float: bool) -> Operator:
    """Returns the facts of either operator.

    - tflite_name, output_type: fields of `Operator`.
    - to_float: whether the output is float32.
    """
    kernel = TflmKernel(parameters=0, alignment=4, op_data=32, temporaries=("input", "output"), scratch=())
    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=110,
        inputs=ONE,
        output_shapes=same_shape,
        check=anything,
        output_type=output_type,
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=LARGEST_MULTIPLIER,
        selects=False,
        codewise=not to_float,
        within_input=not to_float,
        sign="as the inputs",
        by_channel=True,
        trainable=False,
        tflm=Tflm(host=kernel, cortex_m=kernel, requantised_channels=nothing, cycles=by_value(CYCLES[tflite_name])),
        timed_as=timed_as("table"),
        timed_by=timed_by_value,
    )
