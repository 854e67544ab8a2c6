"""The spectral front end of a network as C: its tables, and a function from samples of a sensor to the network's input.

The arithmetic is in frontend/csrc/micronets_spectral.c, and in numpy in `frontend.spectral`.
"""

from __future__ import annotations

import textwrap
from importlib.resources import files

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.compiler.kernel_files import kernel_files
from micronets.frontend.spectral import Spectral, code_tables, spectral_tables
from micronets.quantized.model import TensorQuant

_HEADER = """\
/* The front end of the network: samples of a sensor in, the codes of the network's input out.
 *
 * A window has {m}WINDOW_SAMPLES samples of {m}AXES axes, each a 16-bit integer.
 * Its frames of {m}FRAME_SAMPLES samples begin {m}FRAME_HOP samples apart; each gives
 * {m}FRAME_VALUES codes. The real value of the integer 1 on each axis, in the units of the
 * training data: {units}. */
#ifndef {m}FRONTEND_H
#define {m}FRONTEND_H

#include "micronets_spectral.h"

/* One axis of a sample. */
typedef int16_t {f}sample;

#define {m}SAMPLE_MIN INT16_MIN
#define {m}SAMPLE_MAX INT16_MAX

/* The real value of the integer 1 on each axis, in the units of the training data. */
#define {m}UNITS {initialiser}

#define {m}AXES {axes}
#define {m}WINDOW_SAMPLES {samples}
#define {m}FRAME_SAMPLES {frame}
#define {m}FRAME_HOP {hop}
#define {m}FRAMES {frames}
#define {m}FRAME_VALUES {values} /* {bands} bands and {moments} moments of each axis */

/* 32-bit words of the front end's scratch memory, whose contents need not survive between calls. */
#define {m}FRONTEND_WORDS {words}

#ifdef __cplusplus
extern "C" {{
#endif

/* Computes the codes of one frame.
 *
 * - samples: in, [{m}FRAME_SAMPLES][{m}AXES].
 * - work: scratch, [{m}FRONTEND_WORDS].
 * - codes: out, [{m}FRAME_VALUES]. */
void {f}frontend_frame(const {f}sample *samples, int32_t *work, int8_t *codes);

/* Computes the network's input from a whole window.
 *
 * - samples: in, [{m}WINDOW_SAMPLES][{m}AXES].
 * - work: scratch, [{m}FRONTEND_WORDS].
 * - input: out, [{m}FRAMES][{m}FRAME_VALUES], for example the
 *   address that {f}input returns. */
void {f}frontend_window(const {f}sample *samples, int32_t *work, int8_t *input);

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* The front end of the network: its tables, which micronets_spectral.h describes, and its functions. */
#include "{header}"

{tables}
static const micronets_spectral spectral = {{
    {axes}, {frame}, {points}, {bands}, {mask},
    window, twiddles, split, first_bin,
    {band_unit}, {deviation_unit}, {least},
    factors, offsets, shifts}};

void {f}frontend_frame(const {f}sample *samples, int32_t *work, int8_t *codes)
{{
    micronets_spectral_frame(&spectral, samples, work, codes);
}}

void {f}frontend_window(const {f}sample *samples, int32_t *work, int8_t *input)
{{
    for (int32_t i = 0; i < {m}FRAMES; i++) {{
        const {f}sample *const frame = samples + i * {m}FRAME_HOP * {m}AXES;
        {f}frontend_frame(frame, work, input + i * {m}FRAME_VALUES);
    }}
}}
"""


_MASKS = {
    "mean": "MICRONETS_MEAN",
    "deviation": "MICRONETS_DEVIATION",
    "minimum": "MICRONETS_MINIMUM",
    "maximum": "MICRONETS_MAXIMUM",
}


def header(names: Names) -> str:
    """Returns the name of the front end's header."""
    return f"{names.name}_frontend.h"


def spectral_files(fe: Spectral, quant: TensorQuant, names: Names, frames: int | None = None) -> dict[str, str]:
    """Returns the C of a spectral front end, text by file name: its header, its tables and the files that they include.

    - fe: the front end.
    - quant: scale and zero point of the network's input, which is int8.
    - names: the names of the network in C.
    - frames: frames of the network's input; None for those of a whole window.
    """
    frames = fe.frames if frames is None else frames
    settings, tables = fe.settings, spectral_tables(fe.settings)
    codes = code_tables(fe, quant.scale, quant.zero_point)
    known = {"m": names.macros, "f": names.functions, "header": header(names)}
    sizes = {"axes": fe.axes, "frame": settings.frame, "bands": settings.bands, "points": tables.points}
    head = _HEADER.format(
        **known,
        **sizes,
        units=textwrap.fill(", ".join(f"{unit:.9g}" for unit in fe.units), 100).replace("\n", "\n * "),
        initialiser=ctext.wrapped_macro("{" + ", ".join(map(repr, fe.units)) + "}"),
        samples=fe.samples if frames == fe.frames else (frames - 1) * settings.hop + settings.frame,
        hop=settings.hop,
        frames=frames,
        values=settings.values * fe.axes,
        moments=len(settings.wanted),
        words=2 * tables.points,
    )
    arrays = (
        ctext.array("int16_t", "window", tables.window),
        ctext.array("uint32_t", "twiddles", ctext.as_words(tables.twiddles)),
        ctext.array("uint32_t", "split", ctext.as_words(tables.split)),
        ctext.array("int16_t", "first_bin", tables.first_bin),
        ctext.array("int16_t", "factors", codes.factors.ravel()),
        ctext.wide_array("offsets", codes.offsets.ravel()),
        ctext.array("uint8_t", "shifts", codes.shifts.ravel()),
    )
    source = _SOURCE.format(
        **known,
        **sizes,
        tables="\n".join(arrays),
        mask=" | ".join(_MASKS[name] for name in settings.wanted) or "0",
        band_unit=tables.band_unit,
        deviation_unit=tables.deviation_unit,
        least=tables.least,
    )
    folder = files("micronets.frontend") / "csrc"
    parts = ("micronets_fourier.h", "micronets_spectral.h", "micronets_spectral.c")
    return {
        header(names): head,
        f"{names.name}_frontend.c": source,
        **{name: (folder / name).read_text("utf-8") for name in parts},
        **kernel_files([], ["micronets_bits.h"]),
    }
