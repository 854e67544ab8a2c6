"""Getting data sets from a server that breaks off, changes its files, does not know ranges, or is not there."""

import dataclasses
import io
import json
import os
import pickle
import re
import shlex
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import FileError
from micronets.fetch import SOURCES, Source, download
from micronets.fetch.unpack import unpack
from micronets.tasks.ad import folders
from micronets.tasks.images import cifar
from tests.support.archives import Server, serving, sha256, tar_gz, tarred, zipped
from tests.support.calling import Result, call
from tests.support.needs import needs

BATCH = pickle.dumps(
    {b"data": np.arange(4 * 3072, dtype=np.int64).astype(np.uint8).reshape(4, 3072), b"labels": [0, 1, 2, 9]}
)
NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
CIFAR = tar_gz({f"cifar-10-batches-py/{name}": BATCH for name in NAMES})
FILE = "/cifar-10-python.tar.gz"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directly to this machine, and without pauses."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Yields a mirror of CIFAR-10, of which that is the checksum."""
    with serving() as s:
        s.files[FILE] = CIFAR
        publish(monkeypatch, "ic", {"cifar-10-python.tar.gz": CIFAR})
        yield s


def publish(monkeypatch: pytest.MonkeyPatch, task: str, contents: Mapping[str, bytes]) -> Source:
    """Makes these the contents of a task's archives, as far as checksums go."""
    source = SOURCES[task]
    archives = tuple(
        dataclasses.replace(a, checksum=sha256(contents[a.name])) if a.name in contents else a for a in source.archives
    )
    monkeypatch.setitem(SOURCES, task, dataclasses.replace(source, archives=archives))  # type: ignore[arg-type]
    return SOURCES[task]


def get(server: Server, directory: Path, *more: str, task: str = "ic") -> Result:
    return call("data", "get", task, directory, "--yes", "--from", server.url, *more)


def test_the_loader_reads_what_comes(server: Server, tmp_path: Path) -> None:
    result = get(server, tmp_path / "new" / "ic")
    assert result.code == 0, result.err
    assert result.out == f"use it with: --set data.path={tmp_path}/new/ic\n"
    assert "licence: none stated; cite A. Krizhevsky" in result.err
    assert re.search(r"cifar10 +\S+ [kM]?B  http://127", result.err)
    parts, classes = cifar.read(tmp_path / "new" / "ic")
    assert len(parts["train"][1]) == 20
    assert len(parts["test"][1]) == 4
    assert len(classes) == 10
    entry = json.loads((tmp_path / "new/ic/.micronets-data.json").read_text())["cifar-10-python.tar.gz"]
    assert (entry["bytes"], "sha256:" + entry["sha256"]) == (len(CIFAR), sha256(CIFAR))
    assert sorted(p.name for p in (tmp_path / "new/ic").iterdir()) == [".micronets-data.json", "cifar-10-batches-py"]


def test_a_second_time_nothing_is_fetched(server: Server, tmp_path: Path) -> None:
    assert get(server, tmp_path).code == 0
    server.seen.clear()
    again = call("data", "get", "ic", tmp_path, "--json")  # without --yes: there is nothing to ask
    assert json.loads(again.out)["settings"] == {"data.path": str(tmp_path)}
    assert not server.seen
    manifest = tmp_path / ".micronets-data.json"
    found = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({name: table | {"folder": 5} for name, table in found.items()}))
    damaged = call("data", "get", "ic", tmp_path, "--json")
    assert damaged.code == 2
    assert "cifar-10-batches-py: exists, but micronets did not make it; move it away" in damaged.error


def test_cut_connections_are_taken_up(server: Server, tmp_path: Path) -> None:
    server.cuts = [100, 50, 7]
    result = get(server, tmp_path, "--keep-archives")
    assert result.code == 0, result.err
    assert [r for m, _, r in server.seen if m == "GET"] == ["", "bytes=100-", "bytes=150-", "bytes=157-"]
    assert (tmp_path / FILE[1:]).read_bytes() == CIFAR


def test_a_later_command_goes_on_where_the_last_one_stopped(server: Server, tmp_path: Path) -> None:
    server.cuts = [200, 0, 0, 0, 0, 0, 0]
    broken = get(server, tmp_path)
    assert broken.code == 2
    assert f"the connection broke after 200 of {len(CIFAR):,} bytes" in broken.error
    assert "by hand: download https://www.cs.toronto.edu/" in broken.error
    assert (tmp_path / (FILE[1:] + ".part")).read_bytes() == CIFAR[:200]
    server.cuts, server.seen[:] = [], []
    assert get(server, tmp_path).code == 0
    assert server.seen[-1] == ("GET", FILE, "bytes=200-")


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.parametrize("etag", [True, False])
def test_a_file_that_changed_in_between_starts_anew(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obeys: bool, etag: bool
) -> None:
    server.obeys, server.etag = obeys, etag
    old = bytes(len(CIFAR) + 100)
    server.files[FILE], server.cuts = old, [200, *[0] * 5]
    assert get(server, tmp_path).code == 2
    server.files[FILE], server.cuts = CIFAR, []
    result = get(server, tmp_path, "--keep-archives")
    assert result.code == 0, result.err
    assert (tmp_path / FILE[1:]).read_bytes() == CIFAR


def test_a_file_that_became_shorter_than_what_is_there_starts_anew(server: Server, tmp_path: Path) -> None:
    server.obeys = False
    server.files[FILE], server.cuts = bytes(2 * len(CIFAR)), [len(CIFAR) + 50, *[0] * 5]
    assert get(server, tmp_path).code == 2
    server.files[FILE], server.cuts = CIFAR, []
    assert get(server, tmp_path).code == 0


def test_a_server_without_ranges_sends_everything_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [200, 300]
    result = get(server, tmp_path)
    assert result.code == 0, result.err
    assert [r for m, _, r in server.seen if m == "GET"] == ["", "bytes=200-", "bytes=300-"]
    assert len(cifar.read(tmp_path)[0]["test"][1]) == 4


def test_a_part_whose_last_byte_came_is_finished(server: Server, tmp_path: Path) -> None:
    assert get(server, tmp_path, "--keep-archives").code == 0
    file = tmp_path / FILE[1:]
    etag = json.dumps(dataclasses.asdict(download.ask_server(server.url + FILE)))
    shutil.rmtree(tmp_path / "cifar-10-batches-py")
    file.rename(file.with_name(file.name + ".part"))
    file.with_name(file.name + ".part.json").write_text(etag)
    assert get(server, tmp_path).code == 0
    assert server.seen[-1] == ("GET", FILE, f"bytes={len(CIFAR) - 1}-")


def test_corrupt_bytes_are_found_and_deleted(server: Server, tmp_path: Path) -> None:
    server.files[FILE] = CIFAR[:300] + bytes([CIFAR[300] ^ 1]) + CIFAR[301:]
    result = get(server, tmp_path)
    assert result.code == 2
    wanted = sha256(CIFAR).removeprefix("sha256:")
    assert re.fullmatch(
        rf"{tmp_path}{FILE}: its sha256 is [0-9a-f]{{64}}, not {wanted} as published \([\d,]+ bytes\): damaged on the "
        r"way, or "
        rf"another file at {server.url}{FILE}; deleted, run the command again",
        result.error,
    )
    assert not list(tmp_path.iterdir())


def test_an_archive_put_there_by_hand_is_checked_and_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / FILE[1:]).write_bytes(CIFAR)
    assert call("data", "get", "ic", tmp_path).code == 0
    assert len(cifar.read(tmp_path)[0]["test"][1]) == 4
    assert not server.seen
    assert (tmp_path / FILE[1:]).read_bytes() == CIFAR  # a user's own file is not deleted
    assert call("data", "get", "ic", tmp_path).code == 0
    assert (tmp_path / FILE[1:]).exists()
    shutil.rmtree(tmp_path / "cifar-10-batches-py")
    (tmp_path / FILE[1:]).write_bytes(b"<html>not found</html>")
    wrong = call("data", "get", "ic", tmp_path)
    assert wrong.error.endswith("(22 bytes): damaged, or another file; delete it and run the command again")
    assert (tmp_path / FILE[1:]).exists()  # a user's own file is not deleted


def test_what_the_server_refuses_is_one_line_with_the_way_out(server: Server, tmp_path: Path) -> None:
    server.files.clear()
    missing = get(server, tmp_path)
    assert missing.code == 2
    assert missing.error == (
        f"{server.url}{FILE}: the server answers 404 Not Found; by hand: download "
        f"https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz elsewhere, put it into {tmp_path} as "
        "cifar-10-python.tar.gz, and run this command again, which then checks and unpacks it; or name a mirror with "
        "--from URL"
    )
    with serving() as gone:
        pass
    nobody = get(gone, tmp_path)
    assert nobody.code == 2
    assert nobody.error.startswith(
        f"{gone.url}{FILE}: no answer (Connection refused); by hand: download https://www.cs"
    )


def test_a_server_without_head_is_asked_for_the_file(server: Server, tmp_path: Path) -> None:
    server.head = False
    assert get(server, tmp_path).code == 0


def test_a_server_out_of_order_is_given_up_after_a_while(server: Server, tmp_path: Path) -> None:
    server.refuse = 503
    result = get(server, tmp_path)
    assert "the server answers 503 Service Unavailable; by hand" in result.error


def test_a_full_disk_is_found_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=len(CIFAR)))
    result = get(server, tmp_path / "new")
    assert result.code == 2
    assert re.search(
        r"GB are needed to download and unpack, 0.0 GB are free on that disk; free some space", result.error
    )
    assert not (tmp_path / "new").exists()
    assert [m for m, _, _ in server.seen] == ["HEAD"]


def test_nothing_is_fetched_without_an_answer(server: Server, tmp_path: Path) -> None:
    result = call("data", "get", "ic", tmp_path / "new", "--from", server.url)
    assert result.code == 2
    assert result.error == "data get asks before it downloads, and there is nobody to ask; add --yes"
    assert not (tmp_path / "new").exists()


def test_an_interruption_keeps_the_part_and_says_how_to_go_on(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cuts = [500]

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)  # the first pause comes after the cut
    result = get(server, tmp_path)
    assert result.code == 130
    words = shlex.join(["micronets", "data", "get", "ic", str(tmp_path), "--yes", "--from", server.url])
    assert result.error == f"interrupted; resume with: {words}"
    assert (tmp_path / (FILE[1:] + ".part")).stat().st_size == 500


@pytest.mark.parametrize("late", [False, True], ids=["before a change", "behind it"])
def test_killed_at_any_change_of_a_file_the_same_command_makes_the_same(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """An archive that was downloaded is deleted in the end, and no folder of ours is taken for somebody else's."""
    changes = count = 0

    def stopping(change: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            nonlocal changes
            changes += 1
            number = changes
            if number == count and not late:
                raise KeyboardInterrupt
            found = change(*arguments, **more)
            if number == count:
                raise KeyboardInterrupt
            return found

        return call

    killed = 0
    while killed == count:
        count, changes = count + 1, 0
        with monkeypatch.context() as patch:
            for name in ("rename", "replace", "unlink"):
                patch.setattr(Path, name, stopping(getattr(Path, name)))
            patch.setattr(os, "replace", stopping(os.replace))
            killed += get(server, tmp_path / str(count)).code == 130
        again = get(server, tmp_path / str(count))
        assert again.code == 0, (count, again.err)
        names = sorted(p.name for p in (tmp_path / str(count)).iterdir())
        assert names == [".micronets-data.json", "cifar-10-batches-py"], count
    assert killed >= 6


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
@pytest.mark.parametrize("make", [tar_gz, zipped])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, make: object) -> None:
    archive = tmp_path / "in" / "bad.archive"
    archive.parent.mkdir()
    archive.write_bytes(make({"top/fine": b"1", name: b"2"}))  # type: ignore[operator]
    with pytest.raises(FileError, match=r"leads out of the directory; refused$"):
        unpack(archive, archive.parent / "top", within=True, holds="fine", progress=lambda _: None)
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "bad.archive"]


def test_links_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.tar.gz"
    archive.write_bytes(tar_gz({"top/fine": b"1"}, link="top/out"))
    with pytest.raises(FileError, match=r"'top/out' is a link or device; refused$"):
        unpack(archive, tmp_path / "top", within=True, holds="fine", progress=lambda _: None)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"no archive", CIFAR[: len(CIFAR) // 2], zipped({"a/b": bytes(9999)})[:5000]])
def test_damaged_archives_leave_nothing(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "bad"
    archive.write_bytes(content)
    with pytest.raises(FileError, match=r"bad: damaged, or neither .zip nor .tar \(.*\); delete it and get it again$"):
        unpack(archive, tmp_path / "top", within=True, holds="fine", progress=lambda _: None)
    assert [p.name for p in tmp_path.iterdir()] == ["bad"]


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz", ""])
def test_archives_that_are_cut_or_changed_anywhere_end_in_one_line_and_leave_nothing(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(5)
    files = {f"top/{name}": rng.integers(0, 200, 300, np.uint8).tobytes() + bytes(700) for name in ("fine", "a/b", "c")}
    whole = zipped(files, zipfile.ZIP_LZMA) if kind == "zip" else tarred(files, kind)
    refused = 0
    for i in range(300):
        changed = bytearray(whole)
        if i % 3 == 0:
            del changed[int(rng.integers(1, len(whole))) :]
        else:
            for at in rng.integers(0, len(whole), int(rng.integers(1, 6))):
                changed[at] = rng.integers(256)
        archive, target = tmp_path / "in/bad", tmp_path / "in/top"
        archive.parent.mkdir()
        archive.write_bytes(changed)
        try:
            unpack(archive, target, within=True, holds="fine", progress=lambda _: None, most_bytes=100_000)
            shutil.rmtree(target)
        except FileError as e:
            refused += 1
            assert str(e).startswith(f"{archive}: ")  # noqa: PT017
            assert "\n" not in str(e)  # noqa: PT017
        assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["in", "in/bad"]
        shutil.rmtree(archive.parent)
    assert refused > 50


@pytest.mark.parametrize("make", [zipped, tar_gz])
def test_an_archive_that_unpacks_to_far_more_than_expected_is_refused(tmp_path: Path, make: object) -> None:
    archive = tmp_path / "bomb"
    archive.write_bytes(make({"top/fine": b"1", "top/large": bytes(5_000_000)}))  # type: ignore[operator]
    with pytest.raises(FileError, match=r"bomb: unpacks to more than the 1,000,000 bytes .*\('top/large' was being"):
        unpack(archive, tmp_path / "top", within=True, holds="fine", progress=lambda _: None, most_bytes=1_000_000)
    assert [p.name for p in tmp_path.iterdir()] == ["bomb"]


@pytest.mark.parametrize("names", [("top/a", "top/a/b"), ("top/a/b", "top/a"), ("top/" + "n" * 300,)])
def test_names_that_cannot_be_files_are_one_line(tmp_path: Path, names: tuple[str, ...]) -> None:
    archive = tmp_path / "odd"
    archive.write_bytes(tarred(dict.fromkeys(("top/fine", *names), b"1"), "gz"))
    with pytest.raises(FileError, match=r"odd: damaged, or neither .zip nor .tar \("):
        unpack(archive, tmp_path / "top", within=True, holds="fine", progress=lambda _: None)
    assert [p.name for p in tmp_path.iterdir()] == ["odd"]


def test_another_archive_of_the_same_name_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"other/file": b"1"}))
    with pytest.raises(FileError, match=r"holds no top/fine; it is not the archive that was expected$"):
        unpack(archive, tmp_path / "top", within=True, holds="fine", progress=lambda _: None)


def test_folders_of_ones_own_are_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    result = get(server, tmp_path)
    assert result.error == (
        f"{tmp_path}/cifar-10-batches-py: exists, but micronets did not make it; move it away, or name another "
        "directory"
    )


def test_parts_of_a_task_are_got_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("train/normal_id_00_00000000.wav", "test/anomaly_id_00_00000000.wav")
    contents = {f"dev_data_{k}.zip": zipped({f"{k}/{n}": b"" for n in names}) for k in ("slider", "fan")}
    publish(monkeypatch, "ad", contents)
    with serving() as server:
        server.files = {f"/{name}": content for name, content in contents.items()}
        assert get(server, tmp_path, task="ad").code == 0
        assert {r.machine for r in folders.scan(tmp_path)[0]} == {"slider_id_00"}
        assert get(server, tmp_path, "--part", "fan", task="ad").code == 0
        found, _ = folders.scan(tmp_path)
        assert {(r.machine, r.abnormal, r.split) for r in found} == {
            (f"{k}_id_00", abnormal, split)
            for k in ("slider", "fan")
            for abnormal, split in ((False, "train"), (True, "test"))
        }
        assert "no such part; did you mean 'slider'?" in get(server, tmp_path, "--part", "slide", task="ad").error


def test_both_archives_of_the_keywords_have_a_place_and_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {
        "speech_commands_v0.02.tar.gz": tar_gz({"./testing_list.txt": b"", "./yes/0_nohash_0.wav": b""}),
        "speech_commands_test_set_v0.02.tar.gz": tar_gz({"./_silence_/0.wav": b"", "./yes/0.wav": b""}),
    }
    publish(monkeypatch, "kws", contents)
    with serving() as server:
        server.files = {f"/{name}": content for name, content in contents.items()}
        result = get(server, tmp_path, "--json", task="kws")
    assert json.loads(result.out)["settings"] == {
        "data.path": f"{tmp_path}/speech_commands_v0.02",
        "data.test": f"{tmp_path}/speech_commands_test_set_v0.02",
    }
    assert (tmp_path / "speech_commands_v0.02/yes/0_nohash_0.wav").is_file()
    assert (tmp_path / "speech_commands_test_set_v0.02/_silence_/0.wav").is_file()


def test_coco_comes_as_its_loader_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = needs("PIL.Image", "design")
    picture = io.BytesIO()
    image.new("RGB", (20, 10)).save(picture, "JPEG")
    names = [f"COCO_{i:04}.jpg" for i in range(40)]
    table = {
        "images": [{"id": i, "file_name": n, "width": 20, "height": 10} for i, n in enumerate(names)],
        "annotations": [{"image_id": i, "category_id": 1, "bbox": [0, 0, 5, 5]} for i in range(10)],
        "categories": [{"id": 1, "name": "person"}],
    }
    parts = ("train2014", "val2014")
    contents = {f"{p}.zip": zipped({f"{p}/{n}": picture.getvalue() for n in names}) for p in parts}
    lists = {f"annotations/instances_{p}.json": json.dumps(table).encode() for p in parts}
    contents["annotations_trainval2014.zip"] = zipped(lists)
    publish(monkeypatch, "vww", contents)
    with serving() as server:
        server.files = {f"/{name}": content for name, content in contents.items()}
        assert get(server, tmp_path, task="vww").code == 0
    data = tasks.load("vww", tmp_path, kept=8)
    assert data.size("train") + data.size("val") == data.size("test") == 40
    assert data.labels("test").sum() == 10


def test_the_list_has_every_source_with_a_checksum_and_a_licence() -> None:
    found = json.loads(call("data", "list", "--json").out)["sources"]
    assert {s["task"] for s in found} == {"kws", "ic", "vww", "ad"}
    digits = {"md5": 32, "sha256": 64}
    for s in found:
        assert s["licence"]
        assert s["page"].startswith("https://")
        for a in s["archives"]:
            kind, _, value = a["checksum"].partition(":")
            assert re.fullmatch(rf"[0-9a-f]{{{digits[kind]}}}", value), a
            assert a["url"].startswith(("https://", "http://images.cocodataset.org/"))
    text = call("data", "list").out
    assert "dev_data_slider.zip" in text
    assert "CC BY-NC-SA 4.0" in text


def test_bad_arguments_are_one_line() -> None:
    assert call("data", "get", "icc", "x").error == (
        "task 'icc' has no published data set to get; did you mean 'ic'? known: ad, ic, kws, vww"
    )
    assert call("data", "get", "ic", "x", "--from", "file:///etc").error == (
        "--from file:///etc: need a web address, such as https://mirror.example/data"
    )
