"""The C of a sound front end on a simulated core: its outputs, cycles and sizes, one frame at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler.generate.names import Names
from micronets.compiler.generate.sound_c import sound_files
from micronets.device.cross_compiler import Firmware, build_firmware
from micronets.device.sim.machine import Simulation, simulate
from micronets.frontend.spec import FrontEnd
from micronets.quantized.model import TensorQuant

_MODEL_H = """\
#include "model_frontend.h"

/* The scratch memory, the samples, the largest sample of the clip, and the codes. */
#define MICRONETS_MODEL_FRAME_IN (2 * MICRONETS_MODEL_FRAME_SAMPLES + 2)
#define MICRONETS_MODEL_IN_AND_OUT (MICRONETS_MODEL_FRAME_IN + MICRONETS_MODEL_FRAME_VALUES)
#define MICRONETS_MODEL_ARENA_BYTES ((4 * MICRONETS_MODEL_FRONTEND_WORDS + MICRONETS_MODEL_IN_AND_OUT + 15) / 16 * 16)
#define MICRONETS_MODEL_LAYERS 1

int16_t *micronets_model_input(void *arena);
int8_t *micronets_model_output(void *arena);
void micronets_model_invoke(void *arena);
"""

_MODEL_C = """\
#include "model.h"

#ifndef MICRONETS_LAYER
#define MICRONETS_LAYER(index)
#endif

int16_t *micronets_model_input(void *arena)
{
    return (int16_t *)arena + 2 * MICRONETS_MODEL_FRONTEND_WORDS;
}

int8_t *micronets_model_output(void *arena)
{
    return (int8_t *)micronets_model_input(arena) + MICRONETS_MODEL_FRAME_IN;
}

void micronets_model_invoke(void *arena)
{
    const int16_t *const in = micronets_model_input(arena);
    MICRONETS_LAYER(0);
    micronets_model_frontend_frame(in + 1, in[0], (int32_t *)arena, micronets_model_output(arena));
    MICRONETS_LAYER(1);
}
"""


def frame_firmware(fe: FrontEnd, quant: TensorQuant, board: Board, which: str | None = None) -> Firmware:
    """Builds a firmware that computes one frame of a sound front end.

    - `fe`: the front end.
    - `quant`: scale and zero point of the network's input.
    - `board`: the board, whose core it is built for.
    - `which`: the compiler, see `build_firmware`, which says what is raised.
    """
    return build_firmware({**sound_files(fe, quant, Names()), "model.h": _MODEL_H, "model.c": _MODEL_C}, board, which)


def frame_input(samples: npt.NDArray[Any], loudest: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Returns what that firmware reads, int8 `[N, bytes]`.

    - `samples`: frames of 16 bits `[N, window_samples]`.
    - `loudest`: the largest sample of the clip of each frame, `[N]`, at least 1.
    """
    rows = np.concatenate([np.asarray(loudest).reshape(-1, 1), samples], axis=1)
    return np.ascontiguousarray(rows, "<i2").view(np.int8)


def simulate_frames(
    fe: FrontEnd, quant: TensorQuant, board: Board, samples: npt.NDArray[Any], loudest: npt.NDArray[Any]
) -> Simulation:
    """Simulates the front end on frames; the first one is counted, and its outputs are codes `[N, values]`.

    For the arguments see `frame_firmware` and `frame_input`. Raises what `build_firmware` and `simulate` raise.
    """
    firmware = frame_firmware(fe, quant, board)
    return simulate(firmware.elf, frame_input(samples, loudest), 1, fe.input_shape[1], board)
