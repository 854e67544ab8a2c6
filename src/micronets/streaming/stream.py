"""`Stream`: samples in, decisions out: those of the generated `micronets_NAME_feed`, at the same samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.state import first_state
from micronets.streaming.detector import Decision, Detector, DetectorState
from micronets.streaming.plan import plan_stream

Array = npt.NDArray[Any]
Runner = Callable[[Array], Array]

_AT_ONCE = 64  # windows that the network computes at once, which bounds the memory


class Stream:
    """A network that listens to a sound, or follows a sensor of several axes.

    The codes of a frame are computed as soon as all its samples are there. The detector takes the first output of the
    network when there is a whole window of frames, and then one every `hop_frames` frames. A network that takes only
    the new frames runs whenever a step of them is complete, and stores what it needs of earlier ones.

    - model: the network.
    - detector: the detector; None: the one that the model carries, or else the default for its labels.
    - run: computes outputs int8 `[N, ...]` from codes of inputs `[N, *input_shape]`; None is the integer reference. A
      network with state computes the inputs in order, and starts from its initial state with each call.
    - where: the beginning of error messages.

    Raises what `plan_stream` raises.
    """

    def __init__(
        self,
        model: QuantizedModel,
        detector: Detector | None = None,
        run: Runner | None = None,
        where: str = "the model",
    ) -> None:
        self.plan = plan_stream(model, where, detector)
        self._model, self._run = model, run
        self._time = 0
        self._start_anew()

    @property
    def averages(self) -> npt.NDArray[np.int64]:
        """The averaged scores after the last run of the network, `[C]`, 0 .. `CERTAIN`."""
        return self._state.averages

    def _start_anew(self) -> None:
        self._state = DetectorState(self.plan.tables)
        self._coder = self.plan.signal.coder(self.plan.quant)
        self._samples: Array = np.zeros((0, *self.plan.signal.sample_shape), np.int64)  # those of incomplete frames
        self._skip = 0  # coming samples that belong to no frame, if frames do not touch
        steps, shape = self.plan.steps, self.plan.signal.frame_shape
        # The newest frames; for a network that takes steps, those of the incomplete step.
        self._codes: Array = np.zeros((0 if steps is None else steps.early, *shape), np.int8)
        self._before: Array = np.zeros((0, *self._model.arch.input_shape), np.int8)  # earlier steps
        self._variables = first_state(self._model)
        self._loud: Array = np.zeros(self.plan.tables.gate_frames - 1, np.int64)
        self._wait = self.plan.frames  # frames until the network runs

    def gap(self, samples: int) -> None:
        """Reports that samples were lost: time advances, and the network waits until it has a whole input again.

        - samples: the number of lost samples, at least 0.
        """
        self._time += samples
        self._start_anew()

    def feed(self, samples: npt.ArrayLike) -> list[Decision]:
        """Takes the next samples, any number, and returns the decisions that they lead to, in order.

        - samples: `[n]` in int16 units for sound, `[n, axes]` in the units of the data for a sensor.
        """
        plan, signal = self.plan, self.plan.signal
        new = signal.integers(np.asarray(samples).reshape(-1, *signal.sample_shape))
        begin = self._time - len(self._samples) + min(self._skip, len(new))
        self._time += len(new)
        skipped = min(self._skip, len(new))
        self._skip -= skipped
        held = np.concatenate([self._samples, new[skipped:]])
        rows = signal.rows(held)
        count = len(rows)
        if not count:
            self._samples = held
            return []
        self._skip = max(0, count * plan.frame_hop - len(held))
        self._samples = held[count * plan.frame_hop :]
        ends = begin + signal.frame_samples + plan.frame_hop * np.arange(count)
        return self._hear(*self._coder(rows), ends)

    def _hear(self, codes: Array, loudness: Array, ends: Array) -> list[Decision]:
        """Runs network and detector on the next frames, and returns the decisions.

        - codes: the codes of the frames, `[F, K, channels]`.
        - loudness: the sum of the pixels of each frame, `[F]`.
        - ends: samples of the stream up to the end of each frame, `[F]`.
        """
        plan, count = self.plan, len(codes)
        before = len(self._codes)
        kept = np.concatenate([self._codes, codes])
        total = np.concatenate([[0], np.concatenate([self._loud, loudness]).cumsum()])
        sums = total[plan.tables.gate_frames :][:count] - total[:count]
        runs = np.arange(self._wait - 1, count, plan.detector.hop_frames)
        stepped = self._take_steps(kept) if plan.steps is not None else np.zeros(0)
        fired: list[Decision] = []
        for i in range(0, len(runs), _AT_ONCE):
            part = runs[i : i + _AT_ONCE]
            if plan.steps is None:
                windows = np.stack([kept[before + n + 1 - plan.frames : before + n + 1] for n in part.tolist()])
                outputs = self._compute(windows.reshape(len(part), *self._model.arch.input_shape))
            else:
                outputs = stepped[(before + part + 1) // plan.steps.frames - 1]
            for one in self._state.feed(outputs.reshape(len(part), -1), sums[part]):
                fired.append(Decision(one.class_index, one.score, int(ends[part[one.run]])))
        last = int(runs[-1]) + plan.detector.hop_frames if len(runs) else self._wait - 1
        self._wait = last + 1 - count
        if plan.steps is None:
            self._codes = kept[max(0, len(kept) - plan.frames + 1) :]
        else:
            self._codes = kept[len(kept) // plan.steps.frames * plan.steps.frames :]
        self._loud = np.concatenate([self._loud, loudness])[count:]
        return fired

    def _compute(self, x: Array) -> Array:
        """Computes the outputs of inputs `[N, *input_shape]`; a network with state starts from its initial one."""
        return reference.run(self._model, x) if self._run is None else self._run(x)

    def _take_steps(self, codes: Array) -> Array:
        """Computes the outputs of all complete steps in the codes of frames `[F, ...]`, one row for each."""
        steps = self.plan.steps
        assert steps is not None, "the network takes steps"
        count = len(codes) // steps.frames
        x = codes[: count * steps.frames].reshape(count, *self._model.arch.input_shape)
        if not count:
            return np.zeros((0, self.plan.tables.classes), np.int8)
        if self._run is None:
            return reference.run(self._model, x, self._variables).reshape(count, -1)
        # Another runtime starts from its initial state, and has the right one after as many steps as a window has.
        all_steps = np.concatenate([self._before, x])
        outputs = self._run(all_steps)[len(self._before) :]
        self._before = all_steps[max(0, len(all_steps) - (steps.window + steps.early) // steps.frames + 1) :]
        return outputs.reshape(count, -1)
