"""What a network is and what it costs on a board, a row per layer: everything here is estimated, nothing runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from micronets import tflite
from micronets.boards.board import Board
from micronets.compiler import optimise, plan_patches
from micronets.cost.costs import RUNTIME_FLASH_BYTES, cost
from micronets.cost.tflm_plan import memory_over_time, tflm_plan
from micronets.errors import DoesNotFit, FileError
from micronets.ir.arch import Arch
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.c import arena_room, flash_bytes, sram_bytes
from micronets.terminal import amount, columns


def read_arch(path: Path) -> tuple[Arch, QuantizedModel | None, int | None]:
    """The network of a `.tflite` or an architecture's JSON file, and of the former its weights and the size in bytes.

    Raises `FileError`, `SpecError` and `UnsupportedError` for what cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give a .tflite or an architecture's .json") from e
    if path.suffix == ".json":
        try:
            return Arch.from_json(data.decode(), str(path)), None, None
        except UnicodeDecodeError as e:
            raise FileError(f"{path}: not an architecture: not UTF-8 text") from e
    model = tflite.read(data, str(path))
    return model.arch, model, len(data)


def inspect(arch: Arch, board: Board, model: QuantizedModel | None, file_bytes: int | None) -> dict[str, Any]:
    """The network in figures; `file_bytes` replaces the estimate of the file's size where there is a file.

    `fits` is for TFLM, `fits_c` for our C: the network that `compile` makes of `model` for this board, layers in bands where
    it takes them to fit; without weights, of `arch` as it is.
    """
    c = cost(arch, board)
    ours = arch if model is None else optimise(model).arch
    flash = c.flash_bytes if file_bytes is None else file_bytes + RUNTIME_FLASH_BYTES
    arena, smallest = (plan_patches(ours, limit, board.target).bytes for limit in (arena_room(board), 0))
    sram_c, flash_c = sram_bytes(arena), math.ceil(flash_bytes(ours.steps()))
    return {
        "board": board.name,
        "source": c.source,
        "macs": c.macs,
        "ops": 2 * c.macs,
        "params": c.params,
        "weight_bytes": c.weight_bytes,
        "tflite_bytes": c.tflite_bytes if file_bytes is None else file_bytes,
        "arena_tflm_host64_bytes": c.arena_bytes,
        "arena_tflm_cortex_m_bytes": c.arena_tflm_cortex_m_bytes,
        "arena_c_bytes": arena,
        "arena_c_patched_bytes": smallest,
        "sram_bytes": c.sram_bytes,
        "flash_bytes": flash,
        "sram_c_bytes": sram_c,
        "flash_c_bytes": flash_c,
        "board_sram_bytes": board.sram_bytes,
        "board_flash_bytes": board.flash_bytes,
        "latency_ms": c.latency_ms,
        "energy_mj": c.energy_mj,
        "uncertainty": c.uncertainty,
        "fits": c.sram_bytes <= board.sram_bytes and flash <= board.flash_bytes,
        "fits_c": sram_c <= board.sram_bytes and flash_c <= board.flash_bytes,
        "input_shape": list(arch.input_shape),
        "per_layer": layer_rows(arch, board),
    }


def layer_rows(arch: Arch, board: Board) -> list[dict[str, Any]]:
    """A row for each layer: what `cost.LayerCost` has, and the bytes of activations alive while it runs."""
    moments = memory_over_time(tflm_plan(arch), arch)
    return [
        {**vars(layer), "output_shape": list(layer.output_shape), "cycles": round(layer.cycles), "live_bytes": m.live_bytes}
        for layer, m in zip(cost(arch, board).layers, moments, strict=True)
    ]


def table(name: str, figures: Mapping[str, Any]) -> str:
    """The figures as text for a terminal."""
    counts = ("macs", "params", "weight_bytes", "live_bytes", "cycles")
    head = ("layer", "kind", "output", "MACs", "params", "weight bytes", "live bytes", "cycles")
    rows = [
        (r["name"], r["kind"], "x".join(map(str, r["output_shape"])), *(f"{r[k]:,}" for k in counts))
        for r in figures["per_layer"]
    ]
    unsure = f"+-{figures['uncertainty']:.0%}"
    totals = [
        ("MACs", amount(figures["macs"], "MACs"), f"{figures['ops']:,} ops"),
        ("parameters", f"{figures['params']:,}", f"{figures['weight_bytes']:,} bytes"),
        (".tflite file", amount(figures["tflite_bytes"], "B"), ""),
        ("arena, TFLM", amount(figures["arena_tflm_host64_bytes"], "B"), "64-bit host"),
        ("arena, TFLM", amount(figures["arena_tflm_cortex_m_bytes"], "B"), "Cortex-M"),
        ("arena, our C", amount(figures["arena_c_bytes"], "B"), "micronets compile"),
        ("arena, our C", amount(figures["arena_c_patched_bytes"], "B"), "the same with --patches smallest"),
        ("SRAM, TFLM", amount(figures["sram_bytes"], "B"), f"of {figures['board_sram_bytes']:,}: arena, runtime, stack"),
        ("SRAM, our C", amount(figures["sram_c_bytes"], "B"), f"of {figures['board_sram_bytes']:,}: arena, stack"),
        ("flash, TFLM", amount(figures["flash_bytes"], "B"), f"of {figures['board_flash_bytes']:,}: file and code"),
        ("flash, our C", amount(figures["flash_c_bytes"], "B"), f"of {figures['board_flash_bytes']:,}: weights, tables, code"),
        ("latency, TFLM", amount(figures["latency_ms"], "ms"), f"{unsure}; of our C: micronets measure"),
        ("energy, TFLM", amount(figures["energy_mj"], "mJ"), unsure),
    ]
    verdict = f"{name} {_verdict(figures)} (source: {figures['source']})"
    return "\n".join([columns(head, rows, range(3, 8)), "", columns(("total", "", ""), totals, (1,)), "", verdict])


def _verdict(figures: Mapping[str, Any]) -> str:
    """Whether it fits, and if not, by how much it is too large."""
    board = figures["board"]
    over = [
        f"{figures[f'{what}{key}_bytes'] - figures[f'board_{what}_bytes']:,} bytes of {name} too much {how}"
        for key, how in (("", "under TFLM"), ("_c", "as our C"))
        for what, name in (("sram", "SRAM"), ("flash", "flash"))
        if figures[f"{what}{key}_bytes"] > figures[f"board_{what}_bytes"]
    ]
    match figures["fits"], figures["fits_c"]:
        case True, True:
            return f"fits {board}, under TFLM and as our C"
        case False, False:
            return f"does NOT fit {board}: {', '.join(over)}"
        case tflm, _:
            return f"fits {board} {'under TFLM, NOT as our C' if tflm else 'as our C, NOT under TFLM'}: {', '.join(over)}"


def check(name: str, figures: Mapping[str, Any]) -> None:
    """Raises `DoesNotFit`, which says by how much, for figures of `inspect` that fit the board under no runtime."""
    if not figures["fits"] and not figures["fits_c"]:
        raise DoesNotFit(f"{name} {_verdict(figures)}; take fewer channels, weights of 4 bits, or a larger board")


def against(chosen: Arch, largest: Arch, board: Board) -> list[dict[str, Any]]:
    """Both networks in the terms of a budget, row by row, for the report."""
    a, b = cost(chosen, board), cost(largest, board)
    rows: Sequence[tuple[str, str, str]] = (
        ("MACs", "macs", "MACs"),
        ("parameters", "params", ""),
        (".tflite file", "tflite_bytes", "B"),
        ("arena, 64-bit host", "arena_bytes", "B"),
    )
    return [{"label": label, "unit": unit, "value": getattr(a, k), "largest": getattr(b, k)} for label, k, unit in rows]
