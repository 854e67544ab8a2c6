"""Frames survive whatever comes between them."""

import random
import struct

from micronets.device.board.frames import MAGIC, PADDING, PAYLOAD_BYTES, Frame, FrameParser, encode_frame


def test_the_bytes_of_a_frame() -> None:
    raw = encode_frame(Frame(0x31, 0x32, b"3456789"))
    assert raw[:6] == b"\xa7\x4e\x31\x32\x07\x00"
    assert raw[6:13] == b"3456789"
    (crc,) = struct.unpack("<I", raw[13:])
    table = 0xFFFFFFFF
    for byte in raw[2:13]:  # the polynomial, bit by bit
        table ^= byte
        for _ in range(8):
            table = table >> 1 ^ (0xEDB88320 if table & 1 else 0)
    assert crc == table ^ 0xFFFFFFFF
    assert len(PADDING) == len(encode_frame(Frame(0, 0, bytes(PAYLOAD_BYTES))))


def test_frames_are_found_among_anything() -> None:
    """Garbage, begins of frames, damaged frames and longest payloads, in pieces of any size."""
    for seed in range(200):
        chance = random.Random(seed)
        stream, want = bytearray(), []
        for _ in range(6):
            size = chance.choice((0, 1, 9, PAYLOAD_BYTES))
            frame = Frame(chance.randrange(256), chance.randrange(256), chance.randbytes(size))
            raw = bytearray(encode_frame(frame))
            match chance.randrange(4):
                case 0:
                    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)  # never a frame again
                case 1:
                    del raw[chance.randrange(len(raw))]
                case _:
                    want.append(frame)
            noise = bytes(b for b in chance.randbytes(chance.randrange(30)) if b != MAGIC[0])
            stream += noise + chance.choice((b"", MAGIC, MAGIC[:1])) + raw + PADDING
        parser, found = FrameParser(), []
        while stream:
            count = chance.randrange(1, 400)
            found += parser.feed(bytes(stream[:count]))
            del stream[:count]
        assert [f for f in found if f in want] == want


def test_a_length_that_is_none_is_no_frame() -> None:
    good = Frame(1, 2, b"x")
    assert FrameParser().feed(MAGIC + b"\x01\x01\xff\xff" + encode_frame(good)) == [good]


def test_memory_is_bounded() -> None:
    parser = FrameParser()
    for _ in range(100):
        assert parser.feed(b"\x00" * 1000 + MAGIC) == []
    assert len(parser._bytes) <= len(PADDING) + 2000
