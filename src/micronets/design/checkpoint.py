"""Checkpoint files of a search or a training: written atomically, and read only by the run that they belong to.

`dnas_loop.py` and `train_loop.py` decide what a checkpoint holds; this file only stores it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from micronets.errors import FileError, SpecError
from micronets.files import check_plain, damage_text, write_atomic


def save_checkpoint(path: Path, state: dict[str, Any], stamp: str = "") -> None:
    """Replaces the checkpoint at `path`.

    - `state`: tensors, numbers, strings, and lists and dicts of these.
    - `stamp`: identifies the search or training (a hash of all that decides its result); `load_checkpoint` compares it.

    Raises `FileError` if the file cannot be written (disk full, no permission); the previous checkpoint then stays.
    """
    buffer = io.BytesIO()
    torch.save({"stamp": stamp, **state}, buffer)
    try:
        write_atomic(path, buffer.getvalue())
    except OSError as e:
        kept = "; the previous checkpoint is intact" if path.exists() else ""
        reason = e.strerror or e
        raise FileError(
            f"{path}: cannot write the checkpoint ({reason}){kept}; free space and run again to continue"
        ) from e


def load_checkpoint(path: Path, device: torch.device | None = None, stamp: str = "") -> dict[str, Any] | None:
    """Reads what `save_checkpoint` wrote, its stamp included; returns None if there is no file at `path`.

    - `device`: the device of the tensors; None keeps that from which each was saved.
    - `stamp`: the stamp that the checkpoint must have.

    Raises `FileError` for a damaged file and `SpecError` for a checkpoint with another stamp.
    """
    try:
        check_plain(path)
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as e:  # torch's reader raises a dozen kinds of exception for damaged files
        raise FileError(f"{path}: not a readable checkpoint ({type(e).__name__}); delete it to start again") from e
    if not isinstance(state, dict) or state.get("stamp") != stamp:
        raise SpecError(
            f"{path}: the checkpoint belongs to another training (settings, network, seed, data or initial weights "
            "differ); delete it or choose another directory"
        )
    return state


@contextmanager
def readable_state(path: Path) -> Iterator[None]:
    """Turns an error that the block raises, because a checkpoint's state has another form, into one clear line.

    - `path`: the checkpoint that the block loads; an earlier version may have written it.

    Raises `FileError`.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as e:
        text = f"{e.args[0]} is missing" if isinstance(e, KeyError) else damage_text(e)
        raise FileError(f"{path}: not a checkpoint of this version ({text}); delete it to start again") from e
