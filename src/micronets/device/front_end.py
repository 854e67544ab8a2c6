"""The C of a front end of sound or of a sensor on a simulated core: outputs, cycles, sizes, one frame at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler.generate.micro_c import micro_files
from micronets.compiler.generate.names import Names
from micronets.compiler.generate.sound_c import sound_files
from micronets.compiler.generate.spectral_c import spectral_files
from micronets.cost.front_end import FrontEndCost, front_end_cost
from micronets.device import qemu
from micronets.device.cross_compiler import Firmware, build_firmware
from micronets.device.qemu import Emulation
from micronets.device.sim.elf import Image, read_image
from micronets.device.sim.machine import Simulation, simulate
from micronets.frontend.integer import frame_codes
from micronets.frontend.micro import BANDS, FRAME, Micro, MicroState
from micronets.frontend.micro import codes as micro_codes
from micronets.frontend.spec import FrontEnd
from micronets.frontend.spectral import Spectral, codes_of
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.streaming.plan import counted_front_end, inferences_a_second, input_frames
from micronets.streaming.signal import CountedFrontEnd

_NOISY = 3  # frames of noise that a front end is simulated on

_MODEL_H = """\
#include "model_frontend.h"

/* The scratch memory, the largest sample of the clip or the noise before the frame, the samples, and the codes. */
#ifdef MICRONETS_MODEL_AXES
#define MICRONETS_MODEL_FRAME_IN (2 * MICRONETS_MODEL_FRAME_SAMPLES * MICRONETS_MODEL_AXES + 2)
#elif defined(MICRONETS_MICRO_BANDS)
#define MICRONETS_MODEL_FRAME_IN (4 * MICRONETS_MICRO_BANDS + 2 * MICRONETS_MODEL_FRAME_SAMPLES)
#else
#define MICRONETS_MODEL_FRAME_IN (2 * MICRONETS_MODEL_FRAME_SAMPLES + 2)
#endif
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
#ifdef MICRONETS_MODEL_AXES
    micronets_model_frontend_frame(in + 1, (int32_t *)arena, micronets_model_output(arena));
#elif defined(MICRONETS_MICRO_BANDS)
    micronets_model_frontend_frame(in + 2 * MICRONETS_MICRO_BANDS, (uint32_t *)(void *)micronets_model_input(arena),
                                   (int32_t *)arena, micronets_model_output(arena));
#else
    micronets_model_frontend_frame(in + 1, in[0], (int32_t *)arena, micronets_model_output(arena));
#endif
    MICRONETS_LAYER(1);
}
"""


_WITHOUT_C = """\
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
    (void)arena;
    MICRONETS_LAYER(0);
    MICRONETS_LAYER(1);
}
"""


def _files(fe: CountedFrontEnd, quant: TensorQuant) -> dict[str, str]:
    """Returns the C of a front end."""
    match fe:
        case FrontEnd():
            return sound_files(fe, quant, Names())
        case Spectral():
            return spectral_files(fe, quant, Names())
        case Micro():
            return micro_files(fe, quant, Names())
        case _:
            assert_never(fe)


def frame_values(fe: CountedFrontEnd) -> int:
    """Returns the codes of a frame."""
    return fe.input_shape[1] * fe.input_shape[2]


def frame_firmware(fe: CountedFrontEnd, quant: TensorQuant, board: Board, which: str | None = None) -> Firmware:
    """Builds a firmware that computes one frame of a front end.

    - `fe`: the front end.
    - `quant`: scale and zero point of the network's input.
    - `board`: the board, whose core it is built for.
    - `which`: the compiler, see `build_firmware`, which says what is raised.
    """
    return build_firmware({**_files(fe, quant), "model.h": _MODEL_H, "model.c": _MODEL_C}, board, which)


def frame_input(samples: npt.NDArray[Any], loudest: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Returns what that firmware reads, int8 `[N, bytes]`.

    - `samples`: frames of 16 bits `[N, window_samples]`, or `[N, frame, axes]` of a sensor.
    - `loudest`: the largest sample of the clip of each frame, `[N]`, at least 1; a sensor's front end does not read it.
      For TFLM's own front end, the noise before each frame, `[N, 80]`, as halves of words.
    """
    rows = np.concatenate([loudest.reshape(len(samples), -1), samples.reshape(len(samples), -1)], axis=1)
    return np.ascontiguousarray(rows, "<i2").view(np.int8)


def simulate_frames(
    fe: CountedFrontEnd, quant: TensorQuant, board: Board, samples: npt.NDArray[Any], loudest: npt.NDArray[Any]
) -> Simulation:
    """Simulates the front end on frames; the first one is counted, and its outputs are codes `[N, values]`.

    - fe: the front end.
    - quant: scale and zero point of the network's input.
    - board: the simulated board, whose core the firmware is built for.
    - samples: frames of 16 bits `[N, window_samples]`, or `[N, frame, axes]` of a sensor.
    - loudest: the largest sample of the clip of each frame, `[N]`, at least 1; a sensor's front end does not read it.

    Raises what `build_firmware` and `simulate` raise.
    """
    firmware = frame_firmware(fe, quant, board)
    return simulate(firmware.elf, frame_input(samples, loudest), 1, frame_values(fe), board)


def front_end_flash_bytes(fe: CountedFrontEnd, quant: TensorQuant, board: Board, which: str | None = None) -> int:
    """Returns the bytes of flash that a front end takes, tables and code.

    - fe: the front end.
    - quant: scale and zero point of the network's input.
    - board: the board, whose core the firmware is built for.
    - which: the compiler, see `build_firmware`.

    Raises what `build_firmware` raises.
    """
    image = read_image(frame_firmware(fe, quant, board, which).elf)
    return image.flash_bytes - _image_without(fe, quant, board, which).flash_bytes


def _image_without(fe: CountedFrontEnd, quant: TensorQuant, board: Board, which: str | None) -> Image:
    """Returns the image of the firmware of a frame that does not compute the frame."""
    files = {name: text for name, text in _files(fe, quant).items() if name.endswith(".h")}
    return read_image(build_firmware({**files, "model.h": _MODEL_H, "model.c": _WITHOUT_C}, board, which).elf)


def _frame_numbers(fe: CountedFrontEnd) -> int:
    """Returns how many numbers a frame has: its samples, times the axes of a sensor."""
    match fe:
        case FrontEnd():
            return fe.window_samples
        case Spectral():
            return fe.settings.frame * fe.axes
        case Micro():
            return FRAME
        case _:
            assert_never(fe)


def _expected(
    fe: CountedFrontEnd, samples: npt.NDArray[Any], loudest: npt.NDArray[Any], quant: TensorQuant
) -> npt.NDArray[np.int8]:
    """Returns the codes of frames `[N, numbers]` by the definition in numpy, `[N, codes]`."""
    match fe:
        case FrontEnd():
            return frame_codes(samples, loudest, fe, quant.scale, quant.zero_point)
        case Spectral():
            one = replace(fe, samples=fe.settings.frame)
            found = codes_of(samples.reshape(len(samples), *one.shape), one, quant.scale, quant.zero_point)
            return found.reshape(len(samples), -1)
        case Micro():
            values = np.concatenate([MicroState().values(row[None]) for row in samples])
            return micro_codes(values, quant.scale, quant.zero_point)
        case _:
            assert_never(fe)


@dataclass(frozen=True)
class FrontEndRun:
    """The result of the front end of a model in a simulator.

    - front_end: the front end.
    - bit_exact: whether every code is that of `micronets.frontend`.
    - frame: the simulation of frames; the first frame is counted.
    - emulated: what QEMU computed and counted; None if it did not run.
    - flash_bytes, code_bytes: bytes of flash that it takes, and of the code in them.
    - inferences_a_second: how often the network runs in a second of a stream; None for a model that cannot listen.
    """

    front_end: CountedFrontEnd
    bit_exact: bool
    frame: Simulation
    emulated: Emulation | None
    flash_bytes: int
    code_bytes: int
    inferences_a_second: float | None


def front_end_cost_in(model: QuantizedModel) -> FrontEndCost | None:
    """Returns what the front end that a model was trained on costs; None if it is not one in integers."""
    fe = counted_front_end(model)
    return None if fe is None else front_end_cost(fe, input_frames(model))


def run_front_end(
    model: QuantizedModel, board: Board, seed: int, which: str | None = None, twice: bool = False
) -> FrontEndRun | None:
    """Simulates the front end that a model was trained on, on frames of noise, of silence and of the largest samples.

    - model: the model; the answer is None if its front end is not one in integers.
    - board: the board.
    - seed: of the noise, at least 0.
    - which: the compiler, see `build_firmware`.
    - twice: whether QEMU runs the firmware, too.

    Raises what `build_firmware`, `simulate` and `qemu.emulate` raise.
    """
    fe = counted_front_end(model)
    if fe is None:
        return None
    quant, size = model.quant[INPUT], _frame_numbers(fe)
    rng = np.random.default_rng(seed)
    levels = np.exp(rng.uniform(np.log(30), np.log(8000), (_NOISY, 1)))
    noise = np.clip(np.rint(rng.normal(0, 1, (_NOISY, size)) * levels), -32768, 32767)
    rows = np.concatenate([noise, np.zeros((1, size)), np.full((1, size), -32768), np.full((1, size), 32767)])
    samples = rows.astype(np.int64)
    loudest = np.maximum(samples.max(1), 1)
    if isinstance(fe, Micro):  # every frame is the first of its sound
        loudest = np.zeros((len(samples), 2 * BANDS), np.int64)
    firmware = frame_firmware(fe, quant, board, which)
    given, values = frame_input(samples, loudest), frame_values(fe)
    frame = simulate(firmware.elf, given, 1, values, board)
    emulated = qemu.emulate(firmware.elf, given, (values,), board) if twice else None
    bare = _image_without(fe, quant, board, which)
    want = _expected(fe, samples, loudest, quant)
    return FrontEndRun(
        front_end=fe,
        bit_exact=all(r.outputs.tobytes() == want.tobytes() for r in (frame, emulated) if r is not None),
        frame=frame,
        emulated=emulated,
        flash_bytes=frame.image.flash_bytes - bare.flash_bytes,
        code_bytes=frame.image.text_bytes - bare.text_bytes,
        inferences_a_second=inferences_a_second(model),
    )
