"""Weights that a layer copies from slow flash to scratch memory, from which it then reads them many times.

A convolution reads all its weights again for every two pixels. Where the board's flash makes the processor wait and its
cache is smaller than the weights, each of these reads waits for every line of the flash. A copy waits once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from micronets.boards.board import SimulationModel
from micronets.compiler.kernels.base import CopiedTable, LayerCode, Place, Table
from micronets.compiler.kernels.goal import CYCLES_A_BYTE, Goal

COPY_WORDS = "micronets_copy_words"

_COPY_CYCLES = 0.9  # for each byte, besides waits for the flash: 8 words in 28 cycles
_GROWTH_CYCLES = 4.0  # that a copy must save for each of its bytes so that the arena grows for it
_COPY_FLASH_BYTES = 64  # of a layer's record and its share of the functions that copy and call


@dataclass(frozen=True)
class WeightCopies:
    """How layers may copy their weights before they run.

    - flash: the model of the board's flash.
    - arena_bytes: how large the arena may become, where it may grow for copies.
    """

    flash: SimulationModel
    arena_bytes: int


Copies = Literal["none", "free", "grow"]
"""Whether a layer copies its weights: never, where memory is free while it runs, or also where the arena has to grow
for the copy."""


def copies_that_pay(flash: SimulationModel, goal: Goal, table_bytes: int, passes: float) -> Copies:
    """Returns whether a layer's weights should be copied before it runs, by the cycles that this saves.

    - flash: the model of the board's flash.
    - goal: what kernels are chosen for.
    - table_bytes: bytes of the weights.
    - passes: how often the layer reads all of them.
    """
    if table_bytes <= flash.data_lines * flash.line_bytes:
        return "none"
    waits = table_bytes / flash.line_bytes * flash.miss_cycles
    saved = waits * (passes - 1) - _COPY_CYCLES * table_bytes
    if saved <= 0 or saved < CYCLES_A_BYTE[goal] * _COPY_FLASH_BYTES:
        return "none"
    return "grow" if goal == "speed" and saved >= _GROWTH_CYCLES * table_bytes else "free"


def with_copied_weights(code: LayerCode, place: Place, layer: str, room: tuple[int, int]) -> LayerCode:
    """Returns a layer's code with its weights copied to scratch memory first.

    - code: the code, whose call has an argument `weights`.
    - place: the source of the layer's addresses.
    - layer: the layer's name.
    - room: where the room for them begins in the layer's scratch memory, and its bytes.

    Weights that are no words, or that do not fit into the room, as those of another kernel may not, are left in flash.
    """
    start, size = room
    assert code.call is not None
    arguments = dict(code.call.arguments)
    table = arguments["weights"]
    if not isinstance(table, Table) or table.ctype != "uint32_t" or table.bytes > size:
        return code
    scratch = place.scratch(layer).to
    arguments["weights"] = CopiedTable(table, replace(scratch, bytes=scratch.bytes + start))
    return LayerCode(replace(code.call, arguments=tuple(arguments.items())), (*code.sources, COPY_WORDS))
