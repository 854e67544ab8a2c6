"""The runtime `tflm`: TensorFlow Lite Micro with CMSIS-NN, which reads the model's file.

Measuring needs a checkout of TFLM with its library built for the board's core; micronets contains no part of TFLM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from micronets import tflite
from micronets.boards.board import Board
from micronets.compiler.generate.names import DEFAULT
from micronets.compiler.generate.tflm_package import arena_with_margin, target_arch, tflm_files
from micronets.compiler.kernels.goal import DEFAULT_GOAL
from micronets.cost.costs import RUNTIME_FLASH_BYTES, RuntimeCosts, tflm_costs
from micronets.cost.latency_model import LatencyModel
from micronets.device.front_end import front_end_cost_in
from micronets.device.tflm import interpreter, tflm_firmware
from micronets.device.tflm.tflm_firmware import TflmCheckout
from micronets.errors import DeviceError, DoesNotFit, SpecError, UnsupportedError
from micronets.ir.arch import Arch, Step
from micronets.quantized import reference
from micronets.quantized.model import InputArrays, QuantizedModel
from micronets.runtimes import on_sim
from micronets.runtimes.base import (
    MeasureOptions,
    Package,
    Runtime,
    measurement_of,
    memory_problems,
    qemu_problems,
    seeded_inputs,
)
from micronets.runtimes.front_end import measured_with_front_end
from micronets.runtimes.measurement import Measurement
from micronets.tflite import ModelFile
from micronets.tflite.tflm_limits import why_tflm_cannot_run

Array = npt.NDArray[Any]

TFLM_DEVICES = ("sim", "qemu")
"""The devices on which TFLM can be measured."""

_WORDS = ("firmware_events", "firmware_arena_used")
_LAYER_AFTER_LAYER = "TFLM runs layer after layer; leave it out, or take the runtime c"


@dataclass(frozen=True)
class TensorFlowLiteMicro(Runtime):
    """TensorFlow Lite Micro.

    - build: the checkout with its library, which only measuring needs; None for none.
    """

    build: TflmCheckout | None = None

    name = "tflm"
    title = "TFLM"
    about = "TensorFlow Lite Micro"
    constants_are = "the file"
    arena_beside = "with its margin; predicted"
    self_contained = False
    whole_layers = "auto"

    def costs(self, model: LatencyModel | None) -> RuntimeCosts:
        """Returns the estimated costs of networks under TFLM, see `tflm_costs`.

        - model: a latency model that was fitted to TFLM on the board; None if there is none.
        """
        return tflm_costs(model)

    def executed(self, model: QuantizedModel) -> Arch:
        """Returns the network that TFLM executes: that of `model`, unchanged."""
        return model.arch

    def compile(
        self,
        file: ModelFile,
        board: Board,
        patches: str = "auto",
        name: str = DEFAULT,
        camera: str = "",
        optimise: str = DEFAULT_GOAL,
    ) -> Package:
        """Returns the C++ files that a firmware needs to run a model with TFLM.

        - file: the model.
        - board: the board that the firmware is for.
        - patches: must be auto, as TFLM runs layer after layer.
        - name: the base of the names of files, functions and macros, see `compiler.generate.names.Names`.
        - camera: must be empty, as only our C has a front end for camera frames.
        - optimise: must be the default, as TFLM has one kernel for each layer.

        Raises `UnsupportedError` for a model on which TFLM's kernels abort, `SpecError` for other `patches`, a camera
        or an invalid name, and `DoesNotFit` for a model whose arena, or file with TFLM's code, exceeds the board's
        memory.
        """
        _check_patches(patches)
        _check_optimise(optimise)
        if camera:
            raise SpecError(f"--camera {camera}: is for --runtime c, which writes the front end; leave it out")
        _check_runs(file)
        arena = arena_with_margin(file.arena_tflm_bytes(4))
        if arena > board.sram_bytes:
            raise DoesNotFit(
                f"{file.name}: TFLM's arena of {arena:,} bytes is {arena - board.sram_bytes:,} more than the "
                f"{board.sram_bytes:,} bytes of SRAM of {board.name}; --runtime c needs less, or take a larger board"
            )
        over = len(file.content) + RUNTIME_FLASH_BYTES - board.flash_bytes
        if over > 0:
            raise DoesNotFit(
                f"{file.name}: the file of {len(file.content):,} bytes and TFLM's code, about "
                f"{RUNTIME_FLASH_BYTES:,}, are {over:,} more than the {board.flash_bytes:,} bytes of flash of "
                f"{board.name}; --runtime c needs less, or take fewer channels, weights of 4 bits, or a larger board"
            )
        operators = tflite.operators(file.content, file.name)
        return Package(
            files=tflm_files(file.content, file.model, file.tensors, operators, board, name),
            constant_bytes=len(file.content),
            arena_tflm_compiled_bytes=arena,
            operators=tuple(operators),
        )

    def flash_bytes(self, file: ModelFile) -> int:
        """Returns the estimated bytes of flash of `file`.

        It counts the file, TFLM's code, and the integer front end that the model was trained on, if any.
        """
        front_end = front_end_cost_in(file.model)
        return len(file.content) + RUNTIME_FLASH_BYTES + (0 if front_end is None else front_end.flash_bytes)

    def runner(self, file: ModelFile) -> Callable[[InputArrays], Array]:
        """Returns a function that runs a model with one output in TFLM's interpreter on this machine.

        The function takes inputs `[N, *input_shape]` and returns outputs `[N, *output_shape]`. Raises `SpecError` for a
        model with several outputs, and `UnsupportedError` for one on which TFLM's kernels abort.
        """
        _ = file.model.arch.only_output
        _check_runs(file)
        return lambda x: interpreter.run(file.content, x)

    def check_board(self, board: Board) -> None:
        """Raises `SpecError` for a board whose core TFLM does not run on."""
        target_arch(board)

    def check(self, options: MeasureOptions) -> None:
        """Raises `SpecError` for options with which TFLM cannot be measured.

        It runs only on `TFLM_DEVICES`, without patches, and GCC builds its library.
        """
        _check_patches(options.patches)
        _check_optimise(options.optimise)
        if options.device not in TFLM_DEVICES:
            raise SpecError(
                f"device '{options.device}': TFLM is measured in {' and '.join(TFLM_DEVICES)} alone; take one of them, "
                "or --runtime c"
            )
        if options.compiler not in (None, "gcc"):
            raise SpecError(f"compiler '{options.compiler}': TFLM's library is GCC's; leave it out, or take gcc")

    def measure(self, file: ModelFile, board: Board, options: MeasureOptions) -> Measurement:
        """Builds a model, runs it on a device and compares its outputs with the reference's.

        - file: the model. The operators that TFLM runs are its layers, in order.
        - board: the simulated board.
        - options: the device, and how it is measured.

        SRAM includes the used part of TFLM's arena only. Raises the errors of building and running, and `DeviceError`
        if TFLM's library does not report the operators that it runs.
        """
        build = self._build(board)
        model = file.model
        operators = operators_registered(file)
        model.arch.check_one_input()
        inputs = seeded_inputs(model, options.samples, options.seed)
        x, expected = reference.packed_inputs(model, inputs), reference.output_bytes(model, inputs)
        arena = arena_with_margin(file.arena_tflm_bytes(4))
        sources = tflm_files(file.content, model, file.tensors, tflite.operators(file.content), board)
        sizes = (len(operators), x[0].nbytes, expected[0].nbytes, file.tensors.variables)
        firmware = tflm_firmware.build_tflm_firmware(sources, build, board, sizes, arena)
        found, words = on_sim.execute_on_sim(
            firmware, operators, x, expected, board, twice=options.device == "qemu", words=_WORDS
        )
        found = measured_with_front_end(found, model, board, options)
        if words["firmware_events"] != len(operators):
            raise DeviceError(
                f"TFLM told its profiler of {words['firmware_events']} operators, the model has {len(operators)}: "
                f"{tflm_firmware.NEEDS_MESSAGES}"
            )
        used = words["firmware_arena_used"]
        assert found.sram_bytes is not None
        return measurement_of(
            replace(found, sram_bytes=found.sram_bytes - (tflm_firmware.firmware_arena_bytes(arena) - used)),
            file,
            board,
            options,
            runtime=self.name,
            constant_bytes=len(file.content),
            arena_tflm_used_bytes=used,
            arena_tflm_compiled_bytes=arena,
        )

    def write_firmware(self, file: ModelFile, board: Board, options: MeasureOptions, out: Path) -> None:
        """Raises `SpecError`, as the firmware of boards runs only our C.

        - file, board, options, out: the arguments of `Runtime.write_firmware`, which are ignored.
        """
        raise SpecError("--firmware: a board's own firmware runs our C alone; leave it out, or take the runtime c")

    def toolchain(self, board: Board, compiler: str | None) -> str:
        """Returns the version of the compiler that builds the firmware, and a hash of TFLM's library, as text.

        - board: the board that the firmware is for.
        - compiler: ignored, as the compiler is always GCC.

        Raises `SpecError` if no checkout of TFLM was given, and the errors of `tflm_firmware.toolchain`.
        """
        return tflm_firmware.toolchain(self._build(board))

    def built(self, root: Path | None, library: Path | None, board: Board) -> Runtime:
        """Returns the runtime with the library that it is to be measured with.

        - root: a checkout of TFLM, the option `--tflm`.
        - library: its library, the option `--tflm-library`; None for the one in the checkout.
        - board: the board whose core the library must be built for.

        Raises `SpecError` without a checkout and for a core for which TFLM cannot be built, and `FileError` if a file
        is missing.
        """
        if root is None:
            raise SpecError(_no_build(board))
        return replace(self, build=tflm_firmware.find_checkout(root, library, board))

    def unmeasurable(self, board: Board) -> str | None:
        """Returns why TFLM cannot be measured on the simulated board on this machine; None if it can."""
        return on_sim.unavailable(board) if self.build else _no_build(board)

    def problems(self, found: Measurement) -> list[str]:
        """Returns the problems of a measurement, one sentence each, with the remedy.

        Problems are outputs that differ from the reference's, an arena larger than the one that `compile` writes,
        different instruction counts of QEMU and the simulator, and SRAM or flash beyond the board's.
        """
        less = "--runtime c needs less, or take "
        sram, flash = (
            f"{less}a smaller input, fewer channels, or a larger board",
            f"{less}fewer channels, 4-bit weights, or",
        )
        wrong = []
        if not found.bit_exact:
            wrong.append(f"{found.model}: TFLM's outputs differ from the reference; please report the model")
        used, compiled = found.arena_tflm_used_bytes, found.arena_tflm_compiled_bytes
        if used is not None and compiled is not None and used > compiled:
            wrong.append(
                f"TFLM uses {used:,} bytes of arena, and 'compile --runtime tflm' writes {compiled:,}: raise "
                "kMicronetsArenaBytes in micronets_tflm.h"
            )
        return [*wrong, *qemu_problems(found), *memory_problems(found, sram, f"{flash} a larger board")]

    def _build(self, board: Board) -> TflmCheckout:
        """Returns the checkout with TFLM's library. Raises `SpecError` if none was given."""
        if self.build is None:
            raise SpecError(_no_build(board))
        return self.build


def operators_registered(file: ModelFile) -> list[Step | str]:
    """Returns the operators of a file that TFLM runs, in order: the layer of each, or its name if it is not a layer.

    An operator and a layer match if they write the same tensor.
    """
    tensors = tflite.tensor_names(file.content, file.name, spread=True)
    made = ((name, step) for step in file.model.arch.steps() for name in step.layer.outputs[:1])
    steps = {tensors[name]: step for name, step in made if name in tensors}
    return [steps.get(output, name) for name, output in tflite.operators_run(file.content, file.name)]


def _no_build(board: Board) -> str:
    """Returns the error for a measurement without a checkout of TFLM, with the command that creates one."""
    made = tflm_firmware.make_command(board)
    return f"--runtime tflm: give --tflm DIR, a checkout of TFLM in which its library was built: {made}"


def _check_runs(file: ModelFile) -> None:
    """Raises `UnsupportedError` for a model on which TFLM's kernels abort."""
    reason = why_tflm_cannot_run(file.model, file.tensors)
    if reason is not None:
        raise UnsupportedError(f"{file.name}: {reason}; take --runtime c")


def _check_patches(patches: str) -> None:
    """Raises `SpecError` for any value of the option `patches` except its default, as TFLM has no patches."""
    if patches != "auto":
        raise SpecError(f"patches = {patches}: {_LAYER_AFTER_LAYER}")


def _check_optimise(optimise: str) -> None:
    """Raises `SpecError` for any value of the option `optimise` except its default, as TFLM has one kernel per
    layer."""
    if optimise != DEFAULT_GOAL:
        raise SpecError(f"--optimise {optimise}: is for --runtime c, which chooses between kernels; leave it out")


TFLM = TensorFlowLiteMicro()
"""TensorFlow Lite Micro, without a build of it."""
