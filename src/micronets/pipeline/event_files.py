"""Event files for TensorBoard: the figures of a run in progress, as curves over the steps of each stage.

An event file is a TFRecord file of TensorFlow's protocol buffers of type Event. They are written here byte by byte, so
that no other package is needed. TensorBoard's source defines both formats, in its event and summary protocol buffers
and in its record writer. A record holds the numbers of one step, each with a tag such as "train/loss".
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from micronets.progress import Event, Progress, StepEvent

EVENT_VERSION = "brain.Event:2"
"""The version of the format, in the first record of a file."""

_POLYNOMIAL = 0x82F63B78  # of CRC-32C (Castagnoli), bit-reversed


def is_wanted() -> bool:
    """Returns whether TensorBoard is installed, so that event files can be shown."""
    return find_spec("tensorboard") is not None


@contextmanager
def recorded(folder: Path, progress: Progress) -> Iterator[Progress]:
    """Yields a function that passes progress events on, and writes their figures to a new file in `folder`.

    The file is created with the first figure. If it cannot be written, the run continues without it.

    - `folder`: the folder of event files, created if needed; TensorBoard shows all files in it as one run.
    - `progress`: receives all events.
    """
    file: BinaryIO | None = None
    broken = False

    def tell(event: Event) -> None:
        nonlocal file, broken
        progress(event)
        figures = event.figures if isinstance(event, StepEvent) else {}
        values = {f"{event.stage}/{name}": float(value) for name, value in figures.items() if math.isfinite(value)}
        if not values or broken or not isinstance(event, StepEvent):
            return
        try:
            now = time.time()
            if file is None:
                folder.mkdir(parents=True, exist_ok=True)
                file = (folder / f"events.out.tfevents.{int(now)}.micronets.{os.getpid()}").open("ab")
                file.write(event_record(_double(1, now) + _bytes(3, EVENT_VERSION.encode())))
            file.write(event_record(scalars(now, event.step, values)))
            file.flush()
        except OSError:
            broken = True

    try:
        yield tell
    finally:
        if file is not None:
            file.close()


def scalars(wall_time: float, step: int, values: dict[str, float]) -> bytes:
    """Returns an `Event` with the numbers of one step.

    - `wall_time`: seconds since 1970.
    - `step`: the step, from 0.
    - `values`: the numbers by tag.
    """
    summary = b"".join(_bytes(1, _bytes(1, tag.encode()) + _float(2, value)) for tag, value in values.items())
    return _double(1, wall_time) + _key(2, 0) + _varint(step) + _bytes(5, summary)


def event_record(data: bytes) -> bytes:
    """Returns a record of a TFRecord file: the length of `data`, its checksum, `data`, and the checksum of that."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def masked_crc(data: bytes) -> int:
    """Returns the masked CRC-32C of TFRecord files: the checksum of `data`, rotated, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Returns the CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `data`."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _remainder(byte: int) -> int:
    """Returns the CRC-32C of one byte without the initial and final inversion."""
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_remainder, range(256)))


def _varint(value: int) -> bytes:
    """Returns a non-negative number as a protocol buffer varint: groups of seven bits, the low ones first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _key(field: int, kind: int) -> bytes:
    """Returns the key of a field: its number and its wire type (0 varint, 1 and 5 fixed, 2 length-delimited)."""
    return _varint(field << 3 | kind)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value


def _double(field: int, value: float) -> bytes:
    return _key(field, 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _key(field, 5) + struct.pack("<f", value)
