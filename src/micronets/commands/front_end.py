"""Front ends that a model does not contain as a whole: `with_front_end` adds TFLM's own, and `with_camera` a camera."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from micronets import records
from micronets.errors import SpecError, did_you_mean
from micronets.frontend.micro import BANDS, Micro, code_factors, is_micro
from micronets.ir.layers import INPUT
from micronets.quantized.labels import labels_of
from micronets.quantized.model import QuantizedModel
from micronets.streaming.carried import image_front_end
from micronets.streaming.incremental import STEPS_KEY, Steps
from micronets.terminal import counted
from micronets.tflite import ModelFile, ModelSource, model_file

STEP_MS_OF: Mapping[str, int] = MappingProxyType({"micro": 10, "micro-20ms": 20})
"""The front ends with names: TFLM's own, with a frame every 10 ms (microWakeWord) or 20 ms (micro_speech)."""

_LEAST_MS = 1000  # of sound before the first valid output of a network with state


def with_front_end(model: ModelSource, front_end: str, classes: Sequence[str] | None = None) -> ModelFile:
    """Returns a model that carries TFLM's own audio front end, as if its metadata had said so.

    A network with state takes only the new frames of its input. Its outputs are used once they cannot depend on its
    initial state, and after at least a second.

    - model: the path of a `.tflite`, or a model in memory; its input has 40 values per frame.
    - front_end: "micro" for a frame every 10 ms, as for networks of microWakeWord, or "micro-20ms".
    - classes: the names of its outputs, in order; None: those that it carries, or the file's name for a model with one
      output.

    Raises `SpecError` for another name, for a model that cannot have this front end, and for unsuitable names, and the
    errors of reading the model.
    """
    if front_end not in STEP_MS_OF:
        raise SpecError(f"--front-end {front_end}: is not known; {did_you_mean(front_end, STEP_MS_OF)}")
    file = model_file(model)
    arch, found = file.model.arch, dict(file.model.metadata)
    arch.check_one_input()
    if not is_micro(found.get("micronets.frontend", '{"kind": "micro"}')):
        raise SpecError(f"{file.name}: carries the front end that it was trained on; leave --front-end {front_end} out")
    match [size for size in arch.input_shape if size != 1]:
        case [_, bands]:
            fits = bands == BANDS
        case [flat]:
            fits = flat % BANDS == 0
        case _:
            fits = False
    if not fits:
        raise SpecError(
            f"{file.name}: its input is {list(arch.input_shape)}; the front end {front_end} gives {BANDS} values for "
            "each frame; take a model that was trained on it"
        )
    if arch.input_type != "int8":
        raise SpecError(
            f"{file.name}: its input is {arch.input_type}; the front end {front_end} gives int8: convert it to int8"
        )
    code_factors(file.model.quant[INPUT].scale, file.model.quant[INPUT].zero_point, file.name)
    frames = window = math.prod(arch.input_shape) // BANDS
    fe = Micro(step_ms=STEP_MS_OF[front_end])
    if columns := sum(math.prod(spec.shape[:-1]) for spec in arch.variables().values()):
        window = max((columns + 1) * frames, -(-_LEAST_MS // (fe.step_ms * frames)) * frames)
        found[STEPS_KEY] = json.dumps(records.to_json(Steps(frames, window)))
    found["micronets.frontend"] = replace(fe, frames=window).to_json()
    found["micronets.labels"] = json.dumps(_names(file, classes))
    return replace(file, model=replace(file.model, metadata=found))


def _names(file: ModelFile, classes: Sequence[str] | None) -> list[str]:
    """Returns the names of a model's outputs. Raises `SpecError` if they are unknown or unsuitable."""
    count = math.prod(file.model.arch.output_shape)
    names = list(classes if classes is not None else labels_of(file.model))
    if not names and count == 1:
        names = [Path(file.name).stem]
    if len(names) != count or len(set(names)) != count or not all(names):
        given = f"--classes has {counted(len(names), 'names')}" if names else "it carries no names for them"
        raise SpecError(
            f"{file.name}: has {counted(count, 'outputs')}, and {given}; name each once, as --classes yes,no"
        )
    return names


def with_camera(model: ModelSource, camera: str) -> ModelFile:
    """Returns an image model as if it had been trained for a camera, so that its front end counts with the network.

    - model: the path of a `.tflite`, or a model in memory; it carries an image front end.
    - camera: the camera's frames, such as 160x120:rgb565 (`frontend.camera.Camera`).

    Raises `SpecError` for a text that describes no camera, and for a model without an image front end that fits its
    int8 input, and the errors of reading the model.
    """
    file = model_file(model)
    image = image_front_end(file.model)
    if image is None:
        raise SpecError(f"--camera {camera}: {file.name} carries no image front end that fits its input; leave it out")
    found = {**file.model.metadata, "micronets.frontend": replace(image, camera=camera).to_json()}
    return replace(file, model=replace(file.model, metadata=found))


def named(model: ModelSource, front_end: str | None, classes: str | None, camera: str = "") -> ModelSource:
    """Returns a model with the front end, the classes and the camera of a command's options.

    - model: the model.
    - front_end: see `with_front_end`; None: that of the model.
    - classes: names with commas between them, or None.
    - camera: see `with_camera`; empty for what the model carries.

    Raises the errors of `with_front_end` and `with_camera`, and `SpecError` for classes without a front end.
    """
    if camera:
        model = with_camera(model, camera)
    if front_end is None:
        if classes is not None:
            raise SpecError(f"--classes {classes}: names the outputs of a model with --front-end; leave it out")
        return model
    return with_front_end(model, front_end, None if classes is None else [name.strip() for name in classes.split(",")])


def refuse_clips(model: QuantizedModel, where: str, front_end: str | None) -> None:
    """Raises `SpecError` if a model with TFLM's own front end, which is for streams, is used for clips."""
    if front_end in STEP_MS_OF or (front_end is None and is_micro(model.metadata.get("micronets.frontend", ""))):
        raise SpecError(
            f"{where}: TFLM's own front end adapts to the noise of a stream; evaluate the model with --stream"
        )
