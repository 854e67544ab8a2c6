"""The image front end as C: from the rows of a camera frame to the network's input.

The arithmetic is in frontend/csrc/micronets_image.c, and in numpy in `frontend.frames`.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.frontend.camera import Camera
from micronets.frontend.frames import Taps, camera_tables
from micronets.frontend.image import ImageFrontEnd
from micronets.quantized.model import TensorQuant

_HEADER = """\
/* The front end of the network: from camera frames to the codes of the network's input.
 *
 * A frame has {height} rows of {width} {pixels} pixels; a row has {m}ROW_BYTES bytes. */
#ifndef {m}FRONTEND_H
#define {m}FRONTEND_H

#include "micronets_image.h"

#define {m}FRAME_WIDTH {width}
#define {m}FRAME_HEIGHT {height}
#define {m}ROW_BYTES {row_bytes}

/* Bytes of the front end's work memory, aligned to 4 bytes. It must not change between the rows of a frame. */
#define {m}FRONTEND_BYTES {work}

#ifdef __cplusplus
extern "C" {{
#endif

/* Takes the next row of a frame, so that no buffer has to hold a whole frame. Pass every row once, from top to bottom;
 * after the last one the network's input is complete.
 *
 * - y: index of the row, 0 .. {m}FRAME_HEIGHT - 1.
 * - row: in, [{m}ROW_BYTES].
 * - work: in and out, [{m}FRONTEND_BYTES].
 * - input: out, for example the address that {f}input returns. */
void {f}frontend_row(int32_t y, const uint8_t *row, void *work, int8_t *input);

/* Computes the network's input from a whole frame.
 *
 * - frame: in, [{m}FRAME_HEIGHT][{m}ROW_BYTES].
 * - work: scratch, [{m}FRONTEND_BYTES].
 * - input: out, for example the address that {f}input returns. */
void {f}frontend_picture(const uint8_t *frame, void *work, int8_t *input);

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* The front end of the network: its tables, which micronets_image.h describes, and its functions. */
#include "{header}"

{tables}
static const micronets_image image = {{
    {pixels}, {channels}, {left}, {top}, {columns}, {rows},
    {side}, {to_left}, {to_top}, {width}, {height},
    {{{across}, start_across, weights_across}}, {{{down}, start_down, weights_down}}, codes_of_pixels}};

void {f}frontend_row(int32_t y, const uint8_t *row, void *work, int8_t *input)
{{
    micronets_image_row(&image, y, row, (int16_t *)work, (uint8_t *)work + {kept}, input);
}}

void {f}frontend_picture(const uint8_t *frame, void *work, int8_t *input)
{{
    for (int32_t y = 0; y < {m}FRAME_HEIGHT; y++) {{
        {f}frontend_row(y, frame + y * {m}ROW_BYTES, work, input);
    }}
}}
"""


def header(names: Names) -> str:
    """Returns the name of the front end's header."""
    return f"{names.name}_frontend.h"


def image_files(fe: ImageFrontEnd, camera: Camera, quant: TensorQuant, names: Names) -> dict[str, str]:
    """Returns the C of the image front end, text by file name.

    - fe: the front end.
    - camera: the format of the camera frames.
    - quant: scale and zero point of the network's input, which is int8.
    - names: the names of the network in C.
    """
    t = camera_tables(camera, fe, quant.scale, quant.zero_point)
    kept = 2 * t.down.weights.shape[1] * (t.width * fe.colour + 1)
    known = {"m": names.macros, "f": names.functions, "header": header(names)}
    tables = [
        *_tables("across", t.across),
        *_tables("down", t.down),
        ctext.array("int8_t", "codes_of_pixels", t.codes.astype(np.int8)),
    ]
    folder = files("micronets.frontend") / "csrc"
    parts = {name: (folder / name).read_text("utf-8") for name in ("micronets_image.h", "micronets_image.c")}
    return {
        header(names): _HEADER.format(
            **known,
            width=camera.width,
            height=camera.height,
            pixels=camera.pixels,
            row_bytes=camera.row_bytes,
            work=kept + t.columns * fe.colour,
        ),
        f"{names.name}_frontend.c": _SOURCE.format(
            **known,
            tables="\n".join(tables),
            pixels=f"MICRONETS_{camera.pixels.upper()}",
            channels=fe.colour,
            left=t.left,
            top=t.top,
            columns=t.columns,
            rows=t.rows,
            side=fe.resolution,
            to_left=t.to_left,
            to_top=t.to_top,
            width=t.width,
            height=t.height,
            across=t.across.weights.shape[1],
            down=t.down.weights.shape[1],
            kept=kept,
        ),
        **parts,
    }


def _tables(axis: str, taps: Taps) -> tuple[str, str]:
    """Returns the tables of an axis, whose names end with `axis`."""
    return (
        ctext.array("int16_t", f"start_{axis}", taps.start.astype(np.int16)),
        ctext.array("int16_t", f"weights_{axis}", taps.weights.astype(np.int16)),
    )
