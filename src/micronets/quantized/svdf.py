"""A singular value decomposition filter in integers, as TensorFlow Lite Micro computes it (its `svdf_common.cc`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.layers import Svdf
from micronets.ir.types import code_range
from micronets.quantized.arithmetic import IntArray, dtype_of, multiply_by_quantized_multiplier, quantize_multiplier
from micronets.quantized.model import QuantizedModel

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class SvdfNumbers:
    """The weights of an Svdf and what its sums are multiplied with.

    - features, ages, bias: the constants that the layer reads.
    - to_kept: the multiplier and the shift from products with the input to what is kept.
    - to_output: the multiplier and the shift from sums of what is kept to the output.
    """

    features: npt.NDArray[np.int8]
    ages: Array
    bias: npt.NDArray[np.int32]
    to_kept: tuple[IntArray, IntArray]
    to_output: tuple[IntArray, IntArray]


def svdf_numbers(model: QuantizedModel, layer: Svdf) -> SvdfNumbers:
    """Returns the numbers of a layer. TFLM multiplies and divides the scales in float32."""
    names = (*layer.inputs[:3], layer.variable, layer.name)
    x, features, ages, kept, target = (np.float32(model.quant[name].scale) for name in names)
    weights, weights_of_ages, bias = (model.constants[name] for name in layer.inputs[1:])
    return SvdfNumbers(
        features=weights,
        ages=weights_of_ages,
        bias=bias,
        to_kept=quantize_multiplier(float(x * features / kept)),
        to_output=quantize_multiplier(float(kept * ages / target)),
    )


def svdf_step(model: QuantizedModel, layer: Svdf, x: npt.NDArray[np.int8], kept: Array) -> tuple[Array, Array]:
    """Returns the output codes for one input, int8 `[units]`, and what is kept after it.

    - model: the network, which holds the layer's weights and scales.
    - layer: the SVDF layer.
    - x: the codes of the input, `[n]`.
    - kept: what was kept before, `[filters * memory]`.

    A product is clamped to the type that it is kept in before the zero point is added, and then wraps. Sums wrap at 32
    bits.
    """
    numbers = svdf_numbers(model, layer)
    zero_points = (model.quant[name].zero_point for name in (layer.inputs[0], layer.variable, layer.name))
    x_zero, kept_zero, zero = zero_points
    products = numbers.features.astype(np.int64) @ (x.astype(np.int64) - x_zero)
    codes = np.clip(multiply_by_quantized_multiplier(products, *numbers.to_kept), *code_range(layer.of))
    rows = kept.reshape(numbers.ages.shape)
    newest = (codes + kept_zero).astype(dtype_of(layer.of))
    rows = np.concatenate([rows[:, 1:], newest[:, None]], axis=1)
    sums = (numbers.ages.astype(np.int64) * (rows.astype(np.int64) - kept_zero)).sum(axis=1)
    total = numbers.bias + sums.reshape(-1, layer.rank).sum(axis=1)
    wrapped = total.astype(np.int32).astype(np.int64)
    y = multiply_by_quantized_multiplier(wrapped, *numbers.to_output) + zero
    return np.clip(y, -128, 127).astype(np.int8), rows.ravel()
