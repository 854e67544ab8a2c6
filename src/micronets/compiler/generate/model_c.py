"""`compile_model` turns a network into C files. It writes no files and reads only micronets' own C sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from micronets.boards.targets import DSP, Target
from micronets.compiler.flash import KERNELS_HEADER, Contents, listing_bytes, listing_padding_bytes
from micronets.compiler.generate import (
    array_c,
    calls_c,
    ctext,
    image_c,
    micro_c,
    package,
    patches_c,
    sound_c,
    spectral_c,
    stream_c,
    tensors_c,
)
from micronets.compiler.generate.names import DEFAULT, Names
from micronets.compiler.generate.narrow_c import NARROW_GOALS, NarrowRecords, narrow_records
from micronets.compiler.kernel_files import is_source, kernel_files
from micronets.compiler.kernels.base import Call, LayerCode, Place
from micronets.compiler.kernels.copied import WeightCopies
from micronets.compiler.kernels.goal import DEFAULT_GOAL, Goal
from micronets.compiler.kernels.variables import state_block_bytes, state_offsets
from micronets.compiler.memory.choose_patches import plan_patches
from micronets.compiler.memory.plan import ArenaPlan, plan_arena
from micronets.compiler.passes.pipeline import optimise
from micronets.cost.tflm_plan import align
from micronets.errors import SpecError
from micronets.frontend.camera import Camera, camera_of
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel
from micronets.quantized.validate import validate
from micronets.streaming.carried import (
    array_front_end,
    image_front_end,
    input_frames,
    integer_front_end,
    micro_front_end,
    spectral_front_end,
)

_MODEL_C = """\
/* {title}.
 *
 * This file contains the weights and tables of the layers and runs the layers in order. {header} describes how to use
 * the network; micronets_kernels.h describes the kernels that compute the layers.{storage} */
#include "{header}"

{include_math}#include "micronets_kernels.h"
{include_state}
#ifndef MICRONETS_LAYER
#define MICRONETS_LAYER(index) /* before layer `index`, and after the last one with {m}LAYERS */
#endif

{runners}{tables}
{run}{inputs}
{outputs}
void {f}invoke({parameters})
{{
    int8_t *const a = (int8_t *)arena;
{keep_state}{calls}
    MICRONETS_LAYER({m}LAYERS);
}}
"""

_IN_SRAM = """
 *
 * The tables are never written, but they are not declared const: as initialised data they lie in SRAM, which has no
 * wait states. The program's start-up code copies their values from flash."""

_RUN = """\
/* functions: the functions that run layers. function_of: for each layer, 1 + the index of its function, or 0 if the
 * layer has nothing to do or runs in patches. records: for each layer, the record with the arguments of its kernel. */
typedef void layer_function(int8_t *a, const void *record);
{functions}static const {ctype} function_of[{m}LAYERS] = {{
{function_of}
}};
static const void *const records[{m}LAYERS] = {{
{records}
}};

/* Runs the layers `first` to `end` - 1. */
static void run_layers(int8_t *a, int32_t first, int32_t end)
{{
    for (int32_t i = first; i < end; i++) {{
        MICRONETS_LAYER(i);
        if (function_of[i] > 0) {{
            functions[function_of[i] - 1](a, records[i]);
        }}
    }}
}}

"""


@dataclass(frozen=True)
class Compiled:
    """A network as C.

    - files: text by file name, all for one directory; C and assembly files in their order in flash.
    - arena_bytes: bytes of the arena that the caller provides.
    - model: the network that the C computes, layer by layer; its outputs equal those of the given network.
    - plan: the addresses of its tensors in the arena.
    - contents: the parts that lie in flash.
    - names: the names of the network in C.
    - front_end: names of the files that compute the input from samples, images or sensor values, or that process a
      stream; a program that needs neither can leave them out.
    - goal: the goal for which its kernels were chosen.
    - tables_bytes: bytes of weights and tables in SRAM, in addition to the arena; flash holds their initial values.
    """

    files: Mapping[str, str]
    arena_bytes: int
    model: QuantizedModel
    plan: ArenaPlan
    contents: Contents
    names: Names
    front_end: frozenset[str] = frozenset()
    goal: Goal = DEFAULT_GOAL
    tables_bytes: int = 0

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights and tables in flash."""
        return self.contents.constant_bytes


def compile_model(
    model: QuantizedModel,
    target: Target = DSP,
    *,
    arena_limit: int | None = None,
    name: str = DEFAULT,
    camera: Camera | None = None,
    goal: Goal = DEFAULT_GOAL,
    copies: WeightCopies | None = None,
) -> Compiled:
    """Returns C99 whose outputs are those of `model`, bit for bit.

    - model: the network.
    - target: the instruction set that the C is for.
    - arena_limit: the largest size of the arena in bytes. If the arena would be larger, as few layers as possible run
      together in patches (`memory.patches`); 0 gives the smallest arena. A limit that cannot be met is not an error.
    - name: the name of the network in C, see `Names`.
    - camera: for an image model, the camera frames from which a front end computes the network's input; None for those
      of the camera that the model was made for, if there is one.
    - goal: the criterion for choosing a kernel if a faster one takes more memory.
    - copies: how layers may first copy their weights from slow flash to the arena; None for no copies.

    Raises `SpecError` for an inconsistent model, for a name that `Names` refuses, or for a camera if the model has no
    image front end, and `UnsupportedError` for numbers that the C cannot hold.
    """
    names = Names(name)
    model, plan = _planned(model, target, arena_limit, goal, copies)
    return generate(model, plan, names, camera, goal)


def compiled_contents(
    model: QuantizedModel, target: Target = DSP, *, arena_limit: int | None = None, goal: Goal = DEFAULT_GOAL
) -> Contents:
    """Returns the flash contents of the C of `compile_model`, without its text; arguments and errors are the same."""
    return _parts(*_planned(model, target, arena_limit, goal, None), goal).contents


def _planned(
    model: QuantizedModel, target: Target, arena_limit: int | None, goal: Goal, copies: WeightCopies | None
) -> tuple[QuantizedModel, ArenaPlan]:
    """Returns the network after the compiler's passes, and the plan of its arena; for the arguments see
    `compile_model`.
    """
    validate(model)
    model = optimise(model)
    if arena_limit is None:
        return model, plan_arena(model.arch, target, goal=goal, copies=copies)
    return model, plan_patches(model.arch, arena_limit, target, goal, copies)


@dataclass(frozen=True)
class _Parts:
    """The parts of a network's C, before they become text.

    - codes: the code of each layer.
    - groups: the code of each group of layers in patches.
    - runs: the call that runs each layer, see `_whole_layers`.
    - own: the kernel files, text by name.
    - contents: the parts that lie in flash.
    - narrow: the narrow records, by the `Call.runner` of their layers; those of all other layers are wide.
    """

    codes: Sequence[LayerCode]
    groups: Sequence[patches_c.GroupCode]
    runs: Sequence[Call | None]
    own: Mapping[str, str]
    contents: Contents
    narrow: Mapping[str, NarrowRecords]


def _parts(model: QuantizedModel, plan: ArenaPlan, goal: Goal) -> _Parts:
    """Returns the parts of a network's C for a plan of its arena; goal: the goal for which its kernels were chosen."""
    codes = [kernel.code(model, Place(i, plan.offsets)) for i, kernel in enumerate(plan.kernels)]
    groups = [patches_c.group_code(model, plan, group, codes[group.first : group.last + 1]) for group in plan.groups]
    runs = _whole_layers(plan, codes)
    kernels = sorted(
        {source for code in codes for source in code.sources} | set(patches_c.PATCH_SOURCES if groups else ())
    )
    own = kernel_files(kernels, [KERNELS_HEADER], plan.target)
    narrow = _narrow_records(plan, codes) if goal in NARROW_GOALS else {}
    constants = sum(code.bytes for code in codes) + sum(group.bytes for group in groups) + _listing_bytes(plan, runs)
    constants -= sum(records.saved_bytes for records in narrow.values())
    contents = Contents(
        constant_bytes=constants,
        files=tuple(filter(is_source, own)),
        runners=len(_functions(runs)),
        padding_bytes=sum(code.padding_bytes for code in codes) + listing_padding_bytes(len(codes)),
        layers=len(codes),
        groups=len(groups),
        groups_layers=sum(len(group.layers) for group in plan.groups),
        variables=len(state_offsets(model.arch)),
        copying_runners=len({call.runner for call in runs if call and call.copies}),
        built_fields=sum(records.built_fields for records in narrow.values()),
    )
    return _Parts(codes, groups, runs, own, contents, narrow)


def _narrow_records(plan: ArenaPlan, codes: Sequence[LayerCode]) -> dict[str, NarrowRecords]:
    """Returns the narrow records of a network by `Call.runner`; kernels of layers in patches have none."""
    patched = {i for group in plan.groups for i in group.layers}
    calls = defaultdict[str, dict[int, Call]](dict)
    for i, code in enumerate(codes):
        if code.call:
            calls[code.call.runner][i] = code.call
    whole = {runner: found for runner, found in calls.items() if patched.isdisjoint(found)}
    return {runner: records for runner, found in whole.items() if (records := narrow_records(found))}


def generate(
    model: QuantizedModel,
    plan: ArenaPlan,
    names: Names = Names(),  # noqa: B008 - it is frozen
    camera: Camera | None = None,
    goal: Goal = DEFAULT_GOAL,
) -> Compiled:
    """Returns the C of a network for a plan of its arena; for errors see `compile_model`.

    - model: the network, which must be valid; it is not optimised.
    - plan: the addresses of the tensors of this network in the arena, and the kernels of its layers.
    - names: the names of the network in C.
    - camera: see `compile_model`.
    - goal: the goal for which the kernels were chosen, and by which the records of layers are chosen.
    """
    parts = _parts(model, plan, goal)
    own, constants = parts.own, parts.contents.constant_bytes
    sounds, about = _front_end(model, names, camera)
    streams = stream_c.stream_files(model, names, plan.bytes)
    sources = [names.source, *(name for part in (own, sounds, streams) for name in filter(is_source, part))]
    listens = stream_c.header(names) if streams else None
    found = package.describe(model, plan, names, constants, sources, about, listens)
    sounds = {**sounds, **streams}
    text = _model_c(model, parts, plan, names)
    found = {**found, **sounds, **own, names.source: text}
    tables = [table for code in parts.codes for table in code.tables] if plan.tables_in_sram else []
    return Compiled(
        found,
        plan.bytes,
        model,
        plan,
        parts.contents,
        names,
        frozenset(sounds) - own.keys(),
        goal=goal,
        tables_bytes=sum(align(table.bytes, 4) for table in tables),
    )


def _front_end(
    model: QuantizedModel, names: Names, camera: Camera | None
) -> tuple[dict[str, str], package.FrontEndText | None]:
    """Returns the C of a model's front end, text by file name, and the package's texts about it."""
    sound, array = integer_front_end(model), array_front_end(model)
    to = f"{names.functions}input(arena)"
    picture = image_front_end(model)
    if camera is not None and picture is None:
        raise SpecError("camera: the model has no image front end that fits its input; leave the camera out")
    frames = camera_of(picture.camera) if camera is None and picture is not None else camera
    if picture is not None and frames is not None:
        call = f"{names.functions}frontend_picture(frame, work, {to});"
        about = "from camera frames to the network's input, with `micronets_image.c`"
        text = package.FrontEndText(image_c.header(names), "camera frames", call, about)
        return image_c.image_files(picture, frames, model.quant[INPUT], names), text
    if sound is not None:
        call = f"{names.functions}frontend_clip(samples, work, {to});"
        about = "from the samples of a clip to the network's input, with `micronets_sound.c`"
        text = package.FrontEndText(sound_c.header(names), "audio samples", call, about)
        return sound_c.sound_files(sound, model.quant[INPUT], names, model.arch.input_shape[0]), text
    spectral = spectral_front_end(model)
    if spectral is not None:
        call = f"{names.functions}frontend_window(samples, work, {to});"
        about = "from sensor samples to the network's input, with `micronets_spectral.c`"
        text = package.FrontEndText(spectral_c.header(names), "sensor samples", call, about)
        return spectral_c.spectral_files(spectral, model.quant[INPUT], names, model.arch.input_shape[0]), text
    micro = micro_front_end(model)
    if micro is not None:
        call = f"{names.functions}frontend_clip(samples, noise, work, {to});"
        about = "from samples at 16 kHz to the network's input, with `micronets_micro.c`"
        text = package.FrontEndText(micro_c.header(names), "audio samples", call, about)
        return micro_c.micro_files(micro, model.quant[INPUT], names, input_frames(model)), text
    if array is not None:
        call = f"{names.functions}frontend_values(values, {to});"
        about = "from sensor values to the network's input"
        text = package.FrontEndText(array_c.header(names), "sensor values", call, about)
        return array_c.array_files(*array, names, model.arch.input_shape[0]), text
    return {}, None


def _whole_layers(plan: ArenaPlan, codes: Sequence[LayerCode]) -> list[Call | None]:
    """Returns the call that runs each layer, or None if the layer has nothing to do or runs in patches."""
    patched = {i for group in plan.groups for i in group.layers}
    return [None if i in patched else code.call for i, code in enumerate(codes)]


def _functions(runs: Sequence[Call | None]) -> list[str]:
    """Returns the names of the functions that run layers, each once."""
    return list(dict.fromkeys(calls_c.runner_name(call) for call in runs if call))


def _listing_bytes(plan: ArenaPlan, runs: Sequence[Call | None]) -> int:
    """Returns the bytes of the tables that list functions, and for each layer its function and its record."""
    return listing_bytes(len(runs), len(_functions(runs))) if any(_whole_ranges(plan)) else 0


def _whole_ranges(plan: ArenaPlan) -> list[range]:
    """Returns the numbers of the layers that run whole before each group and after the last; a range may be empty."""
    starts, ends = (
        [0, *(group.last + 1 for group in plan.groups)],
        [*(group.first for group in plan.groups), len(plan.kernels)],
    )
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]


def _model_c(model: QuantizedModel, parts: _Parts, plan: ArenaPlan, names: Names) -> str:
    """Returns the text of model.c."""
    codes, runs, groups = parts.codes, parts.runs, parts.groups
    steps, kept = model.arch.steps(), state_block_bytes(model.arch)
    tables = []
    for i, (step, code) in enumerate(zip(steps, codes, strict=True)):
        inputs, outputs = (
            " and ".join(map(ctext.shape_text, shapes)) for shapes in (step.input_shapes, step.output_shapes)
        )
        head = f"layer {i}: {type(step.layer).__name__} '{ctext.comment(step.layer.name)}', {inputs} -> {outputs}"
        if code.call:
            constants = [ctext.constant(table, plan.tables_in_sram) for table in code.tables]
            narrow = parts.narrow.get(code.call.runner)
            constants.append(ctext.constant(narrow.record(i) if narrow else calls_c.record(code.call, i)))
            tables.append(f"{ctext.block_comment(head)}{''.join(constants)}")
    tables += [group.text for group in groups]
    written = {runner: records.runner() for runner, records in parts.narrow.items()}
    functions = _functions(runs)
    function_of = [
        f"{functions.index(calls_c.runner_name(call)) + 1 if call else 0}, /* {i}: {type(steps[i].layer).__name__} */"
        for i, call in enumerate(runs)
    ]
    whole = _whole_ranges(plan)
    calls = []
    for layers, call in zip(whole, [*(group.call for group in groups), ""], strict=True):
        stop = f"{names.macros}LAYERS" if layers.stop == len(steps) else str(layers.stop)
        calls += [f"run_layers(a, {layers.start}, {stop});"] * bool(layers) + [call] * bool(call)
    return _MODEL_C.format(
        title=package.title(model),
        header=names.header,
        storage=_IN_SRAM if plan.tables_in_sram else "",
        include_math=ctext.math_header(table.values for code in codes for table in code.tables),
        include_state='#include "micronets_state.h"\n' if kept else "",
        parameters="void *arena, void *state" if kept else "void *arena",
        keep_state="    micronets_keep_state(a, (int8_t *)state);\n" if kept else "",
        m=names.macros,
        f=names.functions,
        runners=f"{calls_c.runners((code.call for code in codes if code.call), written)}\n",
        tables="\n".join(tables),
        run=_RUN.format(
            m=names.macros,
            functions=ctext.listing("static layer_function *const functions[] =", functions or ["0"]),
            ctype="uint8_t" if len(functions) < 256 else "uint16_t",
            function_of="\n".join(f"    {line}" for line in function_of),
            records="\n".join(f"    {f'&layer_{i}' if call else '0'}," for i, call in enumerate(runs)),
        )
        if any(whole)
        else "",
        calls="\n".join(f"    {call}" for call in calls),
        inputs=tensors_c.input_definitions(model, plan, names),
        outputs=tensors_c.output_definitions(model, plan, names),
    )
