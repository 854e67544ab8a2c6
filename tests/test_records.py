"""Records as JSON: what was written is read again, and anything else is refused by the name of the field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from micronets.errors import FileError
from micronets.records import from_json, read_lines, read_record, to_json, write_lines


@dataclass(frozen=True)
class Pixel:
    x: int
    shade: float
    kind: Literal["pixel"] = "pixel"


@dataclass(frozen=True)
class Label:
    text: str
    kind: Literal["label"] = "label"


Drawn = Pixel | Label


@dataclass(frozen=True)
class Picture:
    name: str
    size: tuple[int, int]
    parts: tuple[Drawn, ...]
    notes: Mapping[str, tuple[float, ...]]
    grey: bool = True
    origin: Pixel | None = None
    mode: Literal["fast", "slow"] = "fast"


PICTURE = Picture("a", (3, 4), (Pixel(1, 0.5), Label("b")), {"c": (1.0, 2.0)}, False, Pixel(0, 1))


def test_what_was_written_is_read_again() -> None:
    assert from_json(Picture, json.loads(json.dumps(to_json(PICTURE)))) == PICTURE
    assert from_json(Picture, to_json(PICTURE) | {"unknown": 1}) == PICTURE
    few = {"name": "a", "size": [3, 4], "parts": [], "notes": {}}
    assert from_json(Picture, few) == Picture("a", (3, 4), (), {})
    assert [from_json(Drawn, to_json(part)) for part in PICTURE.parts] == [*PICTURE.parts]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 5}, "name: is 5, not a text"),
        ({"size": [3]}, "size: is [3], not an array of 2"),
        ({"size": [3, 4.5]}, "size[1]: is 4.5, not a whole number"),
        ({"size": [3, True]}, "size[1]: is true, not a whole number"),
        ({"grey": 1}, "grey: is 1, not true or false"),
        ({"notes": {"c": [1, "2"]}}, 'notes.c[1]: is "2", not a number'),
        ({"notes": [1]}, "notes: is [1], not an object"),
        ({"origin": {"shade": 1.0}}, "origin.x: missing"),
        ({"origin": [1]}, "origin: is [1], not an object (Pixel)"),
        ({"mode": "quick"}, 'mode: is "quick", not one of fast, slow'),
        ({"parts": [{"kind": "line"}]}, 'parts[0].kind: is "line", not one of pixel, label'),
        ({"parts": [{"x": 1}]}, "parts[0].kind: is null, not one of pixel, label"),
        ({"parts": [7]}, "parts[0]: is 7, not an object"),
        ({"name": None}, "name: is null, not a text"),
        ({"name": ["x" * 90]}, f'name: is ["{"x" * 35}..., not a text'),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        from_json(Picture, to_json(PICTURE) | change)
    assert str(caught.value) == message


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "parts.jsonl"
    parts = (Pixel(1, 0.25), Pixel(2, 1.0))
    write_lines(path, parts)

    def pixel(table: Any) -> Pixel:
        return from_json(Pixel, table)

    assert read_lines(pixel, path, "draw again") == parts
    whole = path.read_text()
    for text, message in (
        (whole + '{"x": 3, "sha', "parts.jsonl, line 3: damaged (Unterminated string"),
        (whole.replace("0.25", "null"), "parts.jsonl, line 1: damaged (shade: is null, not a number); draw again"),
        (whole.replace("2,", "2.5,"), "parts.jsonl, line 2: damaged (x: is 2.5, not a whole number); draw again"),
        ("[" * 100_000, "parts.jsonl, line 1: damaged ("),
        ("7", "parts.jsonl, line 1: damaged (is 7, not an object (Pixel)); draw again"),
    ):
        path.write_text(text)
        with pytest.raises(FileError) as caught:
            read_lines(pixel, path, "draw again")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"\xff\xff")
    with pytest.raises(FileError, match=r"parts.jsonl: damaged \('utf-8' codec .*\); draw again$"):
        read_lines(pixel, path, "draw again")
    with pytest.raises(FileError, match=r"none.jsonl: cannot be read \(No such file or directory\); draw again$"):
        read_lines(pixel, tmp_path / "none.jsonl", "draw again")


def test_a_file_of_one_record(tmp_path: Path) -> None:
    path = tmp_path / "picture.json"
    path.write_text(json.dumps(to_json(PICTURE)))

    def picture(table: Any) -> Picture:
        return from_json(Picture, table)

    assert read_record(picture, path, "draw again") == PICTURE
    for text, message in (
        ("{", "damaged (Expecting property name enclosed in double quotes"),
        ("[1]", "damaged (is [1], not an object (Picture)); draw again"),
        (
            json.dumps(to_json(PICTURE) | {"size": [3, "4"]}),
            'damaged (size[1]: is "4", not a whole number); draw again',
        ),
    ):
        path.write_text(text)
        with pytest.raises(FileError) as caught:
            read_record(picture, path, "draw again")
        assert str(caught.value).startswith(f"{path}: {message}")
