"""Features of recordings, kept on disk, so that reading a data set a second time takes seconds.

A cache file is named after the hash of the paths, sizes and modification times of the recordings and of those
parameters of the front end that decide the features, so it can never be stale. The directory is `$MICRONETS_CACHE`,
otherwise `~/.cache/micronets`; deleting it is always safe. Where it cannot be written, nothing is kept.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets.files import atomic, digest, identity
from micronets.frontend.features import features
from micronets.frontend.recording import read_recording
from micronets.frontend.spec import FrontEnd
from micronets.frontend.wav import Recording, Remark, resample
from micronets.terminal import counted

_VERSION = 2  # increase it whenever the arithmetic of `features` or the form of a `Tally` changes
_CHUNK = 64  # recordings that are read and turned into features at once
_log = logging.getLogger(__name__)

Arrays = Mapping[str, npt.NDArray[Any]]


Adaptation = Literal["stereo", "resampled", "long", "cut", Remark]
"""What had to be done with a recording, or is odd about it: `stereo` was mixed to mono, `long` lost a part, `cut`
became several clips.
"""


@dataclass(frozen=True)
class Tally:
    """How many recordings had to be adapted to the front end or are odd, and the first such file of each kind.

    - `counts`: by kind. `first`: by kind, a path, and for `resampled` the rate of that file.
    """

    counts: Mapping[Adaptation, int] = field(default_factory=dict)
    first: Mapping[Adaptation, str] = field(default_factory=dict)

    def without(self, kind: Adaptation) -> Tally:
        """Returns the tally without one kind of adaptation."""
        counts = {k: n for k, n in self.counts.items() if k != kind}
        return Tally(counts, {k: path for k, path in self.first.items() if k != kind})

    def notes(self, fe: FrontEnd) -> tuple[str, ...]:
        """Returns one line for each kind of adaptation that happened, for the front end `fe`."""
        part = "middle" if fe.placement == "centre" else "first part"
        texts: Mapping[Adaptation, str] = {
            "stereo": "more than one channel, mixed to mono",
            "resampled": f"resampled to {fe.sample_rate} Hz",
            "long": f"longer than {fe.clip_ms:g} ms, only their {part} is used",
            "cut": f"of {2 * fe.clip_ms:g} ms and more, cut into clips that all stay in this split",
            "opposite channels": "channels that cancel each other when mixed, the loudest one is used",
            "int16 floats": "float samples in int16 units instead of -1 to 1, taken as such",
            "clipped": "clipped, a tenth or more of the samples is at the limit; record with less gain",
            "silent": "silent, every sample is the same",
        }
        return tuple(
            f"{text}: {counted(self.counts[kind], 'recordings')} (first: {self.first[kind]})"
            for kind, text in texts.items()
            if self.counts.get(kind)
        )


def directory() -> Path:
    """Returns the directory of all cached data: `$MICRONETS_CACHE`, or `~/.cache/micronets` where that is not set."""
    chosen = os.environ.get("MICRONETS_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "micronets"


def wav_features(paths: Sequence[Path], fe: FrontEnd) -> tuple[npt.NDArray[Any], Tally]:
    """Returns the features of recordings, from the cache where they are in it.

    - `paths`: N files, each taken as one clip.
    - `fe`: the front end; its settings after the logarithm do not matter here.

    Returns features `[N, T, M]` in the order of the paths (uint8 for `logmel`, float32 for `mfcc`), and what was
    adapted. Raises `DataError` for a file that cannot be read or is no recording.
    """
    if not paths:
        return features([], fe), Tally()
    path = directory() / f"{_cache_key(paths, fe)}.npz"
    with suppress(Exception):  # a cache file that cannot be used is no error, as the recordings can be read
        with np.load(path, allow_pickle=False) as pack:
            x, tally = pack["x"], Tally(**json.loads(str(pack["tally"])))
        if x.shape == (len(paths), fe.frames, fe.n_mels):
            return x, tally
    x, tally = _compute(paths, fe)
    try:
        with atomic(path) as f:
            np.savez(f, x=x, tally=json.dumps(asdict(tally)))
    except OSError as e:
        _log.info("%s: features are not kept (%s)", path, e)
    return x, tally


def cached_arrays(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Returns arrays from the cache, or makes and keeps them where they are not in it.

    - `key`: name of the cache file, which must name everything that the arrays depend on.
    - `make`: makes the arrays, by name.
    """
    path = directory() / f"{key}.npz"
    with suppress(Exception), np.load(path, allow_pickle=False) as pack:  # a damaged file is made again
        return {name: pack[name] for name in pack.files}
    made = make()
    try:
        with atomic(path) as f:
            np.savez(f, **made)  # type: ignore[arg-type]
    except OSError as e:
        _log.info("%s: not kept (%s)", path, e)
    return made


def cut_features(paths: Sequence[Path], fe: FrontEnd) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], Tally]:
    """Returns the features of recordings of which long ones are cut into several clips, from the cache where possible.

    A recording that holds two clips or more becomes as many as fit, without gaps, with what is left over shared between
    its two ends; every other recording is one clip.

    - `paths`: the files.
    - `fe`: the front end; its settings after the logarithm do not matter here.

    Returns features `[N, T, M]`, the number of clips of each file `[len(paths)]`, and what was adapted. Raises
    `DataError` for a file that cannot be read or is no recording.
    """
    if not paths:
        return features([], fe), np.zeros(0, np.int64), Tally()

    def make() -> Arrays:
        x, counts, facts = [], [], list[_Facts]()
        for path in paths:
            r = read_recording(path)
            samples = resample(r.samples, r.rate, fe.sample_rate)
            n = len(samples) // fe.clip_samples
            first = (len(samples) - n * fe.clip_samples) // 2
            parts = (
                [samples[first + i * fe.clip_samples :][: fe.clip_samples] for i in range(n)] if n > 1 else [samples]
            )
            x.append(features(parts, fe))
            counts.append(len(parts))
            facts.append(_adaptations(r, fe, "cut" if n > 1 else None))
        return {
            "x": np.concatenate(x),
            "counts": np.array(counts),
            "tally": np.array(json.dumps(asdict(_tally(paths, facts)))),
        }

    arrays = cached_arrays("cut-" + _cache_key(paths, fe), make)
    return arrays["x"], arrays["counts"].astype(np.int64), Tally(**json.loads(str(arrays["tally"])))


def _cache_key(paths: Sequence[Path], fe: FrontEnd) -> str:
    """Hashes everything that the features depend on. Raises `DataError` for a file that cannot be read."""
    lines = [str(_VERSION), fe.base().to_json(), *map(identity, paths)]
    return digest("\n".join(lines).encode(errors="surrogateescape"))


def _compute(paths: Sequence[Path], fe: FrontEnd) -> tuple[npt.NDArray[Any], Tally]:
    """Reads the files and computes their features, chunk by chunk."""

    def compute_chunk(first: int) -> tuple[npt.NDArray[Any], list[_Facts]]:
        recordings = [read_recording(p) for p in paths[first : first + _CHUNK]]
        clips = [resample(r.samples, r.rate, fe.sample_rate) for r in recordings]
        long: list[Adaptation | None] = ["long" if len(c) > fe.clip_samples else None for c in clips]
        return features(clips, fe), [_adaptations(r, fe, is_long) for r, is_long in zip(recordings, long, strict=True)]

    #  One thread does this: the matrix product has threads of its own, and two layers of threads hinder each other.
    parts = [compute_chunk(first) for first in range(0, len(paths), _CHUNK)]
    return np.concatenate([x for x, _ in parts]), _tally(paths, [f for _, found in parts for f in found])


_Facts = Mapping[Adaptation, str]
"""What had to be done with one recording, each with a word that belongs after its path, or ""."""


def _adaptations(r: Recording, fe: FrontEnd, length: Adaptation | None) -> _Facts:
    """Returns the adaptations of a recording; `length` is `long` or `cut` if its length was changed."""
    found: dict[Adaptation, str] = dict.fromkeys(r.remarks, "")
    if r.channels > 1 and "opposite channels" not in r.remarks:
        found["stereo"] = ""
    if r.rate != fe.sample_rate:
        found["resampled"] = f", {r.rate} Hz"
    return found if length is None else {**found, length: ""}


def _tally(paths: Sequence[Path], facts: Sequence[_Facts]) -> Tally:
    """Counts the adaptations of all recordings."""
    counts: dict[Adaptation, int] = {}
    first: dict[Adaptation, str] = {}
    for path, found in zip(paths, facts, strict=True):
        for kind, more in found.items():
            counts[kind] = counts.get(kind, 0) + 1
            first.setdefault(kind, f"{path}{more}")
    return Tally(counts, first)
