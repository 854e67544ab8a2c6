"""`data_digest`: a hash of a data set, by which a checkpoint is refused for other labels or another augmentation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch

from micronets.tasks import TaskData

PROBES = 256  # training examples, evenly spaced, whose augmented forms are hashed
AT_ONCE = 1024  # examples whose inputs are in memory at the same time


def data_digest(data: TaskData, settings: Mapping[str, int]) -> str:
    """Returns a hash of all inputs and labels for training and validation, and of some augmented examples.

    It takes about as long as reading the inputs from memory. The augmented examples are computed on the CPU with fixed
    random numbers. An augmentation that does not draw from the given generator gives other inputs each time; it is left
    out.

    - `data`: the data of a search or a training.
    - `settings`: values of the data's input settings, by name.
    """
    hash_ = hashlib.blake2b(repr((data.name, data.classes, data.source, data.metric)).encode(), digest_size=16)
    for split in ("train", "val"):
        hash_.update(np.ascontiguousarray(data.labels(split), np.int64).tobytes())
        for start in range(0, data.size(split), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, data.size(split)))
            hash_.update(np.ascontiguousarray(data.inputs(split, settings, rows)).reshape(-1).data)
    first, second = (_augmented(data, settings) for _ in range(2))
    if first == second:
        hash_.update(first)
    return hash_.hexdigest()


def _augmented(data: TaskData, settings: Mapping[str, int]) -> bytes:
    """Returns the bytes of some augmented training examples."""
    indices = torch.from_numpy(_spaced(data.size("train")))
    return data.augmented(indices, settings, torch.Generator().manual_seed(0)).cpu().contiguous().numpy().tobytes()


def _spaced(size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Returns at most `PROBES` different indices below `size`, evenly spaced."""
    return np.unique(np.linspace(0, size - 1, min(size, PROBES)).astype(np.int64))
