import struct
from pathlib import Path

import numpy as np
import pytest

from micronets.errors import DataError
from micronets.frontend import encode_wav, read_wav, resample
from micronets.frontend.wav import decode_wav


def wav(data: bytes, code: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16, extra: bytes = b"") -> bytes:
    """A WAV file, its header written out by hand."""
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits) + extra
    body = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


VALUES = np.array([0, 256, -256, 32000, -32768])


@pytest.mark.parametrize(
    ("code", "bits", "data"),
    [
        (1, 8, (VALUES // 256 + 128).astype(np.uint8).tobytes()),
        (1, 16, VALUES.astype("<i2").tobytes()),
        (1, 24, b"".join(int(v * 256).to_bytes(3, "little", signed=True) for v in VALUES)),
        (1, 32, (VALUES * 65536).astype("<i4").tobytes()),
        (3, 32, (VALUES / 32768).astype("<f4").tobytes()),
        (3, 64, (VALUES / 32768).astype("<f8").tobytes()),
    ],
)
def test_all_sample_formats_are_int16_units(code: int, bits: int, data: bytes) -> None:
    r = decode_wav(wav(data, code, bits=bits), "a.wav")
    assert r.samples.tolist() == VALUES.tolist()
    assert (r.samples.dtype, r.rate, r.channels) == (np.float32, 16000, 1)


def test_extensible_and_stereo() -> None:
    pairs = np.array([[100, 300], [-4, 0]], "<i2").tobytes()
    guid = struct.pack("<HHIH", 22, 16, 3, 1) + b"\0" * 14
    r = decode_wav(wav(pairs, 0xFFFE, 2, 44100, extra=guid), "a.wav")
    assert (r.samples.tolist(), r.rate, r.channels) == ([200, -2], 44100, 2)


def test_encode_is_the_inverse(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode_wav([1.4, -7, 40000], 8000))
    r = read_wav(tmp_path / "a.wav")
    assert (r.samples.tolist(), r.rate) == ([1, -7, 32767], 8000)


GOOD = encode_wav(np.arange(100))
OPEN_ENDED = GOOD.replace(b"data\xc8\0\0\0", b"data\xff\xff\xff\xff")


def test_a_stream_of_unknown_length_is_read_to_its_end() -> None:
    assert decode_wav(OPEN_ENDED, "a.wav").samples.tolist() == list(range(100))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.wav: the file is empty (0 bytes); remove it or record it again"),
        (
            b"ID3\4mp3",
            "a.wav: not a WAV file (it starts with b'ID3\\x04', not b'RIFF'); remove it or convert it to PCM WAV",
        ),
        (GOOD[:30], "a.wav: damaged WAV file (no 'fmt ' or no 'data' chunk); remove it or record it again"),
        (
            GOOD[:144],
            "a.wav: damaged WAV file (its header announces 200 bytes of samples, 100 are there); copy it again or "
            "remove it",
        ),
        (encode_wav([]), "a.wav: no samples (length zero); remove it or record it again"),
        (
            wav(b"1234", 0x55),
            "a.wav: WAV format 85 with 16 bits; allowed: PCM (1) with 8, 16, 24, 32 bits and float (3) with 32, 64;"
            " convert it to 16-bit PCM",
        ),
        (
            wav(b"1234", channels=0),
            "a.wav: damaged WAV header (0 channels, 16000 Hz, 0 bytes a frame of 16 bits); remove it or record it "
            "again",
        ),
        (
            wav(np.array([np.nan], "<f4").tobytes(), 3, bits=32),
            "a.wav: some samples are not finite numbers; remove it or record it again",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(DataError) as e:
        decode_wav(data, "a.wav")
    assert str(e.value) == message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as e:
        read_wav(tmp_path / "no.wav")
    assert (
        str(e.value)
        == f"{tmp_path / 'no.wav'}: cannot be read (No such file or directory); check the path and its permissions"
    )


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_keeps_a_tone(rate: int) -> None:
    def tone(rate: int) -> np.ndarray:
        t = np.arange(rate) / rate
        return (1000 * np.sin(2 * np.pi * 1000 * t) * np.sin(np.pi * t) ** 2).astype(np.float32)

    got = resample(tone(rate), rate, 16000)
    assert got.shape == (16000,)
    np.testing.assert_allclose(got, tone(16000), atol=2)


def test_resampling_removes_what_the_lower_rate_cannot_hold() -> None:
    t = np.arange(44100) / 44100
    high = (1000 * np.sin(2 * np.pi * 12000 * t) * np.sin(np.pi * t) ** 2).astype(np.float32)
    assert np.abs(resample(high, 44100, 16000)).max() < 1
