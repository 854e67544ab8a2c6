import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import DataError, MicronetsError, SpecError
from micronets.frontend.image import PRESETS, ImageFrontEnd
from micronets.tasks.images import coco, decode, synthetic
from micronets.tasks.images.split import held_out

Image = pytest.importorskip("PIL.Image")


def write(root: Path, counts: dict[str, int], size: tuple[int, int] = (20, 16)) -> Path:
    rng = np.random.default_rng(0)
    for name, n in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            x = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
            Image.fromarray(x).save(root / name / f"{i:04d}.png")
    return root


def test_folders_become_classes_and_splits(tmp_path: Path) -> None:
    data = tasks.load("images", write(tmp_path / "x", {"cup": 20, "pen": 30}), kept=12)
    assert (data.name, data.classes, data.source) == ("images", ("cup", "pen"), "x: 50 images")
    assert {s: np.bincount(data.labels(s)).tolist() for s in ("train", "val", "test")} == {
        "train": [16, 24],
        "val": [2, 3],
        "test": [2, 3],
    }
    assert data.inputs("val", {"resolution": 8, "colour": 1}).shape == (5, 8, 8, 1)
    seen = [v.tobytes() for s in ("train", "val", "test") for v in data.pictures[s]]
    assert len(set(seen)) == 50
    for s in ("train", "val", "test"):
        for i, (name, label) in enumerate(zip(data.files[s], data.labels(s), strict=True)):
            assert name.startswith(f"{data.classes[label]}/")
            picture, _ = decode.read(tmp_path / "x" / name, data.frontend)
            assert np.array_equal(data.pictures_of(s, np.array([i]))[0], picture)
    again = tasks.load("images", tmp_path / "x", kept=12, splits=("val",))
    assert np.array_equal(again.pictures["val"], data.pictures["val"])
    assert again.size("train") == 0


def test_named_splits_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "train", {"cup": 20, "pen": 20})
    write(tmp_path / "test", {"cup": 3, "pen": 2})
    data = tasks.load("images", tmp_path, kept=8)
    assert {s: data.size(s) for s in ("train", "val", "test")} == {"train": 36, "val": 4, "test": 5}
    assert tasks.load("images", tmp_path, kept=8, splits=("all",)).size("all") == 45


def test_splits_that_are_lacking_are_taken_from_train(tmp_path: Path) -> None:
    write(tmp_path / "train", {"cup": 20, "pen": 20})
    data = tasks.load("images", tmp_path, kept=8)
    assert {s: data.size(s) for s in ("train", "val", "test")} == {"train": 32, "val": 4, "test": 4}
    write(tmp_path / "val", {"cup": 3, "pen": 3})
    data = tasks.load("images", tmp_path, kept=8)
    assert {s: data.size(s) for s in ("train", "val", "test")} == {"train": 36, "val": 6, "test": 4}
    y = np.arange(40) % 2
    rows = {
        "x": np.zeros((40, 8, 8, 3), np.uint8),
        "y": y,
        "split": np.array(["train"] * 40),
        "classes": np.array(["a", "b"]),
    }
    np.savez(tmp_path / "rows.npz", **rows)
    data = tasks.load("images", tmp_path / "rows.npz", kept=8)
    assert {s: data.size(s) for s in ("train", "val", "test")} == {"train": 32, "val": 4, "test": 4}


def test_what_cannot_be_trained_on_is_said_before_training(tmp_path: Path) -> None:
    write(tmp_path / "only/test", {"cup": 9, "pen": 9})
    assert (
        message(tmp_path / "only")
        == f"{tmp_path / 'only'}: only test, no folder train; add one, or remove that level of folders"
    )
    assert tasks.load("images", tmp_path / "only", kept=8, splits=("test",)).size("test") == 18
    write(tmp_path / "more/train", {"cup": 9, "pen": 9})
    write(tmp_path / "more/test", {"cup": 2, "dog": 2})
    assert f"{tmp_path / 'more'}: class 'dog' is not in train; add images of it there" in message(tmp_path / "more")
    rows = {"x": np.zeros((8, 8, 8, 3), np.uint8), "y": np.arange(8) % 2, "classes": np.array(["a", "b"])}
    np.savez(tmp_path / "test.npz", split=np.array(["test"] * 8), **rows)
    assert message(tmp_path / "test.npz").endswith("no row has split 'train'; write the file so that some have")
    np.savez(tmp_path / "b.npz", split=np.where(np.arange(8) % 2, "test", "train"), **rows)
    assert "class 'b' is not in train" in message(tmp_path / "b.npz")
    (tmp_path / "words.txt").write_text("words")
    expected = f"{tmp_path / 'words.txt'}: damaged or not an .npz file (it does not begin like one); write it again"
    assert message(tmp_path / "words.txt") == expected


def test_names_may_hold_spaces_and_letters_of_any_script(tmp_path: Path) -> None:
    write(tmp_path, {"tasse à café ☕": 5, "кружка": 5})
    (tmp_path / "кружка" / "0000.png").rename(tmp_path / "кружка" / "第一 張.png")
    data = tasks.load("images", tmp_path, kept=8)
    assert data.classes == ("tasse à café ☕", "кружка")
    assert json.loads(data.metadata({})["micronets.labels"]) == [*data.classes]


def test_pictures_of_one_source_stay_together() -> None:
    files = {c: [Path(f"{c}{i:03d}{part}.jpg") for i in range(40) for part in "ab"] for c in ("x", "y")}
    out = held_out(files, ("val", "test"), Path("d"))
    where = [{p.stem[:-1] for v in out[s].values() for p in v} for s in ("train", "val", "test")]
    assert not where[0] & where[1] | where[0] & where[2] | where[1] & where[2]
    assert all(6 <= len(out["val"][c]) <= 14 for c in files)
    people = {c: [Path(f"{who}_{i}.jpg") for who in "abcdefghijklmnop" for i in range(5)] for c in ("x", "y")}
    out = held_out(people, ("val",), Path("d"))
    assert not {p.stem[0] for p in out["val"]["x"]} & {p.stem[0] for p in out["train"]["y"]}


@pytest.mark.parametrize("fit", ["crop", "stretch", "letterbox"])
def test_how_a_picture_becomes_square(tmp_path: Path, fit: str) -> None:
    x = np.zeros((8, 24, 3), np.uint8)
    x[:, :8], x[:, 8:16], x[:, 16:] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    for c in ("a", "b"):
        (tmp_path / c).mkdir()
        for i in range(3):
            Image.fromarray(x).save(tmp_path / c / f"{i}.png")
    got = tasks.load("images", tmp_path, kept=24, fit=fit).pictures["test"][0]
    middle = [int(v.argmax()) if v.max() > 50 else -1 for v in got[12, [2, 12, 21]]]
    assert middle == {"crop": [1, 1, 1], "stretch": [0, 1, 2], "letterbox": [0, 1, 2]}[fit]
    assert got[1, 12].max() == {"crop": 200, "stretch": 200, "letterbox": 0}[fit]


def with_file(tmp_path: Path, name: str = "odd.png") -> Path:
    write(tmp_path, {"cup": 4, "pen": 4})
    return tmp_path / "cup" / name


def load_all(tmp_path: Path) -> tasks.TaskData:
    return tasks.load("images", tmp_path, kept=16, splits=("all",))


def test_odd_pictures_are_converted_with_a_note(tmp_path: Path) -> None:
    from PIL.Image import Exif

    rng = np.random.default_rng(0)
    gray16 = with_file(tmp_path, "a16.png")
    Image.fromarray(rng.integers(0, 65536, (20, 20)).astype(np.uint16)).save(gray16)
    Image.new("CMYK", (20, 20), (10, 20, 30, 40)).save(tmp_path / "cup" / "b.jpg")
    Image.new("RGBA", (20, 20), (10, 20, 30, 0)).save(tmp_path / "cup" / "c.png")
    exif = Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "cup" / "d.jpg", exif=exif)
    Image.new("RGB", (1, 1)).save(tmp_path / "cup" / "e.png")
    Image.new("P", (20, 20)).save(tmp_path / "cup" / "f.png")
    Image.new("L", (20, 20), 77).save(tmp_path / "cup" / "g.png")
    data = load_all(tmp_path)
    assert data.size("all") == 15
    cup = tmp_path / "cup"
    assert data.notes == (
        f"all: rotated as their EXIF says: 1 image (first: {cup / 'd.jpg'})",
        f"all: CMYK converted to RGB: 1 image (first: {cup / 'b.jpg'})",
        f"all: 16 bits cut to 8: 1 image (first: {cup / 'a16.png'})",
        f"all: transparent parts made black: 1 image (first: {cup / 'c.png'})",
        f"all: smaller than 8 pixels: 1 image (first: {cup / 'e.png'})",
        f"all: of one colour, or almost black (no pixel above 15 of 255): 5 images (first: {cup / 'b.jpg'})",
    )
    assert load_all(tmp_path).notes == data.notes  # from the kept pictures
    assert data.pictures["all"][4].std() > 20
    assert data.pictures["all"][6].max() == 0
    assert data.pictures["all"][10].min() == 77


@pytest.mark.parametrize(("name", "text"), [("a.jpg", "not an image, whatever its name says"), ("b.jpg", "damaged")])
def test_files_that_are_no_pictures(tmp_path: Path, name: str, text: str) -> None:
    path = with_file(tmp_path, name)
    if name == "a.jpg":
        path.write_text("words")
    else:
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError) as e:
        load_all(tmp_path)
    assert str(e.value).startswith(f"{path}: {text}")
    assert "\n" not in str(e.value)


def message(path: Path, **options: object) -> str:
    with pytest.raises(MicronetsError) as e:
        tasks.load("images", path, **options)
    return str(e.value)


def test_directories_that_cannot_be_used(tmp_path: Path) -> None:
    assert "no such directory; give one with a folder of images for each class" in message(tmp_path / "x")
    assert "no folders in it" in message(tmp_path)
    write(tmp_path, {"cup": 5})
    assert message(tmp_path) == (
        f"{tmp_path}: only one class, 'cup'; a classifier needs at least two folders; "
        "to judge a finished model on this one alone, evaluate it with --split all"
    )
    write(tmp_path, {"pen": 1})
    assert "class 'pen' has 1 image; at least 3 are needed (one each for train, val and test)" in message(tmp_path)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("a")
    assert "no images for class 'text' (1 other file, first: a.txt); add some or remove the folder" in message(tmp_path)
    assert "split 'dev' is not known" in message(tmp_path, splits=("dev",))


def test_a_model_gets_its_own_front_end_and_order(tmp_path: Path) -> None:
    write(tmp_path, {"non_person": 4, "person": 6})
    card = tasks.Card(("person", "non_person"), PRESETS["micronet-vww"].to_json(), (20, 20, 1), "m.tflite")
    e = tasks.examples("vww", card, tmp_path, split="all")
    assert (e.inputs.shape, e.labels.tolist()) == ((10, 20, 20, 1), [1] * 4 + [0] * 6)
    assert 0 <= e.inputs.min() < e.inputs.max() <= 1
    with pytest.raises(SpecError, match=r"its input is \(20, 20, 3\), the front end gives \(20, 20, 1\)"):
        tasks.examples("vww", tasks.Card(None, card.frontend, (20, 20, 3), "m.tflite"), tmp_path)
    with pytest.raises(DataError, match="class 'person' is not a label of the model"):
        tasks.examples("vww", tasks.Card(("cat", "non_person"), card.frontend, (20, 20, 1), "m"), tmp_path, split="all")
    data = tasks.load("vww", tmp_path, kept=24)
    meta = data.metadata({"resolution": 16, "colour": 1})["micronets.frontend"]
    own = tasks.examples("vww", tasks.Card(data.classes, meta, (16, 16, 1), "m"), tmp_path)
    assert np.array_equal(own.inputs, data.inputs("test", {"resolution": 16, "colour": 1}))


def annotations() -> dict[str, object]:
    boxes = {1: [0, 0, 10, 5], 2: [0, 0, 7, 7], 3: [0, 0, 100, 100]}  # of 100 x 100: 0.5 %, 0.49 %, all
    return {
        "categories": [{"id": 5, "name": "person"}, {"id": 6, "name": "dog"}],
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 100, "height": 100} for i in range(1, 5)],
        "annotations": [{"image_id": i, "category_id": 6 if i == 3 else 5, "bbox": b} for i, b in boxes.items()],
    }


def test_coco_labels_follow_the_share_of_a_persons_box() -> None:
    assert coco.person_labels(annotations()) == {"1.jpg": (1, 1), "2.jpg": (2, 0), "3.jpg": (3, 0), "4.jpg": (4, 0)}


def test_coco_directories(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2014").mkdir()
    for i in range(1, 5):
        Image.new("RGB", (100, 100), (i, i, i)).save(tmp_path / "val2014" / f"{i}.jpg")
    file = tmp_path / "annotations" / "instances_val2014.json"
    file.write_text(json.dumps(annotations()))
    data = tasks.load("vww", tmp_path, kept=16, splits=("test",))
    assert (data.classes, data.labels("test").tolist()) == (("non_person", "person"), [1, 0, 0, 0])
    with pytest.raises(DataError, match=r"instances_train2014.json: cannot be read .*; unpack COCO"):
        tasks.load("vww", tmp_path)
    file.write_text('{"images": 3}')
    with pytest.raises(DataError, match="not COCO's instance annotations"):
        tasks.load("vww", tmp_path, splits=("test",))


def small_coco(root: Path, train: int = 60, val: int = 20) -> Path:
    """Writes images of one colour in COCO's form: number i has the id i, and every second one shows a person.

    Of the first 60 pictures to train on 4 serve for validation, of the first 20 of the other part 2.
    """
    for part, first, n in (("train2014", 0, train), ("val2014", 100, val)):
        (root / part).mkdir(parents=True)
        images = [
            {"id": i, "file_name": f"COCO_{part}_{i:012}.jpg", "width": 20, "height": 20}
            for i in range(first, first + n)
        ]
        for i in images:
            Image.new("RGB", (20, 20), (int(i["id"]),) * 3).save(root / part / str(i["file_name"]), quality=100)  # type: ignore[call-overload]
        outline = [[0.0, 0.0, 20.0, 0.0, 20.0, 20.0]]
        boxes = [
            {"image_id": i["id"], "category_id": 1, "bbox": [0, 0, 20, 20], "segmentation": outline}
            for i in images[1::2]
        ]
        (root / "annotations").mkdir(exist_ok=True)
        file = root / "annotations" / f"instances_{part}.json"
        file.write_text(
            json.dumps({"categories": [{"id": 1, "name": "person"}], "images": images, "annotations": boxes})
        )
    return root


def ids(data: tasks.TaskData, split: str) -> set[int]:
    return {round(float(x.mean())) for x in data.pictures[split]}  # type: ignore[attr-defined]


def test_the_papers_division_of_coco_and_minival(tmp_path: Path) -> None:
    root = small_coco(tmp_path / "coco")
    paper = tasks.load("vww", root, kept=8)
    assert ids(paper, "test") == set(range(100, 120))
    assert ids(paper, "train") | ids(paper, "val") == set(range(60))
    assert 0 < paper.size("val") < 10
    tested = {101, 106, 107, 118}
    (root / "annotations" / coco.MINIVAL).write_text("".join(f"{i}\n" for i in tested))
    data = tasks.load("vww", root, kept=8, coco_split="minival")
    assert data.source == "coco: 80 images of COCO 2014, minival"
    assert ids(data, "test") == tested
    assert ids(data, "train") | ids(data, "val") == {*range(60), *range(100, 120)} - tested
    assert not ids(data, "train") & ids(data, "val")
    assert ids(data, "val") >= ids(paper, "val")
    assert {int(name[-7:-4]) for name in data.files["test"]} == tested  # type: ignore[attr-defined]
    for s in ("train", "val", "test"):
        x = data.pictures[s].mean((1, 2, 3)).round()  # type: ignore[attr-defined]
        assert np.array_equal(x.astype(int) % 2, data.labels(s))


def test_a_model_is_tested_by_the_division_it_learnt_from(tmp_path: Path) -> None:
    root = small_coco(tmp_path / "coco", 20, 10)
    (root / coco.MINIVAL).write_text("101\n102\n")
    for division, count in (("paper", 10), ("minival", 2)):
        meta = tasks.load("vww", root, kept=8, coco_split=division).metadata({})
        card = tasks.Card(coco.CLASSES, meta["micronets.frontend"], (8, 8, 3), "m", meta)
        assert len(tasks.examples("vww", card, root).labels) == count


def test_minival_needs_its_list(tmp_path: Path) -> None:
    root = small_coco(tmp_path / "coco", 20, 10)

    def refused(text: str | None, division: str = "minival") -> str:
        if text is not None:
            (root / coco.MINIVAL).write_text(text)
        with pytest.raises(MicronetsError) as e:
            tasks.load("vww", root, kept=8, coco_split=division)
        return str(e.value)

    assert refused(None).startswith(
        f"{root / coco.MINIVAL}: no such file; coco_split = 'minival' needs the list of 8,059 "
    )
    assert refused("").endswith("the list of image ids is empty; fetch it again")
    assert "not a list of image ids, a number on each line (invalid literal" in refused("12\nCOCO_val2014_1.jpg\n")
    assert (
        refused("101\n7\n") == f"{root}: {coco.MINIVAL} holds 7, which is not an image of val2014; fetch the list again"
    )
    assert refused(None, "minval").startswith("coco_split = 'minval'; did you mean 'minival'?")


@pytest.mark.parametrize(("draw", "classes", "side"), [(synthetic.textures, 10, 32), (synthetic.people, 2, 96)])
def test_drawn_pictures_are_seeded_and_need_more_than_their_mean(draw: synthetic.Draw, classes: int, side: int) -> None:
    y = np.arange(200, dtype=np.int64) % classes
    x = draw(y, np.random.default_rng(0))
    assert (x.shape, x.dtype) == ((200, side, side, 3), np.uint8)
    assert np.array_equal(x, draw(y, np.random.default_rng(0)))
    assert x.std() > 30
    # The nearest class mean, from the other half: hardly better than a guess.
    train, test = x[:100].reshape(100, -1).astype(float), x[100:].reshape(100, -1).astype(float)
    means = np.stack([train[y[:100] == c].mean(0) for c in range(classes)])
    guess = ((test[:, None] - means) ** 2).sum(2).argmin(1)
    assert (guess == y[100:]).mean() < 1 / classes + 0.2


@pytest.mark.parametrize(("task", "classes"), [("ic", 10), ("vww", 2), ("images", 10)])
def test_without_data_pictures_are_drawn(task: str, classes: int) -> None:
    data = tasks.load(task, synthetic_images=40)
    assert data.synthetic
    assert data.source.startswith("synthetic")
    assert np.bincount(data.labels("train")).tolist() == [40 // classes] * classes
    fe = ImageFrontEnd.from_json(data.metadata({})["micronets.frontend"])
    assert data.inputs("val", {}).shape[1:] == fe.input_shape


@pytest.mark.parametrize(
    ("model", "front_end", "value"),
    [("mlperf_tiny/vww_96_int8", "mlperf-vww", 0.853), ("micronets/vww2_50_50_INT8", "micronet-vww", 0.757)],
)
def test_released_models_score_what_they_should(
    shared: Path, tmp_path: Path, model: str, front_end: str, value: float
) -> None:
    import zipfile

    from micronets.commands.evaluate import evaluate

    pack = shared / "data" / "vww_coco_96.zip"
    if not pack.is_file():
        pytest.skip(f"needs {pack}")
    zipfile.ZipFile(pack).extractall(tmp_path)
    result = evaluate(shared / "models" / f"{model}.tflite", "vww", tmp_path, front_end=front_end)
    assert result.samples == 521
    assert abs(result.value - value) < 0.04  # measured on 1,000 images, of which these are 521


def test_12_bits_in_16_are_not_almost_black(tmp_path: Path) -> None:
    from micronets.tasks.images.decode import pictures

    for name, top in (("twelve", 4095), ("sixteen", 65535)):
        ramp = np.linspace(0, top, 32 * 32).astype(np.uint16).reshape(32, 32)
        Image.fromarray(ramp).save(tmp_path / f"{name}.png")
    x, notes = pictures([tmp_path / "twelve.png", tmp_path / "sixteen.png"], ImageFrontEnd())
    assert np.abs(x[0].astype(int) - x[1]).max() <= 1
    assert x.max() == 255
    assert notes == (
        f"16 bits cut to 8: 1 image (first: {tmp_path / 'sixteen.png'})",
        f"12 bits stored as 16 cut to 8: 1 image (first: {tmp_path / 'twelve.png'})",
    )


def test_12_bits_in_16_of_three_colours_are_not_almost_black(tmp_path: Path) -> None:
    from micronets.tasks.images.decode import pictures

    ramp = np.linspace(0, 4095, 32 * 32 * 3).astype(np.uint16).reshape(32, 32, 3)
    for name, scale in (("twelve", 1), ("sixteen", 16)):
        rows = b"".join(b"\0" + row.tobytes() for row in (ramp * scale).astype(">u2"))
        parts = ((b"IHDR", struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)))
        (tmp_path / f"{name}.png").write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + b"".join(
                struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d))
                for n, d in (*parts, (b"IEND", b""))
            )
        )
    pgm = b"P5 32 32 4095\n" + ramp[..., 0].astype(">u2").tobytes()
    (tmp_path / "gray.pgm").write_bytes(pgm)
    names = ("twelve.png", "sixteen.png", "gray.pgm")
    x, notes = pictures([tmp_path / name for name in names], ImageFrontEnd())
    assert (x[0] == x[1]).all()
    assert np.abs(x[0].astype(int) - ramp / 16).max() <= 1
    assert np.abs(x[2, ..., 0].astype(int) - x[0, ..., 0]).max() <= 1
    assert notes == (
        f"16 bits cut to 8: 2 images (first: {tmp_path / 'sixteen.png'})",
        f"12 bits stored as 16 cut to 8: 1 image (first: {tmp_path / 'twelve.png'})",
    )


def test_animations_and_empty_pictures_are_noted_and_a_turn_that_is_none_is_not(tmp_path: Path) -> None:
    from micronets.tasks.images.decode import pictures

    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)) for _ in range(2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "b.jpg", format="MPO", save_all=True, append_images=frames[1:])
    dark = rng.integers(0, 256, (9, 9)).astype(np.uint16)  # 8 bits stored as 16
    Image.fromarray(dark).save(tmp_path / "c.png")
    exif = Image.Exif()
    exif[0x0112] = 99
    frames[0].save(tmp_path / "d.jpg", exif=exif)
    paths = [tmp_path / name for name in ("a.gif", "b.jpg", "c.png", "d.jpg")]
    assert pictures(paths, ImageFrontEnd())[1] == (
        f"12 bits stored as 16 cut to 8: 1 image (first: {paths[2]})",
        f"animated, the first frame is used: 1 image (first: {paths[0]})",
        f"of one colour, or almost black (no pixel above 15 of 255): 1 image (first: {paths[2]})",
    )


def test_pictures_of_telephones_are_named_with_the_way_out(tmp_path: Path) -> None:
    path = with_file(tmp_path, "x.jpg")
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    with pytest.raises(DataError) as e:
        load_all(tmp_path)
    assert str(e.value) == (
        f"{path}: an image in HEIC, which is not supported, whatever its name says; convert it: magick x.jpg x.png"
    )
    path.rename(path.with_suffix(".heic"))
    assert load_all(tmp_path).notes[0].endswith("x.heic; convert it: magick x.heic x.png)")
