"""Damaged `.tflite` files, made from sound ones: `mutated(rng, data, others)`; every choice comes from `rng`.

Blind damage (bits, bytes, cuts, splices, moved pieces) rarely gets past the file's outer structure, so half the
mutations change what the reader looks at: `touched` records the positions that it reads in a sound file, which are
offsets, counts, field lists and scalars, and the starts of vectors behind them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from micronets.errors import MicronetsError
from micronets.tflite import read, reader
from micronets.tflite.flatbuffer import Flat

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
def touched(data: bytes) -> tuple[int, ...]:
    """Positions of a file that the reader looks at, in rising order."""
    seen.clear()
    with patch.object(reader, "Flat", _Recorder), suppress(MicronetsError):
        read(data)
    return tuple(sorted(seen))


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data` with one to sixteen changes; never longer than twice the longest file."""
    out = bytearray(data)
    fields = touched(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 16))):
        if fields and rng.random() < 0.6:
            _field(rng, out, fields)
        else:
            rng.choice((_bits, _bytes, _cut, _splice, _move, _swap))(rng, out, others)
        if len(out) < 8:
            out += bytes(8)
    return bytes(out)


def _field(rng: random.Random, out: bytearray, fields: Sequence[int]) -> None:
    """Another value for something that the reader reads: a near one, an ordinary one, an extreme, or another
    field's.
    """
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
    """The end, or a piece in the middle, is missing."""
    if rng.random() < 0.5:
        del out[rng.randrange(len(out)) :]
    else:
        at, count = _piece(rng, out, 64)
        del out[at : at + count]


def _splice(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """A piece of another file: over what was there, or between."""
    other = rng.choice(others)
    at, count = _piece(rng, bytearray(other), 512)
    to = rng.randrange(len(out))
    out[to : to + (count if rng.random() < 0.7 else 0)] = other[at : at + count]


def _move(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """A piece of the file itself, again elsewhere."""
    at, count = _piece(rng, out, 128)
    to = rng.randrange(len(out))
    out[to : to + count] = out[at : at + count]


def _swap(rng: random.Random, out: bytearray, others: Sequence[bytes]) -> None:
    """Two words change places."""
    a, b = (4 * rng.randrange(max(len(out) // 4, 1)) for _ in "ab")
    out[a : a + 4], out[b : b + 4] = out[b : b + 4], out[a : a + 4]


def _piece(rng: random.Random, out: bytearray, most: int) -> tuple[int, int]:
    at = rng.randrange(len(out))
    return at, min(rng.randint(1, most), len(out) - at)
