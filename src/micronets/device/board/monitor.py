"""Builds the firmware that runs a network over a board's serial line, and writes it to the board with pyOCD.

The conversation with that firmware is in `serial_session.py`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from micronets import child_processes
from micronets.boards.board import Board, FirmwareTarget
from micronets.device.board.serial_session import BAUD
from micronets.device.cross_compiler import (
    Firmware,
    MemoryMap,
    build_firmware,
    find_compiler,
    link_firmware,
    linker_script,
)
from micronets.device.sim.elf import read_image
from micronets.errors import DeviceError, DoesNotFit, SpecError
from micronets.files import temporary_directory
from micronets.installation import install

Sources = Mapping[str, str | bytes]
"""The C of a network, contents by file name."""

_MONITOR_FILES = ("startup_arm.c", "memory.c", "serial/monitor.c", "serial/frame.c", "serial/cortex_m.c")
_PORT_FILES = {"stm32f4": ("serial/stm32.c",), "stm32f7": ("serial/stm32.c",), "mps2": ()}
_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")  # characters that need an escape in a C string
_MONITOR_STACK_BYTES = 4096
_FLASH_S = 180  # seconds after which pyOCD is killed


def model_hash(sources: Sources) -> bytes:
    """Returns 8 bytes that identify the network of `sources`: the BLAKE2b hash of names and contents."""
    digest = hashlib.blake2b(digest_size=8)
    for name, text in sorted(sources.items()):
        data = text.encode() if isinstance(text, str) else text
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.digest()


def identity_header(
    sources: Sources, board: Board, toolchain: str, flags: str, flash_bytes: int, code_bytes: int, baud: int = BAUD
) -> str:
    """Returns the text of identity.h: the firmware's answer about itself, and settings for its port.

    - sources: the C of the network.
    - board: gives name, clock and wait states.
    - toolchain, flags: the compiler of the network, and its flags.
    - flash_bytes, code_bytes: sizes of the network's image and of the code in it.
    - baud: the speed of the serial line, in bits per second.
    """
    texts = {"BOARD": board.name[:60], "TOOLCHAIN": toolchain[:80], "FLAGS": flags[:200]}  # one frame holds all of it
    lines = [f'#define FIRMWARE_{key} "{_NOT_PLAIN.sub("?", text)}"' for key, text in texts.items()]
    lines += [
        f"#define FIRMWARE_MODEL {{{', '.join(map(str, model_hash(sources)))}}}",
        f"#define FIRMWARE_FLASH_BYTES {flash_bytes}u",
        f"#define FIRMWARE_CODE_BYTES {code_bytes}u",
        f"#define FIRMWARE_CLOCK_HZ {board.clock_hz}u",
        f"#define FIRMWARE_WAIT_STATES {board.flash_wait_states}u",
        f"#define FIRMWARE_UART_DIVISOR(clock_hz) (((clock_hz) + {baud // 2}u) / {baud}u)",
    ]
    return "\n".join(["#ifndef MICRONETS_IDENTITY_H", "#define MICRONETS_IDENTITY_H", *lines, "#endif", ""])


def build_monitor(sources: Sources, board: Board, which: str | None = None, baud: int = BAUD) -> Firmware:
    """Builds the firmware with a network for the board's own memory, clock and serial line.

    - sources: the C of the network.
    - board: the board, which must have a table [firmware].
    - which: the compiler, `gcc` or `zig`; None takes the first that is installed.
    - baud: the speed of the serial line, in bits per second.

    Raises `SpecError` for a board without a port, `DeviceError` if there is no compiler, and `DoesNotFit` if the
    firmware does not fit the board.
    """
    target = board.firmware
    if target is None:
        raise SpecError(
            f"{board.name}: there is no firmware for this board; its file needs a table [firmware] (docs/measure.md)"
        )
    if target.port not in _PORT_FILES:
        raise SpecError(f"{board.name}: firmware.port = '{target.port}'; known: {', '.join(_PORT_FILES)}")
    cc = find_compiler(board, which)
    plain = build_firmware(sources, board, which)
    image = read_image(plain.elf)
    header = identity_header(
        sources, board, plain.toolchain, " ".join(plain.flags), image.flash_bytes, image.text_bytes, baud
    )
    own = (*_MONITOR_FILES, f"serial/{target.port}.c", *_PORT_FILES[target.port])
    try:
        return link_firmware(sources, cc, own, board_linker_script(board, target), {"identity.h": header})
    except DeviceError as e:
        over = re.search(r"\b(RAM|FLASH)\b.*overflowed by (\d+) bytes", str(e))
        if over is None:
            raise
        memory = "SRAM" if over[1] == "RAM" else "flash"
        raise DoesNotFit(
            f"{board.name}: the network with the firmware around it needs {int(over[2]):,} bytes of {memory} more "
            "than there are; that firmware takes about 6 KB of SRAM, 4 of them stack, and 4 KB of flash: take a "
            "smaller network, --patches smallest, or the device sim"
        ) from e


def board_linker_script(board: Board, target: FirmwareTarget) -> str:
    """Returns the linker script for a board's memory.

    - board: gives the sizes of flash and SRAM.
    - target: gives their addresses.
    """
    return linker_script(
        MemoryMap(target.flash_origin, board.flash_bytes, target.ram_origin, board.sram_bytes, _MONITOR_STACK_BYTES)
    )


def host_sources() -> list[Path]:
    """Returns the C files of this firmware for a process on this machine that replaces a board."""
    directory = Path(str(files("micronets") / "device/firmware/serial"))
    return [directory / name for name in ("monitor.c", "frame.c", "host.c")]


def flash(elf: bytes, board: Board) -> None:
    """Writes a firmware to the board on the first debug probe, by `pyocd flash`.

    - elf: the firmware, an ELF file.
    - board: the board, whose file names its chip for pyOCD.

    Raises `SpecError` for a board without such a name, and `DeviceError` if pyOCD is not installed or fails, for
    example because there is no probe.
    """
    if board.firmware is None or not board.firmware.pyocd_target:
        raise SpecError(
            f"{board.name}: no pyocd_target is known; build the firmware with --firmware FILE and write it yourself"
        )
    target = board.firmware.pyocd_target
    with temporary_directory() as directory:
        path = directory / "firmware.elf"
        path.write_bytes(elf)
        words = [*_pyocd(), "flash", "--no-wait", "--target", target, str(path)]
        try:
            done = child_processes.run(words, timeout_s=_FLASH_S)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise DeviceError(f"pyOCD did not end ({type(e).__name__}): unplug the board and plug it in again") from e
    if done.returncode:
        raise DeviceError(f"pyOCD: {_complaint((done.stdout + done.stderr).decode(errors='replace'), target)}")


def _pyocd() -> list[str]:
    """Returns the command of pyOCD. Raises `DeviceError` if it is not installed."""
    if importlib.util.find_spec("pyocd") is not None:
        return [sys.executable, "-m", "pyocd"]
    command = shutil.which("pyocd")
    if command:
        return [command]
    raise DeviceError(
        f"no pyOCD found to write the firmware: {install('board')}, or build it with --firmware FILE and write it "
        "with another program"
    )


def _complaint(text: str, target: str) -> str:
    """Returns the message for a failure of pyOCD, with the remedy.

    - text: what pyOCD printed.
    - target: the name of the chip for pyOCD.
    """
    if "No connected debug probes" in text or "No available debug probes" in text:
        return "no debug probe found: plug the board in by its ST-LINK's USB socket"
    if "not recognized" in text or "unknown target" in text.lower():
        return f"it does not know the chip {target} yet: pyocd pack install {target}"
    lines = [
        line for line in text.splitlines() if " E " in line or " C " in line or "rror" in line
    ] or text.splitlines()
    return lines[0].strip()[:200] if lines else "it failed without a word"
