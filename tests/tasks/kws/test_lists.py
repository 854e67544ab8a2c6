"""The lists of Speech Commands: whoever wrote them, each recording goes where it is listed, or a line says why not."""

from pathlib import Path

import pytest

from micronets.errors import DataError
from micronets.tasks.kws.folders import official_splits, scan
from micronets.tasks.kws.task import load
from tests.support.wavs import write_words


@pytest.mark.parametrize(
    "text",
    [
        b"a/000.wav\nb/001.wav\n",
        b"\xef\xbb\xbfa/000.wav\nb/001.wav\n",
        b"./a/000.wav\r\n./b/001.wav\r\n",
        b"a\\000.wav\n.\\b\\001.wav",
        "a/000.wav\nb/001.wav\n".encode("utf-16"),
    ],
)
def test_lists_of_every_system_are_read(tmp_path: Path, text: bytes) -> None:
    root = write_words(tmp_path, {"a": 2, "b": 2})
    (root / "testing_list.txt").write_bytes(text)
    splits, notes = official_splits(scan(root))
    assert notes == ()
    assert splits["test"] == {"a": [root / "a/000.wav"], "b": [root / "b/001.wav"]}
    assert splits["train"] == {"a": [root / "a/001.wav"], "b": [root / "b/000.wav"]}


def test_entries_that_name_no_recording_are_named(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 2, "b": 2})
    (root / "testing_list.txt").write_text("a/000.wav\na/gone.wav\nB/000.wav\n")
    _, notes = official_splits(scan(root))
    assert notes == ("testing_list.txt: 2 entries name no recording (first: a/gone.wav)",)
    (root / "testing_list.txt").write_text("000.wav\n001.wav\n")
    with pytest.raises(DataError) as e:
        official_splits(scan(root))
    assert str(e.value) == (
        f"{root / 'testing_list.txt'}: none of its entries (2) names a recording (first: 000.wav); need lines such as "
        "yes/0a7c2a8d_nohash_0.wav, or remove the list"
    )
    (root / "testing_list.txt").write_text("a/000.wav\n")
    (root / "validation_list.txt").write_text("a/001.wav\na/000.wav\n")
    with pytest.raises(DataError, match=r"a/000.wav is in both lists; remove it from one of them$"):
        official_splits(scan(root))


def test_lists_beside_words_of_ones_own_are_named_as_unread(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 6, "b": 6})
    assert not any("not read" in note for note in load(root, negatives=0.0).notes)
    (root / "testing_list.txt").write_text("a/000.wav\nb/001.wav\n")
    assert (
        "testing_list.txt is not read: this is not a directory of Speech Commands, and its recordings are divided by "
        'their names; task = "kws" with data.words reads such lists'
    ) in load(root, negatives=0.0).notes


def test_a_line_that_is_no_path_is_shown_in_part(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 2, "b": 2})
    (root / "testing_list.txt").write_text("a/000.wav\n" + "x" * 100_000)
    _, notes = official_splits(scan(root))
    assert notes == (f"testing_list.txt: 1 entry names no recording (first: {'x' * 77}...)",)


def test_a_list_that_says_nothing_is_named(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 2, "b": 2, "_background_noise_": 1})
    path = root / "testing_list.txt"
    for content in (b"", b"\n \r\n", b"\xef\xbb\xbf"):
        path.write_bytes(content)
        with pytest.raises(DataError) as e:
            official_splits(scan(root))
        assert str(e.value) == f"{path}: the list names no recording; fill it, or remove it"
    path.write_text("a/000.wav\nb/000.wav\n")
    with pytest.raises(DataError, match=r"has no validation clip \(there is no validation_list.txt; write it, or rem"):
        load(root, words=("a", "b"))
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(DataError, match=r"testing_list.txt: cannot be read \(No such file or directory\)"):
        official_splits(scan(root))
