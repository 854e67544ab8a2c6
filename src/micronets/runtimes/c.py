"""The runtime `c`, portable C99 that micronets generates: its costs, and how it is compiled, run and measured.

Costs are estimates by which a search keeps to its limits: the arena is the plan that the compiler would make, and flash
is the weights and tables that it would write. Time needs a latency model fitted to measurements of that board
(`cost.latency_model`, `micronets characterize`).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import __version__
from micronets.boards.board import Board, parse_size
from micronets.compiler import Compiled, camera_of, compile_model, compiled_contents, optimise
from micronets.compiler.flash import Contents, flash_outline
from micronets.compiler.generate.manifests import library_files
from micronets.compiler.generate.model_c import generate
from micronets.compiler.generate.names import DEFAULT
from micronets.compiler.kernels.copied import WeightCopies
from micronets.compiler.kernels.goal import DEFAULT_GOAL, and_smaller, goal_named
from micronets.compiler.memory.plan import bounds, needs, plan_arena
from micronets.cost.costs import TFLM_COSTS, BudgetCost, Network, RuntimeCosts, no_limit_on_times, time_and_energy
from micronets.cost.counts import live_bytes, state_bytes, step_weight_bytes
from micronets.cost.latency_model import LatencyModel, fitted_cycles
from micronets.cost.tflm_plan import align
from micronets.device import cross_compiler, host
from micronets.device.cross_compiler import firmware_files
from micronets.device.host_compiler import host_compiler
from micronets.device.sim.elf import read_image
from micronets.errors import DeviceError, DoesNotFit, SpecError, did_you_mean
from micronets.ir.arch import Arch, Step
from micronets.number import Number
from micronets.quantized import reference
from micronets.quantized.model import InputArrays, QuantizedModel
from micronets.runtimes import on_board, on_sim
from micronets.runtimes.base import (
    MeasureOptions,
    Package,
    Runtime,
    is_serial,
    measurement_of,
    memory_problems,
    qemu_problems,
    seeded_inputs,
)
from micronets.runtimes.code_sizes import code_sizes
from micronets.runtimes.front_end import measured_with_front_end
from micronets.runtimes.measurement import Execution, LayersInPatches, Measurement, layer_measurement
from micronets.tflite import ModelFile

Array = npt.NDArray[Any]

C_STACK_BYTES = 768
"""Bytes for the stack and a few bytes of data, without interrupts.

In the simulator networks of all kinds of layers take 0.4 to 0.7 KB.
"""

RELAXED_CODE_BYTES = 6 * 1024
"""Bytes of kernels and start-up code, about, where widths are tensors and nothing says which kernels there are."""

SCALE_BYTES = 4
"""Bytes of the multiplier of each scale of a layer's weights; its shift shares the word of the bias."""

LAYER_BYTES = 72
"""Bytes of a layer's record, about, and of its places in the tables of functions and records."""

_CLOSE_BYTES = 20 << 10  # with so much flash left, no firmware is built to see whether it fits
_HOST_RUNS = 20  # how often one input is run to time it on this machine


def c_costs(model: LatencyModel | None) -> RuntimeCosts:
    """Returns the costs of our C.

    - model: a latency model of the board; without one, costs of time and energy raise `SpecError`.
    """

    def latency_ms(steps: Sequence[Step], board: Board) -> Number:
        if model is None and board.no_times:
            raise no_limit_on_times(board)
        if model is None:
            raise SpecError(
                f"no latency model of {board.name} for runtime 'c': make one with 'micronets characterize --board "
                f'{board.name} --space ...\' and name its latency.toml with latency_model, or take runtime = "tflm"'
            )
        return board.milliseconds(fitted_cycles(steps, model))

    own = {
        "sram_bytes": BudgetCost(
            planned_sram_bytes, "arena, data and stack of our C on the Cortex-M", least_sram_bytes
        ),
        "flash_bytes": BudgetCost(network_flash_bytes, "code, weights and tables of our C"),
        **time_and_energy(latency_ms, "one inference of our C on the board"),
    }
    return RuntimeCosts("c", {**TFLM_COSTS.costs, **own})


def planned_sram_bytes(network: Network) -> Number:
    """Returns the bytes of SRAM that our C takes for a network.

    The arena is the one that the compiler plans. Of a network without an `Arch` it is the bytes alive at once, a
    lower bound.
    """
    arch, target = network.arch, network.board.target
    arena = live_bytes(network.steps) if arch is None else plan_arena(arch, target).bytes
    return sram_bytes(arena, network.steps) + network.front_end_sram_bytes(arena)


def least_sram_bytes(network: Network) -> Number:
    """Returns a lower bound of `planned_sram_bytes`, without the search for a plan."""
    if network.arch is None:
        return planned_sram_bytes(network)
    arena = align(max(bounds(needs(network.arch, network.board.target))))
    return sram_bytes(arena, network.steps) + network.front_end_sram_bytes(arena)


def sram_bytes(arena_bytes: Number, steps: Sequence[Step]) -> Number:
    """Returns the bytes of SRAM that our C takes: its arena, what layers keep between inferences, and its stack.

    - arena_bytes: bytes of the arena.
    - steps: the layers of the network.

    The search, `inspect` and `compile` all estimate by this function, with an arena that the compiler planned. The
    search plans the network as it is; `inspect` and `compile` plan what the compiler's passes make of it, in patches
    where the board asks for that, which is as large or smaller.
    """
    return arena_bytes + state_bytes(steps) + C_STACK_BYTES


def compiled_sram_bytes(compiled: Compiled) -> int:
    """Returns the bytes of SRAM that a network takes as it is compiled, with tables that lie there."""
    return int(sram_bytes(compiled.arena_bytes, compiled.model.arch.steps())) + compiled.tables_bytes


def largest_arena_bytes(board: Board) -> int:
    """Returns the bytes of the largest arena with which our C fits the board's SRAM."""
    return max(board.sram_bytes - C_STACK_BYTES, 0)


def network_flash_bytes(network: Network) -> Number:
    """Returns the bytes of flash that our C takes for a network: an upper bound, and an estimate without an `Arch`.

    With an `Arch` these are the bytes of the tables that the compiler writes, and of the code of the kernels that it
    chooses (docs/budget.md). The bound holds where the numbers of every layer suit the fast kernels
    (`compiler.kernels.base.Outline`).
    """
    if network.arch is None:
        return relaxed_flash_bytes(network.steps) + network.front_end_flash_bytes
    contents = flash_outline(network.arch, network.board.target)
    return contents_bytes(contents, network.board) + network.front_end_flash_bytes


def relaxed_flash_bytes(steps: Sequence[Step]) -> Number:
    """Returns an estimate of the bytes of flash for weights, tables and code, with gradients.

    - steps: the layers, each weighted by its gate; widths, kernels and gates may be 0-d tensors.
    """
    per_step = (s.gate * (step_weight_bytes(s) + _scales(s) * SCALE_BYTES + LAYER_BYTES) for s in steps)
    return sum(per_step) + RELAXED_CODE_BYTES


def _scales(step: Step) -> Number:
    """Returns how many scales the weights of a step have."""
    return 0 if step.weights is None else step.weights.scales


def contents_bytes(contents: Contents, board: Board) -> int:
    """Returns the bytes of flash that a firmware takes on a board, of which `contents` says what is in it, at most."""
    return contents.constant_bytes + contents.padding_bytes + code_sizes(board).code_bytes(contents)


def compiled_flash_bytes(model: QuantizedModel, board: Board) -> int:
    """Returns the bytes of flash that our C takes for a model, at most, as `compile` writes it, without building it.

    Raises `UnsupportedError` for numbers that C cannot hold.
    """
    contents = compiled_contents(model, board.target, arena_limit=largest_arena_bytes(board))
    return contents_bytes(contents, board)


def arena_limit(board: Board, patches: str) -> int | None:
    """Returns how many bytes the arena may have before layers run in patches (docs/deploy.md); None for any number.

    - board: the board.
    - patches: auto (the board's SRAM without a stack), off (no limit), smallest (the smallest arena that can be had),
      or a size such as 64K.

    Raises `SpecError` for anything else.
    """
    match patches:
        case "auto":
            return largest_arena_bytes(board)
        case "off":
            return None
        case "smallest":
            return 0
        case _ if patches[:1].isdigit():
            return parse_size(patches, "patches")
        case _:
            raise SpecError(
                f"--patches {patches}: {did_you_mean(patches, ('auto', 'off', 'smallest'))}; or give a size for the "
                "arena such as 64K"
            )


def compile_for(
    model: QuantizedModel,
    board: Board,
    patches: str = "auto",
    optimise: str = DEFAULT_GOAL,
    name: str = DEFAULT,
    camera: str = "",
) -> Compiled:
    """Returns the C of a model for a board.

    - model: the network.
    - board: the board. Where its SRAM, or the limit of `patches`, would be exceeded without patches, or its flash, the
      kernels are chosen for the next goal that takes less memory; but not where the goal of the least memory needs the
      same patches.
    - patches: how large the arena may get, see `arena_limit`.
    - optimise: what kernels are chosen for, see `compiler.kernels.goal.Goal`.
    - name: see `compile_model`.
    - camera: the frames that an image model gets, such as 160x120:rgb565; empty: those of the camera that the model was
      made for, if there is one.

    Raises `SpecError` for unknown `patches` or an unknown goal, and what `compile_model` raises.
    """
    limit, frames = arena_limit(board, patches), camera_of(camera)
    room = min(largest_arena_bytes(board), sys.maxsize if limit is None else limit)
    copies = None if board.simulation is None else WeightCopies(board.simulation, room)
    *larger, smallest = and_smaller(goal_named(optimise))
    patched: Compiled | None = None
    for goal in larger:
        compiled = compile_model(
            model,
            board.target,
            arena_limit=limit,
            name=name,
            camera=frames,
            goal=goal,
            copies=copies,
        )
        arena = limit is None or compiled.arena_bytes <= limit
        tables = not compiled.tables_bytes or compiled_sram_bytes(compiled) <= board.sram_bytes
        if arena and tables and contents_bytes(compiled.contents, board) <= board.flash_bytes:
            if not compiled.plan.groups:
                return compiled
            patched = patched or compiled
    least = compile_model(model, board.target, arena_limit=limit, name=name, camera=frames, goal=smallest)
    return patched if patched and patched.plan.groups == least.plan.groups else least


def layers_in_patches(compiled: Compiled) -> tuple[LayersInPatches, ...]:
    """Returns the groups of layers that run together in patches of a few rows, in order.

    There are none where the arena is small enough without patches.
    """
    names = [layer.name for layer in compiled.model.arch.layers]
    return tuple(
        LayersInPatches(first=names[s.first], last=names[s.last], layers=s.last - s.first + 1, rows=s.height)
        for s in compiled.plan.groups
    )


def _check_asked(compiled: Compiled, patches: str, where: str) -> None:
    """Raises `DoesNotFit` if the user asked for an arena of a size, and the smallest that was found is larger."""
    if patches[:1].isdigit() and compiled.arena_bytes > parse_size(patches, "patches"):
        raise DoesNotFit(
            f"{where}: --patches {patches}: the smallest arena that was found has {compiled.arena_bytes:,} bytes; "
            "allow that much, or fewer channels or a larger stride in the first layers"
        )


def _check_fits(compiled: Compiled, board: Board, where: str, off: bool) -> None:
    """Raises `DoesNotFit`, which says by how much and at which layer, if a model is too large for a board.

    - compiled: the compiled model.
    - board: the board.
    - where: what the error begins with.
    - off: whether patches were not tried, so that the error proposes them.
    """
    over = compiled_sram_bytes(compiled) - board.sram_bytes
    if over > 0:
        raise DoesNotFit(
            f"{where}: the arena of {compiled.arena_bytes:,} bytes and a stack of {C_STACK_BYTES:,} are {over:,} more "
            f"than the {board.sram_bytes:,} bytes of SRAM of {board.name}; the most is alive at layer "
            f"'{fullest_layer(compiled)}': fewer channels or a larger stride there or before, "
            f"{'--patches auto, ' if off else ''}or a larger board"
        )
    if compiled.constant_bytes + _CLOSE_BYTES <= board.flash_bytes:
        return
    code, source = code_bytes(compiled, board)
    over = compiled.constant_bytes + code - board.flash_bytes
    if over > 0:
        largest = max(compiled.model.arch.steps(), key=step_weight_bytes)
        raise DoesNotFit(
            f"{where}: weights and tables of {compiled.constant_bytes:,} bytes and code of {code:,} ({source}) are "
            f"{over:,} more than the {board.flash_bytes:,} bytes of flash of {board.name}; the largest layer is "
            f"'{largest.layer.name}' with {step_weight_bytes(largest):,}: fewer channels there, weights of 4 bits, or "
            "a larger board"
        )


def fullest_layer(compiled: Compiled) -> str:
    """Returns the layer while which most bytes are alive in the arena; of several, the one with the largest output."""
    arch = compiled.model.arch
    sizes = [
        sum(b.bytes for b in compiled.plan.buffers if b.first <= t <= b.last) for t in range(1, len(arch.layers) + 1)
    ]
    outputs = [math.prod(step.output_shape) for step in arch.steps()]
    return arch.layers[max(range(len(sizes)), key=lambda i: (sizes[i], outputs[i]))].name


def code_bytes(compiled: Compiled, board: Board) -> tuple[int, str]:
    """Returns the bytes of flash that a firmware takes besides weights and tables, and how they were obtained,
    in words.

    They are those of the firmware itself where a cross compiler for the board is installed, otherwise an estimate.
    Raises `DeviceError` if the compiler fails.
    """
    estimated = contents_bytes(compiled.contents, board) - compiled.constant_bytes
    try:
        compiler = cross_compiler.find_compiler(board)
    except (DeviceError, SpecError):
        return estimated, "estimated"
    try:
        unnamed = generate(compiled.model, compiled.plan, goal=compiled.goal)  # as the firmware calls it
        image = read_image(cross_compiler.build_firmware(cross_compiler.firmware_files(unnamed), board).elf)
    except ImportError:  # the compiler without the package that reads its files
        return estimated, "estimated"
    return image.flash_bytes - compiled.constant_bytes, f"built by {compiler.name}"


def execute_compiled(compiled: Compiled, model: QuantizedModel, board: Board, options: MeasureOptions) -> Execution:
    """Builds the C of a model, runs it on a device and compares its outputs with the reference's.

    - compiled: the C.
    - model: the model that it was compiled of, which the reference runs.
    - board: the board, real or simulated.
    - options: the device, and how it is measured.

    Returns what the device found. Raises what building and running raise.
    """
    x = seeded_inputs(model, options.samples, options.seed)
    expected = reference.output_bytes(model, x)
    if options.device == "host":
        return _on_host(compiled, x, expected)
    raw = reference.packed_inputs(model, x)
    if is_serial(options.device):
        _check_no_state(compiled)
        return on_board.execute_on_board(compiled, raw, expected, board, options)
    firmware = cross_compiler.build_firmware(firmware_files(compiled), board, options.compiler)
    steps = compiled.model.arch.steps()
    sizes = [model.tensor_bytes(name) for name in model.arch.outputs]
    twice = options.device == "qemu"
    found = on_sim.execute_on_sim(firmware, steps, raw, expected, board, output_bytes=sizes, twice=twice)[0]
    return measured_with_front_end(found, model, board, options, compiled.arena_bytes)


def _check_no_state(compiled: Compiled) -> None:
    """Raises `SpecError` for a network with variables, which the firmware for boards would change while it takes times:
    it runs an input several times.
    """
    if compiled.model.arch.variables():
        raise SpecError(
            "the network keeps variables from one inference to the next, and a board is not measured with those yet; "
            "take the device sim, qemu or host"
        )


def _on_host(compiled: Compiled, x: InputArrays, expected: Array) -> Execution:
    """Builds the C for this machine, runs it there, and times it with one input."""
    library = host.build_library([compiled])
    found = reference.packed(library.outputs(0, x))
    given = reference.checked_inputs(compiled.model, x)
    many = {name: np.repeat(values[:1], _HOST_RUNS, axis=0) for name, values in given.items()}
    begin = time.perf_counter()
    library.outputs(0, many)
    seconds = (time.perf_counter() - begin) / _HOST_RUNS
    return Execution(
        source="host",
        bit_exact=found.tobytes() == expected.tobytes(),
        toolchain=" ".join(Path(word).name for word in host_compiler()),
        flags=("-O2",),
        per_layer=tuple(layer_measurement(step) for step in compiled.model.arch.steps()),
        latency_ms=1e3 * seconds,
    )


@dataclass(frozen=True)
class OurC(Runtime):
    """The C99 that `micronets compile` writes."""

    name = "c"
    title = "our C"
    about = "portable C99 of our own"
    constants_are = "weights and tables"
    arena_beside = "TFLM's, on a Cortex-M:"
    self_contained = True
    whole_layers = "off"

    def costs(self, model: LatencyModel | None) -> RuntimeCosts:
        """Returns the estimates of what networks cost under our C, see `c_costs`.

        - model: a latency model of the board; None if there is none, and costs of time and energy then raise
          `SpecError`.
        """
        return c_costs(model)

    def executed(self, model: QuantizedModel) -> Arch:
        """Returns the network that our C executes: what the compiler's `optimise` makes of `model`."""
        return optimise(model).arch

    def compile(
        self,
        file: ModelFile,
        board: Board,
        patches: str = "auto",
        name: str = DEFAULT,
        camera: str = "",
        optimise: str = DEFAULT_GOAL,
    ) -> Package:
        """Returns the C files that a firmware needs to run a model.

        - file: the model.
        - board: the board that the firmware is for.
        - patches: how large the arena may get: auto, off, smallest, or a size such as 64K, see `arena_limit`.
        - name: the base of the names of files, functions and macros, see `compiler.generate.names.Names`.
        - camera: the frames that an image model gets, such as 160x120:rgb565; empty: those of the camera that the model
          was made for, if there is one.
        - optimise: what kernels are chosen for where a faster one takes more memory: fastest, speed, balanced
          or size.

        Raises `UnsupportedError` for a model that our C cannot run, `SpecError` for unknown `patches` or a name that
        cannot be, and `DoesNotFit` for a model that exceeds the board's memory or an arena of the size that was asked
        for.
        """
        compiled = compile_for(file.model, board, patches, optimise, name, camera)
        _check_asked(compiled, patches, file.name)
        _check_fits(compiled, board, file.name, patches == "off")
        return Package(
            files={**compiled.files, **library_files(compiled, __version__)},
            constant_bytes=compiled.constant_bytes,
            arena_c_bytes=compiled.arena_bytes,
            sram_c_bytes=compiled_sram_bytes(compiled),
            arena_bound_bytes=compiled.plan.bound_bytes,
            bands=layers_in_patches(compiled),
            optimise=compiled.goal,
        )

    def flash_bytes(self, file: ModelFile) -> int | None:
        """Returns None: only compiling a model shows how much flash our C takes."""
        return None

    def runner(self, file: ModelFile) -> Callable[[InputArrays], Array]:
        """Returns a function that runs a model with one output on this machine, as compiled C.

        The function takes inputs `[N, *input_shape]` and returns outputs `[N, *output_shape]`. Raises `SpecError` for a
        model with several outputs.
        """
        _ = file.model.arch.only_output
        library = host.build_library([compile_model(file.model)])
        return lambda x: library.run(0, x)

    def check_board(self, board: Board) -> None:
        """Accepts every board, as portable C runs on every core."""

    def check(self, options: MeasureOptions) -> None:
        """Accepts all options, as our C can be measured on every device."""

    def measure(self, file: ModelFile, board: Board, options: MeasureOptions) -> Measurement:
        """Compiles a model, runs it on a device and compares its outputs with the reference's.

        - file: the model.
        - board: the board, real or simulated.
        - options: the device, and how it is measured.

        Raises what compiling, building and running raise, and `DoesNotFit` where the arena exceeds the size that was
        asked for; outputs that differ are a result, not an error.
        """
        compiled = compile_for(file.model, board, options.patches, options.optimise)
        _check_asked(compiled, options.patches, file.name)
        return measurement_of(
            execute_compiled(compiled, file.model, board, options),
            file,
            board,
            options,
            runtime=self.name,
            constant_bytes=compiled.constant_bytes,
            arena_c_bytes=compiled.arena_bytes,
            bands=layers_in_patches(compiled),
            largest_layer=fullest_layer(compiled),
        )

    def write_firmware(self, file: ModelFile, board: Board, options: MeasureOptions, out: Path) -> None:
        """Builds the firmware with which a board is measured over its serial line, and writes it to a file.

        - file: the model that the firmware runs.
        - board: the board.
        - options: how it will be measured; the device must be serial:PORT.
        - out: the ELF file to write.

        Raises `SpecError` for another device and for a network with variables, and what building raises.
        """
        if not is_serial(options.device):
            raise SpecError(
                f"--firmware is for a board; name its port as the device (serial:PORT) instead of '{options.device}'"
            )
        compiled = compile_for(file.model, board, options.patches, options.optimise)
        _check_no_state(compiled)
        on_board.write_board_firmware(firmware_files(compiled), board, options, out)

    def toolchain(self, board: Board, compiler: str | None) -> str:
        """Returns the name and version of the cross compiler that builds the firmware.

        - board: the board that the firmware is for.
        - compiler: gcc or zig; None for the first that is installed.

        Raises `DeviceError` if none that can is installed.
        """
        return cross_compiler.find_compiler(board, compiler).name

    def built(self, root: Path | None, library: Path | None, board: Board) -> Runtime:
        """Returns this runtime, which takes no library.

        - root, library: the options `--tflm` and `--tflm-library`, which must be None.
        - board: the board, which is not looked at.

        Raises `SpecError` if one of the options is given.
        """
        if root or library:
            raise SpecError(f"--tflm{'' if root else '-library'} {root or library}: is for --runtime tflm; add that")
        return self

    def unmeasurable(self, board: Board) -> str | None:
        """Returns why our C cannot be measured on the simulated board on this machine; None if it can."""
        return on_sim.unavailable(board)

    def problems(self, found: Measurement) -> list[str]:
        """Returns what is wrong with a measurement, a sentence for each problem, with what can be done about it.

        A problem is outputs that differ from the reference's, another count of instructions by QEMU than by the
        simulator, or SRAM or flash beyond the board's.
        """
        wrong = f"{found.model}: outputs differ from the reference; please report the model"
        most = (
            f"layer '{found.largest_layer}' holds most; take a smaller input, fewer channels there, or a larger board"
        )
        flash = "take fewer channels, 4-bit weights, or a larger board"
        return [*([] if found.bit_exact else [wrong]), *qemu_problems(found), *memory_problems(found, most, flash)]


OUR_C = OurC()
