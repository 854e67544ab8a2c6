"""What would mislead without a word: recordings in two splits, files beside the folders, names almost alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from micronets import tasks
from micronets.errors import DataError
from micronets.frontend import encode_wav
from micronets.tasks.labelled import duplicate_notes
from micronets.tasks.names import alike_note
from tests.support.wavs import write_words


def test_examples_that_are_in_two_splits_or_classes_are_noted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (60, 8)).astype(np.float32)
    y, split = np.arange(60) % 2, np.repeat(["train", "val", "test"], 20)
    np.savez(tmp_path / "a.npz", x=x, y=y, split=split)
    assert duplicate_notes(tasks.load("features", tmp_path / "a.npz")) == ()
    x[40:43] = x[0:3]  # of the same classes, in the test
    x[21] = x[6]  # of another class, for validation
    x[50], x[4] = 1.0, 1.0  # one value throughout
    np.savez(tmp_path / "b.npz", x=x, y=y, split=split)
    assert duplicate_notes(tasks.load("features", tmp_path / "b.npz")) == (
        "1 of the 20 examples of split val have the same contents as examples for training or validation: the result "
        "looks better than it is",
        "3 of the 20 examples of split test have the same contents as examples for training or validation: the "
        "result looks better than it is",
        "1 examples have the same contents as one of another class: no network can distinguish them",
    )
    assert duplicate_notes(tasks.load("features", synthetic_clips=20)) == ()


def test_files_beside_the_folders_are_named(tmp_path: Path) -> None:
    words = write_words(tmp_path / "words", {"yes": 4, "no": 4})
    (words / "stray.wav").write_bytes((words / "yes").iterdir().__next__().read_bytes())
    note = f"1 file lies beside the folders of classes, in none of them: left out (first: {words / 'stray.wav'})"
    for task in ("kws", "audio"):
        assert note in tasks.load(task, words).notes
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/3.png", "x.png", "y.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(path)
    note = "2 files lie beside the folders of classes, in none of them: left out (first: "
    assert any(n.startswith(note) for n in tasks.load("images", tmp_path / "pictures", kept=8).notes)


def test_names_that_are_almost_alike_are_noted() -> None:
    assert alike_note(("Yes", "no", " yes", "up", "left_on", "left on")) == (
        "classes 'Yes' and ' yes' have almost the same name; if they are one, merge them",
    )
    assert alike_note(("caf\u00e9", "no", "cafe\u0301"))  # two ways to write an accent
    assert alike_note(("yes", "no", "_unknown_", "_silence_", "-", "_")) == ()


def _laid_out(root: Path, places: Sequence[str]) -> dict[str, Path]:
    """Writes three examples into each folder, of every kind, and returns the directories by task."""
    rng = np.random.default_rng(0)
    for task in ("audio", "kws", "images", "features"):
        for place in places:
            folder = root / task / place
            folder.mkdir(parents=True)
            for i in range(3):
                if task == "images":
                    pixels = rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{i}.png")
                elif task == "features":
                    np.save(folder / f"{i}.npy", rng.normal(size=(4, 2)))
                else:
                    (folder / f"{i}.wav").write_bytes(encode_wav(rng.normal(0, 3000, 16000)))
    return {task: root / task for task in ("audio", "kws", "images", "features")}


def test_folders_of_splits_inside_those_of_classes_are_noted(tmp_path: Path) -> None:
    for task, root in _laid_out(tmp_path, ["a/train", "a/test", "b/train", "b/test"]).items():
        notes = [n for n in tasks.load(task, root).notes if "do not define the splits" in n]
        assert len(notes) == 1, task
        assert notes[0].startswith("the folders test and train inside those of the classes do not define the splits")


def test_a_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    for root in _laid_out(tmp_path, ["data/a", "data/b"]).values():
        with pytest.raises(DataError) as e:
            tasks.load(root.name, root)
        assert str(e.value) == (
            f"{root}: its only folder is 'data', which holds the folders a, b; if those are the classes, give "
            f"{root / 'data'}"
        )


def test_what_archives_of_macos_add_is_no_class(tmp_path: Path) -> None:
    for task, root in _laid_out(tmp_path, ["a", "b"]).items():
        (root / "__MACOSX" / "a").mkdir(parents=True)
        (root / "__MACOSX" / "a" / "._0.wav").write_bytes(b"x")
        assert tuple(tasks.load(task, root).classes) == ("a", "b")
        (root / "c").mkdir()
        (root / "c" / "._0.wav").write_bytes(b"x")
        with pytest.raises(DataError, match=r"for class 'c' \(nothing but 1 hidden file\)"):
            tasks.load(task, root)
