"""Synthetic images: textures and shapes in ten classes, and scenes with and without people. numpy only, seeded.

A class decides the form alone. Colours, sizes, positions, directions, background, clutter, light and noise are drawn at
random, so that a network must learn forms. No photographs are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.files import digest
from micronets.frontend import cached_arrays
from micronets.frontend.image import Bytes, ImageFrontEnd, resized
from micronets.tasks.base import SPLITS, Labels, check_splits
from micronets.tasks.images.data import ImageData
from micronets.tasks.images.settings import ImageAugmentation
from micronets.terminal import counted

VERSION = 1  # increase it whenever drawings change, as they are cached on disk
TEXTURES = ("stripes", "checks", "dots", "rings", "waves", "disc", "triangle", "square", "cross", "star")
PEOPLE = ("non_person", "person")

Floats = npt.NDArray[np.float32]
Draw = Callable[[Labels, np.random.Generator], Bytes]


def drawn(
    name: str, fe: ImageFrontEnd, train: int, splits: Sequence[str], augmentation: ImageAugmentation, *, scenes: bool
) -> ImageData:
    """Draws the data of a task.

    - `name`: the name of the task.
    - `fe`: the front end, which defines how images are stored.
    - `train`, `splits`: see `dataset`.
    - `augmentation`: the augmentation of training images.
    - `scenes`: whether to draw scenes with and without people; otherwise, textures and shapes.

    Raises `SpecError` for an unknown split.
    """
    check_splits(splits, SPLITS)
    draw, classes = (people, PEOPLE) if scenes else (textures, TEXTURES)
    x, y = dataset(draw, len(classes), train, splits)
    what = "scenes" if scenes else "shapes and textures"
    return ImageData(
        name=name,
        classes=classes,
        source=f"synthetic {what}: {counted(sum(map(len, y.values())), 'drawn images')}",
        frontend=fe,
        pictures={s: resized(part, fe.stored, fe.filter) for s, part in x.items()},
        target=y,
        synthetic=True,
        augmentation=augmentation,
    )


def dataset(draw: Draw, classes: int, train: int, splits: Sequence[str]) -> tuple[dict[str, Bytes], dict[str, Labels]]:
    """Draws images and their classes by split.

    - `draw`: draws an image for each class index of an array `[N]`, with a random generator.
    - `classes`: the number of classes.
    - `train`: the number of images for "train"; "val" and "test" get a quarter of it each, but at least one of each
      class.
    - `splits`: the splits to draw; the others stay empty.

    The classes get equally many images, or nearly so if the number cannot be divided.
    """
    x: dict[str, Bytes] = {}
    y: dict[str, Labels] = {}
    for number, s in enumerate(SPLITS):
        count = train if s == "train" else max(classes, train // 4)
        y[s] = np.arange(count if s in splits else 0, dtype=np.int64) % classes
        x[s] = _drawn(draw, y[s], number)
    return x, y


def _drawn(draw: Draw, target: Labels, number: int) -> Bytes:
    """Draws images, or reads them from the cache."""

    def make() -> dict[str, Bytes]:
        parts = [draw(target[:0], np.random.default_rng(0))]
        for i in range(0, len(target), 256):  # bounds the memory
            parts.append(draw(target[i : i + 256], np.random.default_rng([number, i])))
        return {"x": np.concatenate(parts)}

    return cached_arrays(digest(f"{draw.__name__} {VERSION} {number} {len(target)}"), make)["x"]


def textures(target: Labels, rng: np.random.Generator) -> Bytes:
    """Draws images of the classes of `TEXTURES`, `[N]`, as uint8 `[N, 32, 32, 3]`."""
    n, side = len(target), 32
    x, y = _grid(n, side, rng, (0.55, 1.3), 0.35)
    form = np.zeros((n, side, side), np.float32)
    pitch = rng.uniform(2.0, 4.5, (n, 1, 1)).astype(np.float32) * np.pi
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    size = np.float32(0.75)
    shapes: tuple[Callable[[], npt.NDArray[np.floating[Any]]], ...] = (
        lambda: np.sin(pitch * x),
        lambda: np.sin(pitch * x) * np.sin(pitch * y) * 2,
        lambda: np.cos(pitch * x) + np.cos(pitch * y) - 1,
        lambda: np.sin(pitch * radius),
        lambda: np.sin(pitch * (x + 0.25 * np.sin(pitch * y))),
        lambda: (size * 0.8 - radius) * 8,
        lambda: (size * 0.55 - np.maximum.reduce([y, 0.87 * x - 0.5 * y, -0.87 * x - 0.5 * y])) * 8,
        lambda: (size * 0.75 - np.maximum(np.abs(x), np.abs(y))) * 8,
        lambda: (
            np.minimum(
                size - np.maximum(np.abs(x), np.abs(y)),
                0.24 - np.minimum(np.abs(x), np.abs(y)),
            )
            * 8
        ),
        lambda: (size * (0.6 + 0.3 * np.cos(5 * angle)) - radius) * 8,
    )
    for c, shape in enumerate(shapes):
        here = target == c
        form[here] = shape()[here]
    cover = 1 / (1 + np.exp(-3 * np.clip(form, -8, 8)))
    return _photograph(_mixed(_background(n, side, rng), _colours(n, rng), cover), rng)


def people(target: Labels, rng: np.random.Generator) -> Bytes:
    """Draws scenes with objects, uint8 `[N, 96, 96, 3]`; those of class 1 have a person as well."""
    n, side = len(target), 96
    picture = _background(n, side, rng)
    for _ in range(3):
        picture = _mixed(picture, _colours(n, rng), _thing(n, side, rng))
    figure = _figure(n, side, rng)
    who = (target == 1).astype(np.float32)[:, None, None]
    for cover in figure:
        picture = _mixed(picture, _colours(n, rng), cover * who)
    #  Scenes of the other class have a figure with the parts of a person in wrong places.
    for cover in _figure(n, side, rng, scrambled=True):
        picture = _mixed(picture, _colours(n, rng), cover * (1 - who) * (rng.random((n, 1, 1)) < 0.7))
    front = _thing(n, side, rng) * (rng.random((n, 1, 1)) < 0.3) * 0.9
    return _photograph(_mixed(picture, _colours(n, rng), front), rng)


def _grid(
    n: int, side: int, rng: np.random.Generator, size: tuple[float, float], away: float, turn: float = np.pi
) -> tuple[Floats, Floats]:
    """Returns coordinates `[N, side, side]` of a figure of radius about 1, with random position, size and direction."""
    at = (np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1
    centre = rng.uniform(-away, away, (2, n, 1, 1)).astype(np.float32)
    scale = rng.uniform(*size, (n, 1, 1)).astype(np.float32)
    angle = rng.uniform(-turn, turn, (n, 1, 1)).astype(np.float32)
    x, y = (at[None, None, :] - centre[0]) / scale, (at[None, :, None] - centre[1]) / scale
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def _thing(n: int, side: int, rng: np.random.Generator) -> Floats:
    """Draws the coverage `[N, side, side]` of a disc, box, post or bar."""
    x, y = _grid(n, side, rng, (0.15, 0.6), 0.9)
    long = rng.uniform(0.15, 1, (n, 1, 1)).astype(np.float32)
    box = np.maximum(np.abs(x), np.abs(y) / long)
    return _edge(np.where(rng.random((n, 1, 1)) < 0.4, np.hypot(x, y / long), box), side)


def _figure(n: int, side: int, rng: np.random.Generator, scrambled: bool = False) -> list[Floats]:
    """Draws the coverage of legs, trunk, arms and head, nearly upright, in a random pose."""
    x, y = _grid(n, side, rng, (0.28, 0.85), 0.35, 0.25)

    def limb(top: tuple[float, float], bottom: tuple[float, float], width: float, sway: float) -> Floats:
        """Draws a rounded stroke from `top` to about `bottom`, in the figure's own units."""
        ax, ay = top
        bx = bottom[0] + rng.uniform(-sway, sway, (n, 1, 1)).astype(np.float32)
        by = bottom[1] + rng.uniform(-sway, sway, (n, 1, 1)).astype(np.float32) * 0.5
        if scrambled:
            move = rng.uniform(-0.7, 0.7, (4, n, 1, 1)).astype(np.float32)
            ax, bx, ay, by = ax + move[0], bx + move[1], ay + move[2], by + move[3]
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2 + 1e-6), 0, 1)
        return _edge(np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) / np.float32(width), side)

    legs = np.maximum(limb((-0.1, 0.15), (-0.18, 0.95), 0.11, 0.15), limb((0.1, 0.15), (0.18, 0.95), 0.11, 0.15))
    trunk = limb((0, -0.4), (0, 0.12), 0.24, 0.04)
    arms = np.maximum(limb((-0.2, -0.45), (-0.38, 0.1), 0.08, 0.35), limb((0.2, -0.45), (0.38, 0.1), 0.08, 0.35))
    return [legs, trunk, arms, limb((0, -0.78), (0, -0.76), 0.17, 0.03)]


def _edge(distance: npt.NDArray[np.floating[Any]], side: int) -> Floats:
    """Returns the coverage, 0 to 1, of points with a distance below 1, with an edge about two pixels wide."""
    cover: Floats = np.clip(0.5 - (distance - 1) * np.float32(side / 16), 0, 1).astype(np.float32)
    return cover


def _colours(n: int, rng: np.random.Generator) -> Floats:
    return rng.uniform(0, 1, (n, 1, 1, 3)).astype(np.float32)


def _mixed(picture: Floats, colour: Floats, cover: npt.NDArray[np.floating[Any]]) -> Floats:
    part = cover[..., None].astype(np.float32)
    mixed: Floats = picture + (colour - picture) * part
    return mixed


def _background(n: int, side: int, rng: np.random.Generator) -> Floats:
    """Draws a gradient between two colours with coarse blotches, `[N, side, side, 3]`."""
    ramp = np.linspace(0, 1, side, dtype=np.float32)[None, :, None, None]
    base = _colours(n, rng) * (1 - ramp) + _colours(n, rng) * ramp
    coarse = rng.normal(0, 0.12, (n, 8, 8, 3)).astype(np.float32)
    picture: Floats = base + np.repeat(np.repeat(coarse, side // 8, 1), side // 8, 2)
    return picture


def _photograph(picture: Floats, rng: np.random.Generator) -> Bytes:
    """Adds light and noise, and rounds to integer pixels."""
    n = len(picture)
    light = rng.uniform(0.6, 1.2, (n, 1, 1, 1)).astype(np.float32)
    noise = rng.standard_normal(picture.shape, np.float32) * rng.uniform(0.01, 0.1, (n, 1, 1, 1)).astype(np.float32)
    pixels: Bytes = np.clip(np.rint(255 * (picture * light + noise)), 0, 255).astype(np.uint8)
    return pixels
