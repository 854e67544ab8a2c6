"""Counts of a network: multiply-accumulates (MACs), parameters and bytes.

Functions of `Sequence[Step]` use only `+ * max`, so that widths, kernels and gates may be 0-d tensors: the costs of an
`Arch` and the differentiable ones of a search are the same code. Each step is weighted by its gate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Pad
from micronets.ir.types import ELEMENT_BYTES
from micronets.number import Number


def macs(steps: Sequence[Step]) -> Number:
    """Returns the multiply-accumulates of convolutions and matrix products, including taps in the padding.

    One MAC is two operations.
    """
    return sum(s.gate * step_macs(s) for s in steps)


def step_macs(step: Step) -> Number:
    """Returns the MACs of one layer, not weighted by its gate."""
    return step.operator.macs(step.input_shapes, step.output_shapes)


def step_weights(step: Step) -> tuple[Number, Number]:
    """Returns the numbers of weights and of biases of one layer; zeros for a layer without weights."""
    w = step.weights
    return (0, 0) if w is None else (w.taps * w.channels, w.channels)


def params(steps: Sequence[Step]) -> Number:
    """Returns the number of weights and biases of the layers."""
    return sum(s.gate * sum(step_weights(s)) for s in steps)


def weight_bytes(steps: Sequence[Step]) -> Number:
    """Returns the bytes of the layers' packed weights and biases."""
    return sum(s.gate * step_weight_bytes(s) for s in steps)


def step_weight_bytes(step: Step) -> Number:
    """Returns the bytes of one layer's packed weights, biases and constants, not weighted by its gate."""
    w = step.weights
    fixed = constant_bytes(step)
    return fixed if w is None else packed_bytes(w.taps * w.channels, w.bits) + w.channels * w.bias_bytes + fixed


def constant_bytes(step: Step) -> int:
    """Returns the bytes of the constants of the network that one layer reads."""
    operands = zip(step.input_shapes, step.input_types, step.constants, strict=True)
    return sum(math.prod(shape) * ELEMENT_BYTES[of] for shape, of, fixed in operands if fixed)


def packed_bytes(values: Number, bits: Number) -> Number:
    """Returns the bytes of packed values of 8 or 4 bits; half a byte is rounded up, unless there is a tensor."""
    if isinstance(bits, int) and isinstance(values, int):
        return values if bits == 8 else (values + 1) // 2
    return values * (bits / 8)


def live_bytes(steps: Sequence[Step]) -> Number:
    """Returns the most bytes of activations that are alive at once: a lower bound of any memory plan.

    An activation takes one byte, even if it has 4 bits. The bytes while a step runs are weighted by its gate.
    """
    last: dict[str, int] = {}
    size: dict[str, Number] = {}  # of a tensor as its first reader sees it: after a droppable block, the mean size
    for i, s in enumerate(steps):
        for name, shape, fixed in zip(s.layer.inputs, s.input_shapes, s.constants, strict=True):
            if fixed:
                continue
            if name not in last:
                size[name] = math.prod(shape)
            last[name] = i
    made = {name for s in steps for name in s.layer.outputs}
    alive = [name for name in size if name not in made]  # the inputs
    held = sum(size[name] for name in alive)
    most: Number = 0
    for i, s in enumerate(steps):
        most = max(most, s.gate * (held + sum(math.prod(shape) for shape in s.output_shapes)))
        alive += [name for name in s.layer.outputs if last.get(name, -1) > i]
        ended = {n for n in alive if last[n] <= i}
        if ended or not set(alive).isdisjoint(s.layer.outputs):
            alive = [n for n in alive if n not in ended]
            held = sum(size[n] for n in alive)
    return most


def state_bytes(steps: Sequence[Step]) -> Number:
    """Returns the bytes that the layers keep from one inference to the next."""
    return sum(s.gate * s.operator.state_bytes(s.input_shapes, s.output_shapes) for s in steps)


def paper_ops(arch: Arch) -> float:
    """Returns the operations of one inference as MicroNets (arXiv 2010.11267) counts them.

    A MAC is two operations, and a stride divides rows and columns without rounding: true counts are 1..3 % higher.
    """
    rows, columns = (*map(float, arch.input_shape), 1.0, 1.0)[:2]
    sizes: dict[str, tuple[float, float]] = {INPUT: (rows, columns)}
    total = 0.0
    for s in arch.steps():
        y, window = s.output_shape, s.operator.window
        if not s.layer.inputs:  # a variable
            sizes |= dict.fromkeys(s.layer.outputs, (float((*y, 1)[0]), float((*y, 1, 1)[1])))
            continue
        h, w = sizes[s.layer.inputs[0]]
        if s.weights is not None and window is not None:
            h, w = h / window.stride[0], w / window.stride[1]
            total += 2 * step_macs(s) * (h * w) / math.prod(y[:2])
        elif s.weights is not None:
            total += 2 * step_macs(s)
        elif window is not None or (y[:2] != s.input_shapes[0][:2] and not isinstance(s.layer, Pad)):
            h, w = (float(n) for n in (*y[:2], 1.0, 1.0)[:2])  # the paper does not count the rows that a Pad adds
        sizes |= dict.fromkeys(s.layer.outputs, (h, w))
    return total
