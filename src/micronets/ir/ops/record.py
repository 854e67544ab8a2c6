"""`Operator`: everything that the core of micronets knows of one kind of layer, as required fields of one record.

Each other file of this folder makes the records of one family of kinds. A field has no default, so that a fact which is
forgotten for a new kind is an error of the type checker, by name. Facts that follow from the layer alone are values;
those that follow from shapes as well are functions of two tuples, the shapes of the inputs and of the outputs, both
without the batch. Counts use only `+ * max` on channels, kernels and widths, so that these may be 0-d tensors with
gradients in a relaxed network.
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
"""A number that follows from the shapes of the inputs and of the outputs."""


TypeRule = Callable[[Types, str], Type]
"""The type of an operator's outputs, from the types of its inputs and from what begins an error's text."""


@dataclass(frozen=True)
class Arity:
    """The number of tensors that an operator takes: from `least` to `most`, both included; None is no limit."""

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
    """The constants that an operator multiplies its input with; a bias for every channel comes with them.

    - shape: the shape of the array, as the file holds it.
    - axis: the dimension of `shape` that counts the output channels.
    - taps: weights of one output channel.
    - channels: output channels.
    - bits: the bits of a weight, 8 or 4; a 0-d tensor where they are a choice.
    - one_scale: whether micronets gives all channels one scale, otherwise each channel has its own.
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
"""A tensor of an operator. "input" and "output" are the first ones, "constant" one of those in `Operator.constants`,
"variable" one that the operator keeps for itself."""


@dataclass(frozen=True, kw_only=True)
class TflmKernel:
    """The bytes that TensorFlow Lite Micro keeps in its arena for an operator of a kind, on one kind of machine.

    - parameters: the struct of options that the file's table is unpacked to (`builtin_data`); 0 for none.
    - alignment: the alignment of that struct.
    - op_data: the struct in which the kernel keeps what it prepared; 0 for none.
    - temporaries: the tensors that the kernel asks for while it is prepared, as often as it does. Their structs lie
      in the arena together until it is done.
    - scratch: the scratch buffers that the kernel asks for; one of 0 bytes is not asked for.
    - prepared: the blocks that the kernel asks for while it is prepared, in place of or besides `op_data`.
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

    docs/arena.md and `cost.tflm_cycles` say where the figures come from.

    - host: what its kernel on a 64-bit machine takes, a reference kernel.
    - cortex_m: what its kernel on a 32-bit Cortex-M with DSP instructions takes, one of CMSIS-NN where there is one.
    - requantised_channels: how many channels have a multiplier and a shift of their own in the arena. A kind whose
      weights have one scale in our files (`Weights.one_scale`) has them for each scale where a file has several.
    - cycles: an estimate of the cycles of one layer on a Cortex-M4 without wait states.
    """

    host: TflmKernel
    cortex_m: TflmKernel
    requantised_channels: Count
    cycles: Count


Scale = Literal[
    "the input's", "all inputs'", "copied codes", "its own", "1/256", "1/65536", "1/128", "1/32768", "1/16", "1"
]
"""Which scale and zero point an output has.

- the input's: the kernel does not rescale, and TFLM refuses an output of another scale.
- all inputs': the kernel copies codes, and TFLM refuses inputs and outputs that have not all exactly one scale.
- copied codes: the kernel copies codes, so that a network which we train gives the output the scale of the input.
- its own: the kernel brings its results to any scale. A float output, which has no scale, is listed here too.
- 1/256: the output always has this scale and the zero point -128.
- 1/65536: the output always has this scale, which may differ by a thousandth, and the zero point -32768.
- 1/128: the output always has this scale and the zero point 0.
- 1/32768: the output, of int16, always has this scale and the zero point 0.
- 1/16: the output always has this scale and the zero point 127.
- 1: the output always has this scale and the zero point 0, as its codes are numbers that count something.
"""

Sign = Literal["never negative", "as the inputs", "any"]
"""Returns whether real values of the output may be negative, apart from what a fused activation clamps.

- never negative: no output is negative, whatever the inputs are.
- as the inputs: an output may be negative only if an input is.
- any: the inputs do not tell.
"""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """All facts of one layer's kind, for the fields that the layer has.

    How the file holds it
    - tflite_name: the operator's name in TensorFlow Lite.
    - constants: integer tensors that the operator reads besides its inputs and weights, as nested tuples of int32.
      Those that speak of dimensions (axes, paddings) count the batch.
    - table_bytes: the most bytes of the file that everything of the layer takes but its weights, biases, scales and
      name; fitted to the largest files.

    Its tensors
    - inputs: how many tensors the layer takes.
    - output_shapes: the shapes of its outputs, from those of its inputs; as many as `layer.outputs`.
    - check: raises `SpecError` if the layer cannot work on inputs of these shapes; the text names the layer. It is
      called before `output_shapes`.
    - output_type: the type of its outputs, from those of its inputs; raises `SpecError` for types that it cannot read,
      see `micronets.ir.ops.types`.
    - state_bytes: bytes that the layer keeps from one inference to the next, in a block of their own.

    What it computes
    - window: how its kernel slides over the input, None for an operator without one.
    - weights: the sizes of its weights, from the shape of its first input; None for an operator without any.
    - activation: the fused activation, whose range clamps the output; None for an operator that has no such field.
    - macs: how many multiply-accumulates there are, taps in the padding included.
    - pooled: how many values the windows of a pool read, taps in the padding included.
    - gathered: how many values the largest array has that `quantized.reference` makes besides padded inputs
      and outputs.
    - scale: which scale and zero point the outputs have.
    - largest_rescale: below how many scales of the output the scale of an input must lie, times that of the weights
      where there are any, for TFLM's kernel to take it; None where nothing is rescaled.
    - selects: whether every output code is a code of the input or a zero point, so that nothing is rounded.
    - codewise: whether each output code is a function of the input code at the same place, and of nothing else.
    - within_input: whether every output value lies between the least and the greatest value of the input and 0.
    - sign: whether the outputs may be negative.
    - by_channel: whether an output channel depends on one channel of each input alone: its own, or that of a depthwise
      convolution which makes it.
    - trainable: whether the layer can stand inside a network that we train.

    What it costs
    - tflm: what the layer takes under TensorFlow Lite Micro.
    - timed_as: the kind of kernel by which a fitted latency model knows the layer, from the shapes of the inputs; None
      for a layer that takes no time.
    - timed_by: the counts that its time is linear in, by name; all are at least 0.
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
"""What a multiplier of TFLM's `MultiplyByQuantizedMultiplier` must lie below.

The function shifts to the left by at most 30 bits. Beyond that C leaves open what a shift does, and machines differ.
"""

OPERATOR_CYCLES = 1000.0
"""Cycles that TFLM takes for every operator, to dispatch it and to read its parameters."""


def nothing(inputs: Shapes, outputs: Shapes) -> int:
    """Returns 0: the `Count` of something that an operator does not have."""
    return 0


def anything(inputs: Shapes, where: str) -> None:
    """Raises nothing: the `check` of an operator that takes every shape."""


def same_shape(inputs: Shapes) -> Shapes:
    """Returns the shape of the first input: the `output_shapes` of an operator that keeps it."""
    return (inputs[0],)
