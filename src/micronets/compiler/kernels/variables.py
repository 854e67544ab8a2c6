"""Variables: copies between the arena and the block that holds what a network keeps from one inference to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

from micronets.compiler.kernels.base import Arena, Call, LayerCode, Place, WholeKernel
from micronets.ir.arch import Arch
from micronets.ir.layers import AssignVariable, ReadVariable
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

READ = "micronets_read_state"
ASSIGN = "micronets_assign_state"
SLOT_BYTES = 8
"""Bytes at the start of the arena in which an inference keeps the address of the state."""


@dataclass(frozen=True)
class VariableKernel(WholeKernel):
    """A copy of all bytes of a variable: to the arena (ReadVariable) or from it (AssignVariable).

    A ReadVariable has no input in the arena, and an AssignVariable no output.

    - offset: bytes from the start of the state to the variable.
    """

    layer: ReadVariable | AssignVariable
    offset: int

    @property
    def uses_state(self) -> bool:
        """True: it copies a variable."""
        return True

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the place of the variable in the state."""
        size = math.prod(self.step.output_shape) * ELEMENT_BYTES[self.step.output_type]
        match self.layer:
            case ReadVariable(name=name):
                call = Call.of(READ, arena=Arena(), offset=self.offset, output=place.pointer(name), bytes=size)
                return LayerCode(call, (READ,))
            case AssignVariable(inputs=inputs):
                source = place.pointer(inputs[0])
                call = Call.of(ASSIGN, arena=Arena(), offset=self.offset, input=source, bytes=size)
                return LayerCode(call, (ASSIGN,))
            case _:
                assert_never(self.layer)


def state_offsets(arch: Arch) -> dict[str, int]:
    """Returns for each variable, by name, the bytes from the start of the state to it, which are a multiple of four."""
    found, end = {}, 0
    for name, spec in arch.variables().items():
        found[name] = end
        end += -(-math.prod(spec.shape) * ELEMENT_BYTES[spec.type] // 4) * 4
    return found


def state_block_bytes(arch: Arch) -> int:
    """Returns the bytes of the block that holds all variables; 0 for a network without any."""
    return sum(-(-math.prod(spec.shape) * ELEMENT_BYTES[spec.type] // 4) * 4 for spec in arch.variables().values())
