"""Arrays of one's own: every form, the split, the standardisation, and lines that name what is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from micronets import tasks
from micronets.errors import MicronetsError, SpecError
from micronets.frontend.spectral import SpectralSettings
from micronets.tasks.arrays.task import Standard
from micronets.tasks.base import Card

RNG = np.random.default_rng(0)
X = RNG.normal(5, 2, (60, 16, 3)).astype(np.float32)
Y = np.arange(60) % 3


def npz(path: Path, **changes: Any) -> Path:
    arrays = {"x": X, "y": Y, **changes}
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_an_npz_is_split_and_standardised(tmp_path: Path) -> None:
    data = tasks.load("features", npz(tmp_path / "d.npz", classes=np.array(["up", "down", "left"])))
    assert data.classes == ("up", "down", "left")
    counts = {s: np.bincount(data.labels(s)).tolist() for s in ("train", "val", "test")}
    assert counts == {"train": [16] * 3, "val": [2] * 3, "test": [2] * 3}
    x = data.inputs("train", {})
    assert x.shape == (48, 16, 3, 1)
    assert x.mean((0, 1)) == pytest.approx(0, abs=1e-4)
    assert x.std((0, 1)) == pytest.approx(1, abs=1e-4)
    assert data.space_options == {"height": 16, "width": 3, "channels": 1}
    one, two = (tasks.load("features", tmp_path).x["test"] for _ in range(2))
    assert np.array_equal(one, two)


def test_what_the_file_says_about_the_split_is_obeyed(tmp_path: Path) -> None:
    split = np.array(["train"] * 40 + ["val"] * 9 + ["test"] * 11)
    data = tasks.load("features", npz(tmp_path / "a.npz", split=split, y=np.array(["b", "a", "10"])[Y]))
    assert [data.size(s) for s in ("train", "val", "test")] == [40, 9, 11]
    assert data.classes == ("10", "a", "b")
    group = np.repeat(np.arange(10), 6)
    data = tasks.load("features", npz(tmp_path / "g.npz", group=group))
    assert data.notes == ("split by 10 groups",)
    seen = [{tuple(r.ravel()[:2]) for r in data.x[s]} for s in data.x]
    of = {tuple(r.ravel()[:2]): g for r, g in zip(X, group, strict=True)}
    groups = [{of[r] for r in rows} for rows in seen]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    few = tasks.load("features", npz(tmp_path / "f.npz", group=np.repeat([0, 1], 30)))
    assert "split example by example" in few.notes[0]


def test_folders_of_files_and_files_of_rows(tmp_path: Path) -> None:
    for c in range(3):
        folder = tmp_path / "folders" / f"c{c}"
        folder.mkdir(parents=True)
        for i, x in enumerate(X[c == Y][:12]):
            if i % 2:
                np.save(folder / f"{i}.npy", x)
            else:
                np.savetxt(folder / f"{i}.csv", x, delimiter=",", header="ax,ay,az", comments="")
    data = tasks.load("features", tmp_path / "folders")
    assert data.source == "folders: 36 arrays of 16 x 3"
    for s in ("train", "val", "test"):
        assert [data.classes[i] for i in data.labels(s)] == [name.split("/")[0] for name in data.files[s]]
    assert [data.size(s) for s in ("train", "val", "test")] == [30, 3, 3]
    rows = tmp_path / "rows"
    rows.mkdir()
    for c in range(2):
        np.savetxt(rows / f"c{c}.csv", X[c == Y].reshape(20, -1)[:, :7], delimiter=",")
    data = tasks.load("features", rows)
    assert data.classes == ("c0", "c1")
    assert not data.files
    assert data.input_shape({}) == (7, 1, 1)
    assert data.inputs("train", {}).std(0) == pytest.approx(1, abs=1e-3)


def test_the_standardisation_travels(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz")
    data = tasks.load("features", path)
    meta = data.metadata({})
    standard = Standard.from_json(meta["micronets.frontend"], "m")
    assert standard == data.preparation
    card = tasks.Card(("2", "0", "1"), meta["micronets.frontend"], (16, 3, 1), "m")
    found = tasks.examples("features", card, path)
    assert np.array_equal(found.inputs, data.inputs("test", {}))
    assert np.array_equal(np.array(found.classes)[found.labels], np.array(data.classes)[data.labels("test")])
    assert found.score(np.eye(3)[found.labels]).value == 1
    assert len(tasks.examples("features", card, path, split="all").labels) == 60
    constant = Standard.of(np.full((4, 2), 7, np.float32), sample_rate=50)
    assert constant.scale == (1.0, 1.0)
    assert constant.sample_rate is None  # there are no windows


def test_the_rate_of_windows_travels(tmp_path: Path) -> None:
    """A long recording is cut as the model wants it, whose rate its labels are read by."""
    data = tasks.load("features", npz(tmp_path / "d.npz"), spectral=SpectralSettings(sample_rate=20))
    own = Standard.from_json(data.metadata({})["micronets.frontend"], "m")
    assert own.sample_rate == 20
    x = np.zeros((400, 3))
    x[100:116] = 5
    np.save(tmp_path / "day.npy", x)
    (tmp_path / "day.labels.csv").write_text("5,5.8,1\n")
    card = tasks.Card(("1", "_unknown_"), own.to_json(), (16, 3, 1), "m")
    found = tasks.examples("features", card, tmp_path / "day.npy", split="all")
    assert (found.inputs[found.labels == 0] == own.inputs(np.full((1, 16, 3), 5, np.float32))).all()
    text = own.to_json().replace("20", "-1")
    with pytest.raises(SpecError, match=r"m: its front end has sample_rate = -1; allowed: 0.001 to 1,000,000"):
        Standard.from_json(text, "m")


def test_training_examples_get_noise_and_shifts(tmp_path: Path) -> None:
    data = tasks.load("features", npz(tmp_path / "d.npz"), noise=0, shift=0.25)
    rows = torch.arange(20)
    out = data.augmented(rows, {}, torch.Generator().manual_seed(0)).numpy()
    plain = data.inputs("train", {}, rows.numpy())
    shifts = [
        next(k for k in range(-4, 5) if np.allclose(np.roll(p, k, 0), o)) for p, o in zip(plain, out, strict=True)
    ]
    assert len(set(shifts)) > 3
    noisy = tasks.load("features", tmp_path / "d.npz", noise=0.5)
    difference = noisy.augmented(rows, {}, torch.Generator().manual_seed(0)).numpy() - plain
    assert difference.std() == pytest.approx(0.5, abs=0.03)


def test_bad_files_in_one_line(tmp_path: Path) -> None:
    def message(path: Path, **options: Any) -> str:
        with pytest.raises(MicronetsError) as e:
            tasks.load("features", path, **options)
        assert "\n" not in str(e.value)
        return str(e.value)

    place = tmp_path / "d.npz"
    assert message(place).startswith(f"{place}: no such file or directory; give an .npz with x and y, ")
    place.write_text("words")
    assert message(place).startswith(f"{place}: damaged or not an .npz file (")
    assert message(npz(place, y=None)) == f"{place}: no array 'y'; an .npz has x [N, ...] and y [N]"
    assert message(npz(place, y=Y[:5])) == f"{place}: y is int64 [5]; need integers or text [60], one for each row of x"
    assert message(npz(place, y=Y * 0)) == f"{place}: only one class, '0'; a classifier needs at least two"
    assert (
        message(npz(place, classes=np.array(["a", "b"])))
        == f"{place}: y goes from 0 to 2; allowed: 0 to 1, see classes"
    )
    assert message(npz(place, split=np.array(["dev"] * 60))).startswith(
        f"{place}: split holds 'dev'; need train, val, test"
    )
    broken = X.copy()
    broken[7, 3, 1] = np.nan
    assert message(npz(place, x=broken)) == (
        f"{place}: example 7 holds a value that is not a finite number; remove or repair it"
    )
    assert message(npz(place, x=np.array(["a"] * 60))).startswith(f"{place}: x is <U1 [60]; need numbers [N, ...]")
    assert message(npz(place, x=X[:4], y=np.array([0, 0, 0, 1]))) == (
        f"{place}: class '1' has no train example (1 in all); at least three of every class are needed"
    )
    (tmp_path / "t/a").mkdir(parents=True)
    (tmp_path / "t/a/x.txt").write_text("x")
    assert message(tmp_path / "t").startswith(
        f"{tmp_path / 't/a'}: no .npy or .csv files for class 'a' (1 other file, first: "
    )
    (tmp_path / "t/a/x.csv").write_text("1,2\n3\n")
    assert message(tmp_path / "t").startswith(f"{tmp_path / 't/a/x.csv'}: not an array of numbers (")
    (tmp_path / "empty").mkdir()
    assert message(tmp_path / "empty").startswith(f"{tmp_path / 'empty'}: nothing to read in it; give ")
    assert message(npz(place), noise=-1) == "task features: noise = -1; allowed: 0 to 100"
    folders = tmp_path / "odd/a"
    folders.mkdir(parents=True)
    np.save(folders / "1.npy", X[0])
    np.save(folders / "2.npy", X[0, :5])
    assert message(tmp_path / "odd") == (
        f"{folders / '2.npy'}: its shape [5, 3] is not that of 1.npy, [16, 3]; every example needs the same, or "
        "data.window at most 2, by which recordings are cut"
    )


def test_examples_that_say_nothing_and_names_that_cannot_be(tmp_path: Path) -> None:
    def message(**changes: Any) -> str:
        with pytest.raises(MicronetsError) as e:
            tasks.load("features", npz(tmp_path / "d.npz", **changes))
        assert "\n" not in str(e.value)
        return str(e.value).removeprefix(f"{tmp_path / 'd.npz'}: ")

    still = X.copy()
    still[:, :, 1] = 7
    data = tasks.load("features", npz(tmp_path / "d.npz", x=still))
    assert data.notes[-1].startswith("value 2 of 3 along the last axis: the same in all training examples")
    for same in (X * 0, X.astype(np.float64) + 1e9):  # the second ones are, in 32 bits
        notes = tasks.load("features", npz(tmp_path / "d.npz", x=same)).notes
        assert notes[-1].startswith("ALL TRAINING EXAMPLES ARE THE SAME, so that nothing can be learnt; ")
    assert message(classes=np.array(["a", "", "c"])).startswith("the name of a class is empty; ")
    assert message(classes=np.array(["a", "\ud800", "c"])).startswith("class '\\ud800' has a name that is not UTF-8; ")
    assert message(classes=np.array([b"a", b"b", b"c"])) == "classes is |S1; need names as text [C]"
    odd = tasks.load("features", npz(tmp_path / "d.npz", y=np.array(["--1", "\u00b2", "-10", "9"])[np.arange(60) % 4]))
    assert odd.classes == ("-10", "9", "--1", "\u00b2")


def test_headers_of_arrays_that_are_damaged_end_in_one_line(tmp_path: Path) -> None:
    whole = npz(tmp_path / "d.npz").read_bytes()
    at = whole.index(b"'shape': (60, 16, 3)")
    for damage in (b"(", b"'", b"[", b"{", b"\\", b"\n", b"\0", b"#"):  # in it, numpy looks for tokens of Python
        (tmp_path / "d.npz").write_bytes(whole[: at + 9] + damage + whole[at + 10 :].replace(b")", b" ", 1))
        with pytest.raises(MicronetsError, match=r"damaged or not an \.npz file"):
            tasks.load("features", tmp_path / "d.npz")


def test_recordings_in_folders_are_cut_into_windows(tmp_path: Path) -> None:
    """Whole recordings are in one split, but those of a class with too few, which are divided in time."""
    rng = np.random.default_rng(0)
    lengths = {"rest": [90, 113], "run": [300], "walk": [50, 60, 70, 90]}
    for name, some in lengths.items():
        (tmp_path / name).mkdir()
        for i, n in enumerate(some):
            np.save(tmp_path / name / f"{i}.npy", rng.normal(size=(n, 3)))
    data = tasks.load("features", tmp_path, window=8)
    counts = {s: np.bincount(data.labels(s)).tolist() for s in ("train", "val", "test")}
    assert counts["train"][:2] == [17, 27]
    assert (counts["val"][:2], counts["test"][:2]) == ([2, 4], [2, 4])
    splits_of: dict[str, set[str]] = {}
    split_of: dict[float, str] = {}
    for s in ("train", "val", "test"):
        for file, x in zip(data.files[s], data.x[s], strict=True):
            splits_of.setdefault(file, set()).add(s)
            assert {split_of.setdefault(v, s) for v in x.ravel().tolist()} == {s}, "a sample is in two splits"
    assert [len(splits_of[f"walk/{i}.npy"]) for i in range(4)] == [1] * 4
    assert splits_of["rest/0.npy"] == splits_of["run/0.npy"] == {"train", "val", "test"}
    first = np.load(tmp_path / "run/0.npy").astype(np.float32)
    assert np.array_equal(data.x["train"][data.labels("train") == 1].reshape(-1, 3), first[2 : 2 + 27 * 8])
    assert data.notes == (
        "class 'rest': 2 recordings, divided in time (windows: 17 train, 2 val, 2 test); pieces of a recording are "
        "alike, so figures are optimistic",
        "class 'run': 1 recording, divided in time (windows: 27 train, 4 val, 4 test); pieces of a recording are "
        "alike, so figures are optimistic",
        f"{tmp_path.name}: recordings of 50 to 300 samples, cut into 94 windows of 8 (data.window)",
    )
    alone = tasks.load("features", tmp_path, window=8, splits=("test",))
    assert np.array_equal(alone.x["test"], data.x["test"])
    card = tasks.Card(data.classes, data.metadata({})["micronets.frontend"], data.input_shape({}), "m")
    judged = tasks.examples("features", card, tmp_path)  # whose window is that of the model
    assert np.array_equal(judged.inputs, data.inputs("test", {}))
    everything = tasks.load("features", tmp_path, window=8, splits=("all",))
    assert np.bincount(everything.labels("all")).tolist() == [25, 37, 32]
    with pytest.raises(MicronetsError) as e:
        tasks.load("features", tmp_path, window=24)
    assert str(e.value) == (
        f"{tmp_path / 'rest'}: class 'rest' has 2 recordings; at least 3 are needed, or one of at least 120 samples, "
        "which is then divided in time (5 windows of 24, see data.window)"
    )


def test_numbers_that_are_none_name_their_file(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(MicronetsError) as e:
            tasks.load("features", path)
        return str(e.value)

    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for i in range(5):
            np.save(tmp_path / "d" / name / f"{i}.npy", X[i])
    odd = tmp_path / "d" / "b" / "3.npy"
    for bad in (np.where(X[0] > 5, np.nan, X[0]), X[0] - np.inf, X[0].astype(np.float64) * 1e300):
        np.save(odd, bad)
        assert message(tmp_path / "d") == f"{odd}: it holds a value that is not a finite number; remove or repair it"
    np.save(odd, X[0].astype(str))
    assert message(tmp_path / "d") == f"{odd}: it holds <U32; need numbers"
    np.save(odd, X[0, :4])
    assert f"{odd}: its shape [4, 3] is not that of 0.npy, [16, 3]" in message(tmp_path / "d")
    huge = npz(tmp_path / "huge.npz", x=np.where(np.arange(60)[:, None, None] == 7, 1e300, X.astype(np.float64)))
    assert message(huge) == f"{huge}: example 7 holds a value that is not a finite number; remove or repair it"
    one = npz(tmp_path / "one.npz", x=np.float64(3))
    assert message(one) == f"{one}: x is one number; need numbers [N, ...] with 1 to 3 axes beside N"
    same = npz(tmp_path / "same.npz", classes=np.array(["up", "up", "left"]))
    assert message(same) == f"{same}: classes is [3]; need different names [C]"
    assert "group has 1 entry; need 60" in message(npz(tmp_path / "group.npz", group=np.float64(3)))


def test_synthetic_motions_are_not_told_apart_by_their_mean() -> None:
    data = tasks.load("features", synthetic_clips=200)
    assert data.source == "synthetic motions: 350 arrays of 64 x 3"
    assert data.synthetic
    train, test = data.x["train"].mean(1), data.x["test"].mean(1)
    centres = np.stack([train[data.labels("train") == c].mean(0) for c in range(4)])
    nearest = ((test[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == data.labels("test")).mean() < 0.5


def test_a_model_without_a_front_end_takes_the_numbers_as_they_are(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", y=np.array(["up", "down", "left"])[Y])

    def card(labels: tuple[str, ...] | None, shape: tuple[int, int, int] = (16, 3, 1)) -> Card:
        return Card(labels, None, shape, "m.tflite")

    found = tasks.examples("features", card(("left", "up", "down", "other")), path, split="all")
    assert np.array_equal(found.inputs, X[..., None])
    assert [found.classes[i] for i in found.labels] == np.array(["up", "down", "left"])[Y].tolist()
    assert found.notes[-1].startswith("the model carries no front end: it is given the numbers as they are")
    refused = [
        (card(None), path, "m.tflite: carries no labels; name its outputs, in their order, with --labels"),
        (card(("up",), (3, 16, 1)), path, "its input is (3, 16, 1), the examples of"),
        (card(("up",)), None, "carries no front end, so it was not trained on synthetic motions; give --data"),
    ]
    for model, data, message in refused:
        with pytest.raises(MicronetsError) as e:
            tasks.examples("features", model, data, split="all")
        assert message in str(e.value)
