"""Layers that run in bands, as C: a table of what each layer does in each band, and a function that goes through it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from micronets.compiler.kernels.emit import Code, Place, padded_shape
from micronets.compiler.limits import STRUCT_BYTES
from micronets.compiler.memory.patches import Band, Segment
from micronets.compiler.memory.plan import ArenaPlan
from micronets.cost.tflm_plan import float_tensors
from micronets.ir.arch import Step
from micronets.ir.layers import Pad
from micronets.quantized.model import QuantizedModel

KERNELS = ("micronets_band_move", "micronets_band_window")

_FUNCTION = """\
{tables}
static void bands_{first}(int8_t *a)
{{
    int8_t *x = a + {source}, *y = a + {target};
{variables}    for (int32_t run = 0; run < {runs}; run++) {{
        const micronets_band *const b = band_{first}[run];
        for (int32_t i = 0; i < run_{first}[run].times; i++) {{
            x += run_{first}[run].advance * {pitch};
{calls}
        }}
    }}
}}
"""


def place(model: QuantizedModel, plan: ArenaPlan, segment: Segment, index: int) -> Place:
    """Where layer `index` of the network, one of the segment's, finds its rows in a band."""
    layer, own = model.arch.layers[index], index - segment.first
    band, bands = f"b[{own}]", [run.bands[own] for run in segment.runs]
    starts = {}
    for k, name in enumerate(layer.inputs):
        moves = f" + {band}.start[{k}] * {_pitch(model, name)}" if any(b.start[k] for b in bands) else ""
        starts[name] = ("x" if name == segment.source else f"a + {plan.offsets[name]}") + moves
    moves = f" + {band}.kept * {_pitch(model, layer.name)}" if any(b.kept for b in bands) else ""
    starts[layer.name] = "y" if index == segment.last else f"a + {plan.offsets[layer.name]}{moves}"
    return Place(index, plan, f"{band}.rows", starts)


def function(model: QuantizedModel, plan: ArenaPlan, segment: Segment, codes: Sequence[Code]) -> tuple[str, str, int]:
    """Tables and function of a segment, the call of the function, and the bytes of its tables; `codes`: of all layers."""
    steps, first = model.arch.steps(), segment.first
    calls = [
        _call(model, plan, segment, i, steps[i], codes[i].call.replace("\n    ", "\n")) for i in range(first, segment.last + 1)
    ]
    bands = [f"    {{{', '.join(map(_band, run.bands))}}},\n" for run in segment.runs]
    runs = [f"    {{{run.times}, {run.advance}}},\n" for run in segment.runs]
    count, layers = len(segment.runs), segment.last - first + 1
    tables = (
        f"/* Layers {first} to {segment.last} run together: what each does in bands of a kind, and how many of a kind\n"
        " * follow each other. */\n"
        f"static const micronets_band band_{first}[{count}][{layers}] = {{\n{''.join(bands)}}};\n"
        f"static const micronets_run run_{first}[{count}] = {{\n{''.join(runs)}}};\n"
    )
    body = "\n".join(calls)
    kinds = [kind for kind in ("window", "padding") if f"&band_{kind}" in body]
    text = _FUNCTION.format(
        tables=tables,
        first=first,
        source=plan.offsets[segment.source],
        target=plan.offsets[steps[segment.last].layer.name],
        variables="".join(f"    micronets_{kind} band_{kind};\n" for kind in kinds),
        runs=count,
        pitch=_pitch(model, segment.source),
        calls=body,
    )
    return text, f"bands_{first}(a);", count * (layers * STRUCT_BYTES["micronets_band"] + STRUCT_BYTES["micronets_run"])


def _call(model: QuantizedModel, plan: ArenaPlan, segment: Segment, index: int, step: Step, call: str) -> str:
    """What a layer does in a band: its rows are moved, its sizes set, its kernel called."""
    layer, band = step.layer, f"b[{index - segment.first}]"
    pitch = _pitch(model, layer.name)
    lines = [f"MICRONETS_LAYER({index});", f"if ({band}.rows > 0) {{"]
    if any(run.bands[index - segment.first].kept for run in segment.runs):
        lines.append(f"    micronets_band_move(a + {plan.offsets[layer.name]}, {pitch}, &{band});")
    if "&band_window" in call:
        lines.append(f"    micronets_band_window(&window_{index}, &{band}, &band_window);")
    if isinstance(layer, Pad):
        shape, _ = padded_shape(step.input_shapes[0], layer)
        axis = next(i for i, size in enumerate(shape) if size > 1)
        rows = f"{band}.rows * {shape[axis] // step.input_shapes[0][0]}"
        lines += [f"    band_padding = padding_{index};", f"    band_padding.in_shape[{axis}] = {rows};"]
    lines += [f"    {line}" for line in call.split("\n")]
    if index == segment.last:
        lines.append(f"    y += {band}.rows * {pitch};")
    return "\n".join(f"            {line}" for line in [*lines, "}"])


def _band(band: Band) -> str:
    return f"{{{band.moved}, {band.kept}, {band.rows}, {{{band.start[0]}, {band.start[1]}}}, {band.in_h}, {band.pad_top}}}"


def _pitch(model: QuantizedModel, tensor: str) -> int:
    """Bytes of a row."""
    return math.prod(model.arch.shapes()[tensor][1:]) * float_tensors(model.arch).get(tensor, 1)
