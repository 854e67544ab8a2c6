"""The kinds of layers that a network is made of, as frozen values; what is known of each kind is in `ir.ops`.

Shapes leave out a batch of one: `(H, W, C)` for maps and `(N,)` for vectors. A tensor that has no batch of one in its
file has its whole shape: `(5, 16)`, `(16,)`, or `()` for a single value. Layers have the names, the padding rules and
the fused activations of TensorFlow Lite Micro. Weights and tensors are stored in 8 or 4 bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from micronets.ir.types import Type, Types
from micronets.ir.window import Padding, Pair, Window

INPUT = "input"
"""Name of the network's input tensor."""

Shape = tuple[int, ...]
"""The sizes of a tensor's dimensions, without a batch of one in front; `()` for a single value."""

WEIGHT_BITS = (4, 8)
"""How many bits a weight may have."""

Activation = Literal["none", "relu", "relu6", "relu_n1_to_1"]
"""A fused activation: what clamps the output of a layer to the real values of `ACTIVATION_LIMITS`."""

ACTIVATION_LIMITS: Mapping[Activation, tuple[float, float]] = {
    "none": (-math.inf, math.inf),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}
"""The least and the greatest real value that a fused activation lets through."""


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that no layer writes: its name, its shape without the batch, and its type."""

    name: str
    shape: Shape
    type: Type


@dataclass(frozen=True, kw_only=True)
class _Base:
    """The fields that every layer has.

    - name: the name of the layer and of its first output; no two layers share one.
    - inputs: the names of the tensors that the layer reads.
    - act_bits: 4 for a layer that writes int8 codes of 4 bits, otherwise 8.
    """

    name: str
    inputs: tuple[str, ...]
    act_bits: int = 8

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors that the layer writes: one, called like the layer, unless its kind names several."""
        return (self.name,)

    def output_types(self, first: Type) -> Types:
        """Returns the types of all outputs, of which the first one has the type `first`: the same, for most kinds."""
        return (first,) * len(self.outputs)


@dataclass(frozen=True, kw_only=True)
class Conv2D(_Base):
    """Convolution: `(H, W, C) -> (H', W', filters)`; weights `[filters, kh, kw, C / groups]`.

    With several groups, the first `filters / groups` filters read the first `C / groups` channels, and so on.
    """

    filters: int
    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = "same"
    activation: Activation = "none"
    weight_bits: int = 8
    groups: int = 1

    @property
    def window(self) -> Window:
        """How the kernel slides over the input."""
        return Window(self.kernel, self.stride, self.dilation, self.padding)


@dataclass(frozen=True, kw_only=True)
class DepthwiseConv2D(_Base):
    """Depthwise convolution: `(H, W, C) -> (H', W', C * multiplier)`; weights `[1, kh, kw, C * multiplier]`."""

    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    multiplier: int = 1
    padding: Padding = "same"
    activation: Activation = "none"
    weight_bits: int = 8

    @property
    def window(self) -> Window:
        """How the kernel slides over the input."""
        return Window(self.kernel, self.stride, self.dilation, self.padding)


@dataclass(frozen=True, kw_only=True)
class TransposeConv2D(_Base):
    """Transposed convolution: `(H, W, C) -> (*size, filters)`; weights `[filters, kh, kw, C]`.

    Every input pixel adds its products with the weights to the output pixels that a convolution with this window would
    have made it of. Of these, the convolution makes a map of height H and width W.
    """

    filters: int
    kernel: Pair
    size: Pair
    stride: Pair = (1, 1)
    padding: Padding = "same"
    activation: Activation = "none"
    weight_bits: int = 8

    @property
    def window(self) -> Window:
        """How the kernel of the convolution slides over the output."""
        return Window(self.kernel, self.stride, padding=self.padding)


@dataclass(frozen=True, kw_only=True)
class FullyConnected(_Base):
    """Matrix product with weights `[units, inputs]`.

    Without `keep_dims` the input is one vector, whatever its shape is: `(...) -> (units,)`. With it, the last dimension
    holds the vectors, and every one is multiplied: `(..., inputs) -> (..., units)`.
    """

    units: int
    keep_dims: bool = False
    activation: Activation = "none"
    weight_bits: int = 8


@dataclass(frozen=True, kw_only=True)
class BatchMatMul(_Base):
    """Products of matrices, the last two dimensions of two tensors: `(..., N, K)` and `(..., K, M) -> (..., N, M)`.

    Either may be transposed in memory: `(..., K, N)` with `transpose_a`, `(..., M, K)` with `transpose_b`. The
    dimensions in front broadcast as numpy's do.
    """

    transpose_a: bool = False
    transpose_b: bool = False


@dataclass(frozen=True, kw_only=True)
class AveragePool2D(_Base):
    """Mean over windows: `(H, W, C) -> (H', W', C)`; values in the padding are not counted."""

    pool: Pair
    stride: Pair
    padding: Padding = "valid"
    activation: Activation = "none"

    @property
    def window(self) -> Window:
        """How the pool slides over the input."""
        return Window(self.pool, self.stride, padding=self.padding)


@dataclass(frozen=True, kw_only=True)
class MaxPool2D(_Base):
    """Maximum over windows: `(H, W, C) -> (H', W', C)`."""

    pool: Pair
    stride: Pair
    padding: Padding = "valid"
    activation: Activation = "none"

    @property
    def window(self) -> Window:
        """How the pool slides over the input."""
        return Window(self.pool, self.stride, padding=self.padding)


@dataclass(frozen=True, kw_only=True)
class Mean(_Base):
    """Mean over the dimensions `axes`: `(H, W, C) -> (1, 1, C)` over (0, 1) with `keep_dims`, otherwise `(C,)`."""

    axes: tuple[int, ...] = (0, 1)
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class Sum(_Base):
    """Sum over the dimensions `axes`, which stay with size 1 where `keep_dims` is set."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class ReduceMax(_Base):
    """Maximum over the dimensions `axes`, which stay with size 1 where `keep_dims` is set."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class ReduceMin(_Base):
    """Minimum over the dimensions `axes`, which stay with size 1 where `keep_dims` is set."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class ReduceAll(_Base):
    """Whether all truth values along the dimensions `axes` are true; a `Mean` says what becomes of the shape."""

    axes: tuple[int, ...] = (0, 1)
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class CumSum(_Base):
    """Sums of the values up to each place of dimension `axis`; with `reverse`, from each place to the end.

    With `exclusive` the value of the place itself is left out. TFLM counts the zero point of int8 codes once too often,
    and its sums of codes wrap at 13 bits.
    """

    axis: int
    exclusive: bool = False
    reverse: bool = False


@dataclass(frozen=True, kw_only=True)
class AddN(_Base):
    """Sum of two or more tensors of one shape, one scale and one zero point.

    TFLM counts the zero point of int8 codes once too often, and its sums of codes wrap at 13 bits.
    """


@dataclass(frozen=True, kw_only=True)
class ArgMax(_Base):
    """The place, from 0, of the first of the largest values along dimension `axis`, which goes; int32.

    With `smallest` it is that of the smallest values.
    """

    axis: int
    smallest: bool = False


@dataclass(frozen=True, kw_only=True)
class Add(_Base):
    """Sum of two tensors, value by value.

    Their shapes broadcast as numpy's do: counted from the last dimension, sizes are equal, or one is 1 or missing.
    Either tensor may be a constant of the network.
    """

    activation: Activation = "none"


@dataclass(frozen=True, kw_only=True)
class Mul(_Base):
    """Product of two tensors, whose shapes broadcast like those of `Add`."""

    activation: Activation = "none"


@dataclass(frozen=True, kw_only=True)
class Sub(_Base):
    """The first tensor minus the second, whose shapes broadcast like those of `Add`."""

    activation: Activation = "none"


@dataclass(frozen=True, kw_only=True)
class Div(_Base):
    """The first tensor divided by the second, whose shapes broadcast like those of `Add`; int32 or float32.

    A quotient of int32 is cut off at the point; that by 0 is 0 here, and TFLM leaves it open.
    """

    activation: Activation = "none"


@dataclass(frozen=True, kw_only=True)
class Minimum(_Base):
    """The smaller code of two tensors, whose shapes broadcast like those of `Add`. Nothing is rescaled."""


@dataclass(frozen=True, kw_only=True)
class Maximum(_Base):
    """The larger code of two tensors, whose shapes broadcast like those of `Add`. Nothing is rescaled."""


@dataclass(frozen=True, kw_only=True)
class SquaredDifference(_Base):
    """The square of the first tensor minus the second, whose shapes broadcast like those of `Add`."""


@dataclass(frozen=True, kw_only=True)
class Prelu(_Base):
    """x where it is at least 0, otherwise alpha * x: alpha is the second input, whose shape broadcasts to that of x."""


Relation = Literal["equal", "not equal", "greater", "greater or equal", "less", "less or equal"]
"""How the first of two values must lie to the second."""


@dataclass(frozen=True, kw_only=True)
class Compare(_Base):
    """Whether the real values of two tensors are in a relation, value by value: 1 or 0, of type bool.

    Their shapes broadcast like those of `Add`.
    """

    relation: Relation


@dataclass(frozen=True, kw_only=True)
class Logical(_Base):
    """Whether both of two truth values are true, or with `either` one at least; shapes broadcast as those of `Add`."""

    either: bool = False


@dataclass(frozen=True, kw_only=True)
class LogicalNot(_Base):
    """Whether a truth value is false."""


@dataclass(frozen=True, kw_only=True)
class Select(_Base):
    """The value of the second tensor where the first one, of type bool, is true, and that of the third one elsewhere.

    Their shapes broadcast like those of `Add`. Codes are copied as they are, whatever their scales.
    """


@dataclass(frozen=True, kw_only=True)
class Concatenation(_Base):
    """Tensors one behind the other along dimension `axis`, which counts without the batch.

    Their shapes differ in that dimension only.
    """

    axis: int


@dataclass(frozen=True, kw_only=True)
class Split(_Base):
    """Parts of a tensor along dimension `axis`, which counts without the batch.

    The first part is called like the layer; `others` are the names of the rest. `sizes` are those of the parts along
    the axis; without any, all parts are equal.
    """

    axis: int
    others: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the parts, in order."""
        return (self.name, *self.others)


@dataclass(frozen=True, kw_only=True)
class Pad(_Base):
    """Padding: `(before, after)` for each dimension of the input.

    `value` is the code of the padding, or the number in a tensor of float32; None stands for the zero point, which is
    what PAD takes, not PADV2.
    """

    paddings: tuple[Pair, ...]
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reshape(_Base):
    """The values of a tensor, in their order, under another shape: `(...) -> shape`."""

    shape: Shape


@dataclass(frozen=True, kw_only=True)
class ExpandDims(_Base):
    """The same values with a dimension of one more, which becomes dimension `axis`."""

    axis: int


@dataclass(frozen=True, kw_only=True)
class Squeeze(_Base):
    """The same values without the dimensions `axes`, which are all one."""

    axes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Transpose(_Base):
    """The same values with their dimensions in another order: dimension i of the output is `permutation[i]` of
    the input."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Slice(_Base):
    """A box of a tensor: of each dimension `size` places from `begin` on."""

    begin: tuple[int, ...]
    size: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class StridedSlice(_Base):
    """Of each dimension `size` places from `begin` on, `strides` apart, which may be negative.

    The dimensions `shrink`, of which one place is taken, are left out of the output's shape.
    """

    begin: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    shrink: tuple[int, ...] = ()

    @property
    def ends(self) -> tuple[int, ...]:
        """For each dimension the place behind the last one, by the stride; it may lie outside the tensor."""
        places = zip(self.begin, self.size, self.strides, strict=False)  # the operator checks that they are as many
        return tuple(begin + size * stride for begin, size, stride in places)


@dataclass(frozen=True, kw_only=True)
class Pack(_Base):
    """Tensors of one shape laid side by side along a new dimension, which becomes dimension `axis`."""

    axis: int


@dataclass(frozen=True, kw_only=True)
class Unpack(_Base):
    """A tensor for each place along dimension `axis`, which their shape leaves out.

    The first one is called like the layer; `others` are the names of the rest.
    """

    axis: int
    others: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors, in order."""
        return (self.name, *self.others)


@dataclass(frozen=True, kw_only=True)
class Gather(_Base):
    """The places `indices` along dimension `axis`, in this order; a place may be taken several times."""

    axis: int
    indices: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Lookup(_Base):
    """Of the first tensor, the places along dimension `axis` that the second tensor, of int32, holds.

    The dimensions of the second tensor take the place of that dimension: a table of words `(words, size)` and a text
    `(length,)` make `(length, size)`. A place that is not there is the nearest one that is; TFLM leaves it open.
    """

    axis: int = 0


@dataclass(frozen=True, kw_only=True)
class BroadcastTo(_Base):
    """The values of a tensor, repeated along dimensions where it has one place or which it lacks: `(...) -> shape`.

    The rules are those of `Add`.
    """

    shape: Shape


@dataclass(frozen=True, kw_only=True)
class DynamicUpdateSlice(_Base):
    """The first tensor with the second one in place of a box of its size, which begins at the place `begin`."""

    begin: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MirrorPad(_Base):
    """A border that mirrors the tensor: `(before, after)` places for each dimension.

    With `symmetric` the places at the ends are repeated; otherwise they are what is mirrored at.
    """

    paddings: tuple[Pair, ...]
    symmetric: bool = False


@dataclass(frozen=True, kw_only=True)
class ResizeNearestNeighbor(_Base):
    """A map of another size: `(H, W, C) -> (*size, C)`, each pixel that of the nearest place.

    - align_corners: whether the pixels at the corners keep their places.
    - half_pixel_centers: whether the place of a pixel is its centre, not its corner.
    """

    size: Pair
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True, kw_only=True)
class ResizeBilinear(_Base):
    """A map of another size: `(H, W, C) -> (*size, C)`, each pixel interpolated between the four around its place.

    - align_corners: whether the pixels at the corners keep their places.
    - half_pixel_centers: whether the place of a pixel is its centre, not its corner.
    """

    size: Pair
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True, kw_only=True)
class Softmax(_Base):
    """Softmax over the last dimension, from int8 to the type `to`, int8 or int16; `beta` multiplies the logits."""

    beta: float = 1.0
    to: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class LogSoftmax(_Base):
    """Logarithm of the softmax over the last dimension, with int8 in and out."""


@dataclass(frozen=True, kw_only=True)
class L2Normalization(_Base):
    """x divided by the root of the sum of the squares over the last dimension."""


NumberFunctionName = Literal["negate", "square", "root", "exponential", "floor", "ceil", "round"]
"""A function of one number; `round` brings halves to the even neighbour."""


@dataclass(frozen=True, kw_only=True)
class NumberFunction(_Base):
    """A function of each value of a float32 tensor, `of`."""

    of: NumberFunctionName


@dataclass(frozen=True, kw_only=True)
class Relu(_Base):
    """A rectifier that is an operator of its own: RELU, `max(x, 0)`, or RELU6, `min(max(x, 0), 6)`, when `six`."""

    six: bool = False


@dataclass(frozen=True, kw_only=True)
class HardSwish(_Base):
    """x * relu6(x + 3) / 6, the activation of MobileNetV3, as an operator of its own."""


@dataclass(frozen=True, kw_only=True)
class Logistic(_Base):
    """1 / (1 + exp(-x)), the sigmoid."""


@dataclass(frozen=True, kw_only=True)
class Tanh(_Base):
    """The hyperbolic tangent."""


@dataclass(frozen=True, kw_only=True)
class LeakyRelu(_Base):
    """x where it is at least 0, otherwise alpha * x."""

    alpha: float


@dataclass(frozen=True, kw_only=True)
class Elu(_Base):
    """x where it is at least 0, otherwise exp(x) - 1."""


@dataclass(frozen=True, kw_only=True)
class Abs(_Base):
    """The magnitude of x."""


@dataclass(frozen=True, kw_only=True)
class Rsqrt(_Base):
    """1 / sqrt(x); 0 and, in our C, negative numbers give the largest code."""


@dataclass(frozen=True, kw_only=True)
class Quantize(_Base):
    """Change of scale, zero point or type, to integers of type `to`."""

    to: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class ReadVariable(_Base):
    """A copy of a variable, which the network keeps from one inference to the next.

    - variable: its name. All layers that read or assign it agree in shape and type.
    - shape: its shape.
    - of: the type of its elements.
    """

    inputs: tuple[str, ...] = ()
    variable: str
    shape: Shape
    of: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class AssignVariable(_Base):
    """A copy of the input to a variable; no tensor is written.

    - variable: the variable's name.
    """

    variable: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """No name: the layer writes a variable, and no tensor."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Svdf(_Base):
    """A step of a singular value decomposition filter: `(n,) -> (units,)`; `rank` filters make an output.

    A filter multiplies the input with weights. The product becomes the newest of the last `memory` ones, which the
    layer keeps, and these are summed, weighted by their age (Nakkiran et al., "Compressing Deep Neural Networks using a
    Rank-Constrained Topology", 2015). All inputs but the first are constants:

    - the input, int8;
    - int8 weights of the products, `[filters, n]`, where filters is units * rank;
    - weights of the ages, the oldest first, `[filters, memory]`, of the type of the products;
    - an int32 bias, `[units]`.

    Fields:

    - rank: how many filters are summed to an output.
    - variable: the name of what the layer keeps, `filters * memory` products; a `QuantizedModel` has its scale under
      this name.
    - of: the type of the products that are kept, int8 or int16.
    """

    rank: int
    variable: str
    of: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class UnidirectionalSequenceLstm(_Base):
    """Long short-term memory over the vectors of a sequence: `(steps, n) -> (steps, units)`.

    All inputs but the first are constants, each for the input gate, the forget gate, the cell gate and the output gate
    in this order (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Gers et al., 2000, for the forget gate):

    - the sequence, int8;
    - four int8 weights of its vectors, `[units, n]`;
    - four int8 weights of the last output, `[units, units]`;
    - four int32 biases, `[units]`.

    Fields:

    - hidden, cell: the names of what the layer keeps: its last output, int8 `[units]`, and the state of its cells,
      int16 `[units]`. A `QuantizedModel` has their scales under these names.
    - cell_clip: what the magnitude of the state of a cell is limited to; 0 for no limit.
    """

    hidden: str
    cell: str
    cell_clip: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cast(_Base):
    """The same numbers as another type, `to`: codes without their scales, floats cut off at the point."""

    to: Type


@dataclass(frozen=True, kw_only=True)
class Dequantize(_Base):
    """Conversion of integer codes to float32 values."""


@dataclass(frozen=True, kw_only=True)
class SignalLayer(_Base):
    """What the operators of TFLM's signal library have in common: tensors of numbers, which need no scale.

    A file has them as CUSTOM operators, of the names of these classes.
    """


@dataclass(frozen=True, kw_only=True)
class SignalWindow(SignalLayer):
    """Samples times a window, the second input, a constant: `(..., n)` and `(n,) -> (..., n)`, int16.

    - shift: by how many bits a product is shifted to the right before it is saturated.
    """

    shift: int


@dataclass(frozen=True, kw_only=True)
class SignalFftAutoScale(SignalLayer):
    """Samples scaled up by so many bits that the largest still has 16: `(n,) -> (n,)`, int16, and the bits, `()`.

    - bits: the name of the second output, an int32.
    """

    bits: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the scaled samples and of the bits."""
        return (self.name, self.bits)

    def output_types(self, first: Type) -> Types:
        """Returns the type of the samples, and int32."""
        return (first, "int32")


@dataclass(frozen=True, kw_only=True)
class SignalRfft(SignalLayer):
    """The Fourier transform of real samples, filled up with zeros: `(..., n) -> (..., length + 2)`, int16.

    The output is the real and the imaginary part of each of `length / 2 + 1` bins, divided by `length`.
    """

    length: int


@dataclass(frozen=True, kw_only=True)
class SignalEnergy(SignalLayer):
    """Squared magnitudes of complex int16 numbers: `(2 n,) -> (n,)`, uint32.

    - start, end: the first number whose magnitude is computed, and that behind the last; others are 0. TFLM leaves the
      others as they are in its memory, so that what a network makes of them is not defined there.
    """

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class SignalFilterBank(SignalLayer):
    """Weighted sums of energies, of a triangle of bins for each band: `(n,) -> (bands,)`, uint32 to uint64.

    All inputs but the first are int16 constants: the weights of bins in the band where they rise, those in the band
    behind it, and, for each of bands + 1 intervals, the number of its first bin, that of its first weight, and how many
    bins it has. What the first interval adds to a band in front of the first one is dropped.

    - channels: how many bands there are.
    """

    channels: int


@dataclass(frozen=True, kw_only=True)
class SignalFilterBankSquareRoot(SignalLayer):
    """Square roots of uint64, shifted to the right by the bits in the second input: `(n,)` and `() -> (n,)`, uint32."""


@dataclass(frozen=True, kw_only=True)
class SignalFilterBankSpectralSubtraction(SignalLayer):
    """Bands less their noise, `(n,) -> (n,)`, and the estimates of the noise, `(n,)`, uint32.

    An estimate is a slow average of its band, which the layer keeps from one inference to the next.

    - channels: n.
    - noise: the name of the second output.
    - variable: the name of the estimates that are kept, of which there are n.
    - smoothing, one_minus_smoothing: the shares of the newest and of the last estimate in bands of even numbers.
    - alternate_smoothing, alternate_one_minus_smoothing: those in bands of odd numbers.
    - smoothing_bits: fractional bits of an estimate.
    - subtraction_bits: fractional bits of the shares.
    - min_signal_remaining: the share of a band that always remains.
    - clamping: whether an estimate is held to the band.
    """

    channels: int
    noise: str
    variable: str
    smoothing: int
    one_minus_smoothing: int
    alternate_smoothing: int
    alternate_one_minus_smoothing: int
    smoothing_bits: int
    subtraction_bits: int
    min_signal_remaining: int
    clamping: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the bands without noise and of the estimates of the noise."""
        return (self.name, self.noise)


@dataclass(frozen=True, kw_only=True)
class SignalPcan(SignalLayer):
    """Bands times gains that follow from their noise, small ones squared: two of `(n,) -> (n,)`, uint32 (PCAN).

    The third input, an int16 constant, holds the coefficients of a parabola for every number of bits of the noise.

    - snr_shift: by how many bits a product is shifted to the right.
    """

    snr_shift: int


@dataclass(frozen=True, kw_only=True)
class SignalFilterBankLog(SignalLayer):
    """`scale` times the natural logarithm of bands: `(n,) -> (n,)`, uint32 to int16.

    - correction_bits: by how many bits bands are shifted to the left before.
    """

    correction_bits: int
    scale: int


Layer = (
    Conv2D
    | DepthwiseConv2D
    | TransposeConv2D
    | FullyConnected
    | BatchMatMul
    | AveragePool2D
    | MaxPool2D
    | Mean
    | Sum
    | ReduceMax
    | ReduceMin
    | ReduceAll
    | CumSum
    | AddN
    | ArgMax
    | Add
    | Mul
    | Sub
    | Div
    | Minimum
    | Maximum
    | SquaredDifference
    | Prelu
    | Compare
    | Logical
    | LogicalNot
    | Select
    | Concatenation
    | Split
    | Pad
    | Reshape
    | ExpandDims
    | Squeeze
    | Transpose
    | Slice
    | StridedSlice
    | Pack
    | Unpack
    | Gather
    | Lookup
    | BroadcastTo
    | DynamicUpdateSlice
    | MirrorPad
    | ResizeNearestNeighbor
    | ResizeBilinear
    | Softmax
    | LogSoftmax
    | L2Normalization
    | NumberFunction
    | Relu
    | HardSwish
    | Logistic
    | Tanh
    | LeakyRelu
    | Elu
    | Abs
    | Rsqrt
    | Cast
    | Quantize
    | Dequantize
    | ReadVariable
    | AssignVariable
    | Svdf
    | UnidirectionalSequenceLstm
    | SignalWindow
    | SignalFftAutoScale
    | SignalRfft
    | SignalEnergy
    | SignalFilterBank
    | SignalFilterBankSquareRoot
    | SignalFilterBankSpectralSubtraction
    | SignalPcan
    | SignalFilterBankLog
)
"""A layer of any kind."""

Signal = (
    SignalWindow
    | SignalFftAutoScale
    | SignalRfft
    | SignalEnergy
    | SignalFilterBank
    | SignalFilterBankSquareRoot
    | SignalFilterBankSpectralSubtraction
    | SignalPcan
    | SignalFilterBankLog
)
"""The kinds of `SignalLayer`."""

Recurrent = Svdf | UnidirectionalSequenceLstm
"""The kinds that keep variables of their own, and read constants besides their first input: weights and biases."""

Reduction = Mean | Sum | ReduceMax | ReduceMin | ReduceAll
"""The kinds that put one value in place of all along some dimensions."""

Binary = Add | Mul | Sub | Div | Minimum | Maximum | SquaredDifference | Prelu
"""The kinds that combine two tensors value by value, either of which may be a constant of the network."""

ByValue = Binary | Compare | Logical | Select
"""The kinds that work on several tensors value by value, of which all but one may be constants of the network."""

Joining = Concatenation | Pack
"""The kinds that lay tensors side by side, of which all but one may be constants of the network."""

Weighted = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected
"""The kinds that have weights, those whose `Operator.weights` is not None."""

LAYER_KINDS: dict[str, type] = {k.__name__: k for k in Layer.__args__}
"""The class of every kind of layer, by its name, which is also the kind's name in JSON."""
