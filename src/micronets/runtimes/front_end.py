"""Adds the costs of a model's audio front end to those of its network, on the simulated board."""

from __future__ import annotations

from dataclasses import replace

from micronets.boards.board import Board
from micronets.cost.front_end import FrontEndCost
from micronets.device.front_end import FrontEndRun, front_end_cost_in, run_front_end
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.measurement import Execution, FrontEndMeasurement, QemuCount


def measured_with_front_end(
    found: Execution, model: QuantizedModel, board: Board, options: MeasureOptions, arena_bytes: int = 0
) -> Execution:
    """Returns an execution that includes the front end if the model was trained on an integer front end.

    - found: the results for the network.
    - model: the model.
    - board: the simulated board.
    - options: the options of the measurement.
    - arena_bytes: bytes of an arena that the front end may use while the network does not run.

    Raises the errors of building and simulating.
    """
    run = run_front_end(model, board, options.seed, options.compiler, twice=options.device == "qemu")
    cost = front_end_cost_in(model)
    return found if run is None or cost is None else _sum(found, _measured(run, cost, board, arena_bytes), run)


def _measured(run: FrontEndRun, cost: FrontEndCost, board: Board, arena_bytes: int) -> FrontEndMeasurement:
    frame = run.frame
    milliseconds = None if frame.cycles is None else board.milliseconds(cost.frames * frame.cycles)
    return FrontEndMeasurement(
        bit_exact=run.bit_exact,
        frames=cost.frames,
        frames_a_second=cost.frames_a_second,
        frame_cycles=frame.cycles,
        frame_core_cycles=frame.core_cycles,
        frame_instructions=frame.instructions,
        latency_ms=milliseconds,
        energy_mj=None if milliseconds is None else board.millijoules(milliseconds),
        sram_bytes=cost.sram_bytes(arena_bytes),
        flash_bytes=run.flash_bytes,
        inferences_a_second=run.inferences_a_second,
    )


def _sum(network: Execution, front_end: FrontEndMeasurement, run: FrontEndRun) -> Execution:
    frames, frame = front_end.frames, run.frame
    qemu = network.qemu
    if qemu is not None and run.emulated is not None:
        qemu = QemuCount(qemu.version, qemu.instructions + frames * run.emulated.instructions[0])
    stack = max(network.stack_bytes or 0, frame.stack_bytes)
    deeper = stack - (network.stack_bytes or 0)
    return replace(
        network,
        bit_exact=network.bit_exact and front_end.bit_exact,
        cycles=_plus(network.cycles, frame.cycles, frames),
        core_cycles=_plus(network.core_cycles, frame.core_cycles, frames),
        dual_issue_cycles=_plus(network.dual_issue_cycles, frame.dual_issue_cycles, frames),
        instructions=_plus(network.instructions, frame.instructions, frames),
        qemu=qemu,
        latency_ms=None if network.latency_ms is None else network.latency_ms + (front_end.latency_ms or 0),
        energy_mj=None if network.energy_mj is None else network.energy_mj + (front_end.energy_mj or 0),
        sram_bytes=_plus(network.sram_bytes, front_end.sram_bytes + deeper),
        flash_bytes=_plus(network.flash_bytes, front_end.flash_bytes),
        code_bytes=_plus(network.code_bytes, run.code_bytes),
        stack_bytes=stack,
        front_end=front_end,
    )


def _plus(network: int | None, one: int | None, times: int = 1) -> int | None:
    """Returns the sum of a network's figure and a multiple of the front end's; None if one of them is unknown."""
    return None if network is None or one is None else network + times * one
