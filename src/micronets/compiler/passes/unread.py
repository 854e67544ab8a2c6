"""The pass that removes layers whose results nothing reads."""

from __future__ import annotations

from dataclasses import replace

from micronets.ir.layers import AssignVariable
from micronets.quantized.model import QuantizedModel


def drop_unread(model: QuantizedModel) -> QuantizedModel:
    """Removes every layer of which no output is read by another layer or is an output of the network.

    Exporters leave such layers behind. Layers that assign variables, and those that these read from, stay.
    """
    arch = model.arch
    needed, kept = set(arch.outputs), []
    for layer in reversed(arch.layers):
        if isinstance(layer, AssignVariable) or needed.intersection(layer.outputs):
            needed |= set(layer.inputs)
            kept.append(layer)
    if len(kept) == len(arch.layers):
        return model
    layers = tuple(reversed(kept))
    names = {name for layer in layers for name in (*layer.inputs, *layer.outputs)} | {i.name for i in arch.inputs}
    return replace(
        model,
        arch=replace(
            arch,
            layers=layers,
            output_names=arch.outputs,
            constants=tuple(c for c in arch.constants if c.name in names),
        ),
        quant={name: q for name, q in model.quant.items() if name in names},
        weights={layer.name: model.weights[layer.name] for layer in layers if layer.name in model.weights},
        constants={name: c for name, c in model.constants.items() if name in names},
    )
