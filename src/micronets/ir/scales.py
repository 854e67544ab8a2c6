"""Finds the tensors of a network that share a scale and zero point, because an operator does not rescale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from micronets.ir.arch import Step
from micronets.ir.layers import INPUT


def scale_owners(steps: Sequence[Step]) -> Mapping[str, str]:
    """Returns the owner of every tensor's scale, by the tensor's name: the first tensor with this scale.

    A tensor that shares its scale with no earlier tensor owns itself. An operator that keeps the scale of its input
    (`Operator.scale`) ties its outputs to its input; an operator that joins tensors ties all of them together. Copied
    codes keep their scale, as in networks that we train; TFLM requires this for some operators only.
    """
    owners = {INPUT: INPUT}
    for step in steps:
        layer = step.layer
        owners |= {name: name for name in layer.inputs if name not in owners}  # constants, and further inputs
        owners |= {name: name for name in layer.outputs}
        match step.operator.scale:
            case "its own" | "1/256" | "1/65536" | "1/128" | "1/32768" | "1/16" | "1":
                continue
            case "the input's" | "copied codes":
                bound = (layer.inputs[0], *layer.outputs)
            case "all inputs'":
                bound = (*layer.inputs, *layer.outputs)
        groups = {owners[name] for name in bound}
        first = next(name for name in owners if name in groups)
        owners = {name: first if owner in groups else owner for name, owner in owners.items()}
    return owners
