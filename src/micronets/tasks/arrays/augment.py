"""`SensorAugmentation`: changes training windows of a sensor, as another wearer, device or moment would."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt

from micronets.arguments import check_kinds
from micronets.errors import SpecError
from micronets.ranges import check_fields, ranged
from micronets.tasks.base import Floats

_UPRIGHT = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, kw_only=True)
class SensorAugmentation:
    """How strongly training windows `[samples, axes]` of a sensor are changed at random, in their own units.

    It is a function `(x, rng) -> x` of windows `[B, samples, axes]`, which becomes inputs afterwards. Nothing is
    changed by default. A change helps where it keeps the class: no `tempo` where classes differ by their speed, no
    `spin` where directions matter.

    - `turn`: degrees. The device is tilted: the axes of each sensor rotate together, about a random direction, by up to
      this angle.
    - `spin`: degrees. The device is worn elsewhere around the body: its axes rotate about the axis `upright`, by up to
      this angle either way.
    - `upright`: the axis of this rotation, of each sensor's three: x, y or z.
    - `vectors`: columns, from 0, of the sensors that rotate, three for each sensor: `[0, 1, 2, 3, 4, 5]` for an
      accelerometer and a gyroscope. Empty: all of them.
    - `gain`: a window as a whole is scaled up or down by up to this share.
    - `tempo`: a window plays up to this share faster or slower. The speeds at its start and end are drawn
      independently; between them the speed changes linearly.
    - `move`: a window is shifted by up to this share of its length, either way, including fractions of a sample. The
      gap, here and with `tempo`, is filled with the window mirrored at its edge.
    - `erase`: probability that a segment of a window is replaced by the window's mean, 0 to 1.
    - `erase_share`: largest length of that segment, as a share of the window.
    """

    turn: float = ranged(0.0, 0, 180)
    spin: float = ranged(0.0, 0, 180)
    upright: Literal["x", "y", "z"] = "y"
    vectors: tuple[int, ...] = ranged((), 0, 100_000)
    gain: float = ranged(0.0, 0, 10)
    tempo: float = ranged(0.0, 0, 1)
    move: float = ranged(0.0, 0, 1)
    erase: float = ranged(0.0, 0, 1)
    erase_share: float = ranged(0.2, 0, 1)

    def __post_init__(self) -> None:
        check_kinds(self, "augmentation: ")
        check_fields(self, "augmentation: ")
        if len(self.vectors) % 3 or len(set(self.vectors)) < len(self.vectors):
            raise SpecError(
                f"augmentation: vectors = {list(self.vectors)}; need three different columns for each sensor that turns"
            )

    @property
    def is_none(self) -> bool:
        """Whether nothing is changed."""
        return not any(self._strengths().values())

    def check(self, shape: tuple[int, ...], where: object) -> None:
        """Raises `SpecError` if the settings do not suit examples of a shape.

        - `shape`: the shape of an example.
        - `where`: what the data are, for the error.
        """
        wanted = [name for name, strength in self._strengths().items() if strength]
        if wanted and len(shape) != 2:
            raise SpecError(
                f"{where}: augmentation: {wanted[0]} is for windows [samples, axes] of a sensor, and these examples "
                f"are {list(shape)}; set it to 0"
            )
        turned = next((name for name in ("turn", "spin") if name in wanted), None)
        there = max(self.vectors) < shape[-1] if self.vectors else shape[-1] % 3 == 0
        if turned and not there:
            raise SpecError(
                f"{where}: augmentation: {turned} needs sensors of three axes each, and these examples have {shape[1]} "
                f"columns; name those of such sensors, from 0 to {shape[1] - 1}, in vectors, or set {turned} to 0"
            )

    def __call__(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Returns changed copies of windows.

        - `x`: float32 `[B, samples, axes]`, in the units of the data.
        - `rng`: draws the changes.
        """
        x = self._turned(x, rng)
        if self.gain:
            x = x * np.exp(_either_way(len(x), np.log1p(self.gain), rng))[:, None, None].astype(np.float32)
        return self._erased(self._played(x, rng), rng)

    def _strengths(self) -> dict[str, float]:
        """Returns, by name, the settings that change nothing at 0."""
        others = ("upright", "vectors", "erase_share")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in others}

    def _turned(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Returns windows with rotated sensor axes."""
        if not self.turn and not self.spin:
            return x
        columns = list(self.vectors) or list(range(x.shape[2]))
        upright = np.tile(np.eye(3)[_UPRIGHT[self.upright]], (len(x), 1))
        anyhow = rng.normal(size=(len(x), 3))
        anyhow /= np.linalg.norm(anyhow, axis=1, keepdims=True)
        spin = rotations(upright, np.radians(_either_way(len(x), self.spin, rng)))
        turn = rotations(anyhow, np.radians(_either_way(len(x), self.turn, rng)))
        turned = x.copy()
        sensors = x[:, :, columns].reshape(len(x), -1, 3) @ (turn @ spin).transpose(0, 2, 1).astype(np.float32)
        turned[:, :, columns] = sensors.reshape(len(x), x.shape[1], -1)
        return turned

    def _played(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Returns windows that are shifted, and played at another speed, about their middle."""
        if not self.move and not self.tempo:
            return x
        size = x.shape[1]
        first, last = (np.exp(_either_way(len(x), np.log1p(self.tempo), rng))[:, None] for _ in range(2))
        speed = first + (last - first) * np.linspace(0, 1, size)
        at = np.cumsum((speed + np.roll(speed, 1, 1)) / 2, 1)  # positions in the original window, up to a constant
        middle = (at[:, (size - 1) // 2] + at[:, size // 2]) / 2
        at += ((size - 1) / 2 - middle + _either_way(len(x), self.move * size, rng))[:, None]
        at = np.abs((at + size - 1) % max(1, 2 * (size - 1)) - (size - 1))  # mirrored at either edge
        before = np.minimum(at.astype(np.int64), max(0, size - 2))
        share = (at - before)[..., None].astype(np.float32)
        rows = np.arange(len(x))[:, None]
        played: Floats = x[rows, before] * (1 - share) + x[rows, np.minimum(before + 1, size - 1)] * share
        return played

    def _erased(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Returns windows of which some have an erased segment."""
        if not self.erase:
            return x
        size = x.shape[1]
        length = np.ceil(rng.uniform(0, self.erase_share, len(x)) * size)[:, None]
        start = np.floor(rng.uniform(0, 1, len(x))[:, None] * (size - length + 1))
        lost = (np.arange(size) >= start) & (np.arange(size) < start + length)
        lost &= (rng.random(len(x)) < self.erase)[:, None]
        return np.where(lost[..., None], x.mean(1, keepdims=True), x)


def rotations(axes: npt.NDArray[np.float64], angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the matrices `[N, 3, 3]` that rotate column vectors about axes, by Rodrigues' formula.

    - `axes`: unit vectors `[N, 3]`.
    - `angles`: radians `[N]`, counter-clockwise if the axis points at the viewer.
    """
    x, y, z = axes.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    sine, cosine = (f(angles)[:, None, None] for f in (np.sin, np.cos))
    return np.asarray(np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross))


def _either_way(n: int, most: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draws `n` numbers from -most to most."""
    return rng.uniform(-most, most, n)
