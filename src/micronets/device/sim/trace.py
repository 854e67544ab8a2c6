"""Hooks that count how often each basic block follows each other one in a simulated processor, by layer.

The cycles of instructions are computed from these counts afterwards. Only the flash's caches depend on the order of
accesses and are simulated here: they are fully associative with least-recently-used replacement. If there is a
compiler, the hooks are C (`trace.c`, compiled for this machine and kept in the user's cache directory), otherwise
Python, which is slower.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from micronets import child_processes
from micronets.boards.board import SimulationModel
from micronets.device.host_compiler import host_compiler
from micronets.errors import DeviceError
from micronets.files import digest, temporary_directory, temporary_environment, write_atomic

NOWHERE = 0xFFFFFF
"""Denotes the block before the first one."""

_ENTRIES = 1 << 18  # entries of the hash table of `trace.c`, a power of two
_FAILURES = {
    1: "more different jumps than the simulator counts",
    2: "code ran outside the flash",
    3: "one block of code has two lengths",
    4: "a layer's number is out of range",
    5: "it reads or writes at an address that is no multiple of its size, which the core cannot do",
}


@dataclass(frozen=True)
class Region:
    """The range of addresses that is traced.

    - base, bytes: the first address and the size of the flash.
    - marker: the address of the function that is called when a layer begins, `micronets_mark`.
    - argument_register: unicorn's id of the register that holds that function's argument, the layer.
    - layers: the most layers.
    - aligned_only: whether the core can access values of several bytes only at multiples of their size.
    - condition: unicorn's number of the register with the state of a block of conditional instructions (IT), and its
      value outside of such a block; None if the core has no such blocks. Before unicorn calls a hook for an access to
      memory, it sets that state to what it is at this instruction, though the code that it made of the block does not
      need it and never clears it again (2.1.4, cputlb.c and translate.c): the instructions after the next jump were
      then skipped. So hooks for reading set it to the value.
    """

    base: int
    bytes: int
    marker: int
    argument_register: int
    layers: int
    aligned_only: bool = False
    condition: tuple[int, int] | None = None


@dataclass
class BlockCounts:
    """The number of times that each basic block ran after each other one.

    A block is named by its address in half-words from the flash's start. Layer 0 is what runs outside layers, 1 is the
    first layer.

    - edges: how often a block ran after another one, by (layer, the block before or `NOWHERE`, block).
    - sizes: the bytes of every block.
    - misses: the misses of the instruction cache and those of the data cache, by layer.
    """

    edges: dict[tuple[int, int, int], int] = field(default_factory=Counter)
    sizes: dict[int, int] = field(default_factory=dict)
    misses: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))

    def follows(self, before: int, block: int) -> bool:
        """Returns whether `block` directly follows `before` in memory, so that there is no jump between the two."""
        return before != NOWHERE and 2 * before + self.sizes[before] == 2 * block


class _Cache(ctypes.Structure):
    """`struct cache` of trace.c, which describes the fields."""

    _fields_ = (
        *[(name, ctypes.c_uint32) for name in ("lines", "shift", "last")],
        *[(name, ctypes.POINTER(ctypes.c_uint32)) for name in ("slots", "tags")],
        *[(name, ctypes.POINTER(ctypes.c_uint64)) for name in ("stamps", "misses")],
    )


class _Trace(ctypes.Structure):
    """`struct trace` of trace.c, which describes the fields."""

    _fields_ = (
        *[(name, ctypes.POINTER(ctypes.c_uint64)) for name in ("keys", "counts")],
        ("sizes", ctypes.POINTER(ctypes.c_uint32)),
        *[(n, ctypes.c_uint32) for n in ("entries", "used", "base", "bytes", "marker", "layers", "layer", "before")],
        *[(name, ctypes.c_uint32) for name in ("active", "failed")],
        ("clock", ctypes.c_uint64),
        *[(name, ctypes.c_int32) for name in ("register_id", "condition_id")],
        ("condition", ctypes.c_uint32),
        *[(name, ctypes.c_void_p) for name in ("read_register", "write_register")],
        *[(name, _Cache) for name in ("instructions", "data")],
    )


def _cache_lines(flash: SimulationModel | None) -> tuple[int, int, int]:
    """Returns the lines of the instruction cache, those of the data cache, and log2 of a line's bytes."""
    return (flash.instruction_lines, flash.data_lines, flash.line_bytes.bit_length() - 1) if flash else (0, 0, 4)


class NativeTrace:
    """Counts with hooks in C, which are much faster than those in Python.

    - library: the result of `native_library`.
    - region: the traced addresses.
    - flash: the model of the board's flash with its caches; None for no caches.
    """

    def __init__(self, library: ctypes.CDLL, region: Region, flash: SimulationModel | None) -> None:
        self.library, self.region = library, region
        instruction_lines, data_lines, shift = _cache_lines(flash)
        self.keys, self.counts = (ctypes.c_uint64 * _ENTRIES)(), (ctypes.c_uint64 * _ENTRIES)()
        self.sizes = (ctypes.c_uint32 * (region.bytes // 2 + 1))()
        self.misses = [(ctypes.c_uint64 * region.layers)() for _ in range(2)]
        caches = [self._cache(n, shift, m) for n, m in zip((instruction_lines, data_lines), self.misses, strict=True)]
        longs = ctypes.POINTER(ctypes.c_uint64)
        self.trace = _Trace(
            keys=ctypes.cast(self.keys, longs),
            counts=ctypes.cast(self.counts, longs),
            sizes=ctypes.cast(self.sizes, ctypes.POINTER(ctypes.c_uint32)),
            entries=_ENTRIES,
            base=region.base,
            bytes=region.bytes,
            marker=region.marker,
            layers=region.layers,
            before=NOWHERE,
            condition_id=-1,
            instructions=caches[0],
            data=caches[1],
        )

    def _cache(self, lines: int, shift: int, misses: Any) -> _Cache:
        """Creates the state of a cache of this many lines of 2^shift bytes; its misses are counted in `misses`."""
        words, longs = ctypes.POINTER(ctypes.c_uint32), ctypes.POINTER(ctypes.c_uint64)
        slots, tags = (ctypes.c_uint32 * ((self.region.bytes >> shift) + 2))(), (ctypes.c_uint32 * max(1, lines))()
        stamps = (ctypes.c_uint64 * max(1, lines))()
        pointers = [ctypes.cast(a, words) for a in (slots, tags)] + [ctypes.cast(a, longs) for a in (stamps, misses)]
        return _Cache(lines, shift, 0xFFFFFFFF, *pointers)

    def attach(self, processor: Any, constants: tuple[int, int]) -> None:
        """Adds the hooks to a processor.

        - processor: a processor of unicorn.
        - constants: the first and the last address of the constants in flash.

        Raises `DeviceError` if unicorn refuses them.
        """
        import unicorn
        from unicorn.unicorn_py3 import unicorn as binding

        unicorn_library = binding.uclib
        self.trace.register_id = self.region.argument_register
        self.trace.read_register = ctypes.cast(unicorn_library.uc_reg_read, ctypes.c_void_p)
        self.trace.write_register = ctypes.cast(unicorn_library.uc_reg_write, ctypes.c_void_p)
        self.trace.condition_id, self.trace.condition = self.region.condition or (-1, 0)
        self.handles = [ctypes.c_size_t() for _ in range(3)]
        spans = [(unicorn.UC_HOOK_BLOCK, self.library.trace_block, (1, 0))]
        if self.trace.data.lines:
            spans.append((unicorn.UC_HOOK_MEM_READ, self.library.trace_read, constants))
        if self.region.aligned_only:
            both = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
            spans.append((both, self.library.trace_alignment, (1, 0)))
        for handle, (kind, function, (first, last)) in zip(self.handles, spans, strict=False):
            status = unicorn_library.uc_hook_add(
                *(processor._uch, ctypes.byref(handle), ctypes.c_int(kind)),
                *(ctypes.cast(function, ctypes.c_void_p), ctypes.byref(self.trace)),
                *(ctypes.c_uint64(first), ctypes.c_uint64(last)),
            )
            if status:
                raise DeviceError(f"simulator: cannot add a hook (unicorn's error {status})")

    def start(self) -> None:
        """Starts the counting."""
        self.trace.active = 1

    def counted(self) -> BlockCounts:
        """Returns the counts. Raises `DeviceError` if counting failed."""
        _raise_failure(self.trace.failed)
        counts = BlockCounts(misses=(list(self.misses[0]), list(self.misses[1])))
        keys, times = (np.frombuffer(memoryview(a), np.uint64) for a in (self.keys, self.counts))
        for key, count in zip(keys[times > 0].tolist(), times[times > 0].tolist(), strict=True):
            counts.edges[key >> 48, key >> 24 & NOWHERE, key & NOWHERE] = count
        blocks = {block for _, _, block in counts.edges}
        counts.sizes = {block: self.sizes[block] for block in blocks}
        return counts


class PythonTrace:
    """Counts the same with hooks in Python, for machines without a C compiler.

    - region: the traced addresses.
    - flash: the model of the board's flash with its caches; None for no caches.
    """

    def __init__(self, region: Region, flash: SimulationModel | None) -> None:
        self.region, self.shift = region, _cache_lines(flash)[2]
        self.counts = BlockCounts(misses=([0] * region.layers, [0] * region.layers))
        self.lines = _cache_lines(flash)[:2]
        self.held: tuple[dict[int, None], dict[int, None]] = ({}, {})  # lines, the one used last at the end
        self.layer, self.before, self.active, self.failed = 0, NOWHERE, False, 0

    def attach(self, processor: Any, constants: tuple[int, int]) -> None:
        """Adds the hooks to a processor.

        - processor: a processor of unicorn.
        - constants: the first and the last address of the constants in flash.
        """
        import unicorn

        processor.hook_add(unicorn.UC_HOOK_BLOCK, self._block)
        if self.lines[1]:
            processor.hook_add(unicorn.UC_HOOK_MEM_READ, self._read, None, *constants)
        if self.region.aligned_only:
            processor.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self._align)

    def start(self) -> None:
        """Starts the counting."""
        self.active = True

    def counted(self) -> BlockCounts:
        """Returns the counts. Raises `DeviceError` if counting failed."""
        _raise_failure(self.failed)
        return self.counts

    def _block(self, processor: Any, address: int, size: int, _: Any) -> None:
        """Counts a basic block that is about to run; called by unicorn."""
        if not self.active:
            return
        offset = address - self.region.base
        if not 0 <= offset < self.region.bytes:
            self.failed = 2
            return
        if address == self.region.marker:
            index = processor.reg_read(self.region.argument_register) + 1
            if index >= self.region.layers:
                self.failed = 4
            else:
                self.layer = index
        block = offset >> 1
        if self.counts.sizes.setdefault(block, size) != size:
            self.failed = 3
        self.counts.edges[self.layer, self.before, block] += 1
        self.before = block
        if self.lines[0]:
            for line in range(offset >> self.shift, (offset + size - 1 >> self.shift) + 1):
                self._touch(0, line)

    def _read(self, processor: Any, kind: int, address: int, size: int, value: int, _: Any) -> None:
        """Counts a read of the constants; called by unicorn."""
        if self.region.condition:
            processor.reg_write(*self.region.condition)
        if self.active:
            self._touch(1, address - self.region.base >> self.shift)

    def _align(self, processor: Any, kind: int, address: int, size: int, value: int, _: Any) -> None:
        """Records an unaligned access; called by unicorn."""
        if self.active and address % size:
            self.failed = 5

    def _touch(self, which: int, line: int) -> None:
        """Looks up a flash line in the instruction cache (0) or the data cache (1), and counts a miss."""
        held = self.held[which]
        if line in held:
            del held[line]
        else:
            self.counts.misses[which][self.layer] += 1
            if len(held) == self.lines[which]:
                del held[next(iter(held))]
        held[line] = None


def _raise_failure(failed: int) -> None:
    """Raises `DeviceError` if a hook has failed; `failed` is one of `_FAILURES`, or 0."""
    if failed:
        raise DeviceError(f"simulator: {_FAILURES[failed]}")


@cache
def native_library() -> ctypes.CDLL | None:
    """Returns the hooks in C, compiled when they are first needed; None without a compiler for this machine."""
    source = (files("micronets") / "device/sim/trace.c").read_text("utf-8")
    name = f"trace-{sys.platform}-{digest(source)}.so"
    for directory in (_cache_directory, _own_directory):
        try:
            path = directory() / name
            if not path.exists():
                write_atomic(path, _compile_hooks(host_compiler(), source))
            library = ctypes.CDLL(str(path))
            return library if library.trace_block and library.trace_read and library.trace_alignment else None
        except (OSError, RuntimeError, AttributeError):  # no home, no space, or a directory mounted noexec
            continue
        except (subprocess.SubprocessError, DeviceError):
            return None
    return None


def _cache_directory() -> Path:
    """Returns the user's directory of cached files, which is also that of `frontend.cache`."""
    return Path(os.environ.get("MICRONETS_CACHE") or Path.home() / ".cache/micronets")


@cache
def _own_directory() -> Path:
    """Returns a new directory that is removed at the end of this process."""
    context = temporary_directory()
    atexit.register(context.__exit__, None, None, None)
    return context.__enter__()


def _compile_hooks(command: Sequence[str], source: str) -> bytes:
    """Compiles the hooks with a C compiler and returns the shared library."""
    with temporary_directory() as directory:
        c, library = directory / "trace.c", directory / "trace.so"
        c.write_text(source, "utf-8")
        words = [*command, "-O2", "-shared", "-fPIC", str(c), "-o", str(library)]
        with temporary_environment() as environment:
            done = child_processes.run(words, timeout_s=120, environment=environment)
        done.check_returncode()
        return library.read_bytes()
