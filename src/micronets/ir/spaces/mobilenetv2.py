"""MobileNetV2 (Sandler et al. 2018) as the MicroNets paper searches it for images (Section 5.2.1), widened.

The paper's choices are the widths of the stem, of the first and the last convolution of every inverted bottleneck, and
of the head, in 10 % steps of the full network, rounded down to multiples of 4. Here kernels, depth and the input are
choices too. A block that keeps the size of its map adds its input to its result; where the two have different widths,
the one with fewer channels is padded with zero channels, as in the paper's released networks; `tied` avoids that.
"""

from __future__ import annotations

from collections.abc import Mapping

from micronets.errors import SpecError
from micronets.ir.layers import INPUT, DepthwiseConv2D, Layer
from micronets.ir.space import Block, Choice, SearchSpace, Template, ValueOf
from micronets.ir.spaces.base import Space
from micronets.ir.spaces.blocks import (
    MOST_KERNEL,
    MOST_STRIDE,
    MOST_WIDTH,
    check_blocks,
    classifier,
    residual,
    square_conv,
    widths_down,
)
from micronets.ir.spaces.inputs import INPUT_KINDS, Inputs, check_range

STAGE_CHANNELS = (16, 24, 32, 64, 96, 160, 320)
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)
STEM, HEAD = 32, 1280


def space(
    inputs: Inputs,
    classes: int,
    width_multiplier: float = 1.0,
    multiple: int = 4,
    expansion: int = 6,
    blocks: tuple[int, ...] = (1, 2, 3, 4, 3, 3, 1),
    kernels: tuple[int, ...] = (3, 5),
    stem_strides: tuple[int, ...] = (2,),
    strides: tuple[int, ...] = STAGE_STRIDES,
    tied: bool = True,
) -> SearchSpace:
    """Returns the space of inverted bottlenecks in seven stages.

    - inputs: the choices of the input.
    - classes: how many outputs the networks have.
    - width_multiplier: the largest channel counts as a share of MobileNetV2's, 0.1 to 2.
    - multiple: channel counts are multiples of this.
    - expansion: the largest width inside a block, as a multiple of the width before it (1 in the first block).
    - blocks: the largest number of blocks of each stage, at least 1; all but the first of a stage may be dropped.
    - kernels: options of the depthwise kernels' side, odd.
    - stem_strides: options of the stem's stride.
    - strides: the stride of each stage's first block, 1 or 2.
    - tied: true: one width for all blocks of a stage, so that no map is padded; false: one for each block.

    Raises `SpecError` for sizes out of range.
    """
    if not 0.1 <= width_multiplier <= 2:
        raise SpecError(f"space mobilenetv2: width_multiplier = {width_multiplier}; allowed: 0.1 to 2")
    check_range("multiple", multiple, 1, MOST_WIDTH, "mobilenetv2")
    check_range("expansion", expansion, 1, 64, "mobilenetv2")
    check_range("stem_strides", stem_strides, 1, MOST_STRIDE, "mobilenetv2")
    check_range("kernels", kernels, 3, MOST_KERNEL, "mobilenetv2")
    check_blocks("mobilenetv2", max(blocks, default=1))
    if len(blocks) != len(STAGE_CHANNELS) or min(blocks) < 1:
        raise SpecError(f"space mobilenetv2: blocks = {list(blocks)}; need {len(STAGE_CHANNELS)} numbers of at least 1")
    if len(strides) != len(STAGE_CHANNELS) or not set(strides) <= {1, 2}:
        raise SpecError(
            f"space mobilenetv2: strides = {list(strides)}; need {len(STAGE_CHANNELS)} numbers, each 1 or 2"
        )
    if not kernels or any(k < 3 or k % 2 == 0 for k in kernels):
        raise SpecError(f"space mobilenetv2: kernels = {list(kernels)}; need odd sizes from 3")

    def options(channels: int) -> tuple[int, ...]:
        return widths_down(channels * width_multiplier, multiple)

    def project(stage: int, i: int) -> str:
        return f"project{stage}" if tied else f"project{stage}_{i}"

    choices = [
        *inputs.choices,
        Choice("stem_stride", "shape", tuple(sorted(stem_strides))),
        Choice("stem_width", "width", options(STEM)),
        Choice("keep_expand1_1", "keep", (0, 1)),
    ]
    before = STEM
    for stage, (channels, count) in enumerate(zip(STAGE_CHANNELS, blocks, strict=True), start=1):
        if tied:
            choices.append(Choice(f"project{stage}", "width", options(channels)))
        for i in range(1, count + 1):
            expanded = before * (1 if (stage, i) == (1, 1) else expansion)
            choices.append(Choice(f"expand{stage}_{i}", "width", options(expanded)))
            choices.append(Choice(f"kernel{stage}_{i}", "kernel", tuple(sorted(kernels))))
            if not tied:
                choices.append(Choice(project(stage, i), "width", options(channels)))
            if i > 1:
                choices.append(Choice(f"keep{stage}_{i}", "keep", (0, 1)))
            before = channels
    choices.append(Choice("head_width", "width", options(HEAD)))

    def template(pick: ValueOf) -> Template:
        shape = inputs.shape(pick)
        scale = pick("stem_stride")
        body = [Block((square_conv("stem", INPUT, pick("stem_width"), 3, scale, "relu6"),))]
        carried = pick("stem_width")
        for stage, (stride, count) in enumerate(zip(strides, blocks, strict=True), start=1):
            for i in range(1, count + 1):
                name, previous = f"{stage}_{i}", body[-1].layers[-1].name
                expand = square_conv(f"expand{name}", previous, pick(f"expand{name}"), 1, activation="relu6")
                if (stage, i) == (1, 1):  # MobileNetV2's first block has no expansion, that of the paper's networks has
                    body.append(Block((expand,), keep="keep_expand1_1"))
                step = stride if i == 1 else 1
                kernel, filters = pick(f"kernel{name}"), pick(project(stage, i))
                layers: tuple[Layer, ...] = (
                    DepthwiseConv2D(
                        name=f"dw{name}",
                        inputs=(expand.name,),
                        kernel=(kernel, kernel),
                        stride=(step, step),
                        activation="relu6",
                    ),
                    square_conv(f"project{name}", f"dw{name}", filters, 1),
                )
                if (stage, i) != (1, 1):
                    layers = (expand, *layers)
                if i == 1:
                    body.append(Block(layers))
                    carried, scale = filters, scale * stride
                    continue
                keep = pick(f"keep{name}")
                sum_, wider = residual(f"add{name}", previous, carried, f"project{name}", filters)
                body.append(Block((*layers, *sum_), keep=f"keep{name}"))
                carried = keep * wider + (1 - keep) * carried
        body.append(Block((square_conv("head", body[-1].layers[-1].name, pick("head_width"), 1, activation="relu6"),)))
        body.append(Block(classifier("head", (-(-shape[0] // scale), -(-shape[1] // scale)), classes)))
        return Template(shape, tuple(body))

    return SearchSpace("mobilenetv2", tuple(choices), template)


def standard(space: SearchSpace) -> Mapping[str, int]:
    """Returns MobileNetV2's values of the choices that are not widths.

    These are every block, kernels of 3, and no expansion of the stem.
    """
    values = {c.name: 3 if c.kind == "kernel" else 1 for c in space.choices if c.kind in ("kernel", "keep")}
    return values | {"keep_expand1_1": 0}


SPACE = Space(
    "mobilenetv2",
    tuple(INPUT_KINDS),
    space,
    standard,
    defaults={"ic": {"stem_strides": (1,), "strides": (1, 2, 1, 2, 1, 1, 1)}},
)
