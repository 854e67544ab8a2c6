"""Dense layers, and convolutions of one pixel: a matrix times one vector."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.base import (
    SIZE_LIMIT,
    Call,
    FlashOutline,
    LayerCode,
    Name,
    Place,
    Struct,
    WholeKernel,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.conv import (
    CONV,
    CONV_1X1,
    CONV_C4,
    any_code,
    convolution_outline,
    fallback_code,
    im2col_bytes,
    int8_rows,
    is_pointwise,
    pointwise_code,
    windowed_code,
)
from micronets.compiler.kernels.odd_filters import ODD_MULTIPLY, divide
from micronets.compiler.kernels.requantise import (
    REQUANT,
    Requantisation,
    requant_bytes,
    requant_numbers,
    requantisation,
)
from micronets.compiler.kernels.window import window_struct
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.ir.window import Window
from micronets.quantized.model import QuantizedModel

FULLY_CONNECTED = "micronets_fully_connected"
FULLY_CONNECTED_BY8 = "micronets_fully_connected_by8"
FULLY_CONNECTED_S4 = "micronets_fully_connected_s4"
FULLY_CONNECTED_ODD = "micronets_fully_connected_odd"
INNER = "micronets_dense_kernel *"
FULLY_CONNECTED_BY8_S4 = "micronets_fully_connected_by8_s4"


@dataclass(frozen=True)
class DenseKernel(WholeKernel):
    """A matrix times one vector, in which every output value reads the whole input.

    - layer: a dense layer, or a pointwise convolution of one pixel.
    - by8: whether eight outputs are computed together instead of four.
    - as_pointwise: the convolution kernel that computes the layer as a convolution of one pixel; "" for a kernel of
      dense layers.
    """

    layer: Conv2D | FullyConnected
    by8: bool
    as_pointwise: str

    @property
    def scratch_bytes(self) -> int:
        """Bytes of an im2col buffer if a convolution kernel computes the layer, otherwise 0."""
        return im2col_bytes(math.prod(self.step.input_shapes[0])) if self.as_pointwise else 0

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the fastest kernel takes of flash."""
        weights = self.step.weights
        assert weights is not None
        units, size = int(weights.channels), int(weights.taps)
        if self.as_pointwise:
            return convolution_outline(self._pointwise(size), 8, units, size)
        table = conv_weights.weights_bytes(self.layer.weight_bits, units, size)
        table += requant_bytes(units, int(weights.scales))
        function = self._function(units, size)
        return FlashOutline(table + record_bytes(5, REQUANT), runner_of(function), (function,))

    def _pointwise(self, size: int) -> str:
        """Returns the convolution kernel for an input of `size` values, where one computes the layer."""
        return CONV if self.as_pointwise == CONV_C4 and size % 4 else self.as_pointwise

    def _function(self, units: int, size: int) -> str:
        """Returns the kernel that computes the layer where no convolution kernel does."""
        by8 = self.by8 and max(units, size) <= SIZE_LIMIT
        if self.layer.weight_bits == 4:
            return FULLY_CONNECTED_BY8_S4 if by8 else FULLY_CONNECTED_S4
        return FULLY_CONNECTED_BY8 if by8 else FULLY_CONNECTED

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the fastest kernel that its numbers and sizes allow."""
        layer, weights = self.layer, model.weights[self.layer.name]
        rows = int8_rows(weights)
        if rows is None:
            return any_code(model, layer, place, vector_window(self.step, model, place, weights.weights))
        requant = requantisation(model, layer, rows, place)
        if not (requant.packed and conv_weights.suits(rows)):
            divided = self._divided_code(model, place, rows)
            return divided or fallback_code(model, layer, rows, place, vector_window(self.step, model, place, rows))
        if self.as_pointwise:
            requant = requantisation(model, layer, rows, place, per_channel=True)
            return self._pointwise_code(model, place, rows, requant)
        return self._dense_code(place, rows, requant)

    def _divided_code(self, model: QuantizedModel, place: Place, rows: npt.NDArray[np.int8]) -> LayerCode | None:
        """Returns a call of the quick kernel that has a few filters computed separately; None where too many need
        that."""
        if self.layer.weight_bits != 8:
            return None
        pointwise = self._pointwise(rows.shape[1]) if self.as_pointwise else ""
        numbers = requant_numbers(model, self.layer, rows, per_channel=True)
        found = divide(place, rows, numbers, 1 if pointwise == CONV else None, by_bytes=not pointwise)
        if found is None:
            return None
        if pointwise:
            code, extra = self._pointwise_code(model, place, found.rows, found.requant), ODD_MULTIPLY
        else:
            code, extra = self._dense_code(place, found.rows, found.requant), FULLY_CONNECTED_ODD
        assert code.call is not None
        odd = f"{pointwise}_odd" if pointwise else FULLY_CONNECTED_ODD
        inner = () if pointwise else (("kernel", Name(code.call.function, INNER)),)
        call = Call(odd, (*code.call.arguments, ("odd", found.odd), *inner))
        others = (source for source in code.sources if not pointwise or source != pointwise)
        return LayerCode(call, tuple(dict.fromkeys((odd, extra, *others))))

    def _dense_code(self, place: Place, rows: npt.NDArray[np.int8], requant: Requantisation) -> LayerCode:
        """Returns a call of a kernel of dense layers."""
        layer = self.layer
        units, size = rows.shape
        function = self._function(units, size)
        if layer.weight_bits == 4 and not conv_weights.sums_suit_four(rows):
            function = FULLY_CONNECTED
        orders = {
            FULLY_CONNECTED_BY8: conv_weights.words_by8,
            FULLY_CONNECTED_S4: conv_weights.dense_words_of_four,
            FULLY_CONNECTED_BY8_S4: conv_weights.dense_words_of_four_by8,
        }
        words = orders.get(function, conv_weights.words)(rows)
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=place.table("uint32_t", "weights", words),
            inputs=size,
            units=units,
            requant=requant.struct,
        )
        return LayerCode(call, (function,))

    def _pointwise_code(
        self, model: QuantizedModel, place: Place, rows: npt.NDArray[np.int8], requant: Requantisation
    ) -> LayerCode:
        """Returns a call of a convolution's kernel for one pixel."""
        function = self._pointwise(rows.shape[1])
        table = place.table("uint32_t", "weights", conv_weights.words(rows, 1 if function == CONV else None))
        if function == CONV_1X1:
            return pointwise_code(place, function, self.layer, table, 1, rows, requant)
        window = vector_window(self.step, model, place, rows)
        return windowed_code(place, function, self.layer, table, window, requant)


def vector_window(step: Step, model: QuantizedModel, place: Place, rows: npt.NDArray[np.int8]) -> Struct:
    """Returns the window of a step that is a matrix times one vector, as a convolution of one pixel.

    - step: the step.
    - model: the network, which holds the zero point of the step's input.
    - place: the source of the layer's names and addresses.
    - rows: the matrix, `[outputs, inputs]`; only its shape is read.
    """
    one = replace(step, input_shapes=((1, 1, rows.shape[1]),), output_shapes=((1, 1, len(rows)),))
    zero_point = model.quant[step.layer.inputs[0]].zero_point
    return window_struct(one, place, Window((1, 1)), pad_value=zero_point)


def is_dense(step: Step) -> bool:
    """Returns whether a step, as `matrix_step` returns it, is a matrix times one vector."""
    layer = step.layer
    one = isinstance(layer, Conv2D) and is_pointwise(layer) and step.output_shape[:2] == (1, 1)
    return one or isinstance(layer, FullyConnected)


def matrix_step(step: Step) -> Step:
    """Returns the step by which a kernel computes `step`.

    A dense layer over several vectors becomes the pointwise convolution of a map that has a pixel for each vector;
    other steps stay as they are.
    """
    layer = step.layer
    if not isinstance(layer, FullyConnected) or not layer.keep_dims:
        return step
    x = step.input_shapes[0]
    if math.prod(x) == x[-1]:
        return step
    if len(x) != 3:
        x = (math.prod(x[:-1]), 1, x[-1])
    convolution = Conv2D(
        name=layer.name,
        inputs=layer.inputs,
        act_bits=layer.act_bits,
        filters=layer.units,
        kernel=(1, 1),
        activation=layer.activation,
        weight_bits=layer.weight_bits,
    )
    return Step.of(convolution, (x,), input_types=step.input_types)
