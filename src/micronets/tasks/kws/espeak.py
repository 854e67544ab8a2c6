"""Synthesises words with espeak-ng (extra `speech`), in a separate process.

The library keeps state from one word to the next; a new process gives the same samples for the same words in the same
order. `VOICES` omits a few voices that do not even then, and those that sound like machines or whispers.

In that process, `serve` reads JSON `[[voice, word, words per minute, pitch 0..99], ...]`. It writes the sample rate and
then, for each job, the number of samples and the int16 samples, all little-endian.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets import child_processes
from micronets.errors import DataError
from micronets.files import temporary_directory
from micronets.installation import install

ACCENTS = ("en", "en-us", "en-gb-scotland", "en-029", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc")
VOICES: dict[str, tuple[str, ...]] = {
    "train": (
        "Alex", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Henrique", "Jacky", "Mario", "Michael", "Mike", "Nguyen",
        "Reed", "adam", "anika", "aunty", "belinda", "boris", "caleb", "croak", "ed", "edward", "f1", "gustave", "iven",
        "iven2", "iven3", "john", "klatt", "klatt2", "klatt3", "m1", "m2", "m3", "m4", "marcelo", "miguel", "mike2",
        "pablo", "paul", "pedro", "rob", "steph", "steph2", "steph3", "zac",
    ),
    "val": ("Gene", "Gene2", "antonio", "david", "f4", "ian", "m5", "m6", "norbert", "travis"),
    "test": (
        "Hugo", "Lee", "Storm", "benjamin", "kaukovalta", "klatt4", "klatt6", "linda", "m7", "m8", "max", "michel",
        "quincy", "robert", "shelby",
    ),
}  # fmt: skip
"""Variants by split: a speaker is in one split only. Each can be combined with each of the `ACCENTS`."""

SpeakJob = tuple[str, str, int, int]
SpokenSamples = npt.NDArray[np.int16]

_LONGEST_HOME = 120  # characters: the library's buffer for the path holds 160


def speak(jobs: Sequence[SpeakJob]) -> tuple[list[SpokenSamples], int]:
    """Synthesises words; returns int16 samples `[n]` for each job, and their rate in Hz.

    - `jobs`: the voice, word, words per minute and pitch (0 to 99) of each.

    Raises `DataError`.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise DataError(
            f"synthetic speech: the synthesiser is not installed; {install('speech')}, or give a data directory"
        )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    program = f"from {__name__} import serve; serve()"
    done = child_processes.run([sys.executable, "-c", program], content=json.dumps(jobs).encode(), environment=env)
    if done.returncode or len(done.stdout) < 4:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise DataError(
            f"synthetic speech: the synthesiser failed ({last}); reinstall espeakng-loader, or give a data directory"
        )
    (rate,) = struct.unpack_from("<I", done.stdout)
    out, at = [], 4
    for _ in jobs:
        (n,) = struct.unpack_from("<I", done.stdout, at)
        out.append(np.frombuffer(done.stdout, "<i2", n, at + 4))
        at += 4 + 2 * n
    return out, rate


def serve() -> None:
    """Synthesises the jobs on stdin, as JSON, and writes to stdout their rate, then length and samples of each."""
    import espeakng_loader

    lib = ctypes.CDLL(espeakng_loader.get_library_path())
    data = Path(espeakng_loader.get_data_path())
    received: list[bytes] = []

    def receive(samples: int | None, n: int, _events: int | None) -> int:
        if samples and n > 0:
            received.append(ctypes.string_at(samples, 2 * n))
        return 0

    with temporary_directory() as short:
        home = str(data)
        if len(home) > _LONGEST_HOME:
            home = str(short / "espeak-ng-data")
            os.symlink(data, home)
        # AUDIO_OUTPUT_SYNCHRONOUS; espeakINITIALIZE_DONT_EXIT
        rate = lib.espeak_Initialize(2, 0, home.encode(), 0x8000)
        if rate <= 0:
            sys.exit(f"espeak-ng does not start with the data in {home}")
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(receive)
        lib.espeak_SetSynthCallback(callback)
        out = sys.stdout.buffer
        out.write(struct.pack("<I", rate))
        for voice, word, speed, pitch in json.load(sys.stdin):
            received.clear()
            # Without such a variant, the library uses the plain voice and reports no error.
            here = (data / "voices" / "!v" / voice.partition("+")[2]).is_file()
            if not here or lib.espeak_SetVoiceByName(voice.encode()):
                sys.exit(f"espeak-ng has no voice '{voice}'")
            lib.espeak_SetParameter(1, speed, 0)  # espeakRATE
            lib.espeak_SetParameter(3, pitch, 0)  # espeakPITCH
            text = word.encode() + b"\0"
            lib.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, 1, None, None)  # whole text, UTF-8
            lib.espeak_Synchronize()
            samples = b"".join(received)
            out.write(struct.pack("<I", len(samples) // 2) + samples)
        out.flush()
