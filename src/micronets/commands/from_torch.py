"""`from_torch`: reads a trained PyTorch module as a network with its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micronets.importers.network import FloatNetwork
from micronets.importers.torch_module import read_module
from micronets.installation import require

if TYPE_CHECKING:
    import torch


def from_torch(module: torch.nn.Module, example: torch.Tensor) -> FloatNetwork:
    """Reads a trained PyTorch module, by `torch.export`, as a network with weights.

    - `module`: a module of one input, which is read in evaluation mode; it stays as it is.
    - `example`: a tensor `[N, ...]` that it takes; N may be 1, and the values do not matter.

    The result is in float: `inspect(network.arch, board)` estimates its costs, `quantise(network, data)` makes an
    integer model of it after training, and `train(network, data)` continues training its weights, with quantisation
    simulated. Maps have their channels last here: an input (C, H, W) of the module is (H, W, C), (C, T) is (T, 1, C),
    and what is not a map gets dimensions of 1 at its end.

    Raises `SpecError` for an example that is none, and `UnsupportedError` for a module that cannot be traced, or that
    has parts without a counterpart, which are named by their paths in the module.
    """
    require("torch")
    return read_module(module, example)
