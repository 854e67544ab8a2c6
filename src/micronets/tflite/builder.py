"""FlatBuffers without repetition: equal vectors, strings and tables are stored once and shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import flatbuffers
import numpy as np
import numpy.typing as npt

from micronets.tflite.schema import IDENTIFIER, SCHEMA_BUFFER_ALIGNMENT, BufferSlot

Field = tuple[int, Literal["int8", "bool", "int32", "uint32", "float32", "table"], Any, Any]
"""A field of a table: its slot, its type, its value, and the default at which it is left out."""


class LeanBuilder:
    """Builds a file from the leaves up.

    Every method but `finish` returns the offset of what it wrote, which a table written later refers to.
    """

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(4096)
        self._shared: dict[Any, int] = {}

    def table(self, fields: list[Field]) -> int:
        """Writes a table, or finds the earlier one with the same fields.

        Fields of one byte come last, so that nothing is padded.
        """
        key = ("table", tuple(fields))
        if key not in self._shared:
            add = {
                "int8": self._builder.PrependInt8Slot,
                "bool": self._builder.PrependBoolSlot,
                "int32": self._builder.PrependInt32Slot,
                "uint32": self._builder.PrependUint32Slot,
                "float32": self._builder.PrependFloat32Slot,
                "table": self._builder.PrependUOffsetTRelativeSlot,
            }
            self._builder.StartObject(max((f[0] for f in fields), default=-1) + 1)
            for slot, kind, value, default in sorted(fields, key=lambda f: f[1] in ("int8", "bool")):
                add[kind](int(slot), value, default)
            self._shared[key] = self._builder.EndObject()
        return self._shared[key]

    def vector(self, dtype: npt.DTypeLike, values: npt.ArrayLike) -> int:
        """Writes a vector of numbers of type `dtype`, or finds the earlier one with the same bytes."""
        array = np.ascontiguousarray(values, dtype)
        key = (array.dtype.str, array.tobytes())
        if key not in self._shared:
            self._shared[key] = self._builder.CreateNumpyVector(array)
        return self._shared[key]

    def offsets(self, items: Iterable[int]) -> int:
        """Writes a vector of tables, given by their offsets."""
        items = list(items)
        self._builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self._builder.PrependUOffsetTRelative(item)
        return int(self._builder.EndVector())

    def string(self, text: str) -> int:
        """Writes a string, or finds an equal one."""
        return int(self._builder.CreateSharedString(text))

    def buffer(self, data: bytes) -> int:
        """Writes a `Buffer` table with these bytes, which begin at a multiple of 16."""
        if not data:
            return self.table([])
        self._builder.StartVector(1, len(data), SCHEMA_BUFFER_ALIGNMENT)
        self._builder.head -= len(data)
        self._builder.Bytes[self._builder.head : self._builder.head + len(data)] = data
        return self.table([(BufferSlot.DATA, "table", self._builder.EndVector(), 0)])

    def finish(self, root: int) -> bytes:
        """Returns the bytes of the file, whose root table must be the one written last."""
        self._builder.Finish(root, file_identifier=IDENTIFIER)
        return bytes(self._builder.Output())
