"""What others have in a directory that we write to is never lost, whatever is written and whenever the process dies."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from micronets.errors import FileError
from micronets.output_directory import LIST, remove_files, write_files

OLD = {"a.c": "old a", "sub/b.c": "old b", "gone/c.c": "old c"}
NEW = {"a.c": "new a", "sub/b.c": "new b", "d/e.c": "new e"}


def contents(directory: Path) -> dict[str, str]:
    """Returns the text of every file but the list, by name."""
    found = {p.relative_to(directory).as_posix(): p.read_text() for p in directory.rglob("*") if p.is_file()}
    found.pop(LIST, None)
    return found


def test_what_we_wrote_is_replaced_and_what_others_wrote_stays(tmp_path: Path) -> None:
    write_files(tmp_path / "c", OLD)
    assert contents(tmp_path / "c") == OLD
    for name in ("main.c", "sub/mine.c", "gone/mine.c"):
        (tmp_path / "c" / name).write_text("mine")
    write_files(tmp_path / "c", NEW)
    mine = {"main.c": "mine", "sub/mine.c": "mine", "gone/mine.c": "mine"}
    assert contents(tmp_path / "c") == {**NEW, **mine}
    remove_files(tmp_path / "c")
    assert contents(tmp_path / "c") == mine
    write_files(tmp_path / "c", OLD)
    assert contents(tmp_path / "c") == {**OLD, **mine}


def test_nothing_is_left_of_files_alone(tmp_path: Path) -> None:
    write_files(tmp_path / "c", OLD)
    write_files(tmp_path / "c", NEW)
    assert sorted(os.listdir(tmp_path / "c")) == [LIST, "a.c", "d", "sub"]
    remove_files(tmp_path / "c")
    remove_files(tmp_path / "c")
    assert os.listdir(tmp_path) == []


def test_files_that_stay_the_same_are_not_touched(tmp_path: Path) -> None:
    write_files(tmp_path, OLD)
    os.utime(tmp_path / "sub/b.c", (1, 1))
    write_files(tmp_path, {**NEW, "sub/b.c": "old b"})
    assert (tmp_path / "sub/b.c").stat().st_mtime == 1


def test_what_we_wrote_earlier_can_be_kept(tmp_path: Path) -> None:
    write_files(tmp_path, OLD)
    (tmp_path / "gone/c.c").write_text("edited")  # is not in the way of anything
    write_files(tmp_path, NEW, keep=True)
    assert contents(tmp_path) == {**OLD, **NEW, "gone/c.c": "edited"}
    with pytest.raises(FileError, match=r"gone/c.c: has changed since micronets wrote it"):
        write_files(tmp_path, OLD)


@pytest.mark.parametrize("name", ["a.c", "sub/b.c", "gone/c.c"])
def test_an_edited_file_is_refused_by_name_before_anything_is_written(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, OLD)
    (tmp_path / name).write_text("edited")
    before = contents(tmp_path)
    for attempt in (lambda: write_files(tmp_path, NEW), lambda: remove_files(tmp_path)):
        with pytest.raises(
            FileError, match=r"has changed since micronets wrote it; move it to another directory to keep"
        ) as e:
            attempt()
        assert str(e.value).startswith(f"{tmp_path / name}: ")
        assert contents(tmp_path) == before
    (tmp_path / name).unlink()
    write_files(tmp_path, NEW)
    assert contents(tmp_path) == NEW


def test_a_file_edited_into_what_is_to_be_written_is_no_obstacle(tmp_path: Path) -> None:
    write_files(tmp_path, OLD)
    (tmp_path / "a.c").write_text(NEW["a.c"])
    write_files(tmp_path, NEW)
    assert contents(tmp_path) == NEW


def in_the_way(directory: Path, kind: str) -> Path:
    """Returns something of a user's where a file or folder of `NEW` is to be; its path."""
    place = (
        directory / {"file": "a.c", "folder": "d/e.c", "link": "a.c", "file for folder": "d", "folder link": "d"}[kind]
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "folder":
            place.mkdir()
        case "link":
            place.symlink_to(directory / "elsewhere")
        case "folder link":
            place.symlink_to(directory.parent)
        case _:
            place.write_text("mine")
    return place


@pytest.mark.parametrize("kind", ["file", "folder", "link", "file for folder", "folder link"])
@pytest.mark.parametrize("earlier", [True, False])
def test_a_users_file_of_a_name_that_is_wanted_is_refused(tmp_path: Path, kind: str, earlier: bool) -> None:
    out = tmp_path / "c"
    if earlier:
        write_files(out, {"sub/b.c": "old b"})
    place = in_the_way(out, kind)
    before = contents(out)
    with pytest.raises(FileError, match=r"micronets.*; move it away, or name another --out") as e:
        write_files(out, NEW)
    assert str(e.value).startswith(f"{place}: ")
    assert contents(out) == before
    assert os.path.lexists(place)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": 3}', '{"files": {"../x": ["1"]}}', '{"files": {"/x": []}}', '{"files": {"x": [1]}}']
)
def test_a_damaged_list_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / LIST).write_text(text)
    with pytest.raises(
        FileError, match=r"the list of files that micronets wrote is damaged \(.*\); name another --out"
    ):
        write_files(tmp_path, NEW)


_KILLED = """
import json, os, signal, sys
from pathlib import Path
from micronets import output_directory

left = [int(sys.argv[1])]

def count():
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def counted(function):
    def call(*words, **named):
        count()
        return function(*words, **named)
    return call

os.replace, os.unlink = counted(os.replace), counted(os.unlink)
Path.unlink, Path.write_bytes, Path.mkdir = counted(Path.unlink), counted(Path.write_bytes), counted(Path.mkdir)
output_directory.write_files(Path(sys.argv[2]), json.loads(sys.argv[3]))
"""


@pytest.mark.parametrize("earlier", [True, False])
def test_killed_at_any_step_the_next_call_makes_it_whole(tmp_path: Path, earlier: bool) -> None:
    for steps in range(100):
        out = tmp_path / str(steps)
        if earlier:
            write_files(out, OLD)
            (out / "main.c").write_text("mine")
        words = [sys.executable, "-c", _KILLED, str(steps), str(out), json.dumps(NEW)]
        code = subprocess.run(words, check=False, timeout=60).returncode
        if code == 0:
            break
        assert code == -signal.SIGKILL
        if steps % 2:
            write_files(out, NEW)
            wanted = NEW
        else:  # or the old state again
            write_files(out, OLD)
            wanted = OLD
        assert contents(out) == {**wanted, **({"main.c": "mine"} if earlier else {})}
        assert [p for p in os.listdir(out) if p.endswith(".part")] == []
    else:
        pytest.fail("it never came to the end")
    assert steps > 8


def test_a_full_disk_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path / "c", OLD)
    before = (tmp_path / "c" / LIST).read_text()
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == "2":
            raise OSError(28, "No space left on device", str(self))
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    for place in (tmp_path / "c", tmp_path / "deep/new"):
        with pytest.raises(OSError, match="No space left on device") as e:
            write_files(place, NEW)
        assert e.value.filename == str(place)
    assert contents(tmp_path / "c") == OLD
    assert (tmp_path / "c" / LIST).read_text() == before
    assert os.listdir(tmp_path) == ["c"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    import fcntl

    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(
            FileError, match="is in use by another micronets process; wait for it, or name another --out"
        ):
            write_files(tmp_path, NEW)
    finally:
        os.close(handle)
    write_files(tmp_path, NEW)
