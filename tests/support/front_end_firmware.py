"""A firmware around one call of a front end, for simulated cores."""

from collections.abc import Mapping

import numpy as np

from micronets.boards.board import Board
from micronets.device.cross_compiler import Firmware, build_firmware
from micronets.device.qemu import Emulation, emulate
from micronets.device.sim.machine import Simulation, simulate

_MODEL_H = """\
#include "model_frontend.h"

#define MICRONETS_MODEL_ARENA_BYTES {arena}
#define MICRONETS_MODEL_LAYERS 1

void *micronets_model_input(void *arena);
void *micronets_model_output(void *arena);
void micronets_model_invoke(void *arena);
"""

_MODEL_C = """\
#include "model.h"

#ifndef MICRONETS_LAYER
#define MICRONETS_LAYER(index)
#endif

void *micronets_model_input(void *arena)
{{
    return arena;
}}

void *micronets_model_output(void *arena)
{{
    return (int8_t *)arena + {output};
}}

void micronets_model_invoke(void *arena)
{{
    void *const in = arena, *const out = (int8_t *)arena + {output}, *const work = (int8_t *)arena + {work};
    (void)work;
    MICRONETS_LAYER(0);
    {call};
    MICRONETS_LAYER(1);
}}
"""


def simulated(
    files: Mapping[str, str], call: str, x: np.ndarray, output_bytes: int, board: Board, work_bytes: int = 0
) -> Simulation:
    """Simulates a front end.

    - files: its C, whose header is model_frontend.h.
    - call: a call of it in C, with the pointers `in`, `out` and `work`.
    - x: what it reads, `[N, ...]`.
    """
    firmware, raw = _firmware(files, call, x, output_bytes, board, work_bytes)
    return simulate(firmware.elf, raw, 1, output_bytes, board)


def emulated(
    files: Mapping[str, str], call: str, x: np.ndarray, output_bytes: int, board: Board, work_bytes: int = 0
) -> Emulation:
    """Runs a front end in QEMU; for the arguments see `simulated`."""
    firmware, raw = _firmware(files, call, x, output_bytes, board, work_bytes)
    return emulate(firmware.elf, raw, (output_bytes,), board)


def _firmware(
    files: Mapping[str, str], call: str, x: np.ndarray, output_bytes: int, board: Board, work_bytes: int
) -> tuple[Firmware, np.ndarray]:
    """Builds the firmware, and returns what it reads as bytes `[N, bytes]`, too."""
    raw = np.ascontiguousarray(x).reshape(len(x), -1).view(np.int8)
    output = (raw.shape[1] + 15) // 16 * 16
    work = output + (output_bytes + 15) // 16 * 16
    arena = work + (work_bytes + 15) // 16 * 16
    sources = {
        **files,
        "model.h": _MODEL_H.format(arena=arena),
        "model.c": _MODEL_C.format(output=output, work=work, call=call),
    }
    return build_firmware(sources, board), raw
