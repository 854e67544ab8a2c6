"""The bytes of flash that a network takes besides code: estimated without its weights, or counted in generated C.

`flash_outline` asks every kernel for the bytes of its constants and the functions that it needs (`Kernel.outline`),
which takes a millisecond or two, so that a search can ask it for every network. Its figures are those of the C if the
numbers of every layer suit the fast kernels and no channel is dead; tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from micronets.boards.targets import Target
from micronets.compiler.kernel_files import is_source, kernel_files
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.goal import DEFAULT_GOAL, Goal
from micronets.compiler.kernels.variables import state_offsets
from micronets.ir.arch import Arch
from micronets.ir.layers import ACTIVATION_LIMITS
from micronets.ir.ops import operator
from micronets.ir.types import UNSCALED, code_range
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel, TensorQuant

_FINE_SCALE = 2.0**-10

KERNELS_HEADER = "micronets_kernels.h"
"""The header that declares the kernels, which every model.c includes."""


@dataclass(frozen=True)
class Contents:
    """The parts of a network that lie in flash, besides functions that do not depend on it.

    - constant_bytes: bytes of weights and tables.
    - files: names of the C and assembly files of its kernels.
    - runners: how many functions model.c has that call a kernel from a layer's record.
    - padding_bytes: bytes that fill up every table to a multiple of four; not all of them need lie in flash.
    - layers: how many layers there are.
    - groups: how many groups of layers run in patches.
    - groups_layers: how many layers there are in those groups.
    - copying_runners: how many of the runners copy a table first.
    - built_fields: how many fields of structs the runners set on the stack (`generate.narrow_c`).
    - variables: how many variables keep their values from one inference to the next; a function of model.c sets their
      first values.
    """

    constant_bytes: int
    files: tuple[str, ...]
    runners: int
    padding_bytes: int
    layers: int
    groups: int = 0
    groups_layers: int = 0
    variables: int = 0
    copying_runners: int = 0
    built_fields: int = 0


def flash_outline(arch: Arch, target: Target, goal: Goal = DEFAULT_GOAL) -> Contents:
    """Returns what the C of a network puts into flash, as far as that is known without its weights.

    - arch: the layers, which run whole.
    - target: the instruction set that the C is for.
    - goal: what kernels are chosen for where a faster one takes more memory.
    """
    model = stand_in(arch)
    layers = [kernel.outline(model) for kernel in choose_all(arch, target, goal)]
    runners = {layer.runner for layer in layers if layer.runner}
    constants = sum(layer.bytes for layer in layers) + listing_bytes(len(layers), len(runners))
    sources = frozenset(source for layer in layers for source in layer.sources)
    padding = sum(layer.padding_bytes for layer in layers) + listing_padding_bytes(len(layers))
    variables = len(state_offsets(arch))
    files = source_files(sources, target)
    return Contents(constants, files, len(runners), padding, len(layers), variables=variables)


def stand_in(arch: Arch) -> QuantizedModel:
    """Returns the network with scales and zero points as a trained one has them, and without weights.

    Rectified outputs have the least code as their zero point, as converters choose it; other outputs have 0. The scales
    are so fine that the table of a Softmax has all its 256 entries.
    """
    rectified = {
        name: ACTIVATION_LIMITS[operator(layer).activation or "none"][0] == 0
        for layer in arch.layers
        for name in layer.outputs
    }
    quant = {
        name: TensorQuant(_FINE_SCALE, code_range(of)[0] if rectified.get(name) and of != "int16" else 0)
        for name, of in arch.types().items()
        if of not in UNSCALED
    }
    constants = {spec.name: np.zeros(spec.shape, dtype_of(spec.type)) for spec in arch.constants}
    others = (*arch.constants, *arch.own_variables().values())
    quant |= {spec.name: TensorQuant(_FINE_SCALE, 0) for spec in others if spec.type not in UNSCALED}
    return QuantizedModel(arch, quant, {}, constants=constants)


@lru_cache(maxsize=1024)
def source_files(sources: frozenset[str], target: Target) -> tuple[str, ...]:
    """Returns the names of the C and assembly files in which functions are written for a target, with all they need."""
    return tuple(filter(is_source, kernel_files(sorted(sources), [KERNELS_HEADER], target)))


def listing_bytes(layers: int, functions: int) -> int:
    """Returns the bytes of the tables of model.c that list functions and, for each layer, its function and its record.

    - layers: how many layers the network has, of which at least one runs whole.
    - functions: how many different functions run them.
    """
    return 4 * max(1, functions) + (4 + (1 if functions < 256 else 2)) * layers


def listing_padding_bytes(layers: int) -> int:
    """Returns the bytes that fill up the table of the functions of this many layers."""
    return -layers % 4
