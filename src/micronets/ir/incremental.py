"""A network over time as one that takes only the new columns: it keeps the last columns that its layers need.

The network of a stream looks at a window of T frames again and again, each time a few frames further. Most of what it
computes it has computed before. `incremental` makes another network of it, which takes `step` frames at a time and
gives the outputs of the window that ends with them, byte for byte:

- A tensor that lies along time has a column for every `rate` frames, the product of the strides before it. Each call
  computes its `step / rate` new columns.
- What a layer needs besides these was computed before: it is kept in a variable. READ_VARIABLE and CONCATENATION put it
  in front of the new columns, and SLICE and ASSIGN_VARIABLE keep the last ones for the next call.
- A layer that ends the time axis, such as the mean over all columns, gets all columns of the window in this way, and is
  computed as before. So is everything behind it.

This needs windows (kernels and pools) that never leave the map along time: padding at the edges of a window of frames
is seen once for each window, where a stream has neighbours. The result is made of ordinary layers, so that files, costs
and C know it already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from micronets.errors import UnsupportedError
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import (
    INPUT,
    AssignVariable,
    AveragePool2D,
    Binary,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    L2Normalization,
    Layer,
    LogSoftmax,
    MaxPool2D,
    Pad,
    ReadVariable,
    Reduction,
    Reshape,
    Slice,
    Softmax,
    Split,
)


@dataclass(frozen=True)
class IncrementalArch:
    """A network that takes new columns alone.

    - arch: the network, whose input has `step` frames.
    - step: frames that it takes at a time.
    - copies: for each tensor that the other network lacks, the tensor there whose codes it holds.
    """

    arch: Arch
    step: int
    copies: Mapping[str, str]


def incremental(arch: Arch) -> IncrementalArch:
    """Returns the network that computes the outputs of `arch` from the newest frames and what it has kept.

    The input of `arch` is `(T, F, C)` with time along its first axis. Once the network has seen T frames, its outputs
    are those of `arch` for the last T of them. Calls end T frames, T + step, T + 2 step, ... after the beginning.

    Raises `UnsupportedError` for a network for which there is none, with the reason in one line.
    """
    _check(arch)
    rates = _rates(arch)
    moving = [rate for rate in rates.values() if rate is not None]
    step, shapes = math.lcm(*moving), arch.shapes()
    for name, rate in rates.items():
        if rate is not None and step // rate > shapes[name][0]:
            raise UnsupportedError(
                f"its strides along time make steps of {step} frames, which is more than the "
                f"{shapes[name][0] * rate} that '{name}' spans"
            )
    if len(moving) == 1:
        raise UnsupportedError(
            f"layer '{arch.layers[0].name}' reads all frames at once, so that nothing of it can be kept"
        )
    return _Rewriting(arch, rates, step).finish()


def step_of(arch: Arch) -> int | None:
    """Returns the frames that the incremental network of `arch` takes at a time; None where there is none."""
    try:
        return incremental(arch).step
    except UnsupportedError:
        return None


def _check(arch: Arch) -> None:
    """Raises `UnsupportedError` for a network that has no time axis, keeps state already, or has codes of 4 bits."""
    if len(arch.inputs) > 1 or len(arch.input_shape) != 3:
        raise UnsupportedError("it needs one input of frames, bands and channels")
    if arch.variables():
        raise UnsupportedError("it keeps state from one inference to the next already")
    if "int4" in arch.types().values():
        raise UnsupportedError("it has activations of 4 bits, which cannot be kept in variables")


def _rates(arch: Arch) -> dict[str, int | None]:
    """Returns for each tensor how many frames there are for one of its columns; None where it has no time axis."""
    rates: dict[str, int | None] = {INPUT: 1}
    for step in arch.steps():
        layer = step.layer
        rate = rates.get(layer.inputs[0])
        if rate is None or not _stays(step, rates):
            found = None
        elif isinstance(layer, Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D):
            found = rate * layer.window.stride[0]
        else:
            found = rate
        rates |= dict.fromkeys(layer.outputs, found)
    return rates


def _stays(step: Step, rates: Mapping[str, int | None]) -> bool:
    """Returns whether the outputs of a layer lie along time as its first input does.

    If not, the layer reads all columns of its inputs, and ends the time axis. Raises `UnsupportedError` for a window
    with padding along time.
    """
    layer, columns = step.layer, step.input_shapes[0][0]
    match layer:
        case Conv2D() | DepthwiseConv2D() | AveragePool2D() | MaxPool2D():
            shape = step.input_shapes[0]
            if layer.window.before(shape)[0] or layer.window.after(shape)[0]:
                raise UnsupportedError(
                    f"layer '{layer.name}' has SAME padding along time, which the edges of every window see, where a "
                    "stream has no edges; train a network with streaming = true in [space], or run whole windows"
                )
            return step.output_shape[0] > 1
        case Slice():
            return step.output_shape[0] > 1
        case _ if isinstance(layer, Binary):
            pairs = zip(layer.inputs, step.input_shapes, step.constants, strict=True)
            return all(
                (len(shape) < 3 or shape[0] == 1) if fixed else rates[name] == rates[layer.inputs[0]]
                for name, shape, fixed in pairs
            )
        case Concatenation():
            return layer.axis > 0 and len({rates[name] for name in layer.inputs}) == 1
        case Split():
            return layer.axis > 0
        case Pad():
            return layer.paddings[0] == (0, 0)
        case Softmax() | LogSoftmax() | L2Normalization():
            return len(step.input_shapes[0]) > 1
        case Reshape():
            return len(layer.shape) > 1 and layer.shape[0] == columns > 1
        case _ if isinstance(layer, Reduction):
            return 0 not in layer.axes and len(step.output_shape) > 1
        case _:
            return step.operator.codewise


@dataclass
class _Rewriting:
    """The incremental network in the making.

    - arch, rates: the network, and what `_rates` returns for it.
    - step: frames that a call takes.
    - layers: the layers so far.
    - copies: see `IncrementalArch`.
    - columns: for each tensor along time that has kept columns, the tensor that holds these and the new ones.
    - first: for each tensor along time, which column of its window `columns` begins with; without kept ones, that is
      the first new one.
    - parts: the slices of such tensors that are there, by the tensor and by the columns of the window.
    - renamed: what stands for slices that would take everything.
    """

    arch: Arch
    rates: Mapping[str, int | None]
    step: int
    layers: list[Layer] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    parts: dict[tuple[str, int, int], str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes = self.arch.shapes()
        self.types = self.arch.types()
        self.taken = {*self.shapes, *(spec.name for spec in self.arch.constants)}

    def finish(self) -> IncrementalArch:
        """Returns the network."""
        self.keep(INPUT)
        for step in self.arch.steps():
            self.rewrite(step)
            for name in step.layer.outputs:
                self.keep(name)
        _, bands, channels = self.arch.input_shape
        names = tuple(self.renamed.get(name, name) for name in self.arch.outputs)
        arch = replace(
            self.arch, input_shape=(self.step, bands, channels), layers=tuple(self.layers), output_names=names
        )
        shapes = arch.shapes()
        for name, rate in self.rates.items():
            made = shapes[self.renamed.get(name, name)]
            assert rate is None or made[0] == self.new(name), f"'{name}' has {made[0]} columns"
        return IncrementalArch(arch, self.step, self.copies)

    def new(self, name: str) -> int:
        """Returns how many columns of a tensor along time a call computes."""
        rate = self.rates[name]
        assert rate is not None, f"'{name}' has no time axis"
        return self.step // rate

    def needed(self, step: Step, name: str) -> tuple[int, int]:
        """Returns the columns of the window of tensor `name` that a layer reads in a call: first, and behind the last.

        Columns of a window have the numbers 0 to `shape[0] - 1`; the new ones are the last.
        """
        layer, length = step.layer, self.shapes[name][0]
        if self.rates[layer.name] is None:
            return 0, length
        made, all_made = self.new(layer.outputs[0]), step.output_shape[0]
        match layer:
            case Conv2D() | DepthwiseConv2D() | AveragePool2D() | MaxPool2D():
                return (all_made - made) * layer.window.stride[0], length
            case Slice():
                begin = all_made - made + layer.begin[0]
                return begin, begin + made
            case _:
                return length - made, length

    def keep(self, name: str) -> None:
        """Adds what keeps columns of a tensor, if layers read more than the new ones."""
        if self.rates[name] is None:
            return
        readers = [s for s in self.arch.steps() if name in s.layer.inputs]
        length, new = self.shapes[name][0], self.new(name)
        begin = min([length - new, *(self.needed(s, name)[0] for s in readers)])
        kept = length - new - begin
        self.first[name] = begin
        if kept == 0:
            return
        tensor, rest = self.renamed.get(name, name), self.shapes[name][1:]
        variable, old, joined, last, store = (
            self.fresh(f"{name}/{what}") for what in ("kept", "old", "columns", "last", "keep")
        )
        self.layers += [
            ReadVariable(name=old, variable=variable, shape=(kept, *rest), of=self.types[name]),
            Concatenation(name=joined, inputs=(old, tensor), axis=0),
            Slice(name=last, inputs=(joined,), begin=(new, *(0 for _ in rest)), size=(kept, *rest)),
            AssignVariable(name=store, inputs=(last,), variable=variable),
        ]
        self.columns[name] = joined
        self.copies |= dict.fromkeys((old, joined, last), name)

    def rewrite(self, step: Step) -> None:
        """Adds a layer that reads the columns that it needs."""
        layer = step.layer
        if isinstance(layer, Slice) and self.rates[layer.name] is not None:
            self.rewrite_slice(step, layer)
            return
        inputs = tuple(
            self.part(name, *self.needed(step, name)) if self.rates.get(name) is not None else name
            for name in layer.inputs
        )
        made = replace(layer, inputs=inputs)
        if isinstance(made, Reshape) and self.rates[layer.name] is not None:
            made = replace(made, shape=(self.new(layer.name), *made.shape[1:]))
        self.layers.append(made)

    def rewrite_slice(self, step: Step, layer: Slice) -> None:
        """Adds a slice along time of the columns that are there; one that takes everything needs no layer."""
        name = layer.inputs[0]
        begin, end = self.needed(step, name)
        source, rest = self.source(name), self.shapes[name][1:]
        if (begin, end) == (self.first[name], self.shapes[name][0]) and layer.size[1:] == rest:
            self.renamed[layer.name] = source
            return
        begins, sizes = (begin - self.first[name], *layer.begin[1:]), (end - begin, *layer.size[1:])
        self.layers.append(replace(layer, inputs=(source,), begin=begins, size=sizes))

    def source(self, name: str) -> str:
        """Returns the tensor that holds the columns of `name` from `first` on."""
        return self.columns.get(name, self.renamed.get(name, name))

    def part(self, name: str, begin: int, end: int) -> str:
        """Returns the tensor that holds columns of a window; adds a slice if they are not all there are.

        - name: the tensor whose window it is.
        - begin, end: the first column, and the one behind the last, from 0 to the window's columns `shape[0]`.
        """
        first, length = self.first[name], self.shapes[name][0]
        if (begin, end) == (first, length):
            return self.source(name)
        if (begin, end) == (length - self.new(name), length):
            return self.renamed.get(name, name)
        if (name, begin, end) not in self.parts:
            rest = self.shapes[name][1:]
            made = self.fresh(f"{name}/{begin}")
            begins, sizes = (begin - first, *(0 for _ in rest)), (end - begin, *rest)
            self.layers.append(Slice(name=made, inputs=(self.source(name),), begin=begins, size=sizes))
            self.copies[made] = name
            self.parts[name, begin, end] = made
        return self.parts[name, begin, end]

    def fresh(self, name: str) -> str:
        """Returns a name that no tensor has, as near to `name` as can be."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name
