"""A FlatBuffers reader that trusts nothing: every offset is checked before it is followed.

Offsets within tables and vectors only ever lead forwards, so that no cycle can hold the reader; the one kind that may
lead backwards, to a vtable, is not followed further. Vectors are views of the file, not copies.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import FileError

_MAX_TEXT = 256  # bytes that are read of a string: a file may hold one long string and point to it from everywhere


@dataclass(frozen=True)
class Flat:
    """The bytes of a file.

    - data: the bytes.
    - where: the name of the file in error messages.
    """

    data: bytes
    where: str

    def unpack(self, kind: str, at: int) -> Any:
        """Returns a little-endian number.

        - kind: its type, a letter of the module `struct`.
        - at: its position in the file, in bytes.

        Raises `FileError` outside the file.
        """
        size = struct.calcsize("<" + kind)
        if at < 0 or at + size > len(self.data):
            raise self.damaged(f"it points to byte {at} of {len(self.data)}")
        return struct.unpack_from("<" + kind, self.data, at)[0]

    def damaged(self, what: str) -> FileError:
        """Returns the error for a file whose bytes contradict the format; `what` says in which way."""
        return FileError(f"{self.where}: damaged .tflite, {what}; copy or export it again")

    def root(self) -> FlatTable:
        """Returns the root table, to which the first four bytes of the file point. Raises `FileError`."""
        return FlatTable(self, self.unpack("I", 0))


class FlatTable:
    """A table of a file. Its fields are read by their slot; all methods raise `FileError` for a damaged file.

    - flat: the file.
    - at: the position of the table in the file, in bytes.
    """

    def __init__(self, flat: Flat, at: int) -> None:
        self.flat, self.at = flat, at
        self.vtable = at - flat.unpack("i", at)
        self.vtable_size: int = flat.unpack("H", self.vtable)
        if self.vtable < 0 or self.vtable + self.vtable_size > len(flat.data):
            raise flat.damaged(f"the table at byte {at} has no field list")

    def _field(self, slot: int) -> int:
        """Returns the position of a field, 0 if it is absent."""
        entry = 4 + 2 * slot
        if entry + 2 > self.vtable_size:
            return 0
        offset: int = self.flat.unpack("H", self.vtable + entry)
        return self.at + offset if offset else 0

    def number(self, slot: int, kind: str, default: Any = 0) -> Any:
        """Returns a scalar.

        - slot: which field it is.
        - kind: its type, a letter of the module `struct`.
        - default: its value where the field is absent.
        """
        at = self._field(slot)
        return self.flat.unpack(kind, at) if at else default

    def table(self, slot: int) -> FlatTable | None:
        """Returns the table that a field points to; None if the field is absent."""
        at = self._field(slot)
        return FlatTable(self.flat, at + self.flat.unpack("I", at)) if at else None

    def array(self, slot: int, dtype: str) -> npt.NDArray[Any] | None:
        """Returns a vector of numbers of numpy's type `dtype` as a view of the file; None if it is absent."""
        at = self._field(slot)
        if not at:
            return None
        at += self.flat.unpack("I", at)
        count: int = self.flat.unpack("I", at)
        item = np.dtype(dtype)
        if at + 4 + count * item.itemsize > len(self.flat.data):
            raise self.flat.damaged(f"the list at byte {at} claims {count} items")
        return np.frombuffer(self.flat.data, item, count, at + 4)

    def tables(self, slot: int) -> FlatTables:
        """Returns a vector of tables, an empty one if it is absent."""
        offsets = self.array(slot, "<u4")
        if offsets is None:
            return FlatTables(self.flat, 0, np.zeros(0, np.uint32))
        at = self._field(slot)
        return FlatTables(self.flat, at + self.flat.unpack("I", at) + 4, offsets)

    def text(self, slot: int) -> str:
        """Returns the first 256 bytes of a string; '' if it is absent."""
        raw = self.array(slot, "u1")
        return "" if raw is None else raw[:_MAX_TEXT].tobytes().decode(errors="replace")


@dataclass(frozen=True, eq=False)
class FlatTables:
    """A vector of tables, each made when it is asked for.

    - flat: the file.
    - start: the position of the vector's first item in the file, in bytes.
    - offsets: the items: where each table begins, from its item on.
    """

    flat: Flat
    start: int
    offsets: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, index: int) -> FlatTable:
        if not 0 <= index < len(self):
            raise self.flat.damaged(f"it asks for item {index} of {len(self)}")
        return FlatTable(self.flat, self.start + 4 * index + int(self.offsets[index]))
