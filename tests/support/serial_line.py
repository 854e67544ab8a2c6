"""What stands at the other end of a serial line in the tests: a firmware on a line that may be bad."""

import contextlib
import os
import random
import re
import select
import signal
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from micronets.boards.board import Board, FirmwareTarget, load_board
from micronets.device.board import monitor
from micronets.device.cross_compiler import Firmware
from micronets.device.host_compiler import compile_c

F446 = load_board("NUCLEO-F446RE")
MPS2 = replace(F446, sram_bytes=4 << 20, flash_bytes=4 << 20, firmware=FirmwareTarget("mps2", 0, 0x2000_0000, "", ""))
Spoil = Callable[[bytes], bytes]


def host_firmware(
    files: monitor.Sources, directory: Path, board: Board = F446, protocol: int = 1, pretend: bool = False
) -> Path:
    """Builds the firmware with the monitor as a program for this machine, and returns its path.

    - files: the network, contents by file name.
    - directory: where it is built.
    - board: which board the program says that it is for.
    - protocol: the version of the protocol that it says it speaks.
    - pretend: whether it says that it is the board itself, no process, and that its nanoseconds are cycles.
    """
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / name).write_bytes(text.encode() if isinstance(text, str) else text)
    (directory / "identity.h").write_text(monitor.identity_header(files, board, "the tests' compiler", "-O1", 0, 0))
    sources = [*monitor.host_sources()]
    if protocol != 1:
        text = sources[0].read_text().replace("PROTOCOL = 1", f"PROTOCOL = {protocol}")
        sources = [directory / "other.c", *sources[1:]]
        sources[0].write_text(text)
    if pretend:
        text = sources[2].read_text()
        told = "{MACHINE_HOST, COUNTER_NANOSECONDS, 0, 1000000000u"
        assert told in text
        port = directory / "port_pretending.c"
        port.write_text(text.replace(told, f"{{MACHINE_BOARD, COUNTER_CYCLES, {board.clock_hz}u, {board.clock_hz}u"))
        sources = sources[:2]  # the port is among the files of the directory
    own = monitor.host_sources()[0].parent
    flags = ("-O1", "-Wshadow", "-D_POSIX_C_SOURCE=199309L", "-include", str(own.parent / "mark.h"))
    sources += [path for path in directory.glob("*.c") if path.name != "other.c"]
    program = directory / "firmware"
    compile_c(sources, program, flags, folders=(directory, own, own.parent))
    return program


@contextlib.contextmanager
def on_a_line(
    command: list[str], to_board: Spoil = bytes, to_host: Spoil = bytes, die_after: int | None = None
) -> Iterator[str]:
    """Runs a process whose standard input and output are the far end of a serial port; yields that port's path.

    - command: what to run.
    - to_board, to_host: what the line makes of the bytes in each direction.
    - die_after: how many bytes to the host the line carries before it is dead; None for any number.
    """
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)  # bytes that nobody reads are lost, as on a real line
    stop = threading.Event()

    def carry() -> None:
        sent = 0
        assert process.stdin
        assert process.stdout
        while not stop.is_set():
            for fd in select.select([master, process.stdout], [], [], 0.05)[0]:
                try:
                    data = os.read(fd if isinstance(fd, int) else fd.fileno(), 4096)
                    if not data:
                        return
                    if fd == master:
                        process.stdin.write(to_board(data))
                        process.stdin.flush()
                    else:
                        data = data if die_after is None else data[: max(0, die_after - sent)]
                        sent += len(data)
                        with contextlib.suppress(BlockingIOError):
                            os.write(master, to_host(data))
                except OSError:
                    return

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        process.kill()
        process.wait()
        thread.join()
        process.stdin.close()
        process.stdout.close()
        os.close(slave)
        with contextlib.suppress(OSError):
            os.close(master)


class Bench:
    """Stands for a board on a desk: `build` builds for this machine, `flash` starts that behind always one port."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.count = directory, 0
        self.port = ""

    def build(self, sources: monitor.Sources, board: Board, *_: object) -> Firmware:
        self.count += 1
        program = host_firmware(sources, self.directory / f"firmware-{self.count}", board, pretend=True)
        return Firmware(str(program).encode(), "the tests' compiler", ())

    def flash(self, elf: bytes, _: Board) -> None:
        (self.directory / "next").write_text(f'#!/bin/sh\nexec "{elf.decode()}"\n')
        (self.directory / "next").chmod(0o755)
        (self.directory / "next").replace(self.directory / "now")
        pid = self.directory / "pid"
        if pid.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid.read_text()), signal.SIGKILL)

    @property
    def command(self) -> list[str]:
        """The command that runs what was flashed last, and what is flashed later as soon as it is."""
        d = self.directory
        # the file is never there without the id
        run = f'echo $$ > "{d}/pid.new"; mv "{d}/pid.new" "{d}/pid"; exec "{d}/now"'
        return ["sh", "-c", f"while :; do sh -c '{run}' 2>/dev/null || sleep 0.02; done"]


def faulty(seed: int, drop: float = 0.0, flip: float = 0.0, invent: float = 0.0) -> Spoil:
    """Returns what a bad line makes of bytes: it loses, changes and invents some with these probabilities."""
    chance = random.Random(seed)

    def spoil(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if chance.random() < invent:
                out += bytes(chance.choice((0xA7, 0x4E, chance.randrange(256))) for _ in range(chance.randrange(1, 20)))
            if chance.random() >= drop:
                out.append(byte ^ (1 << chance.randrange(8)) if chance.random() < flip else byte)
        return bytes(out)

    return spoil


@contextlib.contextmanager
def in_qemu(elf: bytes, directory: Path, machine: str) -> Iterator[str]:
    """Runs a firmware in QEMU; yields the path of the port at which its serial line ends."""
    image = directory / "firmware.elf"
    image.write_bytes(elf)
    words = ["qemu-system-arm", "-M", machine, "-kernel", str(image), "-display", "none", "-monitor", "none", "-serial"]
    second = ["null", "-serial", "pty"] if machine == "netduinoplus2" else ["pty"]  # USART2 is the second of that board
    process = subprocess.Popen([*words, *second], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        line = process.stdout.readline()
        found = re.search(r"/dev/\S+", line)
        assert found, line
        yield found[0]
    finally:
        process.kill()
        process.communicate()
