"""Prepared pictures on the disk are whole or not there, and made again if damaged; a full disk ends in one line."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from micronets.errors import DataError
from micronets.frontend import mapped as module
from micronets.frontend.image import ImageFrontEnd, resized
from micronets.frontend.mapped import Bytes, Chunks, mapped_pictures
from micronets.tasks.images.decode import enlarged

SHAPE = (10, 4, 4, 3)
X = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
MARKS = np.arange(10, dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MICRONETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make() -> Chunks:
    for i in range(0, 10, 3):
        yield X[i : i + 3], MARKS[i : i + 3]


def never() -> Chunks:
    raise AssertionError("made a second time")
    yield X, MARKS


def right(found: tuple[Bytes, Bytes]) -> bool:
    return np.array_equal(found[0], X) and np.array_equal(found[1], MARKS)


def test_the_second_time_comes_from_the_disk(cache: Path) -> None:
    assert right(mapped_pictures("a", SHAPE, make))
    x, marks = mapped_pictures("a", SHAPE, never)
    assert right((x, marks))
    assert isinstance(x.base, np.memmap)
    x[0] = 0  # a copy of that page, not the file
    assert right(mapped_pictures("a", SHAPE, never))
    assert [p.name for p in cache.iterdir()] == ["a.pictures"]


def test_interrupted_preparation_leaves_nothing_and_starts_again(cache: Path) -> None:
    def interrupted() -> Chunks:
        yield X[:3], MARKS[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mapped_pictures("a", SHAPE, interrupted)
    assert [*cache.iterdir()] == []
    assert right(mapped_pictures("a", SHAPE, make))


def test_what_a_killed_process_left_is_removed_and_what_others_write_is_not(cache: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    cache.mkdir()
    for pid in (gone.pid, os.getppid()):
        (cache / f".a.pictures.{pid}.part").write_bytes(b"half")
    assert right(mapped_pictures("a", SHAPE, make))
    assert sorted(p.name for p in cache.iterdir()) == [f".a.pictures.{os.getppid()}.part", "a.pictures"]


@pytest.mark.parametrize("size", [0, 5, 100, 128 + 200, 128 + 480, 128 + 480 + 60, -1])
def test_a_truncated_file_is_made_again(cache: Path, size: int) -> None:
    mapped_pictures("a", SHAPE, make)
    whole = (cache / "a.pictures").read_bytes()
    (cache / "a.pictures").write_bytes(whole[:size])
    assert right(mapped_pictures("a", SHAPE, make))
    assert (cache / "a.pictures").read_bytes() == whole


def test_a_file_of_other_contents_is_made_again(cache: Path) -> None:
    mapped_pictures("a", SHAPE, make)
    np.save(cache / "b.pictures.npy", X.astype(np.int16))
    (cache / "b.pictures.npy").rename(cache / "b.pictures")
    assert right(mapped_pictures("b", SHAPE, make))
    (cache / "a.pictures").write_text("words")
    assert right(mapped_pictures("a", SHAPE, make))


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_disk_that_takes_no_more_is_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with file_limit(300):
        assert right(mapped_pictures("a", SHAPE, make))  # so few fit in memory
        monkeypatch.setattr(module, "SMALL", 100)
        with pytest.raises(DataError) as e:
            mapped_pictures("a", SHAPE, make)
    assert str(e.value) == (
        f"{cache}: 10 prepared pictures of 4 x 4 take 0.0 GB there, but File too large; free some space,"
        " name another directory with MICRONETS_CACHE, or take a smaller data.kept"
    )
    assert [*cache.iterdir()] == []


def test_the_space_is_looked_at_first(cache: Path) -> None:
    with pytest.raises(
        DataError, match=r"1,000,000,000 prepared pictures of 160 x 160 take 76800.0 GB there, but [\d.]+ GB are free;"
    ):
        mapped_pictures("a", (10**9, 160, 160, 3), never)
    assert [*cache.iterdir()] == []


def test_a_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MICRONETS_CACHE", str(tmp_path / "file" / "cache"))
    assert right(mapped_pictures("a", SHAPE, make))
    monkeypatch.setattr(module, "SMALL", 100)
    with pytest.raises(DataError, match="but Not a directory; free some space"):
        mapped_pictures("a", SHAPE, make)


def anonymous() -> int:
    """Returns how many bytes of this process's memory hold no file."""
    status = Path("/proc/self/status").read_text("ascii")
    return 1024 * int(status.split("RssAnon:")[1].split()[0])


def test_resized_arrays_take_disk_space_and_not_memory() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    x = np.random.default_rng(0).integers(0, 256, (3000, 8, 8, 3), np.uint8)
    fe = ImageFrontEnd(resolution=128)
    enlarged(x[:300], fe)
    before = anonymous()
    got = enlarged(x, fe)
    assert got.nbytes > 140e6
    assert anonymous() - before < 80e6
    assert np.array_equal(got[::500], resized(x[::500], 128, fe.filter))
    assert np.array_equal(enlarged(x[:, :, :, :1], fe)[::500], resized(x[::500, :, :, :1], 128, fe.filter))
