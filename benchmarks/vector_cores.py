"""Networks on a core with vectors of 16 bytes (Helium), in QEMU; writes a section of docs/results.md.

Run from the repository: `python -m benchmarks.vector_cores [--shared DIR] [--networks N]`. The released models and N
random networks (default 100) are compiled for a Cortex-M55, built by GCC and executed in QEMU; every output byte is
compared with the integer reference. Of the released models it counts instructions, also of the kernels for the DSP
extension on the same core. It needs arm-none-eabi-gcc and qemu-system-arm, and takes some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count, islice
from pathlib import Path

from benchmarks.kernels_vs_tflm import geometric_mean
from benchmarks.tables import replace_section
from micronets import tflite
from micronets.boards.board import load_board
from micronets.boards.cores import core_of
from micronets.boards.targets import DSP, MVE, Target
from micronets.compiler import compile_model
from micronets.cost.counts import step_macs
from micronets.device.cross_compiler import build_firmware, firmware_files
from micronets.device.sim.machine import Simulation, simulate
from micronets.errors import DeviceError
from micronets.ir.layers import Conv2D
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from tests.support.random_models import random_arch, random_input, random_model
from tests.support.realistic_archs import random_arch as realistic_arch

BOARD = load_board("Corstone-300 (MPS3 AN547)")
INPUTS = 2  # for each random network
FIRMWARE_BYTES = 64 << 10  # more than kernels, stack and guards take
FOLDERS = ("models/mlperf_tiny", "models/micronets")  # of the released models


@dataclass(frozen=True)
class Counts:
    """The instructions of a network, and of its pointwise convolutions.

    - macs: the multiplications of the network.
    - dsp, mve: its instructions with the kernels for the DSP extension, and for vectors.
    - pointwise_dsp, pointwise_mve: those of its convolutions of 1 x 1.
    """

    name: str
    macs: int
    dsp: int
    mve: int
    pointwise_dsp: int
    pointwise_mve: int


def ran(model: QuantizedModel, target: Target, inputs: int, seed: int) -> tuple[Simulation, QuantizedModel]:
    """Runs a network on random inputs; returns what it took, and the network as it was compiled.

    Raises `AssertionError` where an output byte is not the reference's, and the `DeviceError` of what builds and runs.
    """
    compiled = compile_model(model, target)
    x = random_input(model, inputs, seed)
    expected = reference.output_bytes(model, x)
    sizes = [model.tensor_bytes(name) for name in model.arch.outputs]
    elf = build_firmware(firmware_files(compiled), BOARD, "gcc").elf
    packed = reference.packed_inputs(model, x)
    found = simulate(elf, packed, len(compiled.model.arch.layers), sizes, BOARD)
    assert found.outputs.tobytes() == expected.tobytes(), f"outputs differ: {model.arch.layers}"
    return found, compiled.model


def counted(path: Path) -> Counts:
    """Returns what a released model takes."""
    model = tflite.read(path.read_bytes())
    totals, pointwise = [], []
    for target in (DSP, MVE):
        found, compiled = ran(model, target, 1, 1)
        layers = zip(compiled.arch.layers, found.layers, strict=True)
        totals.append(found.instructions)
        pointwise.append(sum(t.instructions for w, t in layers if isinstance(w, Conv2D) and w.kernel == (1, 1)))
    return Counts(path.stem, sum(map(step_macs, model.arch.steps())), *totals, *pointwise)


def random_network(seed: int) -> QuantizedModel:
    """Returns a random network: of all kinds of layers with numbers of any size or, by turns, such as people train."""
    return with_random_weights(realistic_arch(seed), seed) if seed % 2 else random_model(random_arch(seed), seed)


def fits(model: QuantizedModel) -> bool:
    """Tells whether QEMU's machine has memory enough for a network and the firmware around it."""
    machine = core_of(BOARD.core, BOARD.name).qemu
    assert machine is not None
    compiled = compile_model(model, MVE)
    return max(compiled.arena_bytes, compiled.constant_bytes) + FIRMWARE_BYTES <= machine.memory_bytes


def table(rows: Sequence[Counts], left_out: Sequence[str]) -> str:
    """Returns a row for each released model."""
    lines = [
        "| network | MACs | DSP, instructions | vectors | ratio | a MAC | pointwise layers, ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for r in rows:
        pointwise = f"{r.pointwise_mve / r.pointwise_dsp:.3f}" if r.pointwise_dsp else ""
        ratios = f"{r.mve / r.dsp:.3f} | {r.mve / r.macs:.2f}"
        lines.append(f"| {r.name} | {r.macs:,} | {r.dsp:,} | {r.mve:,} | {ratios} | {pointwise} |")
    lines.append(f"| geometric mean | | | | {geometric_mean(r.mve / r.dsp for r in rows):.3f} | | |")
    return "\n".join([*lines, *(["", "Left out: " + "; ".join(left_out) + "."] if left_out else [])])


def write_section(rows: Sequence[Counts], left_out: Sequence[str], networks: int) -> None:
    """Writes the section from what was found."""
    text = (
        f"{table(rows, left_out)}\n\nInstructions for one inference on a Cortex-M55 in QEMU, by GCC. Every output byte "
        f"equals the reference's, as in {networks} random networks that fit QEMU's memory. {date.today()}, "
        f"`python -m benchmarks.vector_cores --networks {networks}`."
    )
    replace_section(Path("docs/results.md"), "vector-cores", text)
    print(text)


def main() -> None:
    """Runs the program as the docstring of this file says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="the folder with the released models")
    parser.add_argument("--networks", type=int, default=100, help="how many random networks")
    options = parser.parse_args()
    rows, left_out = [], []
    for path in (path for folder in FOLDERS for path in sorted((options.shared / folder).glob("*.tflite"))):
        try:
            rows.append(counted(path))
            print(rows[-1], flush=True)
        except DeviceError as e:
            left_out.append(f"{path.stem} ({e})")
            print(left_out[-1], flush=True)
    seeds = (seed for seed in count() if fits(random_network(seed)))
    for number, seed in enumerate(islice(seeds, options.networks), 1):
        ran(random_network(seed), MVE, INPUTS, seed)
        print(f"{number} random networks", end="\r", flush=True)
    write_section(rows, left_out, options.networks)


if __name__ == "__main__":
    main()
