import contextlib
import os
import re
import struct
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from micronets.errors import DataError
from micronets.frontend import encode_wav, read_recording, resample
from micronets.frontend.recording import SOUND_SUFFIXES
from micronets.frontend.wav import decode_wav


def wav(data: bytes, code: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16, extra: bytes = b"") -> bytes:
    """Returns a WAV file, its header written out by hand."""
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
    r = read_recording(tmp_path / "a.wav")
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
        (
            b"\0\0\0\x20ftypM4A mp42",
            "a.wav: not a WAV file but MP4 or M4A; convert it: ffmpeg -i a.wav -c:a pcm_s16le a_pcm.wav",
        ),
        (
            b"\x1a\x45\xdf\xa3" + bytes(20),
            "a.wav: not a WAV file but WebM or Matroska; convert it: ffmpeg -i a.wav -c:a pcm_s16le a_pcm.wav",
        ),
        (
            b"\xff\xf1\x50\x80" + bytes(20),
            "a.wav: not a WAV file but AAC; convert it: ffmpeg -i a.wav -c:a pcm_s16le a_pcm.wav",
        ),
        (
            b"RIFF\x10\0\0\0AVI " + bytes(20),
            "a.wav: not a WAV file but AVI; convert it: ffmpeg -i a.wav -c:a pcm_s16le a_pcm.wav",
        ),
        (
            b"RIFF\x10\0\0\0ACON" + bytes(20),
            "a.wav: not a WAV file (a RIFF file of the kind b'ACON', not b'WAVE'); remove it or convert it to PCM WAV",
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
            "a.wav: compressed WAV (MP3, format 85); convert it: ffmpeg -i a.wav -c:a pcm_s16le a_pcm.wav",
        ),
        (
            wav(b"1234", 0x1234),
            "a.wav: WAV format 4660 with 16 bits; allowed: PCM (1) with up to 32 bits and float (3) with 32, 64;"
            " convert it: ffmpeg -i a.wav -c:a pcm_s16le a_pcm.wav",
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


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x7FFFFFDB, 0x80000000])
def test_lengths_that_streams_put_down_go_on_to_the_end(size: int) -> None:
    whole = GOOD.replace(b"data\xc8\0\0\0", b"data" + struct.pack("<I", size))
    assert decode_wav(whole, "a.wav").samples.tolist() == list(range(100))


def test_a_header_that_was_never_filled_in() -> None:
    for riff in (0, 36):
        begun = GOOD[:4] + struct.pack("<I", riff) + GOOD[8:].replace(b"data\xc8\0\0\0", b"data\0\0\0\0")
        assert decode_wav(begun, "a.wav").samples.tolist() == list(range(100))


def test_a_large_file_has_its_length_in_a_chunk_of_its_own() -> None:
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, 100, 50, 0)
    whole = b"RF64\xff\xff\xff\xffWAVE" + ds64 + GOOD[12:].replace(b"data\xc8\0\0\0", b"data\xff\xff\xff\xff")
    assert decode_wav(whole, "a.wav").samples.tolist() == list(range(50))


def test_12_bits_stand_in_16() -> None:
    found = decode_wav(
        wav(np.array([16, -32, 32752], "<i2").tobytes()).replace(b"\x02\0\x10\0", b"\x02\0\x0c\0"), "a.wav"
    )
    assert found.samples.tolist() == [16, -32, 32752]


def floats(values: npt.ArrayLike, channels: int = 1) -> bytes:
    return wav(np.asarray(values, "<f4").tobytes(), 3, channels, bits=32)


def test_floats_in_int16_units_are_taken_as_such() -> None:
    found = decode_wav(floats([3600, -1.5, 0]), "a.wav")
    assert (found.samples.tolist(), found.remarks) == ([3600, -1.5, 0], ("int16 floats",))
    assert decode_wav(floats([3, -2, 0]), "a.wav").samples.tolist() == [3, -2, 0]  # whole numbers
    loud = decode_wav(floats([1.5] + 11 * [-0.25]), "a.wav")
    assert (loud.samples.tolist(), loud.remarks) == ([1.5 * 32768] + 11 * [-8192], ())
    with pytest.raises(DataError, match=r"^a.wav: float samples up to 1e\+09; allowed: -1 to 1, or int16 units"):
        decode_wav(floats([1e9, 0.5]), "a.wav")


def test_channels_that_cancel_are_not_mixed() -> None:
    tone = (1000 * np.sin(np.arange(1000))).astype(np.float32)
    found = decode_wav(floats(np.stack([0.5 * tone, -0.51 * tone], 1) / 32768, 2), "a.wav")
    assert found.remarks == ("opposite channels",)
    np.testing.assert_allclose(found.samples, -0.51 * tone, atol=1e-3)
    one_empty = decode_wav(floats(np.stack([tone, 0 * tone], 1) / 32768, 2), "a.wav")
    assert one_empty.remarks == ()
    np.testing.assert_allclose(one_empty.samples, tone / 2, atol=1e-3)


def test_channels_that_nearly_cancel_are_not_mixed_and_unrelated_ones_are() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    late = decode_wav(floats(np.stack([tone, -np.roll(tone, 1)], 1), 2), "a.wav")  # one sample between the channels
    assert late.remarks == ("opposite channels",)
    shifted = decode_wav(floats(np.stack([tone + 0.5, 0.5 - tone], 1), 2), "a.wav")  # on top of a constant voltage
    assert shifted.remarks == ("opposite channels",)
    noise = np.random.default_rng(0).normal(0, 0.1, (1600, 8))
    assert decode_wav(floats(noise, 8), "a.wav").remarks == ()


def test_what_numpy_writes_and_a_chunk_without_padding() -> None:
    with pytest.raises(DataError, match=r"^a.wav: WAV with PCM of 64 bits; allowed: .*; write it with 16 bits"):
        decode_wav(wav(VALUES.astype("<i8").tobytes(), bits=64), "a.wav")
    unpadded = GOOD[:12] + b"LIST\x03\0\0\0abc" + GOOD[12:]
    np.testing.assert_array_equal(decode_wav(unpadded, "a.wav").samples, decode_wav(GOOD, "a.wav").samples)


def test_clipped_and_silent_recordings_are_noted() -> None:
    square = np.where(np.arange(200) % 20 < 10, 32767, -32768)
    assert decode_wav(encode_wav(square), "a.wav").remarks == ("clipped",)
    assert decode_wav(encode_wav(np.zeros(50)), "a.wav").remarks == ("silent",)
    assert decode_wav(encode_wav(np.full(50, 700)), "a.wav").remarks == ("silent",)
    assert decode_wav(GOOD, "a.wav").remarks == ()


def test_damaged_headers_end_in_one_line(shared: Path) -> None:
    sizes = [
        (c, channels, bits, block)
        for c in (1, 3, 0xFFFE)
        for channels in (1, 2)
        for bits in (0, 1, 7, 33, 255)
        for block in (0, 1, 5)
    ]
    for code, channels, bits, block in sizes:
        fmt = struct.pack("<HHIIHH", code, channels, 16000, 0, block, bits)
        data = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + fmt + b"data\x40\0\0\0" + bytes(64)
        with contextlib.suppress(DataError):
            assert len(decode_wav(data, "a.wav").samples) in (64, 32)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        data = bytearray(GOOD)
        for at in rng.integers(0, 48, rng.integers(1, 4)):
            data[at] = rng.integers(256)
        with contextlib.suppress(DataError):
            decode_wav(bytes(data), "a.wav")
    for name, text in (
        ("bits_0", "damaged WAV header (1 channel, 16000 Hz, 0 bytes a frame of 0 bits)"),
        ("block_0", "damaged WAV header (1 channel, 16000 Hz, 0 bytes a frame of 16 bits)"),
        ("adpcm", "compressed WAV (IMA ADPCM, format 17); convert it: ffmpeg -i adpcm.wav "),
        ("ima", "compressed WAV (IMA ADPCM, format 17); convert it: ffmpeg -i ima.wav "),
    ):
        path = shared / f"cases/wav/{name}.wav"
        with pytest.raises(DataError) as e:
            read_recording(path)
        assert str(e.value).startswith(f"{path}: {text}")
    remarks = {name: read_recording(shared / f"cases/wav/{name}.wav").remarks for name in ODD}
    assert remarks == ODD


ODD = {
    "antiphase_stereo": ("opposite channels",),
    "float_int16_units": ("int16 floats",),
    "data_size7FFF_stream": (),
}


def test_recordings_of_speech_collections_and_old_programs_are_read(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(4000) / 16000)
    for kind, name in (("NIST", "a.sph"), ("NIST", "timit.wav"), ("VOC", "a.voc"), ("RF64", "a.rf64"), ("AU", "a.snd")):
        path = tmp_path / name
        soundfile.write(path, tone, 16000, format=kind)
        assert path.suffix in SOUND_SUFFIXES
        assert read_recording(path).samples.std() == pytest.approx(0.3 * 32768 / 2**0.5, rel=0.02)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "AIFF"])
def test_other_formats_are_read_where_soundfile_is_there(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile = pytest.importorskip("soundfile")
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(16000) / 16000)
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, tone, 16000, format=kind)
    found = read_recording(path)
    assert (found.rate, found.channels, found.remarks) == (16000, 1, ())
    middle = found.samples[4000:12000]
    assert np.abs(np.fft.rfft(middle)).argmax() == 250
    assert middle.std() == pytest.approx(0.3 * 32768 / 2**0.5, rel=0.02)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError) as e:
        read_recording(path)
    assert "\n" not in str(e.value)
    assert "does not exist" not in str(e.value)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(
        DataError, match=f"^{re.escape(str(path))}: a {kind} file, which needs the package 'soundfile': "
    ):
        read_recording(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(DataError) as e:
        read_recording(tmp_path / "a.wav")
    assert f"{tmp_path / 'a.wav'}: cannot be read (a pipe or a device, not a file)" in str(e.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as e:
        read_recording(tmp_path / "no.wav")
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
