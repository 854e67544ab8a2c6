"""Facts common to all cores of an architecture, for a firmware and for the programs that execute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from micronets.boards.cores import CORES, Architecture


@dataclass(frozen=True)
class ArchitectureFacts:
    """The facts common to all cores of one architecture.

    - startup: the file of `firmware/` with the start-up code.
    - flash_origin, ram_origin: the default first addresses of code and data, which are those of QEMU's machines.
    - address_bits: bits of a function pointer that are not part of the address; Arm's lowest bit selects Thumb code.
    - long_mask, long_values: an instruction takes four bytes, not two, where its first half-word, masked, is one of
      the values.
    - gdb_argument, gdb_counter: the numbers, in GDB's protocol, of the registers that hold a function's first argument
      and the program counter, of 32 bits each.
    - unicorn_constants: the module of unicorn with the numbers of its registers and processors.
    - unicorn_arch, unicorn_modes: names of the constants with which unicorn creates a processor.
    - unicorn_argument, unicorn_stack, unicorn_counter: names of the registers that hold a function's first argument,
      the stack pointer and the program counter.
    - unicorn_condition: the name of the register with the state of a block of conditional instructions, "" if the
      architecture has none, and its value outside of such a block.
    - starts_by_vectors: whether the core takes its stack and its first address from `firmware_vectors`; otherwise it
      begins at `firmware_reset`.
    """

    startup: str
    flash_origin: int
    ram_origin: int
    address_bits: int
    long_mask: int
    long_values: frozenset[int]
    gdb_argument: int
    gdb_counter: int
    unicorn_constants: str
    unicorn_arch: str
    unicorn_modes: tuple[str, ...]
    unicorn_argument: str
    unicorn_stack: str
    unicorn_counter: str
    unicorn_condition: tuple[str, int]
    starts_by_vectors: bool

    def instructions(self, code: bytes) -> int:
        """Returns the number of instructions in `code`, which begins and ends with a whole one."""
        at = count = 0
        while at < len(code):
            first = int.from_bytes(code[at : at + 2], "little")
            at += 4 if first & self.long_mask in self.long_values else 2
            count += 1
        return count


ARCHITECTURES: Mapping[Architecture, ArchitectureFacts] = MappingProxyType(
    {
        "arm": ArchitectureFacts(
            startup="startup_arm.c",
            flash_origin=0x0000_0000,
            ram_origin=0x2000_0000,
            address_bits=1,
            long_mask=0xF800,  # Arm DDI 0403, A5.1: 0b11101, 0b11110 and 0b11111 begin a word of 32 bits
            long_values=frozenset({0xE800, 0xF000, 0xF800}),
            gdb_argument=0,
            gdb_counter=15,
            unicorn_constants="arm_const",
            unicorn_arch="UC_ARCH_ARM",
            unicorn_modes=("UC_MODE_THUMB", "UC_MODE_MCLASS"),
            unicorn_argument="UC_ARM_REG_R0",
            unicorn_stack="UC_ARM_REG_SP",
            unicorn_counter="UC_ARM_REG_PC",
            unicorn_condition=("UC_ARM_REG_EPSR", 0x0100_0000),  # T is 1, ICI/IT is 0; Arm DDI 0403, B1.4.2
            starts_by_vectors=True,
        ),
        "riscv": ArchitectureFacts(
            startup="startup_riscv.c",
            flash_origin=0x8000_0000,
            ram_origin=0x8200_0000,
            address_bits=0,
            long_mask=3,  # The RISC-V Instruction Set Manual, volume I, 1.5: 32-bit words end in 0b11
            long_values=frozenset({3}),
            gdb_argument=10,
            gdb_counter=32,
            unicorn_constants="riscv_const",
            unicorn_arch="UC_ARCH_RISCV",
            unicorn_modes=("UC_MODE_RISCV32",),
            unicorn_argument="UC_RISCV_REG_A0",
            unicorn_stack="UC_RISCV_REG_SP",
            unicorn_counter="UC_RISCV_REG_PC",
            unicorn_condition=("", 0),
            starts_by_vectors=False,
        ),
    }
)
"""The facts of every architecture, by its name."""


def architecture_of(core: str) -> ArchitectureFacts:
    """Returns the facts of the architecture of a core in `CORES`."""
    return ARCHITECTURES[CORES[core].architecture]
