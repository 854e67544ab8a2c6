"""`StreamPlan`: how a model listens to an endless signal, read from the model itself."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.errors import SpecError, UnsupportedError
from micronets.frontend.spec import FrontEnd
from micronets.frontend.standard import Standard
from micronets.ir.incremental import step_of
from micronets.ir.layers import INPUT
from micronets.quantized.labels import labels_of
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.streaming.carried import array_front_end, integer_front_end, micro_front_end, spectral_front_end
from micronets.streaming.detector import (
    DETECTOR_KEY,
    Detector,
    DetectorTables,
    default_detector,
    detector_tables,
    output_quant,
)
from micronets.streaming.incremental import Steps, steps_of
from micronets.streaming.signal import Signal, StreamFrontEnd, signal_of
from micronets.terminal import counted


@dataclass(frozen=True, eq=False)
class StreamPlan:
    """How a network listens.

    - labels: the names of the network's outputs.
    - signal: the signal of its front end, in integer arithmetic.
    - quant: scale and zero point of its input.
    - detector: the rule by which its outputs become decisions.
    - tables: the detector's numbers.
    - steps: how it takes only the new frames; None for a network that takes whole windows.
    """

    labels: tuple[str, ...]
    signal: Signal
    quant: TensorQuant
    detector: Detector
    tables: DetectorTables
    steps: Steps | None = None

    @property
    def frame_hop(self) -> int:
        """Samples from one frame that the network uses to the next."""
        return self.signal.frame_hop

    @property
    def frames(self) -> int:
        """Frames that an output of the network depends on: a window."""
        return self.signal.frames

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.signal.rate

    @property
    def hop(self) -> int:
        """Samples from one output that the detector takes to the next."""
        return self.frame_hop * self.detector.hop_frames

    @property
    def run_samples(self) -> int:
        """Samples from one run of the network to the next."""
        return self.hop if self.steps is None else self.frame_hop * self.steps.frames


def _no_stream_of_arrays(standard: Standard) -> str | None:
    """Returns why a model of arrays cannot listen to a sensor; None if it can."""
    if len(standard.shape) != 2:
        size = " x ".join(map(str, standard.shape))
        return f"its inputs are arrays of {size} numbers, and a stream needs windows [samples, axes]"
    if standard.sample_rate is None:
        return (
            "its metadata lack the sample rate of its windows; set data.spectral.sample_rate, and train or export it "
            "again"
        )
    return None


def stream_front_end(model: QuantizedModel) -> StreamFrontEnd | None:
    """Returns the front end for sound or for a sensor with which a model can listen; None if it carries none."""
    found = integer_front_end(model) or spectral_front_end(model) or micro_front_end(model)
    if found is None and (array := array_front_end(model)) is not None:
        return array[0] if _no_stream_of_arrays(array[0]) is None else None
    return found


def unstreamable(model: QuantizedModel) -> str | None:
    """Returns why a model cannot listen to a stream; None if it can."""
    arch, fe = model.arch, stream_front_end(model)
    if fe is None and (array := array_front_end(model)) is not None:
        return _no_stream_of_arrays(array[0])
    if fe is None:
        return "it has no integer front end for sound that fits its input, and none for a sensor"
    if isinstance(fe, FrontEnd) and fe.sample_scale == "max":
        return "its front end divides a clip by its loudest sample, which a stream does not have"
    if arch.variables() and steps_of(model) is None:
        return "it keeps state from one inference to the next, and a stream gives it frames that overlap"
    if len(arch.inputs) > 1 or len(arch.outputs) > 1 or arch.types()[arch.outputs[0]] not in ("int8", "uint8"):
        return "it needs one input and one output of int8"
    return None if labels_of(model) else "its metadata have no labels for its outputs"


def plan_stream(model: QuantizedModel, where: str, detector: Detector | None = None) -> StreamPlan:
    """Returns how a model listens.

    - model: the model.
    - where: the beginning of error messages, such as the model's path.
    - detector: the detector; None: the one that the model carries, or else `default_detector`.

    Raises `UnsupportedError` for a model that cannot listen, and `SpecError` for a detector that is not the model's.
    """
    steps = steps_of(model, where)
    why, fe, labels = unstreamable(model), stream_front_end(model), labels_of(model)
    if why is not None or fe is None:
        raise UnsupportedError(
            f"{where}: cannot listen to a stream: {why}; use a model of task kws, one of task features that was "
            "trained on windows of a sensor, or a third-party model with --front-end micro"
        )
    signal = signal_of(fe)
    text = model.metadata.get(DETECTOR_KEY)
    if detector is None:
        told = f"{where}: {DETECTOR_KEY}"
        step = (step_of(model.arch) or 1) if steps is None else steps.frames
        detector = default_detector(labels, signal, step) if text is None else Detector.from_json(text, told)
    if len(detector.thresholds) != len(labels):
        raise SpecError(
            f"{where}: its detector has {counted(len(detector.thresholds), 'classes')}, its output {len(labels)}; "
            "make a new one with micronets tune"
        )
    if steps is not None and detector.hop_frames % steps.frames:
        raise SpecError(
            f"{where}: its detector takes an output every {detector.hop_frames} frames, and it takes "
            f"{counted(steps.frames, 'frames')} at a time; choose a multiple with micronets tune --hop-frames"
        )
    if detector.gate_pixel and not signal.pixels:
        noun = "the front end of a sensor" if signal.noun == "movement" else "TFLM's own front end"
        raise SpecError(
            f"{where}: its detector has gate_pixel = {detector.gate_pixel}; {noun} has no pixels: set it to 0"
        )
    tables = detector_tables(detector, signal, output_quant(model))
    return StreamPlan(labels, signal, model.quant[INPUT], detector, tables, steps)


def inferences_a_second(model: QuantizedModel) -> float | None:
    """Returns how often the network runs in a second of a stream; None for a model that cannot listen.

    Raises what `plan_stream` raises for its detector.
    """
    if unstreamable(model) is not None:
        return None
    plan = plan_stream(model, "the model")
    return plan.rate / plan.run_samples
