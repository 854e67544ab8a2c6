"""The C of sound front ends gives the bytes of `frontend.integer`, on this machine and under the sanitizer."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler.generate.names import Names
from micronets.compiler.generate.sound_c import sound_files
from micronets.device.host_compiler import compile_c
from micronets.frontend import integer
from tests.support.front_ends import CASES, clips, codes

STRICT = ("-Wconversion", "-Wpedantic", "-Wshadow", "-Wcast-qual")


@pytest.mark.parametrize("flags", [("-O2",), ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_every_code_is_that_of_the_definition(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    fe, quant = CASES[name]
    files = sound_files(fe, quant, Names())
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    library = tmp_path / "front_end.so"
    sources = [tmp_path / file for file in files if file.endswith(".c")]
    compile_c(sources, library, [*flags, *STRICT, "-shared", "-fPIC"])
    c = ctypes.CDLL(str(library))
    clip, loudness = c.micronets_model_frontend_clip, c.micronets_model_frontend_loudness
    samples = clips(fe).astype(np.int16)
    want = codes(samples, fe, quant)
    pixels = integer.to_pixels(integer.levels(samples, fe), fe)[:, :: fe.frame_stride].astype(int).sum(2)
    work = np.full(2 * fe.n_fft, 0x5A5A5A5A, np.int32)
    for x, y, loud in zip(samples, want, pixels[:, -1].tolist(), strict=True):
        got = np.zeros(y.shape, np.int8)
        clip(*(ctypes.c_void_p(a.ctypes.data) for a in (np.ascontiguousarray(x), work, got)))
        np.testing.assert_array_equal(got, y)
        assert loudness(ctypes.c_void_p(work.ctypes.data)) == loud  # that of the last frame
