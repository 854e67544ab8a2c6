"""Augmentation of log-mel pixels in torch, a whole batch at a time.

A pixel is `scale * ln(power) + offset`: a gain is an added constant, and adding powers is a softplus of the difference.
Frames that `frame_stride` drops are never touched, so a shorter input costs less.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from micronets.frontend.mel import dct_matrix

if TYPE_CHECKING:
    import numpy.typing as npt

    from micronets.frontend import FrontEnd
    from micronets.tasks.kws.settings import SpectrogramAugmentation

AUDIBLE = 40  # least mean pixel: softer background is cut off at 0, and would be constant if made louder
STEADY_DB = 12  # how far the loudest frame of a synthesised sound that is mixed in may be above its mean
MOST_MIXED = 500  # synthesised sounds that are mixed in: enough for many noises, and leaving room for real ones


class SpectrogramAugmenter:
    """Draws augmented batches from train features `[N, T, M]` and background `[B, T, M]`, both uint8.

    - `scale`: pixels per unit of ln(power).
    - `silence`: index of the class whose examples come from the background; None if there is none.
    - `made`: number of synthesised examples, which are the last ones; they never come from the background. Continuous
      ones, such as hums and rain, are mixed into other examples as noise, besides the background.
    """

    def __init__(
        self,
        features: npt.NDArray[np.uint8],
        target: npt.NDArray[np.int64],
        background: npt.NDArray[np.uint8],
        settings: SpectrogramAugmentation,
        scale: float,
        silence: int | None,
        made: int = 0,
    ) -> None:
        self.settings, self.scale = settings, scale
        self.frames, self.bands = features.shape[1:]
        silent = target == silence if silence is not None and len(background) else np.zeros(len(target), bool)
        silent[len(target) - made :] = False
        lasting = _lasting(features[len(features) - made :], STEADY_DB * self._pixels(1))[:MOST_MIXED]
        noise = np.concatenate([background[background.mean((1, 2)) > AUDIBLE], lasting])
        self._host: dict[str, npt.NDArray[Any]] = {
            "features": features.reshape(-1, self.bands),
            "background": background.reshape(-1, self.bands),
            "silent": silent,
            "noise": noise.reshape(-1, self.bands),
        }
        self._device: dict[torch.device, dict[str, torch.Tensor]] = {}

    def __call__(self, indices: torch.Tensor, frontend: FrontEnd, generator: torch.Generator) -> torch.Tensor:
        """Returns augmented features, float32 `[B, T', K, 1]`, on the generator's device.

        - `indices`: indices of clips `[B]`.
        """
        # Pixels need more than the 8 bits of a bfloat16.
        with torch.no_grad(), torch.autocast(generator.device.type, enabled=False):
            data = self._on(generator.device)
            indices = indices.to(generator.device, torch.int64)
            t = torch.arange(0, self.frames, frontend.frame_stride, device=generator.device)
            x = self._clips(data, indices, t, generator)
            x = self._silence(data, x, indices, t, generator)
            x = self._noise(data, x, t, generator)
            x = self._masks(x, frontend.frame_stride, generator)
            return _network_input(x, frontend)

    def _on(self, device: torch.device) -> dict[str, torch.Tensor]:
        if device not in self._device:
            self._device[device] = {k: torch.from_numpy(v).to(device) for k, v in self._host.items()}
        return self._device[device]

    def _clips(
        self, data: dict[str, torch.Tensor], rows: torch.Tensor, t: torch.Tensor, g: torch.Generator
    ) -> torch.Tensor:
        s, n, last = self.settings, len(rows), self.frames - 1
        at = t - torch.randint(-s.shift_frames, s.shift_frames + 1, (n, 1), generator=g, device=g.device)
        mirrored = torch.where(at > last, 2 * last + 1 - at, torch.where(at < 0, -1 - at, at)).clamp(0, last)
        x = _gather(data["features"], rows[:, None] * self.frames + mirrored)
        empty = torch.rand(n, 1, generator=g, device=g.device) < s.pad_probability
        keep = ~(empty & (at != mirrored))
        gain = (2 * torch.rand(n, 1, generator=g, device=g.device) - 1) * self._pixels(s.gain_db)
        return ((x + gain[:, :, None]) * keep[:, :, None]).clamp_(min=0)

    def _silence(
        self, data: dict[str, torch.Tensor], x: torch.Tensor, rows: torch.Tensor, t: torch.Tensor, g: torch.Generator
    ) -> torch.Tensor:
        where = data["silent"][rows].nonzero().flatten()
        if not len(where):
            return x
        some = torch.randint(len(data["background"]) // self.frames, (len(where),), generator=g, device=g.device)
        noise = self._turned(data["background"], some, t, g)
        low, high = (self._pixels(v) for v in self.settings.silence_gain_db)
        gain = low + (high - low) * torch.rand(len(where), 1, 1, generator=g, device=g.device)
        #  Pixels that were cut off at 0 stay 0, since digital silence stays silent when amplified.
        x[where] = torch.where(noise > 0, (noise + gain).clamp_(0, 255), noise)
        return x

    def _noise(
        self, data: dict[str, torch.Tensor], x: torch.Tensor, t: torch.Tensor, g: torch.Generator
    ) -> torch.Tensor:
        s, n = self.settings, len(x)
        clips = len(data["noise"]) // self.frames
        if not s.noise_probability or not clips:
            return x.clamp_(max=255)
        where = (torch.rand(n, generator=g, device=g.device) < s.noise_probability).nonzero().flatten()
        some = torch.randint(clips, (len(where),), generator=g, device=g.device)
        noise = self._turned(data["noise"], some, t, g)
        low, high = (self._pixels(v) for v in s.snr_db)
        snr = low + (high - low) * torch.rand(len(where), 1, 1, generator=g, device=g.device)
        clip = x[where]
        loudest = clip.mean(2).amax(1)[:, None, None]
        # ln(a + b) = ln a + softplus(ln b - ln a)
        noise += loudest - snr - noise.mean((1, 2), keepdim=True)
        x[where] = clip + F.softplus((noise - clip).div_(self.scale)).mul_(self.scale)
        return x.clamp_(max=255)

    def _turned(self, frames: torch.Tensor, rows: torch.Tensor, t: torch.Tensor, g: torch.Generator) -> torch.Tensor:
        """Returns the noise clips `rows`, `[b, T', M]`, each rotated to start at a random frame.

        - `frames`: those of all noise clips, `[R, M]`.
        """
        start = torch.randint(self.frames, (len(rows), 1), generator=g, device=g.device)
        return _gather(frames, rows[:, None] * self.frames + (t + start) % self.frames)

    def _masks(self, x: torch.Tensor, stride: int, g: torch.Generator) -> torch.Tensor:
        s = self.settings
        if not s.time_masks and not s.band_masks:
            return x
        frames = stretches(len(x), x.shape[1], s.time_masks, s.time_mask_frames / stride, g)
        bands = stretches(len(x), x.shape[2], s.band_masks, s.mask_bands, g)
        return torch.where(frames[:, :, None] | bands[:, None, :], x.mean((1, 2), keepdim=True), x)

    def _pixels(self, db: float) -> float:
        return self.scale * math.log(10) / 10 * db


def _lasting(clips: npt.NDArray[np.uint8], most: float) -> npt.NDArray[np.uint8]:
    """Returns the audible ones of `clips` `[N, T, M]` whose loudest frame is at most `most` pixels above their mean."""
    frames = clips.mean(2)
    mean = frames.mean(1)
    steady = (mean > AUDIBLE) & (frames.max(1, initial=0) - mean <= most)
    return clips[np.flatnonzero(steady)]


def _gather(rows: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Returns the frames `at`, `[B, T]`, of uint8 frames `[R, M]`, as float32 `[B, T, M]`.

    It uses `index_select`, which copies whole rows.
    """
    return rows.index_select(0, at.flatten()).view(*at.shape, rows.shape[1]).float()


def stretches(n: int, length: int, count: int, widest: float, g: torch.Generator) -> torch.Tensor:
    """Draws bool `[n, length]`, true in random stretches.

    - `n`: the number of rows, which are drawn independently.
    - `length`: the length of a row.
    - `count`: the number of stretches per row; they may overlap.
    - `widest`: the largest width of a stretch, 0 or more; widths are integers from 0.
    - `g`: makes the random draws; the result is on its device.
    """
    width = torch.rand(n, count, 1, generator=g, device=g.device) * (widest + 1)
    start = torch.rand(n, count, 1, generator=g, device=g.device) * (length - width.floor()).clamp(min=0)
    at = torch.arange(length, device=g.device) - start.floor()
    return ((at >= 0) & (at < width.floor())).any(1)


def _network_input(x: torch.Tensor, fe: FrontEnd) -> torch.Tensor:
    """Computes `frontend.network_input` in torch, for frames that are already selected."""
    mean, scale = torch.tensor(fe.input_mean, device=x.device), torch.tensor(fe.input_scale, device=x.device)
    if fe.coefficients:
        x = x @ torch.from_numpy(dct_matrix(fe)).to(x.device)
    return ((x - mean) / scale)[..., None]
