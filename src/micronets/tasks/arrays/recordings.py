"""Long recordings of a sensor: a table with a line for each sample, or an array of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.tasks.arrays.folders import SUFFIXES, read_array
from micronets.tasks.arrays.tables import read_times
from micronets.terminal import counted

Floats = npt.NDArray[np.float64]

_OTHER_RATE = 0.02  # by which share the rate of a recording may differ from that of the front end


def read_samples(path: Path, axes: int | None, rate: float) -> tuple[Floats, tuple[str, ...]]:
    """Reads a recording of a sensor.

    - path: a .csv with a line for each sample (see `tables.read_tables`), or a .npy `[samples, axes]`.
    - axes: how many numbers a sample has to have; None for any.
    - rate: samples a second that it has to have. A .csv tells its own by a column of times in seconds, milliseconds or
      microseconds, whose heading says which, or of dates; other files are taken to have this rate.

    Returns the samples `[n, axes]` in the units of the file, and notes. Raises `DataError`.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such recording; give a .csv or a .npy, a line for each sample")
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: no recording of a sensor; give a .csv or a .npy, a line for each sample")
    found, notes = read_array(path)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or (axes is not None and found.shape[1] != axes):
        want = "[samples, axes]" if axes is None else f"{counted(axes, 'numbers')} a sample, as the network has"
        raise DataError(f"{path}: holds {list(found.shape)}; need {want}")
    times = None if path.suffix.lower() != ".csv" else read_times(path)
    if times is not None:
        notes += _checked_times(times, path, rate)
    return np.asarray(found, np.float64), notes


def _checked_times(times: Floats, path: Path, rate: float) -> tuple[str, ...]:
    """Returns a note on gaps between the times of samples, in seconds; raises `DataError` for times of another rate."""
    steps = np.diff(times)
    gaps = steps > 1.5 * np.median(steps)
    own = float(1 / steps[~gaps].mean())
    if abs(own - rate) > _OTHER_RATE * rate:
        raise DataError(
            f"{path}: its times tell {own:.6g} samples a second; the front end takes {rate:g}: resample the recording, "
            "or leave its times out if they are wrong"
        )
    if not gaps.any():
        return ()
    first = float(times[int(gaps.argmax())] - times[0])
    return (
        f"{path}: {counted(int(gaps.sum()), 'gaps')} in its times, the first after {first:.2f} s; the samples on both "
        "sides are taken as neighbours",
    )
