"""Cycles of Thumb-2 instructions on a Cortex-M4 without wait states.

They follow the instruction timing of Arm's Technical Reference Manual (DDI 0439, 3.3). The length of a pipeline refill,
which the manual leaves at 1 to 3, is set to 3: the model then matches the cycles that pqm4 measured of three ML-KEM-512
functions on a NUCLEO-L4R5ZI (24 MHz, no wait states) within 0.5 %. docs/measure.md describes the remaining uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from typing import Any

REFILL = 3  # cycles to refill the pipeline after a taken branch
DIVIDE = 7  # cycles of a division; 2 to 12 in the manual, depending on the operands
FLOAT_DIVIDE = 14  # cycles of a division or a root of the FPU
FLOAT_ACCUMULATE = 3  # cycles of a multiply-accumulate of the FPU
_LOADS = {
    "ldr",
    "ldrb",
    "ldrh",
    "ldrsb",
    "ldrsh",
    "ldrt",
    "ldrbt",
    "ldrht",
    "ldrsbt",
    "ldrsht",
    "ldrex",
    "ldrexb",
    "ldrexh",
}
_STORES = {"str", "strb", "strh", "strt", "strbt", "strht", "strex", "strexb", "strexh"}
_BRANCHES = {"b", "bl", "bx", "blx", "cbz", "cbnz"}
_MULTIPLE = ("vldm", "vstm", "ldm", "stm")


class Kind(Enum):
    """Classes of instructions that differ in how they overlap with their neighbours."""

    PLAIN = "plain"  # arithmetic, logic and multiplication
    LOAD = "load"  # loads one register
    STORE = "store"  # stores one register
    MEMORY = "memory"  # loads or stores several registers, or those of the FPU
    FLOAT = "float"
    IT = "it"
    BRANCH = "branch"


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    - name: its mnemonic, without a condition.
    - size: its size in bytes, 2 or 4.
    - kind: how it overlaps with its neighbours.
    - cycles: its cycles without overlap.
    - reads, writes: names of the registers that it reads and writes.
    - address: registers that form its memory address.
    - offset: whether one of the address registers is an offset.
    - shifted: registers that are shifted before they are used.
    - added: registers to which a product is added.
    - updated: address registers that it increments or decrements.
    - moved: the number of registers that it loads or stores.
    """

    name: str
    size: int
    kind: Kind
    cycles: int
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    address: frozenset[str] = frozenset()
    offset: bool = False
    shifted: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    moved: int = 1


def block_cycles(block: Sequence[Instruction], before: Instruction | None = None) -> int:
    """Returns the cycles of instructions that run one after another.

    - block: the instructions.
    - before: the instruction that ran just before them; None after a jump.
    """
    total = 0
    for instruction in block:
        total += _cycles_after(before, instruction)
        before = instruction
    return total


def refill(target: int, first: Instruction) -> int:
    """Returns the extra cycles of a taken branch to the instruction `first` at the address `target`."""
    return REFILL + (first.size == 4 and target % 4 == 2)


def _cycles_after(before: Instruction | None, now: Instruction) -> int:
    """Returns the cycles of `now` if `before` ran just before it; None for no instruction."""
    if before is None:
        return now.cycles
    count = now.cycles
    match now.kind:
        case Kind.IT:
            return 0 if before.size == 2 else 1
        case Kind.FLOAT:
            return count + (before.kind is Kind.FLOAT and bool(before.writes & now.reads))
        case Kind.LOAD:
            pipelined = before.kind is Kind.LOAD and not before.writes & now.address
            count = 1 if pipelined else count
        case Kind.STORE:
            count = 1 if before.kind is Kind.LOAD else count
        case _:
            pass
    return count + (before.kind is Kind.PLAIN and bool(before.writes & now.address))


@lru_cache(maxsize=1 << 14)
def decode(code: bytes) -> tuple[Instruction, ...]:
    """Returns the Thumb-2 instructions of `code`, independent of its address; an unknown one takes one cycle.

    Results are cached, since most blocks of a firmware are also in the previously simulated one.
    """
    found: list[Instruction] = []
    at = 0
    while at < len(code):
        for i in _disassembler().disasm(code[at:], at):
            found.append(_classify(i))
            at += i.size
        if at < len(code):
            long = code[at + 1] >> 3 in (0b11101, 0b11110, 0b11111) if at + 1 < len(code) else False
            found.append(Instruction("?", 4 if long else 2, Kind.PLAIN, 1))
            at += found[-1].size
    return tuple(found)


@cache
def _disassembler() -> Any:
    """Returns capstone's disassembler of Thumb-2."""
    import capstone

    disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    disassembler.detail = True
    return disassembler


def _classify(i: Any) -> Instruction:
    """Returns the `Instruction` for one of capstone's."""
    from capstone import arm

    name = i.insn_name()
    reads, writes = (frozenset(i.reg_name(r) for r in registers) for registers in i.regs_access())
    memory = [o.mem for o in i.operands if o.type == arm.ARM_OP_MEM]
    parts = [(m.base, m.index) for m in memory]
    address = frozenset(i.reg_name(r) for pair in parts for r in pair if r)
    offset = any(index for _, index in parts)
    kind, count, moved = Kind.PLAIN, 1, 1
    listed = len(i.operands)
    if name in _LOADS:
        kind, count = Kind.LOAD, 2
    elif name in _STORES:
        kind, count = Kind.STORE, 2 if offset else 1
    elif name in ("push", "pop", "vpush", "vpop"):
        kind, count, address, moved = Kind.MEMORY, 1 + listed, frozenset({"sp"}), listed
    elif name.startswith(_MULTIPLE):
        kind, count, address, moved = Kind.MEMORY, listed, frozenset({i.reg_name(i.operands[0].reg)}), listed - 1
    elif name in ("ldrd", "strd"):
        kind, count, moved = Kind.MEMORY, 3, 2
    elif name in ("vldr", "vstr"):
        kind, count = Kind.MEMORY, 3 if i.reg_name(i.operands[0].reg).startswith("d") else 2
    elif name in ("tbb", "tbh"):
        kind, count = Kind.BRANCH, 2
    elif name in _BRANCHES:
        kind = Kind.BRANCH
    elif name.startswith("it"):
        kind = Kind.IT
    elif name in ("udiv", "sdiv"):
        count = DIVIDE
    elif name in ("vdiv", "vsqrt"):
        kind, count = Kind.FLOAT, FLOAT_DIVIDE
    elif name in ("vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma", "vfnms"):
        kind, count = Kind.FLOAT, FLOAT_ACCUMULATE
    elif name.startswith("v"):
        kind = Kind.FLOAT
    registers = [i.reg_name(o.reg) if o.type == arm.ARM_OP_REG else "" for o in i.operands]
    shifted = frozenset(r for r, o in zip(registers, i.operands, strict=True) if r and o.shift.type)
    updated = address & writes if i.writeback else frozenset()
    return Instruction(
        name,
        i.size,
        kind,
        count,
        reads,
        writes,
        address,
        offset,
        shifted,
        _accumulators(name, registers),
        updated,
        moved,
    )


def _accumulators(name: str, registers: Sequence[str]) -> frozenset[str]:
    """Returns the registers that a multiply-accumulate adds to; none for other instructions."""
    if name.startswith(("smlal", "smlsld", "umlal", "umaal")):
        return frozenset(registers[:2])
    return (
        frozenset(registers[3:4]) if name.startswith(("mla", "mls", "smla", "smls", "smmla", "smmls")) else frozenset()
    )
