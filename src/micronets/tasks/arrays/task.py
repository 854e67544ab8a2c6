"""The task `features`: arrays of the user's own, from any sensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

import numpy as np
import numpy.typing as npt

from micronets import user_code
from micronets.errors import DataError, SpecError, UserCodeError, did_you_mean
from micronets.frontend.spectral import Spectral, SpectralSettings, is_spectral
from micronets.frontend.standard import Standard
from micronets.ir.spaces.base import SpaceOptions
from micronets.ranges import check_fields, ranged
from micronets.tasks.arrays import folders, movement, recordings
from micronets.tasks.arrays.augment import SensorAugmentation
from micronets.tasks.arrays.folders import SplitArrays
from micronets.tasks.base import ALL, SPLITS, Balance, Card, Examples, Floats, Labels, Outline, Task, check_splits
from micronets.tasks.labelled import LabelledData, examples_of
from micronets.terminal import counted

if TYPE_CHECKING:
    import torch

__all__ = ["TASK", "ArraysOptions", "FeaturesData", "Spectral", "Standard", "examples", "load", "outline"]

Preparation = Standard | Spectral
"""The conversion from an array to a network's input."""


@dataclass(frozen=True)
class ArraysOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: an .npz with x and y, a folder of .npy or .csv files per class, such a file per class, or a long recording
      with a label file beside it, or a directory of such; empty: motions are synthesised.
    - `window`: samples of a window that is cut out of a long recording; with label files, their rate is
      `data.spectral.sample_rate`.
    - `synthetic_clips`: training examples to synthesise, if there is no path.
    - `synthetic`: the kind of synthetic examples: gestures of a hand, 64 samples of 3 axes (`gestures`), or everyday
      movements and falls with a sensor at the waist, 128 samples of 6 axes (`falls`).
    - `front_end`: how an array becomes the network's input: each value standardised (`standard`), or band energies and
      moments of sensor windows `[samples, axes]` (`spectral`).
    - `spectral`: the settings of the spectral front end; its `sample_rate` applies to both front ends.
    - `noise`: deviation of the normal noise added to standardised training examples.
    - `shift`: training inputs of two or three axes are rotated by up to this share of their first axis, either way;
      with the spectral front end, that axis is the frames.
    - `augmentation`: the augmentation of training windows of a sensor, before they become inputs.
    - `balance`: how often a training epoch uses the examples: each once (`none`), or every class equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    """

    path: str = ""
    window: int = ranged(128, 2, 100_000)
    synthetic_clips: int = ranged(600, 1, 1_000_000)
    synthetic: Literal["gestures", "falls"] = "gestures"
    front_end: Literal["standard", "spectral"] = "standard"
    spectral: SpectralSettings = field(default_factory=SpectralSettings)
    balance: Balance = "none"
    noise: float = ranged(0.1, 0, 100)
    shift: float = ranged(0.0, 0, 1)
    augmentation: SensorAugmentation = field(default_factory=SensorAugmentation)

    def __post_init__(self) -> None:
        check_fields(self, "data.")


Augment = Callable[[Floats, np.random.Generator], npt.NDArray[Any]]
"""`(x, rng) -> x`: changes training examples `[B, ...]` in their own units, with random numbers of `rng`; a
`SensorAugmentation` is one."""


def augmented(augment: Augment, x: Floats, rng: np.random.Generator) -> Floats:
    """Returns training examples changed by a `SensorAugmentation` or a function of the user's.

    - `augment`: the function, which gets a copy of `x`, and `rng`.
    - `x`: the examples, float32 `[N, ...]`.
    - `rng`: the random numbers of the function.

    Raises `UserCodeError` if the function fails, or returns anything but an array of finite numbers of the same shape.
    """
    if isinstance(augment, SensorAugmentation):
        return augment(x, rng)
    file, place = user_code.place(augment)
    found = np.asarray(user_code.called(lambda: augment(x.copy(), rng), file, "augment"))
    if found.shape != x.shape or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        said = f"{found.dtype} {list(found.shape)}" if found.shape != x.shape else f"{found.dtype}, not all finite"
        raise UserCodeError(f"{place}: augment returns {said}; need finite numbers {list(x.shape)}, as it was given")
    return found.astype(np.float32, copy=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class FeaturesData(LabelledData):
    """Labelled arrays, a `TaskData`.

    - `preparation`: the conversion from an array to a network's input.
    - `x`: examples by split, float32 `[N, ...]` in the units of the files.
    - `target`: class indices by split, `[N]`.
    - `noise`, `shift`: see `ArraysOptions`.
    - `augment`: changes training examples before they become inputs; None for nothing.
    - `ready`: the inputs of a spectral front end, by split, computed once.
    """

    preparation: Preparation
    x: Mapping[str, Floats]
    target: Mapping[str, Labels]
    noise: float = 0.0
    shift: float = 0.0
    augment: Augment | None = None
    ready: dict[str, Floats] = field(default_factory=dict, repr=False)
    name: str = "features"

    @property
    def space_options(self) -> SpaceOptions:
        """The shape of the network's input."""
        return dict(zip(("height", "width", "channels"), self.preparation.input_shape, strict=True))

    def stored(self, split: str) -> npt.NDArray[Any]:
        """Returns the stored examples of a split, `[N, ...]`."""
        return self.of_split(self.x, split)

    def labels(self, split: str) -> Labels:
        """Returns the class indices `[N]` of a split. Raises `SpecError` for an unknown split."""
        return self.of_split(self.target, split)

    def front_end(self, settings: Mapping[str, int]) -> str:
        """Returns the JSON of the preparation."""
        return self.preparation.to_json()

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """Returns the shape `(H, W, C)` of the network's input."""
        return self.preparation.input_shape

    def inputs(self, split: str, settings: Mapping[str, int], indices: Labels | None = None) -> Floats:
        """Returns network inputs `[N, H, W, C]` of a split, not augmented.

        - `split`: the name of the split.
        - `settings`: unused: nothing changes the input of this task.
        - `indices`: indices of examples of the split, `[N]`; None: all of them.

        Raises `SpecError` for an unknown split.
        """
        self.labels(split)
        match self.preparation:
            case Standard() as standard:
                return standard.inputs(self.x[split] if indices is None else self.x[split][indices])
            case Spectral() as spectral:
                if split not in self.ready:
                    self.ready[split] = spectral.inputs(self.x[split])
                return self.ready[split] if indices is None else self.ready[split][indices]
            case _:
                assert_never(self.preparation)

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Returns network inputs `[B, H, W, C]` of train examples, augmented; they depend on the arguments alone.

        First `augment`, if there is one, changes the examples. Then the inputs are shifted, and noise is added.

        - `indices`: indices of examples of the train split, `[B]`.
        - `settings`: unused: nothing changes the input of this task.
        - `generator`: draws the augmentation; the result is on its device.
        """
        import torch

        device, rows = generator.device, indices.cpu().numpy()
        if self.augment is None:
            made = self.inputs("train", settings, rows)
        else:
            seed = int(torch.randint(2**62, (1,), generator=generator, device=device))
            made = self.preparation.inputs(augmented(self.augment, self.x["train"][rows], np.random.default_rng(seed)))
        x = torch.from_numpy(made).to(device)
        most = round(self.shift * x.shape[1]) if len(self.preparation.shape) > 1 else 0
        if most:
            by = torch.randint(-most, most + 1, (len(x), 1), generator=generator, device=device)
            at = (torch.arange(x.shape[1], device=device) + by) % x.shape[1]
            x = x[torch.arange(len(x), device=device)[:, None], at]
        return x + self.noise * torch.randn(x.shape, generator=generator, device=device)


def outline(options: ArraysOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    if not options.path:
        motions = _synthetic(options.synthetic, 12)
        shape, classes = motions.x.shape[1:], len(motions.classes)
    else:
        shape, classes = folders.example_shape(Path(options.path)) or (1,), 2
    if options.front_end == "spectral" and len(shape) == 2:
        settings = options.spectral
        shape = (max(1, 1 + (shape[0] - settings.frame) // settings.hop), settings.values, shape[1])
    height, width, channels = (*shape, 1, 1)[:3]
    return Outline(classes, {"height": height, "width": width, "channels": channels})


def load(
    path: Path | None = None,
    *,
    window: int = 128,
    synthetic_clips: int = 600,
    synthetic: Literal["gestures", "falls"] = "gestures",
    front_end: Literal["standard", "spectral"] = "standard",
    spectral: SpectralSettings | None = None,
    noise: float = 0.1,
    shift: float = 0.0,
    augmentation: SensorAugmentation | None = None,
    splits: Sequence[str] = SPLITS,
    preparation: Preparation | None = None,
) -> FeaturesData:
    """Reads the arrays at `path`, or synthesises some.

    Splits of the file are kept. If it has none, a tenth of every class goes to "val" and another to "test"; groups,
    which `group` or the file names define, stay together.

    - `window`, `synthetic_clips`, `synthetic`, `front_end`, `spectral`, `noise`, `shift`, `augmentation`: see
      `ArraysOptions`.
    - `splits`: the splits to read, or "all" for everything in one split; the others stay empty.
    - `preparation`: the conversion from arrays to inputs; by default that of `front_end`, with means and scales of the
      training examples.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    check_splits(splits, (*SPLITS, ALL))
    for name, value, allowed in (
        ("synthetic", synthetic, ("gestures", "falls")),
        ("front_end", front_end, ("standard", "spectral")),
    ):
        if value not in allowed:
            raise SpecError(f"features: {name} = {value!r}; {did_you_mean(value, allowed)}")
    check_noise(noise, shift)
    rows = _rows(path, synthetic, synthetic_clips, window, spectral or SpectralSettings(), preparation, splits)
    own = preparation or _preparation(rows.x[rows.split == "train"], front_end, spectral, path)
    if rows.x.shape[1:] != own.shape:
        raise DataError(
            f"{path or 'synthetic motions'}: examples are {list(rows.x.shape[1:])}, the model's {list(own.shape)}; "
            "give the same kind of data"
        )
    if augmentation is not None:
        augmentation.check(own.shape, path or "synthetic motions")
    where = {s: (rows.split == s) & (s in splits) for s in SPLITS}
    where |= {"all": np.ones(len(rows.x), bool)} if "all" in splits else {}
    shape = " x ".join(map(str, own.shape))
    return FeaturesData(
        classes=rows.classes,
        source=f"{path.name}: {counted(len(rows.x), 'arrays')} of {shape}"
        if path
        else f"synthetic {_SYNTHETIC[synthetic]}: {counted(len(rows.x), 'arrays')} of {shape}",
        preparation=own,
        x={s: rows.x[w] for s, w in where.items()},
        target={s: rows.y[w] for s, w in where.items()},
        files={s: tuple(np.array(rows.files)[w].tolist()) for s, w in where.items()} if rows.files else {},
        synthetic=path is None,
        notes=rows.notes,
        noise=noise,
        shift=shift,
        augment=None if augmentation is None or augmentation.is_none else augmentation,
    )


def _rows(
    path: Path | None,
    synthetic: Literal["gestures", "falls"],
    count: int,
    window: int,
    spectral: SpectralSettings,
    preparation: Preparation | None,
    splits: Sequence[str],
) -> SplitArrays:
    """Returns examples with their splits; long recordings are cut as `preparation` requires, if it is given.

    - `count`: the number of synthetic examples.
    - `window`: samples of a window of a long recording.
    - `spectral`: has the sample rate of long recordings.
    """
    if path is None:
        return _synthetic(synthetic, count)
    pairs = recordings.pairs_at(path)
    size = window if preparation is None else preparation.shape[0]
    if pairs is None:
        return folders.read(path, size, "all" not in splits)
    match preparation:
        case Spectral():
            rate = preparation.settings.sample_rate
        case Standard(sample_rate=float(known)):
            rate = known
        case Standard() | None:
            rate = spectral.sample_rate
        case _:
            assert_never(preparation)
    return recordings.cut_windows(pairs, size, rate, "all" not in splits)


_SYNTHETIC = {"gestures": "motions", "falls": "falls and movements"}
"""The names of synthetic examples in descriptions."""


def _synthetic(which: Literal["gestures", "falls"], n: int) -> SplitArrays:
    """Returns synthetic examples, `n` of them for training."""
    match which:
        case "gestures":
            return _motions(n)
        case "falls":
            return movement.movements(n)
        case _:
            assert_never(which)


def _preparation(
    train: Floats, front_end: Literal["standard", "spectral"], settings: SpectralSettings | None, path: Path | None
) -> Preparation:
    """Returns the conversion from arrays to inputs, scaled by the training examples. Raises `SpecError`."""
    match front_end:
        case "standard":
            return Standard.of(train, (settings or SpectralSettings()).sample_rate)
        case "spectral":
            try:
                return Spectral.of(train, settings or SpectralSettings())
            except SpecError as e:
                raise SpecError(f"{path or 'synthetic motions'}: {e}") from e
        case _:
            assert_never(front_end)


def check_noise(noise: float, shift: float) -> None:
    """Raises `SpecError` for noise or shift out of range."""
    for name, value in (("noise", noise), ("shift", shift)):
        if not 0 <= value <= (1 if name == "shift" else 100):
            raise SpecError(f"features: {name} = {value}; need 0 or more{', at most 1' if name == 'shift' else ''}")


def _motions(n: int, seed: int = 0) -> SplitArrays:
    """Makes accelerations along three axes, 64 samples each: shaking, walking, circles and rest, held in many ways."""
    rng = np.random.default_rng(seed)
    classes = ("circle", "rest", "shake", "walk")
    count = {"train": n, "val": n // 4, "test": n // 2}
    y = np.concatenate([np.arange(c) % 4 for c in count.values()]).astype(np.int64)
    t = np.arange(64)[None]
    turn = 2 * np.pi * (t * rng.uniform(0.03, 0.07, (len(y), 1)) + rng.uniform(0, 1, (len(y), 1)))
    fast = 2 * np.pi * (t * rng.uniform(0.1, 0.2, (len(y), 1)) + rng.uniform(0, 1, (len(y), 1)))
    zero = np.zeros_like(turn)
    kinds = [
        (np.sin(turn), np.cos(turn), zero),
        (zero, zero, zero),
        (np.sin(fast), 0.2 * np.sin(2 * fast), zero),
        (0.3 * np.sin(turn / 2), zero, np.abs(np.sin(turn)) - 0.6),
    ]
    clean = np.stack([np.stack(axes, 2) for axes in kinds])[y, np.arange(len(y))] * rng.uniform(
        0.5, 1.5, (len(y), 1, 1)
    )
    held, _ = np.linalg.qr(rng.normal(0, 0.5, (len(y), 3, 3)) + np.eye(3))  # a rotation, often a small one
    x: npt.NDArray[Any] = clean @ held + rng.normal(0, 1, (len(y), 1, 3)) + rng.normal(0, 0.35, clean.shape)
    split = np.repeat([*count], [*count.values()])
    return SplitArrays(classes, x.astype(np.float32), y, split, ())


def examples(card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
    """Reads a split of the data at `path`, standardised as the model of `card` requires, in the order of its labels.

    - `card`: the facts about the model, which must have labels. Without a front end it gets the numbers as they are.
    - `path`: the data; None: synthetic data.
    - `split`: "train", "val", "test", or "all" for everything in one split.
    - `test`: must be None: the test examples are among the data.

    Raises `SpecError` and `DataError`, also if the split is empty or holds a class that the model does not know.
    """
    if test is not None:
        raise SpecError("--test: task features takes its test examples from --data")
    if card.labels is None:
        raise SpecError(f"{card.where}: carries no labels; name its outputs, in their order, with --labels")
    if card.frontend is None:
        return _unprepared(card, path, split)
    spectral = is_spectral(card.frontend)
    own = Spectral.from_json(card.frontend, card.where) if spectral else Standard.from_json(card.frontend, card.where)
    if own.input_shape != card.input_shape:
        raise SpecError(f"{card.where}: its input is {card.input_shape}, its front end gives {own.input_shape}")
    # Two kinds of examples can be synthesised: the shape of the model's input shows which kind it was trained on.
    synthetic: Literal["gestures", "falls"] = "falls" if own.shape == movement.WINDOW_SHAPE else "gestures"
    data = load(path, splits=(split,), preparation=own, synthetic=synthetic)
    where = path if path is not None else "synthetic motions"
    return examples_of(data, card, split, where, lambda rows: data.inputs(split, {}, rows))


def _unprepared(card: Card, path: Path | None, split: str) -> Examples:
    """Returns unconverted examples, for a model without a front end.

    - `card`: the facts about the model.
    - `path`, `split`: see `examples`.

    Raises `SpecError` without data or for data of another shape than the model's input, and what `examples` raises.
    """
    if path is None:
        raise SpecError(f"{card.where}: carries no front end, so it was not trained on synthetic motions; give --data")
    read = load(path, splits=(split,))
    data = replace(read, preparation=Standard.none(read.preparation.shape))
    if data.input_shape({}) != card.input_shape:
        raise SpecError(
            f"{card.where}: its input is {card.input_shape}, the examples of {path} are {data.input_shape({})}; give "
            "examples of that shape"
        )
    found = examples_of(data, card, split, path, lambda rows: data.inputs(split, {}, rows))
    note = "the model carries no front end: it is given the numbers as they are, not standardised"
    return replace(found, notes=(*found.notes, note))


TASK = Task(
    name="features",
    about="arrays of your own, from any sensor: a folder per class, or an .npz",
    inputs="features",
    options=ArraysOptions,
    load=load,
    outline=outline,
    examples=examples,
)
