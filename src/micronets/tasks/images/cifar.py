"""Readers of CIFAR-10 (Krizhevsky 2009) in its published forms: Python pickles, binary batches, `.npz`.

.npz      x uint8 [N, S, S, 3 or 1], y integer [N], split text [N] ("train", "val", "test"), classes text [C]
python    data_batch_1 ... data_batch_5, test_batch: pickled dictionaries of planar rows [R, G, B]; batches.meta
binary    data_batch_1.bin ... test_batch.bin: records of a label byte and 3072 pixels; batches.meta.txt
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.files import DAMAGE, read_plain
from micronets.frontend.image import LARGEST_SIDE, Bytes
from micronets.tasks.base import SPLITS, Labels
from micronets.tasks.npz import check_labelled
from micronets.tasks.npz import read_npz as read_arrays

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NPZ = "cifar10.npz"
KEYS = ("x", "y", "split", "classes")
_SIDE, _PIXELS = 32, 3 * 32 * 32
_BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}

SplitExamples = dict[str, tuple[Bytes, Labels]]
"""Images `[N, 32, 32, 3]` and labels `[N]` by split."""


def read(path: Path) -> tuple[SplitExamples, tuple[str, ...]]:
    """Reads images and class indices by split, and the names of the classes. Raises `DataError`."""
    if not path.exists():
        raise DataError(f"{path}: no such file or directory; give CIFAR-10's directory, unpacked, or an .npz file")
    if path.is_file():
        return read_archive(path)
    for folder in (path, path / "cifar-10-batches-py", path / "cifar-10-batches-bin"):
        if (folder / NPZ).is_file():
            return read_archive(folder / NPZ)
        if (folder / "data_batch_1").is_file():
            return _read_batches(folder, "", _unpickled), CLASSES
        if (folder / "data_batch_1.bin").is_file():
            return _read_batches(folder, ".bin", _records), CLASSES
    raise DataError(
        f"{path}: no CIFAR-10 in it; need {NPZ}, data_batch_1 to 5 and test_batch, or the same as .bin files"
    )


def read_archive(path: Path) -> tuple[SplitExamples, tuple[str, ...]]:
    """Reads the images of an `.npz` file. Raises `DataError`."""
    arrays = read_arrays(path, KEYS, f"need {', '.join(KEYS)}")
    _check(path, arrays)
    split, y = arrays["split"], arrays["y"].astype(np.int64)
    parts: SplitExamples = {s: (arrays["x"][split == s], y[split == s]) for s in SPLITS}
    return parts, tuple(str(c) for c in arrays["classes"])


def _check(path: Path, a: Mapping[str, npt.NDArray[Any]]) -> None:
    x = a["x"]
    if x.dtype != np.uint8 or x.ndim != 4 or not x.size or x.shape[1] != x.shape[2] or x.shape[3] not in (1, 3):
        raise DataError(
            f"{path}: x is {x.dtype} {list(x.shape)}; need uint8 [N, side, side, 3 or 1] with N of at least 1"
        )
    if x.shape[1] > LARGEST_SIDE:
        raise DataError(f"{path}: images of {x.shape[1]} pixels a side; at most {LARGEST_SIDE}: write them smaller")
    check_labelled(path, a, SPLITS, "image")


def _read_batches(folder: Path, suffix: str, parse: Callable[[bytes], tuple[Bytes, Labels]]) -> SplitExamples:
    parts: SplitExamples = {"val": (np.zeros((0, _SIDE, _SIDE, 3), np.uint8), np.zeros(0, np.int64))}
    for split, names in _BATCHES.items():
        batches = []
        for name in names:
            path = folder / f"{name}{suffix}"
            try:
                x, y = parse(read_plain(path))
            except OSError as e:
                raise DataError(f"{path}: cannot be read ({e.strerror}); unpack CIFAR-10 again") from e
            except (*DAMAGE, pickle.UnpicklingError) as e:
                raise DataError(f"{path}: damaged or not a batch of CIFAR-10 ({e}); unpack CIFAR-10 again") from e
            if len(y) and not 0 <= y.min() <= y.max() < len(CLASSES):
                raise DataError(f"{path}: labels from {y.min()} to {y.max()}; CIFAR-10 has 0 to 9; unpack it again")
            batches.append((x.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1), y))
        parts[split] = np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])
    return parts


def _records(content: bytes) -> tuple[Bytes, Labels]:
    if not content or len(content) % (1 + _PIXELS):
        raise ValueError(f"{len(content)} bytes, not a multiple of {1 + _PIXELS}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + _PIXELS)
    return rows[:, 1:], rows[:, 0].astype(np.int64)


def _unpickled(content: bytes) -> tuple[Bytes, Labels]:
    batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    x, y = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != _PIXELS or y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise ValueError(f"data {x.dtype} {list(x.shape)}, labels {y.dtype} {list(y.shape)}")
    return x, y.astype(np.int64)


class _Unpickler(pickle.Unpickler):
    """Makes arrays of numbers and nothing else, since a pickle could otherwise run any program."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns the function or class `name` of `module` if arrays of numbers need it.

        Raises `pickle.UnpicklingError` for any other.
        """
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _reconstruct
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):
            return _encode
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch of CIFAR-10 needs")


def _reconstruct(kind: type, shape: tuple[int, ...], code: bytes) -> Any:
    return np.ndarray.__new__(np.ndarray, shape, np.dtype(code.decode() if isinstance(code, bytes) else code))


def _encode(text: str, encoding: str) -> bytes:
    return text.encode("latin1")
