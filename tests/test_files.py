import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from micronets import files
from micronets.device.cross_compiler import run_tool
from micronets.device.host_compiler import compile_c
from micronets.errors import DataError
from micronets.files import (
    atomic,
    digest,
    fingerprint,
    is_part,
    link_to_nothing,
    read_plain_text,
    remove_dead_parts,
    remove_parts,
    walk,
    write_atomic,
)
from tests.support.calling import call


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


def test_every_folder_is_walked_once_wherever_links_lead(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/1.wav").write_text("")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "again").symlink_to("a")
    (tmp_path / "self").symlink_to("self")
    found = [(str(folder.relative_to(tmp_path)), names) for folder, _, names in walk(tmp_path)]
    assert found == [(".", ["self"]), ("a", []), ("a/b", ["1.wav"])]
    assert len(fingerprint(tmp_path)) == 16


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="only Linux has its processes as files")
def test_files_of_the_system_are_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc/self")
    for folder in (Path("/proc/self"), tmp_path):
        with pytest.raises(DataError, match=r": belongs to the system, not to a data set; name another folder$"):
            list(walk(folder))
    with pytest.raises(OSError, match="a file of the system, which may never end"):
        files.read_plain(Path("/proc/self/status"))


def test_a_folder_of_far_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ENTRIES", 3)
    for name in "abcd":
        (tmp_path / name).write_text("")
    with pytest.raises(DataError, match="more than 3 files and folders, too many; name the folder of the data"):
        list(walk(tmp_path))


def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    real = os.scandir

    def scandir(path: str) -> object:  # as for another user, which root, who may run this test, is not
        if Path(path).name == "a":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"a: cannot be read \(Permission denied\); check its permissions"):
        list(walk(tmp_path))


def test_what_is_wrong_with_a_damaged_file_is_one_short_line() -> None:
    assert files.damage_text(ValueError("a\n" * 1000)) == ("a " * 99)[:197] + "..."
    assert files.damage_text(OSError(errno.EINVAL, "a pipe", "/x")) == "a pipe"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current directory of a process")
def test_a_lock_below_a_current_directory_that_is_gone_is_not_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(OSError, match="the directory cannot be made"), files.locked(Path("run/.lock")):
        pass


def test_nobody_is_asked_for_by_a_signal_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("on Windows this would end the process"))
    assert files._process_exists(1)


def test_temporary_directories_of_killed_processes_are_removed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom micronets.files import temporary_directory\n"
        "with temporary_directory() as d:\n    (d / 'file').touch()\n    print(d, flush=True)\n    sys.stdin.read()\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}

    def begin() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (killed, left), (living, held) = begin(), begin()
    killed.kill()
    killed.wait()
    other = tmp_path / "micronets-scratch.txt"
    other.touch()
    for path in (left, held, other):
        os.utime(path, (0, 0))  # long ago
    last, own = begin()
    assert own.parent == tmp_path
    assert sorted(tmp_path.iterdir()) == sorted([held, own, other])
    for process, path in ((living, held), (last, own)):
        process.communicate("")
        assert process.returncode == 0
        assert not path.exists()


def test_temporary_files_of_compilers_go_where_those_of_killed_processes_are_removed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    tell = "import pathlib, sys, tempfile; pathlib.Path(sys.argv[-1]).write_text(tempfile.gettempdir())"
    compile_c([], told, [], [sys.executable, "-c", tell])
    run_tool([sys.executable, "-c", tell, str(tmp_path / "told too")], "compile")
    for path in map(Path, (told.read_text(), (tmp_path / "told too").read_text())):
        assert path.name.startswith("micronets-scratch-")
        assert path.parent == Path(tempfile.gettempdir())
        assert not path.exists()


def test_no_command_replaces_what_it_reads(tmp_path: Path) -> None:
    """`import model.tflite --out model.tflite` once wrote its int8 model over the float one."""
    original = tmp_path / "model.tflite"
    original.write_bytes(b"a float model")
    (tmp_path / "link.tflite").symlink_to(original)
    (tmp_path / "labels.csv").write_text("0,1,yes\n")
    for out, words in (
        ("model.tflite", ("import", original)),
        ("link.tflite", ("import", original)),
        ("model.tflite", ("import", tmp_path / "other.onnx", "--calibrate", original)),
        ("link.tflite", ("incremental", original)),
        ("model.tflite", ("tune", original, "--stream", "composed", "--false-accepts-per-hour", "1")),
        ("labels.csv", ("tune", original, "--stream", "a.wav", "--labels", tmp_path / "labels.csv",
                        "--false-accepts-per-hour", "1")),
    ):  # fmt: skip
        result = call(*words, "--out", tmp_path / out)
        assert (result.code, result.error) == (
            2,
            f"{tmp_path / out}: is an input, which writing would replace; name another file to write",
        )
    report = call("evaluate", original, "--stream", "composed", "--report", original)
    assert report.error.endswith("model.tflite: is an input, which writing would replace; name another file to write")
    assert call("import", original, "--out", tmp_path).error == f"{tmp_path}: is a directory; name a file to write"
    assert original.read_bytes() == b"a float model"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_as_editors_of_windows_write_it(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes('task = "kws" # \u00fc\n'.encode(encoding))
    assert read_plain_text(path) == 'task = "kws" # \u00fc\n'


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("gone")
    (tmp_path / "model.tflite").write_bytes(b"TFL3")
    assert link_to_nothing(tmp_path) is None
    assert link_to_nothing(tmp_path / "out/sub") == (
        f"{tmp_path / 'out'} is a link to gone, which does not exist: create that, or name another place"
    )
    done = call("run", "examples/own_features.toml", "--out", tmp_path / "out")
    assert (done.code, done.err.startswith(f"micronets: {tmp_path / 'out'}: {tmp_path / 'out'} is a link to")) == (
        2,
        True,
    )
