"""`Runtime`: a program that executes networks on a board, and everything that differs between such programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler.generate.names import DEFAULT
from micronets.compiler.kernels.goal import DEFAULT_GOAL
from micronets.cost.costs import RuntimeCosts
from micronets.cost.latency_model import LatencyModel
from micronets.errors import SpecError, did_you_mean
from micronets.ir.arch import Arch
from micronets.ir.layers import Shape
from micronets.ir.types import Type, code_range, stored
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import InputArrays, QuantizedModel
from micronets.quantized.reference import inputs_of_codes
from micronets.ranges import check_number
from micronets.runtimes.measurement import Execution, FigureSources, LayersInPatches, Measurement
from micronets.tflite import ModelFile

Device = Literal["sim", "qemu", "host"]
"""A device that this machine simulates or is; a board on a serial line is another, see `is_serial`."""

Array = npt.NDArray[Any]

MOST_SAMPLES = 100_000
"""The most inputs compared in one measurement; all of them are in memory at once."""


def is_serial(device: str) -> bool:
    """Returns whether `device` names a board on a serial line, `serial:PORT[@BAUD]`."""
    return device.startswith("serial:")


@dataclass(frozen=True)
class MeasureOptions:
    """The options of a measurement.

    - device: sim (a simulated processor of the board), qemu (the simulator, and QEMU as a second opinion), host (this
      machine) or serial:PORT (the board itself).
    - compiler: the compiler of the firmware, gcc or zig; None for the first that is installed, and for the device host.
    - samples: the number of `seeded_inputs` whose outputs are compared with the reference's, 1 to `MOST_SAMPLES`.
    - seed: the seed of those inputs, at least 0.
    - patches: the limit of our C's arena, see `runtimes.c.arena_limit`.
    - flash: whether to build the firmware and write it to the board first; for serial:PORT only.
    - optimise: the goal for which our C's kernels are chosen, see `runtimes.c.compile_for`.

    Raises `SpecError` for an unknown device, and for options that the device does not take.
    """

    device: str = "sim"
    compiler: str | None = None
    samples: int = 5
    seed: int = 0
    patches: str = "auto"
    flash: bool = False
    optimise: str = DEFAULT_GOAL

    def __post_init__(self) -> None:
        device, serial = self.device, is_serial(self.device)
        if not serial and device not in get_args(Device):
            raise SpecError(f"device: unknown '{device}'; {did_you_mean(device, (*get_args(Device), 'serial:PORT'))}")
        if self.flash and not serial:
            raise SpecError(
                f"--flash writes to a board; name its port as the device (serial:PORT) instead of '{device}'"
            )
        check_number("samples", self.samples, 1, MOST_SAMPLES)
        if self.compiler and device == "host":
            raise SpecError(
                f"compiler '{self.compiler}': cross compilers are for the devices sim and qemu; leave it out for 'host'"
            )
        if self.seed < 0:
            raise SpecError(f"seed = {self.seed}; need at least 0")


@dataclass(frozen=True)
class Package:
    """A model compiled for a runtime: the files that `micronets compile` writes, and the memory that they take.

    - files: the text of every file, by the file's name.
    - constant_bytes: bytes of weights and tables of our C, or of the file that TFLM reads.
    - arena_c_bytes: bytes of our C's arena.
    - sram_c_bytes: bytes of SRAM of our C: arena, state, stack, and weights and tables if they lie in SRAM.
    - arena_bound_bytes: a lower bound of the arena of our C: no plan is smaller.
    - arena_tflm_compiled_bytes: bytes of the arena for TFLM, including a margin.
    - bands: layers of our C that run together in patches of a few rows.
    - operators: names of the operators that TFLM needs.
    - optimise: the goal for which our C's kernels were chosen, within the board's memory.

    Fields that a runtime does not have are None or empty.
    """

    files: Mapping[str, str]
    constant_bytes: int
    arena_c_bytes: int | None = None
    sram_c_bytes: int | None = None
    arena_bound_bytes: int | None = None
    arena_tflm_compiled_bytes: int | None = None
    bands: tuple[LayersInPatches, ...] = ()
    operators: tuple[str, ...] | None = None
    optimise: str | None = None


class Runtime(ABC):
    """A program that executes networks on a board.

    Another runtime is a subclass in its own file, and a line in `RUNTIMES`.

    - name: its name on the command line and in configurations and results.
    - title: its name in tables in which several runtimes have a figure of the same name.
    - about: a short description for the help of commands.
    - constants_are: the words for its contents of flash other than code.
    - arena_beside: the label that `compile` prints for the figure next to the arena, which is TFLM's need on a
      Cortex-M.
    - self_contained: whether measuring a network takes only micronets and a compiler.
    - whole_layers: the value of the option `patches` for which no layers run in patches.
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
        """Returns the estimated costs of networks under the runtime.

        - model: a latency model of the board for estimates of time; None if there is none.
        """

    @abstractmethod
    def executed(self, model: QuantizedModel) -> Arch:
        """Returns the network that the runtime executes: that of `model`, or the result of a compiler's passes."""

    @abstractmethod
    def compile(
        self,
        file: ModelFile,
        board: Board,
        patches: str = "auto",
        name: str = DEFAULT,
        camera: str = "",
        optimise: str = DEFAULT_GOAL,
    ) -> Package:
        """Returns the files that a firmware needs to run a model.

        - file: the model.
        - board: the board that the firmware is for.
        - patches: the limit of the arena, see `runtimes.c.arena_limit`.
        - name: the base of the names of files, functions and macros, see `compiler.generate.names.Names`.
        - camera: the camera frames of an image model, such as 160x120:rgb565; empty for those of the
          camera that the model was made for, if there is one.
        - optimise: the criterion for choosing a kernel if a faster one takes more memory, see `runtimes.c.compile_for`.

        Raises `UnsupportedError` for a model that the runtime cannot run, `SpecError` for unknown `patches` or an
        invalid name, and `DoesNotFit` for a model whose arena or constants exceed the board's memory.
        """

    @abstractmethod
    def flash_bytes(self, file: ModelFile) -> int | None:
        """Returns an estimate of the flash that `file` takes, in bytes, with an integer front end that it was trained
        on; None if only compiling it shows that.
        """

    @abstractmethod
    def runner(self, file: ModelFile) -> Callable[[InputArrays], Array]:
        """Returns a function that runs a model with one output on this machine.

        The function takes inputs `[N, *input_shape]`, int8 or float32, and returns outputs `[N, *output_shape]`. Raises
        `SpecError` for a model with several outputs.
        """

    @abstractmethod
    def check_board(self, board: Board) -> None:
        """Raises `SpecError` for a board whose core the runtime does not run on."""

    @abstractmethod
    def check(self, options: MeasureOptions) -> None:
        """Raises `SpecError` for options with which the runtime cannot measure."""

    @abstractmethod
    def measure(self, file: ModelFile, board: Board, options: MeasureOptions) -> Measurement:
        """Builds a model, runs it on a device and compares its outputs with the reference's.

        - file: the model.
        - board: the board, real or simulated.
        - options: the device, and how it is measured.

        Raises the errors of compiling, building and running; outputs that differ are a result, not an error.
        """

    @abstractmethod
    def write_firmware(self, file: ModelFile, board: Board, options: MeasureOptions, out: Path) -> None:
        """Builds the firmware with which a board is measured over its serial line, and writes it to a file.

        - file: the model that the firmware runs.
        - board: the board.
        - options: how it will be measured; the device must be serial:PORT.
        - out: the ELF file to write.

        Raises `SpecError` for another device or a runtime without such a firmware, and the errors of building.
        """

    @abstractmethod
    def toolchain(self, board: Board, compiler: str | None) -> str:
        """Returns the name and version of the compiler that builds the firmware.

        - board: the board that the firmware is for.
        - compiler: gcc or zig; None for the first that is installed.

        Raises `DeviceError` if no such compiler is installed.
        """

    @abstractmethod
    def built(self, root: Path | None, library: Path | None, board: Board) -> Runtime:
        """Returns the runtime with the library that it is to be measured with.

        - root: a checkout of TFLM, the option `--tflm`.
        - library: its library, the option `--tflm-library`; None for the one in the checkout.
        - board: the board that the library must be built for.

        Raises `SpecError` if an option is missing or the runtime takes none, and `FileError` if a file is missing.
        """

    @abstractmethod
    def unmeasurable(self, board: Board) -> str | None:
        """Returns why networks cannot be measured on the simulated board on this machine; None if they can."""

    @abstractmethod
    def problems(self, found: Measurement) -> list[str]:
        """Returns the problems of a measurement, one sentence each: outputs that differ, or too little memory."""


def seeded_inputs(model: QuantizedModel, samples: int, seed: int) -> InputArrays:
    """Returns inputs to measure a model with: `[samples, *input_shape]`, of the type of its input.

    - model: the model.
    - samples: the number of inputs. All are random except the second and the third, which have the lowest and the
      highest values.
    - seed: the seed of the random values, at least 0.

    A float32 input gets the real values of such codes of the tensor that is quantised first. For a model with several
    inputs, the result is a mapping with an array for each, by name.
    """
    rng = np.random.default_rng(seed)

    def draw(shape: Shape, of: Type) -> Array:
        lowest, highest = code_range(stored(of))
        x = rng.integers(lowest, highest, (int(samples), *shape), endpoint=True).astype(dtype_of(of))
        x[1:2], x[2:3] = lowest, highest
        return x

    return inputs_of_codes(model, draw)


def measurement_of(
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
    """Returns the `Measurement` that combines a device's results with the runtime's facts about the model.

    - execution: the results of the device.
    - file: the model.
    - board: the board.
    - options: the options of the measurement.
    - other arguments: fields of `Measurement`.
    """
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
    """Returns a sentence for SRAM and one for flash if a measurement takes more than the board has.

    - found: the measurement.
    - sram_way_out, flash_way_out: the user's remedy, as the end of the sentence.
    """
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
    """Returns a sentence if QEMU and the simulator count different numbers of instructions, otherwise nothing."""
    if found.qemu is None or found.qemu.instructions == found.instructions:
        return []
    return [f"QEMU counts {found.qemu.instructions:,} instructions, the simulator {found.instructions:,}"]
