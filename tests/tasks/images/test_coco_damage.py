"""Annotations of COCO that are damaged or odd end in one line that names the file."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from micronets import tasks
from micronets.errors import DataError


def coco(root: Path, **changes: Any) -> Path:
    """Writes a directory of COCO with pictures and annotations; `changes` are to the first image of train2014."""
    (root / "annotations").mkdir(parents=True)
    for part in ("train2014", "val2014"):
        (root / part).mkdir()
        images, boxes = [], []
        for i in range(40):
            name = f"{part}_{i}.png"
            Image.fromarray(np.full((8, 8, 3), 6 * i, np.uint8)).save(root / part / name)
            images.append({"id": i, "file_name": name, "width": 8, "height": 8})
            if i % 2:
                boxes.append({"image_id": i, "category_id": 1, "bbox": [0, 0, 8, 8], "segmentation": []})
        if part == "train2014":
            images[0] |= changes
        table = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}
        (root / "annotations" / f"instances_{part}.json").write_text(json.dumps(table))
    return root


def test_the_directory_is_read_as_it_is_written(tmp_path: Path) -> None:
    data = tasks.load("vww", coco(tmp_path / "coco"), kept=8)
    assert sum(data.size(s) for s in ("train", "val")) == 40
    assert data.labels("test").tolist() == [i % 2 for i in np.argsort([f"val2014_{i}.png" for i in range(40)])]


@pytest.mark.parametrize("name", ["lone\ud800.png", "../../secret.png", "/etc/passwd", "a\0b.png", "", 7, None, ["x"]])
def test_names_that_are_none(tmp_path: Path, name: Any) -> None:
    root = coco(tmp_path / "coco", file_name=name)
    with pytest.raises(DataError) as e:
        tasks.load("vww", root, kept=8)
    assert str(e.value).startswith(
        f"{root / 'annotations/instances_train2014.json'}: not COCO's instance annotations ("
    )
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"categories": 1}', "[" * 100_000, "9" * 5000, '{"images": [{}]}', "\udcff"]
)
def test_text_that_is_no_annotation(tmp_path: Path, text: str) -> None:
    file = coco(tmp_path / "coco") / "annotations/instances_train2014.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=r"instances_train2014.json: not COCO's instance annotations \(.+\); unpack"):
        tasks.load("vww", tmp_path / "coco", kept=8)


def test_a_pipe_in_the_place_of_annotations_does_not_hang(tmp_path: Path) -> None:
    file = coco(tmp_path / "coco") / "annotations/instances_train2014.json"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(DataError, match=r"cannot be read \(a pipe or a device, not a file\)"):
        tasks.load("vww", tmp_path / "coco", kept=8)


def test_a_box_without_sides(tmp_path: Path) -> None:
    file = coco(tmp_path / "coco") / "annotations/instances_train2014.json"
    table = json.loads(file.read_text())
    table["annotations"][0]["bbox"] = [1]
    file.write_text(json.dumps(table))
    with pytest.raises(DataError, match="not COCO's instance annotations"):
        tasks.load("vww", tmp_path / "coco", kept=8)
