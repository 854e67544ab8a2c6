"""All passes in order. A pass makes a network smaller or faster, and its outputs stay the same, bit for bit."""

from __future__ import annotations

from micronets.compiler.passes.constant_filters import shrink_constant_filters
from micronets.compiler.passes.dead_channels import drop_dead_channels
from micronets.compiler.passes.depthwise_as_conv import depthwise_as_conv
from micronets.compiler.passes.fold_lookups import fold_lookups
from micronets.compiler.passes.fold_pads import fold_pads
from micronets.compiler.passes.grouped_as_depthwise import grouped_as_depthwise
from micronets.compiler.passes.unread import drop_unread
from micronets.quantized.model import QuantizedModel

PASSES = (
    drop_unread,
    grouped_as_depthwise,
    depthwise_as_conv,
    fold_lookups,
    fold_pads,
    drop_dead_channels,
    shrink_constant_filters,
)


def optimise(model: QuantizedModel) -> QuantizedModel:
    """Runs every pass on `model`, and returns the network that `compile_model` writes as C."""
    for each in PASSES:
        model = each(model)
    return model
