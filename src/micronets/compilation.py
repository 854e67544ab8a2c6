"""`compile`: a `.tflite` as C in a directory, refused where it cannot fit the board."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from micronets import tflite
from micronets.arena import arena_tflm_bytes
from micronets.board import Board
from micronets.compiler import Compiled, compile_model
from micronets.counts import step_weight_bytes
from micronets.errors import BudgetError, FileError, SpecError

SOURCE = "estimated"


def compile_to(path: Path, board: Board, out: Path) -> dict[str, Any]:
    """Writes the C of the model at `path` to the directory `out`, whole or not at all, and tells what it takes.

    A directory that holds anything but an earlier result of this is left alone. Raises `FileError`, `SpecError`,
    `UnsupportedError`, and `BudgetError` for a model whose arena or constants exceed the board's memory.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give the path of a .tflite file") from e
    model = tflite.read(data, str(path))
    compiled = compile_model(model)
    _check_fits(compiled, board, str(path))
    write_directory(out, compiled)
    return {
        "model": str(path),
        "board": board.name,
        "source": SOURCE,
        "out": str(out),
        "files": sorted(compiled.files),
        "arena_bytes": compiled.arena_bytes,
        "arena_tflm_bytes": arena_tflm_bytes(model.arch, 4),
        "arena_bound_bytes": compiled.plan.bound_bytes,
        "constant_bytes": compiled.constant_bytes,
        "board_sram_bytes": board.sram_bytes,
        "board_flash_bytes": board.flash_bytes,
    }


def _check_fits(compiled: Compiled, board: Board, where: str) -> None:
    """Raises `BudgetError` that says by how much the model is too large, and at which layer."""
    arch = compiled.model.arch
    if compiled.arena_bytes > board.sram_bytes:
        moments = range(1, len(arch.layers) + 1)
        sizes = [sum(b.bytes for b in compiled.plan.buffers if b.first <= t <= b.last) for t in moments]
        worst = arch.layers[sizes.index(max(sizes))].name
        raise BudgetError(
            f"{where}: the arena of {compiled.arena_bytes:,} bytes is {compiled.arena_bytes - board.sram_bytes:,} more than "
            f"the {board.sram_bytes:,} bytes of SRAM of {board.name}; the most is alive at layer '{worst}': fewer channels or "
            "a larger stride there or before, or a larger board"
        )
    if compiled.constant_bytes > board.flash_bytes:
        largest = max(arch.steps(), key=step_weight_bytes)
        over = compiled.constant_bytes - board.flash_bytes
        raise BudgetError(
            f"{where}: weights and tables of {compiled.constant_bytes:,} bytes are {over:,} more than "
            f"the {board.flash_bytes:,} bytes of flash of {board.name}; the largest layer is '{largest.layer.name}' "
            f"with {step_weight_bytes(largest):,}: fewer channels there, weights of 4 bits, or a larger board"
        )


def write_directory(out: Path, compiled: Compiled) -> None:
    """Makes `out` hold exactly the files of `compiled`; whoever looks sees the old directory, none, or the whole new one."""
    if out.exists():
        foreign = not out.is_dir() or (any(out.iterdir()) and not (out / "micronets_kernels.h").is_file())
        if foreign:
            raise SpecError(f"--out {out}: there is something else; name a new or empty directory")
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    part.mkdir(parents=True)
    try:
        for name, text in compiled.files.items():
            (part / name).write_text(text, "utf-8")
        if out.exists():
            out.rename(old)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(old, ignore_errors=True)
