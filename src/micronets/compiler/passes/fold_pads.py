"""The pass that gives the padding of a PAD layer to the convolution that follows it."""

from __future__ import annotations

from dataclasses import replace

from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, DepthwiseConv2D, Pad, Shape
from micronets.ir.ops import operator
from micronets.quantized.model import QuantizedModel


def fold_pads(model: QuantizedModel) -> QuantizedModel:
    """Removes PAD layers whose work the convolution that follows them can do by padding "same".

    Converted MobileNets have such a layer in front of every convolution with a stride of 2.
    """
    layers = {layer.name: layer for layer in model.arch.layers}
    quant = dict(model.quant)
    for step in model.arch.steps():
        if not step.layer.inputs:
            continue
        layer, pad = step.layer, layers.get(step.layer.inputs[0])
        if not (isinstance(layer, (Conv2D, DepthwiseConv2D)) and layer.padding == "valid" and isinstance(pad, Pad)):
            continue
        source = pad.inputs[0]
        alone = [reader.name for reader in layers.values() if pad.name in reader.inputs] == [layer.name]
        alone = alone and pad.name not in model.arch.outputs and pad.value in (None, quant[pad.name].zero_point)
        folded = replace(layer, inputs=(source,), padding="same")
        if alone and quant[source] == quant[pad.name] and _pads_alike(model.arch.shapes()[source], pad, folded, step):
            layers[layer.name] = folded
            del layers[pad.name], quant[pad.name]
    if len(layers) == len(model.arch.layers):
        return model
    return replace(model, arch=replace(model.arch, layers=tuple(layers.values())), quant=quant)


def _pads_alike(x: Shape, pad: Pad, folded: Conv2D | DepthwiseConv2D, step: Step) -> bool:
    """Returns whether `folded` on a map of shape `x` has its windows where `step` has them on the padded map."""
    if len(x) != 3 or pad.paddings[2] != (0, 0) or operator(folded).output_shapes((x,)) != step.output_shapes:
        return False
    return folded.window.before(x) == (pad.paddings[0][0], pad.paddings[1][0])
