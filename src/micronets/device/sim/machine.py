"""A firmware on a simulated Cortex-M: outputs, instructions and cycles by layer, stack, sizes.

unicorn executes the instructions, `trace` counts them, `cyclemodel` and the board's flash model say how long they take.
Needs the packages of the extra `sim`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board, SimulationModel
from micronets.device.sim import cortex_m4, cortex_m7
from micronets.device.sim.cortex_m4 import Instruction, decode
from micronets.device.sim.elf import Image, read_image
from micronets.device.sim.trace import Counts, NativeTrace, PythonTrace, Region, native_library
from micronets.errors import DeviceError

Array = npt.NDArray[Any]

_FILL = 0xA5
_GUARD_BYTES = 4096  # of memory behind the arena
_FPU_ON = 0x40000000
_SYSTEM = (0xE000E000, 0x1000)
_PAGE = 4096
_TEXT_BYTES = 256
_TIMEOUT_US = 300_000_000


@dataclass(frozen=True)
class Timing:
    """What one layer took, or what is outside all layers: cycles of the core alone, misses of the flash's caches."""

    instructions: int
    core_cycles: int
    instruction_misses: int
    data_misses: int


@dataclass(frozen=True)
class Simulation:
    """Runs of a firmware.

    outputs: int8 `[N, bytes]`. layers: times of the first run, one for each layer; outside: of everything around them.
    factor: from cycles so counted to those of the board, uncertain by +-`uncertainty` (relative).
    stack_bytes: the deepest stack of all runs.
    dual_issue_cycles: of one inference by `dualissue`, for a Cortex-M7: with warm caches, and not used for `cycles`.
    words: what was asked for, after the first run.
    """

    outputs: npt.NDArray[np.int8]
    layers: tuple[Timing, ...]
    outside: Timing
    image: Image
    stack_bytes: int
    miss_cycles: int
    factor: float
    uncertainty: float
    dual_issue_cycles: int | None
    words: Mapping[str, int] = field(default_factory=dict)

    @property
    def instructions(self) -> int:
        """Instructions of one inference."""
        return sum(t.instructions for t in (*self.layers, self.outside))

    @property
    def core_cycles(self) -> int:
        """Cycles of one inference on a Cortex-M4 whose flash has no wait states."""
        return sum(t.core_cycles for t in (*self.layers, self.outside))

    @property
    def cycles(self) -> int:
        """Cycles of one inference on the board."""
        return sum(self.on_board(t) for t in (*self.layers, self.outside))

    def on_board(self, timing: Timing) -> int:
        """Cycles on the board, from those of the core, the waits for flash and the board's factor."""
        waits = self.miss_cycles * (timing.instruction_misses + timing.data_misses)
        return round(self.factor * (timing.core_cycles + waits))

    @property
    def sram_bytes(self) -> int:
        """Arena, data, bss and stack."""
        return self.image.arena_bytes + self.image.data_bytes + self.image.bss_bytes + self.stack_bytes


def simulate(
    elf: bytes,
    x: npt.ArrayLike,
    layers: int,
    output_bytes: int,
    board: Board,
    native: bool | None = None,
    words: Sequence[str] = (),
) -> Simulation:
    """Runs the firmware on every input: int8 `[N, bytes]`, N > 0; the first run is timed.

    layers: how many the network tells (MICRONETS_LAYERS). native: with hooks in C (True), in Python (False), or whatever
    works. words: variables of 32 bits of the firmware whose values to tell. Raises `DeviceError` if the firmware fails: a
    fault, what it says itself, a stack of more than 16 KB, writing around the arena, outputs that differ with and without
    counting.
    """
    samples = np.ascontiguousarray(x, np.int8)
    if samples.ndim != 2 or not len(samples):
        raise DeviceError(f"simulator: an input of shape {samples.shape}; need [N, bytes] with N > 0")
    image = read_image(elf)
    region = Region(image.flash_base, len(image.flash), image.symbols["micronets_mark"], layers + 2)
    library = None if native is False else native_library()
    if native and library is None:
        raise DeviceError("simulator: no compiler for hooks in C; use native=None")
    flash = board.simulation
    trace = NativeTrace(library, region, flash) if library is not None else PythonTrace(region, flash)
    timed = _Machine(image, board)
    trace.attach(timed.processor, image.constants)
    first = timed.run(samples[0], output_bytes, trace.start)
    told = {name: timed.word(name) for name in words}
    plain = _Machine(image, board)
    outputs = [plain.run(sample, output_bytes) for sample in samples]
    if outputs[0] != first:
        raise DeviceError("simulator: outputs differ with and without counting; this is a fault of the simulator")
    counts = trace.counted()
    blocks = _blocks(counts, image)
    times = _timings(counts, blocks, image, layers + 2)
    return Simulation(
        outputs=np.frombuffer(b"".join(outputs), np.int8).reshape(len(samples), output_bytes),
        layers=tuple(times[1:-1]),
        outside=_sum([times[0], times[-1]]),
        image=image,
        stack_bytes=max(timed.stack_bytes(), plain.stack_bytes()),
        dual_issue_cycles=sum(cortex_m7.cycles(counts, blocks, layers + 2)) if board.core == "cortex-m7" else None,
        words=told,
        **_calibration(board, flash),
    )


def _calibration(board: Board, flash: SimulationModel | None) -> dict[str, Any]:
    if flash:
        return {"miss_cycles": flash.miss_cycles, "factor": flash.factor, "uncertainty": flash.uncertainty}
    return {"miss_cycles": 0, "factor": board.cycle_factor, "uncertainty": board.cycle_uncertainty}


def _blocks(counts: Counts, image: Image) -> dict[int, list[Instruction]]:
    return {b: decode(image.flash[2 * b : 2 * b + size], image.flash_base + 2 * b) for b, size in counts.sizes.items()}


def _timings(counts: Counts, blocks: Mapping[int, Sequence[Instruction]], image: Image, layers: int) -> list[Timing]:
    """Times by layer from what was counted."""
    instructions, cycles = [0] * layers, [0] * layers
    for (layer, before, block), count in counts.edges.items():
        follows = counts.follows(before, block)
        code = blocks[block]
        cost = cortex_m4.cycles(code, blocks[before][-1] if follows else None)
        if not follows:
            cost += cortex_m4.refill(image.flash_base + 2 * block, code[0])
        instructions[layer] += count * len(code)
        cycles[layer] += count * cost
    return [Timing(*figures) for figures in zip(instructions, cycles, *counts.misses, strict=True)]


def _sum(times: Sequence[Timing]) -> Timing:
    return Timing(*(sum(values) for values in zip(*(vars(t).values() for t in times), strict=True)))


class _Machine:
    """A processor with its memories, from reset on."""

    def __init__(self, image: Image, board: Board) -> None:
        import unicorn
        from unicorn import arm_const as arm

        models = {"cortex-m4": arm.UC_CPU_ARM_CORTEX_M4, "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7}
        self.image, self.arm, self.fault = image, arm, unicorn.UcError
        self.processor = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.processor.ctl_set_cpu_model(models.get(board.core, arm.UC_CPU_ARM_CORTEX_M33))
        symbols = image.symbols
        self.bottom, self.arena = symbols["firmware_stack_bottom"], symbols["firmware_arena"]
        self.top, self.guard = symbols["firmware_stack_top"], symbols["firmware_bss_end"]
        self.end = -(-(self.arena + image.arena_bytes + _GUARD_BYTES) // _PAGE) * _PAGE
        flash = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        self.processor.mem_map(image.flash_base, -(-len(image.flash) // _PAGE) * _PAGE, flash)
        self.processor.mem_write(image.flash_base, image.flash)
        self.processor.mem_map(self.bottom, self.end - self.bottom)
        self.processor.mem_write(self.bottom, bytes([_FILL]) * (self.end - self.bottom))
        self.processor.mem_map(*_SYSTEM)
        vectors = symbols["firmware_vectors"] - image.flash_base
        stack, reset = np.frombuffer(image.flash, "<u4", 2, vectors)
        self.processor.reg_write(arm.UC_ARM_REG_SP, int(stack))
        self.processor.reg_write(arm.UC_ARM_REG_FPEXC, _FPU_ON)
        self.at = int(reset)

    def run(self, sample: npt.NDArray[np.int8], output_bytes: int, start: Callable[[], None] | None = None) -> bytes:
        """One inference; `start` is called when the input is there."""
        input_address = self._until("firmware_ready")
        self.processor.mem_write(input_address, sample.tobytes())
        if start:
            start()
        output = bytes(self.processor.mem_read(self._until("firmware_done"), output_bytes))
        self._check_guards()
        return output

    def stack_bytes(self) -> int:
        """From the top of the stack to the lowest byte of it that was ever written."""
        stack = np.frombuffer(self.processor.mem_read(self.bottom, self.top - self.bottom), np.uint8)
        written = np.flatnonzero(stack != _FILL)
        return len(stack) - int(written[0]) if len(written) else 0

    def word(self, symbol: str) -> int:
        """The 32 bits there."""
        return int.from_bytes(self.processor.mem_read(self.image.symbols[symbol], 4), "little")

    def _text(self, address: int) -> str:
        found = bytearray()
        while len(found) < _TEXT_BYTES and (byte := bytes(self.processor.mem_read(address + len(found), 1))) != b"\0":
            found += byte
        return found.decode(errors="replace")

    def _says(self) -> str:
        """Why the firmware stopped, where it is one that tells."""
        if "firmware_failure" not in self.image.symbols or not self.word("firmware_failure"):
            return ""
        log = self._text(self.image.symbols["firmware_log"]).strip()
        return self._text(self.word("firmware_failure")) + (f": it logs '{log[:200]}'" if log else "")

    def _until(self, symbol: str) -> int:
        """Goes on until that function begins; its first argument."""
        goal = self.image.symbols[symbol]
        self.processor.ctl_flush_tb()  # code translated while it was not the goal would not stop there
        try:
            self.processor.emu_start(self.at | 1, goal, _TIMEOUT_US)
        except self.fault as e:
            if self.processor.reg_read(self.arm.UC_ARM_REG_SP) < self.bottom:
                raise DeviceError(f"simulator: the network needs a stack of more than {self.top - self.bottom} bytes") from e
            if says := self._says():
                raise DeviceError(f"simulator: {says}") from e
            where = self.image.place(self.processor.reg_read(self.arm.UC_ARM_REG_PC))
            raise DeviceError(f"simulator: the firmware failed in {where}: {e}") from e
        self.at = self.processor.reg_read(self.arm.UC_ARM_REG_PC)
        if self.at != goal:
            limit = _TIMEOUT_US // 1_000_000
            raise DeviceError(f"simulator: no end of the inference within {limit} s; it is in {self.image.place(self.at)}")
        return int(self.processor.reg_read(self.arm.UC_ARM_REG_R0))

    def _check_guards(self) -> None:
        behind = self.arena + self.image.arena_bytes
        for first, last, where in ((self.guard, self.arena, "before"), (behind, self.end, "behind")):
            memory = np.frombuffer(self.processor.mem_read(first, last - first), np.uint8)
            changed = np.flatnonzero(memory != _FILL)
            if len(changed):
                distance = len(memory) - int(changed[-1]) if where == "before" else int(changed[0]) + 1
                raise DeviceError(f"simulator: the network wrote {distance} bytes {where} its arena")
