"""Runs a firmware in QEMU, for a second opinion on outputs and the number of instructions (never on cycles), or instead
of the simulator for cores whose instructions unicorn does not execute.

The ELF file is the simulator's, unchanged. QEMU is driven over its GDB port; it counts instructions exactly (`-icount`
with a recording, read by `info replay`).
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets import child_processes
from micronets.boards.board import Board
from micronets.boards.cores import CORES, QemuMachine, core_of
from micronets.device.architectures import ArchitectureFacts, architecture_of
from micronets.device.sim.elf import Image, read_image
from micronets.errors import DeviceError
from micronets.files import temporary_directory

_PIECE_BYTES = 1024  # bytes of memory in one packet
_FILL = 0xA5  # initial contents of the stack and of the memory around the arena
_GUARD_BYTES = 4096  # bytes after the arena that the network must not write
_TIMEOUT_S = 300  # seconds after which QEMU is killed


@dataclass(frozen=True)
class Emulation:
    """The result of a firmware's run in QEMU.

    - outputs: the outputs of N inferences, int8 `[N, bytes]`.
    - instructions: the instructions of each inference.
    - version: the version of QEMU.
    """

    outputs: npt.NDArray[np.int8]
    instructions: tuple[int, ...]
    version: str


def emulate(elf: bytes, x: npt.NDArray[np.int8], output_bytes: int | Sequence[int], board: Board) -> Emulation:
    """Runs a firmware on several inputs, in QEMU's machine of the board's core.

    - elf: the image built by `cross_compiler.build_firmware`.
    - x: inputs int8 `[N, bytes]`.
    - output_bytes: size of the output; for several outputs, their sizes in order.
    - board: names the core.

    Raises `DeviceError` if QEMU is not installed, has no such machine, fails, or takes more than five minutes.
    """
    machine, program = _machine(board)
    image, sizes = read_image(elf), _sizes(output_bytes)
    words = _command(machine, program, image, board)
    with temporary_directory() as directory, _Session(words, architecture_of(board.core), directory, elf) as session:
        runs = [_run_sample(session, image, sample.tobytes(), sizes) for sample in x]
    outputs = np.frombuffer(b"".join(output for output, _ in runs), np.int8).reshape(len(x), sum(sizes))
    return Emulation(outputs, tuple(sum(counts.values()) for _, counts in runs), _version(words[0]))


@dataclass(frozen=True)
class LayerCounts:
    """The result of a firmware's run in QEMU that stops before every layer.

    - outputs: the outputs of N inferences, int8 `[N, bytes]`.
    - instructions: instructions of the first inference before the layers, in each of them, and after them.
    - stack_bytes: the largest stack of all inferences.
    - words: the values of the requested variables after the first inference, by name.
    """

    outputs: npt.NDArray[np.int8]
    instructions: tuple[int, ...]
    stack_bytes: int
    words: Mapping[str, int]


def emulate_layers(
    elf: bytes,
    x: npt.NDArray[np.int8],
    layers: int,
    output_bytes: int | Sequence[int],
    board: Board,
    words: Sequence[str] = (),
) -> LayerCounts:
    """Runs a firmware on several inputs, and counts the instructions of each layer.

    - elf, x, output_bytes, board: see `emulate`.
    - layers: the number of the network's layers.
    - words: names of 32-bit variables of the firmware whose values are returned.

    Raises the errors of `emulate`, and `DeviceError` for a firmware that writes outside its arena.
    """
    machine, program = _machine(board)
    image, sizes = read_image(elf), _sizes(output_bytes)
    symbols, outputs, values = image.symbols, [], dict.fromkeys(words, 0)
    first: Counter[int] = Counter()
    command = _command(machine, program, image, board)
    bottom, top, guard = (symbols[f"firmware_{name}"] for name in ("stack_bottom", "stack_top", "bss_end"))
    arena, behind = symbols["firmware_arena"], symbols["firmware_arena"] + image.arena_bytes
    painted = (bottom, top - bottom), (guard, arena - guard), (behind, _GUARD_BYTES)
    with temporary_directory() as directory, _Session(command, architecture_of(board.core), directory, elf) as session:
        for begin, size in painted:
            session.write(begin, bytes([_FILL]) * size)
        for k, sample in enumerate(x):
            output, counts = _run_sample(session, image, sample.tobytes(), sizes, marks=k == 0)
            outputs.append(output)
            if k == 0:
                first = counts
                values = {name: int.from_bytes(session.read(symbols[name], 4), "little") for name in words}
            for begin, size in painted[1:]:
                if changed := size - session.read(begin, size).count(_FILL):
                    where = "before" if begin == guard else "behind"
                    raise DeviceError(f"QEMU: the network wrote {changed} bytes {where} its arena")
        stack = session.read(bottom, top - bottom).lstrip(bytes([_FILL]))
    return LayerCounts(
        outputs=np.frombuffer(b"".join(outputs), np.int8).reshape(len(x), sum(sizes)),
        instructions=tuple(first[k] for k in range(layers + 2)),
        stack_bytes=len(stack),
        words=values,
    )


def _sizes(output_bytes: int | Sequence[int]) -> tuple[int, ...]:
    """Returns the sizes of all outputs."""
    return (output_bytes,) if isinstance(output_bytes, int) else tuple(output_bytes)


def _machine(board: Board) -> tuple[QemuMachine, str]:
    """Returns the machine of a board's core, and the path of its program. Raises `DeviceError` if one is missing."""
    machine = core_of(board.core, board.name).qemu
    if machine is None:
        known = ", ".join(name for name, core in CORES.items() if core.qemu)
        raise DeviceError(f"QEMU: no machine for {board.name}'s {board.core}; there are: {known}; use the device sim")
    program = shutil.which(machine.program)
    if program is None:
        raise DeviceError(
            f"QEMU: no {machine.program} found: install it ({_install(machine)}), or {other_device(board)}"
        )
    return machine, program


def _command(machine: QemuMachine, program: str, image: Image, board: Board) -> tuple[str, ...]:
    """Returns the words that start QEMU for a firmware. Raises `DeviceError` for one that its machine cannot hold."""
    behind = image.symbols["firmware_arena"] + image.arena_bytes - image.symbols["firmware_stack_bottom"]
    if max(len(image.flash), behind) > machine.memory_bytes:
        raise DeviceError(
            f"QEMU: the firmware needs more than the machine's {machine.memory_bytes:,} bytes; {other_device(board)}"
        )
    return (program, "-M", machine.machine, *machine.options)


def other_device(board: Board) -> str:
    """Returns a short text that names the device to use instead of QEMU."""
    return f"use the device {'sim' if core_of(board.core, board.name).unicorn_model else 'host'}"


def _install(machine: QemuMachine) -> str:
    """Returns how to install the program of a machine."""
    return f"Debian: apt install {machine.debian_package}"


def unavailable(board: Board) -> str | None:
    """Returns why QEMU cannot execute a board's code on this machine; None if it can."""
    machine = core_of(board.core, board.name).qemu
    if machine is None:
        return f"QEMU has no machine with a {board.core}"
    return None if shutil.which(machine.program) else f"needs {machine.program} ({_install(machine)})"


def _version(command: str) -> str:
    """Returns the first line of QEMU's version text."""
    return child_processes.run([command, "--version"]).stdout.decode(errors="replace").split("\n")[0]


def _run_sample(
    session: _Session, image: Image, sample: bytes, sizes: Sequence[int], marks: bool = False
) -> tuple[bytes, Counter[int]]:
    """Runs one inference, and returns its outputs, of `sizes` bytes, and its instructions.

    - marks: whether to stop before each layer. The instructions are counted by the number of the layer, from 1 on, and
      under 0 until the first one begins; without stops all are under 0.
    """
    symbols, counts, layer, outputs = image.symbols, Counter[int](), 0, b""
    session.write(session.until(symbols["firmware_ready"])[1], sample)
    begin = session.instructions()
    mark = (symbols["micronets_mark"],) if marks else ()
    for k, size in enumerate(sizes):
        names = ("firmware_done",) if k == 0 else ("firmware_next", "firmware_done")
        for name in names:
            while True:
                at, argument = session.until(symbols[name], *mark)
                now = session.instructions()
                counts[layer] += now - begin
                begin = now
                if at not in mark:
                    break
                layer = argument + 1
        outputs += session.read(argument, size)
    return outputs, counts


class _Session:
    """A conversation with QEMU in GDB's remote protocol, over its stdin and stdout."""

    def __init__(self, command: Sequence[str], facts: ArchitectureFacts, directory: Path, elf: bytes) -> None:
        self.facts, self.at = facts, -1
        image = directory / "firmware.elf"
        image.write_bytes(elf)
        words = [*command, "-kernel", str(image), "-S", "-gdb", "stdio"]
        words += ["-nographic", "-monitor", "none", "-serial", "none"]
        words += ["-icount", f"shift=0,rr=record,rrfile={directory / 'recording'}"]
        self.log = (directory / "log").open("w+b")
        self.process = child_processes.start(words, stdin=subprocess.PIPE, stderr=self.log)
        self.timer = threading.Timer(_TIMEOUT_S, self.process.kill)
        self.timer.start()

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        child_processes.stop(self.process)
        self.log.close()

    def until(self, *addresses: int) -> tuple[int, int]:
        """Runs until a function at one of these addresses begins, and returns which one, and its first argument."""
        if self.at in addresses:
            self._ask("s")  # it would stop there again
        for address in addresses:
            self._ask(f"Z0,{address:x},2")
        self._ask("c")
        for address in addresses:
            self._ask(f"z0,{address:x},2")
        registers = np.frombuffer(bytes.fromhex(self._ask("g")[: 2 * 4 * (self.facts.gdb_counter + 1)]), "<u4")
        self.at = int(registers[self.facts.gdb_counter])
        if self.at not in addresses:
            raise DeviceError(f"QEMU: the firmware stopped at {self.at:#x}")
        return self.at, int(registers[self.facts.gdb_argument])

    def instructions(self) -> int:
        """Returns how many instructions have run since reset."""
        self._send("qRcmd," + b"info replay".hex())
        text = ""
        while (answer := self._receive()) != "OK":
            if not answer.startswith("O"):
                raise DeviceError(f"QEMU: it does not count instructions ({answer})")
            text += bytes.fromhex(answer[1:]).decode(errors="replace")
        count = text.rpartition("instruction count = ")[2].strip()
        if not count.isdigit():
            raise DeviceError(f"QEMU: it does not count instructions ({text.strip()[:100]})")
        return int(count)

    def write(self, address: int, data: bytes) -> None:
        """Writes `data` to the machine's memory from `address` on."""
        for at in range(0, len(data), _PIECE_BYTES):
            piece = data[at : at + _PIECE_BYTES]
            if self._ask(f"M{address + at:x},{len(piece):x}:{piece.hex()}") != "OK":
                raise DeviceError(f"QEMU: cannot write memory at {address + at:#x}")

    def read(self, address: int, size: int) -> bytes:
        """Returns `size` bytes of the machine's memory from `address` on."""
        sizes = [(at, min(_PIECE_BYTES, size - at)) for at in range(0, size, _PIECE_BYTES)]
        return b"".join(bytes.fromhex(self._ask(f"m{address + at:x},{n:x}")) for at, n in sizes)

    def _ask(self, packet: str) -> str:
        """Sends a packet and returns the answer."""
        self._send(packet)
        return self._receive()

    def _send(self, packet: str) -> None:
        """Sends a packet, with its checksum."""
        data = packet.encode()
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"$%b#%02x" % (data, sum(data) % 256))
            self.process.stdin.flush()
        except OSError as e:
            raise self._ended() from e

    def _receive(self) -> str:
        """Returns the next packet, and acknowledges it. Raises `DeviceError` if QEMU has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        packet = b""
        while not packet.endswith(b"#"):
            byte = self.process.stdout.read(1)
            if not byte:
                raise self._ended()
            packet = b"" if byte == b"$" else packet + byte
        self.process.stdout.read(2)
        self.process.stdin.write(b"+")
        return packet[:-1].decode()

    def _ended(self) -> DeviceError:
        """Returns the error for a QEMU that has ended."""
        self.timer.cancel()
        if self.process.wait() < 0:
            return DeviceError(f"QEMU: no end of the inferences within {_TIMEOUT_S} s")
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").splitlines() or ["no message"]
        return DeviceError(f"QEMU failed: {lines[0][:200]}")
