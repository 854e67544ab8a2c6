"""WAV files: reads PCM of 8 to 32 bits and floats, of any number of channels and any rate; writes 16-bit PCM."""

from __future__ import annotations

import math
import shlex
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.terminal import counted

Float = npt.NDArray[np.float32]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FULL_SCALE = 32760.0  # in int16 units: what is at the limit, up to rounding
_OPEN_ENDED = 0x7FFF0000  # from here on, sizes are what writers put down that could not go back to fill them in
_COMPRESSED = {
    2: "Microsoft ADPCM",
    6: "A-law",
    7: "mu-law",
    0x10: "OKI ADPCM",
    0x11: "IMA ADPCM",
    0x14: "G.723 ADPCM",
    0x31: "GSM 6.10",
    0x40: "G.721 ADPCM",
    0x50: "MPEG",
    0x55: "MP3",
    0xFF: "AAC",
    0x161: "WMA",
}
_OTHER_FILES = (
    (4, b"ftyp", "MP4 or M4A"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (0, b"#!AMR", "AMR"),
    (0, b"0&\xb2u", "WMA"),
    (0, b"caff", "CAF"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (8, b"AVI ", "AVI"),
    (8, b"WEBP", "a WebP picture"),
)
"""Sound of telephones and browsers, which is often called .wav: where in a file its mark stands, and its name."""
_LOUDEST_FLOAT = 8.0  # a float recording beyond +-1 is too loud; one that is so far beyond has other units
_CANCELS = 0.2  # share of the power that the mean of unrelated channels keeps, below which channels cancel each other
_CLIPPED = 0.1  # share of the samples at either limit from which on a recording is called clipped

Remark = Literal["int16 floats", "opposite channels", "clipped", "silent"]
"""What is odd about a recording: its floats are in int16 units, its channels cancel each other, it is clipped, or
silent.
"""


@dataclass(frozen=True, eq=False)
class Recording:
    """The sound of one file.

    - `samples`: mono samples `[n]` in int16 units (-32768 to 32767), not rounded.
    - `rate`: samples a second.
    - `channels`: how many channels the file has. The samples are their mean, or the loudest channel where they cancel.
    - `remarks`: what is odd about it.
    """

    samples: Float
    rate: int
    channels: int
    remarks: tuple[Remark, ...] = ()


def decode_wav(data: bytes, where: str) -> Recording:
    """Decodes the bytes of a WAV file; `where` names it in error messages.

    Raises `DataError` for what is not a whole, non-empty WAV file of PCM or floats.
    """
    if not data:
        raise DataError(f"{where}: the file is empty (0 bytes); remove it or record it again")
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64", b"BW64") or data[8:12] != b"WAVE":
        kind = next((name for at, mark, name in _OTHER_FILES if data[at : at + len(mark)] == mark), None)
        if kind is not None:
            raise DataError(f"{where}: not a WAV file but {kind}; {conversion(where)}")
        what = f"it starts with {data[:4]!r}, not b'RIFF'"
        if data[:4] == b"RIFF":
            what = f"a RIFF file of the kind {data[8:12]!r}, not b'WAVE'"
        raise DataError(f"{where}: not a WAV file ({what}); remove it or convert it to PCM WAV")
    chunks = _chunks(data, where)
    if b"fmt " not in chunks or len(chunks[b"fmt "]) < 16 or b"data" not in chunks:
        raise DataError(f"{where}: damaged WAV file (no 'fmt ' or no 'data' chunk); remove it or record it again")
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if code == _EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        (code,) = struct.unpack_from("<H", chunks[b"fmt "], 24)
    if code in _COMPRESSED:
        raise DataError(f"{where}: compressed WAV ({_COMPRESSED[code]}, format {code}); {conversion(where)}")
    if code not in (_PCM, _FLOAT):
        raise DataError(
            f"{where}: WAV format {code} with {bits} bits; allowed: PCM (1) with up to 32 bits and float (3)"
            f" with 32, 64; {conversion(where)}"
        )
    stored = 8 * block // channels if channels else 0  # a sample of 12 bits takes 16, the upper ones
    if (code, bits) in ((_PCM, 64), (_FLOAT, 16)):
        kind = "PCM" if code == _PCM else "float"
        raise DataError(
            f"{where}: WAV with {kind} of {bits} bits; allowed: PCM (1) with up to 32 bits and float (3) with 32, 64; "
            "write it with 16 bits (of numpy arrays: astype(numpy.int16))"
        )
    if (
        not 1 <= channels <= 64
        or not 1000 <= rate <= 768000
        or block % channels
        or not 1 <= bits <= stored
        or stored not in ((8, 16, 24, 32) if code == _PCM else (32, 64))
        or (code == _FLOAT and bits != stored)
    ):
        raise DataError(
            f"{where}: damaged WAV header ({counted(channels, 'channels')}, {rate} Hz, {block} bytes a frame of "
            f"{bits} bits); remove it or record it again"
        )
    raw = chunks[b"data"]
    if len(raw) < block:
        raise DataError(f"{where}: no samples (length zero); remove it or record it again")
    values = _decode_samples(raw[: len(raw) // block * block], code, stored).reshape(-1, channels)
    return recording(values, rate, where, floats=code == _FLOAT)


def conversion(where: str) -> str:
    """Returns advice that says how a file is converted to one that can be read."""
    name = Path(where).name
    return f"convert it: ffmpeg -i {shlex.quote(name)} -c:a pcm_s16le {shlex.quote(Path(name).stem + '_pcm.wav')}"


def recording(values: npt.NDArray[Any], rate: int, where: str, *, floats: bool) -> Recording:
    """Mixes the channels of a recording to one, and looks for what is odd about it.

    - `values`: samples of all channels `[n, channels]`, in int16 units, or with full scale 1 if they are floats.
    - `rate`: samples a second.
    - `where`: the beginning of error messages, such as the file's path.
    - `floats`: the file holds floats, which may be in other units than they should be: those whose peak is far beyond
      1, or that are whole numbers beyond 1, are taken for int16 units.

    The mean of n unrelated channels keeps 1 / n of their power. Where it keeps less than a fifth of that, they cancel
    each other, and the loudest is taken.
    Raises `DataError` for samples that are no finite numbers or in no known unit.
    """
    remarks: list[Remark] = []
    if floats:
        peak = float(np.abs(values).max())
        if not math.isfinite(peak):
            raise DataError(f"{where}: some samples are not finite numbers; remove it or record it again")
        if peak > _LOUDEST_FLOAT or (peak > 1 and bool((values == np.rint(values)).all())):
            if peak > 32768:
                raise DataError(
                    f"{where}: float samples up to {peak:.4g}; allowed: -1 to 1, or int16 units, -32768 to 32767; "
                    "scale them"
                )
            remarks.append("int16 floats")
        else:
            values = values * 32768
    values = values.astype(np.float32, copy=False)
    samples: Float = values.mean(1, dtype=np.float32)
    if values.shape[1] > 1:
        power = values.var(0, dtype=np.float64)
        if float(samples.var(dtype=np.float64)) < _CANCELS / values.shape[1] * float(power.mean()):
            remarks.append("opposite channels")
            samples = np.ascontiguousarray(values[:, int(power.argmax())])
    top = float(np.abs(values).max())
    if float(np.ptp(samples)) == 0:
        remarks.append("silent")
    elif top >= _FULL_SCALE and float((np.abs(values) >= _FULL_SCALE).mean()) >= _CLIPPED:
        remarks.append("clipped")
    return Recording(samples, rate, values.shape[1], tuple(remarks))


def _chunks(data: bytes, where: str) -> dict[bytes, bytes]:
    """Returns the contents of the file's chunks by name; of several with one name, the first.

    Samples whose announced length cannot be, as writers put it down that do not know it yet, go on to the end of the
    file.
    """
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        rest = len(data) - at - 8
        if name == b"data" and b"data" not in found:
            size = _length_of_samples(data, size, rest, found.get(b"ds64", b""))
        if size > rest and name == b"data":
            raise DataError(
                f"{where}: damaged WAV file (its header announces {size} bytes of samples, {rest} are there);"
                " copy it again or remove it"
            )
        found.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
        if size % 2 and data[at - 1 : at + 3] in (b"fmt ", b"data"):  # some writers leave out the byte of padding
            at -= 1
    return found


def _length_of_samples(data: bytes, size: int, rest: int, ds64: bytes) -> int:
    """Returns how many of the `rest` bytes after the header of the chunk `data` are samples.

    - `data`: the whole file. `size`: what the chunk announces.
    - `ds64`: the chunk of large files (EBU Tech 3306) with lengths of 64 bits, or nothing.
    """
    (whole,) = struct.unpack_from("<I", data, 4)
    if size == 0xFFFFFFFF and len(ds64) >= 16 and 0 < (long := int.from_bytes(ds64[8:16], "little")) <= rest:
        return long
    if size > rest and size >= _OPEN_ENDED:
        return rest
    # A recorder that was switched off left both lengths as they were at its start.
    return rest if not size and rest and whole + 8 <= len(data) - rest else size


def _decode_samples(raw: bytes, code: int, bits: int) -> npt.NDArray[Any]:
    """Decodes interleaved samples of `bits` bits: PCM to int16 units, floats as they are."""
    if code == _FLOAT:
        return np.frombuffer(raw, f"<f{bits // 8}")
    if bits == 8:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) * 256
    if bits == 16:
        return np.frombuffer(raw, "<i2").astype(np.float32)
    if bits == 24:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float32) / 65536
    return np.frombuffer(raw, "<i4").astype(np.float32) / 65536


def resample(samples: Float, rate: int, want: int) -> Float:
    """Changes the rate of samples by cutting or padding their spectrum.

    - `samples`: `[n]`, at `rate` Hz.
    - `rate`: the rate that the samples have, in Hz.
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
