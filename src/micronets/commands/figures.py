"""The record of a measurement: every device fills the same keys, None where it cannot know (docs/measure.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from micronets.cost.counts import step_macs
from micronets.ir.arch import Step

_RENAMED = {"arena_bytes": "arena_c_bytes", "arena_tflm_bytes": "arena_tflm_cortex_m_bytes"}


def record(
    *,
    source: str,
    bit_exact: bool,
    toolchain: str,
    flags: Sequence[str],
    per_layer: Sequence[Mapping[str, Any]],
    cycles: int | None = None,
    core_cycles: int | None = None,
    dual_issue_cycles: int | None = None,
    instructions: int | None = None,
    qemu: Mapping[str, Any] | None = None,
    machine: str | None = None,
    counter: str | None = None,
    counts: Mapping[str, int] | None = None,
    settings: str | None = None,
    latency_ms: float | None = None,
    energy_mj: float | None = None,
    uncertainty: float | None = None,
    sram_bytes: int | None = None,
    flash_bytes: int | None = None,
    code_bytes: int | None = None,
    stack_bytes: int | None = None,
    arena_c_bytes: int | None = None,
    arena_tflm_used_bytes: int | None = None,
    arena_tflm_compiled_bytes: int | None = None,
) -> dict[str, Any]:
    """What a device found of a network, as `measure --json` has it; what is not given is not known there.

    - source: how the figures were obtained: simulated, measured, emulated or host.
    - bit_exact: whether every output byte is the reference's.
    - per_layer: rows of `layer_row`.
    - cycles, core_cycles, dual_issue_cycles, instructions: of one inference: of the board, of a Cortex-M4 without wait
      states, by the model of a Cortex-M7's two pipelines, and of any core.
    - qemu: version of QEMU and the instructions that it counted.
    - machine, counter, counts, settings: of a serial device: what answered, what it counts by, first, least and most of its
      runs and how many there were, and its clock.
    - uncertainty: of cycles, latency and energy, relative.
    - arena_c_bytes: the arena of our C. arena_tflm_used_bytes: what TFLM used of its own; arena_tflm_compiled_bytes: what
      `compile --runtime tflm` gives it.
    """
    found = dict(locals())
    return {**found, "flags": list(flags), "per_layer": [dict(row) for row in per_layer]}


def layer_row(
    step: Step,
    *,
    cycles: int | None = None,
    core_cycles: int | None = None,
    instructions: int | None = None,
    counts: int | None = None,
) -> dict[str, Any]:
    """One layer of a measurement; counts: of whatever counter the device has, cycles: where those are cycles of the board."""
    return {
        "name": step.layer.name,
        "kind": type(step.layer).__name__,
        "macs": step_macs(step),
        "cycles": cycles,
        "core_cycles": core_cycles,
        "instructions": instructions,
        "counts": counts,
    }


def upgrade(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A measurement of our C from a file of a run, by the names of today: earlier versions had others for the arenas."""
    return None if figures is None else {_RENAMED.get(name, name): value for name, value in figures.items()}
