"""Settings of anomaly detection: the windows of a clip, and the augmentation of training windows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.frontend import FrontEnd
from micronets.ranges import check_fields, ranged

LOGMEL = FrontEnd(clip_ms=10000, window_ms=64, hop_ms=32, n_fft=1024, n_mels=64, fmax=8000, placement="start")


Floats = npt.NDArray[np.float32]


Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """The way from a clip to network inputs; the defaults are those of MicroNets, Section 5.3.

    A log-mel `[T, M]` is cut into windows of `frames` frames, one every `hop` frames. Each is brought to `[height,
    width, 1]` by bilinear interpolation, and its pixels become (pixel - input_mean) / input_scale of `logmel`.
    """

    logmel: FrontEnd = LOGMEL
    frames: int = 64
    hop: int = 20
    height: int = 32
    width: int = 32

    def count(self, frames: int) -> int:
        """Returns the number of windows in a clip of so many frames."""
        return max(0, 1 + (frames - self.frames) // self.hop)

    def inputs(self, clips: npt.NDArray[np.uint8], at: tuple[Labels, Labels]) -> Floats:
        """Returns network inputs `[N, height, width, 1]`.

        - `clips`: log-mel pixels `[C, T, M]`.
        - `at`: numbers of clips `[N]` and of windows in them `[N]`.
        """
        out = np.empty((len(at[0]), self.height, self.width, 1), np.float32)
        down, across = bilinear(self.frames, self.height), bilinear(self.logmel.n_mels, self.width)
        for i in range(0, len(out), 256):
            rows = at[1][i : i + 256, None] * self.hop + np.arange(self.frames)
            out[i : i + 256, ..., 0] = down @ clips[at[0][i : i + 256, None], rows].astype(np.float32) @ across.T
        return (out - np.float32(self.logmel.input_mean[0])) / np.float32(self.logmel.input_scale[0])

    def to_json(self) -> str:
        """Returns one line of JSON with every field; its `kind` is "windows"."""
        return json.dumps({"kind": "windows", **asdict(self)})

    @staticmethod
    def from_json(text: str, where: str) -> Windows:
        """Returns the windows of which `to_json` made `text`. Raises `SpecError`, naming `where`, for other text."""
        try:
            raw = json.loads(text)
            sizes = {name: int(raw[name]) for name in ("frames", "hop", "height", "width")}
            logmel = FrontEnd.from_json(json.dumps(raw["logmel"]), where)
        except (ValueError, TypeError, KeyError) as e:
            reason = f"it has no {e}" if isinstance(e, KeyError) else str(e)
            raise SpecError(
                f"{where}: its front end is not that of anomaly detection ({reason}); give a model of task ad"
            ) from e
        if min(sizes.values()) < 1:
            raise SpecError(f"{where}: its windows are {sizes}; every number must be above 0")
        return Windows(logmel, **sizes)


def bilinear(n: int, m: int) -> Floats:
    """Returns the matrix `[m, n]` that resizes `n` samples to `m` by linear interpolation between sample centres.

    Beyond the edges, the first and the last sample are repeated.
    """
    at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    low = np.minimum(at.astype(np.int64), max(n - 2, 0))
    matrix = np.zeros((m, n), np.float32)
    matrix[np.arange(m), low] += 1 - (at - low)
    matrix[np.arange(m), np.minimum(low + 1, n - 1)] += at - low
    return matrix


@dataclass(frozen=True)
class WindowAugmentation:
    """The augmentation of training windows.

    - `jitter_frames`: a window begins up to this many frames before or after its place.
    - `gain_db`: a window is up to this much louder or softer.
    - `time_masks`, `time_mask_frames`, `band_masks`, `mask_bands`: SpecAugment (Park et al. 2019): numbers and greatest
      sizes of masks along time and frequency.
    """

    jitter_frames: int = ranged(10, 0, 1_000)
    gain_db: float = ranged(1.0, 0, 100)
    time_masks: int = ranged(0, 0, 100)
    time_mask_frames: int = ranged(8, 0, 1_000)
    band_masks: int = ranged(0, 0, 100)
    mask_bands: int = ranged(6, 0, 1_000)

    def __post_init__(self) -> None:
        check_fields(self, "augmentation: ")
