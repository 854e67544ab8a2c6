"""Residual networks for small images (He et al. 2016, Section 4.2), a space that contains MLPerf Tiny's ResNet-8.

A network is a stem, three stages of residual blocks, an average pool and a matrix product. The second and the third
stage halve the map and have a projection around their first block. ResNet-8 has one block in each stage and widths of
16, 32 and 64.
"""

from __future__ import annotations

from collections.abc import Mapping

from micronets.errors import SpecError
from micronets.ir.layers import INPUT, Layer
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
)
from micronets.ir.spaces.inputs import INPUT_KINDS, Inputs, check_range
from micronets.ranges import shown

STAGE_NUMBERS = (1, 2, 3)


def space(
    inputs: Inputs,
    classes: int,
    max_width: int = 32,
    blocks: int = 2,
    min_blocks: int = 1,
    kernels: tuple[int, ...] = (1, 3),
    stem_strides: tuple[int, ...] = (1,),
) -> SearchSpace:
    """Returns the space of residual networks of full convolutions.

    - inputs: the choices of the input.
    - classes: how many outputs the networks have.
    - max_width: the largest channel count of the first stage, a multiple of 4; options are 4 apart. The second and the
      third stage have options twice and four times as large. The width inside a block is a choice of its own.
    - blocks: the largest number of residual blocks of each stage.
    - min_blocks: number of blocks of a stage, counted from the first, that no network may drop.
    - kernels: options of each convolution's side, odd; a convolution with a stride of 2 takes those above 1.
    - stem_strides: options of the stem's stride.

    Raises `SpecError` for sizes out of range.
    """
    check_blocks("resnet", blocks, min_blocks)
    check_range("kernels", kernels, 1, MOST_KERNEL, "resnet")
    check_range("stem_strides", stem_strides, 1, MOST_STRIDE, "resnet")
    if not 8 <= max_width <= MOST_WIDTH or max_width % 4:
        raise SpecError(
            f"space resnet: max_width = {shown(max_width)}; allowed: multiples of 4 from 8 to {MOST_WIDTH:,}"
        )
    if not kernels or any(k < 1 or k % 2 == 0 for k in kernels) or max(kernels) == 1:
        raise SpecError(f"space resnet: kernels = {list(kernels)}; need odd sizes, one of them above 1")
    kernels = tuple(sorted(kernels))
    above_one = tuple(k for k in kernels if k > 1)
    options = tuple(range(4, max_width + 1, 4))
    choices = [
        *inputs.choices,
        Choice("stem_stride", "shape", tuple(sorted(stem_strides))),
        Choice("stem_width", "width", options),
        Choice("stem_kernel", "kernel", above_one),
    ]
    for stage in STAGE_NUMBERS:
        steps = tuple(w << (stage - 1) for w in options)
        choices.append(Choice(f"width{stage}", "width", steps))
        for i in range(1, blocks + 1):
            strided = stage > 1 and i == 1
            choices += [
                Choice(f"inner{stage}_{i}", "width", steps),
                Choice(f"kernel{stage}_{i}a", "kernel", above_one if strided else kernels),
                Choice(f"kernel{stage}_{i}b", "kernel", kernels),
            ]
            if i > min_blocks:
                choices.append(Choice(f"keep{stage}_{i}", "keep", (0, 1)))

    def template(pick: ValueOf) -> Template:
        shape, stride = inputs.shape(pick), pick("stem_stride")
        body = [Block((square_conv("stem", INPUT, pick("stem_width"), pick("stem_kernel"), stride, "relu"),))]
        width, halvings = pick("stem_width"), 0
        for stage in STAGE_NUMBERS:
            for i in range(1, blocks + 1):
                name, before, strided = f"{stage}_{i}", body[-1].layers[-1].name, stage > 1 and i == 1
                keep = f"keep{name}" if i > min_blocks else None
                halvings += strided
                step = 2 if strided else 1
                layers: tuple[Layer, ...] = (
                    square_conv(f"conv{name}a", before, pick(f"inner{name}"), pick(f"kernel{name}a"), step, "relu"),
                    square_conv(f"conv{name}b", f"conv{name}a", pick(f"width{stage}"), pick(f"kernel{name}b")),
                )
                if strided:
                    layers += (square_conv(f"shortcut{stage}", before, pick(f"width{stage}"), 1, 2),)
                    before, width = f"shortcut{stage}", pick(f"width{stage}")
                sum_, wider = residual(f"add{name}", before, width, f"conv{name}b", pick(f"width{stage}"), "relu")
                body.append(Block((*layers, *sum_), keep))
                width = wider if keep is None else pick(keep) * wider + (1 - pick(keep)) * width
        scale = stride << halvings
        size = (-(-shape[0] // scale), -(-shape[1] // scale))
        body.append(Block(classifier(body[-1].layers[-1].name, size, classes)))
        return Template(shape, tuple(body))

    return SearchSpace("resnet", tuple(choices), template)


def standard(space: SearchSpace) -> Mapping[str, int]:
    """Returns ResNet-8's values of the choices that are not widths: one block in each stage, kernels of 3."""
    return {c.name: 0 if c.kind == "keep" else 3 for c in space.choices if c.kind in ("keep", "kernel")}


SPACE = Space("resnet", tuple(INPUT_KINDS), space, standard)
