"""Temporal convolutions over mel bands, from operators that TensorFlow Lite Micro runs in int8.

They are the family of TC-ResNet (Choi et al. 2019), MatchboxNet (Majumdar and Ginsburg 2020), BC-ResNet (Kim et al.
2021) and SparkNet (2024).

A small 2-D stem looks at time and frequency, its stride pools the bands by two, and one convolution over all that is
left of the frequency axis makes a sequence of vectors. Then come residual blocks, each a depthwise convolution along
time and a pointwise one, in two stages; the second begins with a stride of two. Maps are `(time, 1, channels)`.

With `streaming` no window leaves the map along time (VALID padding), so that a network of the space can compute a
stream from only the new frames (`ir.incremental`). A residual block then adds the middle of what it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Mean, Shape, Slice
from micronets.ir.space import Block, Choice, SearchSpace, Template, ValueOf
from micronets.ir.spaces.base import Space
from micronets.ir.spaces.blocks import MOST_STRIDE, MOST_WIDTH, check_blocks, widths
from micronets.ir.spaces.inputs import Inputs, check_range

KERNELS = (3, 5, 7, 9)

LEAST_COLUMNS = 3
"""Columns of time that are left for the mean at the end of every network of a streaming space, at least."""

_STEM, _BANDS = 3, 5  # taps of the stem of a streaming space along time and along the bands


def space(
    inputs: Inputs,
    classes: int,
    max_width: int = 80,
    blocks: int = 4,
    min_blocks: int = 1,
    stem_strides: tuple[int, ...] = (1, 2),
    streaming: bool = False,
) -> SearchSpace:
    """Returns the space of temporal residual networks: 1-D convolutions along the first axis.

    - inputs: the choices of the input.
    - classes: how many outputs the networks have.
    - max_width: the largest channel count, at least 40.
    - blocks: the largest number of residual blocks of each stage.
    - min_blocks: number of blocks of a stage, counted from the first, that no network may drop.
    - stem_strides: options of the stem's stride along time.
    - streaming: whether a stream can be computed from only the new frames, without padding along time. Choices and
      options that would leave too few columns along time are omitted: dilations, the longest kernels, large strides.

    Raises `SpecError` for sizes out of range, and for a window too short for a streaming space.
    """
    check_blocks("temporal", blocks, min_blocks)
    check_range("max_width", max_width, 40, MOST_WIDTH, "temporal")  # ten steps of 4 channels
    check_range("stem_strides", stem_strides, 1, MOST_STRIDE, "temporal")
    kernels: tuple[int, ...] = KERNELS
    dilations = (1,) if streaming else (1, 2)
    if streaming:
        inputs, stem_strides, kernels = _streaming(inputs, tuple(sorted(stem_strides)), blocks)
    choices = [
        *inputs.choices,
        Choice("stem_stride", "shape", tuple(sorted(stem_strides))),
        *(() if streaming else (Choice("stem_kernel", "kernel", (3, 5)),)),
        Choice("stem_width", "width", (4, 8, 12, 16)),
        Choice("width1", "width", widths(max_width)[2:]),
        Choice("width2", "width", widths(max_width)[2:]),
        Choice("kernel_down", "kernel", kernels),
    ]
    for stage in (1, 2):
        for i in range(1, blocks + 1):
            choices.append(Choice(f"kernel{stage}_{i}", "kernel", kernels))
            choices.append(Choice(f"dilation{stage}_{i}", "dilation", dilations))
            if i > min_blocks:
                choices.append(Choice(f"keep{stage}_{i}", "keep", (0, 1)))

    def template(pick: ValueOf) -> Template:
        shape = inputs.shape(pick)
        stem = Conv2D(
            name="stem",
            inputs=(INPUT,),
            filters=pick("stem_width"),
            kernel=(_STEM if streaming else pick("stem_kernel"), _BANDS),
            stride=(pick("stem_stride"), 2),
            padding="valid" if streaming else "same",
            activation="relu",
        )
        collapse = Conv2D(
            name="collapse",
            inputs=("stem",),
            filters=pick("width1"),
            kernel=(1, (shape[1] - _BANDS) // 2 + 1 if streaming else -(-shape[1] // 2)),
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

    made = SearchSpace("temporal", tuple(choices), template)
    return replace(made, finish=without_padding) if streaming else made


def _streaming(
    inputs: Inputs, stem_strides: tuple[int, ...], blocks: int
) -> tuple[Inputs, tuple[int, ...], tuple[int, ...]]:
    """Returns the inputs, the stem's strides and the kernels of a streaming space, without what does not fit.

    The longest kernels are given up first, until the largest networks of the longest input fit, and then strides and
    options of the input. Raises `SpecError` where nothing fits.
    """
    names, options = [c.name for c in inputs.choices], [c.options for c in inputs.choices]
    shapes: dict[tuple[int, ...], Shape] = {
        values: inputs.shape(dict(zip(names, values, strict=True)).__getitem__) for values in product(*options)
    }
    longest = max(shape[0] for shape in shapes.values())
    narrowest = min(shape[1] for shape in shapes.values())
    if narrowest < _BANDS:
        raise SpecError(f"space temporal: streaming = true needs inputs of at least {_BANDS} bands, not {narrowest}")
    fitting = [k for k in KERNELS if _columns(longest, stem_strides[0], k, blocks) >= LEAST_COLUMNS]
    if not fitting:
        raise SpecError(
            f"space temporal: streaming = true: {longest} frames with a stem_stride of {stem_strides[0]} leave fewer "
            f"than {LEAST_COLUMNS} columns behind stages of {blocks} blocks; set fewer blocks, smaller stem_strides or "
            "a longer clip"
        )
    strides = tuple(s for s in stem_strides if _columns(longest, s, fitting[-1], blocks) >= LEAST_COLUMNS)
    good = [v for v, s in shapes.items() if _columns(s[0], strides[-1], fitting[-1], blocks) >= LEAST_COLUMNS]
    kept = tuple(
        replace(c, options=tuple(o for o in c.options if any(values[i] == o for values in good)))
        for i, c in enumerate(inputs.choices)
    )
    return replace(inputs, choices=kept), strides, tuple(k for k in KERNELS if k <= fitting[-1])


def _columns(frames: int, stem_stride: int, kernel: int, blocks: int) -> int:
    """Returns how many columns of time are left of `frames` at the end of a streaming network.

    - kernel: taps of all its depthwise convolutions.
    - blocks: blocks of each stage.
    """
    lost = blocks * (kernel - 1)
    first = (frames - _STEM) // stem_stride + 1 - lost
    return (first - kernel) // 2 + 1 - lost


def without_padding(arch: Arch) -> Arch:
    """Returns a network whose depthwise convolutions along time have VALID padding instead of SAME.

    Of the two tensors that a residual block adds, the longer one is cut to the length of the other: the columns in its
    middle stay, which are those that the convolution's own columns were made around.
    """
    layers: list[Layer] = []
    for layer in arch.layers:
        match layer:
            case DepthwiseConv2D():
                layers.append(replace(layer, padding="valid"))
            case Add(inputs=(shortcut, branch)):
                shapes = Arch(arch.input_shape, tuple(layers)).shapes()
                (long, *rest), (short, *_) = shapes[shortcut], shapes[branch]
                if long == short:
                    layers.append(layer)
                    continue
                name, begin = f"{layer.name}_middle", ((long - short) // 2, 0, 0)
                layers.append(Slice(name=name, inputs=(shortcut,), begin=begin, size=(short, *rest)))
                layers.append(replace(layer, inputs=(name, branch)))
            case _:
                layers.append(layer)
    return Arch(arch.input_shape, tuple(layers))


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
