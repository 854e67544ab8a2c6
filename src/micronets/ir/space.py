"""`SearchSpace`: a network with open choices. `derive` fixes all of them and returns an `Arch`.

A space is a list of `Choice`s and a template: a function that asks for the value of each choice by name and returns the
input shape and the blocks. The same template gives the integer network (values are integers), the supernet (the
largest integers, each tagged with its choice) and the relaxed network whose costs have gradients (values are 0-d
tensors). These three cannot disagree, since they have one description.

Kinds of choice
    width    output channels of one or more layers; the supernet masks channels
    kernel   taps of a kernel along an axis, all of one parity and under `same` padding; the supernet masks taps
    dilation distance between a kernel's taps along an axis; the supernet spreads the taps
    keep     1 keeps a block, 0 replaces it by the identity; the supernet mixes the two
    bits     8 or 4: the bits of a layer's weights; the supernet mixes the weights with rounded ones
    shape    anything that changes the size of maps (a stride, the input); the supernet samples one value for each
             training step
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from itertools import product
from typing import Any, Literal

from micronets.errors import SpecError, did_you_mean
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, WEIGHT_BITS, Conv2D, DepthwiseConv2D, FullyConnected, Layer, Pad, Shape
from micronets.number import Number

ValueOf = Callable[[str], Any]
"""A function from a choice's name to its value: an integer, or a 0-d tensor in a relaxed network."""

Values = Mapping[str, int]
"""One value for every choice, by the choice's name."""


@dataclass(frozen=True)
class Choice:
    """A named, finite choice.

    - name: its name in the template and in configurations.
    - kind: what it decides; the module's docstring lists the kinds.
    - options: its values in ascending order; for the kind shape, from the largest maps to the smallest.
    """

    name: str
    kind: Literal["width", "kernel", "dilation", "keep", "bits", "shape"]
    options: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """Layers that a choice may drop together.

    - layers: the layers in order. The first reads the previous block's output, and the last writes this block's output.
      A layer has the same name for all values of the choices, even a `Pad` that adds nothing.
    - keep: the name of the choice that may drop the block; None for a block that every network has.
    """

    layers: tuple[Layer, ...]
    keep: str | None = None


@dataclass(frozen=True)
class Template:
    """The result of a space's template function for one set of values.

    - input_shape: the shape of the network's input, `(H, W, C)`.
    - blocks: the blocks in execution order.
    """

    input_shape: Shape
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class SearchSpace:
    """A network with open choices.

    - name: the name of the space in configurations and messages.
    - choices: all open choices.
    - template: maps values of the choices to the input's shape and the blocks of a network.
    - finish: turns the template's network, for one value of every choice, into the final one, whose layers have the
      same names and weights. It adds what a supernet cannot have, such as maps whose size depends on kernels. Relaxed
      costs are computed from the template, exact costs from the final network.
    """

    name: str
    choices: tuple[Choice, ...]
    template: Callable[[ValueOf], Template]
    finish: Callable[[Arch], Arch] = lambda arch: arch

    def choice(self, name: str) -> Choice:
        """Returns the choice called `name`. Raises `SpecError` if there is none."""
        for c in self.choices:
            if c.name == name:
                return c
        raise SpecError(f"space {self.name}: no choice '{name}'; {did_you_mean(name, (c.name for c in self.choices))}")

    def largest(self) -> dict[str, int]:
        """Returns the values of the largest network: the last option of each choice, but the first of a shape."""
        return {c.name: c.options[0 if c.kind == "shape" else -1] for c in self.choices}

    def smallest(self) -> dict[str, int]:
        """Returns the values of the smallest network: the first option of each choice, but the last of a shape."""
        return {c.name: c.options[-1 if c.kind == "shape" else 0] for c in self.choices}

    def fixed(self, values: Mapping[str, int]) -> SearchSpace:
        """Returns the space in which each choice named in `values` has that value as its only option.

        Raises `SpecError` for an unknown choice, or for a value that is not an option.
        """
        for name, value in values.items():
            if value not in self.choice(name).options:
                options = ", ".join(map(str, self.choice(name).options))
                raise SpecError(f"space.fix.{name} = {value}; options: {options}")
        choices = tuple(replace(c, options=(values[c.name],)) if c.name in values else c for c in self.choices)
        return replace(self, choices=choices)

    def sample(self, rng: random.Random) -> dict[str, int]:
        """Returns an option of every choice, drawn uniformly and independently of the others."""
        return {c.name: rng.choice(c.options) for c in self.choices}

    def shape_combinations(self) -> Iterator[dict[str, int]]:
        """Yields all combinations of the options of the choices of kind shape."""
        shapes = [c for c in self.choices if c.kind == "shape"]
        for values in product(*(c.options for c in shapes)):
            yield {c.name: v for c, v in zip(shapes, values, strict=True)}


def space_of_one(name: str, arch: Arch, settings: Values) -> SearchSpace:
    """Returns the space whose only network is a given one.

    - name: the name of the space in messages.
    - arch: the network; it must have one input and no constants.
    - settings: the settings of its input, which become choices with one option.
    """
    template = Template(arch.input_shape, (Block(arch.layers),))
    choices = tuple(Choice(setting, "shape", (value,)) for setting, value in settings.items())
    return SearchSpace(name, choices, lambda pick: template)


def with_bits(space: SearchSpace, bits: tuple[int, ...]) -> SearchSpace:
    """Returns a space in which every layer with weights has a choice of their bits, called `bits_LAYER`.

    Grouped and transposed convolutions, which have only 8-bit weights, remain as they are, as do layers to which the
    template itself gives other bits.

    - space: the space, in which weights have 8 bits.
    - bits: the options of every such choice, in any order: 8, 4, or both; 8 alone leaves the space as it is.

    Raises `SpecError` for other bits, and if the name of such a choice is taken.
    """
    options = tuple(sorted(set(bits)))
    if not options or not set(options) <= set(WEIGHT_BITS):
        raise SpecError(f"space.bits = {list(bits)}; allowed: [8], [4] and [8, 4]")
    if options == (8,):
        return space
    largest = space.largest()
    template = space.template(lambda name: largest[name if name in largest else space.choice(name).name])
    names = [layer.name for block in template.blocks for layer in block.layers if _may_have_bits(layer)]
    choices = tuple(Choice(f"bits_{name}", "bits", options) for name in names)
    for choice in choices:
        if any(c.name == choice.name for c in space.choices):
            raise SpecError(f"space {space.name}: has a choice '{choice.name}' of its own; leave out space.bits")

    @wraps(space.template)
    def chosen(pick: ValueOf) -> Template:
        made = space.template(pick)
        blocks = tuple(
            replace(block, layers=tuple(_with_bits_of(layer, pick) for layer in block.layers)) for block in made.blocks
        )
        return replace(made, blocks=blocks)

    return replace(space, choices=(*space.choices, *choices), template=chosen)


def _may_have_bits(layer: Layer) -> bool:
    """Returns whether the bits of a layer's weights can be a choice."""
    match layer:
        case Conv2D():
            return layer.groups == 1 and layer.weight_bits == 8
        case DepthwiseConv2D() | FullyConnected():
            return layer.weight_bits == 8
        case _:
            return False


def _with_bits_of(layer: Layer, pick: ValueOf) -> Layer:
    """Returns the layer with the weight bits of its choice, if it has one."""
    if not _may_have_bits(layer):
        return layer
    return replace(layer, weight_bits=pick(f"bits_{layer.name}"))  # type: ignore[call-arg]


def derive(space: SearchSpace, values: Values) -> Arch:
    """Returns the network of a space for one value of every choice.

    - space: the space.
    - values: a value for each of its choices, by name.

    Raises `SpecError` for a missing or unknown choice or a value that is not an option.
    """
    if not isinstance(space, SearchSpace) or not isinstance(values, Mapping):
        raise SpecError(
            f"derive: given a {type(space).__name__} and a {type(values).__name__}; need a SearchSpace and a mapping "
            "from the name of each choice to its value"
        )
    for name in sorted(values.keys() - {c.name for c in space.choices}):
        space.choice(name)
    for c in space.choices:
        if c.name not in values:
            raise SpecError(f"space {space.name}: choice '{c.name}' has no value; options: {c.options}")
        if values[c.name] not in c.options:
            raise SpecError(f"space {space.name}: {c.name} = {values[c.name]}; options: {c.options}")
    template = without_empty_pads(
        space.template(lambda name: values[name if name in values else space.choice(name).name])
    )
    layers: list[Layer] = []
    renamed: dict[str, str] = {}  # output of a dropped block -> output of the last block before it that was kept
    previous = INPUT
    for block in template.blocks:
        if block.keep is None or values[block.keep]:
            layers += [rename(a, renamed) for a in block.layers]
            previous = block.layers[-1].name
        else:
            renamed[block.layers[-1].name] = previous
    return space.finish(Arch(template.input_shape, tuple(layers)))


def relaxed_steps(space: SearchSpace, expected: Mapping[str, Number]) -> tuple[Step, ...]:
    """Returns the steps of the network in which all choices have their expected values.

    - space: the space of the network.
    - expected: a value for every choice. Shapes are integers; all other values may be 0-d tensors.

    After a block that may be dropped, the channel count is the mean of the block's output and input channels, weighted
    by `keep`. If a `Pad` adds less than one channel, its gate is multiplied by that fraction.
    """
    template = space.template(lambda name: expected[name])
    shapes: dict[str, Shape] = {INPUT: template.input_shape}
    steps = []
    previous = INPUT
    for block in template.blocks:
        gate = 1 if block.keep is None else expected[block.keep]
        for layer in block.layers:
            inputs = tuple(shapes[i] for i in layer.inputs)
            share = -max(-padded_values(layer), -1) if isinstance(layer, Pad) else 1  # min(padded values, 1)
            step = Step.of(layer, inputs, gate * share)
            shapes |= zip(layer.outputs, step.output_shapes, strict=True)
            steps.append(step)
        last = block.layers[-1].name
        if block.keep is not None:
            (h, w, c), c_before = shapes[last], shapes[previous][2]
            shapes[last] = (h, w, gate * c + (1 - gate) * c_before)
        previous = last
    return tuple(steps)


def without_empty_pads(template: Template) -> Template:
    """Returns the template without `Pad` layers that add nothing; templates have one wherever widths may differ."""
    if not any(isinstance(layer, Pad) for block in template.blocks for layer in block.layers):
        return template
    renamed: dict[str, str] = {}
    blocks = []
    for block in template.blocks:
        layers: list[Layer] = []
        for layer in block.layers:
            if isinstance(layer, Pad) and not padded_values(layer):
                renamed[layer.name] = renamed.get(layer.inputs[0], layer.inputs[0])
            else:
                layers.append(rename(layer, renamed))
        blocks.append(replace(block, layers=tuple(layers)))
    return replace(template, blocks=tuple(blocks))


def padded_values(layer: Pad) -> Any:
    """Returns the sum of the rows, columns and channels that a padding adds."""
    return sum(before + after for before, after in layer.paddings)


def rename(layer: Layer, renamed: Mapping[str, str]) -> Layer:
    """Returns the layer with its inputs renamed by `renamed`, a mapping from old to new names."""
    if renamed.keys().isdisjoint(layer.inputs):
        return layer
    return replace(layer, inputs=tuple(renamed.get(i, i) for i in layer.inputs))
