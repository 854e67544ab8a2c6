"""Frames on a serial line that may lose, change or invent bytes; the same as `firmware/serial/frame.h`.

    0xA7 0x4E | type | sequence | length, 2 bytes | payload | CRC-32, 4 bytes       (numbers little-endian)

The CRC covers type to payload. A damaged frame is as if it had never come.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MAGIC = b"\xa7\x4e"
PAYLOAD_BYTES = 512  # of the longest frame
_HEAD = struct.Struct("<2sBBH")
_TAIL_BYTES = 4
# As long as the longest frame, and the begin of none: after it, a receiver that waits for the rest of a damaged frame is ready.
PADDING = bytes(_HEAD.size + PAYLOAD_BYTES + _TAIL_BYTES)


@dataclass(frozen=True)
class Frame:
    """type, sequence: 0 to 255; payload: at most `PAYLOAD_BYTES`."""

    type: int
    sequence: int
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    body = _HEAD.pack(MAGIC, frame.type, frame.sequence, len(frame.payload)) + frame.payload
    return body + struct.pack("<I", zlib.crc32(body[len(MAGIC) :]))


class Parser:
    """Finds the undamaged frames among bytes that come in pieces."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Takes the next bytes; the frames that they complete."""
        self._bytes += data
        found: list[Frame] = []
        while True:
            start = self._bytes.find(MAGIC)
            if start < 0:  # the last byte may be the first of a frame
                del self._bytes[: len(self._bytes) - self._bytes.endswith(MAGIC[:1])]
                return found
            del self._bytes[:start]
            if len(self._bytes) < _HEAD.size:
                return found
            _, kind, sequence, length = _HEAD.unpack_from(self._bytes)
            size = _HEAD.size + length + _TAIL_BYTES
            if length > PAYLOAD_BYTES:
                del self._bytes[0]
                continue
            if len(self._bytes) < size:
                return found
            frame = Frame(kind, sequence, bytes(self._bytes[_HEAD.size : size - _TAIL_BYTES]))
            if encode(frame) == self._bytes[:size]:
                found.append(frame)
                del self._bytes[:size]
            else:
                del self._bytes[0]
