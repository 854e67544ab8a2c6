"""What is counted in a network: MACs, parameters, bytes.

Functions of `Sequence[Step]` use only `+ * max`, so that widths, kernels and gates may be 0-d tensors: the costs of an
`Arch` and the differentiable ones of a search are the same code. A step counts with its gate as weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Pad
from micronets.number import Number


def macs(steps: Sequence[Step]) -> Number:
    """Multiply-accumulates of convolutions and matrix products, taps in the padding included; 1 MAC is 2 ops."""
    return sum(s.gate * step_macs(s) for s in steps)


def step_macs(step: Step) -> Number:
    """MACs of one layer, were it there."""
    return step.operator.macs(step.input_shapes, step.output_shapes)


def step_weights(step: Step) -> tuple[Number, Number]:
    """Weights and output channels (each with a bias and a scale) of one layer; zeros for a layer without."""
    w = step.weights
    return (0, 0) if w is None else (w.taps * w.channels, w.channels)


def params(steps: Sequence[Step]) -> Number:
    """Weights and biases."""
    return sum(s.gate * sum(step_weights(s)) for s in steps)


def weight_bytes(steps: Sequence[Step]) -> Number:
    """Bytes of packed weights and of 32-bit biases."""
    return sum(s.gate * step_weight_bytes(s) for s in steps)


def step_weight_bytes(step: Step) -> Number:
    """Bytes of one layer's packed weights and 32-bit biases."""
    w = step.weights
    return 0 if w is None else packed_bytes(w.taps * w.channels, w.bits) + w.channels * 4


def packed_bytes(values: Number, bits: int) -> Number:
    """Bytes of packed values of 8 or 4 bits; half bytes round up, but in tensors they stay."""
    if bits == 8:
        return values
    return (values + 1) // 2 if isinstance(values, int) else values * 0.5


def live_bytes(steps: Sequence[Step]) -> Number:
    """The most bytes of activations alive at once: a lower bound on what any plan needs.

    A step counts with its gate. An activation takes a byte, also one of 4 bits.
    """
    last: dict[str, int] = {}
    size: dict[str, Number] = {}  # as its readers see it: after a block that may be missing, a mean
    for i, s in enumerate(steps):
        for name, shape in zip(s.layer.inputs, s.input_shapes, strict=True):
            if name not in last:
                size[name] = math.prod(shape)
            last[name] = i
    alive = [INPUT]
    held = size.get(INPUT, 0)
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
    """Bytes that the network keeps from one inference to the next, beside its arena."""
    return sum(s.gate * s.operator.state_bytes(s.input_shapes, s.output_shapes) for s in steps)


def paper_ops(arch: Arch) -> float:
    """Operations as MicroNets (arXiv 2010.11267) counts them: 2 a MAC, and halves of rows and columns after a stride.

    True integer counts are 1..3 % higher.
    """
    sizes: dict[str, tuple[float, float]] = {INPUT: (float(arch.input_shape[0]), float(arch.input_shape[1]))}
    total = 0.0
    for s in arch.steps():
        (h, w), y, window = sizes[s.layer.inputs[0]], s.output_shape, s.operator.window
        if s.weights is not None and window is not None:
            h, w = h / window.stride[0], w / window.stride[1]
            total += 2 * step_macs(s) * (h * w) / math.prod(y[:2])
        elif s.weights is not None:
            total += 2 * step_macs(s)
        elif window is not None or (y[:2] != s.input_shapes[0][:2] and not isinstance(s.layer, Pad)):
            h, w = (float(n) for n in (*y[:2], 1.0)[:2])  # but the paper does not count what a padding adds
        sizes |= dict.fromkeys(s.layer.outputs, (h, w))
    return total
