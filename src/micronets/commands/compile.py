"""`compile`: a `.tflite` as C in a directory, refused where it cannot fit the board."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from micronets import __version__, output_directory, tflite
from micronets.boards.board import Board, parse_size
from micronets.compiler import Compiled, compile_model
from micronets.compiler.generate.manifests import library_files
from micronets.compiler.generate.tflm_package import arena_with_margin, tflm_files
from micronets.cost.costs import RUNTIME_FLASH_BYTES
from micronets.cost.counts import step_weight_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device import cross_compiler
from micronets.device.sim.elf import read_image
from micronets.errors import DeviceError, DoesNotFit, FileError, SpecError, did_you_mean
from micronets.files import is_part
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.c import C_STACK_BYTES, CODE_BYTES, arena_room, sram_bytes

SOURCE = "estimated"
_CLOSE_BYTES = 2 * CODE_BYTES  # with so much flash to spare, no firmware is built to see whether it fits
RUNTIMES = ("c", "tflm")


def compile_to(path: Path, board: Board, out: Path, runtime: str = "c", patches: str = "auto") -> dict[str, Any]:
    """Writes the C of the model at `path` to the directory `out`, whole or not at all, and tells what it takes.

    runtime: c (our own kernels), or tflm (the file itself, and what TensorFlow Lite Micro needs to run it).
    patches: of our own C, see `arena_limit`.

    An earlier result is replaced; whatever else is in the directory stays. A directory without an earlier result that holds
    anything is refused, and so is one in which a file of an earlier result was edited. Raises `FileError`, `SpecError`,
    `UnsupportedError`, and `DoesNotFit` for a model whose arena or constants exceed the board's memory.
    """
    limit = arena_limit(board, patches)
    if runtime not in RUNTIMES:
        raise SpecError(f"runtime: unknown '{runtime}'; {did_you_mean(runtime, RUNTIMES)}")
    if runtime == "tflm" and patches != "auto":
        raise SpecError(f"patches = {patches}: TFLM runs layer after layer; leave it out, or take the runtime c")
    try:
        data = path.read_bytes()
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give the path of a .tflite file") from e
    model = tflite.read(data, str(path))
    sizes: Mapping[str, Any]
    if runtime == "tflm":
        files, sizes = _for_tflm(data, model, board, str(path))
    else:
        compiled = compile_model(model, board.target, arena_limit=limit)
        _check_fits(compiled, board, str(path), limit is None)
        files = {**compiled.files, **library_files(compiled, __version__)}
        sizes = {
            "arena_c_bytes": compiled.arena_bytes,
            "sram_c_bytes": sram_bytes(compiled.arena_bytes),
            "arena_bound_bytes": compiled.plan.bound_bytes,
            "constant_bytes": compiled.constant_bytes,
            "bands": bands(compiled),
        }
    _write(out, files)
    return {
        "model": str(path),
        "board": board.name,
        "runtime": runtime,
        "source": SOURCE,
        "out": str(out),
        "files": sorted([*files, output_directory.LIST]),
        **sizes,
        "arena_tflm_cortex_m_bytes": arena_tflm_bytes(model.arch, 4),
        "board_sram_bytes": board.sram_bytes,
        "board_flash_bytes": board.flash_bytes,
    }


def _write(out: Path, files: Mapping[str, str]) -> None:
    """Writes the result to a directory that is new, empty, or has an earlier one. Raises `FileError`, `SpecError`."""
    if out.is_dir() and not (out / output_directory.LIST).exists():
        output_directory.check(out, files)
        others = sorted(name for name in os.listdir(out) if not name.startswith(".micronets") and not is_part(name))
        if others:
            raise SpecError(f"--out {out}: there is something else ({others[0]}); name a new or empty directory")
    try:
        output_directory.write_files(out, files)
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
            raise SpecError(f"--out {out}: no directory can be made there ({e.strerror}); name another place") from e
        raise


def arena_limit(board: Board, patches: str) -> int | None:
    """How large the arena may get before layers run in bands (docs/deploy.md), for `compile_model`.

    patches: auto (the board's SRAM without a stack), off (no limit), smallest (the smallest arena there is), or a size such
    as 64K. Raises `SpecError`.
    """
    match patches:
        case "auto":
            return arena_room(board)
        case "off":
            return None
        case "smallest":
            return 0
        case _ if patches[:1].isdigit():
            return parse_size(patches, "patches")
        case _:
            raise SpecError(f"patches: unknown '{patches}'; allowed: auto, off, smallest, or a size for the arena such as 64K")


def bands(compiled: Compiled) -> list[dict[str, Any]]:
    """The layers that run together in bands: the first's and the last's name, how many, and rows of the last in a band."""
    names = [layer.name for layer in compiled.model.arch.layers]
    return [
        {"first": names[s.first], "last": names[s.last], "layers": s.last - s.first + 1, "rows": s.height}
        for s in compiled.plan.groups
    ]


def bands_text(found: Sequence[Mapping[str, Any]]) -> str:
    """What `bands` found, for a terminal."""
    return "\n".join(f"layers '{b['first']}' to '{b['last']}' run together in bands of {b['rows']} rows" for b in found)


def _for_tflm(
    data: bytes, model: QuantizedModel, board: Board, where: str
) -> tuple[Mapping[str, str], dict[str, int | list[str]]]:
    """The files for TFLM, and their sizes. Raises `DoesNotFit` if the board's memory does not suffice for them."""
    arena = arena_with_margin(arena_tflm_bytes(model.arch, 4))
    if arena > board.sram_bytes:
        raise DoesNotFit(
            f"{where}: TFLM's arena of {arena:,} bytes is {arena - board.sram_bytes:,} more than the {board.sram_bytes:,} "
            f"bytes of SRAM of {board.name}; --runtime c needs less, or take a larger board"
        )
    over = len(data) + RUNTIME_FLASH_BYTES - board.flash_bytes
    if over > 0:
        raise DoesNotFit(
            f"{where}: the file of {len(data):,} bytes and TFLM's code, about {RUNTIME_FLASH_BYTES:,}, are {over:,} more "
            f"than the {board.flash_bytes:,} bytes of flash of {board.name}; --runtime c needs less, or take fewer channels, "
            "weights of 4 bits, or a larger board"
        )
    names = tflite.operators(data, where)
    files = tflm_files(data, model, names, board)
    return files, {"arena_tflm_compiled_bytes": arena, "constant_bytes": len(data), "operators": list(names)}


def _check_fits(compiled: Compiled, board: Board, where: str, off: bool) -> None:
    """Raises `DoesNotFit` that says by how much the model is too large, and at which layer; `off`: bands were not tried."""
    over = sram_bytes(compiled.arena_bytes) - board.sram_bytes
    if over > 0:
        raise DoesNotFit(
            f"{where}: the arena of {compiled.arena_bytes:,} bytes and a stack of {C_STACK_BYTES:,} are {over:,} more than "
            f"the {board.sram_bytes:,} bytes of SRAM of {board.name}; the most is alive at layer "
            f"'{fullest_layer(compiled)}': fewer channels or a larger stride there or before, "
            f"{'--patches auto, ' if off else ''}or a larger board"
        )
    if compiled.constant_bytes + _CLOSE_BYTES <= board.flash_bytes:
        return
    code, source = code_bytes(compiled, board)
    over = compiled.constant_bytes + code - board.flash_bytes
    if over > 0:
        largest = max(compiled.model.arch.steps(), key=step_weight_bytes)
        raise DoesNotFit(
            f"{where}: weights and tables of {compiled.constant_bytes:,} bytes and code of {code:,} ({source}) are {over:,} "
            f"more than the {board.flash_bytes:,} bytes of flash of {board.name}; the largest layer is '{largest.layer.name}' "
            f"with {step_weight_bytes(largest):,}: fewer channels there, weights of 4 bits, or a larger board"
        )


def fullest_layer(compiled: Compiled) -> str:
    """The layer while which most bytes are alive in the arena; of several, that with the largest output."""
    arch = compiled.model.arch
    sizes = [sum(b.bytes for b in compiled.plan.buffers if b.first <= t <= b.last) for t in range(1, len(arch.layers) + 1)]
    outputs = [math.prod(step.output_shape) for step in arch.steps()]
    return arch.layers[max(range(len(sizes)), key=lambda i: (sizes[i], outputs[i]))].name


def code_bytes(compiled: Compiled, board: Board) -> tuple[int, str]:
    """Bytes of flash that a firmware takes besides weights and tables, and how that is known.

    From the firmware itself where there is a cross compiler for the board, else what the largest of eight released models
    takes. Raises `DeviceError` if the compiler fails.
    """
    try:
        compiler = cross_compiler.compiler(board)
    except (DeviceError, SpecError):
        return CODE_BYTES, "estimated"
    try:
        image = read_image(cross_compiler.build(cross_compiler.firmware_files(compiled), board).elf)
    except ImportError:  # the compiler without the package that reads its files
        return CODE_BYTES, "estimated"
    return image.flash_bytes - compiled.constant_bytes, f"built by {compiler.name}"
