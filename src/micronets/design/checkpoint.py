"""Checkpoints of a training: written atomically, read back only by the training that they belong to."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from micronets.errors import FileError, SpecError
from micronets.files import write_atomic


def save_checkpoint(path: Path, state: dict[str, Any], stamp: str = "") -> None:
    """Writes tensors, numbers, texts, lists and dicts; `stamp` identifies the training.

    Raises `FileError` (disk full, no permission) with the previous checkpoint untouched.
    """
    buffer = io.BytesIO()
    torch.save({"stamp": stamp, **state}, buffer)
    try:
        write_atomic(path, buffer.getvalue())
    except OSError as e:
        kept = "; the previous checkpoint is intact" if path.exists() else ""
        reason = e.strerror or e
        raise FileError(f"{path}: cannot write the checkpoint ({reason}){kept}; free space and run again to continue") from e


def load_checkpoint(path: Path, device: torch.device | None = None, stamp: str = "") -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, or None if there is no checkpoint.

    Raises `FileError` for a damaged file and `SpecError` for a checkpoint of another training.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as e:  # torch's reader raises a dozen kinds for damaged files
        raise FileError(f"{path}: not a readable checkpoint ({type(e).__name__}); delete it to start again") from e
    if not isinstance(state, dict) or state.get("stamp") != stamp:
        raise SpecError(
            f"{path}: the checkpoint is of another training (settings, network, seed, data or initial weights differ); "
            "delete it or choose another directory"
        )
    return state
