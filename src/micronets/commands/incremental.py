"""`incremental`: turns a streaming model into one that takes only the new frames. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from micronets import records
from micronets.compiler.kernels.variables import state_block_bytes
from micronets.cost.counts import step_macs
from micronets.errors import SpecError, UnsupportedError
from micronets.files import check_output, write_atomic
from micronets.ir.arch import Arch
from micronets.records import JsonObject
from micronets.streaming import incremental as incremental_model
from micronets.streaming import plan_stream, steps_of
from micronets.streaming.plan import unstreamable
from micronets.terminal import counted
from micronets.tflite import ModelFile, ModelSource, as_file, model_file, write


@dataclass(frozen=True)
class IncrementalModel:
    """The model that `micronets incremental` wrote.

    - `model`, `out`: the model that takes whole windows, and the one that takes only the new frames.
    - `frames`, `milliseconds`: the number of frames of a step, and the time between steps.
    - `window`: frames that an output depends on.
    - `macs`, `window_macs`: multiply-accumulates of one step, and of a whole window.
    - `state_bytes`: bytes of its state between steps.
    """

    model: str
    out: str
    frames: int
    milliseconds: float
    window: int
    macs: int
    window_macs: int
    state_bytes: int

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets incremental --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        return "\n".join(
            [
                f"{self.out}: takes {counted(self.frames, 'frames')} at a time, every {self.milliseconds:g} ms",
                f"{self.macs:,} multiply-accumulates a step; a whole window of {self.window} frames has "
                f"{self.window_macs:,}",
                f"{self.state_bytes:,} bytes are kept from one step to the next",
            ]
        )


def incremental(model: ModelSource, out: str | Path) -> IncrementalModel:
    """Writes a model that computes the outputs of `model` on a stream from the new frames and from stored state.

    Its outputs equal those of `model` for the window that ends with these frames, byte for byte; docs/streaming.md has
    the conditions. Every function for streaming models accepts it.

    - `model`: the path of a `.tflite`, or a model in memory. It must carry labels and an audio front end.
    - `out`: the file to write.

    Raises `FileError`, `SpecError`, and `UnsupportedError` for a model that cannot be converted, with the reason.
    """
    check_output(out, model)
    file = model_file(model)
    if steps_of(file.model, file.name) is not None:
        raise UnsupportedError(f"{file.name}: already takes only the new frames; use it as it is")
    plan_stream(file.model, file.name)  # refuses a model that cannot listen, which is the first reason to report
    made = incremental_model(file.model, file.name)
    plan = plan_stream(made, file.name)
    steps = plan.steps
    assert steps is not None, "the model was made to take steps"
    write_atomic(Path(out), write(made))
    return IncrementalModel(
        model=file.name,
        out=str(out),
        frames=steps.frames,
        milliseconds=1000 * plan.run_samples / plan.rate,
        window=steps.window,
        macs=_macs(made.arch),
        window_macs=_macs(file.model.arch),
        state_bytes=state_block_bytes(made.arch),
    )


def new_frames_alone(model: ModelSource) -> ModelFile:
    """Returns the incremental version of a listening model if it computes less per output that the detector takes.

    Any other model is returned unchanged. The decisions are the same.

    - `model`: the path of a `.tflite`, or a model in memory.

    Raises what reading the model raises, and `SpecError` for a detector that is not the model's.
    """
    file = model_file(model)
    if unstreamable(file.model) is not None:
        return file
    plan = plan_stream(file.model, file.name)
    if plan.steps is not None:
        return file
    try:
        made = incremental_model(file.model, file.name)
        steps = plan_stream(made, file.name).steps
    except (UnsupportedError, SpecError):  # there is none, or its steps do not fit the detector
        return file
    assert steps is not None, "the model was made to take steps"
    runs = plan.detector.hop_frames // steps.frames
    return as_file(made, file.name) if runs * _macs(made.arch) < _macs(file.model.arch) else file


def _macs(arch: Arch) -> int:
    """Returns the multiply-accumulates of an inference."""
    return sum(int(step_macs(step)) for step in arch.steps())
