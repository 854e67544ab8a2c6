"""The DS-CNN space of the MicroNets paper (Table 5, Section 5.2.2), widened.

The paper searches channels in 10 % steps of 276, rounded to multiples of 4, and the number of depthwise-separable
blocks, up to nine. It keeps the stem at stride 1, which then sets the memory of every network. Here the stem's
stride and kernel, the kernels of the blocks and the input's frame stride and coefficients are choices too.
"""

from __future__ import annotations

from micronets.arch import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Mean
from micronets.errors import SpecError
from micronets.space import Block, Choice, Pick, SearchSpace, Template

FRAMES = 98  # 10 ms frames of one second


def widths(largest: int = 276, step: float = 0.1, multiple: int = 4) -> tuple[int, ...]:
    """Shares of `largest` in steps, each rounded to the nearest multiple, halves upwards: 28, 56, ..., 276."""
    shares = (largest * step * i for i in range(1, round(1 / step) + 1))
    return tuple(sorted({max(multiple, int(s / multiple + 0.5) * multiple) for s in shares}))


def kws(
    classes: int,
    max_width: int = 276,
    blocks: int = 9,
    min_blocks: int = 3,
    frame_strides: tuple[int, ...] = (1, 2),
    coefficients: tuple[int, ...] = (10, 20),
    stem_strides: tuple[int, ...] = (1, 2),
    frames: int = FRAMES,
) -> SearchSpace:
    """DS-CNN for keyword spotting: input `(frames / frame_stride, coefficients, 1)`, `classes` logits.

    max_width: largest channel count, at least 40; blocks: most depthwise-separable blocks; min_blocks: the first ones,
    which are always there; frame_strides, coefficients, stem_strides: options of the input and of the stem along time.
    The first block has stride 2, as in the paper.
    Raises `SpecError` for sizes out of range.
    """
    if not 1 <= min_blocks <= blocks:
        raise SpecError(f"space dscnn: min_blocks = {min_blocks}; allowed: 1 to blocks = {blocks}")
    if max_width < 40:
        raise SpecError(f"space dscnn: max_width = {max_width}; allowed: 40 or more (ten steps of 4 channels)")
    options = widths(max_width)
    choices = [
        Choice("frame_stride", "shape", tuple(sorted(frame_strides))),
        Choice("coefficients", "shape", tuple(sorted(coefficients, reverse=True))),
        Choice("stem_stride", "shape", tuple(sorted(stem_strides))),
        Choice("stem_kernel", "kernel", (4, 6, 8, 10)),
        Choice("stem_width", "width", options),
    ]
    for i in range(1, blocks + 1):
        choices += [Choice(f"width{i}", "width", options), Choice(f"kernel{i}", "kernel", (3, 5))]
        if i > min_blocks:
            choices.append(Choice(f"keep{i}", "keep", (0, 1)))

    def template(pick: Pick) -> Template:
        stem: tuple[Layer, ...] = (
            Conv2D(
                name="stem",
                inputs=(INPUT,),
                filters=pick("stem_width"),
                kernel=(pick("stem_kernel"), 4),
                stride=(pick("stem_stride"), 1),
                activation="relu",
            ),
        )
        body = [Block(stem)]
        for i in range(1, blocks + 1):
            depthwise = DepthwiseConv2D(
                name=f"dw{i}",
                inputs=(body[-1].layers[-1].name,),
                kernel=(pick(f"kernel{i}"), pick(f"kernel{i}")),
                stride=(2, 2) if i == 1 else (1, 1),
                activation="relu",
            )
            pointwise = Conv2D(name=f"pw{i}", inputs=(f"dw{i}",), filters=pick(f"width{i}"), kernel=(1, 1), activation="relu")
            body.append(Block((depthwise, pointwise), keep=f"keep{i}" if i > min_blocks else None))
        pool = Mean(name="pool", inputs=(body[-1].layers[-1].name,))
        body.append(Block((pool, FullyConnected(name="logits", inputs=("pool",), units=classes))))
        height = -(-frames // pick("frame_stride"))
        return Template((height, pick("coefficients"), 1), tuple(body))

    return SearchSpace("dscnn", tuple(choices), template)
