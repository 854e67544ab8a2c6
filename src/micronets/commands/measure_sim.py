"""A firmware's figures on the simulated board: what `measure` tells of our C and of TFLM alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.cost.counts import step_macs
from micronets.device import qemu
from micronets.device.cross_compiler import Firmware
from micronets.device.sim import machine
from micronets.ir.arch import Step

Array = npt.NDArray[Any]


def figures(
    firmware: Firmware,
    steps: Sequence[Step],
    x: Array,
    expected: Array,
    board: Board,
    *,
    twice: bool = False,
    words: Sequence[str] = (),
) -> tuple[dict[str, Any], Mapping[str, int]]:
    """Figures of the network on `x`, and the firmware's variables `words`; steps: the layers, in the order of their marks.

    twice: in QEMU, too. Raises `DeviceError` as `sim.simulate` and `qemu.emulate` do.
    """
    raw = x.reshape(len(x), -1).view(np.int8)
    run = machine.simulate(firmware.elf, raw, len(steps), expected[0].nbytes, board, words=words)
    seconds = run.cycles / board.clock_hz
    emulated = qemu.emulate(firmware.elf, raw, expected[0].nbytes, board) if twice else None
    found = {
        "source": "simulated",
        "bit_exact": all(r.outputs.tobytes() == expected.tobytes() for r in (run, emulated) if r),
        "cycles": run.cycles,
        "core_cycles": run.core_cycles,
        "dual_issue_cycles": run.dual_issue_cycles,
        "instructions": run.instructions,
        "qemu": emulated and {"version": emulated.version, "instructions": emulated.instructions[0]},
        "latency_ms": 1e3 * seconds,
        "energy_mj": 1e3 * seconds * board.active_power_w,
        "uncertainty": run.uncertainty,
        "sram_bytes": run.sram_bytes,
        "flash_bytes": run.image.flash_bytes,
        "code_bytes": run.image.text_bytes,
        "stack_bytes": run.stack_bytes,
        "toolchain": firmware.toolchain,
        "flags": list(firmware.flags),
        "per_layer": [
            {
                "name": step.layer.name,
                "kind": type(step.layer).__name__,
                "macs": step_macs(step),
                "cycles": run.on_board(t),
                "core_cycles": t.core_cycles,
                "instructions": t.instructions,
            }
            for step, t in zip(steps, run.layers, strict=True)
        ],
    }
    return found, run.words
