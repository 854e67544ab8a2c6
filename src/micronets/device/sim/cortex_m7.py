"""Cycles of Thumb-2 instructions on a Cortex-M7 with warm caches: an in-order scoreboard that issues two per cycle.

Arm publishes no table of the M7's cycles. Units, latencies and the stages at which operands are needed are those with
which LLVM schedules for it (ARMScheduleM7.td), simplified; docs/measure.md describes how accurate this is. Time zero of
an instruction is the stage of its ALU: addresses are needed a cycle earlier, and values to store or to add to a cycle
later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from micronets.device.sim.cortex_m4 import FLOAT_ACCUMULATE as FLOAT_ACCUMULATE_M4
from micronets.device.sim.cortex_m4 import FLOAT_DIVIDE as FLOAT_DIVIDE_M4
from micronets.device.sim.cortex_m4 import Instruction, Kind
from micronets.device.sim.trace import NOWHERE, BlockCounts

MISPREDICTED = 6  # cycles lost by a mispredicted branch
DIVIDE = 7  # cycles of a division
FLOAT, FLOAT_ACCUMULATE, FLOAT_DIVIDE = 3, 6, 16  # cycles until the result of an FPU instruction can be used
_CONFLICTS = {  # pairs of units that cannot be used in the same cycle; there are two for loads and two ALUs
    *((unit, unit) for unit in ("store", "shift", "mac", "float", "branch")),
    *(("load", "store"), ("store", "load")),
}
_MULTIPLIES = ("mul", "mla", "mls", "smul", "smla", "smls", "smml", "smmu", "smua", "smus", "umul", "umla", "umaa")
_NARROW_LOADS = ("ldrb", "ldrh", "ldrsb", "ldrsh")
_SATURATES = ("ssat", "usat", "qadd", "qsub", "qdadd", "qdsub")
_EARLY = ("pkh", "sxta", "uxta", "sbfx", "ubfx", "rev", "rbit", *_SATURATES)
_FIRST_SLOT = ("sxt", "uxt", "bfi", "bfc", "clz", "sel", "sadd", "uadd", "ssub", "usub", *_EARLY)
_SHIFTERS = ("lsl", "lsr", "asr", "ror", *_EARLY)


@dataclass
class Pipeline:
    """The state of the pipeline after the instructions that were issued.

    - cycle: the current cycle.
    - slots: the number of instructions issued in this cycle, 0 to 2.
    - used: the units that these instructions use.
    - ready: by register, the cycle at which its value can be used.
    """

    cycle: int = 0
    slots: int = 0
    used: tuple[str, ...] = ()
    ready: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Pipeline:
        """Returns a copy that changes independently of this one."""
        return Pipeline(self.cycle, self.slots, self.used, dict(self.ready))

    def run(self, block: Sequence[Instruction]) -> None:
        """Issues the instructions of a block, in order."""
        for instruction in block:
            self._issue(instruction)

    def jump(self) -> None:
        """Starts a new cycle for the following instructions, as after a correctly predicted jump."""
        self._advance(self.issued())

    def issued(self) -> int:
        """Returns the cycles until everything so far was issued."""
        return self.cycle + (self.slots > 0)

    def _issue(self, now: Instruction) -> None:
        """Issues one instruction, in the first cycle in which its operands are ready and its units free."""
        if now.kind is Kind.IT:  # it is executed together with the instruction before it
            return
        units, alone, first = _units(now), _alone(now), now.name.startswith(_FIRST_SLOT)
        self._advance(max((self.ready[r] - stage for r, stage in _operand_stages(now) if r in self.ready), default=0))
        if self.slots and (
            alone or first or self.slots == 2 or any((u, v) in _CONFLICTS for u in units for v in self.used)
        ):
            self._advance(self.cycle + 1)
        self.slots += 1
        self.used += units
        latency = _latency(now)
        for register in now.writes:
            self.ready[register] = self.cycle + (0 if register in now.updated else latency)
        if alone:
            self._advance(self.cycle + alone)

    def _advance(self, cycle: int) -> None:
        """Advances the current cycle, unless it is later already."""
        if cycle > self.cycle:
            self.cycle, self.slots, self.used = cycle, 0, ()


def cycles_by_layer(counts: BlockCounts, blocks: Mapping[int, Sequence[Instruction]], layers: int) -> list[int]:
    """Returns the cycles of each layer.

    - counts: how often each block followed each other block.
    - blocks: the instructions of each block.
    - layers: the number of layers; layer 0 is what runs outside layers.

    The cycles that a block adds are computed from the state of the pipeline after the block before it. Of the two
    directions of a branch in a layer, the rarer one counts as mispredicted.
    """
    ends = {NOWHERE: Pipeline()}
    for _, before, _ in counts.edges:
        if before not in ends:
            ends[before] = Pipeline()
            ends[before].run(blocks[before])
    added: dict[tuple[int, int], int] = {}
    total = [0] * layers
    ways: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for (layer, before, block), count in counts.edges.items():
        follows = counts.follows(before, block)
        if (before, block) not in added:
            added[before, block] = _cycles_added(ends[before], blocks[block], follows)
        total[layer] += count * added[before, block]
        ways[layer, before][follows] += count
    for (layer, _), both in ways.items():
        total[layer] += MISPREDICTED * min(both)
    return total


def _cycles_added(before: Pipeline, block: Sequence[Instruction], follows: bool) -> int:
    """Returns the cycles that a block adds.

    - before: the pipeline after the block before it.
    - block: the instructions of the block.
    - follows: whether there is no jump between the two blocks.
    """
    pipeline = before.copy()
    if not follows:
        pipeline.jump()
    pipeline.run(block)
    return pipeline.issued() - before.issued()


def _units(now: Instruction) -> tuple[str, ...]:
    """Returns the units that an instruction uses."""
    match now.kind:
        case Kind.LOAD | Kind.STORE | Kind.BRANCH | Kind.FLOAT:
            return (now.kind.value,)
        case Kind.MEMORY if now.name in ("vldr", "vstr"):
            return ("load",) if now.name == "vldr" else ("store",)
        case Kind.PLAIN if now.name.startswith(_MULTIPLIES):
            return ("mac",)
        case Kind.PLAIN if now.shifted or now.name.startswith(_SHIFTERS):
            return ("alu", "shift")
        case Kind.PLAIN if now.name not in ("nop", "pld"):
            return ("alu",)
        case _:
            return ()


def _alone(now: Instruction) -> int:
    """Returns the cycles in which an instruction issues alone; 0 if it may share its cycle."""
    if now.name in ("udiv", "sdiv"):
        return DIVIDE
    if now.name in ("tbb", "tbh"):
        return 2
    return -(-now.moved // 2) if now.moved > 1 else 0


def _operand_stages(now: Instruction) -> Iterator[tuple[str, int]]:
    """Yields the registers that an instruction reads, with the cycles after its time zero at which it needs them."""
    for register in now.reads:
        if register in now.address or register in now.shifted or now.name.startswith(_EARLY):
            yield register, -1
        else:
            yield register, 1 if register in now.added or now.kind is Kind.STORE else 0


def _latency(now: Instruction) -> int:
    """Returns the cycles until the result of an instruction can be used."""
    match now.kind:
        case Kind.FLOAT:
            return {FLOAT_ACCUMULATE_M4: FLOAT_ACCUMULATE, FLOAT_DIVIDE_M4: FLOAT_DIVIDE}.get(now.cycles, FLOAT)
        case Kind.LOAD:
            return 2 if now.name.startswith(_NARROW_LOADS) else 1
        case _:
            return 2 if now.name.startswith((*_MULTIPLIES, *_SATURATES)) else 1
