"""`adopted`: turns the weights of a finished network into the state dict of an equivalent `Net`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from micronets.design import torch_ops
from micronets.design.net import Net
from micronets.ir.arch import Arch
from micronets.ir.layers import DepthwiseConv2D, Weighted

Array = npt.NDArray[Any]


def adopted(
    arch: Arch, weights: Mapping[str, tuple[Array, Array]], batches: Iterable[npt.NDArray[np.float32]]
) -> dict[str, Tensor]:
    """Returns float weights for `Net(arch)`, by the names of its state dict.

    - arch: the network. Raises `UnsupportedError` for layers that cannot be trained.
    - weights: for each layer with weights its kernel, laid out as in TensorFlow Lite, and its bias `[outputs]`.
    - batches: typical inputs `[N, *input_shape]`, at least one.

    A `Net` has a batch norm after every convolution, which in training mode normalises by the mean and variance of the
    current batch. Here each batch norm gets the mean and variance over `batches` as its running statistics, and the
    scale and shift that undo this normalisation. So the network computes the same in evaluation mode. In training mode
    it computes nearly the same, as far as the statistics of one batch agree with those of all.
    """
    net = Net(arch).eval()
    norms: dict[str, nn.BatchNorm2d] = {}
    with torch.no_grad():
        for step in net.steps:
            layer = step.layer
            if not isinstance(layer, Weighted):
                continue
            cell, (kernel, bias) = net.cell(layer), weights[layer.name]
            match kernel.ndim:
                case 4 if isinstance(layer, DepthwiseConv2D):
                    kernel = kernel.transpose(3, 0, 1, 2)
                case 4:
                    kernel = kernel.transpose(0, 3, 1, 2)
                case _:
                    pass
            cell.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
            if cell.bn is None:
                assert cell.bias is not None
                cell.bias.copy_(torch.from_numpy(bias))
            else:
                assert cell.bn.running_var is not None
                cell.bn.running_var.fill_(1 - torch_ops.BN_EPSILON)
                cell.bn.bias.copy_(torch.from_numpy(bias))
                norms[layer.name] = cell.bn
        sums = {name: torch.zeros(3, norm.num_features, dtype=torch.float64) for name, norm in norms.items()}

        def observe(name: str, x: Tensor) -> None:
            values = x.double()
            axes = (0, 2, 3)
            count = math.prod(x.shape[axis] for axis in axes)
            sums[name] += torch.stack(
                (torch.full_like(sums[name][0], count), values.sum(axes), values.square().sum(axes))
            )

        hooks = [
            norm.register_forward_pre_hook(lambda _, given, name=name: observe(name, given[0]))  # type: ignore[misc]
            for name, norm in norms.items()
        ]
        for x in batches:
            net(torch.from_numpy(x))
        for hook in hooks:
            hook.remove()
        for name, norm in norms.items():
            count, total, squares = sums[name]
            mean = total / count
            variance = (squares / count - mean.square()).clamp(min=0)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + torch_ops.BN_EPSILON).sqrt())
            norm.bias.add_(mean)
    return net.state_dict()
