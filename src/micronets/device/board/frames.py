"""Frames for a serial line that may lose, corrupt or insert bytes; `firmware/serial/frame.h` is the C counterpart.

    0xA7 0x4E | type | sequence | length, 2 bytes | payload | CRC-32, 4 bytes       (numbers little-endian)

The CRC covers type to payload. A damaged frame is ignored. `serial_session.py` describes the meaning of frames.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MAGIC = b"\xa7\x4e"
PAYLOAD_BYTES = 512  # the largest payload of a frame
_HEAD = struct.Struct("<2sBBH")
_TAIL_BYTES = 4
PADDING = bytes(_HEAD.size + PAYLOAD_BYTES + _TAIL_BYTES)
"""Padding of the length of the longest frame, in which no frame begins.

After it, a receiver that was waiting for the rest of a damaged frame is ready for the next one.
"""


@dataclass(frozen=True)
class Frame:
    """A request or an answer.

    - type: what kind of request or answer it is, 0 to 255.
    - sequence: the number of the request, which its answer repeats, 0 to 255.
    - payload: at most `PAYLOAD_BYTES` bytes.
    """

    type: int
    sequence: int
    payload: bytes = b""


def encode_frame(frame: Frame) -> bytes:
    """Returns the bytes of a frame as they go over the line."""
    body = _HEAD.pack(MAGIC, frame.type, frame.sequence, len(frame.payload)) + frame.payload
    return body + struct.pack("<I", zlib.crc32(body[len(MAGIC) :]))


class FrameParser:
    """Finds the undamaged frames in bytes that arrive in pieces."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Takes the next received bytes, and returns the frames that they complete."""
        self._bytes += data
        found: list[Frame] = []
        while True:
            start = self._bytes.find(MAGIC)
            if start < 0:  # no frame begins, unless the last byte is the first of one
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
            if encode_frame(frame) == self._bytes[:size]:
                found.append(frame)
                del self._bytes[:size]
            else:
                del self._bytes[0]
