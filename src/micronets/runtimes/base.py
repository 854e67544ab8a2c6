"""`Runtime`: what executes a network on a board, and all that differs between two of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.cost.costs import RuntimeCosts
from micronets.cost.latency_model import LatencyModel
from micronets.errors import SpecError, did_you_mean
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.measurement import Execution, FigureSources, LayersInPatches, Measurement
from micronets.tflite import ModelFile

Device = Literal["sim", "qemu", "host"]
Array = npt.NDArray[Any]


def is_serial(device: str) -> bool:
    """Whether `device` is a board on a serial line."""
    return device.startswith("serial:")


@dataclass(frozen=True)
class MeasureOptions:
    """How a model is measured.

    - device: sim (a simulated processor of the board), qemu (sim, and the same firmware in QEMU as a second opinion),
      host (the same code on this machine) or serial:PORT (the board itself).
    - compiler: of the firmware: gcc, zig, or None for the first that is there; not for host.
    - samples: how many of `inputs` have their outputs compared with the reference's.
    - seed: of those inputs, at least 0.
    - patches: how large the arena of our C may get, see `runtimes.c.arena_limit`.
    - flash: for serial:PORT: build the firmware and write it to the board first.

    Raises `SpecError` for a device that there is not, and for options that do not go with it.
    """

    device: str = "sim"
    compiler: str | None = None
    samples: int = 5
    seed: int = 0
    patches: str = "auto"
    flash: bool = False

    def __post_init__(self) -> None:
        device, serial = self.device, is_serial(self.device)
        if not serial and device not in get_args(Device):
            raise SpecError(f"device: unknown '{device}'; {did_you_mean(device, (*get_args(Device), 'serial:PORT'))}")
        if self.flash and not serial:
            raise SpecError(
                f"--flash writes to a board; name its port as the device (serial:PORT) instead of '{device}'"
            )
        if self.samples < 1:
            raise SpecError(f"samples = {self.samples}; need at least 1")
        if self.compiler and device == "host":
            raise SpecError(
                f"compiler '{self.compiler}': cross compilers are for the devices sim and qemu; leave it out for 'host'"
            )
        if self.seed < 0:
            raise SpecError(f"seed = {self.seed}; need at least 0")


@dataclass(frozen=True)
class Package:
    """A model as a runtime takes it: the files of `micronets compile`, and what they take of the board.

    - files: text by name.
    - constant_bytes: weights and tables of our C, or the file that TFLM reads.
    - arena_c_bytes, sram_c_bytes: of our C: its arena; arena and stack. arena_bound_bytes: what no plan can be below.
    - arena_tflm_compiled_bytes: of TFLM: the arena that it is given, with a margin.
    - bands: layers that run together in patches of a few rows. operators: names of the operators that TFLM needs.
    """

    files: Mapping[str, str]
    constant_bytes: int
    arena_c_bytes: int | None = None
    sram_c_bytes: int | None = None
    arena_bound_bytes: int | None = None
    arena_tflm_compiled_bytes: int | None = None
    bands: tuple[LayersInPatches, ...] = ()
    operators: tuple[str, ...] | None = None


class Runtime(ABC):
    """What executes a network on a board. A further runtime is a subclass in a file of its own, and a line in
    `RUNTIMES`.

    - name: what the command line, configurations and results call it.
    - title: what tables call it where several runtimes have a figure of the same name.
    - about: what it is, in a few words for the help of commands.
    - constants_are: what it keeps in flash beside its code. arena_beside: what the figure is that `compile` prints
      beside the arena, which is TFLM's need of a Cortex-M.
    - self_contained: whether a network can be measured with nothing but what comes with micronets and a compiler.
    - whole_layers: the value of the option `patches` with which no layers run in patches.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    constants_are: ClassVar[str]
    arena_beside: ClassVar[str]
    self_contained: ClassVar[bool]
    whole_layers: ClassVar[str]

    @abstractmethod
    def costs(self, model: LatencyModel | None) -> RuntimeCosts:
        """What networks cost under it, estimated; their time by `model`, a latency model of the board, where there
        is one.
        """

    @abstractmethod
    def executed(self, model: QuantizedModel) -> Arch:
        """The network that it executes: `model`'s, or what its compiler makes of it."""

    @abstractmethod
    def compile(self, file: ModelFile, board: Board, patches: str = "auto") -> Package:
        """The files that a firmware needs to run `file`.

        patches: see `runtimes.c.arena_limit`. Raises `UnsupportedError`, `SpecError`, and `DoesNotFit` for a model
        whose arena or constants exceed the board's memory.
        """

    @abstractmethod
    def flash_bytes(self, file: ModelFile) -> int | None:
        """Flash that it takes for `file`, estimated; None where that shows when the model is compiled only."""

    @abstractmethod
    def runner(self, file: ModelFile) -> Callable[[Array], Array]:
        """A function that runs the model on this machine, as often as one likes.

        It takes inputs `[N, *input_shape]`, int8 or float32, and returns outputs `[N, *output_shape]`.
        """

    @abstractmethod
    def check_board(self, board: Board) -> None:
        """Raises `SpecError` for a board whose core the runtime does not run on."""

    @abstractmethod
    def check(self, options: MeasureOptions) -> None:
        """Raises `SpecError` for options with which the runtime cannot measure."""

    @abstractmethod
    def measure(self, file: ModelFile, board: Board, options: MeasureOptions) -> Measurement:
        """Builds the model, runs it on a device and compares its outputs with the reference's.

        Raises what compiling, building and running raise; outputs that differ are a result, not an error.
        """

    @abstractmethod
    def write_firmware(self, file: ModelFile, board: Board, options: MeasureOptions, out: Path) -> None:
        """Builds the firmware with which a board is measured over its serial line, and writes it to `out`, an ELF
        file.
        """

    @abstractmethod
    def toolchain(self, board: Board, compiler: str | None) -> str:
        """Name and version of what builds its firmware. Raises `DeviceError` where there is nothing that can."""

    @abstractmethod
    def built(self, root: Path | None, library: Path | None, board: Board) -> Runtime:
        """The runtime with what the options `--tflm` and `--tflm-library` name. Raises `SpecError`, `FileError`."""

    @abstractmethod
    def unmeasurable(self, board: Board) -> str | None:
        """Returns why networks cannot be measured on the simulated board on this machine; None where they can."""

    @abstractmethod
    def problems(self, found: Measurement) -> list[str]:
        """What is wrong with one of its measurements, a sentence each: outputs that differ, memory that does not
        suffice.
        """


def inputs(model: QuantizedModel, samples: int, seed: int) -> Array:
    """Seeded inputs `[samples, *input_shape]`: the first random; the second and third all lowest and all highest
    values.

    int8, or float32 for a network that begins with Quantize.
    """
    shape = (samples, *model.arch.input_shape)
    x = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    x[1:2], x[2:3] = -128, 127
    if INPUT in model.quant:
        return x
    first = model.quant[model.arch.layers[0].name]
    return np.asarray(np.float32(first.scale) * (x.astype(np.float32) - first.zero_point), np.float32)


def measurement(
    execution: Execution,
    file: ModelFile,
    board: Board,
    options: MeasureOptions,
    *,
    runtime: str,
    constant_bytes: int,
    arena_c_bytes: int | None = None,
    arena_tflm_used_bytes: int | None = None,
    arena_tflm_compiled_bytes: int | None = None,
    bands: tuple[LayersInPatches, ...] = (),
    largest_layer: str | None = None,
) -> Measurement:
    """The one place that makes a `Measurement`: of what a device found, and of what the runtime knows of the model."""
    cycles = board.simulation.source if board.simulation else board.sources.get("cycle_factor")
    return Measurement(
        **{f.name: getattr(execution, f.name) for f in fields(Execution)},
        model=file.name,
        board=board.name,
        device=options.device,
        samples=options.samples,
        runtime=runtime,
        arena_c_bytes=arena_c_bytes,
        arena_tflm_used_bytes=arena_tflm_used_bytes,
        arena_tflm_compiled_bytes=arena_tflm_compiled_bytes,
        arena_tflm_cortex_m_bytes=file.arena_tflm_bytes(4),
        constant_bytes=constant_bytes,
        bands=bands,
        largest_layer=largest_layer,
        sources=FigureSources(
            active_power_w=board.sources.get("active_power_w"),
            sleep_power_w=board.sources.get("sleep_power_w"),
            cycles=options.device if is_serial(options.device) else cycles,
        ),
        board_sram_bytes=board.sram_bytes,
        board_flash_bytes=board.flash_bytes,
    )


def memory_problems(found: Measurement, sram_way_out: str, flash_way_out: str) -> list[str]:
    """Returns a sentence each for SRAM and flash where a measurement takes more than the board has."""
    rows = (
        ("SRAM", found.sram_bytes, found.board_sram_bytes, sram_way_out),
        ("flash", found.flash_bytes, found.board_flash_bytes, flash_way_out),
    )
    return [
        f"{memory}: {used:,} bytes are {used - there:,} more than {found.board} has; {way_out}"
        for memory, used, there, way_out in rows
        if used is not None and used > there
    ]


def qemu_problems(found: Measurement) -> list[str]:
    """Returns a sentence if QEMU counts other instructions than the simulator."""
    if found.qemu is None or found.qemu.instructions == found.instructions:
        return []
    return [f"QEMU counts {found.qemu.instructions:,} instructions, the simulator {found.instructions:,}"]
