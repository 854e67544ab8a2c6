"""TFLM's own audio front end as C: its tables, and functions from samples to the codes of a network's input.

The arithmetic is in frontend/csrc/micronets_micro.c, and in numpy in `frontend.micro`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.compiler.kernel_files import kernel_files
from micronets.frontend import micro
from micronets.frontend.micro import FRAME, RATE, Micro, code_factors, micro_tables
from micronets.quantized.model import TensorQuant

_PARTS = ("micronets_micro.h", "micronets_micro.c")

_HEADER = """\
/* The front end of the network, which is TFLM's: from {rate} samples per second to the codes of the network's input.
 *
 * Frames of {m}FRAME_SAMPLES 16-bit samples begin
 * {m}FRAME_HOP samples apart. Each gives {m}FRAME_VALUES codes,
 * which also depend on the noise in earlier frames. */
#ifndef {m}FRONTEND_H
#define {m}FRONTEND_H

#include "micronets_micro.h"

#define {m}SAMPLE_RATE {rate}
#define {m}CLIP_SAMPLES {clip}
#define {m}FRAME_SAMPLES MICRONETS_MICRO_SAMPLES
#define {m}FRAME_HOP {hop}
#define {m}FRAMES {frames}
#define {m}FRAME_VALUES MICRONETS_MICRO_BANDS

/* 32-bit words of the front end's scratch memory, whose contents need not survive between calls. */
#define {m}FRONTEND_WORDS MICRONETS_MICRO_WORDS

#ifdef __cplusplus
extern "C" {{
#endif

/* Computes the codes of the next frame of a sound.
 *
 * - samples: in, [{m}FRAME_SAMPLES].
 * - noise: in and out, [MICRONETS_MICRO_BANDS], the noise estimates; all 0 before the first frame of a sound.
 * - work: scratch, [{m}FRONTEND_WORDS].
 * - codes: out, [{m}FRAME_VALUES]. */
void {f}frontend_frame(const int16_t *samples, uint32_t *noise, int32_t *work, int8_t *codes);

/* Computes the network's input from a clip of samples.
 *
 * - samples: in, [{m}CLIP_SAMPLES].
 * - noise, work: see {f}frontend_frame.
 * - input: out, [{m}FRAMES * {m}FRAME_VALUES], for example the
 *   address that {f}input returns. */
void {f}frontend_clip(const int16_t *samples, uint32_t *noise, int32_t *work, int8_t *input);

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* The tables of the front end; micronets_micro.h describes them. */
#include "{header}"

#if {wrong}
#error "micronets_micro.h belongs to another version of micronets"
#endif

{tables}
static const micronets_micro micro = {{
    window, twiddles, split, first_bin, fall, gains, logarithms, {factor}, {offset}}};

void {f}frontend_frame(const int16_t *samples, uint32_t *noise, int32_t *work, int8_t *codes)
{{
    micronets_micro_frame(&micro, samples, noise, work, codes);
}}

void {f}frontend_clip(const int16_t *samples, uint32_t *noise, int32_t *work, int8_t *input)
{{
    for (int32_t i = 0; i < {m}FRAMES; i++) {{
        {f}frontend_frame(samples, noise, work, input);
        samples += {m}FRAME_HOP;
        input += {m}FRAME_VALUES;
    }}
}}
"""


_NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        "SAMPLES": micro.FRAME,
        "BANDS": micro.BANDS,
        "WORDS": micro.WORDS,
        "EVEN_SHARE": micro.EVEN_SMOOTHING,
        "ODD_SHARE": micro.ODD_SMOOTHING,
        "LEAST_SIGNAL": micro.LEAST_SIGNAL,
        "CODE_BITS": micro.CODE_BITS,
    }
)
"""Numbers that must be equal in the C and in numpy, by their names in micronets_micro.h."""


def header(names: Names) -> str:
    """Returns the name of the front end's header."""
    return f"{names.name}_frontend.h"


def micro_files(fe: Micro, quant: TensorQuant, names: Names, frames: int | None = None) -> dict[str, str]:
    """Returns the C of TFLM's audio front end, text by file name: its header, tables and included files.

    - fe: the front end.
    - quant: scale and zero point of the network's input, which is int8.
    - names: the names of the network in C.
    - frames: frames of the network's input; None for the frames on which an output depends.

    Raises `SpecError` for a scale that does not fit the values of the front end.
    """
    t, to_code = micro_tables(), code_factors(quant.scale, quant.zero_point)
    known = {"m": names.macros, "f": names.functions, "header": header(names)}
    tables = (
        ctext.array("int16_t", "window", t.window),
        ctext.array("uint32_t", "twiddles", ctext.as_words(t.turns.twiddles)),
        ctext.array("uint32_t", "split", ctext.as_words(t.turns.split)),
        ctext.array("uint8_t", "first_bin", t.first_bin),
        ctext.array("uint16_t", "fall", t.fall),
        ctext.array("int16_t", "gains", t.gains.ravel()),
        ctext.array("uint16_t", "logarithms", t.logarithms),
    )
    folder = files("micronets.frontend") / "csrc"
    count = fe.frames if frames is None else frames
    return {
        header(names): _HEADER.format(
            **known, rate=RATE, clip=(count - 1) * fe.hop_samples + FRAME, hop=fe.hop_samples, frames=count
        ),
        f"{names.name}_frontend.c": _SOURCE.format(
            **known,
            wrong=" || \\\n    ".join(f"MICRONETS_MICRO_{name} != {value}" for name, value in _NUMBERS.items()),
            tables="\n".join(tables),
            factor=to_code.factor,
            offset=to_code.offset,
        ),
        **{name: (folder / name).read_text("utf-8") for name in _PARTS},
        **kernel_files([], ["micronets_bands.h", "micronets_spectrum.h"]),
    }
