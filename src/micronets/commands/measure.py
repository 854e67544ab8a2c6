"""`measure`: a `.tflite` as C or under TFLM, built and run; outputs compared with the reference, time, memory, energy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from micronets import tflite
from micronets.boards import battery
from micronets.boards.board import Board
from micronets.commands import measure_sim, measure_tflm
from micronets.commands.compile import arena_limit, bands, bands_text, fullest_layer
from micronets.commands.figures import layer_row, record
from micronets.compiler import Compiled, compile_model
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device import cross_compiler, host
from micronets.device.cross_compiler import firmware_files
from micronets.device.host_compiler import host_compiler
from micronets.device.tflm.tflm_firmware import Tflm
from micronets.errors import FileError, SpecError, did_you_mean
from micronets.ir.layers import INPUT
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.terminal import amount, columns

Array = npt.NDArray[Any]
Device = Literal["sim", "qemu", "host"]
SAMPLES = 5
_HOST_RUNS = 20


def measure(
    path: Path,
    board: Board,
    device: str = "sim",
    *,
    compiler: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    patches: str = "auto",
    flash: bool = False,
    tflm: Tflm | None = None,
) -> dict[str, Any]:
    """The model at `path` in figures: what `micronets measure --json` prints (docs/measure.md).

    device: sim (a simulated processor of the board), qemu (sim, and the same firmware in QEMU as a second opinion), host
    (the same C on this machine) or serial:PORT (the board itself; flash: build and write its firmware first).
    compiler: not for host: gcc, zig, or the first that is there. samples: how many inputs of `inputs` are compared.
    patches: see `compilation.arena_limit`. tflm: run the file with it, not our C.
    The keys are the same for every device and runtime: None for what is not known there.
    Raises what reading, compiling, building and running raise; outputs that differ are a result, not an error.
    """
    check(device, compiler, samples, flash)
    if seed < 0:
        raise SpecError(f"seed = {seed}; need at least 0")
    data, model = _read(path)
    if tflm is not None:
        measure_tflm.check(device, compiler)
        figures = run_tflm(data, model, board, device, tflm, samples=samples, seed=seed)
        own = {"runtime": "tflm", "constant_bytes": len(data), "bands": [], "largest_layer": None}
    else:
        compiled = compile_model(model, board.target, arena_limit=arena_limit(board, patches))
        figures = run(model, compiled, board, device, compiler=compiler, samples=samples, seed=seed, flash=flash)
        own = {
            "runtime": "c",
            "arena_c_bytes": compiled.arena_bytes,
            "constant_bytes": compiled.constant_bytes,
            "bands": bands(compiled),
            "largest_layer": fullest_layer(compiled),
        }
    sram, image = figures["sram_bytes"], figures["flash_bytes"]
    cycles = board.simulation.source if board.simulation else board.sources["cycle_factor"]
    return {
        "model": str(path),
        "board": board.name,
        "device": device,
        "samples": samples,
        **figures,
        **own,
        "arena_tflm_cortex_m_bytes": arena_tflm_bytes(model.arch, 4),
        "sources": {
            "active_power_w": board.sources["active_power_w"],
            "sleep_power_w": board.sources.get("sleep_power_w"),
            "cycles": device if is_serial(device) else cycles,
        },
        "board_sram_bytes": board.sram_bytes,
        "board_flash_bytes": board.flash_bytes,
        "duty_cycle": None,
        "fits": None if sram is None or image is None else sram <= board.sram_bytes and image <= board.flash_bytes,
    }


def is_serial(device: str) -> bool:
    """Whether `device` is a board on a serial line."""
    return device.startswith("serial:")


def check(device: str, compiler: str | None, samples: int, flash: bool) -> None:
    """Raises `SpecError` for a device that there is not, and for options that do not go with it."""
    serial = is_serial(device)
    if not serial and device not in get_args(Device):
        raise SpecError(f"device: unknown '{device}'; {did_you_mean(device, (*get_args(Device), 'serial:PORT'))}")
    if flash and not serial:
        raise SpecError(f"--flash writes to a board; name its port as the device (serial:PORT) instead of '{device}'")
    if samples < 1:
        raise SpecError(f"samples = {samples}; need at least 1")
    if compiler and device == "host":
        raise SpecError(f"compiler '{compiler}': cross compilers are for the devices sim and qemu; leave it out for 'host'")


def run(
    model: QuantizedModel,
    compiled: Compiled,
    board: Board,
    device: str,
    *,
    compiler: str | None,
    samples: int,
    seed: int,
    flash: bool,
) -> dict[str, Any]:
    """The C of `model`, as it was compiled, built and run on `samples` of its `inputs`; its figures there."""
    x = inputs(model, samples, seed)
    expected = reference.run(model, x)
    if device == "host":
        return _native(compiled, x, expected)
    if is_serial(device):
        from micronets.commands import measure_board

        return measure_board.measured(compiled, firmware_files(compiled), x, expected, board, device, compiler, flash)
    firmware = cross_compiler.build(firmware_files(compiled), board, compiler)
    return measure_sim.figures(firmware, compiled.model.arch.steps(), x, expected, board, twice=device == "qemu")[0]


def run_tflm(
    data: bytes, model: QuantizedModel, board: Board, device: str, tflm: Tflm, *, samples: int, seed: int
) -> dict[str, Any]:
    """TFLM with `data`, which reads as `model`, built and run on `samples` of its `inputs`; its figures there."""
    x = inputs(model, samples, seed)
    return measure_tflm.measured(data, model, x, reference.run(model, x), board, device, tflm)


def write_firmware(
    path: Path, board: Board, device: str, out: Path, compiler: str | None = None, patches: str = "auto"
) -> None:
    """Builds the firmware with which `device`, serial:PORT, measures the model at `path`, and writes it to `out` as an ELF.

    Raises what reading, compiling and building raise.
    """
    from micronets.commands import measure_board

    if not device.startswith("serial:"):
        raise SpecError(f"--firmware is for a board; name its port as the device (serial:PORT) instead of '{device}'")
    compiled = compile_model(_read(path)[1], board.target, arena_limit=arena_limit(board, patches))
    measure_board.build(firmware_files(compiled), board, device, compiler, out)


def _read(path: Path) -> tuple[bytes, QuantizedModel]:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give a .tflite") from e
    return data, tflite.read(data, str(path))


def inputs(model: QuantizedModel, samples: int, seed: int) -> Array:
    """Seeded inputs `[samples, *input_shape]`: the first random; the second and third all lowest and all highest values.

    int8, or float32 for a network that begins with Quantize.
    """
    shape = (samples, *model.arch.input_shape)
    x = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    x[1:2], x[2:3] = -128, 127
    if INPUT in model.quant:
        return x
    first = model.quant[model.arch.layers[0].name]
    return np.asarray(np.float32(first.scale) * (x.astype(np.float32) - first.zero_point), np.float32)


def _native(compiled: Compiled, x: Array, expected: Array) -> dict[str, Any]:
    library = host.build([compiled])
    found = library.run(0, x)
    many = np.repeat(x[:1], _HOST_RUNS, axis=0)
    begin = time.perf_counter()
    library.run(0, many)
    seconds = (time.perf_counter() - begin) / _HOST_RUNS
    return record(
        source="host",
        bit_exact=found.tobytes() == expected.tobytes(),
        latency_ms=1e3 * seconds,
        toolchain=" ".join(Path(word).name for word in host_compiler()),
        flags=["-O2"],
        per_layer=[layer_row(step) for step in compiled.model.arch.steps()],
    )


def problems(figures: Mapping[str, Any]) -> list[str]:
    """What is wrong with a measurement, a sentence each: outputs that differ, memory that does not suffice."""
    found = []
    tflm = figures["runtime"] == "tflm"
    if not figures["bit_exact"]:
        whose = "TFLM's outputs" if tflm else "outputs"
        found.append(f"{figures['model']}: {whose} differ from the reference; please report the model")
    if tflm and figures["arena_tflm_used_bytes"] > figures["arena_tflm_compiled_bytes"]:
        found.append(
            f"TFLM uses {figures['arena_tflm_used_bytes']:,} bytes of arena, and 'compile --runtime tflm' writes "
            f"{figures['arena_tflm_compiled_bytes']:,}: raise kMicronetsArenaBytes in micronets_tflm.h"
        )
    second = figures["qemu"]
    if second and second["instructions"] != figures["instructions"]:
        found.append(f"QEMU counts {second['instructions']:,} instructions, the simulator {figures['instructions']:,}")
    most = f"layer '{figures['largest_layer']}' holds most; take a smaller input, fewer channels there, or a larger board"
    less = "--runtime c needs less, or take "
    for memory, way_out in (
        ("SRAM", f"{less}a smaller input, fewer channels, or a larger board" if tflm else most),
        ("flash", f"{less if tflm else 'take '}fewer channels, 4-bit weights, or a larger board"),
    ):
        key = f"{memory.lower()}_bytes"
        used, there = figures[key], figures[f"board_{key}"]
        if used is not None and used > there:
            found.append(f"{memory}: {used:,} bytes are {used - there:,} more than {figures['board']} has; {way_out}")
    return found


def table(figures: Mapping[str, Any]) -> str:
    """The figures as text for a terminal."""
    if figures["device"].startswith("serial:"):
        from micronets.commands import measure_board

        return measure_board.table(figures)
    simulated = figures["source"] == "simulated"
    rows = [(r["name"], r["kind"], f"{r['macs']:,}", *_rates(r)) for r in figures["per_layer"]]
    head = ("layer", "kind", "MACs", "cycles", "MAC/cycle")
    unsure = f"+-{figures['uncertainty']:.0%}" if simulated else "this machine, not the board"
    totals = [("latency", amount(figures["latency_ms"], "ms"), unsure)]
    if simulated:
        totals += [
            ("cycles", f"{figures['cycles']:,}", f"{unsure}; {figures['core_cycles']:,} on a Cortex-M4 without wait states"),
            *_dual_issue(figures),
            ("instructions", f"{figures['instructions']:,}", _second_opinion(figures)),
            ("energy", amount(figures["energy_mj"], "mJ"), unsure),
            ("SRAM", amount(figures["sram_bytes"], "B"), f"arena, data and {figures['stack_bytes']:,} of stack"),
            ("flash", amount(figures["flash_bytes"], "B"), f"{figures['code_bytes']:,} of code, the rest constants"),
        ]
    totals += [
        ("arena", amount(figures["arena_c_bytes"], "B"), "ours")
        if figures["runtime"] == "c"
        else ("arena", amount(figures["arena_tflm_used_bytes"], "B"), "used by TFLM"),
        ("arena, TFLM", amount(figures["arena_tflm_cortex_m_bytes"], "B"), "on a Cortex-M, estimated"),
    ]
    if figures.get("duty_cycle"):
        totals += battery.rows(figures["duty_cycle"])
    equal = "equal the reference's, every byte" if figures["bit_exact"] else "DIFFER from the reference's"
    source = f"source: {figures['source']}, {figures['board']}, {figures['toolchain']}"
    if simulated:
        source += "".join(
            f"\n{what}: {figures['sources'][key]}" for what, key in (("cycles", "cycles"), ("power", "active_power_w"))
        )
    if figures["bands"]:
        source = f"{bands_text(figures['bands'])}\n{source}"
    layers = [columns(head, rows, (2, 3, 4)), ""] if simulated else []
    return "\n".join(
        [*layers, columns(("total", "", ""), totals, (1,)), "", f"outputs for {figures['samples']} inputs {equal}", source]
    )


def _dual_issue(figures: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = figures["dual_issue_cycles"]
    return [("", f"{found:,}", "by a model of the M7's two pipelines, caches warm: a second opinion")] if found else []


def _second_opinion(figures: Mapping[str, Any]) -> str:
    second = figures["qemu"]
    return f"{second['instructions']:,} in {second['version']}" if second else ""


def _rates(row: Mapping[str, Any]) -> tuple[str, str]:
    if row["cycles"] is None:
        return "", ""
    return f"{row['cycles']:,}", f"{row['macs'] / row['cycles']:.2f}" if row["macs"] and row["cycles"] else ""
