"""Reads the sizes, symbols and bytes of a linked firmware from its ELF file, with pyelftools."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from micronets.cost.tflm_plan import align
from micronets.errors import DeviceError

_ALLOC = 2  # the flag of sections that take memory at run time, SHF_ALLOC
_NEEDED = (
    *("firmware_arena", "firmware_ready", "firmware_done", "firmware_reset", "micronets_mark"),
    *("firmware_stack_bottom", "firmware_stack_top", "firmware_bss_end"),
)


@dataclass(frozen=True)
class Image:
    """A linked firmware.

    - flash_base: the first address of the flash.
    - flash: the contents of the flash.
    - symbols: addresses by name, without Arm's Thumb bit.
    - functions: (address, name) of all functions, sorted.
    - constants: the first and the last address of the read-only data.
    - arena_bytes: the size of the network's arena.
    - text_bytes: the size of the code.
    - constant_bytes: the size of the read-only data.
    - data_bytes: the size of the initialised data, which lie in flash and in SRAM.
    - bss_bytes: the size of the zero-initialised data in SRAM.
    """

    flash_base: int
    flash: bytes
    symbols: Mapping[str, int]
    functions: tuple[tuple[int, str], ...]
    constants: tuple[int, int]
    arena_bytes: int
    text_bytes: int
    constant_bytes: int
    data_bytes: int
    bss_bytes: int

    @property
    def flash_bytes(self) -> int:
        """The bytes of code, constants and initial values."""
        return self.text_bytes + self.constant_bytes + self.data_bytes

    def place(self, address: int) -> str:
        """Returns the location of an address in the code, such as `function+0x12`."""
        inside = [(a, name) for a, name in self.functions if a <= address]
        return f"{inside[-1][1]}+{address - inside[-1][0]:#x}" if inside else f"{address:#x}"


def read_image(elf: bytes) -> Image:
    """Returns the image in the ELF file of a firmware that `cross_compiler` or `tflm_firmware` built.

    Raises `DeviceError` for any other file.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        return _read_elf(ELFFile(io.BytesIO(elf)))
    except ELFError as e:
        raise DeviceError(f"simulator: not an ELF file ({e})") from e


@dataclass(frozen=True)
class ObjectFile:
    """The flash that an object file takes in a firmware, and the names that it needs from other files.

    - sections: bytes of flash of each section, padded to a multiple of four, by name.
    - asked: the names that it needs from other files.
    """

    sections: Mapping[str, int]
    asked: frozenset[str]

    @property
    def flash_bytes(self) -> int:
        """Bytes of flash of all sections."""
        return sum(self.sections.values())


def read_object(elf: bytes) -> ObjectFile:
    """Returns the contents of an object file. Raises `DeviceError` for any other file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(io.BytesIO(elf))
    except ELFError as e:
        raise DeviceError(f"simulator: not an ELF file ({e})") from e
    stored = (s for s in file.iter_sections() if s["sh_flags"] & _ALLOC and s["sh_type"] == "SHT_PROGBITS")
    table = file.get_section_by_name(".symtab")
    symbols = table.iter_symbols() if table else ()
    return ObjectFile(
        sections={s.name: align(s["sh_size"], 4) for s in stored},
        asked=frozenset(s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF" and s.name),
    )


def read_parts(elf: bytes) -> dict[str, int]:
    """Returns the bytes of flash of every function and constant of a linked image, by name.

    If an address has several names, the alphabetically first one counts. Unnamed tables and padding have the name "".
    Raises `DeviceError` for any other file.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(io.BytesIO(elf))
    except ELFError as e:
        raise DeviceError(f"simulator: not an ELF file ({e})") from e
    table = file.get_section_by_name(".symtab")
    named = [s for s in table.iter_symbols() if s["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT")] if table else []
    parts = {"": 0}
    for number, section in enumerate(file.iter_sections()):
        if section["sh_flags"] & _ALLOC and section["sh_type"] == "SHT_PROGBITS":
            inside = sorted((s for s in named if s["st_shndx"] == number), key=lambda s: s.name, reverse=True)
            at = {s["st_value"] & ~1 if _is_code(s) else s["st_value"]: s for s in inside}
            ends = [*sorted(at)[1:], section["sh_addr"] + section["sh_size"]]
            room = {a: end - a for a, end in zip(sorted(at), ends, strict=False)}
            found = {at[a].name: min(at[a]["st_size"] or room[a], room[a]) for a in room}
            parts |= found
            parts[""] += section["sh_size"] - sum(found.values())
    return parts


def _read_elf(file: Any) -> Image:
    """Returns the image of a file that pyelftools has opened. Raises `DeviceError` if a symbol is missing."""
    table = file.get_section_by_name(".symtab")
    entries = list(table.iter_symbols()) if table else []
    symbols = {s.name: s for s in entries}
    for name in _NEEDED:
        if name not in symbols:
            raise DeviceError(
                f"simulator: the firmware has no symbol '{name}'; build it with micronets.device.cross_compiler"
            )
    loads = [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
    base = min(s["p_paddr"] for s in loads)
    flash = bytearray(max(s["p_paddr"] + s["p_filesz"] for s in loads) - base)
    for s in loads:
        flash[s["p_paddr"] - base : s["p_paddr"] - base + s["p_filesz"]] = s.data()
    sections = {s.name: s for s in file.iter_sections() if s["sh_flags"] & _ALLOC and s["sh_size"]}
    constants = sections.get(".rodata")
    sizes = {name: s["sh_size"] for name, s in sections.items()}
    return Image(
        flash_base=base,
        flash=bytes(flash),
        symbols={name: s["st_value"] & ~1 if _is_code(s) else s["st_value"] for name, s in symbols.items() if name},
        functions=tuple(sorted((s["st_value"] & ~1, s.name) for s in entries if _is_code(s))),
        constants=(constants["sh_addr"], constants["sh_addr"] + constants["sh_size"] - 1)
        if constants
        else (base, base),
        arena_bytes=symbols["firmware_arena"]["st_size"],
        text_bytes=sizes.get(".text", 0),
        constant_bytes=sizes.get(".rodata", 0),
        data_bytes=sizes.get(".data", 0),
        bss_bytes=sizes.get(".bss", 0),
    )


def _is_code(symbol: Any) -> bool:
    """Returns whether a symbol is a function."""
    return bool(symbol["st_info"]["type"] == "STT_FUNC")
