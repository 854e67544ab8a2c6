"""Facts that differ for operators whose inputs are numbers, not codes: int32 without a scale, float32, or bool."""

from __future__ import annotations

from dataclasses import replace

from micronets.ir import layers
from micronets.ir.layers import Layer
from micronets.ir.ops.record import Operator, Scale, Shapes, TflmKernel
from micronets.ir.types import Type


def number_operator(layer: Layer, facts: Operator, of: Type) -> Operator:
    """Returns the facts of a layer whose inputs are numbers, from those for codes of 8 bits.

    - of: the type of the inputs, int32, float32 or bool.

    Layers that copy values of several types have one record for all. The others rescale nothing, are no tables of 256
    codes, no part of a network that we train, and no latency model of today knows their kernels.
    """
    narrow = facts.timed_as

    def timed_as(inputs: Shapes) -> str | None:
        name = narrow(inputs)
        return None if name is None else f"{name}_{of}"

    match layer:
        case layers.Concatenation():  # TFLM compares the scales of codes alone
            return replace(facts, scale="copied codes")
        case layers.Minimum() | layers.Maximum():
            return replace(facts, timed_as=timed_as)
        case layers.Add() | layers.Sub() | layers.Mul() | layers.Div() | layers.SquaredDifference() | layers.Prelu():
            pass
        case layers.Mean() | layers.Sum():  # their kernel sums floats in the output, and prepares no scale
            kernel = facts.tflm.host
            facts = _with_kernel(
                facts, replace(kernel, temporaries=kernel.temporaries[:-1], scratch=kernel.scratch[1:])
            )
        case layers.ReduceMax() | layers.ReduceMin():
            input_axes, others = facts.tflm.host.temporaries[:2], facts.tflm.host.temporaries[3:]
            facts = _with_kernel(facts, replace(facts.tflm.host, temporaries=(*input_axes, *others)))
        case layers.Compare():
            return replace(facts, largest_rescale=None, timed_as=timed_as)
        case layers.CumSum() | layers.AddN():  # TFLM keeps data for codes alone
            facts = _with_kernel(
                facts, replace(facts.tflm.host, prepared=()), replace(facts.tflm.cortex_m, prepared=())
            )
        case (
            layers.Relu()
            | layers.LeakyRelu()
            | layers.Logistic()
            | layers.Abs()
            | layers.HardSwish()
            | layers.Softmax()
            | layers.Rsqrt()
            | layers.L2Normalization()
        ):
            pass
        case _:
            return facts
    scale: Scale = "1" if of == "int32" else "its own"
    return replace(facts, scale=scale, largest_rescale=None, codewise=False, trainable=False, timed_as=timed_as)


def _with_kernel(facts: Operator, host: TflmKernel, cortex_m: TflmKernel | None = None) -> Operator:
    """Returns the facts of an operator with another kernel of TFLM; that of the host on every machine by default."""
    return replace(facts, tflm=replace(facts.tflm, host=host, cortex_m=cortex_m or host))
