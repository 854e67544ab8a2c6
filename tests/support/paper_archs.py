"""The networks of the MicroNets paper, built from its reference file (`micronet_archs.json`)."""

import json
from pathlib import Path
from typing import Any

from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, AveragePool2D, Conv2D, DepthwiseConv2D, Layer, Pad, Reshape


def paper_archs(shared: Path) -> dict[str, Arch]:
    """Returns every network of the file by its name, with 1x1 convolutions as classifiers, as released."""
    raw = json.loads((shared / "reference/micronet_archs.json").read_text())
    small = {name: ds_cnn(net) for name, net in raw["kws_ad"].items()}
    return small | {name: mobile_net(net) for name, net in raw["vww"].items()}


def ds_cnn(net: dict[str, Any]) -> Arch:
    """Returns a stem, then pairs of depthwise and pointwise convolutions, all rectified."""
    stem = net["conv0"]
    layers: list[Layer] = [_conv("conv0", INPUT, stem["c"], tuple(stem["k"]), stem["s"], "relu")]
    for i, (channels, stride) in enumerate(net["ds_blocks_c_s"]):
        before = layers[-1].name
        layers.append(_depthwise(f"dw{i}", before, stride, "relu"))
        layers.append(_conv(f"pw{i}", f"dw{i}", channels, (1, 1), 1, "relu"))
    return Arch(tuple(net["input"]), (*layers, *_head(tuple(net["input"]), layers, net["fc"])))


def mobile_net(net: dict[str, Any]) -> Arch:
    """Returns a network of inverted bottlenecks; where a residual has another width, a Pad widens the narrower map."""
    stem = net["conv0"]
    layers: list[Layer] = [_conv("conv0", INPUT, stem["c"], tuple(stem["k"]), stem["s"], "relu6")]
    width = stem["c"]
    for i, block in enumerate(net["ibn"]):
        before = layers[-1].name
        layers.append(_conv(f"expand{i}", before, block["expand"], (1, 1), 1, "relu6"))
        layers.append(_depthwise(f"dw{i}", f"expand{i}", block["dw_stride"], "relu6"))
        layers.append(_conv(f"project{i}", f"dw{i}", block["project"], (1, 1), 1, "none"))
        if block["residual_add"]:
            operands = [before, f"project{i}"]
            short = width - block["project"]
            if short:
                narrow = 0 if short < 0 else 1
                paddings = ((0, 0), (0, 0), (0, abs(short)))
                layers.append(Pad(name=f"pad{i}", inputs=(operands[narrow],), paddings=paddings))
                operands[narrow] = f"pad{i}"
            layers.append(Add(name=f"add{i}", inputs=tuple(operands)))
            width = max(width, block["project"])
        else:
            width = block["project"]
    layers.append(_conv("last", layers[-1].name, net["last_conv1x1"], (1, 1), 1, "relu6"))
    return Arch(tuple(net["input"]), (*layers, *_head(tuple(net["input"]), layers, net["classifier_conv1x1"])))


def _head(input_shape: tuple[int, ...], layers: list[Layer], classes: int) -> list[Layer]:
    h, w, _ = Arch(input_shape, tuple(layers)).output_shape
    return [
        AveragePool2D(name="pool", inputs=(layers[-1].name,), pool=(h, w), stride=(h, w)),
        _conv("classes", "pool", classes, (1, 1), 1, "none"),
        Reshape(name="logits", inputs=("classes",), shape=(classes,)),
    ]


def _conv(name: str, source: str, filters: int, kernel: Any, stride: int, activation: Any) -> Conv2D:
    return Conv2D(
        name=name, inputs=(source,), filters=filters, kernel=kernel, stride=(stride, stride), activation=activation
    )


def _depthwise(name: str, source: str, stride: int, activation: Any) -> DepthwiseConv2D:
    return DepthwiseConv2D(name=name, inputs=(source,), kernel=(3, 3), stride=(stride, stride), activation=activation)
