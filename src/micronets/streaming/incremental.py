"""`incremental`: turns a model that listens to a stream into one that takes only the new frames."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from micronets import records
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import incremental as network
from micronets.quantized.model import QuantizedModel

STEPS_KEY = "micronets.incremental"
"""The key of `Steps` in the metadata of a model that takes only the new frames."""


@dataclass(frozen=True)
class Steps:
    """How a model takes a stream in steps; stored as JSON in its metadata.

    - frames: frames of one step, which are the model's input.
    - window: the number of latest frames of the stream that an output depends on.
    """

    frames: int
    window: int

    @property
    def early(self) -> int:
        """Frames of the first step before the stream begins, so that a later step ends with its first window."""
        return -self.window % self.frames


def incremental(model: QuantizedModel, where: str = "the model") -> QuantizedModel:
    """Returns the model that computes the same outputs from the new frames and from stored values.

    - model: a network whose input is a window of frames, `(T, F, C)`; it computes a whole window for each output.
    - where: the beginning of error messages, such as the model's path.

    The result takes `Steps.frames` frames at a time, `(S, F, C)`, and keeps variables from one inference to the next.
    Calls end T, T + S, T + 2 S, ... frames after the beginning of the stream, and each gives the output of `model` for
    the last T frames, byte for byte. Raises `UnsupportedError` for a network that cannot be converted.
    """
    try:
        found = network.incremental(model.arch)
    except UnsupportedError as e:
        raise UnsupportedError(f"{where}: cannot be made to take only the new frames: {e}") from e
    quant = {name: q for name, q in model.quant.items() if name in found.arch.shapes() or name in model.constants}
    quant |= {copy: model.quant[name] for copy, name in found.copies.items() if name in model.quant}
    steps = Steps(found.step, model.arch.input_shape[0])
    texts = {**model.metadata, STEPS_KEY: json.dumps(records.to_json(steps))}
    return replace(model, arch=found.arch, quant=quant, metadata=texts)


def steps_of(model: QuantizedModel, where: str = "the model") -> Steps | None:
    """Returns how a model takes a stream in steps; None for a model that takes whole windows.

    - where: the beginning of error messages.

    Raises `SpecError` for metadata that do not fit the model.
    """
    text = model.metadata.get(STEPS_KEY)
    if text is None:
        return None
    try:
        found = records.from_json(Steps, json.loads(text))
    except (ValueError, TypeError, AttributeError):
        found = Steps(0, 0)
    fits = all(type(n) is int for n in (found.frames, found.window)) and 0 < found.frames <= found.window
    if not fits or model.arch.input_shape[0] != found.frames or not model.arch.variables():
        raise SpecError(
            f"{where}: {STEPS_KEY} = {text[:60]}: does not fit the network; make it with micronets incremental"
        )
    return found
