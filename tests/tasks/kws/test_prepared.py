import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micronets.errors import DataError, MicronetsError
from micronets.frontend import FrontEnd, preset
from micronets.tasks import TASKS
from micronets.tasks import load as load_any
from tests.support.cards import examples
from tests.support.wavs import write_words

CLASSES = ["_silence_", "_unknown_", "yes", "no"]


def load(name: str, path: Path, **options: Any) -> Any:
    """Loads a data set without negatives."""
    return load_any(name, path, **{"negatives": 0.0, **options})


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Returns 6 rows to train, 4 to validate and 3 to test a word, thrice as many unknowns, 40 of background."""
    y, split = [], []
    for s, n in (("train", 6), ("val", 4), ("test", 3)):
        for c, times in ((1, 3), (2, 1), (3, 1)):
            y += [c] * n * times
            split += [s] * n * times
    y += [0] * 40
    split += ["unassigned"] * 40
    x = np.random.default_rng(seed).integers(60, 200, (len(y), 98, 40)).astype(np.uint8)
    return {
        "x": x,
        "y": np.array(y),
        "split": np.array(split),
        "classes": np.array(CLASSES),
        "frontend": np.array("{}"),
    }


def write(path: Path, **changes: object) -> Path:
    a = arrays() | changes
    np.savez(path / "features.npz", **{k: v for k, v in a.items() if v is not None})
    return path / "features.npz"


def test_splits_silence_and_unknowns(tmp_path: Path) -> None:
    write(tmp_path)
    data = load("kws", tmp_path)
    assert (data.name, data.classes, data.synthetic) == ("kws", tuple(CLASSES), False)
    assert data.source == f"{tmp_path.name}/features.npz: 105 prepared clips"
    counts = {s: np.bincount(data.labels(s), minlength=4).tolist() for s in ("train", "val", "test")}
    # Silence: 32 of 40 rows to train; as many as a word elsewhere. Unknown: thinned in val alone.
    assert counts == {"train": [32, 18, 6, 6], "val": [4, 4, 4, 4], "test": [3, 9, 3, 3]}
    assert data.size("train") == 62
    raw = arrays()
    words = raw["x"][(raw["split"] == "train") & (raw["y"] > 1)]
    got = data.inputs("train", {}, np.flatnonzero(data.labels("train") > 1))
    assert np.array_equal(np.rint(got[..., 0] * 64 + 128), words)


def test_the_same_seed_gives_the_same_data_whichever_splits_are_read(tmp_path: Path) -> None:
    write(tmp_path)
    a, b = load("kws", tmp_path), load("kws", tmp_path, splits=("val",))
    assert np.array_equal(a.inputs("val", {}), b.inputs("val", {}))


def test_no_seed_changes_what_validates_and_tests(tmp_path: Path) -> None:
    write(tmp_path)
    a, b = load("kws", tmp_path), load("kws", tmp_path, seed=1)
    for split in ("val", "test"):
        assert np.array_equal(a.inputs(split, {}), b.inputs(split, {})), split


def test_recordings_of_background_stay_whole_where_they_are_named(tmp_path: Path) -> None:
    a = arrays()
    background = a["split"] == "unassigned"
    place = np.arange(len(a["x"]))
    recording = np.where(background, np.char.add("noise", (place % 4).astype(str)), "someone")
    a["x"][background] = (place[background] % 4 + 60)[:, None, None]  # all pixels tell the recording
    data = load("kws", write(tmp_path, x=a["x"], speaker=recording))
    trained = {int(v) for v in data.background[:, 0, 0]}
    assert len(trained) == 2
    assert {int(v) for v in data.features["train"][data.labels("train") == 0][:, 0, 0]} == trained
    assert (data.labels("val") == 0).sum() == 4
    with pytest.raises(DataError, match=r"speaker is \[3\]; need text \[105\], one for each row of x"):
        load("kws", write(tmp_path, speaker=np.array(["a", "b", "c"])))


def test_silence_of_a_split_comes_from_rows_no_other_split_has(tmp_path: Path) -> None:
    a = arrays()
    a["x"][a["y"] == 0] = (np.arange(40) + 60)[:, None, None]  # row i is all 60 + i
    data = load("kws", write(tmp_path, x=a["x"]))
    train = {int(v) - 60 for v in data.features["train"][data.labels("train") == 0][:, 0, 0]}
    assert train == {i for i in range(40) if i % 10 < 8}
    assert {int(v) - 60 for v in data.background[:, 0, 0]} == train


def test_epochs_are_balanced_shuffled_and_cover_every_word(tmp_path: Path) -> None:
    data = load("kws", write(tmp_path))
    rng = np.random.default_rng(0)
    first, second = data.epoch(rng), data.epoch(rng)
    for e in (first, second):
        assert np.bincount(data.labels("train")[e]).tolist() == [6, 6, 6, 6]
        assert set(np.flatnonzero(data.labels("train") > 1)) <= set(e.tolist())
    assert not np.array_equal(first, second)
    assert np.array_equal(first, data.epoch(np.random.default_rng(0)))
    doubled = load("kws", tmp_path, share=2)
    assert np.bincount(doubled.labels("train")[doubled.epoch(rng)]).tolist() == [12, 12, 6, 6]
    more = load("kws", tmp_path, share=8)  # 48 of each, from 32 and 18 rows
    assert np.bincount(more.labels("train")[more.epoch(rng)]).tolist() == [48, 48, 6, 6]


def test_two_classes_without_background(tmp_path: Path) -> None:
    a = arrays()
    keep = a["y"] > 1
    path = write(tmp_path, x=a["x"][keep], y=a["y"][keep] - 2, split=a["split"][keep], classes=np.array(["yes", "no"]))
    data = load("kws", path)
    assert len(data.epoch(np.random.default_rng(0))) == 12
    assert len(data.background) == 0


def test_metadata_says_how_to_use_the_model(tmp_path: Path) -> None:
    data = load("kws", write(tmp_path))
    settings = {"frame_stride": 2, "coefficients": 10}
    meta = data.metadata(settings)
    assert json.loads(meta["micronets.labels"]) == CLASSES
    fe = FrontEnd.from_json(meta["micronets.frontend"])
    assert fe.input_shape == data.input_shape(settings) == (49, 10, 1)
    assert np.array_equal(examples(tmp_path, fe).inputs, data.inputs("test", settings))


def test_wavs_beside_it_become_the_test_split(tmp_path: Path) -> None:
    write(tmp_path)
    write_words(tmp_path / "test_wav", {"yes": 2, "_unknown_": 1, "_background_noise_": 1})
    data = load("kws", tmp_path)
    assert data.labels("test").tolist() == [1, 2, 2]
    assert data.notes == (f"{tmp_path / 'test_wav'}: no test clips for _silence_, no",)
    assert data.source == f"{tmp_path.name}/features.npz: 105 prepared clips, test: 3 recordings"
    e = examples(tmp_path, preset("micronet-mfcc"), ["yes", "no", "_unknown_"])
    assert (e.inputs.shape, e.labels.tolist(), e.classes) == ((3, 49, 10, 1), [2, 0, 0], ("yes", "no", "_unknown_"))


def message(path: Path, **options: object) -> str:
    with pytest.raises(MicronetsError) as e:
        load("kws", path, **options)
    return str(e.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"frontend": None}, "no array 'frontend'; a features.npz has x, y, split, classes, frontend"),
        (
            {"x": np.zeros((105, 98, 40))},
            "x is float64 [105, 98, 40]; need uint8 [N, frames, bands] with N of at least 1",
        ),
        ({"y": np.zeros(105)}, "y is float64 [105]; need integers [105], one for each row of x"),
        ({"y": np.full(105, 4)}, "y goes from 4 to 4; allowed: 0 to 3, an index into classes"),
        ({"split": np.array(["train"])}, "split is <U5 [1]; need text [105], one for each row of x"),
        ({"split": np.full(105, "dev")}, "split holds 'dev'; allowed: train, val, test, unassigned"),
        ({"classes": np.array(["a", "a", "b", "c"])}, "classes is <U1 [4]; need at least 2 different names"),
        (
            {"frontend": np.array('{"n_mels": 41}')},
            "rows of x are [98, 40], but its front end (logmel) gives [98, 41]; kind 'logmel' and the same shape are "
            "needed",
        ),
        (
            {"frontend": np.array('{"fmin": -1}')},
            "frontend: front end: bands from -1 to 4000 Hz; need 0 <= fmin < fmax <= 8000 Hz",
        ),
        (
            {"y": np.where((arrays()["y"] == 3) & (arrays()["split"] == "val"), 2, arrays()["y"])},
            "class 'no' has no val row; write the file so that some of its rows have split 'val'",
        ),
        (
            {"split": np.where(arrays()["split"] == "unassigned", "train", arrays()["split"])},
            "class '_silence_' has no val row; write the file so that split 'unassigned' holds 10 or more rows of "
            "background",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, changes: dict[str, object], text: str) -> None:
    path = write(tmp_path, **changes)
    assert message(path) == f"{path}: {text}"


@pytest.mark.parametrize("part", [0, 10, 1000, 300_000])
def test_a_truncated_file(tmp_path: Path, part: int) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:part])
    text = message(path)
    assert text.startswith(f"{path}: damaged or not an .npz file (")
    assert text.endswith("; write it again")


def test_a_file_of_objects_or_of_another_kind(tmp_path: Path) -> None:
    assert "damaged or not an .npz file" in message(write(tmp_path, y=np.array([{}] * 105, object)))
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert "damaged or not an .npz file" in message(tmp_path / "a.npy")
    (tmp_path / "a.zip").write_text("words")
    assert "damaged or not an .npz file" in message(tmp_path / "a.zip")


def test_another_front_end_needs_recordings(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(DataError) as e:
        examples(tmp_path, preset("micronet-mfcc"))
    assert str(e.value) == (
        f"{path}: prepared with another front end than the one asked for (mfcc, 40 ms every 20 ms);"
        " give a directory of WAV files"
    )
    assert (
        message(path, splits=("all",))
        == f"{path}: split 'all' is for directories of WAV files; allowed here: train, val, test"
    )


def test_a_class_that_the_model_does_not_know(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DataError) as e:
        examples(tmp_path, FrontEnd(), ["_silence_", "_unknown_", "no"])
    assert str(e.value) == (
        f"{tmp_path}: class 'yes' is not a label of the model (_silence_, _unknown_, no); give data of "
        "the model's classes, or a model of these data"
    )


def test_the_outline_has_the_front_end_and_the_classes_of_the_file(tmp_path: Path) -> None:
    """So a space that needs many bands, such as one for streams, is not refused before the data are read."""
    path = write(tmp_path, frontend=np.array('{"n_mels": 20, "clip_ms": 500}'))
    for given in (path, tmp_path):
        found = TASKS["kws"].outline(TASKS["kws"].options(path=str(given)))
        assert found.classes == 4
        assert found.space_options == {"frames": 48, "bands": 20}
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match=r"damaged or not an \.npz file"):
        TASKS["kws"].outline(TASKS["kws"].options(path=str(path)))
