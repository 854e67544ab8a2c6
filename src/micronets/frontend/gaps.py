"""`LongRecording`: a recording of any length, from which samples may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.labels import SpokenWord

Samples = npt.NDArray[Any]


@dataclass(frozen=True)
class Gap:
    """A place where samples are missing.

    - at: how many samples were recorded before it.
    - lost: how many are missing, at least 1.
    """

    at: int
    lost: int


@dataclass(frozen=True, eq=False)
class LongRecording:
    """A recording whose time advances in gaps.

    - samples: those that there are, `[n]` in int16 units for sound, `[n, axes]` in the units of the data for a sensor.
    - gaps: where samples are missing, in the order of time.
    - notes: remarks on it for the user.
    """

    samples: Samples
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Its length in samples, with those that are missing."""
        return len(self.samples) + sum(gap.lost for gap in self.gaps)


def unbroken(count: int, gaps: Sequence[Gap]) -> Iterator[tuple[slice, int]]:
    """Yields the parts of a recording between its gaps: which samples, and how many are missing before them in all.

    - count: how many samples there are.
    - gaps: where samples are missing, in the order of time.
    """
    ends = (0, *(gap.at for gap in gaps), count)
    lost = np.cumsum([0, *(gap.lost for gap in gaps)]).tolist()
    for (begin, end), missing in zip(pairwise(ends), lost, strict=True):
        yield slice(begin, end), missing


def closed(events: Sequence[SpokenWord], gaps: Sequence[Gap], rate: float) -> tuple[SpokenWord, ...]:
    """Returns labels as if the samples on both sides of a gap were neighbours.

    A label that lies within a gap is left out, and one that reaches into a gap becomes shorter.

    - events: labels by the time of the recording, which continues through gaps.
    - gaps: where samples are missing, in the order of time.
    - rate: samples a second.
    """

    def moved(time: float) -> float:
        for gap in gaps:  # those before it are closed already, so that `at` is a time, too
            time -= min(max(0.0, time - gap.at / rate), gap.lost / rate)
        return time

    found = [replace(event, start=moved(event.start), end=moved(event.end)) for event in events]
    return tuple(
        new for new, event in zip(found, events, strict=True) if new.end > new.start or event.end == event.start
    )
