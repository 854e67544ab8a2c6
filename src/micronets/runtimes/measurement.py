"""`Measurement`: the results of running a model on a device, as a record, a text and JSON (docs/measure.md).

Every device and every runtime fills the same record; unknown figures are None. Units are in the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from micronets import records
from micronets.boards import battery
from micronets.boards.battery import DutyCycle
from micronets.cost.counts import step_macs
from micronets.ir.arch import Step
from micronets.records import JsonObject, Row
from micronets.terminal import amount, amount_row, counted, text_table

MeasurementSource = Literal["simulated", "emulated", "measured", "host"]
"""How figures were obtained: by a simulator that counts cycles, by an emulator, on a board, or on this machine."""

_Rows = list[tuple[str, str, str]]  # rows of the table of totals: name, figure, remark


@dataclass(frozen=True)
class LayerMeasurement:
    """The costs of one layer in a measurement.

    - name, kind: identify the layer.
    - macs: its multiply-accumulates.
    - cycles: cycles of the board.
    - core_cycles: cycles of a Cortex-M4 without wait states, if simulated.
    - instructions: the number of instructions that the simulated core executed.
    - counts: the count of a serial device's counter.
    """

    name: str
    kind: str
    macs: int
    cycles: int | None = None
    core_cycles: int | None = None
    instructions: int | None = None
    counts: int | None = None


def layer_measurement(
    step: Step | str,
    *,
    cycles: int | None = None,
    core_cycles: int | None = None,
    instructions: int | None = None,
    counts: int | None = None,
) -> LayerMeasurement:
    """Returns the record of a layer.

    - step: the layer, or the name of an operator that is not a layer, such as one that names a variable.
    - cycles, core_cycles, instructions, counts: fields of `LayerMeasurement`.
    """
    if isinstance(step, str):
        return LayerMeasurement(step, step, 0, cycles, core_cycles, instructions, counts)
    kind = type(step.layer).__name__
    return LayerMeasurement(step.layer.name, kind, step_macs(step), cycles, core_cycles, instructions, counts)


@dataclass(frozen=True)
class QemuCount:
    """QEMU's count, as a second opinion.

    - version: the version of QEMU.
    - instructions: the instructions of one inference.
    """

    version: str
    instructions: int


@dataclass(frozen=True)
class CounterRuns:
    """The counts of a serial device's counter for one input.

    - first: the count of the first run.
    - least, most: the counts of the fastest and the slowest run.
    - runs: the number of runs.
    """

    first: int
    least: int
    most: int
    runs: int


@dataclass(frozen=True)
class LayersInPatches:
    """Layers that run together in patches of a few rows to save memory (patch-based inference).

    - first, last: the names of the first and of the last of these layers.
    - layers: the number of these layers.
    - rows: the number of rows of the last layer's output that a patch computes.
    """

    first: str
    last: str
    layers: int
    rows: int


@dataclass(frozen=True)
class FigureSources:
    """The sources of the board's figures that a measurement uses.

    - active_power_w, sleep_power_w: the source of each power, as the board's file names it.
    - cycles: the source of the conversion from simulated cycles to the board's, or the serial device.

    None: the board does not have the figure.
    """

    active_power_w: str | None
    sleep_power_w: str | None
    cycles: str | None


@dataclass(frozen=True)
class FrontEndMeasurement:
    """The costs of a model's front end in the simulator, which computes frame after frame.

    - bit_exact: whether every code is that of `micronets.frontend`.
    - frames: frames of one input of the network.
    - frames_a_second: frames per second of the signal; None for an image or an array.
    - frame_cycles, frame_core_cycles, frame_instructions: the costs of one frame, as in `Execution`.
    - latency_ms, energy_mj: time and energy of all frames of one input.
    - sram_bytes: the bytes that survive between frames, and those of its scratch memory that do not fit the arena.
    - flash_bytes: bytes of tables and code.
    - inferences_a_second: inferences per second of a stream; None for a model that cannot process one.
    """

    bit_exact: bool
    frames: int
    frames_a_second: float | None
    frame_cycles: int | None
    frame_core_cycles: int | None
    frame_instructions: int
    latency_ms: float | None
    energy_mj: float | None
    sram_bytes: int
    flash_bytes: int
    inferences_a_second: float | None = None

    @property
    def second_ms(self) -> float | None:
        """Milliseconds for the frames of a second of the signal; None without times of the board, or a signal."""
        if self.latency_ms is None or self.frames_a_second is None:
            return None
        return self.latency_ms / self.frames * self.frames_a_second


@dataclass(frozen=True)
class Execution:
    """The results of running a network on a device; unknown figures are None.

    If a model was trained on an integer front end, cycles, instructions, time, energy, SRAM and flash on the simulated
    board are the sums for both, for one input of the network. `front_end` has the front end's part; the rows of the
    layers are the network's only.

    - source: how the figures were obtained.
    - bit_exact: whether every output byte is the integer reference's.
    - toolchain, flags: the compiler of the network, and its flags.
    - per_layer: the costs of each layer, in execution order.
    - machine: the kind of machine on the serial line: `board`, `emulator` or `host`.
    - counter: the unit of the serial device's counter: `cycles`, `ticks` or `ns`.
    - counts: the counts of its counter.
    - settings: its clock, wait states and caches, in words.
    - cycles: cycles of the board for one inference.
    - core_cycles: cycles of a Cortex-M4 without wait states for one inference.
    - dual_issue_cycles: cycles of one inference from a model of a Cortex-M7's two pipelines, as a second opinion.
    - instructions: instructions of one inference, as the simulator counted them.
    - qemu: QEMU's count.
    - latency_ms, energy_mj: time and energy of one inference.
    - uncertainty: the relative error of cycles, latency and energy; 0.1 is +-10 %.
    - no_times: why there are instructions but no times, if there is no cycle model of the board's core.
    - sram_bytes: bytes of arena, data and stack.
    - flash_bytes: bytes of the whole image.
    - code_bytes: bytes of the code in it.
    - stack_bytes: bytes of the stack alone.
    - front_end: the front end's part of all this; None if the model has no integer front end, and on devices other than
      the simulated board.
    """

    source: MeasurementSource
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
    front_end: FrontEndMeasurement | None = None

    @property
    def network_ms(self) -> float | None:
        """Milliseconds of the network only; None without times of the board."""
        if self.front_end is None or self.front_end.latency_ms is None or self.latency_ms is None:
            return self.latency_ms
        return self.latency_ms - self.front_end.latency_ms

    def latency_ms_at(self, rate: float) -> float | None:
        """Returns the milliseconds of one of `rate` inferences a second; None without times of the board.

        Overlapping inputs share frames: at most the frames of a second of audio are computed per second.
        """
        one = self.front_end
        if one is None or one.second_ms is None or self.network_ms is None:
            return self.latency_ms
        return self.network_ms + min(one.latency_ms or 0, one.second_ms / rate)


@dataclass(frozen=True, kw_only=True)
class Measurement(Execution):
    """The results of measuring a model on a board under a runtime.

    - model: the model's path as given; empty in the files of a run, which may be moved.
    - board: the board's name.
    - device: `sim`, `qemu`, `host` or `serial:PORT`.
    - samples: the number of inputs whose outputs were compared with the integer reference's.
    - runtime: `c` or `tflm`.
    - arena_c_bytes: bytes of the arena of our C.
    - arena_tflm_used_bytes: bytes of its arena that TFLM used on the device.
    - arena_tflm_compiled_bytes: bytes of the arena that `compile --runtime tflm` writes.
    - arena_tflm_cortex_m_bytes: an estimate of the bytes that TFLM needs on a Cortex-M.
    - constant_bytes: bytes of weights and tables of our C, or of the file that TFLM reads.
    - bands: layers that run together in patches of a few rows.
    - largest_layer: the layer during which most bytes of our C's arena are alive.
    - sources: the sources of the board's figures.
    - board_sram_bytes, board_flash_bytes: the bytes of the board's memories.
    - duty_cycle: average power and battery life at a rate of inferences, if one was requested.
    """

    model: str = ""
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
        """Whether SRAM and flash suffice; None if one of them was not measured."""
        if self.sram_bytes is None or self.flash_bytes is None:
            return None
        return self.sram_bytes <= self.board_sram_bytes and self.flash_bytes <= self.board_flash_bytes

    def text(self) -> str:
        """Returns the measurement as text for a terminal."""
        return _measurement_text(self)

    def rows(self) -> list[Row]:
        """Returns a flat row for each layer, as a table takes them: `pandas.DataFrame(measurement.rows())`."""
        return records.rows(self.per_layer)

    def to_json(self) -> JsonObject:
        """Returns the record as JSON values, which `micronets measure --json` prints."""
        return {**records.to_json(self), "fits": self.fits}


def measurement_from_json(table: JsonObject) -> Measurement:
    """Returns the measurement from which `Measurement.to_json` created `table`."""
    return records.from_json(Measurement, table)


@dataclass(frozen=True)
class Comparison:
    """The comparison of TFLM's outputs with those of our reference.

    - compared: the number of bytes compared.
    - different: the number of those that differ.
    - first: the first layer that differs and the example for which it does; None if none does.
    """

    compared: int
    different: int
    first: str | None = None


LIMITS_MEASURED = ("sram_bytes", "flash_bytes", "latency_ms", "energy_mj")
"""The limits of a budget for which a measurement on the simulated board has a figure of the same name."""


def _measurement_text(found: Measurement) -> str:
    """Returns a row for each layer with cycles or counts, then the totals and their sources."""
    parts = []
    if found.counter is not None:
        parts += [_counted_layers(found), ""]
        totals = _counted_totals(found)
    elif found.instructions is not None:
        parts += [_simulated_layers(found), ""]
        totals = _simulated_totals(found)
    else:
        totals = [("latency", amount(found.latency_ms or 0.0, "ms"), "this machine, not the board")]
    totals += _arenas(found)
    if found.duty_cycle is not None:
        totals += battery.duty_rows(found.duty_cycle)
    equal = "equal the reference's, every byte" if found.bit_exact else "DIFFER from the reference's"
    outputs = f"outputs for {counted(found.samples, 'inputs')} {equal}"
    return "\n".join([*parts, text_table(("total", "", ""), totals, (1,)), "", outputs, *_source_lines(found)])


def patches_text(bands: Sequence[LayersInPatches]) -> str:
    """Returns a line for each group of layers that run together in patches of a few rows."""
    return "\n".join(
        f"layers '{b.first}' to '{b.last}' run together in patches of {counted(b.rows, 'rows')}" for b in bands
    )


def _simulated_layers(found: Measurement) -> str:
    """Returns the table of layers of a measurement in a simulator."""
    if found.cycles is None:
        rows_of_counts = [(r.name, r.kind, f"{r.macs:,}", f"{r.instructions:,}", _per_mac(r)) for r in found.per_layer]
        return text_table(("layer", "kind", "MACs", "instructions", "instructions/MAC"), rows_of_counts, (2, 3, 4))
    rows = [(r.name, r.kind, f"{r.macs:,}", f"{r.cycles:,}", _macs_per_cycle(r)) for r in found.per_layer]
    one = found.front_end
    if one is not None and one.frame_cycles is not None:
        rows.insert(0, ("front end", counted(one.frames, "frames"), "", f"{one.frames * one.frame_cycles:,}", ""))
    return text_table(("layer", "kind", "MACs", "cycles", "MAC/cycle"), rows, (2, 3, 4))


def _per_mac(layer: LayerMeasurement) -> str:
    """Returns a layer's instructions for each MAC, or "" for a layer without MACs."""
    return f"{layer.instructions / layer.macs:.2f}" if layer.macs and layer.instructions else ""


def _counted_layers(found: Measurement) -> str:
    """Returns the table of layers of a measurement on a serial device."""
    real = found.cycles is not None
    rows = [
        (r.name, r.kind, f"{r.macs:,}", f"{r.counts:,}", *([_macs_per_cycle(r)] if real else []))
        for r in found.per_layer
    ]
    head = ("layer", "kind", "MACs", str(found.counter), *(["MAC/cycle"] if real else []))
    return text_table(head, rows, tuple(range(2, len(head))))


def _macs_per_cycle(layer: LayerMeasurement) -> str:
    """Returns a layer's MACs for each cycle, or "" for a layer without MACs or cycles."""
    return f"{layer.macs / layer.cycles:.2f}" if layer.macs and layer.cycles else ""


def _simulated_totals(found: Measurement) -> _Rows:
    """Returns the rows of totals of a measurement in a simulator."""
    unsure = "" if found.uncertainty is None else f"+-{found.uncertainty:.0%}"
    second = f"{found.qemu.instructions:,} in {found.qemu.version}" if found.qemu else ""
    rows = amount_row("latency", found.latency_ms, "ms", unsure)
    if found.cycles is not None:
        about = f"{unsure}; {found.core_cycles:,} on a Cortex-M4 without wait states"
        rows.append(("cycles", f"{found.cycles:,}", about))
    if found.dual_issue_cycles:
        about = "by a model of the M7's two pipelines, caches warm: a second opinion"
        rows.append(("", f"{found.dual_issue_cycles:,}", about))
    return [
        *rows,
        ("instructions", f"{found.instructions:,}", second),
        *amount_row("energy", found.energy_mj, "mJ", unsure),
        *_front_end_rows(found),
        *amount_row("SRAM", found.sram_bytes, "B", f"arena, data and {found.stack_bytes:,} of stack"),
        *amount_row("flash", found.flash_bytes, "B", f"{found.code_bytes:,} of code, the rest constants"),
    ]


def _front_end_rows(found: Measurement) -> _Rows:
    """Returns the rows of totals that show the front end's part; none if it is not included."""
    one = found.front_end
    if one is None:
        return []
    often = one.inferences_a_second
    listening = []
    if often is not None and one.second_ms is not None and found.network_ms is not None:
        all_ms, runs = one.second_ms + often * found.network_ms, f"{often:.3g} runs of the network"
        listening = amount_row("listening", all_ms, "ms", f"a second of sound: {one.second_ms:.3g} ms, and {runs}")
    each = f"{one.frame_instructions:,} instructions" if one.frame_cycles is None else f"{one.frame_cycles:,} cycles"
    return [
        *amount_row("front end", one.latency_ms, "ms", f"of the latency: {counted(one.frames, 'frames')} of {each}"),
        ("front end", f"{one.flash_bytes:,} B", f"of flash, and {one.sram_bytes:,} of SRAM"),
        *listening,
    ]


def _counted_totals(found: Measurement) -> _Rows:
    """Returns the rows of totals of a measurement on a serial device."""
    counts = found.counts
    assert counts is not None, "a serial device counts"
    about = "" if found.cycles is not None else "this machine, not the board"
    stack, code = found.stack_bytes or 0, found.code_bytes or 0
    return [
        *amount_row("latency", found.latency_ms, "ms", about),
        (
            str(found.counter),
            f"{counts.first:,}",
            f"{counts.least:,} to {counts.most:,} in {counted(counts.runs, 'runs')}",
        ),
        *amount_row("energy", found.energy_mj, "mJ", "latency, measured, x power, which was not"),
        *amount_row("SRAM", found.sram_bytes, "B", f"arena and {stack:,} of stack"),
        *amount_row("flash", found.flash_bytes, "B", f"{code:,} of code, the rest constants"),
    ]


def _arenas(found: Measurement) -> _Rows:
    """Returns the rows of totals that show the arenas."""
    return [
        *amount_row("arena", found.arena_c_bytes, "B", "ours"),
        *amount_row("arena", found.arena_tflm_used_bytes, "B", "used by TFLM"),
        *amount_row("arena, TFLM", found.arena_tflm_cortex_m_bytes, "B", "on a Cortex-M, estimated"),
    ]


def _source_lines(found: Measurement) -> list[str]:
    """Returns the lines that state the sources of the figures."""
    lines = [patches_text(found.bands)] if found.bands else []
    lines.append(f"source: {found.source}, {found.board}, {found.toolchain}")
    if found.settings is not None:
        lines.append(f"clock: {found.settings}")
    if found.source == "simulated":
        lines += [f"cycles: {found.sources.cycles}", f"power: {found.sources.active_power_w}"]
    if found.no_times is not None:
        lines.append(f"times: {found.no_times}")
    return lines
