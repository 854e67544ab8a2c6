"""The audio front end of a network as C: its tables, and a function from the samples of a clip to the network's input.

The arithmetic is in frontend/csrc/micronets_sound.c, and in numpy in `frontend.integer`.
"""

from __future__ import annotations

from importlib.resources import files

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.compiler.kernel_files import kernel_files
from micronets.frontend.integer import InputTables, SoundTables, input_tables, sound_tables
from micronets.frontend.spec import FrontEnd
from micronets.quantized.model import TensorQuant

_PARTS = ("micronets_fourier.h", "micronets_sound.h", "micronets_sound.c")

_HEADER = """\
/* The front end of the network: from {sample_rate} samples per second to the codes of the network's input.
 *
 * A clip has {m}CLIP_SAMPLES 16-bit samples. Its frames of {m}FRAME_SAMPLES samples begin
 * {m}FRAME_HOP samples apart; each gives {m}FRAME_VALUES codes. */
#ifndef {m}FRONTEND_H
#define {m}FRONTEND_H

#include "micronets_sound.h"

#define {m}SAMPLE_RATE {sample_rate}
#define {m}CLIP_SAMPLES {clip_samples}
#define {m}FRAME_SAMPLES {frame_samples}
#define {m}FRAME_HOP {hop}
#define {m}FRAMES {frames}
#define {m}FRAME_BANDS {bands}
#define {m}FRAME_VALUES {values}

/* 32-bit words of the front end's scratch memory, whose contents need not survive between calls. */
#define {m}FRONTEND_WORDS {words}

#ifdef __cplusplus
extern "C" {{
#endif

/* Computes the codes of one frame.
 *
 * - samples: in, [{m}FRAME_SAMPLES].
 * - loudest: the largest sample of the clip, at least 1; {loudest}.
 * - work: scratch, [{m}FRONTEND_WORDS].
 * - codes: out, [{m}FRAME_VALUES]. */
void {f}frontend_frame(const int16_t *samples, int32_t loudest, int32_t *work, int8_t *codes);

/* Returns the sum of the pixels of a frame, a measure of its loudness.
 *
 * - work: in, as {f}frontend_frame left it. */
int32_t {f}frontend_loudness(const int32_t *work);

/* Computes the network's input from a whole clip.
 *
 * - samples: in, [{m}CLIP_SAMPLES].
 * - work: scratch, [{m}FRONTEND_WORDS].
 * - input: out, [{m}FRAMES * {m}FRAME_VALUES], for example the address that
 *   {f}input returns. */
void {f}frontend_clip(const int16_t *samples, int32_t *work, int8_t *input);

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* The front end of the network: its tables, which micronets_sound.h describes, and its functions. */
#include "{header}"

{tables}
static const micronets_sound sound = {{
    {frame_samples}, {points}, {bands}, {power}, {to_loudest},
    window, twiddles, split, first_bin, rise,
    {unit_level}, {least_level}, {pixel_factor}, {pixel_offset}}};

static const micronets_sound_input to_input = {{{values}, {codes}, {factors}, {offsets}, {shift}}};

void {f}frontend_frame(const int16_t *samples, int32_t loudest, int32_t *work, int8_t *codes)
{{
    int32_t *const levels = work + {transform_words};
    micronets_sound_levels(&sound, samples, work, levels);
    micronets_sound_hold(&sound, loudest, levels);
{pixels}    micronets_sound_codes(&sound, &to_input, levels, codes);
}}

int32_t {f}frontend_loudness(const int32_t *work)
{{
    const int32_t *const levels = work + {transform_words};
    int32_t sum = 0;
    for (int32_t i = 0; i < {m}FRAME_BANDS; i++) {{
        sum += {loudness};
    }}
    return sum;
}}

void {f}frontend_clip(const int16_t *samples, int32_t *work, int8_t *input)
{{
    int32_t loudest = 1;
{find_loudest}    for (int32_t i = 0; i < {m}FRAMES; i++) {{
        {f}frontend_frame(samples + i * {m}FRAME_HOP, loudest, work, input + i * {m}FRAME_VALUES);
    }}
}}
"""

_FIND_LOUDEST = """\
    for (int32_t i = 0; i < {m}CLIP_SAMPLES; i++) {{
        loudest = samples[i] > loudest ? samples[i] : loudest;
    }}
"""


def header(names: Names) -> str:
    """Returns the name of the front end's header."""
    return f"{names.name}_frontend.h"


def sound_files(fe: FrontEnd, quant: TensorQuant, names: Names, frames: int | None = None) -> dict[str, str]:
    """Returns the C of an audio front end, text by file name: its header, its tables and the files that they include.

    - fe: the front end; the C computes it in integer arithmetic.
    - quant: scale and zero point of the network's input, which is int8.
    - names: the names of the network in C.
    - frames: frames of the network's input; None for those of a whole clip.
    """
    sound, to_input = sound_tables(fe.base()), input_tables(fe, quant.scale, quant.zero_point)
    all_frames, values, _ = fe.input_shape
    frames = all_frames if frames is None else frames
    hop = fe.hop_samples * fe.frame_stride
    clip = fe.clip_samples if frames == all_frames else (frames - 1) * hop + fe.window_samples
    transform_words = 2 * sound.points
    relative = fe.sample_scale == "max"
    known = {"m": names.macros, "f": names.functions, "header": header(names)}
    head = _HEADER.format(
        **known,
        sample_rate=fe.sample_rate,
        clip_samples=clip,
        frame_samples=fe.window_samples,
        hop=hop,
        frames=frames,
        bands=fe.n_mels,
        values=values,
        words=transform_words + fe.n_mels,
        loudest="levels are relative to it" if relative else "it is not read",
    )
    source = _SOURCE.format(
        **known,
        tables="\n".join(_tables(sound, to_input)),
        frame_samples=fe.window_samples,
        points=sound.points,
        bands=fe.n_mels,
        power=fe.power,
        to_loudest=int(relative),
        unit_level=sound.unit_level,
        least_level=sound.least_level,
        pixel_factor=sound.pixel_factor,
        pixel_offset=ctext.wide(sound.pixel_offset),
        values=values,
        codes="0" if to_input.codes is None else "codes_of_pixels",
        factors="0" if to_input.factors is None else "factors",
        offsets="0" if to_input.factors is None else "offsets",
        shift=to_input.shift,
        transform_words=transform_words,
        pixels="    micronets_sound_pixels(&sound, levels);\n" if fe.kind == "logmel" else "",
        loudness="levels[i]" if fe.kind == "logmel" else "micronets_sound_pixel(&sound, levels[i])",
        find_loudest=_FIND_LOUDEST.format(**known) if relative else "",
    )
    folder = files("micronets.frontend") / "csrc"
    parts = {name: (folder / name).read_text("utf-8") for name in _PARTS}
    return {
        header(names): head,
        f"{names.name}_frontend.c": source,
        **parts,
        **kernel_files([], ["micronets_bits.h"]),
    }


def _tables(sound: SoundTables, to_input: InputTables) -> list[str]:
    found = [
        ctext.array("int16_t", "window", sound.window),
        ctext.array("uint32_t", "twiddles", ctext.as_words(sound.twiddles)),
        ctext.array("uint32_t", "split", ctext.as_words(sound.split)),
        ctext.array("int16_t", "first_bin", sound.first_bin),
        ctext.array("uint16_t", "rise", sound.rise),
    ]
    if to_input.codes is not None:
        found.append(ctext.array("int8_t", "codes_of_pixels", to_input.codes))
    if to_input.factors is not None:
        found.append(ctext.array("int16_t", "factors", to_input.factors))
        offsets = ", ".join(map(ctext.wide, to_input.offsets.tolist()))
        found.append(f"static const int64_t offsets[{len(to_input.offsets)}] = {{{offsets}}};\n")
    return found
