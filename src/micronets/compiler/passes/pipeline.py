"""All passes in their order. A pass rewrites a network into a smaller one with the same output, bit for bit."""

from __future__ import annotations

from micronets.compiler.passes.dead_channels import drop_dead_channels
from micronets.compiler.passes.fold_lookups import fold_lookups
from micronets.compiler.passes.fold_pads import fold_pads
from micronets.compiler.passes.grouped_as_depthwise import grouped_as_depthwise
from micronets.quantized.model import QuantizedModel


def optimise(model: QuantizedModel) -> QuantizedModel:
    """Runs every pass on `model`: what it returns is the network that `compile_model` writes as C."""
    return drop_dead_channels(fold_pads(fold_lookups(grouped_as_depthwise(model))))
