"""A `Measurement` as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from micronets.boards import battery
from micronets.runtimes.measurement import LayerMeasurement, LayersInPatches, Measurement
from micronets.terminal import amount, amount_row, text_table

Rows = list[tuple[str, str, str]]


def text(found: Measurement) -> str:
    """The measurement: a row for each layer where there are cycles or counts of it, then the totals and their
    sources.
    """
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
        totals += battery.rows(found.duty_cycle)
    equal = "equal the reference's, every byte" if found.bit_exact else "DIFFER from the reference's"
    outputs = f"outputs for {found.samples} inputs {equal}"
    return "\n".join([*parts, text_table(("total", "", ""), totals, (1,)), "", outputs, *_sources(found)])


def patches_text(bands: Sequence[LayersInPatches]) -> str:
    """A line for each group of layers that run together in patches of a few rows."""
    return "\n".join(f"layers '{b.first}' to '{b.last}' run together in patches of {b.rows} rows" for b in bands)


def _simulated_layers(found: Measurement) -> str:
    if found.cycles is None:
        counted = [(r.name, r.kind, f"{r.macs:,}", f"{r.instructions:,}", _per_mac(r)) for r in found.per_layer]
        return text_table(("layer", "kind", "MACs", "instructions", "instructions/MAC"), counted, (2, 3, 4))
    rows = [(r.name, r.kind, f"{r.macs:,}", f"{r.cycles:,}", _macs_per_cycle(r)) for r in found.per_layer]
    return text_table(("layer", "kind", "MACs", "cycles", "MAC/cycle"), rows, (2, 3, 4))


def _per_mac(layer: LayerMeasurement) -> str:
    return f"{layer.instructions / layer.macs:.2f}" if layer.macs and layer.instructions else ""


def _counted_layers(found: Measurement) -> str:
    real = found.cycles is not None
    rows = [
        (r.name, r.kind, f"{r.macs:,}", f"{r.counts:,}", *([_macs_per_cycle(r)] if real else []))
        for r in found.per_layer
    ]
    head = ("layer", "kind", "MACs", str(found.counter), *(["MAC/cycle"] if real else []))
    return text_table(head, rows, tuple(range(2, len(head))))


def _macs_per_cycle(layer: LayerMeasurement) -> str:
    return f"{layer.macs / layer.cycles:.2f}" if layer.macs and layer.cycles else ""


def _simulated_totals(found: Measurement) -> Rows:
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
        *amount_row("SRAM", found.sram_bytes, "B", f"arena, data and {found.stack_bytes:,} of stack"),
        *amount_row("flash", found.flash_bytes, "B", f"{found.code_bytes:,} of code, the rest constants"),
    ]


def _counted_totals(found: Measurement) -> Rows:
    counts = found.counts
    assert counts is not None, "a serial device counts"
    about = "" if found.cycles is not None else "this machine, not the board"
    stack, code = found.stack_bytes or 0, found.code_bytes or 0
    return [
        *amount_row("latency", found.latency_ms, "ms", about),
        (str(found.counter), f"{counts.first:,}", f"{counts.least:,} to {counts.most:,} in {counts.runs} runs"),
        *amount_row("energy", found.energy_mj, "mJ", "latency, measured, x power, which was not"),
        *amount_row("SRAM", found.sram_bytes, "B", f"arena and {stack:,} of stack"),
        *amount_row("flash", found.flash_bytes, "B", f"{code:,} of code, the rest constants"),
    ]


def _arenas(found: Measurement) -> Rows:
    return [
        *amount_row("arena", found.arena_c_bytes, "B", "ours"),
        *amount_row("arena", found.arena_tflm_used_bytes, "B", "used by TFLM"),
        *amount_row("arena, TFLM", found.arena_tflm_cortex_m_bytes, "B", "on a Cortex-M, estimated"),
    ]


def _sources(found: Measurement) -> list[str]:
    lines = [patches_text(found.bands)] if found.bands else []
    lines.append(f"source: {found.source}, {found.board}, {found.toolchain}")
    if found.settings is not None:
        lines.append(f"clock: {found.settings}")
    if found.source == "simulated":
        lines += [f"cycles: {found.sources.cycles}", f"power: {found.sources.active_power_w}"]
    if found.no_times is not None:
        lines.append(f"times: {found.no_times}")
    return lines
