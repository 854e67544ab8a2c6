"""A network on a continuous stream of audio or sensor samples, as C: samples in, decisions out.

The detector's arithmetic is in streaming/csrc/micronets_detector.c; `streaming.Stream` computes the same in numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import assert_never

from micronets.compiler.generate import ctext, sound_c
from micronets.compiler.generate.names import Names
from micronets.frontend import micro
from micronets.frontend.integer import sound_tables
from micronets.frontend.micro import Micro
from micronets.frontend.spec import FrontEnd
from micronets.frontend.spectral import Spectral, spectral_tables
from micronets.frontend.standard import Standard
from micronets.quantized.model import QuantizedModel
from micronets.streaming.plan import StreamPlan, plan_stream, unstreamable
from micronets.streaming.signal import Signal

_HEADER = """\
/* A network on a continuous stream of {listens}: samples in, decisions out.
 *
 *     static uint8_t arena[{m}STREAM_ARENA_BYTES] __attribute__((aligned(16)));
 *     static {f}stream stream;
 *
 *     {f}start(&stream, arena);
 *     for (;;) {{
 *         (wait for the next n samples)
 *         for (int32_t taken = 0; taken < n;) {{
 *             micronets_decision decision;
 *             taken += {f}feed(&stream, samples + taken{axes}, n - taken);
 *             while ({f}poll(&stream, &decision)) {{
 *                 (decision.class_index was detected)
 *             }}
 *         }}
 *     }}
 *
 * The front end computes a frame as soon as all its samples have arrived.
 * {when} */
#ifndef {m}STREAM_H
#define {m}STREAM_H

#include "{sound_header}"
#include "{model_header}"

#include "micronets_detector.h"

/* Bytes of the arena in which the network and the front end work. The arena must be aligned to 16 bytes. Between two
 * calls of {f}feed, the program may use it for other purposes. */
#define {m}STREAM_ARENA_BYTES {arena}

#define {m}STREAM_WINDOW {window} /* frames on which an output of the network depends */
#define {m}STREAM_HOP {hop} /* frames between two outputs that the detector takes */
{gate_size}#define {m}AVERAGE {average} /* outputs whose scores are averaged */
#define {m}DECISIONS 8 /* pending decisions that the stream can hold */
#define {m}MILLIHERTZ {millihertz} /* samples in 1,000 seconds */

/* The state of a stream; {f}start initialises it.
 *
 * - time: number of samples fed or lost so far.
 * - held: number of samples of the next frame in `samples`; if negative, the number of samples to skip before it.
 * - place: index in `codes`, a ring of frames, of the oldest frame, which the next frame replaces.
{about_gate} * - wait: number of frames until the detector takes an output of the network.
 * - first, waiting: index of the oldest pending decision in `decisions`, a ring, and number of pending decisions.
 * - detector: the state of the detector; {f}score reads it.{about_state} */
typedef struct {{
    uint64_t time;
    void *arena;
    int32_t held, place{gate_place}, wait, first, waiting;
    micronets_decision decisions[{m}DECISIONS];
    int32_t detector[MICRONETS_DETECTOR_WORDS({m}OUTPUT_COUNT, {m}AVERAGE)];
{gate_state}    {sample} samples[{m}FRAME_SAMPLES{axes}];
    int8_t codes[{m}FRAMES * {m}FRAME_VALUES];
{state}}} {f}stream;

#ifdef __cplusplus
extern "C" {{
#endif

/* Begins a stream at time 0.
 *
 * - arena: {m}STREAM_ARENA_BYTES bytes, aligned to 16. */
void {f}start({f}stream *stream, void *arena);

/* Takes the next samples, {samples_a_second}, and runs the network whenever enough of them have arrived.
 *
{about_samples} * - n: number of samples, of any size.
 *
 * Returns the number of samples taken: all of them, unless {m}DECISIONS decisions are pending. */
int32_t {f}feed({f}stream *stream, const {sample} *samples, int32_t n);

/* Reports lost samples: the stream's time advances, and the detector waits for a whole window of new frames.
 *
 * - samples: number of samples lost. */
void {f}gap({f}stream *stream, uint32_t samples);

/* Takes the oldest pending decision. Returns 1, or 0 if none is pending. */
int32_t {f}poll({f}stream *stream, micronets_decision *decision);

/* Returns the averaged score of a class after the network's last run, 0 .. MICRONETS_SCORE_ONE. */
int32_t {f}score(const {f}stream *stream, int32_t class_index);

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* A stream: the detector's tables, and the functions that run the front end, the network and the detector. */
#include "{header}"

{tables}
static const micronets_detector detector = {{{classes}, {average}, {softmax}, table, least, refractory,
                                            {least_loudness}}};

/* Discards all samples and outputs. The time and the pending decisions remain. */
static void begin_anew({f}stream *stream)
{{
    stream->held = 0;
    stream->place = {early};
{gate_begin}    stream->wait = {m}STREAM_WINDOW;
    for (int32_t i = 0; i < MICRONETS_DETECTOR_WORDS({m}OUTPUT_COUNT, {m}AVERAGE); i++) {{
        stream->detector[i] = 0;
    }}
{gate_reset}{reset}}}

void {f}start({f}stream *stream, void *arena)
{{
    stream->arena = arena;
    stream->time = 0;
    stream->first = 0;
    stream->waiting = 0;
    begin_anew(stream);
}}

void {f}gap({f}stream *stream, uint32_t samples)
{{
    stream->time += samples;
    begin_anew(stream);
}}

/* Runs the network on the newest frames. */
static void run({f}stream *stream)
{{
    const int32_t count = {m}FRAMES * {m}FRAME_VALUES;
    int32_t from = stream->place * {m}FRAME_VALUES;
    int8_t *const input = {f}input(stream->arena);
    for (int32_t i = 0; i < count; i++) {{
        input[i] = stream->codes[from];
        from = from + 1 < count ? from + 1 : 0;
    }}
    {f}invoke(stream->arena{state_argument});
}}

/* Runs the detector on the network's output and appends its decision, if any, to the pending ones. */
static void decide({f}stream *stream)
{{
{gate_sum}{output}    const int32_t fired = micronets_detector_step(&detector, stream->detector, output, {loudness});
    if (fired >= 0) {{
        micronets_decision *const decision = stream->decisions + (stream->first + stream->waiting) % {m}DECISIONS;
        decision->class_index = fired;
        decision->score = {f}score(stream, fired);
        decision->time = stream->time;
        stream->waiting++;
    }}
}}

/* Computes the codes of the completed frame, then runs the network and the detector if they are due. */
static void hear({f}stream *stream)
{{
    const int32_t kept = {m}FRAME_SAMPLES - {m}FRAME_HOP;
{work}    {f}frontend_frame(stream->samples, {loudest}stream->codes + stream->place * {m}FRAME_VALUES);
{gate_frame}    stream->place = stream->place + 1 < {m}FRAMES ? stream->place + 1 : 0;
{gate_next}    for (int32_t i = 0; i < kept{axes}; i++) {{
        stream->samples[i] = stream->samples[i + {m}FRAME_HOP{axes}];
    }}
    stream->held = kept;
{run_steps}    if (--stream->wait == 0) {{
        stream->wait = {m}STREAM_HOP;
{run_windows}        decide(stream);
    }}
}}

int32_t {f}feed({f}stream *stream, const {sample} *samples, int32_t n)
{{
    int32_t taken = 0;
    while (taken < n && stream->waiting < {m}DECISIONS) {{
        if (stream->held >= 0) {{
{hold}        }}
        taken++;
        stream->held++;
        stream->time++;
        if (stream->held == {m}FRAME_SAMPLES) {{
            hear(stream);
        }}
    }}
    return taken;
}}

int32_t {f}poll({f}stream *stream, micronets_decision *decision)
{{
    if (stream->waiting == 0) {{
        return 0;
    }}
    *decision = stream->decisions[stream->first];
    stream->first = (stream->first + 1) % {m}DECISIONS;
    stream->waiting--;
    return 1;
}}

int32_t {f}score(const {f}stream *stream, int32_t class_index)
{{
    return micronets_detector_score(&detector, stream->detector, class_index);
}}
"""


_GATE: Mapping[str, str] = MappingProxyType(
    {
        "gate_size": "#define {m}GATE_FRAMES {gate_frames} /* newest frames from which loudness is computed */\n",
        "about_gate": " * - loud_place: index in `loudness`, a ring of frames, of the next frame's loudness.\n",
        "gate_place": ", loud_place",
        "gate_state": "    int32_t loudness[{m}GATE_FRAMES];\n",
        "gate_begin": "    stream->loud_place = 0;\n",
        "gate_reset": """\
    for (int32_t i = 0; i < {m}GATE_FRAMES; i++) {{
        stream->loudness[i] = 0;
    }}
""",
        "gate_sum": """\
    int32_t loudness = 0;
    for (int32_t i = 0; i < {m}GATE_FRAMES; i++) {{
        loudness += stream->loudness[i];
    }}
""",
        "gate_frame": "    stream->loudness[stream->loud_place] = {f}frontend_loudness(work);\n",
        "gate_next": "    stream->loud_place = stream->loud_place + 1 < {m}GATE_FRAMES ? stream->loud_place + 1 : 0;\n",
    }
)
"""The parts of an audio stream's code that measure its loudness."""

_SOUND: Mapping[str, str] = MappingProxyType(
    {
        **_GATE,
        "listens": "audio samples",
        "axes": "",
        "samples_a_second": "{m}SAMPLE_RATE a second",
        "about_samples": "",
        "sample": "int16_t",
        "work": "    int32_t *const work = (int32_t *)stream->arena;\n",
        "loudness": "loudness",
        "loudest": "1, work, ",
        "hold": "            stream->samples[stream->held] = samples[taken];\n",
    }
)
"""The parts of the C that only an audio stream has."""

_MOVEMENT: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_GATE, ""),
        "listens": "sensor samples",
        "axes": " * {m}AXES",
        "samples_a_second": "{rate:g} a second",
        "about_samples": " * - samples: in, [n][{m}AXES].\n",
        "sample": "{f}sample",
        "work": "    int32_t *const work = (int32_t *)stream->arena;\n",
        "loudness": "0",
        "loudest": "work, ",
        "hold": """\
            for (int32_t i = 0; i < {m}AXES; i++) {{
                stream->samples[stream->held * {m}AXES + i] = samples[taken * {m}AXES + i];
            }}
""",
    }
)
"""The parts of the C that only a sensor stream has."""

_ARRAYS: Mapping[str, str] = MappingProxyType({**_MOVEMENT, "work": "", "loudest": ""})
"""The same for a sensor whose samples are standardised: its front end needs no scratch memory."""

_MICRO: Mapping[str, str] = MappingProxyType(
    {
        **_SOUND,
        **dict.fromkeys(_GATE, ""),
        "about_gate": " * - noise: the front end's estimates of the noise.\n",
        "gate_state": "    uint32_t noise[MICRONETS_MICRO_BANDS];\n",
        "gate_reset": """\
    for (int32_t i = 0; i < MICRONETS_MICRO_BANDS; i++) {{
        stream->noise[i] = 0;
    }}
""",
        "loudness": "0",
        "loudest": "stream->noise, work, ",
    }
)
"""The parts of the C that only an audio stream with TFLM's own front end has."""

_OUTPUT = """\
    const int8_t *const output = {f}output(stream->arena);
"""

_UNSIGNED_OUTPUT = """\
    const uint8_t *const codes = {f}output(stream->arena);
    int8_t output[{m}OUTPUT_COUNT];
    for (int32_t i = 0; i < {m}OUTPUT_COUNT; i++) {{
        output[i] = (int8_t)(codes[i] - 128);
    }}
"""
"""How the detector obtains the codes of an int8 output and of a uint8 output."""

_WHOLE = """\
The network first runs when there are as many frames as its input holds, and then every {hop} frames, i.e. every
 * {hop_samples:,} samples."""

_STEPS = """\
The network takes {step} frames at a time, every {step_samples:,} samples, and keeps what it needs of earlier frames
 * in its state. The detector first takes its output when there is a whole window of {window} frames, and then every
 * {hop} frames, i.e. every {hop_samples:,} samples."""

_ABOUT_STATE = """
 * - state: the network's state between runs."""

_RESET = """\
    for (int32_t i = 0; i < {m}FRAMES * {m}FRAME_VALUES; i++) {{
        stream->codes[i] = 0;
    }}
    {f}reset(stream->state);
"""

_RUN_STEPS = """\
    if (stream->place == 0) {{
        run(stream);
    }}
"""


def header(names: Names) -> str:
    """Returns the name of the header that declares the functions of a stream."""
    return f"{names.name}_stream.h"


def stream_files(model: QuantizedModel, names: Names, arena: int) -> dict[str, str]:
    """Returns the C that runs a network on a stream, text by file name; none for a model that cannot run on one.

    - model: the network.
    - names: the names of the network in C.
    - arena: bytes of the network's arena.

    Raises `SpecError` for an invalid detector in the model's metadata.
    """
    if unstreamable(model) is not None:
        return {}
    plan = plan_stream(model, "the model")
    parts, words = _peculiar(plan.signal)
    known = {"m": names.macros, "f": names.functions, "header": header(names), "gate_frames": plan.tables.gate_frames}
    own = {name: text.format(**known, rate=plan.rate) for name, text in parts.items()}
    steps, hops = plan.steps, {"hop": plan.detector.hop_frames, "hop_samples": plan.hop}
    if steps is None:
        when = _WHOLE.format(**hops)
    else:
        when = _STEPS.format(**hops, step=steps.frames, step_samples=plan.run_samples, window=plan.frames)
    head = _HEADER.format(
        **known,
        **own,
        millihertz=plan.signal.millihertz,
        when=when,
        window=plan.frames,
        about_state="" if steps is None else _ABOUT_STATE,
        state="" if steps is None else f"    int32_t state[{names.macros}STATE_BYTES / 4];\n",
        sound_header=sound_c.header(names),
        model_header=names.header,
        hop=plan.detector.hop_frames,
        arena=max(arena, -(-4 * words // 16) * 16),
        average=plan.tables.average,
    )
    source = _SOURCE.format(
        **known,
        **own,
        tables=_tables(plan),
        output=(_OUTPUT if model.arch.types()[model.arch.outputs[0]] == "int8" else _UNSIGNED_OUTPUT).format(**known),
        classes=plan.tables.classes,
        average=plan.tables.average,
        softmax=int(plan.tables.softmax),
        least_loudness=plan.tables.least_loudness,
        early=0 if steps is None else steps.early,
        reset="" if steps is None else _RESET.format(**known),
        state_argument="" if steps is None else ", stream->state",
        run_steps="" if steps is None else _RUN_STEPS.format(),
        run_windows="        run(stream);\n" if steps is None else "",
    )
    return {header(names): head, f"{names.name}_stream.c": source, **detector_files()}


def _peculiar(signal: Signal) -> tuple[Mapping[str, str], int]:
    """Returns the parts of the C that only this kind of signal has, and the number of 32-bit words of the front end's
    scratch memory."""
    match signal.front_end:
        case FrontEnd() as fe:
            return _SOUND, 2 * sound_tables(fe.base()).points + fe.n_mels
        case Spectral() as fe:
            return _MOVEMENT, 2 * spectral_tables(fe.settings).points
        case Micro():
            return _MICRO, micro.WORDS
        case Standard():
            return _ARRAYS, 0
        case _:
            assert_never(signal.front_end)


def detector_files() -> dict[str, str]:
    """Returns the C of the detector, text by file name."""
    folder = files("micronets.streaming") / "csrc"
    return {name: (folder / name).read_text("utf-8") for name in ("micronets_detector.h", "micronets_detector.c")}


def _tables(plan: StreamPlan) -> str:
    """Returns the definitions of the detector's tables."""
    t = plan.tables
    parts = [("uint16_t", "table", t.table), ("int32_t", "least", t.least), ("int32_t", "refractory", t.refractory)]
    return "\n".join(ctext.array(ctype, name, values) for ctype, name, values in parts)
