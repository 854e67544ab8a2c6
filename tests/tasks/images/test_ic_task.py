import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from micronets.errors import MicronetsError, SpecError
from micronets.tasks.images import cifar, ic_task
from micronets.tasks.images.data import ImageData
from micronets.tasks.images.settings import ImageAugmentation

N = 20  # images of a batch
SHAPE = "; need uint8 [N, side, side, 3 or 1] with N of at least 1"


def batch(seed: int, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 3072), np.uint8), np.arange(n) % 10


def write_python(folder: Path) -> Path:
    for i, name in enumerate(
        ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
    ):
        x, y = batch(i)
        content = {b"data": x, b"labels": y.tolist(), b"batch_label": b"x", b"filenames": [b"a.png"] * N}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return folder


def write_binary(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for i, name in enumerate(
        ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
    ):
        x, y = batch(i)
        (folder / f"{name}.bin").write_bytes(
            b"".join(struct.pack("B", c) + row.tobytes() for c, row in zip(y, x, strict=True))
        )
    return folder


def arrays(n: int = 200, side: int = 8, splits: tuple[str, ...] = ("train", "test")) -> dict[str, np.ndarray]:
    x = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)
    split = np.array([splits[i // 10 % len(splits)] for i in range(n)])
    return {"x": x, "y": np.arange(n) % 10, "split": split, "classes": np.array(cifar.CLASSES)}


def write_npz(folder: Path, **changes: object) -> Path:
    np.savez(folder / "cifar10.npz", **{k: v for k, v in (arrays() | changes).items() if v is not None})
    return folder / "cifar10.npz"


def test_the_three_layouts_hold_the_same_pictures(tmp_path: Path) -> None:
    a = ic_task.load(write_python(tmp_path / "a" / "cifar-10-batches-py").parent, validation=10)
    b = ic_task.load(write_binary(tmp_path / "b" / "cifar-10-batches-bin"), validation=10)
    x = np.concatenate([batch(i)[0] for i in range(6)]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    y = np.concatenate([batch(i)[1] for i in range(6)])
    split = np.repeat(["train"] * 5 + ["test"], N)
    c = ic_task.load(write_npz(tmp_path, x=x, y=y, split=split), validation=10)
    for data in (a, b, c):
        assert data.classes == (
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        )
        assert [data.size(s) for s in ("train", "val", "test")] == [90, 10, 20]
        assert np.array_equal(data.pictures["test"], x[100:])
        for s in ("train", "val"):
            assert np.array_equal(data.pictures[s], a.pictures[s])
            assert np.array_equal(data.labels(s), a.labels(s))


def test_validation_has_every_class_alike_and_no_picture_of_train(tmp_path: Path) -> None:
    file = write_npz(tmp_path)
    data = ic_task.load(file, validation=20)
    assert np.bincount(data.labels("val")).tolist() == [2] * 10
    kept = {v.tobytes() for v in data.pictures["train"]}
    assert not kept & {v.tobytes() for v in data.pictures["val"]}
    assert np.array_equal(data.pictures["val"], ic_task.load(file, validation=20, splits=("val",)).pictures["val"])
    own = ic_task.load(write_npz(tmp_path, **arrays(splits=("train", "val", "test"))))
    assert [own.size(s) for s in ("train", "val", "test")] == [70, 70, 60]


def test_inputs_settings_and_metadata(tmp_path: Path) -> None:
    data = ic_task.load(write_npz(tmp_path), validation=20)
    assert data.input_shape({}) == (8, 8, 3)
    assert np.array_equal(data.inputs("test", {}) * 128 + 128, data.pictures["test"])
    assert data.inputs("val", {"resolution": 5, "colour": 1}, np.arange(3)).shape == (3, 5, 5, 1)
    meta = data.metadata({"resolution": 5})
    assert meta["micronets.task"] == "ic"
    assert json.loads(meta["micronets.labels"])[9] == "truck"
    assert json.loads(meta["micronets.frontend"])["via"] == 8
    assert sorted(data.epoch(np.random.default_rng(0)).tolist()) == list(range(80))


def drawn(data: ImageData, settings: dict[str, int] | None = None, seed: int = 0) -> np.ndarray:
    x = data.augmented(torch.arange(16), settings or {}, torch.Generator().manual_seed(seed)).numpy()
    return np.rint(x * 128 + 128)


def with_augmentation(tmp_path: Path, augmentation: ImageAugmentation) -> ImageData:
    return ic_task.load(write_npz(tmp_path), validation=20, augmentation=augmentation)


@pytest.mark.parametrize("settings", [{}, {"colour": 1}, {"resolution": 5}, {"resolution": 12, "colour": 1}])
def test_without_augmentation_training_sees_what_evaluation_sees(tmp_path: Path, settings: dict[str, int]) -> None:
    data = with_augmentation(tmp_path, ImageAugmentation.none())
    x = np.rint(data.inputs("train", settings, np.arange(16)) * 128 + 128)
    # A sum that ends in .5 may round either way.
    assert np.abs(drawn(data, settings) - x).max() <= 1
    assert (drawn(data, settings) != x).mean() < 0.01


def test_augmented_pictures_follow_their_generator(tmp_path: Path) -> None:
    everything = ImageAugmentation(zoom=(0.6, 1.1), aspect=1.3, brightness=0.2, contrast=0.2, saturation=0.2, erase=0.5)
    data = with_augmentation(tmp_path, everything)
    assert np.array_equal(drawn(data), drawn(data))
    assert not np.array_equal(drawn(data), drawn(data, seed=1))
    assert drawn(data).min() >= 0
    assert drawn(data).max() <= 255
    assert drawn(data, {"resolution": 6, "colour": 1}).shape == (16, 6, 6, 1)


def test_a_flip_is_a_mirror(tmp_path: Path) -> None:
    data = with_augmentation(tmp_path, ImageAugmentation(flip=1, shift=0))
    assert np.array_equal(drawn(data), data.pictures["train"][:16, :, ::-1])


def test_a_shift_moves_whole_pixels_and_mirrors_the_edge(tmp_path: Path) -> None:
    data = with_augmentation(tmp_path, ImageAugmentation(flip=0, shift=0.25))
    padded = np.pad(data.pictures["train"][:16], ((0, 0), (2, 2), (2, 2), (0, 0)), mode="symmetric")
    seen = set()
    for x, around in zip(drawn(data), padded, strict=True):
        places = [(i, j) for i in range(5) for j in range(5) if np.array_equal(around[i : i + 8, j : j + 8], x)]
        assert len(places) == 1
        seen |= set(places)
    assert len(seen) > 8


def test_zooming_in_shows_a_part(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None] * 8, (200, 32, 32, 3))
    write_npz(tmp_path, x=ramp)
    data = ic_task.load(tmp_path, validation=20, augmentation=ImageAugmentation(flip=0, shift=0, zoom=(0.5, 0.5)))
    x = drawn(data)[:, :, 16, 0]
    slope = (x[:, 28] - x[:, 4]) / 24  # half as steep, from a place between top and bottom
    assert np.allclose(slope, 4, atol=0.1)
    assert 0 <= x[:, 0].min() < x[:, 0].max() <= 130


def test_erasing_leaves_the_mean(tmp_path: Path) -> None:
    data = with_augmentation(tmp_path, ImageAugmentation(flip=0, shift=0, erase=1, erase_side=1))
    plain = data.pictures["train"][:16].astype(float)
    changed = drawn(data) != plain
    mean = np.broadcast_to(plain.mean((1, 2), keepdims=True), plain.shape)
    assert 0.05 < changed.mean() < 0.6
    assert np.abs(drawn(data) - mean)[changed].max() <= 0.51


def test_brighter_and_grayer(tmp_path: Path) -> None:
    write_npz(tmp_path, x=np.broadcast_to(np.array([50, 100, 150], np.uint8), (200, 8, 8, 3)))
    quiet = {"flip": 0, "shift": 0}
    x = drawn(ic_task.load(tmp_path, validation=20, augmentation=ImageAugmentation(**quiet, brightness=0.2)))[:, 0, 0]
    assert np.all(np.abs(x / [50, 100, 150] - x[:, 1:2] / 100) < 0.02)
    assert 75 < x[:, 1].min() < 90 < 110 < x[:, 1].max() < 125
    x = drawn(ic_task.load(tmp_path, validation=20, augmentation=ImageAugmentation(**quiet, saturation=0.5)))[:, 0, 0]
    assert np.ptp(x @ [0.2989, 0.587, 0.114]) < 2
    assert np.ptp(x[:, 2] - x[:, 0]) > 30


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"flip": 1.5}, "augmentation: flip = 1.5; allowed: 0 to 1"),
        ({"zoom": (0.0, 1.0)}, "augmentation: zoom = [0.0, 1.0]; allowed: a range within 0.05 to 2"),
        ({"aspect": 0.5}, "augmentation: aspect = 0.5; allowed: 1 to 4"),
        (
            {"zoom": (1.0, 1.8), "shift": 0.2},
            "augmentation: zoom[1] * sqrt(aspect) - 1 + shift = 1.00; allowed: up to 0.9; make one of them smaller",
        ),
    ],
)
def test_augmentation_out_of_range(options: dict[str, object], text: str) -> None:
    with pytest.raises(SpecError) as e:
        ImageAugmentation(**options)
    assert str(e.value) == text


def message(path: Path, **options: object) -> str:
    with pytest.raises(MicronetsError) as e:
        ic_task.load(path, **options)
    return str(e.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"classes": None}, "no array 'classes'; need x, y, split, classes"),
        ({"x": np.zeros((200, 8, 8, 3))}, "x is float64 [200, 8, 8, 3]" + SHAPE),
        ({"x": np.zeros((200, 8, 9, 3), np.uint8)}, "x is uint8 [200, 8, 9, 3]" + SHAPE),
        ({"y": np.zeros(3, int)}, "y is int64 [3]; need integers [200], one for each image"),
        ({"y": np.full(200, 10)}, "y goes from 10 to 10; allowed: 0 to 9, an index into classes"),
        ({"split": np.full(200, "dev")}, "split holds 'dev'; allowed: train, val, test"),
        ({"classes": np.array(["a"])}, "classes is <U1 [1]; need at least 2 different names"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, changes: dict[str, object], text: str) -> None:
    file = write_npz(tmp_path, **changes)
    assert message(file) == f"{file}: {text}"


def test_what_is_wrong_with_the_directory_is_said(tmp_path: Path) -> None:
    assert (
        message(tmp_path / "x")
        == f"{tmp_path / 'x'}: no such file or directory; give CIFAR-10's directory, unpacked, or an .npz file"
    )
    assert message(tmp_path).startswith(
        f"{tmp_path}: no CIFAR-10 in it; need cifar10.npz, data_batch_1 to 5 and test_batch"
    )
    write_npz(tmp_path)
    assert "split 'dev' is not known" in message(tmp_path, splits=("dev",))
    assert message(tmp_path, validation=100) == f"{tmp_path}: validation = 100; allowed: 1 to 99, of the 100 of train"
    (tmp_path / "cifar10.npz").write_bytes((tmp_path / "cifar10.npz").read_bytes()[:1000])
    assert "damaged or not an .npz file" in message(tmp_path)


def test_damaged_batches(tmp_path: Path) -> None:
    python, binary = write_python(tmp_path / "p"), write_binary(tmp_path / "b")
    for path in (python / "data_batch_3", binary / "data_batch_3.bin"):
        path.write_bytes(path.read_bytes()[:5000])
        assert message(path.parent).startswith(f"{path}: damaged or not a batch of CIFAR-10 (")
        path.unlink()
        assert message(path.parent) == f"{path}: cannot be read (No such file or directory); unpack CIFAR-10 again"


@pytest.mark.parametrize(
    "content", [b"", b"text", pickle.dumps([1]), pickle.dumps({b"data": 1, b"labels": 2}), pickle.dumps({})]
)
def test_pickles_that_are_no_batch(tmp_path: Path, content: bytes) -> None:
    write_python(tmp_path)
    (tmp_path / "test_batch").write_bytes(content)
    assert "damaged or not a batch of CIFAR-10" in message(tmp_path)


class Harm:
    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit",))


def test_a_pickle_cannot_run_a_program(tmp_path: Path) -> None:
    write_python(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps(Harm()))
    assert "it asks for builtins.exec, which no batch of CIFAR-10 needs" in message(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps({b"data": np.array([Harm()], object), b"labels": [0]}))
    assert "it asks for builtins.exec" in message(tmp_path)
