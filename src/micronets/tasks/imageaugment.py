"""Augmentation of pictures in torch, a whole batch at a time.

Moving, zooming, mirroring and resizing are one product with a matrix of filter weights for each picture and axis: the
pictures of the network's own resolution come out, anti-aliased by the same filter that `frontend.image` uses.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from micronets.frontend.image import LUMA

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.frontend.image import Bytes, ImageFrontEnd
    from micronets.tasks.imagedata import ImageAugmentation

_ON_DEVICE = 2 << 30  # bytes; a larger data set stays in host memory


class Augmenter:
    """Draws augmented batches from pictures `[N, S, S, C]`, uint8."""

    def __init__(self, pictures: Bytes, settings: ImageAugmentation) -> None:
        self.settings, self.pictures = settings, pictures
        self.side = pictures.shape[1]
        self._device: dict[torch.device, Tensor] = {}

    def __call__(self, indices: Tensor, frontend: ImageFrontEnd, generator: torch.Generator) -> Tensor:
        """`[B]` indices -> `[B, resolution, resolution, colour]` float32 on the generator's device."""
        # Pixels need more than the 8 bits of a bfloat16, and resizing all of float32's.
        with torch.no_grad(), torch.autocast(generator.device.type, enabled=False):
            x = self._rows(indices, generator.device).float()
            if frontend.colour < x.shape[3]:
                x = _gray(x)
            x = self._placed(x, frontend, generator)
            x = self._coloured(x, generator)
            x = self._erased(x, generator)
            # Whole pixels, as a camera gives them.
            x = x.clamp_(0, 255).round_().sub_(frontend.input_mean).div_(frontend.input_scale)
            return x.expand(-1, -1, -1, frontend.colour)

    def _rows(self, indices: Tensor, device: torch.device) -> Tensor:
        if self.pictures.nbytes > _ON_DEVICE and device.type != "cpu":
            return torch.from_numpy(self.pictures[indices.cpu().numpy()]).to(device)
        if device not in self._device:
            self._device[device] = torch.from_numpy(self.pictures).to(device)
        return self._device[device].index_select(0, indices.to(device, torch.int64))

    def _placed(self, x: Tensor, fe: ImageFrontEnd, g: torch.Generator) -> Tensor:
        """The part of each picture that is used, at the network's resolution."""
        s, n, side = self.settings, len(x), self.side
        low, high = s.zoom
        part = side * torch.exp(_uniform(n, math.log(low), math.log(high), g))
        ratio = torch.exp(_uniform(n, -0.5, 0.5, g) * math.log(s.aspect))
        mirrored = torch.rand(n, generator=g, device=g.device) < s.flip
        vertical = self._weights(part * ratio, None, fe, g)
        horizontal = self._weights(part / ratio, mirrored, fe, g)
        c, after = x.shape[3], fe.resolution
        rows = torch.bmm(vertical, x.view(n, side, side * c)).view(n, after, side, c)
        # Columns come first in the second product, so that channels stay together.
        columns = torch.bmm(horizontal, rows.transpose(1, 2).reshape(n, side, after * c))
        return columns.view(n, after, after, c).transpose(1, 2).contiguous()

    def _weights(self, part: Tensor, mirrored: Tensor | None, fe: ImageFrontEnd, g: torch.Generator) -> Tensor:
        """`[B, resolution, S]`: filter weights along one axis, of a stretch of `part` pixels at a random place."""
        s, n, side, after, device = self.settings, len(part), self.side, fe.resolution, g.device
        most = round(s.shift * side)
        start = torch.rand(n, generator=g, device=device) * (side - part)
        start += torch.randint(-most, most + 1, (n,), generator=g, device=device)
        at = torch.arange(after, device=device) + 0.5
        at = at.expand(n, after) if mirrored is None else torch.where(mirrored[:, None], after - at, at)
        step = part / after
        coarse = step.clamp(min=1)
        beyond = most + max(0.0, s.zoom[1] * math.sqrt(s.aspect) - 1) * side
        pad = min(side - 1, math.ceil(beyond - 1e-4))
        taps = torch.arange(-pad, side + pad, device=device) + 0.5
        centres = start[:, None] + at * step[:, None]
        weights = _kernel((taps - centres[:, :, None]) / coarse[:, None, None], fe.filter)
        weights /= weights.sum(2, keepdim=True)
        inside = weights[:, :, pad : pad + side].contiguous()
        if pad:  # what lies beyond an edge is mirrored at it
            inside[:, :, :pad] += weights[:, :, :pad].flip(2)
            inside[:, :, side - pad :] += weights[:, :, pad + side :].flip(2)
        return inside

    def _coloured(self, x: Tensor, g: torch.Generator) -> Tensor:
        s, n = self.settings, len(x)
        if s.saturation and x.shape[3] == 3:
            x = torch.lerp(_gray(x), x, (1 + _uniform(n, -s.saturation, s.saturation, g)).view(n, 1, 1, 1))
        if s.contrast:
            x = torch.lerp(x.mean((1, 2, 3), keepdim=True), x, (1 + _uniform(n, -s.contrast, s.contrast, g)).view(n, 1, 1, 1))
        if s.brightness:
            x = x * (1 + _uniform(n, -s.brightness, s.brightness, g)).view(n, 1, 1, 1)
        return x

    def _erased(self, x: Tensor, g: torch.Generator) -> Tensor:
        s, n = self.settings, len(x)
        if not s.erase:
            return x
        chosen = torch.rand(n, 1, generator=g, device=g.device) < s.erase
        rows, columns = (_stretch(n, x.shape[1], s.erase_side, g) for _ in range(2))
        where = (rows & chosen)[:, :, None, None] & columns[:, None, :, None]
        return torch.where(where, x.mean((1, 2), keepdim=True), x)


def _gray(x: Tensor) -> Tensor:
    return (x @ torch.tensor(LUMA, device=x.device))[..., None]


def _uniform(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=g, device=g.device)


def _stretch(n: int, length: int, widest: float, g: torch.Generator) -> Tensor:
    """bool `[n, length]`: true in one random stretch of up to `widest` of the length."""
    width = (torch.rand(n, 1, generator=g, device=g.device) * widest * length).ceil()
    start = (torch.rand(n, 1, generator=g, device=g.device) * (length - width + 1)).floor()
    at = torch.arange(length, device=g.device)
    return (at >= start) & (at < start + width)


def _kernel(distance: Tensor, name: str) -> Tensor:
    """As `frontend.image.kernel`."""
    if name == "box":
        return ((distance > -0.5) & (distance <= 0.5)).float()
    d = distance.abs_()
    if name == "bilinear":
        return d.neg_().add_(1).clamp_(min=0)
    if name == "bicubic":
        near, far = ((1.5 * d - 2.5) * d * d).add_(1), ((-0.5 * d + 2.5) * d - 4).mul_(d).add_(2)
        return torch.where(d < 1, near, far.mul_(d < 2))
    return torch.where(d < 3, torch.sinc(d) * torch.sinc(d / 3), 0.0)
