"""Recordings of any kind: WAV files by our own reader, other formats by libsndfile where the package soundfile is
there.
"""

from __future__ import annotations

from pathlib import Path

from micronets.errors import DataError
from micronets.files import read_plain
from micronets.frontend.wav import Recording, conversion, decode_wav, recording
from micronets.installation import install

SOUND_SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64"),
    *(".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph", ".voc"),
)
"""Endings of the names of files that are taken for recordings, in small letters."""

_UNREAD = (".m4a", ".mp4", ".aac", ".wma", ".amr", ".3gp", ".webm", ".mov", ".ape", ".wv", ".mka", ".m4b")
_FORMATS = {
    b"fLaC": "FLAC",
    b"OggS": "OGG",
    b"ID3": "MP3",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"caff": "CAF",
    b"RIFX": "big-endian WAV",
    b"riff": "W64",
    b"NIST_1A": "NIST SPHERE",
    b"Creative Voice File": "VOC",
}


def read_recording(path: Path) -> Recording:
    """Reads one file. Its channels are averaged, its rate stays; its contents and not its name tell the format.

    Raises `DataError` for a file that cannot be read, is damaged, empty or no recording, or needs the package soundfile
    where that is not installed.
    """
    try:
        data = read_plain(path)
    except OSError as e:
        raise DataError(f"{path}: cannot be read ({e.strerror}); check the path and its permissions") from e
    kind = _format_of(data)
    return decode_wav(data, str(path)) if kind is None else _decode_other(kind, str(path))


def hint(path: Path) -> str:
    """Returns the end of a message about a file that is not a readable recording: how to convert it, or ""."""
    return f"; {conversion(str(path))}" if path.suffix.lower() in _UNREAD else ""


def _format_of(data: bytes) -> str | None:
    """Returns the format of a file from its first bytes; None for WAV and for what is no recording."""
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2:  # a frame of MPEG audio, layer III
        return "MP3"
    return next((kind for magic, kind in _FORMATS.items() if data.startswith(magic)), None)


def _decode_other(kind: str, where: str) -> Recording:
    """Decodes a file that libsndfile reads."""
    try:
        import soundfile
    except (ImportError, OSError) as e:  # OSError: the package is there, libsndfile is not
        raise DataError(
            f"{where}: a {kind} file, which needs the package 'soundfile': {install('design')}; or {conversion(where)}"
        ) from e
    try:
        values, rate = soundfile.read(where, dtype="float32", always_2d=True)
    except (RuntimeError, ValueError, TypeError, OSError, MemoryError) as e:
        what = " ".join(str(getattr(e, "error_string", e)).split()).rstrip(".")
        if "does not exist" in what:  # libsndfile says this of an MP3 file without a whole frame, too
            what = "no sound is found in it"
        raise DataError(f"{where}: damaged {kind} file ({what}); copy it again or {conversion(where)}") from e
    if not len(values):
        raise DataError(f"{where}: no samples (length zero); remove it or record it again")
    if not 1000 <= rate <= 768000 or values.shape[1] > 64:
        raise DataError(f"{where}: {values.shape[1]} channels at {rate} Hz; allowed: 64 channels, 1000 to 768000 Hz")
    return recording(values, int(rate), where, floats=True)
