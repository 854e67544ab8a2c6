"""Image classification: CIFAR-10, or ten classes of drawn shapes and textures where there is no data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.frontend.image import ImageFrontEnd, resized
from micronets.tasks import cifar
from micronets.tasks.imagedata import SPLITS, ImageAugmentation, ImageData, Labels

VALIDATION = 5000
_SEED = 20250  # which pictures validate is part of the task: the same ones whatever a run's seed is


def load(
    path: Path | None = None,
    *,
    frontend: ImageFrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
    augmentation: ImageAugmentation | None = None,
    validation: int = VALIDATION,
) -> ImageData:
    """CIFAR-10 at `path`: its directory (Python or binary version), or an `.npz` (see `cifar`).

    frontend: default: 32 x 32 colour pixels, as they are. splits: those to read; the others stay empty.
    validation: pictures taken from "train" for "val", of every class alike, always the same ones; not used where the file
    has a "val" of its own. Raises `DataError` (data that cannot be used) and `SpecError` (a bad option).
    """
    for s in splits:
        if s not in SPLITS:
            raise SpecError(f"split '{s}' is not known; {did_you_mean(s, SPLITS)}")
    if path is None:
        raise DataError("ic: no data; give the directory of CIFAR-10")
    parts, classes = cifar.read(path)
    x = {s: parts[s][0] for s in SPLITS}
    y = {s: parts[s][1] for s in SPLITS}
    if not len(y["val"]) and len(y["train"]):
        keep, held = validation_rows(y["train"], validation, path)
        x["val"], x["train"] = x["train"][held], x["train"][keep]
        y["val"], y["train"] = y["train"][held], y["train"][keep]
    for s in SPLITS:
        if s not in splits:
            x[s], y[s] = x[s][:0], y[s][:0]
    fe = frontend or ImageFrontEnd(resolution=x["train"].shape[1], colour=x["train"].shape[3])
    x = {s: resized(part, fe.stored, fe.filter) for s, part in x.items()}
    count = sum(len(v[0]) for v in parts.values())
    return ImageData(
        name="ic", classes=classes, source=f"{path.name}: {count} pictures of CIFAR-10", frontend=fe, pictures=x, target=y,
        augmentation=augmentation or ImageAugmentation(),
    )  # fmt: skip


def validation_rows(target: Labels, count: int, where: Path | str) -> tuple[Labels, Labels]:
    """Indices that stay, and about `count` that validate: the same share of every class. Raises `DataError`, `SpecError`."""
    if not 1 <= count < len(target):
        raise SpecError(f"{where}: validation = {count}; allowed: 1 to {len(target) - 1}, of the {len(target)} of train")
    rng = np.random.default_rng(_SEED)
    held = []
    for c in np.unique(target):
        rows = np.flatnonzero(target == c)
        if len(rows) < 2:
            raise DataError(f"{where}: class {c} has one example; at least 2 are needed (train and validation)")
        n = min(max(1, round(count * len(rows) / len(target))), len(rows) - 1)
        held.append(rng.permutation(rows)[:n])
    chosen = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(target)), chosen), chosen
