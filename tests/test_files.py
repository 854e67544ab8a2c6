import errno
import os
from pathlib import Path

import pytest

from micronets.files import atomic, digest, fingerprint, is_part, remove_dead_parts, remove_parts, write_atomic


def test_write_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a/b.txt"
    write_atomic(path, "one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def fail() -> None:
        with atomic(path) as f:
            f.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_parts_of_killed_writers_are_removed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/.x.123.part").write_text("half")
    (tmp_path / "sub/keep.part").write_text("not ours")
    remove_parts(tmp_path)
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["keep.part"]


def test_a_directory_that_was_half_written_goes_too(tmp_path: Path) -> None:
    (tmp_path / ".c.12.part/zephyr").mkdir(parents=True)
    (tmp_path / ".c.12.part/model.c").write_text("int")
    remove_parts(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_dead_writers_left_goes_and_what_the_living_write_stays(tmp_path: Path) -> None:
    dead = 2**22 + 1  # above the largest number that Linux gives a process
    for name in (f".c.{dead}.part", f".c.{os.getpid()}.part", f".d.{dead}.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.c").write_text("int")
    remove_dead_parts(tmp_path / "c")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f".c.{os.getpid()}.part", f".d.{dead}.part"])


def test_fingerprint_sees_names_sizes_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"12")
    (tmp_path / ".cache").write_bytes(b"x")
    first = fingerprint(tmp_path)
    (tmp_path / ".cache").write_bytes(b"y")
    assert fingerprint(tmp_path) == first, "hidden files are caches"
    (tmp_path / "a.wav").write_bytes(b"13")
    changed = fingerprint(tmp_path)
    assert changed != first
    (tmp_path / "a.wav").rename(tmp_path / "b.wav")
    assert fingerprint(tmp_path) not in (first, changed)


def test_fingerprint_of_large_sets_still_sees_every_size(tmp_path: Path) -> None:
    for i in range(8):
        (tmp_path / f"{i}.wav").write_bytes(bytes(100))
    first = fingerprint(tmp_path, read_bytes=200)
    (tmp_path / "7.wav").write_bytes(bytes(101))
    assert fingerprint(tmp_path, read_bytes=200) != first


def test_digest_is_stable() -> None:
    assert digest("a") == digest(b"a") == "40f89e395b66422f"


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def fail() -> None:
        with atomic(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left on device") as e:
        fail()
    assert e.value.filename == str(path)


def test_the_next_writer_of_a_file_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    dead = 2**22 + 1
    (tmp_path / f".a.txt.{dead}.part").write_text("half")
    (tmp_path / f".b.txt.{dead}.part").write_text("of another file")
    write_atomic(tmp_path / "a.txt", "whole")
    assert sorted(os.listdir(tmp_path)) == [f".b.txt.{dead}.part", "a.txt"]


def test_only_names_that_a_writer_gives_are_parts() -> None:
    assert is_part(".a.txt.12.part")
    assert is_part(".a.txt.12.part", ("b", "a.txt"))
    assert not is_part(".a.txt.12.part", ("b",))
    assert not any(
        is_part(n) for n in ("a.txt.12.part", ".a.txt.part", ".a.txt.x.part", ".a.txt.12.part2", "..12.part")
    )
