"""`Measurement`: what running a model on a device has shown, and the JSON of it (docs/measure.md).

Every device and every runtime fills the same record; what cannot be known there is None. Units are in the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from micronets import records
from micronets.boards.battery import DutyCycle
from micronets.cost.counts import step_macs
from micronets.ir.arch import Step

Source = Literal["simulated", "emulated", "measured", "host"]
"""How figures were obtained: by a simulator that counts cycles, by an emulator that counts none, on a board, or on this
machine."""

_RENAMED = {"arena_bytes": "arena_c_bytes", "arena_tflm_bytes": "arena_tflm_cortex_m_bytes"}


@dataclass(frozen=True)
class LayerMeasurement:
    """One layer of a measurement.

    - macs: its multiply-accumulates.
    - cycles: of the board.
    - core_cycles: of a plain Cortex-M4 without wait states, where it was simulated.
    - instructions: that the simulated core executed.
    - counts: of whatever counter a serial device has.
    """

    name: str
    kind: str
    macs: int
    cycles: int | None = None
    core_cycles: int | None = None
    instructions: int | None = None
    counts: int | None = None


def layer_measurement(
    step: Step,
    *,
    cycles: int | None = None,
    core_cycles: int | None = None,
    instructions: int | None = None,
    counts: int | None = None,
) -> LayerMeasurement:
    """The row of a layer; for the figures see `LayerMeasurement`."""
    kind = type(step.layer).__name__
    return LayerMeasurement(step.layer.name, kind, step_macs(step), cycles, core_cycles, instructions, counts)


@dataclass(frozen=True)
class QemuCount:
    """A second opinion: the version of QEMU, and the instructions that it counted for one inference."""

    version: str
    instructions: int


@dataclass(frozen=True)
class CounterRuns:
    """What the counter of a serial device showed for one input: in the first run, and least and most of all `runs`."""

    first: int
    least: int
    most: int
    runs: int


@dataclass(frozen=True)
class LayersInPatches:
    """Layers that run together in patches of a few rows, to need less memory (patch-based inference).

    - first, last: names of the first and of the last of them.
    - layers: how many there are.
    - rows: of the last layer's output in a patch.
    """

    first: str
    last: str
    layers: int
    rows: int


@dataclass(frozen=True)
class FigureSources:
    """Where the figures of the board are from that a measurement is computed with; None where it was not needed."""

    active_power_w: str | None
    sleep_power_w: str | None
    cycles: str | None


@dataclass(frozen=True)
class Execution:
    """What a device found when it ran a network; what it cannot know is None.

    - source: how the figures were obtained.
    - bit_exact: whether every output byte is the integer reference's.
    - toolchain, flags: what compiled the network.
    - per_layer: a row for each layer, in order.
    - machine, counter, counts, settings: of a serial device: what answered (`board`, `emulator` or `host`), what it
      counts by, what its counter showed, and its clock in words.
    - cycles: of the board, for one inference. core_cycles: of a Cortex-M4 without wait states.
    - dual_issue_cycles: by a model of a Cortex-M7's two pipelines, as a second opinion.
    - instructions: of one inference, by the simulator. qemu: by QEMU.
    - latency_ms, energy_mj: of one inference.
    - uncertainty: of cycles, latency and energy, relative (0.1 is +-10 %).
    - no_times: why there are instructions and no times, where there is no cycle model of the board's core.
    - sram_bytes: arena, data and stack. stack_bytes: the stack alone.
    - flash_bytes: of the whole image. code_bytes: of its code.
    """

    source: Source
    bit_exact: bool
    toolchain: str
    flags: tuple[str, ...]
    per_layer: tuple[LayerMeasurement, ...]
    machine: str | None = None
    counter: str | None = None
    counts: CounterRuns | None = None
    settings: str | None = None
    cycles: int | None = None
    core_cycles: int | None = None
    dual_issue_cycles: int | None = None
    instructions: int | None = None
    qemu: QemuCount | None = None
    latency_ms: float | None = None
    energy_mj: float | None = None
    uncertainty: float | None = None
    no_times: str | None = None
    sram_bytes: int | None = None
    flash_bytes: int | None = None
    code_bytes: int | None = None
    stack_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Measurement(Execution):
    """A model on a board under a runtime, as a device found it.

    - model: the model's path, as it was given. board: the board's name. device: `sim`, `qemu`, `host` or `serial:PORT`.
    - samples: how many inputs had their outputs compared with the integer reference's.
    - runtime: `c` or `tflm`.
    - arena_c_bytes: the arena of our C. arena_tflm_used_bytes: what TFLM used of its own on the device.
    - arena_tflm_compiled_bytes: the arena that `compile --runtime tflm` writes. arena_tflm_cortex_m_bytes: what TFLM
      needs on a Cortex-M, estimated.
    - constant_bytes: weights and tables of our C, or the file that TFLM reads.
    - bands: layers that run together in patches of a few rows.
    - largest_layer: the layer while which most bytes of our C's arena are alive.
    - sources: where the board's figures are from.
    - board_sram_bytes, board_flash_bytes: what there is.
    - duty_cycle: average power and battery life at a rate, where one was asked for.
    """

    model: str
    board: str
    device: str
    samples: int
    runtime: str
    arena_c_bytes: int | None
    arena_tflm_used_bytes: int | None
    arena_tflm_compiled_bytes: int | None
    arena_tflm_cortex_m_bytes: int
    constant_bytes: int
    bands: tuple[LayersInPatches, ...]
    largest_layer: str | None
    sources: FigureSources
    board_sram_bytes: int
    board_flash_bytes: int
    duty_cycle: DutyCycle | None = None

    @property
    def fits(self) -> bool | None:
        """Whether SRAM and flash suffice; None where one of them was not measured."""
        if self.sram_bytes is None or self.flash_bytes is None:
            return None
        return self.sram_bytes <= self.board_sram_bytes and self.flash_bytes <= self.board_flash_bytes

    def text(self) -> str:
        """The record for a terminal."""
        from micronets.runtimes.measurement_text import text

        return text(self)

    def rows(self) -> list[dict[str, Any]]:
        """A flat row for each layer, for a table: `pandas.DataFrame(measurement.rows())`."""
        return records.rows(self.per_layer)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON holds it: what `micronets measure --json` prints."""
        return {**records.to_json(self), "fits": self.fits}

    @staticmethod
    def upgraded(table: Mapping[str, Any]) -> dict[str, Any]:
        """The table with the keys of today: earlier versions had other names for the arenas, and measured our C alone.

        `measure.json` of a run, which may be moved, has no path of the model.
        """
        return {"model": "", "runtime": "c", **{_RENAMED.get(name, name): value for name, value in table.items()}}


def from_json(table: Mapping[str, Any]) -> Measurement:
    """The record of what `Measurement.to_json` returned, in this version or an earlier one."""
    return records.from_json(Measurement, table)


@dataclass(frozen=True)
class Comparison:
    """Outputs of TFLM against those of our reference: bytes compared, bytes that differ.

    first: the first layer that differs, and on which example, where one does.
    """

    compared: int
    different: int
    first: str | None = None


LIMITS_MEASURED = ("sram_bytes", "flash_bytes", "latency_ms", "energy_mj")
"""The limits of a budget that a measurement on the simulated board has a figure for, under the same name."""
