"""Quantize and Dequantize: from float to integers and back at the edges of a network, and between scales inside it."""

from __future__ import annotations

from micronets.ir.layers import Dequantize, Quantize
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import LARGEST_MULTIPLIER, ONE, Operator, Tflm, TflmKernel, anything, nothing, same_shape

CYCLES = 20.0
"""TFLM's cycles for a value; they are assumed."""


def quantize_operator(layer: Quantize) -> Operator:
    """Returns the facts of a change of scale."""
    return _edge_operator("QUANTIZE", "AddQuantize", reads_float=True, writes_float=False)


def dequantize_operator(layer: Dequantize) -> Operator:
    """Returns the facts of a conversion to float."""
    return _edge_operator("DEQUANTIZE", "AddDequantize", reads_float=False, writes_float=True)


def _edge_operator(tflite_name: str, method: str, *, reads_float: bool, writes_float: bool) -> Operator:
    """Returns the facts of either operator; the arguments are fields of `Operator` and `Tflm.method`."""
    kernel = TflmKernel(parameters=0, alignment=4, op_data=32, temporaries=("input", "output"), scratch=())
    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=110,
        inputs=ONE,
        output_shapes=same_shape,
        check=anything,
        reads_float=reads_float,
        writes_float=writes_float,
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
        codewise=not writes_float,
        within_input=not writes_float,
        sign="as the inputs",
        by_channel=True,
        trainable=False,
        tflm=Tflm(method=method, host=kernel, cortex_m=kernel, requantised_channels=nothing, cycles=by_value(CYCLES)),
        timed_as=timed_as("table"),
        timed_by=timed_by_value,
    )
