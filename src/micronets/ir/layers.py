"""The kinds of layers that a network is made of, as frozen values; `ir.ops` holds the facts about each kind.

Shapes leave out a batch of one: `(H, W, C)` for maps and `(N,)` for vectors. A tensor without a batch of one in its
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
"""The sizes of a tensor's dimensions, without a leading batch of one; `()` for a single value."""

WEIGHT_BITS = (4, 8)
"""The allowed widths of a weight in bits."""

Activation = Literal["none", "relu", "relu6", "relu_n1_to_1"]
"""A fused activation, which clamps a layer's output to the range of real values in `ACTIVATION_LIMITS`."""

ACTIVATION_LIMITS: Mapping[Activation, tuple[float, float]] = {
    "none": (-math.inf, math.inf),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}
"""The smallest and the largest real value after a fused activation."""


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
    - act_bits: 4 if the layer writes 4-bit codes, stored as int8; otherwise 8.
    """

    name: str
    inputs: tuple[str, ...]
    act_bits: int = 8

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors that the layer writes: one, named after the layer, unless its kind names several."""
        return (self.name,)

    def output_types(self, first: Type) -> Types:
        """Returns the types of all outputs, given the type of the first. For most kinds all have the same type."""
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

    Consider the convolution with this window that maps `size` to a map of height H and width W. Each input pixel here
    adds its products with the weights to the output pixels from which that convolution would compute it.
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

    Without `keep_dims` the input is one vector, whatever its shape: `(...) -> (units,)`. With it, each vector along the
    last dimension is multiplied: `(..., inputs) -> (..., units)`.
    """

    units: int
    keep_dims: bool = False
    activation: Activation = "none"
    weight_bits: int = 8


@dataclass(frozen=True, kw_only=True)
class BatchMatMul(_Base):
    """Matrix products over the last two dimensions of two tensors: `(..., N, K)` and `(..., K, M) -> (..., N, M)`.

    Either may be transposed in memory: `(..., K, N)` with `transpose_a`, `(..., M, K)` with `transpose_b`. The
    leading dimensions broadcast as in numpy.
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
    """Sum over the dimensions `axes`, which are kept with size 1 if `keep_dims` is set."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class ReduceMax(_Base):
    """Maximum over the dimensions `axes`, which are kept with size 1 if `keep_dims` is set."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class ReduceMin(_Base):
    """Minimum over the dimensions `axes`, which are kept with size 1 if `keep_dims` is set."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class ReduceAll(_Base):
    """Whether all truth values along the dimensions `axes` are true; the shape changes as for `Mean`."""

    axes: tuple[int, ...] = (0, 1)
    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class CumSum(_Base):
    """Cumulative sums along dimension `axis`: up to each position or, with `reverse`, from each position to the end.

    With `exclusive` the value at the position itself is left out. TFLM counts the zero point of int8 codes once too
    often, and its sums of codes wrap at 13 bits.
    """

    axis: int
    exclusive: bool = False
    reverse: bool = False


@dataclass(frozen=True, kw_only=True)
class AddN(_Base):
    """Sum of two or more tensors with the same shape, scale and zero point.

    TFLM counts the zero point of int8 codes once too often, and its sums of codes wrap at 13 bits.
    """


@dataclass(frozen=True, kw_only=True)
class ArgMax(_Base):
    """The index, from 0, of the first largest value along dimension `axis`, which is removed; int32.

    With `smallest` it is the index of the first smallest value.
    """

    axis: int
    smallest: bool = False


@dataclass(frozen=True, kw_only=True)
class Add(_Base):
    """Sum of two tensors, value by value.

    Their shapes broadcast as in numpy: counted from the last dimension, sizes are equal, or one is 1 or missing.
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

    An int32 quotient is truncated towards zero. Division by 0 gives 0 here; in TFLM it is undefined.
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
"""The relation that is tested between the first and the second of two values."""


@dataclass(frozen=True, kw_only=True)
class Compare(_Base):
    """Whether the real values of two tensors are in a relation, value by value: 1 or 0, of type bool.

    Their shapes broadcast like those of `Add`.
    """

    relation: Relation


@dataclass(frozen=True, kw_only=True)
class Logical(_Base):
    """Whether two truth values are both true or, with `either`, at least one is; shapes broadcast as for `Add`."""

    either: bool = False


@dataclass(frozen=True, kw_only=True)
class LogicalNot(_Base):
    """Whether a truth value is false."""


@dataclass(frozen=True, kw_only=True)
class Select(_Base):
    """The value of the second tensor where the first, of type bool, is true, and the value of the third elsewhere.

    Their shapes broadcast like those of `Add`. Codes are copied as they are, whatever their scales.
    """


@dataclass(frozen=True, kw_only=True)
class Concatenation(_Base):
    """Tensors joined along dimension `axis`, which is counted without the batch.

    Their shapes may differ in that dimension only.
    """

    axis: int


@dataclass(frozen=True, kw_only=True)
class Split(_Base):
    """Parts of a tensor along dimension `axis`, which is counted without the batch.

    The first part is named after the layer; `others` are the names of the rest. `sizes` are the sizes of the parts
    along the axis; if it is empty, all parts are equal.
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

    `value` is the code of the padding or, in a float32 tensor, the number. None stands for the zero point, as in PAD; a
    PADV2 has a value.
    """

    paddings: tuple[Pair, ...]
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reshape(_Base):
    """The values of a tensor, in the same order, with another shape: `(...) -> shape`."""

    shape: Shape


@dataclass(frozen=True, kw_only=True)
class ExpandDims(_Base):
    """The same values with a new dimension of size 1, which becomes dimension `axis`."""

    axis: int


@dataclass(frozen=True, kw_only=True)
class Squeeze(_Base):
    """The same values without the dimensions `axes`, all of which have size 1."""

    axes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Transpose(_Base):
    """The same values with their dimensions in another order: dimension i of the output is `permutation[i]` of
    the input."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Slice(_Base):
    """A box of a tensor: in each dimension, `size` positions from `begin`."""

    begin: tuple[int, ...]
    size: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class StridedSlice(_Base):
    """In each dimension, `size` positions from `begin`, `strides` apart; a stride may be negative.

    The dimensions `shrink`, in which one position is taken, are left out of the output's shape.
    """

    begin: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    shrink: tuple[int, ...] = ()

    @property
    def ends(self) -> tuple[int, ...]:
        """For each dimension, the position one stride after the last one; it may lie outside the tensor."""
        places = zip(self.begin, self.size, self.strides, strict=False)  # the operator checks their lengths
        return tuple(begin + size * stride for begin, size, stride in places)


@dataclass(frozen=True, kw_only=True)
class Pack(_Base):
    """Tensors of one shape, stacked along a new dimension, which becomes dimension `axis`."""

    axis: int


@dataclass(frozen=True, kw_only=True)
class Unpack(_Base):
    """One tensor for each position along dimension `axis`, which their shape leaves out.

    The first one is named after the layer; `others` are the names of the rest.
    """

    axis: int
    others: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors, in order."""
        return (self.name, *self.others)


@dataclass(frozen=True, kw_only=True)
class Gather(_Base):
    """The positions `indices` along dimension `axis`, in this order; a position may occur several times."""

    axis: int
    indices: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Lookup(_Base):
    """The entries of the first tensor along dimension `axis` whose indices the second tensor, of int32, holds.

    The dimensions of the second tensor replace that dimension: a table of words `(words, size)` and a text `(length,)`
    give `(length, size)`. An index out of range is replaced by the nearest valid one; in TFLM it is undefined.
    """

    axis: int = 0


@dataclass(frozen=True, kw_only=True)
class BroadcastTo(_Base):
    """The values of a tensor, repeated along dimensions of size 1 and along missing ones: `(...) -> shape`.

    The rules are those of `Add`.
    """

    shape: Shape


@dataclass(frozen=True, kw_only=True)
class DynamicUpdateSlice(_Base):
    """The first tensor, with a box that begins at `begin` replaced by the second tensor.

    Without `begin` a third tensor of int32 has the place: that of the batch, which counts for nothing, then one for
    each dimension. A box that would reach beyond the tensor is moved into it.
    """

    begin: tuple[int, ...] | None


@dataclass(frozen=True, kw_only=True)
class MirrorPad(_Base):
    """Padding that mirrors the tensor: `(before, after)` positions for each dimension.

    With `symmetric` the values at the ends are repeated; without it they are the axes of reflection, and are not.
    """

    paddings: tuple[Pair, ...]
    symmetric: bool = False


@dataclass(frozen=True, kw_only=True)
class ResizeNearestNeighbor(_Base):
    """A map resized: `(H, W, C) -> (*size, C)`; each output pixel is the nearest input pixel.

    - align_corners: whether the pixels at the corners keep their positions.
    - half_pixel_centers: whether a pixel's position is its centre, not its corner.
    """

    size: Pair
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True, kw_only=True)
class ResizeBilinear(_Base):
    """A map resized: `(H, W, C) -> (*size, C)`; each pixel is interpolated between the four around its position.

    - align_corners: whether the pixels at the corners keep their positions.
    - half_pixel_centers: whether a pixel's position is its centre, not its corner.
    """

    size: Pair
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True, kw_only=True)
class Softmax(_Base):
    """Softmax over the last dimension; `beta` multiplies the logits.

    The output's type `to` is the input's type; for an int8 input it may also be int16.
    """

    beta: float = 1.0
    to: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class LogSoftmax(_Base):
    """Logarithm of the softmax over the last dimension; input and output are int8."""


@dataclass(frozen=True, kw_only=True)
class L2Normalization(_Base):
    """x divided by the square root of the sum of squares over the last dimension."""


NumberFunctionName = Literal["negate", "square", "root", "exponential", "floor", "ceil", "round"]
"""A function of one number; `round` rounds halves to even."""


@dataclass(frozen=True, kw_only=True)
class NumberFunction(_Base):
    """The function `of`, applied to each value of a float32 tensor."""

    of: NumberFunctionName


@dataclass(frozen=True, kw_only=True)
class Relu(_Base):
    """A rectifier as a separate operator: RELU, `max(x, 0)`, or RELU6, `min(max(x, 0), 6)`, if `six`."""

    six: bool = False


@dataclass(frozen=True, kw_only=True)
class HardSwish(_Base):
    """x * relu6(x + 3) / 6, the activation of MobileNetV3, as a separate operator."""


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
    """Conversion to integers of type `to` with another scale, zero point or type."""

    to: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class ReadVariable(_Base):
    """A copy of a variable, which the network keeps from one inference to the next.

    - variable: its name. All layers that read or assign it must agree on its shape and type.
    - shape: its shape.
    - of: the type of its elements.
    """

    inputs: tuple[str, ...] = ()
    variable: str
    shape: Shape
    of: Type = "int8"


@dataclass(frozen=True, kw_only=True)
class AssignVariable(_Base):
    """Copies the input to a variable; no tensor is written.

    - variable: the variable's name.
    """

    variable: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Empty: the layer writes a variable and no tensor."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Svdf(_Base):
    """One step of a singular value decomposition filter: `(n,) -> (units,)`; each output sums `rank` filters.

    A filter multiplies the input by weights. The layer keeps the last `memory` products of each filter and sums them,
    weighted by age (Nakkiran et al., "Compressing Deep Neural Networks using a Rank-Constrained Topology", 2015). All
    inputs but the first are constants:

    - the input, int8;
    - int8 weights of the products, `[filters, n]`, where filters is units * rank;
    - weights of the ages, the oldest first, `[filters, memory]`, of the type of the products;
    - an int32 bias, `[units]`.

    Fields:

    - rank: the number of filters that are summed for each output.
    - variable: the name of the layer's state, `filters * memory` products; a `QuantizedModel` holds its scale under
      this name.
    - of: the type of these products, int8 or int16.
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

    - hidden, cell: the names of the layer's state: its last output, int8 `[units]`, and its cell state, int16
      `[units]`. A `QuantizedModel` holds their scales under these names.
    - cell_clip: the limit on the magnitude of the cell state; 0 for no limit.
    """

    hidden: str
    cell: str
    cell_clip: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cast(_Base):
    """The same numbers in the type `to`: codes are taken without their scales, and floats are truncated."""

    to: Type


@dataclass(frozen=True, kw_only=True)
class Dequantize(_Base):
    """Conversion of integer codes to float32 values."""


@dataclass(frozen=True, kw_only=True)
class SignalLayer(_Base):
    """The common base of the operators of TFLM's signal library: their tensors hold numbers, which need no scale.

    In a file they are CUSTOM operators with the names of these classes.
    """


@dataclass(frozen=True, kw_only=True)
class SignalWindow(SignalLayer):
    """Samples times a window, which is the second input and constant: `(..., n)` and `(n,) -> (..., n)`, int16.

    - shift: the number of bits by which a product is shifted right before it is saturated.
    """

    shift: int


@dataclass(frozen=True, kw_only=True)
class SignalFftAutoScale(SignalLayer):
    """Samples shifted left as far as the largest fits 16 bits: `(n,) -> (n,)`, int16, and the shift in bits, `()`.

    - bits: the name of the second output, the shift, an int32.
    """

    bits: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the shifted samples and of the shift."""
        return (self.name, self.bits)

    def output_types(self, first: Type) -> Types:
        """Returns the type of the samples, and int32."""
        return (first, "int32")


@dataclass(frozen=True, kw_only=True)
class SignalRfft(SignalLayer):
    """The Fourier transform of real samples, padded with zeros: `(..., n) -> (..., length + 2)`, int16.

    The output holds the real and the imaginary part of each of `length / 2 + 1` bins, divided by `length`.
    """

    length: int


@dataclass(frozen=True, kw_only=True)
class SignalEnergy(SignalLayer):
    """Squared magnitudes of complex int16 numbers: `(2 n,) -> (n,)`, uint32.

    - start, end: magnitudes are computed from number `start` to before `end`; the others are 0. TFLM leaves the others
      unset in its memory, so the result of a network that reads them is undefined there.
    """

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class SignalFilterBank(SignalLayer):
    """Weighted sums of energies over a triangle of bins for each band: `(n,) -> (bands,)`, uint32 to uint64.

    Each interval of bins lies in two bands. All inputs but the first are int16 constants: the weights of the bins in
    the lower of the two bands, their weights in the upper one, and, for each of bands + 1 intervals, the number of its
    first bin, the number of its first weight, and its number of bins. The first interval has no lower band; its sum
    with the lower band's weights is dropped.

    - channels: the number of bands.
    """

    channels: int


@dataclass(frozen=True, kw_only=True)
class SignalFilterBankSquareRoot(SignalLayer):
    """Square roots of uint64, shifted right by the bits in the second input: `(n,)` and `() -> (n,)`, uint32."""


@dataclass(frozen=True, kw_only=True)
class SignalFilterBankSpectralSubtraction(SignalLayer):
    """Bands minus their noise, `(n,) -> (n,)`, and the noise estimates, `(n,)`, uint32.

    An estimate is a slow average of its band, which the layer keeps from one inference to the next.

    - channels: n.
    - noise: the name of the second output.
    - variable: the name of the n estimates that are kept.
    - smoothing, one_minus_smoothing: the weights of the new value and of the last estimate in even-numbered bands.
    - alternate_smoothing, alternate_one_minus_smoothing: those weights in odd-numbered bands.
    - smoothing_bits: fractional bits of an estimate.
    - subtraction_bits: fractional bits of the weights.
    - min_signal_remaining: the share of a band that always remains.
    - clamping: whether an estimate is limited to its band.
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
    """Bands times gains that depend on their noise (PCAN); small products are squared: two `(n,) -> (n,)`, uint32.

    The third input, an int16 constant, holds the coefficients of a parabola for every bit length of the noise.

    - snr_shift: the number of bits by which a product is shifted right.
    """

    snr_shift: int


@dataclass(frozen=True, kw_only=True)
class SignalFilterBankLog(SignalLayer):
    """`scale` times the natural logarithm of bands: `(n,) -> (n,)`, uint32 to int16.

    - correction_bits: the number of bits by which bands are shifted left first.
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
"""The kinds that reduce all values along some dimensions to one."""

Binary = Add | Mul | Sub | Div | Minimum | Maximum | SquaredDifference | Prelu
"""The kinds that combine two tensors value by value; either tensor may be a constant of the network."""

ByValue = Binary | Compare | Logical | Select
"""The kinds that work on several tensors value by value; all but one of these may be constants of the network."""

Joining = Concatenation | Pack
"""The kinds that join tensors; all but one of these may be constants of the network."""

Weighted = Conv2D | DepthwiseConv2D | TransposeConv2D | FullyConnected
"""The kinds that have weights: their `Operator.weights` is not None."""

LAYER_KINDS: dict[str, type] = {k.__name__: k for k in Layer.__args__}
"""The class of every kind of layer, by its name, which is also the kind's name in JSON."""
