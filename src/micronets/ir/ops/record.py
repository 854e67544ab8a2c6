"""`Operator`: everything that the core of micronets knows about one kind of layer, as required fields of one record.

Each other file of this folder makes the records of one family of kinds. Fields have no defaults, so the type checker
names every fact that is missing for a new kind. Facts that follow from the layer alone are values. Facts that also
depend on shapes are functions of two tuples: the shapes of the inputs and of the outputs, both without the batch.
Counts use only `+ * max` on channels, kernels and widths, so in a relaxed network these may be 0-d tensors with
gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from micronets.ir.layers import ACTIVATION_LIMITS, Activation, Shape
from micronets.ir.types import Type, Types
from micronets.ir.window import Window
from micronets.number import Number

Shapes = tuple[Shape, ...]
"""The shapes of a layer's inputs or outputs, in order."""

Count = Callable[[Shapes, Shapes], Number]
"""A function from the shapes of the inputs and of the outputs to a number."""


TypeRule = Callable[[Types, str], Type]
"""A function from the types of an operator's inputs, and the beginning of its error messages, to its output type."""


@dataclass(frozen=True)
class Arity:
    """The number of tensors that an operator takes: from `least` to `most`, both included; None means no limit."""

    least: int
    most: int | None

    def __contains__(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"{self.least} or more"
        return str(self.least) if self.least == self.most else f"{self.least}..{self.most}"


ONE, TWO = Arity(1, 1), Arity(2, 2)
"""Exactly one tensor, and exactly two."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The constants by which an operator multiplies its input; each channel also has a bias.

    - shape: the shape of the array in the file.
    - axis: the dimension of `shape` that indexes the output channels.
    - taps: the number of weights for one output channel.
    - channels: the number of output channels.
    - bits: the bits of a weight, 8 or 4; a 0-d tensor if the search chooses them.
    - one_scale: whether micronets uses one scale for all channels; otherwise each channel has its own.
    - bias_bytes: bytes of a bias in the file.
    """

    shape: Shape
    axis: int
    taps: Number
    channels: Number
    bits: Number
    one_scale: bool
    bias_bytes: int = 4

    @property
    def scales(self) -> Number:
        """The number of scales that the weights have."""
        return 1 if self.one_scale else self.channels


Operand = Literal["input", "every input", "weights", "bias", "output", "every output", "constant", "variable"]
"""A tensor of an operator. "input" and "output" are the first of each, "constant" is one of `Operator.constants`, and
"variable" is one of the operator's own variables."""


@dataclass(frozen=True, kw_only=True)
class TflmKernel:
    """The bytes that TensorFlow Lite Micro keeps in its arena for one operator, on one kind of machine.

    - parameters: the struct into which the file's table of options is unpacked (`builtin_data`); 0 for none.
    - alignment: the alignment of that struct.
    - op_data: the struct in which the kernel keeps its prepared data; 0 for none.
    - temporaries: the temporary tensors that the kernel requests while it prepares, listed once per request. Their
      structs stay in the arena together until it is done.
    - scratch: the scratch buffers that the kernel requests; a buffer of 0 bytes is not requested.
    - prepared: the blocks that the kernel requests while it prepares, in place of `op_data` or besides it.
    """

    parameters: int
    alignment: int
    op_data: int
    temporaries: tuple[Operand, ...]
    scratch: tuple[Count, ...]
    prepared: tuple[Count, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tflm:
    """The memory and the cycles that a kind of layer takes under TensorFlow Lite Micro.

    docs/arena.md and `cost.tflm_cycles` give the sources of the figures.

    - host: the memory of its reference kernel on a 64-bit machine.
    - cortex_m: the memory of its kernel on a 32-bit Cortex-M with DSP instructions: CMSIS-NN's, if there is one.
    - requantised_channels: the number of channels with a separate multiplier and shift in the arena. A kind whose
      weights have one scale in our files (`Weights.one_scale`) has one pair per scale if a file has several.
    - cycles: an estimate of the cycles of one layer on a Cortex-M4 without wait states.
    """

    host: TflmKernel
    cortex_m: TflmKernel
    requantised_channels: Count
    cycles: Count


Scale = Literal[
    "the input's", "all inputs'", "copied codes", "its own", "1/256", "1/65536", "1/128", "1/32768", "1/16", "1"
]
"""The scale and the zero point of an output.

- the input's: the kernel does not rescale, and TFLM refuses an output with another scale.
- all inputs': the kernel copies codes, and TFLM refuses inputs and outputs unless all have exactly the same scale.
- copied codes: the kernel copies codes; in a network that we train, the output has the scale of the input.
- its own: the kernel rescales its results to any scale. Float outputs, which have no scale, are listed here too.
- 1/256: the output always has this scale and the zero point -128.
- 1/65536: the output always has this scale, which may differ by a thousandth, and the zero point -32768.
- 1/128: the output always has this scale and the zero point 0.
- 1/32768: the output, of int16, always has this scale and the zero point 0.
- 1/16: the output always has this scale and the zero point 127.
- 1: the output always has this scale and the zero point 0, since its codes are counts or indices.
"""

Sign = Literal["never negative", "as the inputs", "any"]
"""Whether real values of the output may be negative, before any fused activation.

- never negative: no output is negative, whatever the inputs are.
- as the inputs: an output may be negative only if an input is.
- any: an output may be negative whatever the inputs are.
"""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """All facts about one kind of layer, for the fields of a given layer.

    In the file
    - tflite_name: the operator's name in TensorFlow Lite.
    - constants: integer tensors that the operator reads besides its inputs and weights, as nested tuples of int32.
      Axes and paddings include the batch dimension.
    - table_bytes: an upper bound on the bytes of the layer in the file, without its weights, biases, scales and name;
      fitted to the largest files.

    Tensors
    - inputs: the number of tensors that the layer takes.
    - output_shapes: the shapes of its outputs, from those of its inputs; one for each of `layer.outputs`.
    - check: raises `SpecError` if the layer cannot work on inputs of these shapes; the text names the layer. It is
      called before `output_shapes`.
    - output_type: the type of its outputs, from those of its inputs; raises `SpecError` for types that it cannot read,
      see `micronets.ir.ops.types`.
    - state_bytes: bytes that the layer keeps from one inference to the next, in a block of their own.

    Computation
    - window: how its kernel slides over the input; None for an operator without a window.
    - weights: the sizes of its weights, from the shape of its first input; None for an operator without weights.
    - activation: the fused activation, whose range clamps the output; None for an operator that has no such field.
    - macs: the number of multiply-accumulates, taps in the padding included.
    - pooled: the number of values that the windows of a pool read, taps in the padding included.
    - gathered: the number of values in the largest array that `quantized.reference` makes besides padded inputs and
      outputs.
    - scale: the scale and the zero point of the outputs.
    - largest_rescale: TFLM's kernel accepts the layer only if the input's scale, times the weights' scale if there are
      weights, is below this multiple of the output's scale; None if nothing is rescaled.
    - selects: whether every output code is a code of the input or a zero point, so that nothing is rounded.
    - codewise: whether each output code is a function of the input code at the same position alone.
    - within_input: whether every output value lies in the smallest range that contains 0 and all values of the input.
    - sign: whether the outputs may be negative.
    - by_channel: whether an output channel depends on only one channel of each input: the channel of the same number
      or, in a depthwise convolution, the channel that it filters.
    - trainable: whether a network that we train may contain the layer.

    Costs
    - tflm: the layer's memory and cycles under TensorFlow Lite Micro.
    - timed_as: the name of the layer's kernel in a fitted latency model, from the shapes of the inputs; None for a
      layer that takes no time.
    - timed_by: the counts, by name, in which its time is linear; all are at least 0.
    """

    tflite_name: str
    constants: tuple[tuple[Any, ...], ...]
    table_bytes: int

    inputs: Arity
    output_shapes: Callable[[Shapes], Shapes]
    check: Callable[[Shapes, str], None]
    output_type: TypeRule
    state_bytes: Count

    window: Window | None
    weights: Callable[[Shape], Weights] | None
    activation: Activation | None
    macs: Count
    pooled: Count
    gathered: Count
    scale: Scale
    largest_rescale: float | None
    selects: bool
    codewise: bool
    within_input: bool
    sign: Sign
    by_channel: bool
    trainable: bool

    tflm: Tflm
    timed_as: Callable[[Shapes], str | None]
    timed_by: Callable[[Shapes, Shapes], dict[str, Number]]

    @property
    def rectifies(self) -> bool:
        """Returns whether no real value of the output is negative, whatever the input is."""
        clamped = self.activation is not None and ACTIVATION_LIMITS[self.activation][0] == 0
        return clamped or self.sign == "never negative"


LARGEST_MULTIPLIER = 2.0**30
"""The bound below which a multiplier of TFLM's `MultiplyByQuantizedMultiplier` must lie.

The function shifts left by at most 30 bits. Larger shifts are undefined in C, and machines differ.
"""

OPERATOR_CYCLES = 1000.0
"""Cycles that TFLM takes to dispatch an operator and to read its parameters."""


def nothing(inputs: Shapes, outputs: Shapes) -> int:
    """Returns 0: the `Count` for something that an operator does not have."""
    return 0


def anything(inputs: Shapes, where: str) -> None:
    """Raises nothing: the `check` of an operator that accepts every shape."""


def same_shape(inputs: Shapes) -> Shapes:
    """Returns the shape of the first input: the `output_shapes` of an operator that keeps it."""
    return (inputs[0],)
