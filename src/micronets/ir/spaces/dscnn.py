"""The DS-CNN space of the MicroNets paper (Table 5, Section 5.2.2), widened.

The paper searches channels in 10 % steps of 276, rounded to multiples of 4, and the number of depthwise-separable
blocks, up to nine. It keeps the stem at stride 1, which then sets the memory of every network. Here the stem's
stride and kernel, the kernels of the blocks and the input are choices too. For anomaly detection the paper's backbone
is DS-CNN(L): five blocks, the last two with a stride of 2 like the first, and a square stem.
"""

from __future__ import annotations

from collections.abc import Mapping

from micronets.errors import SpecError
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Mean
from micronets.ir.space import Block, Choice, SearchSpace, Template, ValueOf
from micronets.ir.spaces.base import Space
from micronets.ir.spaces.blocks import MOST_KERNEL, MOST_STRIDE, MOST_WIDTH, check_blocks, widths
from micronets.ir.spaces.inputs import INPUT_KINDS, Inputs, check_range

# Options for inputs whose two axes are alike: the paper's backbone for anomaly detection.
_SQUARE = {"stem_kernels": (3, 5), "stem_columns": 0, "strides": (2, 1, 1, 2, 2), "blocks": 5, "min_blocks": 1}


def space(
    inputs: Inputs,
    classes: int,
    max_width: int = 276,
    blocks: int = 9,
    min_blocks: int = 3,
    strides: tuple[int, ...] = (2,),
    stem_strides: tuple[int, ...] = (1, 2),
    stem_kernels: tuple[int, ...] = (4, 6, 8, 10),
    stem_columns: int = 4,
) -> SearchSpace:
    """Returns the space of depthwise-separable convolutions after a stem; widths of all layers and the depth are open.

    - inputs: the choices of the input.
    - classes: how many outputs the networks have.
    - max_width: the largest channel count, at least 40.
    - blocks: the largest number of depthwise-separable blocks.
    - min_blocks: number of blocks, counted from the first, that no network may drop.
    - strides: the strides of the first blocks, 1 or 2; the others have 1. A block with a stride of 2 is never dropped.
    - stem_strides: options of the stem's stride along time.
    - stem_kernels: options of the stem's kernel along time, all even or all odd.
    - stem_columns: the stem's kernel along frequency; 0 for a square kernel with its stride along both axes.

    Raises `SpecError` for sizes out of range.
    """
    check_blocks("dscnn", blocks, min_blocks)
    check_range("max_width", max_width, 40, MOST_WIDTH, "dscnn")  # ten steps of 4 channels
    check_range("stem_strides", stem_strides, 1, MOST_STRIDE, "dscnn")
    if len(strides) > blocks:
        raise SpecError(
            f"space dscnn: strides = {list(strides)} are {len(strides)}, more than blocks = {blocks}; give strides, "
            f"too, such as {list(strides[:blocks])}, or more blocks"
        )
    if any(s not in (1, 2) for s in strides):
        raise SpecError(f"space dscnn: strides = {list(strides)}; allowed: 1 or 2 for each of the {blocks} blocks")
    check_range("stem_columns", stem_columns, 0, MOST_KERNEL, "dscnn")
    check_range("stem_kernels", stem_kernels, 1, MOST_KERNEL, "dscnn")
    if len({k % 2 for k in stem_kernels}) != 1:
        raise SpecError(f"space dscnn: stem_kernels = {list(stem_kernels)}; need sizes that are all even or all odd")
    options, steps = widths(max_width), (*strides, *[1] * (blocks - len(strides)))
    droppable = [i > min_blocks and steps[i - 1] == 1 for i in range(1, blocks + 1)]
    choices = [
        *inputs.choices,
        Choice("stem_stride", "shape", tuple(sorted(stem_strides))),
        Choice("stem_kernel", "kernel", tuple(sorted(stem_kernels))),
        Choice("stem_width", "width", options),
    ]
    for i in range(1, blocks + 1):
        choices += [Choice(f"width{i}", "width", options), Choice(f"kernel{i}", "kernel", (3, 5))]
        if droppable[i - 1]:
            choices.append(Choice(f"keep{i}", "keep", (0, 1)))

    def template(pick: ValueOf) -> Template:
        stem: tuple[Layer, ...] = (
            Conv2D(
                name="stem",
                inputs=(INPUT,),
                filters=pick("stem_width"),
                kernel=(pick("stem_kernel"), stem_columns or pick("stem_kernel")),
                stride=(pick("stem_stride"), 1 if stem_columns else pick("stem_stride")),
                activation="relu",
            ),
        )
        body = [Block(stem)]
        for i in range(1, blocks + 1):
            depthwise = DepthwiseConv2D(
                name=f"dw{i}",
                inputs=(body[-1].layers[-1].name,),
                kernel=(pick(f"kernel{i}"), pick(f"kernel{i}")),
                stride=(steps[i - 1], steps[i - 1]),
                activation="relu",
            )
            pointwise = Conv2D(
                name=f"pw{i}",
                inputs=(f"dw{i}",),
                filters=pick(f"width{i}"),
                kernel=(1, 1),
                activation="relu",
            )
            body.append(Block((depthwise, pointwise), keep=f"keep{i}" if droppable[i - 1] else None))
        pool = Mean(name="pool", inputs=(body[-1].layers[-1].name,))
        body.append(Block((pool, FullyConnected(name="logits", inputs=("pool",), units=classes))))
        return Template(inputs.shape(pick), tuple(body))

    return SearchSpace("dscnn", tuple(choices), template)


def standard(space: SearchSpace) -> Mapping[str, int]:
    """Returns DS-CNN's values of the choices that are not widths: four blocks of 3 x 3, the largest stem."""
    kernels = {c.name: c.options[-1 if c.name == "stem_kernel" else 0] for c in space.choices if c.kind == "kernel"}
    return kernels | {c.name: int(int(c.name.removeprefix("keep")) <= 4) for c in space.choices if c.kind == "keep"}


_DEFAULTS = dict.fromkeys(("ad", "images", "ic", "features"), _SQUARE)

SPACE = Space("dscnn", tuple(INPUT_KINDS), space, standard, defaults=_DEFAULTS)
