"""Augmentation of images in torch, a whole batch at a time.

Shifting, zooming, mirroring and resizing an image are one filter of a few taps along each axis. Its result has the
network's own resolution, and is anti-aliased by the filter that `frontend.image` uses.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from micronets.frontend.image import FILTERS, LUMA

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.frontend.image import Bytes, ImageFrontEnd
    from micronets.tasks.images.settings import ImageAugmentation

_ON_DEVICE = 2 << 30  # bytes; a larger data set stays in host memory


class ImageAugmenter:
    """Draws augmented batches from images `[N, S, S, C]`, uint8."""

    def __init__(self, pictures: Bytes, settings: ImageAugmentation) -> None:
        self.settings, self.pictures = settings, pictures
        self.side = pictures.shape[1]
        self._device: dict[torch.device, Tensor] = {}

    def __call__(
        self,
        indices: Tensor,
        frontend: ImageFrontEnd,
        generator: torch.Generator,
        shown_to: ImageFrontEnd | None = None,
    ) -> Tensor:
        """Returns augmented images, float32 `[B, resolution, resolution, colour]`, on the generator's device.

        - `indices`: indices of images `[B]`.
        - `frontend`: the front end, which gives the size and the colours of the result.
        - `generator`: makes the random draws.
        - `shown_to`: the front end of a second model. The caller augments the same images for it in the same way, with
          a generator in the same state. None if there is no second model.
        """
        #  Pixels need more precision than the 8 bits of a bfloat16, and resizing needs float32.
        with torch.no_grad(), torch.autocast(generator.device.type, enabled=False):
            #  Colours are planes `[B, C, S, S]`, since whole lines of one colour are fastest to move and add.
            x = self._rows(indices, generator.device).permute(0, 3, 1, 2)
            if frontend.colour < x.shape[1]:
                x = _gray(x.float())
            x = self._placed(x, frontend, generator)
            x = self._coloured(x, generator, (shown_to or frontend).colour == 3 == self.pictures.shape[3])
            x = self._erased(x, generator)
            #  Pixels are rounded to integers, as a camera gives them.
            x = x.clamp_(0, 255).round_().permute(0, 2, 3, 1)
            y = torch.sub(x, frontend.input_mean, out=torch.empty(x.shape, device=x.device)).div_(frontend.input_scale)
            return y.expand(-1, -1, -1, frontend.colour)

    def _rows(self, indices: Tensor, device: torch.device) -> Tensor:
        if device.type == "cpu" or self.pictures.nbytes > _ON_DEVICE:
            return torch.from_numpy(self.pictures[indices.cpu().numpy()]).to(device)
        if device not in self._device:
            self._device[device] = torch.from_numpy(self.pictures).to(device)
        return self._device[device].index_select(0, indices.to(device, torch.int64))

    def _placed(self, x: Tensor, fe: ImageFrontEnd, g: torch.Generator) -> Tensor:
        """Returns the selected part of each image, at the network's resolution."""
        s, n, side, device = self.settings, len(x), self.side, g.device
        low, high = s.zoom
        part = side * torch.exp(_uniform(n, math.log(low), math.log(high), g))
        ratio = torch.exp(_uniform(n, -0.5, 0.5, g) * math.log(s.aspect))
        parts = torch.stack((part / ratio, part * ratio))
        most = round(s.shift * side)
        starts = torch.rand(2, n, generator=g, device=device) * (side - parts)
        starts += torch.randint(-most, most + 1, (2, n), generator=g, device=device)
        mirrored = torch.rand(n, generator=g, device=device) < s.flip
        mirrored = torch.stack((mirrored, torch.zeros_like(mirrored)))
        (across, down), (across_weights, down_weights) = self._taps(starts, parts, mirrored, fe)
        #  Whole lines of pixels are weighted and added. For the columns, which come first, the image is transposed
        # before and after.
        columns = _weighed(
            x.transpose(2, 3).to(torch.float32, memory_format=torch.contiguous_format), across, across_weights
        )
        return _weighed(columns.transpose(2, 3), down, down_weights)

    def _taps(self, start: Tensor, part: Tensor, mirrored: Tensor, fe: ImageFrontEnd) -> tuple[Tensor, Tensor]:
        """Returns the lines of an image, and their weights, that make up each line of the result.

        - `start`, `part`, `mirrored`: first pixel and length of the selected part, and whether it is mirrored, `[2,
          B]`.

        Returns two `[2, B, resolution, taps]`: indices among the `S` lines of the image, and filter weights.
        """
        s, side, after, device = self.settings, self.side, fe.resolution, start.device
        at = torch.arange(after, device=device) + 0.5
        at = torch.where(mirrored[..., None], after - at, at)
        step = (part / after)[..., None]
        coarse = step.clamp(min=1)
        reach, largest = FILTERS[fe.filter], s.zoom[1] * math.sqrt(s.aspect)
        count = math.floor(2 * reach * max(1.0, largest * side / after) + 1e-4) + 1
        centres = start[..., None] + at * step
        first = (centres - reach * coarse - 0.5).ceil()
        #  Taps come one after another, each for all lines, as long rows are faster to compute with.
        taps = first + torch.arange(count, device=device).view(-1, 1, 1, 1)
        weights = _kernel((taps - (centres - 0.5)) / coarse, fe.filter)
        #  If the part may reach beyond an edge, the image is mirrored there; otherwise lines beyond it have no weight,
        # as in evaluation.
        pad = min(side - 1, math.ceil(round(s.shift * side) + max(0.0, largest - 1) * side - 1e-4))
        weights *= (taps >= -pad) & (taps < side + pad)
        weights /= weights.sum(0)
        index = taps.to(torch.int64).remainder_(2 * side)
        return torch.minimum(index, 2 * side - 1 - index).movedim(0, -1), weights.movedim(0, -1)

    def _coloured(self, x: Tensor, g: torch.Generator, in_colour: bool) -> Tensor:
        """Changes saturation, contrast and brightness of `x` in place.

        The result is a weighted sum of the image, its grey version, and a constant.

        - `in_colour`: whether a saturation is drawn, which has no effect on a grey image.
        """
        s, n = self.settings, len(x)
        drawn = 1 + _uniform(n, -s.saturation, s.saturation, g) if s.saturation and in_colour else None
        saturated = drawn is not None and x.shape[1] == 3
        own, gray, level = (
            torch.ones(n, device=x.device),
            torch.zeros(n, device=x.device),
            torch.zeros(n, device=x.device),
        )
        shades = _gray(x) if saturated else x[:, :1, :1, :1]
        if saturated and drawn is not None:
            own, gray = drawn, 1 - drawn
        if s.contrast:
            share = 1 + _uniform(n, -s.contrast, s.contrast, g)
            colours = x.mean((2, 3), keepdim=True)
            mean = own * colours.mean((1, 2, 3)) + (gray * _gray(colours)[:, 0, 0, 0] if saturated else 0)
            own, gray, level = own * share, gray * share, mean * (1 - share)
        if s.brightness:
            share = 1 + _uniform(n, -s.brightness, s.brightness, g)
            own, gray, level = own * share, gray * share, level * share
        own, gray, level = (v.view(n, 1, 1, 1) for v in (own, gray, level))
        if saturated:
            return torch.addcmul(shades.mul_(gray).add_(level), x, own, out=x)
        return x.mul_(own).add_(level) if s.contrast or s.brightness else x

    def _erased(self, x: Tensor, g: torch.Generator) -> Tensor:
        s, n = self.settings, len(x)
        if not s.erase:
            return x
        chosen = torch.rand(n, generator=g, device=g.device) < s.erase
        rows, columns = (_stretch(n, x.shape[2], s.erase_side, g) for _ in range(2))
        hit = chosen.nonzero()[:, 0]
        for i, top, bottom, left, right in torch.stack((hit, *rows[:, hit], *columns[:, hit]), 1).tolist():
            x[i, :, top:bottom, left:right] = x[i].mean((1, 2))[:, None, None]
        return x


def _weighed(x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """Returns weighted sums of lines, `[B, C, M, values]`.

    - `x`: planes of lines `[B, C, N, values]`.
    - `index`, `weights`: the lines of each sum, `[B, M, taps]`.
    """
    b, c, n, values = x.shape
    m, taps = index.shape[1:]
    first = n * torch.arange(b * c, device=x.device).view(b, c, 1, 1)
    lines = (index[:, None] + first).reshape(-1, taps)
    weights = weights[:, None].expand(-1, c, -1, -1).reshape(-1, taps)
    return F.embedding_bag(lines, x.reshape(-1, values), mode="sum", per_sample_weights=weights).view(b, c, m, values)


def _gray(x: Tensor) -> Tensor:
    red, green, blue = (x[:, c : c + 1] for c in range(3))
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _uniform(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=g, device=g.device)


def _stretch(n: int, length: int, widest: float, g: torch.Generator) -> Tensor:
    """Draws the start and the end of one random stretch of up to `widest` of the length; int64 `[2, n]`."""
    width = (torch.rand(n, generator=g, device=g.device) * widest * length).ceil()
    start = (torch.rand(n, generator=g, device=g.device) * (length - width + 1)).floor()
    return torch.stack((start, start + width)).to(torch.int64)


def _kernel(distance: Tensor, name: str) -> Tensor:
    """Returns the filter weights of `frontend.image.filter_weights`, in torch."""
    if name == "box":
        return ((distance > -0.5) & (distance <= 0.5)).float()
    d = distance.abs_()
    if name == "bilinear":
        return d.neg_().add_(1).clamp_(min=0)
    if name == "bicubic":
        near, far = ((1.5 * d - 2.5) * d * d).add_(1), ((-0.5 * d + 2.5) * d - 4).mul_(d).add_(2)
        return torch.where(d < 1, near, far.mul_(d < 2))
    return torch.where(d < 3, torch.sinc(d) * torch.sinc(d / 3), 0.0)
