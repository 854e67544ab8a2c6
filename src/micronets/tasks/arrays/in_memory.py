"""Data sets in memory, numpy arrays and torch data sets, as data of the task `features`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets import user_code
from micronets.arguments import checked
from micronets.errors import DataError, SpecError
from micronets.frontend.standard import LEAST_RATE, MOST_RATE
from micronets.tasks.arrays.augment import SensorAugmentation
from micronets.tasks.arrays.folders import array_rows, checked_complete
from micronets.tasks.arrays.task import Augment, FeaturesData, Standard, check_noise
from micronets.tasks.base import SPLITS
from micronets.terminal import counted

Array = npt.NDArray[Any]


@checked
def arrays(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    x_val: npt.ArrayLike | None = None,
    y_val: npt.ArrayLike | None = None,
    x_test: npt.ArrayLike | None = None,
    y_test: npt.ArrayLike | None = None,
    classes: Sequence[str] | None = None,
    group: npt.ArrayLike | None = None,
    augment: Augment | None = None,
    noise: float = 0.0,
    shift: float = 0.0,
    standardise: bool = True,
    sample_rate: float | None = None,
    source: str = "arrays",
) -> FeaturesData:
    """Makes a data set of numpy arrays, for `search`, `train`, `quantise`, `export` and `evaluate`.

    - `x`: numbers `[N, K]`, `[N, T, K]` or `[N, H, W, C]` in any unit. Networks get them standardised, by mean and
      deviation of the training examples for each value of the last axis.
    - `y`: class indices or texts `[N]`.
    - `x_val`, `y_val`, `x_test`, `y_test`: examples for validation and for the test. For a split that is not given, a
      tenth of every class is set apart; the hash of an example's position decides, so that these are the same examples
      for every seed.
    - `classes`: names of the outputs; without them, those that y has.
    - `group`: the source of each example of `x`, such as a person, `[N]`; groups are then set apart whole.
    - `augment`: a function `(x, rng) -> x` that changes training examples `[B, ...]` as they were given; every step
      calls it. A `SensorAugmentation` is one.
    - `noise`: deviation of normal noise on standardised training examples.
    - `shift`: training examples of two or three axes move by up to this share of their first axis, either way, going
      round.
    - `standardise`: False for networks that take the numbers as they are, such as a PyTorch module that was trained on
      them.
    - `sample_rate`: samples a second of windows `[N, T, K]` of a sensor, 0.001 to 1,000,000; a model that is told it
      can listen to the sensor.
    - `source`: a description of the data for reports.

    Raises `DataError` for arrays that cannot be used, `SpecError` for options out of range.
    """
    check_noise(noise, shift)
    if sample_rate is not None and not LEAST_RATE <= sample_rate <= MOST_RATE:
        raise SpecError(f"{source}: sample_rate = {sample_rate:g}; allowed: {LEAST_RATE:g} to {MOST_RATE:,.0f}")
    given = {"train": (x, y), "val": (x_val, y_val), "test": (x_test, y_test)}
    parts: dict[str, tuple[Array, Array]] = {}
    for split, (of_x, of_y) in given.items():
        if (of_x is None) != (of_y is None):
            there, lacks = ("x", "y") if of_y is None else ("y", "x")
            raise DataError(f"{source}: {there}_{split} without {lacks}_{split}; give both or none")
        if of_x is not None and of_y is not None:
            parts[split] = _pair(of_x, of_y, source, split)
    lacking = [s for s in SPLITS if s not in parts]
    pack = {
        "x": np.concatenate([part for part, _ in parts.values()]),
        "y": np.concatenate([part for _, part in parts.values()]),
        "split": np.repeat(list(parts), [len(part) for _, part in parts.values()]),
    }
    if classes is not None:
        pack["classes"] = np.array(list(classes), dtype=str)
    if group is not None:
        if not lacking:
            raise SpecError(f"{source}: group is for splits that are made here, and all three are given; leave it out")
        own = np.asarray(group).ravel().astype(str)
        others = len(pack["x"]) - len(parts["train"][0])
        if len(own) != len(parts["train"][0]):
            raise DataError(
                f"{source}: group has {counted(len(own), 'entries')}; "
                f"need {len(parts['train'][0])}, one for each row of x"
            )
        pack["group"] = np.concatenate([own, np.full(others, "")])
    rows = checked_complete(array_rows(pack, source, lacking), source)
    train = rows.x[rows.split == "train"]
    if isinstance(augment, SensorAugmentation):
        augment.check(train.shape[1:], source)
    standard = Standard.of(train, sample_rate) if standardise else Standard.none(train.shape[1:], sample_rate)
    shape = " x ".join(map(str, standard.shape))
    return FeaturesData(
        classes=rows.classes,
        source=f"{source}: {counted(len(rows.x), 'arrays')} of {shape}",
        preparation=standard,
        x={s: rows.x[rows.split == s] for s in SPLITS},
        target={s: rows.y[rows.split == s] for s in SPLITS},
        notes=rows.notes,
        noise=noise,
        shift=shift,
        augment=augment,
    )


def _pair(x: npt.ArrayLike, y: npt.ArrayLike, source: str, split: str) -> tuple[Array, Array]:
    try:
        a, b = np.asarray(x), np.asarray(y)
    except ValueError as e:  # rows of different lengths
        raise DataError(f"{source}: x or y of {split} is not an array ({e}); give every example the same shape") from e
    if a.ndim < 2 or b.shape != a.shape[:1]:
        raise DataError(f"{source}: x is {list(a.shape)} and y {list(b.shape)} in {split}; need x [N, ...] and y [N]")
    return a, b


@checked
def data_from_torch(
    train: Any,
    *,
    val: Any = None,
    test: Any = None,
    classes: Sequence[str] | None = None,
    channels: Literal["first", "last"] = "first",
    augment: Augment | None = None,
    noise: float = 0.0,
    shift: float = 0.0,
    standardise: bool = True,
    sample_rate: float | None = None,
    source: str = "torch data set",
) -> FeaturesData:
    """Reads a torch data set once into memory, and makes `arrays` of its pairs `(x, y)`.

    - `train`, `val`, `test`: a `Dataset` that can be indexed or iterated over, any sequence of pairs, or a
      `DataLoader`, of which the data set is taken. Transforms of the data set are applied once: what is to change in
      every epoch goes into `augment`.
    - `channels`: where examples of three axes have their channels: torch's (C, H, W), or (H, W, C).
    - `classes`: names of the outputs; without them, `classes` of the data set if it has any.
    - `augment`, `noise`, `shift`, `standardise`, `sample_rate`, `source`: as for `arrays`; `augment` is given
      (H, W, C).

    Raises `UserCodeError` for a data set that fails, `DataError` for one that holds no such pairs.
    """
    if channels not in ("first", "last"):
        raise SpecError(f"{source}: channels = {channels!r}; allowed: first, last")
    read = {
        name: _read(given, name, channels, source) for name, given in (("train", train), ("val", val), ("test", test))
    }
    names = classes if classes is not None else getattr(getattr(train, "dataset", train), "classes", None)
    (x, y), (x_val, y_val), (x_test, y_test) = read.values()
    assert x is not None and y is not None  # noqa: PT018 -- train was given
    return arrays(
        x, y, x_val=x_val, y_val=y_val, x_test=x_test, y_test=y_test, classes=names, augment=augment, noise=noise,
        shift=shift, standardise=standardise, sample_rate=sample_rate, source=source,
    )  # fmt: skip


def _read(given: Any, name: str, channels: str, source: str) -> tuple[Array | None, Array | None]:
    """Reads the examples and labels of one split; None if it is not given."""
    if given is None and name != "train":
        return None, None
    data = getattr(given, "dataset", given) if hasattr(given, "batch_size") else given
    if not isinstance(data, Iterable) and not (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        raise DataError(f"{source}: {name} is a {type(data).__name__}; need a data set of pairs (x, y)")

    def pairs() -> list[tuple[Array, Any]]:
        items = (data[i] for i in range(len(data))) if hasattr(data, "__len__") else iter(data)
        found = []
        for i, item in enumerate(items):
            if not isinstance(item, (tuple, list)) or len(item) != 2:
                kind = type(item).__name__
                raise DataError(
                    f"{source}: example {i} of {name} is a {kind}; need a pair (x, y) of an example and its class"
                )
            found.append((_numpy(item[0]), _numpy(item[1])))
        return found

    found = user_code.called(pairs, None, f"{source}: reading {name}")
    if not found:
        raise DataError(f"{source}: {name} has no examples")
    shapes = {x.shape for x, _ in found}
    if len(shapes) > 1:
        raise DataError(f"{source}: examples of {name} have shapes {sorted(shapes)}; every example needs the same")
    labels = np.array([np.asarray(label).item() for _, label in found])
    x = np.stack([x for x, _ in found])
    return np.moveaxis(x, 1, -1) if channels == "first" and x.ndim == 4 else x, labels


def _numpy(value: Any) -> Array:
    detached = value.detach().cpu() if hasattr(value, "detach") else value
    return np.asarray(detached)
