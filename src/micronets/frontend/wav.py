"""WAV files: reads PCM of 8 to 32 bits and floats, of any number of channels and any rate; writes 16-bit PCM."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError

Float = npt.NDArray[np.float32]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_OPEN_ENDED = 0xFFFFFFFF  # size of a chunk whose writer could not go back to fill it in


@dataclass(frozen=True, eq=False)
class Recording:
    """The sound of one file.

    - `samples`: mono samples `[n]` in int16 units (-32768 to 32767), not rounded.
    - `rate`: samples a second.
    - `channels`: how many channels the file has, whose mean the samples are.
    """

    samples: Float
    rate: int
    channels: int


def read_wav(path: Path) -> Recording:
    """Reads one file; its channels are averaged, its rate stays.

    Raises `DataError` for a file that cannot be read or is not a whole, non-empty WAV file.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise DataError(f"{path}: cannot be read ({e.strerror}); check the path and its permissions") from e
    return decode_wav(data, str(path))


def decode_wav(data: bytes, where: str) -> Recording:
    """Decodes the bytes of a WAV file; `where` names it in error messages. Raises `DataError` as `read_wav` does."""
    if not data:
        raise DataError(f"{where}: the file is empty (0 bytes); remove it or record it again")
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise DataError(
            f"{where}: not a WAV file (it starts with {data[:4]!r}, not b'RIFF'); remove it or convert it to PCM WAV"
        )
    chunks = _chunks(data, where)
    if b"fmt " not in chunks or len(chunks[b"fmt "]) < 16 or b"data" not in chunks:
        raise DataError(f"{where}: damaged WAV file (no 'fmt ' or no 'data' chunk); remove it or record it again")
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if code == _EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        (code,) = struct.unpack_from("<H", chunks[b"fmt "], 24)
    if not 1 <= channels <= 64 or not 1000 <= rate <= 768000 or block != channels * bits // 8:
        raise DataError(
            f"{where}: damaged WAV header ({channels} channels, {rate} Hz, {block} bytes a frame of {bits} bits);"
            " remove it or record it again"
        )
    raw = chunks[b"data"]
    if len(raw) < block:
        raise DataError(f"{where}: no samples (length zero); remove it or record it again")
    interleaved = _decode_samples(raw[: len(raw) // block * block], code, bits, where)
    samples = interleaved.reshape(-1, channels).mean(1, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise DataError(f"{where}: some samples are not finite numbers; remove it or record it again")
    return Recording(samples, rate, channels)


def _chunks(data: bytes, where: str) -> dict[bytes, bytes]:
    """Returns the contents of the file's chunks by name; of several with one name, the first."""
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        rest = len(data) - at - 8
        if name == b"data" and size in (0, _OPEN_ENDED) and b"data" not in found:
            size = rest if size else 0
        if size > rest and name == b"data":
            raise DataError(
                f"{where}: damaged WAV file (its header announces {size} bytes of samples, {rest} are there);"
                " copy it again or remove it"
            )
        found.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _decode_samples(raw: bytes, code: int, bits: int, where: str) -> npt.NDArray[Any]:
    """Decodes interleaved samples of all channels to int16 units; `code` is the format that the header names."""
    match code, bits:
        case 1, 8:
            return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) * 256
        case 1, 16:
            return np.frombuffer(raw, "<i2").astype(np.float32)
        case 1, 24:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            return wide.view("<i4")[:, 0].astype(np.float32) / 65536
        case 1, 32:
            return np.frombuffer(raw, "<i4").astype(np.float32) / 65536
        case 3, 32 | 64:
            return (np.frombuffer(raw, f"<f{bits // 8}") * 32768).astype(np.float32)
        case _:
            raise DataError(
                f"{where}: WAV format {code} with {bits} bits; allowed: PCM (1) with 8, 16, 24, 32 bits and float (3) "
                "with 32, 64; convert it to 16-bit PCM"
            )


def resample(samples: Float, rate: int, want: int) -> Float:
    """Changes the rate of samples by cutting or padding their spectrum.

    - `samples`: `[n]`, at `rate` Hz.
    - `want`: the new rate, in Hz.

    Returns `[round(n * want / rate)]`, at least one sample where there was one.
    """
    if rate == want or not len(samples):
        return samples
    common = math.gcd(rate, want)
    up, down = want // common, rate // common
    # The transform joins the end to the beginning, so at least one block of zeros is added; multiples of 16 are fast.
    blocks = (len(samples) // down + 17) // 16 * 16
    spectrum = np.fft.rfft(samples, blocks * down)
    out: Float = np.fft.irfft(spectrum[: blocks * up // 2 + 1] * (up / down), blocks * up).astype(np.float32)
    return out[: max(1, round(len(samples) * up / down))]


def encode_wav(samples: npt.ArrayLike, rate: int = 16000) -> bytes:
    """Writes samples `[n]` in int16 units, rounded and saturated, as the bytes of a mono WAV file of 16-bit PCM."""
    pcm = np.clip(np.rint(np.asarray(samples, np.float64)), -32768, 32767).astype("<i2").tobytes()
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate, 2 * rate, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 4 + len(fmt) + 8 + len(pcm), b"WAVE")
        + fmt
        + struct.pack("<4sI", b"data", len(pcm))
        + pcm
    )
