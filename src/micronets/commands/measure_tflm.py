"""`measure --runtime tflm`: TFLM itself, from a checkout in which it was built, running a model on the simulated board."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from micronets import tflite
from micronets.boards.board import Board
from micronets.commands import measure_sim
from micronets.compiler.generate.tflm_package import arena_with_margin, tflm_files
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import tflm_firmware
from micronets.device.tflm.tflm_firmware import Tflm
from micronets.errors import DeviceError, SpecError
from micronets.quantized.model import QuantizedModel

DEVICES = ("sim", "qemu")
_WORDS = ("firmware_events", "firmware_arena_used")


def check(device: str, compiler: str | None) -> None:
    """Raises `SpecError` for a device and a compiler that TFLM is not measured with."""
    if device not in DEVICES:
        raise SpecError(
            f"device '{device}': TFLM is measured in {' and '.join(DEVICES)} alone; take one of them, or --runtime c"
        )
    if compiler not in (None, "gcc"):
        raise SpecError(f"compiler '{compiler}': TFLM's library is GCC's; leave it out, or take gcc")


def measured(
    data: bytes,
    model: QuantizedModel,
    x: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    board: Board,
    device: str,
    tflm: Tflm,
) -> dict[str, Any]:
    """Figures of `data`, which reads as `model`, under TFLM; operators are the layers of `model`, in order.

    SRAM counts what TFLM uses of its arena (`arena_tflm_used_bytes`), not the room that it is given.
    arena_tflm_compiled_bytes: the arena that `compile --runtime tflm` writes for the model.
    Raises `DeviceError` where building or running fails, or TFLM's library tells nothing of its operators.
    """
    steps = model.arch.steps()
    operators = tflite.operators(data)
    arena = arena_with_margin(arena_tflm_bytes(model.arch, 4))
    sources = tflm_files(data, model, operators, board)
    sizes = (len(steps), x[0].nbytes, expected[0].nbytes)
    firmware = tflm_firmware.build(sources, tflm, board, sizes, arena)
    found, words = measure_sim.figures(firmware, steps, x, expected, board, twice=device == "qemu", words=_WORDS)
    if words["firmware_events"] != len(steps):
        raise DeviceError(
            f"TFLM told its profiler of {words['firmware_events']} operators, the model has {len(steps)}: "
            f"{tflm_firmware.STRIPPED}"
        )
    unused = tflm_firmware.arena_room(arena) - words["firmware_arena_used"]
    return {
        **found,
        "sram_bytes": found["sram_bytes"] - unused,
        "arena_tflm_used_bytes": words["firmware_arena_used"],
        "arena_tflm_compiled_bytes": arena,
    }
