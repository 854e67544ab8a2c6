"""Runs a firmware on a simulated core, for its outputs, instructions and cycles by layer, stack and sizes.

unicorn executes the instructions and `trace` counts them. If there is a cycle model of the core, it and the board's
flash model determine the times; other cores have instruction counts only. QEMU replaces unicorn for cores with
instructions that unicorn does not execute. The packages of the extra `sim` are needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board, SimulationModel
from micronets.boards.cores import core_of
from micronets.device import qemu
from micronets.device.architectures import ArchitectureFacts, architecture_of
from micronets.device.qemu import LayerCounts
from micronets.device.sim import cortex_m4, cortex_m7
from micronets.device.sim.cortex_m4 import Instruction, decode
from micronets.device.sim.elf import Image, read_image
from micronets.device.sim.trace import BlockCounts, NativeTrace, PythonTrace, Region, native_library
from micronets.errors import DeviceError, SpecError

Array = npt.NDArray[Any]

_FILL = 0xA5  # initial contents of all memory
_GUARD_BYTES = 4096  # bytes after the arena that the network must not write
_FPU_ON = 0x40000000  # the value of FPEXC that switches the FPU on
_SYSTEM = (0xE000E000, 0x1000)  # first address and size of Arm's system registers
_PAGE = 4096
_TEXT_BYTES = 256  # longest text read from the firmware
_TIMEOUT_US = 300_000_000  # microseconds after which an inference is abandoned


@dataclass(frozen=True)
class Timing:
    """The cycles of one layer, or of everything outside all layers.

    - instructions: the number of executed instructions.
    - core_cycles: cycles on a Cortex-M4 whose flash has no wait states; None if there is no cycle model of the core.
    - instruction_misses, data_misses: the misses of the flash's caches.
    """

    instructions: int
    core_cycles: int | None
    instruction_misses: int
    data_misses: int


@dataclass(frozen=True)
class Calibration:
    """The factors that convert simulated cycles to those of a board.

    - miss_cycles: the cycles that a miss of the flash's caches costs.
    - factor: the factor of the simulated cycles, including misses.
    - uncertainty: the relative error of the result; 0.1 is +-10 %.
    """

    miss_cycles: int
    factor: float
    uncertainty: float


@dataclass(frozen=True)
class Simulation:
    """The result of a firmware's run in the simulator.

    - outputs: the outputs of N inferences, int8 `[N, bytes]`.
    - layers: the costs of each layer in the first run.
    - outside: the costs outside all layers.
    - image: the firmware's sizes and symbols.
    - stack_bytes: the largest stack of all runs.
    - calibration: turns cycles into those of the board; None if there is no cycle model of its core.
    - dual_issue_cycles: cycles of one inference with warm caches by `cortex_m7`, for a core of that model; `cycles`
      does not use them.
    - words: the values of the requested variables after the first run, by name.
    - counts: how often each block of code followed each other one in the first run; nothing of a run in QEMU.
    """

    outputs: npt.NDArray[np.int8]
    layers: tuple[Timing, ...]
    outside: Timing
    image: Image
    stack_bytes: int
    calibration: Calibration | None
    dual_issue_cycles: int | None
    words: Mapping[str, int] = field(default_factory=dict)
    counts: BlockCounts = field(default_factory=BlockCounts)

    @property
    def instructions(self) -> int:
        """The instructions of one inference."""
        return sum(t.instructions for t in (*self.layers, self.outside))

    @property
    def core_cycles(self) -> int | None:
        """The cycles of one inference on a Cortex-M4 whose flash has no wait states; None without a cycle model."""
        return _total([t.core_cycles for t in (*self.layers, self.outside)])

    @property
    def cycles(self) -> int | None:
        """The cycles of one inference on the board; None without a cycle model."""
        return _total([self.on_board(t) for t in (*self.layers, self.outside)])

    def on_board(self, timing: Timing) -> int | None:
        """Returns the cycles of a timing on the board, including waits for flash; None without a model."""
        if timing.core_cycles is None or self.calibration is None:
            return None
        waits = self.calibration.miss_cycles * (timing.instruction_misses + timing.data_misses)
        return round(self.calibration.factor * (timing.core_cycles + waits))

    @property
    def sram_bytes(self) -> int:
        """The bytes of arena, data, bss and stack."""
        return self.image.arena_bytes + self.image.data_bytes + self.image.bss_bytes + self.stack_bytes


def _total(values: Sequence[int | None]) -> int | None:
    """Returns the sum of values, or None if one is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def simulate(
    elf: bytes,
    x: npt.ArrayLike,
    layers: int,
    output_bytes: int | Sequence[int],
    board: Board,
    native: bool | None = None,
    words: Sequence[str] = (),
) -> Simulation:
    """Runs a firmware on several inputs, the first of them counted.

    - elf: the image built by `cross_compiler.build_firmware` or `tflm_firmware.build_tflm_firmware`.
    - x: inputs int8 `[N, bytes]`, N at least 1.
    - layers: the number of the network's layers (MICRONETS_MODEL_LAYERS).
    - output_bytes: the size of the output; for several outputs, their sizes in order.
    - board: names the core, and gives the model of its flash.
    - native: true for the hooks in C, false for those in Python; None for C where it can be compiled. QEMU needs none.
    - words: names of 32-bit variables of the firmware whose values are returned.

    Raises the `DeviceError` of `qemu.emulate_layers` for a core that QEMU executes. For other cores it raises
    `DeviceError` if the firmware fails (a fault, a failure that it reports, a stack of more than 16 KB, writes
    beside the arena), or if outputs differ with and without counting.
    """
    samples = np.ascontiguousarray(x, np.int8)
    sizes = (output_bytes,) if isinstance(output_bytes, int) else tuple(output_bytes)
    if samples.ndim != 2 or not len(samples):
        raise DeviceError(f"simulator: an input of shape {samples.shape}; need [N, bytes] with N > 0")
    core, facts = core_of(board.core, board.name), architecture_of(board.core)
    image = read_image(elf)
    if core.unicorn_model is None:
        return _emulated(qemu.emulate_layers(elf, samples, layers, sizes, board, words), image)
    argument = _unicorn(facts, facts.unicorn_argument)
    name, outside = facts.unicorn_condition
    region = Region(
        *(image.flash_base, len(image.flash), image.symbols["micronets_mark"], argument, layers + 2, core.aligned_only),
        condition=(_unicorn(facts, name), outside) if name else None,
    )
    library = None if native is False else native_library()
    if native and library is None:
        raise DeviceError("simulator: no compiler for hooks in C; use native=None")
    flash = board.simulation if core.cycle_model else None
    trace = NativeTrace(library, region, flash) if library is not None else PythonTrace(region, flash)
    timed = _Machine(image, board)
    trace.attach(timed.processor, image.constants)
    first = timed.run(samples[0], sizes, trace.start)
    values = {name: timed.word(name) for name in words}
    plain = _Machine(image, board)
    outputs = [plain.run(sample, sizes) for sample in samples]
    if outputs[0] != first:
        raise DeviceError("simulator: outputs differ with and without counting; this is a fault of the simulator")
    counts = trace.counted()
    code = {b: image.flash[2 * b : 2 * b + size] for b, size in counts.sizes.items()}
    instructions = {b: facts.instructions(block) for b, block in code.items()}
    core_cycles: Sequence[int | None] = [None] * (layers + 2)
    dual_issue = None
    if core.cycle_model:
        blocks = {b: decode(block) for b, block in code.items()}
        core_cycles = _core_cycles(counts, blocks, image, layers + 2)
        if core.cycle_model == "dual-issue":
            dual_issue = sum(cortex_m7.cycles_by_layer(counts, blocks, layers + 2))
    counted = _instructions(counts, instructions, layers + 2)
    times = [Timing(*figures) for figures in zip(counted, core_cycles, *counts.misses, strict=True)]
    return Simulation(
        outputs=np.frombuffer(b"".join(outputs), np.int8).reshape(len(samples), sum(sizes)),
        layers=tuple(times[1:-1]),
        outside=_sum([times[0], times[-1]]),
        image=image,
        stack_bytes=max(timed.stack_bytes(), plain.stack_bytes()),
        calibration=_calibration(board, flash) if core.cycle_model else None,
        dual_issue_cycles=dual_issue,
        words=values,
        counts=counts,
    )


def _emulated(found: LayerCounts, image: Image) -> Simulation:
    """Returns the results of a firmware's run in QEMU, which has no times."""
    timings = [Timing(count, None, 0, 0) for count in found.instructions]
    return Simulation(
        outputs=found.outputs,
        layers=tuple(timings[1:-1]),
        outside=_sum([timings[0], timings[-1]]),
        image=image,
        stack_bytes=found.stack_bytes,
        calibration=None,
        dual_issue_cycles=None,
        words=found.words,
    )


def _calibration(board: Board, flash: SimulationModel | None) -> Calibration:
    """Returns the factors that convert simulated cycles to those of a board, with the model of its flash if it has one.

    Raises `SpecError` for a board whose file has neither such a model nor a factor.
    """
    if flash:
        return Calibration(flash.miss_cycles, flash.factor, flash.uncertainty)
    if board.cycle_factor is None or board.cycle_uncertainty is None:
        raise SpecError(f"{board.name}: its file says neither 'simulation' nor 'cycle_factor' and 'cycle_uncertainty'")
    return Calibration(0, board.cycle_factor, board.cycle_uncertainty)


def _instructions(counts: BlockCounts, instructions: Mapping[int, int], layers: int) -> list[int]:
    """Returns the number of instructions of each layer.

    - counts: how often each block ran in each layer.
    - instructions: the number of instructions of each block.
    - layers: the number of layers.
    """
    found = [0] * layers
    for (layer, _, block), count in counts.edges.items():
        found[layer] += count * instructions[block]
    return found


def _core_cycles(
    counts: BlockCounts, blocks: Mapping[int, Sequence[Instruction]], image: Image, layers: int
) -> list[int]:
    """Returns the cycles of each layer on a Cortex-M4 without wait states.

    - counts: how often each block followed each other one.
    - blocks: the instructions of each block.
    - image: the firmware, which gives the addresses of blocks.
    - layers: the number of layers.
    """
    cycles = [0] * layers
    for (layer, before, block), count in counts.edges.items():
        follows = counts.follows(before, block)
        code = blocks[block]
        cost = cortex_m4.block_cycles(code, blocks[before][-1] if follows else None)
        if not follows:
            cost += cortex_m4.refill(image.flash_base + 2 * block, code[0])
        cycles[layer] += count * cost
    return cycles


def _sum(times: Sequence[Timing]) -> Timing:
    """Returns the sums of several timings."""
    return Timing(
        sum(t.instructions for t in times),
        _total([t.core_cycles for t in times]),
        sum(t.instruction_misses for t in times),
        sum(t.data_misses for t in times),
    )


def _unicorn(facts: ArchitectureFacts, name: str) -> int:
    """Returns the value of unicorn's constant `name` for an architecture."""
    return int(getattr(importlib.import_module(f"unicorn.{facts.unicorn_constants}"), name))


class _Machine:
    """A simulated processor with its memories, starting at reset."""

    def __init__(self, image: Image, board: Board) -> None:
        import unicorn

        facts = architecture_of(board.core)
        self.image, self.facts, self.fault = image, facts, unicorn.UcError
        mode = sum(getattr(unicorn, name) for name in facts.unicorn_modes)
        self.processor = unicorn.Uc(getattr(unicorn, facts.unicorn_arch), mode)
        model = core_of(board.core, board.name).unicorn_model
        assert model is not None, "QEMU executes code for this core"
        self.processor.ctl_set_cpu_model(_unicorn(facts, model))
        names = facts.unicorn_argument, facts.unicorn_stack, facts.unicorn_counter
        self.argument, self.stack, self.counter = (_unicorn(facts, name) for name in names)
        symbols = image.symbols
        self.bottom, self.arena = symbols["firmware_stack_bottom"], symbols["firmware_arena"]
        self.top, self.guard = symbols["firmware_stack_top"], symbols["firmware_bss_end"]
        self.end = -(-(self.arena + image.arena_bytes + _GUARD_BYTES) // _PAGE) * _PAGE
        flash = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        self.processor.mem_map(image.flash_base, -(-len(image.flash) // _PAGE) * _PAGE, flash)
        self.processor.mem_write(image.flash_base, image.flash)
        self.processor.mem_map(self.bottom, self.end - self.bottom)
        self.processor.mem_write(self.bottom, bytes([_FILL]) * (self.end - self.bottom))
        if not facts.starts_by_vectors:
            self.at = symbols["firmware_reset"]
            return
        self.processor.mem_map(*_SYSTEM)
        vectors = symbols["firmware_vectors"] - image.flash_base
        stack, reset = np.frombuffer(image.flash, "<u4", 2, vectors)
        self.processor.reg_write(self.stack, int(stack))
        if core_of(board.core, board.name).fpu:
            self.processor.reg_write(_unicorn(facts, "UC_ARM_REG_FPEXC"), _FPU_ON)
        self.at = int(reset)

    def run(self, sample: npt.NDArray[np.int8], sizes: Sequence[int], start: Callable[[], None] | None = None) -> bytes:
        """Runs one inference and returns the bytes of its outputs, one output after the other.

        - sample: the bytes of the input, int8 `[bytes]`.
        - sizes: the bytes of each output, in order.
        - start: called when the input is in memory, before the inference starts; None for no call.
        """
        input_address = self._until("firmware_ready")
        self.processor.mem_write(input_address, sample.tobytes())
        if start:
            start()
        outputs = b""
        for k, size in enumerate(sizes):
            if k:
                self._until("firmware_next")
            outputs += bytes(self.processor.mem_read(self._until("firmware_done"), size))
        self._check_guards()
        return outputs

    def stack_bytes(self) -> int:
        """Returns the bytes from the top of the stack to the lowest byte of it that was ever written."""
        stack = np.frombuffer(self.processor.mem_read(self.bottom, self.top - self.bottom), np.uint8)
        written = np.flatnonzero(stack != _FILL)
        return len(stack) - int(written[0]) if len(written) else 0

    def word(self, symbol: str) -> int:
        """Returns the value of a 32-bit variable."""
        return int.from_bytes(self.processor.mem_read(self.image.symbols[symbol], 4), "little")

    def _text(self, address: int) -> str:
        """Returns the C string at an address."""
        found = bytearray()
        while len(found) < _TEXT_BYTES and (byte := bytes(self.processor.mem_read(address + len(found), 1))) != b"\0":
            found += byte
        return found.decode(errors="replace")

    def _failure_text(self) -> str:
        """Returns the firmware's reason for stopping if it provides one, otherwise ""."""
        if "firmware_failure" not in self.image.symbols or not self.word("firmware_failure"):
            return ""
        log = self._text(self.image.symbols["firmware_log"]).strip()
        return self._text(self.word("firmware_failure")) + (f": it logs '{log[:200]}'" if log else "")

    def _until(self, symbol: str) -> int:
        """Runs until the function `symbol` begins, and returns its first argument."""
        goal = self.image.symbols[symbol]
        self.processor.ctl_flush_tb()  # code that was translated before does not stop at the goal
        try:
            self.processor.emu_start(self.at | self.facts.address_bits, goal, _TIMEOUT_US)
        except self.fault as e:
            if self.processor.reg_read(self.stack) < self.bottom:
                raise DeviceError(
                    f"simulator: the network needs a stack of more than {self.top - self.bottom} bytes"
                ) from e
            if failure := self._failure_text():
                raise DeviceError(f"simulator: {failure}") from e
            where = self.image.place(self.processor.reg_read(self.counter))
            raise DeviceError(f"simulator: the firmware failed in {where}: {e}") from e
        self.at = self.processor.reg_read(self.counter)
        if self.at != goal:
            limit = _TIMEOUT_US // 1_000_000
            raise DeviceError(
                f"simulator: no end of the inference within {limit} s; it is in {self.image.place(self.at)}"
            )
        return int(self.processor.reg_read(self.argument))

    def _check_guards(self) -> None:
        """Raises `DeviceError` if the memory before or after the arena was written."""
        behind = self.arena + self.image.arena_bytes
        for first, last, where in ((self.guard, self.arena, "before"), (behind, self.end, "behind")):
            memory = np.frombuffer(self.processor.mem_read(first, last - first), np.uint8)
            changed = np.flatnonzero(memory != _FILL)
            if len(changed):
                distance = len(memory) - int(changed[-1]) if where == "before" else int(changed[0]) + 1
                raise DeviceError(f"simulator: the network wrote {distance} bytes {where} its arena")
