"""`Sharing`: the kernels that the layers of a network share, so that no further kernels take flash."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from micronets.boards.targets import Target
from micronets.compiler.kernels.conv import CONV, CONV_1X1, CONV_C4, is_pointwise
from micronets.compiler.kernels.dense import is_dense, matrix_step
from micronets.compiler.kernels.depthwise_schedule import DepthwiseForm, choose_depthwise_forms
from micronets.compiler.kernels.goal import Goal
from micronets.compiler.kernels.pool import share_average_maps
from micronets.compiler.limits import MOST_VALUES, MOST_VALUES_S4
from micronets.cost.counts import step_macs
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import Conv2D, FullyConnected

_DENSE_SHARE = 200  # a dense layer may run as a convolution if it has at most a 200th of the network's MACs


@dataclass(frozen=True)
class Sharing:
    """The choices of kernels that are made for all layers of a network together.

    - as_pointwise: the dense layers that the convolution kernel `pointwise` computes. That kernel computes two pixels
      where a dense layer has one, which hardly counts in a network of convolutions, and saves the code of another.
    - pointwise: the kernel of the network's pointwise convolutions, or of its other ones if it has no pointwise ones;
      "" if it has no convolutions.
    - dense_by8: whether the other dense layers are computed eight outputs at a time, which all of them must allow.
    - depthwise: the kernel that the depthwise layers share, or those from which each takes its fastest one.
    - average_maps: whether averages over whole maps are computed by a small kernel, and there are no other averages.
    """

    as_pointwise: frozenset[str]
    pointwise: str
    dense_by8: bool
    depthwise: tuple[DepthwiseForm, ...]
    average_maps: bool


@lru_cache(maxsize=64)
def share(arch: Arch, target: Target, goal: Goal) -> Sharing:
    """Returns which kernels the layers of `arch` share on `target`, where they are chosen for `goal`."""
    steps = tuple(map(matrix_step, arch.steps()))
    pointwise = _pointwise_kernel(steps)
    as_pointwise = _small_dense_layers(steps) if pointwise else frozenset()
    others = [s for s in steps if is_dense(s) and s.layer.name not in as_pointwise]
    depthwise = choose_depthwise_forms(steps, target.depthwise, goal)
    maps = share_average_maps(steps, target.depthwise.conv_mac * sum(map(step_macs, steps)), goal)
    return Sharing(as_pointwise, pointwise, all(map(_fits_by8, others)), depthwise, maps)


def _small_dense_layers(steps: Sequence[Step]) -> frozenset[str]:
    """Returns the names of dense layers with 8-bit weights whose work hardly counts."""
    macs = {s.layer.name: step_macs(s) for s in steps if isinstance(s.layer, Conv2D | FullyConnected)}
    limit = sum(macs.values()) / _DENSE_SHARE
    found = (s for s in steps if is_dense(s) and s.output_shape[-1] < 2**16)
    found = (s for s in found if math.prod(s.input_shapes[0]) <= MOST_VALUES)
    return frozenset(s.layer.name for s in found if macs[s.layer.name] <= limit and _weight_bits(s) == 8)


def _fits_by8(step: Step) -> bool:
    """Returns whether a dense layer can be computed eight outputs at a time."""
    inputs = math.prod(step.input_shapes[0])
    return inputs % 8 == step.output_shape[-1] % 8 == 0 and inputs <= MOST_VALUES_S4


def _weight_bits(step: Step) -> int:
    """Returns the bits of a convolution's or dense layer's weights; 0 for other layers."""
    return step.layer.weight_bits if isinstance(step.layer, Conv2D | FullyConnected) else 0


def _pointwise_kernel(steps: Sequence[Step]) -> str:
    """Returns the kernel that computes dense layers as convolutions because the network has it anyway; "" for none."""
    found = [s for s in steps if isinstance(s.layer, Conv2D) and s.layer.weight_bits == 8 and s.layer.groups == 1]
    found = [s for s in found if not is_dense(s)]
    if any(isinstance(s.layer, Conv2D) and is_pointwise(s.layer) for s in found):
        return CONV_1X1
    if any(s.input_shapes[0][-1] % 4 == 0 for s in found):
        return CONV_C4
    return CONV if found else ""
