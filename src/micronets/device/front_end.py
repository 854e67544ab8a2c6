"""The C of a front end on a simulated core: outputs, cycles, sizes, one frame at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler.generate.array_c import array_files
from micronets.compiler.generate.image_c import image_files
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
from micronets.errors import UnsupportedError
from micronets.frontend.camera import Camera
from micronets.frontend.counted import CountedFrontEnd
from micronets.frontend.frames import camera_codes
from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.integer import frame_codes
from micronets.frontend.micro import BANDS, FRAME, Micro, MicroState
from micronets.frontend.micro import codes as micro_codes
from micronets.frontend.spec import FrontEnd
from micronets.frontend.spectral import Spectral, codes_of
from micronets.frontend.standard import ArrayTables, Standard, array_tables, array_values, value_codes
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.streaming.carried import counted_front_end, input_frames
from micronets.streaming.plan import inferences_a_second

_NOISY = 3  # frames of noise that a front end is simulated on

_STEP = 7
"""Bytes from one row of a camera's frame to the next in what a firmware reads: rows overlap, so that no core needs to
hold a whole frame."""

_MODEL_H = """\
#include "model_frontend.h"

#define MICRONETS_MODEL_UP(bytes) (((bytes) + 15) / 16 * 16)
#define MICRONETS_MODEL_WORK_BYTES MICRONETS_MODEL_UP({work})
#define MICRONETS_MODEL_IN_BYTES MICRONETS_MODEL_UP({read})
#define MICRONETS_MODEL_ARENA_BYTES \\
    (MICRONETS_MODEL_WORK_BYTES + MICRONETS_MODEL_IN_BYTES + MICRONETS_MODEL_UP({written}))
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
    return (int8_t *)arena + MICRONETS_MODEL_WORK_BYTES;
}}

void *micronets_model_output(void *arena)
{{
    return (int8_t *)micronets_model_input(arena) + MICRONETS_MODEL_IN_BYTES;
}}

void micronets_model_invoke(void *arena)
{{
    void *const work = arena, *const in = micronets_model_input(arena), *const out = micronets_model_output(arena);
    (void)work, (void)in, (void)out;
    MICRONETS_LAYER(0);
    {call}
    MICRONETS_LAYER(1);
}}
"""


@dataclass(frozen=True)
class _Frame:
    """How a firmware computes one frame of a kind of front end, in C.

    - work, read, written: the bytes of scratch memory, of what it reads, and of the codes.
    - call: the statement that computes the frame, with the pointers `work`, `in` and `out`, aligned to 16 bytes.
    """

    work: str
    read: str
    written: str
    call: str


_WORDS, _VALUES = "4 * MICRONETS_MODEL_FRONTEND_WORDS", "MICRONETS_MODEL_FRAME_VALUES"
_SOUND = _Frame(
    _WORDS,
    "2 * MICRONETS_MODEL_FRAME_SAMPLES + 2",
    _VALUES,
    "micronets_model_frontend_frame((const int16_t *)in + 1, *(const int16_t *)in, (int32_t *)work, (int8_t *)out);",
)
_SPECTRAL = _Frame(
    _WORDS,
    "2 * MICRONETS_MODEL_FRAME_SAMPLES * MICRONETS_MODEL_AXES + 2",
    _VALUES,
    "micronets_model_frontend_frame((const int16_t *)in + 1, (int32_t *)work, (int8_t *)out);",
)
_MICRO = _Frame(
    _WORDS,
    "4 * MICRONETS_MICRO_BANDS + 2 * MICRONETS_MODEL_FRAME_SAMPLES",
    _VALUES,
    "micronets_model_frontend_frame((const int16_t *)in + 2 * MICRONETS_MICRO_BANDS, (uint32_t *)in, (int32_t *)work, "
    "(int8_t *)out);",
)
_SAMPLE = _Frame(
    "0",
    "4 * MICRONETS_MODEL_AXES",
    _VALUES,
    "micronets_model_frontend_frame((const int32_t *)in, (int8_t *)out);",
)
_ARRAY = _Frame(
    "0",
    "4 * MICRONETS_MODEL_VALUES",
    "MICRONETS_MODEL_VALUES",
    "micronets_model_frontend_values((const int32_t *)in, (int8_t *)out);",
)


def _picture(fe: ImageFrontEnd) -> _Frame:
    """Returns how a firmware makes an image of a frame of the camera."""
    return _Frame(
        "MICRONETS_MODEL_FRONTEND_BYTES",
        f"MICRONETS_MODEL_ROW_BYTES + {_STEP} * (MICRONETS_MODEL_FRAME_HEIGHT - 1)",
        str(math.prod(fe.input_shape)),
        "for (int32_t y = 0; y < MICRONETS_MODEL_FRAME_HEIGHT; y++) "
        f"micronets_model_frontend_row(y, (const uint8_t *)in + {_STEP} * y, work, (int8_t *)out);",
    )


def _frame(fe: CountedFrontEnd) -> _Frame:
    """Returns how a firmware computes one frame of a front end."""
    match fe:
        case FrontEnd():
            return _SOUND
        case Spectral():
            return _SPECTRAL
        case Micro():
            return _MICRO
        case Standard():
            return _ARRAY if fe.sample_rate is None else _SAMPLE
        case ImageFrontEnd():
            return _picture(fe)
        case _:
            assert_never(fe)


def _files(fe: CountedFrontEnd, quant: TensorQuant) -> dict[str, str]:
    """Returns the C of a front end."""
    match fe:
        case FrontEnd():
            return sound_files(fe, quant, Names())
        case Spectral():
            return spectral_files(fe, quant, Names())
        case Micro():
            return micro_files(fe, quant, Names())
        case Standard():
            return array_files(fe, _tables(fe, quant), Names())
        case ImageFrontEnd():
            return image_files(fe, Camera.parse(fe.camera), quant, Names())
        case _:
            assert_never(fe)


def _tables(fe: Standard, quant: TensorQuant) -> ArrayTables:
    """Returns the tables of a front end of arrays. Raises `UnsupportedError` where 32 bits cannot hold its values."""
    tables = array_tables(fe, quant.scale, quant.zero_point)
    if tables is None:
        raise UnsupportedError("front end of arrays: means and scales are too far apart for values of 32 bits")
    return tables


def frame_values(fe: CountedFrontEnd) -> int:
    """Returns the codes of a frame."""
    count = math.prod(fe.input_shape)
    whole = isinstance(fe, ImageFrontEnd) or (isinstance(fe, Standard) and fe.sample_rate is None)
    return count if whole else count // fe.input_shape[0]


def _firmware(
    fe: CountedFrontEnd, quant: TensorQuant, board: Board, which: str | None, computes: bool = True
) -> Firmware:
    """Builds the firmware of a frame; without `computes`, one that does not compute the frame."""
    frame, files = _frame(fe), _files(fe, quant)
    if not computes:
        files = {name: text for name, text in files.items() if name.endswith(".h")}
    header = _MODEL_H.format(work=frame.work, read=frame.read, written=frame.written)
    return build_firmware(
        {**files, "model.h": header, "model.c": _MODEL_C.format(call=frame.call if computes else "")}, board, which
    )


def frame_firmware(fe: CountedFrontEnd, quant: TensorQuant, board: Board, which: str | None = None) -> Firmware:
    """Builds a firmware that computes one frame of a front end.

    - `fe`: the front end.
    - `quant`: scale and zero point of the network's input.
    - `board`: the board, whose core it is built for.
    - `which`: the compiler, see `build_firmware`, which says what is raised.
    """
    return _firmware(fe, quant, board, which)


def frame_input(samples: npt.NDArray[Any], loudest: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Returns what that firmware reads for a front end of sound or of a sensor, int8 `[N, bytes]`.

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


def simulate_noise(fe: CountedFrontEnd, quant: TensorQuant, board: Board, seed: int = 0) -> Simulation:
    """Simulates the front end on a frame of noise.

    - fe: the front end.
    - quant: scale and zero point of the network's input.
    - board: the simulated board, whose core the firmware is built for.
    - seed: of the noise, at least 0.

    Raises what `build_firmware` and `simulate` raise.
    """
    given, _ = _trials(fe, quant, np.random.default_rng(seed))
    return simulate(frame_firmware(fe, quant, board).elf, given[:1], 1, frame_values(fe), board)


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
    return read_image(_firmware(fe, quant, board, which, computes=False).elf)


Trials = tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]
"""What a firmware reads, `[N, bytes]`, and the codes that it must compute, by the definition in numpy, `[N, codes]`."""


def _trials(fe: CountedFrontEnd, quant: TensorQuant, rng: np.random.Generator) -> Trials:
    """Makes frames of noise, of silence and of the largest samples, and their codes."""
    match fe:
        case FrontEnd():
            samples = _samples(fe.window_samples, rng)
            loudest = np.maximum(samples.max(1), 1)
            codes = frame_codes(samples, loudest, fe, quant.scale, quant.zero_point)
            return frame_input(samples, loudest), codes
        case Spectral():
            samples, one = _samples(fe.settings.frame * fe.axes, rng), replace(fe, samples=fe.settings.frame)
            found = codes_of(samples.reshape(len(samples), *one.shape), one, quant.scale, quant.zero_point)
            return frame_input(samples, np.ones(len(samples), np.int64)), found.reshape(len(samples), -1)
        case Micro():
            samples = _samples(FRAME, rng)
            values = np.concatenate([MicroState().values(row[None]) for row in samples])  # each is the first of a sound
            codes = micro_codes(values, quant.scale, quant.zero_point)
            return frame_input(samples, np.zeros((len(samples), 2 * BANDS), np.int64)), codes
        case Standard():
            return _array_trials(fe, quant, rng)
        case ImageFrontEnd():
            return _picture_trials(fe, quant, rng)
        case _:
            assert_never(fe)


def _samples(size: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Returns frames of so many numbers of 16 bits."""
    levels = np.exp(rng.uniform(np.log(30), np.log(8000), (_NOISY, 1)))
    noise = np.clip(np.rint(rng.normal(0, 1, (_NOISY, size)) * levels), -32768, 32767)
    rows = np.concatenate([noise, np.zeros((1, size)), np.full((1, size), -32768), np.full((1, size), 32767)])
    return rows.astype(np.int64)


def _array_trials(fe: Standard, quant: TensorQuant, rng: np.random.Generator) -> Trials:
    """Makes values as the network was trained on, of up to three deviations, and the largest ones."""
    size = frame_values(fe)
    places = np.arange(size) % fe.shape[-1]
    usual = np.asarray(fe.mean)[places] + np.asarray(fe.scale)[places] * rng.uniform(-3, 3, (_NOISY, size))
    ends = np.repeat([[-(2**31)], [0], [2**31 - 1]], size, 1)
    values = np.concatenate([array_values(usual, fe), ends])
    codes = value_codes(values.reshape(len(values), -1, fe.shape[-1]), _tables(fe, quant))
    return np.ascontiguousarray(values, "<i4").view(np.int8), codes.reshape(len(values), -1)


def _picture_trials(fe: ImageFrontEnd, quant: TensorQuant, rng: np.random.Generator) -> Trials:
    """Makes frames of a camera, of noise, black and white, and the images of them."""
    camera = Camera.parse(fe.camera)
    size = camera.row_bytes + _STEP * (camera.height - 1)
    rows = np.concatenate([rng.integers(0, 256, (1, size)), np.full((1, size), 0), np.full((1, size), 255)])
    read = rows.astype(np.uint8)
    frames = np.lib.stride_tricks.sliding_window_view(read, camera.row_bytes, 1)[:, ::_STEP]
    codes = camera_codes(frames, camera, fe, quant.scale, quant.zero_point)
    return read.view(np.int8), codes.reshape(len(read), -1)


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
    quant = model.quant[INPUT]
    given, want = _trials(fe, quant, np.random.default_rng(seed))
    firmware, values = frame_firmware(fe, quant, board, which), frame_values(fe)
    frame = simulate(firmware.elf, given, 1, values, board)
    emulated = qemu.emulate(firmware.elf, given, (values,), board) if twice else None
    bare = _image_without(fe, quant, board, which)
    return FrontEndRun(
        front_end=fe,
        bit_exact=all(r.outputs.tobytes() == want.tobytes() for r in (frame, emulated) if r is not None),
        frame=frame,
        emulated=emulated,
        flash_bytes=frame.image.flash_bytes - bare.flash_bytes,
        code_bytes=frame.image.text_bytes - bare.text_bytes,
        inferences_a_second=inferences_a_second(model),
    )
