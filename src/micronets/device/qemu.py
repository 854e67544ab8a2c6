"""Runs a firmware in QEMU, for a second opinion on outputs and on the number of instructions, never on cycles.

The ELF file is the simulator's, unchanged. QEMU is driven over its GDB port; it counts instructions exactly (`-icount`
with a recording, read by `info replay`).
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets import child_processes
from micronets.boards.board import Board
from micronets.boards.cores import CORES, core_of
from micronets.device.architectures import ArchitectureFacts, architecture_of
from micronets.device.sim.elf import Image, read_image
from micronets.errors import DeviceError
from micronets.files import temporary_directory

_PIECE_BYTES = 1024  # bytes of memory that one packet carries
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

    - elf: the image that `cross_compiler.build_firmware` made.
    - x: inputs int8 `[N, bytes]`.
    - output_bytes: size of the output; of a network with several, their sizes in order.
    - board: names the core.

    Raises `DeviceError` if QEMU is not installed, has no such machine, fails, or takes more than five minutes.
    """
    machine = core_of(board.core, board.name).qemu
    if machine is None:
        known = ", ".join(name for name, core in CORES.items() if core.qemu)
        raise DeviceError(f"QEMU: no machine for {board.name}'s {board.core}; there are: {known}; use the device sim")
    command = shutil.which(machine.program)
    if command is None:
        install = f"Debian: apt install {machine.debian_package}"
        raise DeviceError(f"QEMU: no {machine.program} found: install it ({install}), or use the device sim")
    image = read_image(elf)
    behind = image.symbols["firmware_arena"] + image.arena_bytes - image.symbols["firmware_stack_bottom"]
    if max(len(image.flash), behind) > machine.memory_bytes:
        raise DeviceError(
            f"QEMU: the firmware needs more than the machine's {machine.memory_bytes:,} bytes; use the device sim"
        )
    sizes = (output_bytes,) if isinstance(output_bytes, int) else tuple(output_bytes)
    words, facts = [command, "-M", machine.machine, *machine.options], architecture_of(board.core)
    with temporary_directory() as directory, _Session(words, facts, directory, elf) as session:
        runs = [_run_sample(session, image, sample.tobytes(), sizes) for sample in x]
    version = child_processes.run([command, "--version"]).stdout.decode(errors="replace").split("\n")[0]
    outputs = np.frombuffer(b"".join(output for output, _ in runs), np.int8).reshape(len(x), sum(sizes))
    return Emulation(outputs, tuple(count for _, count in runs), version)


def _run_sample(session: _Session, image: Image, sample: bytes, sizes: Sequence[int]) -> tuple[bytes, int]:
    """Runs one inference, and returns its outputs, of `sizes` bytes, and its instructions."""
    address = session.until(image.symbols["firmware_ready"])
    session.write(address, sample)
    begin = session.instructions()
    outputs = b""
    for k, size in enumerate(sizes):
        if k:
            session.until(image.symbols["firmware_next"])
        outputs += session.read(session.until(image.symbols["firmware_done"]), size)
    return outputs, session.instructions() - begin


class _Session:
    """A conversation with QEMU in GDB's remote protocol, over its stdin and stdout."""

    def __init__(self, command: Sequence[str], facts: ArchitectureFacts, directory: Path, elf: bytes) -> None:
        self.facts = facts
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

    def until(self, address: int) -> int:
        """Runs until the function at `address` begins, and returns its first argument."""
        self._ask(f"Z0,{address:x},2")
        self._ask("c")
        self._ask(f"z0,{address:x},2")
        registers = np.frombuffer(bytes.fromhex(self._ask("g")[: 2 * 4 * (self.facts.gdb_counter + 1)]), "<u4")
        if registers[self.facts.gdb_counter] != address:
            raise DeviceError(f"QEMU: the firmware stopped at {registers[self.facts.gdb_counter]:#x}")
        return int(registers[self.facts.gdb_argument])

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
