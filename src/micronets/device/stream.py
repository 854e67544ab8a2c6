"""A network that processes a stream on a simulated core: pieces of samples in, decisions and scores out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler import Compiled
from micronets.compiler.generate import stream_c
from micronets.device.cross_compiler import Firmware, build_firmware, firmware_files
from micronets.errors import DeviceError, SpecError
from micronets.streaming import Decision

MOST_DECISIONS = 16
"""The largest number of decisions that the firmware reports for one piece of samples."""

_MAIN_H = """\
#include "{header}"

#define PIECE {piece}
#define AXES {axes}
#define MOST {most}

/* The number of samples, or minus the number of those that were lost, and the samples; the number of decisions, the
 * decisions, and all scores. */
typedef struct {{
    int32_t count;
    int{bits}_t samples[(PIECE * AXES + 1) / 2 * 2];
}} piece;

typedef struct {{
    int32_t count;
    int32_t decisions[MOST][4];
    int32_t scores[{m}OUTPUT_COUNT];
}} answer;

#define MICRONETS_MODEL_ARENA_BYTES \\
    (({m}STREAM_ARENA_BYTES + (int32_t)sizeof(piece) + (int32_t)sizeof(answer) + 15) / 16 * 16)
#define MICRONETS_MODEL_LAYERS 1

void *micronets_model_input(void *arena);
const void *micronets_model_output(const void *arena);
void micronets_model_invoke(void *arena);
"""

_MAIN_C = """\
#include "mark.h"
#include "model.h"

static {f}stream stream;
static int32_t started;

void *micronets_model_input(void *arena)
{{
    return (int8_t *)arena + {m}STREAM_ARENA_BYTES;
}}

const void *micronets_model_output(const void *arena)
{{
    return (const int8_t *)arena + {m}STREAM_ARENA_BYTES + sizeof(piece);
}}

void micronets_model_invoke(void *arena)
{{
    const piece *const in = (const piece *)micronets_model_input(arena);
    answer *const out = (answer *)(void *)((int8_t *)arena + {m}STREAM_ARENA_BYTES + sizeof(piece));
    micronets_mark(0);
    if (!started) {{
        {f}start(&stream, arena);
        started = 1;
    }}
    out->count = 0;
    if (in->count < 0) {{
        {f}gap(&stream, (uint32_t)-in->count);
    }}
    for (int32_t taken = 0; taken < in->count;) {{
        micronets_decision decision;
        taken += {f}feed(&stream, in->samples + taken * AXES, in->count - taken);
        while ({f}poll(&stream, &decision)) {{
            if (out->count < MOST) {{
                int32_t *const row = out->decisions[out->count];
                row[0] = decision.class_index;
                row[1] = decision.score;
                row[2] = (int32_t)(uint32_t)decision.time;
                row[3] = (int32_t)(uint32_t)(decision.time >> 32);
            }}
            out->count++;
        }}
    }}
    for (int32_t i = 0; i < {m}OUTPUT_COUNT; i++) {{
        out->scores[i] = {f}score(&stream, i);
    }}
    micronets_mark(1);
}}
"""


def stream_firmware(
    compiled: Compiled, piece: int, board: Board, which: str | None = None, *, axes: int = 1, bits: Literal[16, 32] = 16
) -> Firmware:
    """Builds a firmware that processes a stream.

    - compiled: a network that can process a stream, whose name is not `model`.
    - piece: the most samples that it takes at a time.
    - board: the board for whose core it is built.
    - which: the compiler, see `build_firmware`, also for other errors.
    - axes: axes of a sample.
    - bits: bits of one axis.

    Raises `SpecError` for a network that cannot process a stream.
    """
    names = compiled.names
    header = stream_c.header(names)
    if header not in compiled.files:
        raise SpecError(
            f"network '{names.name}': cannot listen to a stream; it needs a front end in integers and labels"
        )
    sizes = {"piece": piece, "axes": axes, "bits": bits, "most": MOST_DECISIONS}
    known = {"m": names.macros, "f": names.functions, "header": header, **sizes}
    own = {name: compiled.files[name] for name in compiled.front_end}
    main = {"model.h": _MAIN_H.format(**known), "model.c": _MAIN_C.format(**known)}
    return build_firmware({**firmware_files(compiled), **own, **main}, board, which)


def pieces(
    samples: npt.ArrayLike, sizes: Sequence[int], piece: int, bits: Literal[16, 32] = 16
) -> npt.NDArray[np.int8]:
    """Returns the firmware's inputs, one row for each piece, int8 `[N, bytes]`.

    - samples: integers `[n]` or `[n, axes]`; n is the sum of `sizes`.
    - sizes: samples of each piece, at most `piece`; the negative number of samples for a gap.
    - piece: the most samples of a piece.
    - bits: bits of one axis of a sample.
    """
    steps = np.asarray(samples).astype(f"<i{bits // 8}")
    axes = steps.shape[1] if steps.ndim > 1 else 1
    rows = np.zeros((len(sizes), 4 + (piece * axes + 1) // 2 * (bits // 4)), np.uint8)
    parts = np.split(steps, np.cumsum(np.maximum(sizes, 0))[:-1])
    for row, part, size in zip(rows, parts, sizes, strict=True):
        row[:4] = np.frombuffer(np.asarray(size, "<i4").tobytes(), np.uint8)
        row[4 : 4 + part.nbytes] = np.frombuffer(part.tobytes(), np.uint8)
    return rows.view(np.int8)


def answer_bytes(classes: int) -> int:
    """Returns the bytes of the firmware's answer to a piece."""
    return 4 * (1 + 4 * MOST_DECISIONS + classes)


def decided(answer: npt.NDArray[np.int32]) -> list[Decision]:
    """Returns the decisions in an answer of the firmware.

    - answer: its words.

    Raises `DeviceError` if there were more than the firmware can report.
    """
    count = int(answer[0])
    if count > MOST_DECISIONS:
        raise DeviceError(f"{count} decisions on one piece of sound, of which the firmware tells {MOST_DECISIONS}")
    rows = answer[1 : 1 + 4 * MOST_DECISIONS].reshape(-1, 4)[:count].tolist()
    return [Decision(which, score, low % 2**32 + (high << 32)) for which, score, low, high in rows]
