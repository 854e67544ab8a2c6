"""Settings of anomaly detection: the windows of a clip, and the augmentation of training windows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from micronets.arguments import check_kinds
from micronets.errors import SpecError
from micronets.frontend import FrontEnd
from micronets.frontend.mel import hertz, mel, mel_edges
from micronets.ranges import check_fields, ranged

LOGMEL = FrontEnd(clip_ms=10000, window_ms=64, hop_ms=32, n_fft=1024, n_mels=64, fmax=8000, placement="start")


Floats = npt.NDArray[np.float32]


Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """The conversion from a clip to network inputs; the defaults are those of MicroNets, Section 5.3.

    A log-mel `[T, M]` is cut into windows of `frames` frames, one every `hop` frames. Each is resized to `[height,
    width, 1]` by bilinear interpolation, and its pixels become (pixel - input_mean) / input_scale of `logmel`.

    - `pitches`: factors by which the frequencies of training windows are raised. Each makes a further class of every
      machine (see `data.AdData`). A finished model hears sounds unchanged.
    """

    logmel: FrontEnd = LOGMEL
    frames: int = 64
    hop: int = 20
    height: int = 32
    width: int = 32
    pitches: tuple[float, ...] = ()

    def count(self, frames: int) -> int:
        """Returns the number of windows in a clip of `frames` frames."""
        return max(0, 1 + (frames - self.frames) // self.hop)

    def inputs(self, clips: npt.NDArray[np.uint8], at: tuple[Labels, Labels], pitch: Labels | None = None) -> Floats:
        """Returns network inputs `[N, height, width, 1]`.

        - `clips`: log-mel pixels `[C, T, M]`.
        - `at`: numbers of clips `[N]`, and of windows in them `[N]`.
        - `pitch`: numbers of pitches `[N]`: 0 for the sound as recorded, i for `pitches[i - 1]`; None: all 0.
        """
        out = np.empty((len(at[0]), self.height, self.width, 1), np.float32)
        down, across = bilinear(self.frames, self.height), self.band_matrices()
        for i in range(0, len(out), 256):
            rows = at[1][i : i + 256, None] * self.hop + np.arange(self.frames)
            bands = across[0] if pitch is None else across[pitch[i : i + 256]].transpose(0, 2, 1)
            bands = bands.T if pitch is None else bands
            out[i : i + 256, ..., 0] = down @ clips[at[0][i : i + 256, None], rows].astype(np.float32) @ bands
        return (out - np.float32(self.logmel.input_mean[0])) / np.float32(self.logmel.input_scale[0])

    def band_matrices(self) -> Floats:
        """Returns the matrices that resample the bands to the input's width, `[1 + pitches, width, M]`: the first one
        for the sound as recorded, then one for each of `pitches`.

        At a pitch p, the sound at f Hz moves to p x f Hz. Each row interpolates between two bands by their centres on
        the mel scale.
        """
        bands = self.logmel.n_mels
        edges = mel_edges(self.logmel)
        first, step = edges[1], (edges[-1] - edges[0]) / (bands + 1)
        at = first + step * ((np.arange(self.width) + 0.5) * bands / self.width - 0.5)
        raised = [(mel(hertz(at) / pitch) - first) / step for pitch in self.pitches]
        return np.stack([bilinear(bands, self.width), *(interpolation(bands, x) for x in raised)])

    def to_json(self) -> str:
        """Returns one line of JSON with every field; its `kind` is "windows"."""
        return json.dumps({"kind": "windows", **asdict(self)})

    @staticmethod
    def from_json(text: str, where: str) -> Windows:
        """Returns the windows from the text of `to_json`. Raises `SpecError`, naming `where`, for other text."""
        try:
            raw = json.loads(text)
            sizes = {name: int(raw[name]) for name in ("frames", "hop", "height", "width")}
            pitches = tuple(float(p) for p in raw.get("pitches", ()))
            logmel = FrontEnd.from_json(json.dumps(raw["logmel"]), where)
        except (ValueError, TypeError, KeyError) as e:
            reason = f"it has no {e}" if isinstance(e, KeyError) else str(e)
            raise SpecError(
                f"{where}: its front end is not that of anomaly detection ({reason}); give a model of task ad"
            ) from e
        if min(sizes.values()) < 1:
            raise SpecError(f"{where}: its windows are {sizes}; every number must be above 0")
        return Windows(logmel, **sizes, pitches=pitches)


def bilinear(n: int, m: int) -> Floats:
    """Returns the matrix `[m, n]` that resizes `n` samples to `m` by linear interpolation between sample centres.

    Beyond the edges, the first and the last sample are repeated.
    """
    return interpolation(n, (np.arange(m) + 0.5) * n / m - 0.5)


def interpolation(n: int, at: npt.NDArray[np.float64]) -> Floats:
    """Returns the matrix `[m, n]` that interpolates `n` samples linearly at the positions `at` `[m]`.

    Beyond the edges, the first and the last sample are repeated.
    """
    m, at = len(at), np.clip(at, 0, n - 1)
    low = np.minimum(at.astype(np.int64), max(n - 2, 0))
    matrix = np.zeros((m, n), np.float32)
    matrix[np.arange(m), low] += 1 - (at - low)
    matrix[np.arange(m), np.minimum(low + 1, n - 1)] += at - low
    return matrix


@dataclass(frozen=True)
class WindowAugmentation:
    """The augmentation of training windows.

    - `jitter_frames`: a window begins up to this many frames before or after its position.
    - `gain_db`: a window is up to this much louder or softer.
    - `time_masks`, `time_mask_frames`, `band_masks`, `mask_bands`: SpecAugment (Park et al. 2019): numbers and largest
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
        check_kinds(self, "augmentation: ")
