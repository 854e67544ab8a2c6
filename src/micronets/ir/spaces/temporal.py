"""Temporal convolutions over mel bands, from operators that TensorFlow Lite Micro runs in int8.

They are the family of TC-ResNet (Choi et al. 2019), MatchboxNet (Majumdar and Ginsburg 2020), BC-ResNet (Kim et al.
2021) and SparkNet (2024).

A small 2-D stem looks at time and frequency, its stride pools the bands by two, and one convolution over all that is
left of the frequency axis makes a sequence of vectors. Then come residual blocks, each a depthwise convolution along
time and a pointwise one, in two stages; the second begins with a stride of two. Maps are `(time, 1, channels)`.
"""

from __future__ import annotations

from collections.abc import Mapping

from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Mean
from micronets.ir.space import Block, Choice, Pick, SearchSpace, Template
from micronets.ir.spaces.base import Space
from micronets.ir.spaces.blocks import MOST_STRIDE, MOST_WIDTH, check_blocks, widths
from micronets.ir.spaces.inputs import Inputs, check_range

KERNELS = (3, 5, 7, 9)


def space(
    inputs: Inputs,
    classes: int,
    max_width: int = 80,
    blocks: int = 4,
    min_blocks: int = 1,
    stem_strides: tuple[int, ...] = (1, 2),
) -> SearchSpace:
    """Returns the space of temporal residual networks: 1-D convolutions along the first axis.

    - inputs: the choices of the input.
    - classes: how many outputs the networks have.
    - max_width: the largest channel count, at least 40.
    - blocks: the largest number of residual blocks of each stage.
    - min_blocks: how many blocks of a stage, counted from the first, no network may drop.
    - stem_strides: options of the stem's stride along time.

    Raises `SpecError` for sizes out of range.
    """
    check_blocks("temporal", blocks, min_blocks)
    check_range("max_width", max_width, 40, MOST_WIDTH, "temporal")  # ten steps of 4 channels
    check_range("stem_strides", stem_strides, 1, MOST_STRIDE, "temporal")
    choices = [
        *inputs.choices,
        Choice("stem_stride", "shape", tuple(sorted(stem_strides))),
        Choice("stem_kernel", "kernel", (3, 5)),
        Choice("stem_width", "width", (4, 8, 12, 16)),
        Choice("width1", "width", widths(max_width)[2:]),
        Choice("width2", "width", widths(max_width)[2:]),
        Choice("kernel_down", "kernel", KERNELS),
    ]
    for stage in (1, 2):
        for i in range(1, blocks + 1):
            choices.append(Choice(f"kernel{stage}_{i}", "kernel", KERNELS))
            choices.append(Choice(f"dilation{stage}_{i}", "dilation", (1, 2)))
            if i > min_blocks:
                choices.append(Choice(f"keep{stage}_{i}", "keep", (0, 1)))

    def template(pick: Pick) -> Template:
        shape = inputs.shape(pick)
        stem = Conv2D(
            name="stem",
            inputs=(INPUT,),
            filters=pick("stem_width"),
            kernel=(pick("stem_kernel"), 5),
            stride=(pick("stem_stride"), 2),
            activation="relu",
        )
        collapse = Conv2D(
            name="collapse",
            inputs=("stem",),
            filters=pick("width1"),
            kernel=(1, -(-shape[1] // 2)),
            padding="valid",
            activation="relu",
        )
        body = [Block((stem,)), Block((collapse,))]
        for stage in (1, 2):
            if stage == 2:
                before = body[-1].layers[-1].name
                body.append(Block(_separable("down", before, pick("width2"), pick("kernel_down"), 1, 2)))
            for i in range(1, blocks + 1):
                name, before = f"{stage}_{i}", body[-1].layers[-1].name
                width, kernel, dilation = pick(f"width{stage}"), pick(f"kernel{name}"), pick(f"dilation{name}")
                layers = _separable(name, before, width, kernel, dilation, 1)
                add = Add(name=f"add{name}", inputs=(before, layers[-1].name), activation="relu")
                body.append(Block((*layers, add), keep=f"keep{name}" if i > min_blocks else None))
        pool = Mean(name="pool", inputs=(body[-1].layers[-1].name,))
        body.append(Block((pool, FullyConnected(name="logits", inputs=("pool",), units=classes))))
        return Template(shape, tuple(body))

    return SearchSpace("temporal", tuple(choices), template)


def standard(space: SearchSpace) -> Mapping[str, int]:
    """Returns values of the choices that are not widths: every block, the middle kernels, no dilation."""
    kernels = {c.name: c.options[len(c.options) // 2] for c in space.choices if c.kind == "kernel"}
    return kernels | {c.name: 1 for c in space.choices if c.kind in ("keep", "dilation")}


def _separable(name: str, before: str, width: int, kernel: int, dilation: int, stride: int) -> tuple[Layer, ...]:
    """Returns a depthwise convolution along time and a pointwise one, rectified unless a residual add follows."""
    return (
        DepthwiseConv2D(
            name=f"dw{name}",
            inputs=(before,),
            kernel=(kernel, 1),
            dilation=(dilation, 1),
            stride=(stride, 1),
        ),
        Conv2D(
            name=f"pw{name}",
            inputs=(f"dw{name}",),
            filters=width,
            kernel=(1, 1),
            activation="none" if stride == 1 else "relu",
        ),
    )


SPACE = Space("temporal", ("kws", "ad", "features"), space, standard, defaults={"kws": {"coefficients": (0,)}})
