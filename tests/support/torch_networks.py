"""Networks in plain PyTorch, as users bring them: MobileNetV2 in the manner of torchvision, and a causal TCN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def divisible(channels: float, divisor: int = 8) -> int:
    """Returns the number of channels that MobileNetV2 rounds to: a multiple of 8, at most 10 % less."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def convolution(channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Makes a convolution with a batch norm and a ReLU6."""
    return nn.Sequential(
        nn.Conv2d(channels, filters, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """The block of MobileNetV2: expand, convolve each channel, project, and add the input where shapes allow."""

    def __init__(self, channels: int, filters: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.adds = stride == 1 and channels == filters
        self.conv = nn.Sequential(
            *([convolution(channels, inner, 1)] if expansion > 1 else []),
            convolution(inner, inner, 3, stride, groups=inner),
            nn.Conv2d(inner, filters, 1, bias=False),
            nn.BatchNorm2d(filters),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al. 2018, table 2) for maps `[N, 3, H, W]`.

    - classes: number of outputs.
    - width: by which the channels are multiplied.
    - strides: of the first convolution and of the seven stages; the paper's are for pictures of 224 pixels.
    - blocks: how many blocks each stage has.
    """

    def __init__(
        self,
        classes: int,
        width: float = 1.0,
        strides: Sequence[int] = (2, 1, 2, 2, 2, 1, 2, 1),
        blocks: Sequence[int] = (1, 2, 3, 4, 3, 3, 1),
        last: int = 1280,
    ) -> None:
        super().__init__()
        channels = divisible(32 * width)
        features: list[nn.Module] = [convolution(3, channels, 3, strides[0])]
        filters = (16, 24, 32, 64, 96, 160, 320)
        for expansion, count, wanted, stride in zip((1, *(6,) * 6), blocks, filters, strides[1:], strict=True):
            for k in range(count):
                made = divisible(wanted * width)
                features.append(InvertedResidual(channels, made, stride if k == 0 else 1, expansion))
                channels = made
        features.append(convolution(channels, last, 1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class Chomp(nn.Module):
    """Cuts off the last places of a sequence `[N, C, T]`, those that a padding at both ends adds."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : -self.places]


class TemporalBlock(nn.Module):
    """Two causal dilated convolutions with a residual connection (Bai et al. 2018, figure 1)."""

    def __init__(self, channels: int, filters: int, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = (kernel - 1) * dilation
        layers: list[nn.Module] = []
        for size in (channels, filters):
            layers += [
                nn.Conv1d(size, filters, kernel, padding=padding, dilation=dilation),
                Chomp(padding),
                nn.BatchNorm1d(filters),
                nn.ReLU(),
                nn.Dropout(0.1),
            ]
        self.net = nn.Sequential(*layers)
        self.shortcut = nn.Conv1d(channels, filters, 1) if channels != filters else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.net(x) + self.shortcut(x))


class Tcn(nn.Module):
    """A TCN for sequences `[N, C, T]`, of which it judges the mean over time.

    - channels: values at each time.
    - classes: number of outputs.
    - filters: those of each block; its dilation doubles from block to block.
    """

    def __init__(self, channels: int, classes: int, filters: Sequence[int], kernel: int = 3) -> None:
        super().__init__()
        sizes = (channels, *filters)
        self.blocks = nn.Sequential(
            *(TemporalBlock(a, b, kernel, 2**k) for k, (a, b) in enumerate(zip(sizes, filters, strict=False)))
        )
        self.head = nn.Linear(sizes[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x).mean(-1))
