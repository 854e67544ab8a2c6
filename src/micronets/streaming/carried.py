"""The front end that a model carries in its metadata, where it is one in integers that fits the model's input."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.frontend.counted import CountedFrontEnd
from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.micro import BANDS, Micro, is_micro
from micronets.frontend.spec import INTEGER_FFT, FrontEnd
from micronets.frontend.spectral import Spectral, is_spectral
from micronets.frontend.standard import ArrayTables, Standard, array_tables
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel
from micronets.streaming.incremental import steps_of


def integer_front_end(model: QuantizedModel) -> FrontEnd | None:
    """Returns the audio front end that a model carries; None if it has none that integer arithmetic can compute."""
    try:
        fe = FrontEnd.from_json(model.metadata.get("micronets.frontend", ""))
    except SpecError:
        return None
    fits = model.arch.types()[INPUT] == "int8" and fe.input_shape == _window_shape(model)
    return fe if fits and fe.n_fft in INTEGER_FFT else None


def _window_shape(model: QuantizedModel) -> tuple[int, ...] | None:
    """Returns the shape of the window that an output depends on, also for a network that takes only the new frames.

    Returns None if the metadata about its steps do not fit the network.
    """
    try:
        steps = steps_of(model)
    except SpecError:
        return None
    frames, *others = model.arch.input_shape
    return (frames if steps is None else steps.window, *others)


def spectral_front_end(model: QuantizedModel) -> Spectral | None:
    """Returns the spectral front end that a model carries; None if it has none that fits its input."""
    text = model.metadata.get("micronets.frontend", "")
    if not is_spectral(text):
        return None
    try:
        fe = Spectral.from_json(text, "the model")
    except SpecError:
        return None
    window = _window_shape(model)
    fits = model.arch.types()[INPUT] == "int8" and fe.input_shape == window
    return fe if fits and len(model.arch.inputs) == 1 else None


def micro_front_end(model: QuantizedModel) -> Micro | None:
    """Returns TFLM's own audio front end if a model carries it and its input has whole frames of it."""
    text = model.metadata.get("micronets.frontend", "")
    if not is_micro(text) or len(model.arch.inputs) != 1 or model.arch.types()[INPUT] != "int8":
        return None
    try:
        fe, steps = Micro.from_json(text, "the model"), steps_of(model)
    except SpecError:
        return None
    window = input_frames(model) if steps is None else steps.window
    fits = math.prod(model.arch.input_shape) == input_frames(model) * BANDS and fe.frames == window
    return fe if fits else None


def array_front_end(model: QuantizedModel) -> tuple[Standard, ArrayTables] | None:
    """Returns the array front end that a model carries, and its tables; None if it has none in integers."""
    try:
        standard = Standard.from_json(model.metadata.get("micronets.frontend", ""), "the model")
    except SpecError:
        return None
    window = _window_shape(model)
    if model.arch.types()[INPUT] != "int8" or standard.input_shape != window or len(model.arch.inputs) > 1:
        return None
    tables = array_tables(standard, model.quant[INPUT].scale, model.quant[INPUT].zero_point)
    return None if tables is None else (standard, tables)


def image_front_end(model: QuantizedModel) -> ImageFrontEnd | None:
    """Returns the image front end that a model carries; None if it has none that fits its int8 input."""
    try:
        fe = ImageFrontEnd.from_json(model.metadata.get("micronets.frontend", ""))
    except SpecError:
        return None
    return fe if model.arch.types()[INPUT] == "int8" and fe.input_shape == model.arch.input_shape else None


def counted_front_end(model: QuantizedModel) -> CountedFrontEnd | None:
    """Returns the integer front end that a model carries, whose cost counts as part of the product's.

    Returns None for other models, among them models of sound that were trained on a float front end, and image models
    without a camera.
    """
    sound, image, array = integer_front_end(model), image_front_end(model), array_front_end(model)
    if sound is not None:
        return sound if sound.arithmetic == "integer" else None
    if image is not None:
        return image if image.camera else None
    return spectral_front_end(model) or micro_front_end(model) or (None if array is None else array[0])


def input_frames(model: QuantizedModel) -> int:
    """Returns the number of frames of one input of a model with a front end."""
    if is_micro(model.metadata.get("micronets.frontend", "")):
        return math.prod(model.arch.input_shape) // BANDS  # third-party networks have inputs of several shapes
    return model.arch.input_shape[0]
