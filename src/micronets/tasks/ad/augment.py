"""Augmentation of windows of machine sound in torch, a whole batch at a time."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from micronets.tasks.ad.settings import WindowAugmentation, Windows, bilinear
from micronets.tasks.kws.augment import stretches


class WindowAugmenter:
    """Draws augmented windows from log-mel clips, uint8 `[C, T, M]`."""

    def __init__(self, clips: npt.NDArray[np.uint8], windows: Windows, settings: WindowAugmentation) -> None:
        self.windows, self.settings = windows, settings
        self.clips, self.frames = clips.shape[:2]
        self._host = torch.from_numpy(clips.reshape(-1, clips.shape[2]))
        self._device: dict[torch.device, torch.Tensor] = {}

    def __call__(self, indices: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Returns augmented windows, float32 `[B, height, width, 1]`, on the generator's device.

        - `indices`: numbers of windows `[B]`: all windows at their original pitch, then all at the first pitch, and so
          on.
        """
        w, s, g = self.windows, self.settings, generator
        with torch.no_grad(), torch.autocast(g.device.type, enabled=False):
            rows = self._on(g.device)
            count = w.count(self.frames)
            indices = indices.to(g.device, torch.int64)
            pitch = indices // (count * self.clips)
            indices = indices % (count * self.clips)
            jitter = torch.randint(-s.jitter_frames, s.jitter_frames + 1, (len(indices),), generator=g, device=g.device)
            start = (indices % count * w.hop + jitter).clamp(0, self.frames - w.frames)
            at = (indices // count * self.frames + start)[:, None] + torch.arange(w.frames, device=g.device)
            x = rows.index_select(0, at.flatten()).view(*at.shape, rows.shape[1]).float()
            x += (2 * torch.rand(len(x), 1, 1, generator=g, device=g.device) - 1) * (
                w.logmel.pixel_scale * math.log(10) / 10 * s.gain_db
            )
            if s.time_masks or s.band_masks:
                times = stretches(len(x), x.shape[1], s.time_masks, s.time_mask_frames, g)
                bands = stretches(len(x), x.shape[2], s.band_masks, s.mask_bands, g)
                x = torch.where(times[:, :, None] | bands[:, None, :], x.mean((1, 2), keepdim=True), x)
            down = torch.from_numpy(bilinear(w.frames, w.height)).to(g.device)
            across = torch.from_numpy(w.band_matrices()).to(g.device)
            x = down @ x @ (across[pitch].mT if w.pitches else across[0].T)
            return ((x - w.logmel.input_mean[0]) / w.logmel.input_scale[0])[..., None]

    def _on(self, device: torch.device) -> torch.Tensor:
        if device not in self._device:
            self._device[device] = self._host.to(device)
        return self._device[device]
