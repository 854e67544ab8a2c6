"""TransposeConv2D: a convolution backwards, which makes a larger map of a smaller one."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Shape, TransposeConv2D
from micronets.ir.ops import checks
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    OPERATOR_CYCLES,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    Weights,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.number import Number

OPERANDS: tuple[Operand, ...] = ("output", "input", "weights", "input", "weights", "bias", "output")
"""What TFLM's kernel asks for while it is prepared: some of its operands twice."""

CYCLES = (3.5, 60.0)
"""CMSIS-NN's cycles for a MAC and for an output value; they are assumed."""

_REVERSED_ABOVE = 16
"""CMSIS-NN computes more input channels than these, with strides of at most 2, as a convolution of a spread map."""


def transpose_conv_2d_operator(layer: TransposeConv2D) -> Operator:
    """Returns the facts of a transposed convolution."""
    kh, kw = layer.kernel

    def weights(x: Shape) -> Weights:
        return Weights(
            shape=(layer.filters, kh, kw, x[2]),
            axis=0,
            taps=x[2] * (kh * kw),
            channels=layer.filters,
            bits=8,
            one_scale=False,
        )

    def check(inputs: Shapes, where: str) -> None:
        checks.a_map("TransposeConv2D", inputs[0], where)
        checks.window(where, layer.window, "kernel", "stride")
        checks.positive(where, "filters", layer.filters)
        checks.positive(where, "size", layer.size)
        checks.activation(where, layer.activation)
        checks.known_padding(where, layer.padding)
        if layer.weight_bits != 8:
            raise SpecError(f"{where}: weight_bits = {layer.weight_bits}; TransposeConv2D has weights of 8 bits")
        if len(layer.size) != 2 or layer.window.out(layer.size) != inputs[0][:2]:
            raise SpecError(
                f"{where}: size = {layer.size}; a convolution with this window must make a map of {inputs[0][:2]} of it"
            )

    def backwards(x: Shape) -> bool:
        return max(layer.stride) <= 2 and x[2] > _REVERSED_ABOVE

    def cortex_m_sums(inputs: Shapes, outputs: Shapes) -> int:
        x = inputs[0]
        if backwards(x):  # two im2col columns of 16-bit values, as of a convolution
            return 4 * (-(-(kh * kw * x[2]) // 4) * 4)
        line = (x[1] - 1) * layer.stride[1] + max(kw, layer.stride[0])
        return 4 * line * layer.filters * max(kh, layer.stride[0])

    def cortex_m_weights(inputs: Shapes, outputs: Shapes) -> int:
        return math.prod(weights(inputs[0]).shape) if backwards(inputs[0]) else 0

    def macs(inputs: Shapes, outputs: Shapes) -> Number:
        return math.prod(inputs[0]) * (kh * kw * layer.filters)

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        mac, value = CYCLES
        return OPERATOR_CYCLES + mac * macs(inputs, outputs) + value * math.prod(outputs[0])

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        pixels, values = math.prod(outputs[0][:2]), math.prod(outputs[0])
        return {"layer": 1, "pixel": pixels, "column": 0, "value": values, "mac": macs(inputs, outputs)}

    return Operator(
        tflite_name="TRANSPOSE_CONV",
        constants=((1, *layer.size, layer.filters),),
        table_bytes=360,
        inputs=ONE,
        output_shapes=lambda inputs: ((*layer.size, layer.filters),),
        check=check,
        output_type=keeps("int8", "int16"),
        state_bytes=nothing,
        window=None,
        weights=weights,
        activation=layer.activation,
        macs=macs,
        pooled=nothing,
        gathered=lambda inputs, outputs: 2 * math.prod(outputs[0]),
        scale="its own",
        largest_rescale=LARGEST_MULTIPLIER,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=TflmKernel(
                parameters=20,
                alignment=4,
                op_data=88,
                temporaries=OPERANDS,
                scratch=(lambda inputs, outputs: 4 * math.prod(outputs[0]),),
            ),
            cortex_m=TflmKernel(
                parameters=16,
                alignment=4,
                op_data=76,
                temporaries=OPERANDS,
                scratch=(cortex_m_sums, cortex_m_weights),
            ),
            requantised_channels=lambda inputs, outputs: outputs[0][2],
            cycles=cycles,
        ),
        timed_as=lambda inputs: "convolution",
        timed_by=timed_by,
    )
