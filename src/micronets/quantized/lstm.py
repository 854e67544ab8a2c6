"""Long short-term memory in integers, as TensorFlow Lite Micro's reference kernel computes it (its `lstm_eval.cc`).

Gates have 16 bits: sums of products are brought to 12 fractional bits, sigmoid and tanh of them have 15
(`quantized.int16`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.layers import UnidirectionalSequenceLstm
from micronets.ir.ops.lstm import GATES
from micronets.quantized.arithmetic import (
    IntArray,
    multiply_by_quantized_multiplier,
    product_rescale,
    quantize_multiplier,
)
from micronets.quantized.int16 import logistic_of, tanh_of
from micronets.quantized.model import QuantizedModel, TensorQuant

Array = npt.NDArray[Any]

GATE_SCALE = 2.0**-12
"""The scale of the sums of a gate."""

FUNCTION_SCALE = 2.0**-15
"""The scale of a sigmoid and of a tanh."""

FORGET = quantize_multiplier(FUNCTION_SCALE)
"""What brings the product of a forget gate and the state of a cell to the scale of the state."""

_HIGHEST = 2**15 - 1


@dataclass(frozen=True, eq=False)
class LstmNumbers:
    """The weights of a layer and what its sums are multiplied with; each list has an entry for each gate.

    - of_input, of_hidden: the weights of a vector and of the last output.
    - bias: the biases.
    - input_scales, hidden_scales: the multipliers and shifts of the sums of either product.
    - to_cell: the multiplier and the shift from input gate times cell gate to the state of a cell.
    - to_output: the multiplier and the shift from output gate times tanh to the output.
    - tanh_shift: by how many bits the state of a cell is shifted to the left, or to the right if negative, before its
      tanh.
    - clip: the largest magnitude of the state of a cell; None for no limit.
    """

    of_input: tuple[Array, ...]
    of_hidden: tuple[Array, ...]
    bias: tuple[Array, ...]
    input_scales: tuple[tuple[IntArray, IntArray], ...]
    hidden_scales: tuple[tuple[IntArray, IntArray], ...]
    to_cell: tuple[IntArray, IntArray]
    to_output: tuple[IntArray, IntArray]
    tanh_shift: int
    clip: int | None


def lstm_numbers(model: QuantizedModel, layer: UnidirectionalSequenceLstm) -> LstmNumbers:
    """Returns the numbers of a layer."""

    def scale(name: str) -> float:
        return float(np.float32(model.quant[name].scale))

    def factor(vectors: str, weights: str) -> tuple[IntArray, IntArray]:
        return product_rescale(model.quant[vectors], model.quant[weights], TensorQuant(GATE_SCALE, 0))

    x, *constants = layer.inputs
    groups = [tuple(constants[first : first + GATES]) for first in range(0, 3 * GATES, GATES)]
    of_input, of_hidden, bias = (tuple(model.constants[name] for name in names) for names in groups)
    clip = None
    if layer.cell_clip > 0:
        clip = int(min(float(np.float32(layer.cell_clip)) / scale(layer.cell), float(_HIGHEST)))
    return LstmNumbers(
        of_input=of_input,
        of_hidden=of_hidden,
        bias=bias,
        input_scales=tuple(factor(x, name) for name in groups[0]),
        hidden_scales=tuple(factor(layer.hidden, name) for name in groups[1]),
        to_cell=quantize_multiplier(FUNCTION_SCALE**2 / scale(layer.cell)),
        to_output=quantize_multiplier(FUNCTION_SCALE**2 / scale(layer.hidden)),
        tanh_shift=12 + cell_power(model, layer),
        clip=clip,
    )


def cell_power(model: QuantizedModel, layer: UnidirectionalSequenceLstm) -> int:
    """Returns the power of two next to the scale of a layer's cells, which TFLM's tanh takes in place of the scale."""
    return round(math.log2(float(np.float32(model.quant[layer.cell].scale))))


def lstm_steps(
    model: QuantizedModel, layer: UnidirectionalSequenceLstm, x: npt.NDArray[np.int8], hidden: Array, cell: Array
) -> tuple[Array, Array, Array]:
    """Returns the output codes of a sequence, int8 `[steps, units]`, and the last output and the cells after it.

    - model: the network, which holds the layer's weights and scales.
    - layer: the LSTM layer.
    - x: the codes of the sequence, `[steps, n]`.
    - hidden, cell: the last output and the state of the cells before the sequence.
    """
    numbers = lstm_numbers(model, layer)
    x_zero, zero = model.quant[layer.inputs[0]].zero_point, model.quant[layer.hidden].zero_point
    units = len(hidden)
    of_input, of_hidden = (np.concatenate(w).T.astype(np.float64) for w in (numbers.of_input, numbers.of_hidden))
    of_scales, hidden_scales = (
        tuple(np.repeat([int(scale[part]) for scale in scales], units) for part in range(2))
        for scales in (numbers.input_scales, numbers.hidden_scales)
    )
    given = _sums((x.astype(np.float64) - x_zero) @ of_input + np.concatenate(numbers.bias), of_scales)
    outputs = []
    state = cell.astype(np.int64)
    for from_vector in given:
        from_hidden = _sums((hidden.astype(np.float64) - zero) @ of_hidden, hidden_scales)
        pre = _saturated(from_vector + from_hidden).reshape(GATES, units)
        into, forget, made, out = sigmoid(pre[0]), sigmoid(pre[1]), tanh(pre[2], 0), sigmoid(pre[3])
        kept = _saturated(multiply_by_quantized_multiplier(forget * state, *FORGET))
        state = _saturated(kept + _saturated(multiply_by_quantized_multiplier(into * made, *numbers.to_cell)))
        if numbers.clip is not None:
            state = np.clip(state, -numbers.clip, numbers.clip)
        product = tanh(state, numbers.tanh_shift) * out
        hidden = np.clip(multiply_by_quantized_multiplier(product, *numbers.to_output) + zero, -128, 127)
        hidden = hidden.astype(np.int8)
        outputs.append(hidden)
    return np.stack(outputs), hidden, state.astype(np.int16)


def _sums(total: Array, scales: tuple[IntArray, ...]) -> Array:
    """Returns whole sums of products with their bias, brought to the scale of a gate and saturated."""
    wrapped = total.astype(np.int64).astype(np.int32).astype(np.int64)
    multiplier, shift = scales
    return _saturated(multiply_by_quantized_multiplier(wrapped, multiplier, shift))


def _saturated(x: Array) -> Array:
    """Returns the values clamped to 16 bits."""
    return np.asarray(np.clip(x, -_HIGHEST - 1, _HIGHEST))


def sigmoid(x: Array) -> Array:
    """Returns the sigmoid of values with 12 fractional bits, with 15."""
    return logistic_of(x, (3, 0))


def tanh(x: Array, shift: int) -> Array:
    """Returns the tanh of values with 15 fractional bits.

    - x: values of 16 bits with 12 - shift fractional bits.
    """
    return tanh_of(x, (3 << shift, 0) if shift >= 0 else (3, -shift))
