"""Damaged `.tflite` files, made from sound ones: `mutated(rng, data, others)`; every choice comes from `rng`.

`revalued(rng, data)` changes only the values of a file, so that most of its files are still models.

Blind damage (bits, bytes, cuts, splices, moved pieces) rarely gets past the file's outer structure, so half the
mutations change what the reader looks at: `positions_read` records the positions that it reads in a sound file, which
are offsets, counts, field lists and scalars, and the starts of vectors behind them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal
from unittest.mock import patch

from micronets.errors import MicronetsError
from micronets.tflite import read, reader
from micronets.tflite import schema as s
from micronets.tflite.flatbuffer import Flat, FlatTable

VECTOR_BYTES = 40  # behind a count, which may be those of a shape, a scale or a list of tensors
ORDINARY = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 127, 128, 255, 256, 1000, 65535)  # sizes, types, operators, options


class _Recorder(Flat):
    """A `Flat` that keeps every position it reads."""

    positions: set[int]

    def unpack(self, kind: str, at: int) -> Any:
        value = super().unpack(kind, at)
        seen.add(at)
        if kind == "I":
            seen.update(range(at + 4, min(at + 4 + VECTOR_BYTES, len(self.data)), 4))
        return value


seen: set[int] = set()


@lru_cache(maxsize=256)
def positions_read(data: bytes) -> tuple[int, ...]:
    """Returns the positions of a file that the reader looks at, in rising order."""
    seen.clear()
    with patch.object(reader, "Flat", _Recorder), suppress(MicronetsError):
        read(data)
    return tuple(sorted(seen))


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Returns `data` with one to sixteen changes; never longer than twice the longest file."""
    out = bytearray(data)
    fields = positions_read(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 16))):
        if fields and rng.random() < 0.6:
            _field(rng, out, fields)
        else:
            rng.choice((_bits, _bytes, _cut, _splice, _move, _swap))(rng, out, others)
        if len(out) < 8:
            out += bytes(8)
    return bytes(out)


def _field(rng: random.Random, out: bytearray, fields: Sequence[int]) -> None:
    """Gives a field that the reader reads another value: a near, an ordinary or an extreme one, or another field's."""
    at = rng.choice(fields)
    width = rng.choice((1, 1, 2, 4, 4, 4, 8))
    if at + width > len(out):
        return
    top = 1 << 8 * width
    old = int.from_bytes(out[at : at + width], "little")
    other = rng.choice(fields)
    value = rng.choice(
        (
            old + rng.choice((-16, -4, -2, -1, 1, 2, 4, 16)),
            old << 1,
            old >> 1,
            old ^ 1 << rng.randrange(8 * width),
            rng.choice(ORDINARY),
            rng.choice((0, top - 1, top // 2, top // 2 - 1, len(out), len(out) - at)),
            int.from_bytes(out[other : other + width], "little"),
            max(other - at, 0),
        )
    )
    out[at : at + width] = (value % top).to_bytes(width, "little")


def _bits(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 3, 8))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)


def _bytes(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    at, count = _piece(rng, out, 16)
    out[at : at + count] = rng.randbytes(count)


def _cut(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """Takes the end, or a piece in the middle, away."""
    if rng.random() < 0.5:
        del out[rng.randrange(len(out)) :]
    else:
        at, count = _piece(rng, out, 64)
        del out[at : at + count]


def _splice(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """Writes a piece of another file over what was there, or puts it between."""
    other = rng.choice(others)
    at, count = _piece(rng, bytearray(other), 512)
    to = rng.randrange(len(out))
    out[to : to + (count if rng.random() < 0.7 else 0)] = other[at : at + count]


def _move(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """Repeats a piece of the file elsewhere in it."""
    at, count = _piece(rng, out, 128)
    to = rng.randrange(len(out))
    out[to : to + count] = out[at : at + count]


def _swap(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """Lets two words change places."""
    a, b = (4 * rng.randrange(max(len(out) // 4, 1)) for _ in "ab")
    out[a : a + 4], out[b : b + 4] = out[b : b + 4], out[a : a + 4]


def _piece(rng: random.Random, out: bytearray, most: int) -> tuple[int, int]:
    at = rng.randrange(len(out))
    return at, min(rng.randint(1, most), len(out) - at)


Value = Literal["scale", "zero point", "size", "constant", "option", "type", "tensor"]
"""What a number of a file is.

- scale, zero point: of a tensor; zero points are those of activations.
- size: an entry of a shape.
- constant: a byte of a constant.
- option: a field of an operator's options.
- type: a tensor's type.
- tensor: the index of a tensor that an operator reads or writes.
"""

_OPTIONS = 12  # slots of an options table that are looked at; no operator of ours has more


@lru_cache(maxsize=256)
def values(data: bytes) -> Mapping[Value, tuple[int, ...]]:
    """Returns where the numbers of a sound file are, by what they are: positions in bytes."""
    top = Flat(data, "a sound file").root()
    graph = top.tables(s.ModelSlot.SUBGRAPHS)[0]
    found: dict[Value, list[int]] = {
        "scale": [], "zero point": [], "size": [], "constant": [], "option": [], "type": [], "tensor": []
    }  # fmt: skip
    tensors, buffers = graph.tables(s.SubGraphSlot.TENSORS), top.tables(s.ModelSlot.BUFFERS)
    for tensor in (tensors[i] for i in range(len(tensors))):
        constant = buffers[tensor.number(s.TensorSlot.BUFFER, "I")].array(s.BufferSlot.DATA, "u1") is not None
        found["size"] += _vector(tensor, s.TensorSlot.SHAPE, 4)
        found["type"] += _scalar(tensor, s.TensorSlot.TYPE)
        quantization = tensor.table(s.TensorSlot.QUANTIZATION)
        if quantization is not None:
            found["scale"] += _vector(quantization, s.QuantizationSlot.SCALE, 4)
            found["zero point"] += [] if constant else _vector(quantization, s.QuantizationSlot.ZERO_POINT, 8)
    for buffer in (buffers[i] for i in range(len(buffers))):
        found["constant"] += _vector(buffer, s.BufferSlot.DATA, 1)
    operators = graph.tables(s.SubGraphSlot.OPERATORS)
    for operator in (operators[i] for i in range(len(operators))):
        found["tensor"] += _vector(operator, s.OperatorSlot.INPUTS, 4) + _vector(operator, s.OperatorSlot.OUTPUTS, 4)
        options = operator.table(s.OperatorSlot.OPTIONS)
        if options is not None:
            found["option"] += [at for slot in range(_OPTIONS) for at in _scalar(options, slot)]
    return {kind: tuple(dict.fromkeys(places)) for kind, places in found.items()}


def revalued(rng: random.Random, data: bytes) -> bytes:
    """Returns a sound file with one to four other values, and otherwise as it was: most are still models."""
    out, places = bytearray(data), values(data)
    kinds = [kind for kind, count in _CHANGES.items() for _ in range(count[0]) if places[kind]]
    for _ in range(rng.choice((1, 1, 2, 4))):
        kind = rng.choice(kinds)
        for at in rng.sample(places[kind], min(len(places[kind]), rng.choice((1, 1, 1, 2, 8)))):
            new = _CHANGES[kind][1](rng, out, at, rng.choice(places[kind]))
            out[at : at + len(new)] = new
    return bytes(out[: len(data)])


def _scale(rng: random.Random, out: bytearray, at: int, other: int) -> bytes:
    """Returns a scale that is a power of two larger or smaller, a little different, another's, or an extreme one."""
    old = struct.unpack_from("<f", out, at)[0]
    new = rng.choice(
        (
            old * 2.0 ** rng.randint(-4, 4),
            old * 2.0 ** rng.randint(-45, 45),
            old * rng.uniform(0.5, 2),
            struct.unpack_from("<f", out, other)[0],
            rng.choice((2.0**-126, 2.0**-40, 2.0**-20, 2.0**20, 2.0**40, 2.0**119, 1.0, 0.5, 1 / 256)),
        )
    )
    if rng.random() < 0.02:
        new = rng.choice((0.0, float("inf"), float("nan"), -old))
    return struct.pack("<f", new) if abs(new) < 2.0**127 or new != new else struct.pack("<f", float("inf"))


def _zero_point(rng: random.Random, out: bytearray, at: int, other: int) -> bytes:
    old = struct.unpack_from("<q", out, at)[0]
    new = rng.choice((old + 1, old - 1, rng.randint(-128, 127), -128, 127, 0, rng.choice((-129, 128, 2**40))))
    return struct.pack("<q", min(max(new, -(2**63)), 2**63 - 1))


def _int32(rng: random.Random, out: bytearray, at: int, other: int) -> bytes:
    old = struct.unpack_from("<i", out, at)[0]
    new = rng.choice((old + 1, old - 1, rng.randint(0, 8), 1, struct.unpack_from("<i", out, other)[0], -1))
    return struct.pack("<i", min(max(new, -(2**31)), 2**31 - 1))


def _constant(rng: random.Random, out: bytearray, at: int, other: int) -> bytes:
    """Returns one to four bytes, random or extreme: weights, a part of a bias, an axis or a padding."""
    count = min(rng.choice((1, 1, 4)), len(out) - at)
    return rng.choice((rng.randbytes(4), bytes(4), b"\x80" * 4, b"\x7f" * 4, b"\xff" * 4))[:count]


def _byte(rng: random.Random, out: bytearray, at: int, other: int) -> bytes:
    return bytes([rng.choice((0, 1, 2, 3, 4, 5, 7, 8, 9, 17, out[at] ^ 1 << rng.randrange(8)))])


_Change = Callable[[random.Random, bytearray, int, int], bytes]

_CHANGES: Mapping[Value, tuple[int, _Change]] = {
    "scale": (8, _scale),
    "zero point": (4, _zero_point),
    "constant": (4, _constant),
    "option": (3, _byte),
    "size": (1, _int32),
    "tensor": (1, _int32),
    "type": (1, _byte),
}
"""How often each kind of value is changed, and what makes the bytes of a new one."""


def _vector(table: FlatTable, slot: int, width: int) -> list[int]:
    """Returns the positions of the items of a vector."""
    at = table._field(slot)
    if not at:
        return []
    at += table.flat.unpack("I", at)
    return [at + 4 + width * i for i in range(table.flat.unpack("I", at))]


def _scalar(table: FlatTable, slot: int) -> list[int]:
    """Returns the position of a field, if it is there."""
    at = table._field(slot)
    return [at] if at else []
