"""Parts of the templates of several spaces: options of widths, residual blocks and the classifier."""

from __future__ import annotations

from micronets.errors import SpecError
from micronets.ir.layers import Activation, Add, AveragePool2D, Conv2D, FullyConnected, Layer, Pad, Shape
from micronets.ir.spaces.inputs import check_range
from micronets.number import Number

MOST_BLOCKS = 100
"""The most blocks of a network or a stage: thousands would take hours to lay out, and no microcontroller runs them."""


MOST_WIDTH, MOST_STRIDE, MOST_KERNEL = 4096, 64, 255
"""The largest options of channels, strides and kernels, far above what a microcontroller runs."""


def check_blocks(space: str, blocks: int, min_blocks: int = 1) -> None:
    """Raises `SpecError` for numbers of blocks with which a space cannot be made.

    - space: the name of the space, for the message.
    - blocks: the largest number of blocks, 1 to `MOST_BLOCKS`.
    - min_blocks: how many of them no network may drop, 1 to `blocks`.
    """
    check_range("blocks", blocks, 1, MOST_BLOCKS, space)
    if not 1 <= min_blocks <= blocks:
        raise SpecError(f"space {space}: min_blocks = {min_blocks}; allowed: 1 to blocks = {blocks}")


def square_conv(
    name: str, before: str, filters: Number, kernel: Number, stride: int = 1, activation: Activation = "none"
) -> Conv2D:
    """Returns a convolution whose kernel and stride are equal along both axes of its map.

    - name, before: what the layer and its input are called.
    - filters: the channels of its output.
    - kernel, stride: the side of the kernel, and the steps between its places.
    - activation: the fused activation.
    """
    return Conv2D(
        name=name,
        inputs=(before,),
        filters=filters,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        activation=activation,
    )


def widths(largest: int = 276, step: float = 0.1, multiple: int = 4) -> tuple[int, ...]:
    """Returns widths from small to large: shares of `largest`, each rounded to the nearest multiple, halves upwards.

    - largest: the width of a share of 1.
    - step: the difference of two shares; the first share is one step. The defaults give 28, 56, ..., 276.
    - multiple: what widths are rounded to a multiple of, and the least width.
    """
    shares = (largest * step * i for i in range(1, round(1 / step) + 1))
    return tuple(sorted({max(multiple, int(s / multiple + 0.5) * multiple) for s in shares}))


def widths_down(largest: float, multiple: int = 4) -> tuple[int, ...]:
    """Returns widths from small to large: shares of `largest` in steps of 10 %, each rounded down to a multiple.

    - largest: the width of a share of 1.
    - multiple: what widths are rounded down to a multiple of, and the least width.

    The networks for images in the MicroNets paper have these widths.
    """
    shares = (int(largest * i / 10 + 1e-9) for i in range(1, 11))
    return tuple(sorted({max(multiple, s // multiple * multiple) for s in shares}))


def residual(
    name: str, before: str, before_width: Number, branch: str, branch_width: Number, activation: str = "none"
) -> tuple[tuple[Layer, ...], Number]:
    """Returns the layers that add two maps of equal height and width, and the channels of the sum.

    - name: what the sum is called.
    - before, before_width: the block's input and its channels.
    - branch, branch_width: the output of the block's convolutions and its channels.
    - activation: the fused activation of the sum.

    The map with fewer channels is first padded with zero channels by a Pad layer. `derive` leaves out a Pad of no
    channels. In a relaxed network, where a Pad may add a part of a channel, it costs that part of an operator, and
    never more than one.
    """
    missing = (max(branch_width - before_width, 0), max(before_width - branch_width, 0))
    layers: tuple[Layer, ...] = (
        Pad(name=f"{name}_before", inputs=(before,), paddings=((0, 0), (0, 0), (0, missing[0]))),
        Pad(name=f"{name}_branch", inputs=(branch,), paddings=((0, 0), (0, 0), (0, missing[1]))),
        Add(name=name, inputs=(f"{name}_before", f"{name}_branch"), activation=activation),  # type: ignore[arg-type]
    )
    return layers, before_width + missing[0]


def classifier(before: str, map_shape: Shape, classes: int) -> tuple[Layer, ...]:
    """Returns the last layers of the spaces for images: the mean over a map of known size, and a matrix product.

    - before: the name of the map.
    - map_shape: its height and width; further dimensions are not read.
    - classes: how many outputs the network has.

    The mean is an average pool, for which CMSIS-NN has a kernel; TFLM runs a Mean by its slower reference kernel. The
    spaces whose search chooses the size of the last map (`dscnn`, `temporal`) end in a Mean all the same, which needs
    no size.
    """
    size = (map_shape[0], map_shape[1])
    pool = AveragePool2D(name="pool", inputs=(before,), pool=size, stride=size)
    return pool, FullyConnected(name="logits", inputs=("pool",), units=classes)
