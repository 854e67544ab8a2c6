import os
from pathlib import Path

import numpy as np
import pytest

from micronets.errors import DataError
from micronets.frontend import FrontEnd, encode_wav, features, wav_features
from tests.frontend.test_wav import wav
from tests.support.wavs import tone


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MICRONETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    out = [tmp_path / f"{i}.wav" for i in range(3)]
    for i, p in enumerate(out):
        p.write_bytes(encode_wav(np.rint(tone(i))))
    return out


def test_the_second_time_comes_from_the_cache(paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, tally = wav_features(paths, FrontEnd())
    assert np.array_equal(x, features([np.rint(tone(i)) for i in range(3)], FrontEnd()))
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr("micronets.frontend.cache.read_recording", None)  # reading would fail now
    again, tally_again = wav_features(paths, FrontEnd().with_settings({"frame_stride": 2, "coefficients": 10}))
    assert np.array_equal(x, again)
    assert tally == tally_again


def test_changed_files_other_order_or_front_end_are_computed_anew(paths: list[Path]) -> None:
    x, _ = wav_features(paths, FrontEnd())
    assert np.array_equal(wav_features(paths[::-1], FrontEnd())[0], x[::-1])
    assert not np.array_equal(wav_features(paths, FrontEnd(fmax=8000))[0], x)
    before = paths[0].stat()
    paths[0].write_bytes(encode_wav(tone(99)))
    os.utime(paths[0], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert not np.array_equal(wav_features(paths, FrontEnd())[0][0], x[0])


def test_a_damaged_cache_is_ignored_and_mended(paths: list[Path], cache: Path) -> None:
    x, _ = wav_features(paths, FrontEnd())
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(wav_features(paths, FrontEnd())[0], x)
    assert len(file.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_written_is_no_error(paths: list[Path], cache: Path) -> None:
    cache.write_text("a file where the directory would be")
    assert wav_features(paths, FrontEnd())[0].shape == (3, 98, 40)


def test_adapted_recordings_are_counted(tmp_path: Path, paths: list[Path]) -> None:
    paths[1].write_bytes(wav(np.arange(2 * 44100).astype("<i2").tobytes(), channels=2, rate=44100))
    paths[2].write_bytes(encode_wav(tone(0, 20000)))
    assert wav_features(paths, FrontEnd())[1].notes(FrontEnd()) == (
        f"more than one channel, mixed to mono: 1 recording (first: {paths[1]})",
        f"resampled to 16000 Hz: 1 recording (first: {paths[1]}, 44100 Hz)",
        f"longer than 1000 ms, only their middle is used: 1 recording (first: {paths[2]})",
    )


def test_44100_hz_stereo_gives_the_features_of_16000_hz_mono(tmp_path: Path, paths: list[Path]) -> None:
    clean = [3000 * np.sin(2 * np.pi * 600 * np.arange(rate) / rate) for rate in (16000, 44100)]
    paths[0].write_bytes(encode_wav(clean[0]))
    paths[1].write_bytes(wav(np.rint(np.repeat(clean[1], 2)).astype("<i2").tobytes(), channels=2, rate=44100))
    x, _ = wav_features(paths[:2], FrontEnd())
    loud = x[0] > 100
    assert loud.any()
    assert np.abs(x[0][loud].astype(int) - x[1][loud]).max() <= 2


def test_a_bad_file_stops_with_its_name(paths: list[Path]) -> None:
    paths[1].write_bytes(b"")
    with pytest.raises(DataError, match=r"1\.wav: the file is empty"):
        wav_features(paths, FrontEnd())
