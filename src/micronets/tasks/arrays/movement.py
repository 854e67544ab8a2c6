"""Synthetic movements of a person with a sensor at the waist: falling, resting, sitting down and walking.

They stand in for recordings if there are none. Windows have the form of those of SisFall (Sucerquia et al., SisFall: A
Fall and Movement Dataset, Sensors 17, 2017) at 50 samples a second: an accelerometer and a gyroscope.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from micronets.tasks.arrays.folders import SplitArrays

WINDOW_SHAPE = (128, 6)
"""The shape of a window: 2.56 seconds of acceleration along three axes in g, and of rotation about them in degrees a
second."""

_RATE = 50  # samples a second
_CLASSES = ("fall", "rest", "sit", "walk")

Column = npt.NDArray[np.float64]


def movements(n: int, seed: int = 0) -> SplitArrays:
    """Makes windows `[N, 128, 6]` of four classes: `n` to train on, n / 4 to validate on, n / 2 to test on."""
    rng = np.random.default_rng(seed)
    count = {"train": n, "val": n // 4, "test": n // 2}
    y = np.concatenate([np.arange(c) % 4 for c in count.values()]).astype(np.int64)
    t = np.arange(WINDOW_SHAPE[0])[None] / _RATE

    def drawn(low: float, high: float) -> Column:
        """Draws a number for each window, `[N, 1]`."""
        return rng.uniform(low, high, (len(y), 1))

    lean = drawn(-0.2, 0.2)  # tilt of the worn sensor, in radians from upright
    at, step, phase = drawn(0.8, 1.7), 2 * np.pi * drawn(1.4, 2.3), drawn(0, 2 * np.pi)
    after = np.maximum(t - at, 0)
    tilts = {
        "fall": lean + drawn(1.1, 1.7) / (1 + np.exp((at - 0.1 - t) / drawn(0.05, 0.12))),
        "rest": lean + drawn(-1.5, 1.5) * (drawn(0, 1) < 0.3) + 0 * t,  # some lie
        "sit": lean + drawn(0.2, 0.8) * np.exp(-(((t - at) / drawn(0.2, 0.4)) ** 2)),
        "walk": lean + drawn(0.02, 0.1) * np.sin(step / 2 * t + phase),
    }
    pushes = {  # along the body, in g
        "fall": drawn(1.5, 5) * (t > at) * np.exp(-after / drawn(0.04, 0.1)) * np.cos(2 * np.pi * drawn(8, 16) * after)
        - drawn(0.4, 0.9) * np.exp(-(((t - at + 0.2) / 0.12) ** 2)),
        "rest": np.zeros((len(y), WINDOW_SHAPE[0])),
        "sit": drawn(0.2, 1.2) * np.exp(-(((t - at - 0.2) / drawn(0.05, 0.12)) ** 2))
        - drawn(0.1, 0.4) * np.exp(-(((t - at + 0.1) / 0.15) ** 2)),
        "walk": drawn(0.1, 0.5) * np.sin(step * t + phase) + drawn(0, 0.2) * np.sin(2 * step * t),
    }
    rows = np.arange(len(y))
    tilt = np.stack([tilts[name] for name in _CLASSES])[y, rows]
    push = np.stack([pushes[name] for name in _CLASSES])[y, rows]
    turn = np.degrees(np.gradient(tilt, 1 / _RATE, axis=1))
    way = drawn(0, 2 * np.pi)  # the direction of the tilt
    x = np.stack(
        [
            (1 + push) * np.sin(tilt) * np.cos(way),
            -(1 + push) * np.cos(tilt),
            (1 + push) * np.sin(tilt) * np.sin(way),
            -turn * np.sin(way),
            0.1 * turn,
            turn * np.cos(way),
        ],
        axis=2,
    )
    x += rng.normal(0, 1, x.shape) * np.array([0.03, 0.03, 0.03, 3, 3, 3])
    return SplitArrays(_CLASSES, x.astype(np.float32), y, np.repeat([*count], [*count.values()]), ())
