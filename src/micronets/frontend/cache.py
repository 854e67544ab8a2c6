"""Features of WAV files, kept on disk: reading a data set a second time costs seconds.

A cache file is named after the hash of the paths, sizes and modification times of the recordings and of the front end's
features part, so it can never be stale. The directory is `$MICRONETS_CACHE`, else `~/.cache/micronets`; deleting it is
always safe. Where it cannot be written, nothing is kept.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.files import atomic, digest
from micronets.frontend.features import features
from micronets.frontend.spec import FrontEnd
from micronets.frontend.wav import Recording, read_wav, resample

_VERSION = 1  # raise it when the arithmetic of `features` changes
_CHUNK = 64
_log = logging.getLogger(__name__)

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Tally:
    """How many recordings had to be adapted, each with the first such file."""

    stereo: int = 0
    first_stereo: str = ""
    resampled: int = 0
    first_resampled: str = ""
    first_rate: int = 0
    long: int = 0
    first_long: str = ""

    def notes(self, fe: FrontEnd) -> tuple[str, ...]:
        """One line for each kind of adaptation that happened."""
        part = "middle" if fe.placement == "centre" else "first part"
        lines = (
            (self.stereo, f"more than one channel, mixed to mono: {self.stereo} recordings (first: {self.first_stereo})"),
            (
                self.resampled,
                f"resampled to {fe.sample_rate} Hz: {self.resampled} recordings"
                f" (first: {self.first_resampled}, {self.first_rate} Hz)",
            ),
            (
                self.long,
                f"longer than {fe.clip_ms:g} ms, only their {part} is used: {self.long} recordings (first: {self.first_long})",
            ),
        )
        return tuple(text for count, text in lines if count)


def directory() -> Path:
    """Where cached features lie."""
    chosen = os.environ.get("MICRONETS_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "micronets"


def wav_features(paths: Sequence[Path], fe: FrontEnd) -> tuple[npt.NDArray[Any], Tally]:
    """Features `[N, T, M]` of WAV files in the order given, and what was adapted. Raises `DataError` for a bad file."""
    if not paths:
        return features([], fe), Tally()
    place = directory() / f"{_key(paths, fe)}.npz"
    with suppress(Exception):  # whatever is wrong with a cache file, the recordings are there
        with np.load(place, allow_pickle=False) as pack:
            x, tally = pack["x"], Tally(**json.loads(str(pack["tally"])))
        if x.shape == (len(paths), fe.frames, fe.n_mels):
            return x, tally
    x, tally = _compute(paths, fe)
    try:
        with atomic(place) as f:
            np.savez(f, x=x, tally=json.dumps(asdict(tally)))
    except OSError as e:
        _log.info("%s: features are not kept (%s)", place, e)
    return x, tally


def kept(key: str, make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, kept on disk under `key`, which must name everything that it depends on."""
    place = directory() / f"{key}.npz"
    with suppress(Exception), np.load(place, allow_pickle=False) as pack:  # whatever is wrong with it, it can be made again
        return {name: pack[name] for name in pack.files}
    made = make()
    try:
        with atomic(place) as f:
            np.savez(f, **made)  # type: ignore[arg-type]
    except OSError as e:
        _log.info("%s: not kept (%s)", place, e)
    return made


def cut_features(paths: Sequence[Path], fe: FrontEnd) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], Tally]:
    """As `wav_features`, but a recording of two clips' length and more becomes as many examples as fit, one after the other
    from its middle outwards. Returns features `[N, T, M]`, how many each recording gave, and what was adapted."""
    if not paths:
        return features([], fe), np.zeros(0, np.int64), Tally()

    def make() -> Arrays:
        x, counts, facts = [], [], []
        for path in paths:
            r = read_wav(path)
            samples = resample(r.samples, r.rate, fe.sample_rate)
            n = len(samples) // fe.clip_samples
            first = (len(samples) - n * fe.clip_samples) // 2
            parts = [samples[first + i * fe.clip_samples :][: fe.clip_samples] for i in range(n)] if n > 1 else [samples]
            x.append(features(parts, fe))
            counts.append(len(parts))
            facts.append(_facts(r, False))
        return {
            "x": np.concatenate(x),
            "counts": np.array(counts),
            "tally": np.array(json.dumps(asdict(_tally(paths, facts, fe)))),
        }

    got = kept("cut-" + _key(paths, fe), make)
    return got["x"], got["counts"].astype(np.int64), Tally(**json.loads(str(got["tally"])))


def _key(paths: Sequence[Path], fe: FrontEnd) -> str:
    lines = [str(_VERSION), fe.base().to_json()]
    for p in paths:
        try:
            s = p.stat()
        except OSError as e:
            raise DataError(f"{p}: cannot be read ({e.strerror}); check the path and its permissions") from e
        lines.append(f"{p.absolute()}\0{s.st_size}\0{s.st_mtime_ns}")
    return digest("\n".join(lines).encode(errors="surrogateescape"))


def _compute(paths: Sequence[Path], fe: FrontEnd) -> tuple[npt.NDArray[Any], Tally]:
    def chunk(at: int) -> tuple[npt.NDArray[Any], list[tuple[int, int, bool]]]:
        recordings = [read_wav(p) for p in paths[at : at + _CHUNK]]
        clips = [resample(r.samples, r.rate, fe.sample_rate) for r in recordings]
        return features(clips, fe), [_facts(r, len(c) > fe.clip_samples) for r, c in zip(recordings, clips, strict=True)]

    # One thread: the matrix product inside has its own, and two layers of them fight.
    parts = [chunk(at) for at in range(0, len(paths), _CHUNK)]
    return np.concatenate([x for x, _ in parts]), _tally(paths, [f for _, found in parts for f in found], fe)


def _tally(paths: Sequence[Path], facts: Sequence[tuple[int, int, bool]], fe: FrontEnd) -> Tally:
    stereo, stereo_at = _count(facts, lambda f: f[0] > 1)
    other, other_at = _count(facts, lambda f: f[1] != fe.sample_rate)
    long, long_at = _count(facts, lambda f: f[2])
    return Tally(
        stereo, str(paths[stereo_at]) if stereo else "",
        other, str(paths[other_at]) if other else "", facts[other_at][1] if other else 0,
        long, str(paths[long_at]) if long else "",
    )  # fmt: skip


def _facts(r: Recording, long: bool) -> tuple[int, int, bool]:
    return r.channels, r.rate, long


def _count(facts: Sequence[tuple[int, int, bool]], test: Callable[[tuple[int, int, bool]], bool]) -> tuple[int, int]:
    """How many pass, and the index of the first that does (0 if none)."""
    passed = [i for i, f in enumerate(facts) if test(f)]
    return len(passed), passed[0] if passed else 0
