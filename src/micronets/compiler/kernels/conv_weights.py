"""Weights in the order of the convolutions' kernels, and the memory they want; micronets_columns.h describes the order."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.compiler.limits import STRIP_BYTES
from micronets.cost.counts import step_macs
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.quantized.arithmetic import pack_int4

Array = npt.NDArray[Any]

_JOINED_SHARE = 200  # of all MACs there must be so many times those of a joined layer
_SUM_LIMIT = 2**23  # of a sum without bias: that of every second filter has 24 bits


def holds(rows: Array) -> bool:
    """Whether the order can hold weights `[filters, size]`: a filter's -128 leaves no room for what a negative one borrows."""
    w = _in_pairs(rows).astype(np.int64)
    return bool((w[..., 0] + 256 * w[..., 1]).min() >= -(2**15))


def suits(rows: Array) -> bool:
    """Whether the order can hold weights `[filters, size]` and their sums with any input."""
    wide = np.abs(rows.astype(np.int64)).sum(axis=1)
    return holds(rows) and bool(wide.max() * 128 < _SUM_LIMIT)


def words(rows: Array, lines: int | None = None) -> npt.NDArray[np.uint32]:
    """Weights `[filters, size]` of 8 bits that it `holds` as words `[filters / 4, pairs, 2]`.

    lines: of the window, for `micronets_conv`: what is left of each behind its fours of values has an order of its own there.
    """
    w = _in_pairs(rows, lines).astype(np.int64)
    halves = (w[..., 0] + 256 * w[..., 1]) & 0xFFFF  # [groups, pairs, which two filters, value of the pair]
    return np.asarray(halves[..., 0] | halves[..., 1] << 16, np.uint32)


def eights(rows: Array) -> npt.NDArray[np.uint32]:
    """The same words `[filters / 8, pairs, 4]`, those of eight filters together; there are a multiple of eight."""
    fours = words(rows)
    return fours.reshape(-1, 2, *fours.shape[1:]).transpose(0, 2, 1, 3).reshape(-1, fours.shape[1], 4)


def nibbles(rows: Array, lines: int | None = None) -> bytes:
    """Weights `[filters, size]` of 4 bits in the same order, a byte for what has 16 bits there."""
    return pack_int4(_in_pairs(rows, lines))


def rows_of(ordered: npt.NDArray[np.uint32], filters: int, size: int, lines: int | None = None) -> npt.NDArray[np.int8]:
    """The inverse of `words`."""
    halves = np.stack([ordered & 0xFFFF, ordered >> 16], -1).astype(np.uint16).view(np.int16).astype(np.int64)
    low = halves.astype(np.int8)
    w = np.stack([low, (halves - low) >> 8], -1)  # [groups, pairs, two filters, value, which filter of the two]
    w = w.transpose(0, 2, 4, 1, 3).reshape(4 * len(ordered), -1)
    back = np.zeros((len(w), size + 1), np.int8)
    back[:, _order(size, lines)] = w
    return back[:filters, :size]


@lru_cache(maxsize=64)
def joined(arch: Arch) -> frozenset[str]:
    """Layers that are a matrix times one vector, and that a convolution's kernel computes because it is there anyway.

    It computes two pixels where there is one, which is nothing in a network of convolutions and saves the code of another.
    """
    macs = {step.layer.name: step_macs(step) for step in arch.steps() if isinstance(step.layer, Conv2D | FullyConnected)}
    limit = sum(macs.values()) / _JOINED_SHARE
    wide = {layer.name for layer in arch.layers if isinstance(layer, Conv2D | FullyConnected) and layer.weight_bits == 8}
    small = (s for s in arch.steps() if is_dense(s) and max(math.prod(s.input_shapes[0]), s.output_shape[-1]) < 2**16)
    found = {s.layer.name for s in small if macs[s.layer.name] <= limit}
    return frozenset(found & wide) if host_kernel(arch) else frozenset()


@lru_cache(maxsize=64)
def in_eights(arch: Arch) -> bool:
    """Whether the matrices of a network, but for the `joined`, are computed eight filters at a time: where all can be."""
    steps = [s for s in arch.steps() if is_dense(s) and s.layer.name not in joined(arch)]
    sizes = [(math.prod(s.input_shapes[0]), s.output_shape[-1]) for s in steps if isinstance(s.layer, Conv2D | FullyConnected)]
    eight_bits = all(isinstance(s.layer, Conv2D | FullyConnected) and s.layer.weight_bits == 8 for s in steps)
    return eight_bits and all(inputs % 8 == units % 8 == 0 for inputs, units in sizes)


def host_kernel(arch: Arch) -> str:
    """The kernel of `joined` layers: that of the network's pointwise convolutions, or of its others; empty for none."""
    steps = [s for s in arch.steps() if isinstance(s.layer, Conv2D) and s.layer.weight_bits == 8 and not is_dense(s)]
    if any(pointwise(s.layer) for s in steps if isinstance(s.layer, Conv2D)):
        return "micronets_conv_1x1"
    if any(s.input_shapes[0][-1] % 4 == 0 for s in steps):
        return "micronets_conv_4"
    return "micronets_conv" if steps else ""


def is_dense(step: Step) -> bool:
    """Whether a step is a matrix times one vector."""
    layer = step.layer
    one = isinstance(layer, Conv2D) and pointwise(layer) and step.output_shape[:2] == (1, 1)
    return one or isinstance(layer, FullyConnected)


def pointwise(layer: Conv2D) -> bool:
    """Whether every output pixel depends on the input pixel of its own place alone."""
    return layer.kernel == (1, 1) and layer.stride == (1, 1)


def scratch(step: Step, joined: bool = False) -> int:
    """Bytes of scratch memory that the kernel of a convolution or a dense layer wants; joined: see there."""
    layer, channels = step.layer, step.input_shapes[0][-1]
    match layer:
        case Conv2D() | FullyConnected() if joined:
            return 8 * pairs(math.prod(step.input_shapes[0]))
        case Conv2D(kernel=(1, 1), stride=(1, 1)) if step.output_shape[:2] == (1, 1):
            return _unpacked(channels, layer.weight_bits)
        case Conv2D(kernel=kernel):
            size = math.prod(kernel) * channels
            return 8 * pairs(size) + (2 * _strip(step, layer) if channels % 4 else 0) + _unpacked(size, layer.weight_bits)
        case FullyConnected():
            return _unpacked(math.prod(step.input_shapes[0]), layer.weight_bits)
        case _:
            return 0


def _strip(step: Step, layer: Conv2D) -> int:
    """Bytes of a strip of `micronets_conv`: a line of windows, or one; 0 where all lie inside the map."""
    shape, out, kernel, stride, dilation = step.input_shapes[0], step.output_shape, layer.kernel, layer.stride, layer.dilation
    before, covered = layer.window.before(shape), layer.window.covered(shape)
    ends = covered[0] - before[0], covered[1] - before[1]
    if not any(before) and ends[0] <= shape[0] and ends[1] <= shape[1] and dilation[1] == 1:
        return 0
    line = (out[1] - 1) * stride[1] + kernel[1]
    whole = dilation[1] == 1 and line * kernel[0] * shape[2] <= STRIP_BYTES
    return align((line if whole else kernel[1]) * kernel[0] * shape[2], 4)


def pairs(size: int) -> int:
    """How many pairs of values there are in a column of `size` values."""
    return (size + 1) // 2


def _unpacked(size: int, weight_bits: int) -> int:
    """Bytes of four filters' words."""
    return 8 * pairs(size) if weight_bits == 4 else 0


def _order(size: int, lines: int | None) -> npt.NDArray[np.int64]:
    """Which value of a column each place `[pairs * 2]` holds; `size` stands for a zero."""
    count, found = size // (lines or 1), []
    last = [*range(count - 1, size, count)] if count % 2 else []
    last += [size] * (len(last) % 2)
    whole = count // 4 * 4
    for first in range(0, size, count):
        fours = np.arange(first, first + whole).reshape(-1, 4)[:, [0, 2, 1, 3]].ravel()
        found += [*fours.tolist(), *range(first + whole, first + count // 2 * 2)]
    return np.array(last + found if lines else found + last, np.int64)


def _in_pairs(rows: Array, lines: int | None = None) -> Array:
    """`[filters, size]` as `[groups of four, pairs, which two, value of the pair, which filter of the two]`."""
    filters, size = rows.shape
    padded = np.pad(rows, ((0, -filters % 4), (0, 1)))
    return padded[:, _order(size, lines)].reshape(-1, 2, 2, pairs(size), 2).transpose(0, 3, 1, 4, 2)
