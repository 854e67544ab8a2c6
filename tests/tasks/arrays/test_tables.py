"""CSV files: which first line is headings, which columns are no measurement, and one line for each kind of damage."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import DataError
from micronets.tasks.arrays.tables import read_tables

RNG = np.random.default_rng(1)


def written(root: Path, texts: Mapping[str, str]) -> list[Path]:
    root.mkdir(exist_ok=True)
    for name, text in texts.items():
        (root / name).write_text(text)
    return [root / name for name in texts]


def noise(lines: int = 10, columns: int = 3) -> list[list[str]]:
    return [[f"{v:.3f}" for v in row] for row in RNG.normal(size=(lines, columns))]


def text(rows: list[list[str]], first: str = "", delimiter: str = ",") -> str:
    return first + "".join(delimiter.join(row) + "\n" for row in rows)


def shapes(paths: list[Path]) -> list[tuple[int, ...]]:
    return [a.shape for a in read_tables(paths)[0].values()]


def refusal(paths: list[Path]) -> str:
    with pytest.raises(DataError) as e:
        read_tables(paths)
    assert "\n" not in str(e.value)
    return str(e.value)


@pytest.mark.parametrize(
    ("first", "what"),
    [
        ("nan,2,3\n", "line 1, column 1 holds no number (empty, NA or NaN)"),
        ("1,-inf,3\n", "line 1, column 2 holds -inf; numbers up to 1e+30 can be used"),
        ("1,2,1e300\n", "line 1, column 3 holds 1e+300; numbers up to 1e+30 can be used"),
        (f"1,2,{'9' * 5000}\n", "line 1, column 3 holds inf; numbers up to 1e+30 can be used"),
        (",2,3\n", "line 1, column 1 holds no number (empty, NA or NaN)"),
        ("1,,3\n", "line 1, column 2 holds no number (empty, NA or NaN)"),
        ("NA,NA,NA\n", "line 1, column 1 holds no number (empty, NA or NaN)"),
        ("1,2,abc\n", "line 1, column 3 holds 'abc' beside numbers"),
    ],
)
def test_a_first_line_that_lacks_a_number_is_data(tmp_path: Path, first: str, what: str) -> None:
    (path,) = written(tmp_path, {"a.csv": text(noise(), first)})
    assert refusal([path]) == f"{path}: {what}; remove or repair it"


@pytest.mark.parametrize("first", ["ax,ay,az\n", "a x,,az\n", '"ax","ay (g)","az"\n', "# by hand\nax,ay,az\n"])
def test_a_first_line_of_words_is_headings(tmp_path: Path, first: str) -> None:
    assert shapes(written(tmp_path, {"a.csv": text(noise(), first)})) == [(10, 3)]


@pytest.mark.parametrize("first", ["0,1,2\n", "10.5,20.5,40\n", "band,1,2\n"])
def test_a_first_line_of_numbers_that_every_file_has_is_headings(tmp_path: Path, first: str) -> None:
    paths = written(tmp_path, {name: text(noise(), first) for name in ("a.csv", "b.csv", "c.csv")})
    arrays, notes = read_tables(paths)
    assert [a.shape for a in arrays.values()] == [(10, 3)] * 3
    assert notes == (f"the first line is the same in every .csv file, and taken for headings: {first.strip()}",)


def test_equal_numbers_that_do_not_rise_are_noticed_and_kept(tmp_path: Path) -> None:
    paths = written(tmp_path, {name: text(noise(), "0,0,0\n") for name in ("a.csv", "b.csv")})
    arrays, notes = read_tables(paths)
    assert [a.shape for a in arrays.values()] == [(11, 3)] * 2
    assert notes == ("the first line is the same in every .csv file; it is taken for numbers, not for headings: 0,0,0",)
    same = written(tmp_path / "same", dict.fromkeys(("a.csv", "b.csv"), "1,2,3\n" * 5))
    assert shapes(same) == [(5, 3)] * 2  # it stands in other lines too


def test_index_and_time_columns_are_named_and_left_out(tmp_path: Path) -> None:
    rows = noise(12)
    start = {"a": 0, "b": 12, "c": 24}

    def with_column(values: list[str], first: str) -> str:
        return text([[v, *row] for v, row in zip(values, rows, strict=True)], first)

    def notes_of(folder: str, first: str, column: object) -> tuple[str, ...]:
        assert callable(column)
        files = {f"{n}.csv": with_column([column(i, s) for i in range(12)], first) for n, s in start.items()}
        arrays, notes = read_tables(written(tmp_path / folder, files))
        assert {a.shape for a in arrays.values()} == {(12, 3)}
        np.testing.assert_array_equal(next(iter(arrays.values())), np.array(rows, float))
        return notes

    counts = "column 1 counts the lines and is left out"
    assert notes_of("pandas", ",ax,ay,az\n", lambda i, s: f"{i + s}") == (counts,)
    assert notes_of("bare", "", lambda i, s: f"{i + s}") == (counts,)
    tells = "shows the time (it rises in every file) and is left out"
    assert notes_of("time", "time_ms,x,y,z\n", lambda i, s: f"{20 * i + s + i % 3}") == (f"column 1 (time_ms) {tells}",)
    assert notes_of("jitter", "", lambda i, s: f"{0.02 * i + 0.001 * (i % 4) + s}") == (f"column 1 {tells}",)
    clock = "column 1 (when) holds dates or times of day and is left out"
    assert notes_of("clock", "when,x,y,z\n", lambda i, s: f"2024-05-01 10:{s + 10}:{i + 10}.5") == (clock,)
    assert notes_of("day", "when,x,y,z\n", lambda i, s: f"{s % 23:02}:{i + 10}:00") == (clock,)


def test_what_rises_by_accident_or_alone_is_learnt(tmp_path: Path) -> None:
    falls = {"a.csv": text([[f"{i}", *r] for i, r in enumerate(noise())]), "b.csv": text(noise(10, 4))}
    assert shapes(written(tmp_path / "one", falls)) == [(10, 4)] * 2
    ramp = {"a.csv": "".join(f"{i}\n" for i in range(10))}
    assert shapes(written(tmp_path / "alone", ramp)) == [(10, 1)]
    short = {"a.csv": text([[f"{i}", *r] for i, r in enumerate(noise(3))])}
    assert shapes(written(tmp_path / "short", short)) == [(3, 4)]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"], ids=["semicolon", "comma", "tab", "pipe"])
def test_a_first_line_of_excel_names_the_separator(tmp_path: Path, separator: str) -> None:
    rows = noise()
    first = f"sep={separator}\n" + separator.join(("x", "y", "z")) + "\n"
    (table,) = read_tables(written(tmp_path, {"a.csv": text(rows, first, separator)}))[0].values()
    assert np.array_equal(table, np.array(rows, float))
    wrong = written(tmp_path, {"b.csv": text([*rows, ["1", "2"]], first, separator)})
    assert "line 13 has 2 cells, line 2 has 3" in refusal(wrong)


def test_semicolons_tabs_decimal_commas_and_utf16(tmp_path: Path) -> None:
    rows = [[cell.replace(".", ",") for cell in row] for row in noise()]
    paths = written(tmp_path, {"a.csv": text(rows, "x;y;z\n", ";"), "b.csv": text(noise(), "", "\t"), "c.csv": ""})
    paths[2].write_bytes(text(noise(), "x,y,z\r\n").encode("utf-16"))
    assert shapes(paths) == [(10, 3)] * 3
    trailing = written(tmp_path, {"d.csv": text([[*row, ""] for row in noise()])})
    assert shapes(trailing) == [(10, 3)]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('"1,2\n3,4\n', "line 1: a quotation mark is opened and not closed, or stands inside a cell"),
        ('1,2\n3,"4\n5,6\n', "line 2: a quotation mark is opened and not closed, or stands inside a cell"),
        ("1,2\n3\n", "line 2 has 1 cells, line 1 has 2"),
        ("1,2\n3,walk\n", "line 2, column 2 holds 'walk', which is not a number"),
        ("1,2\n3,4\x005\n", "line 2, column 2 holds '4\\x005', which is not a number"),
        ("1,2\n3,\x1b[31m\n", "line 2, column 2 holds '\\x1b[31m', which is not a number"),
        ("x,y\n", "it has headings and no line of numbers"),
        ("\n\n", "it holds no line of numbers"),
    ],
)
def test_damage_is_named_with_its_line(tmp_path: Path, content: str, what: str) -> None:
    (path,) = written(tmp_path, {"a.csv": content})
    assert refusal([path]) == (
        f"{path}: not an array of numbers ({what}); write a .npy, or a .csv of numbers with rows of one length"
    )


def test_a_line_far_down_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    (path,) = written(tmp_path, {"a.csv": text(noise(), "x,y,z\n") + "1,,3\n"})
    assert refusal([path]) == f"{path}: line 12, column 2 holds no number (empty, NA or NaN); remove or repair it"
    path.write_bytes(b"1,2\n\xff,3\n")
    assert refusal([path]) == f"{path}: its text is not UTF-8 (byte 4); save it as UTF-8, or write a .npy"
    path.write_text("1,2\n1_000,3\n")
    assert "line 2, column 1 holds '1_000', which is not a number" in refusal([path])


def test_a_column_that_counts_down_is_left_out(tmp_path: Path) -> None:
    paths = written(
        tmp_path, {f"{n}.csv": text([[str(7 - i), row[0]] for i, row in enumerate(noise(8))]) for n in "ab"}
    )
    arrays, notes = read_tables(paths)
    assert notes == ("column 1 counts the lines and is left out",)
    assert {a.shape for a in arrays.values()} == {(8, 1)}


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, {f"{i}.csv": text(noise()) for i in range(4)})
    os.mkfifo(tmp_path / "a/pipe.csv")
    data = tasks.load("features", tmp_path)
    assert data.source.endswith(": 8 arrays of 10 x 3")
    assert data.notes == (f"1 pipe, device or broken link ignored (first: {tmp_path / 'a/pipe.csv'})",)


def test_folders_below_that_of_a_class_are_read_and_stay_together(tmp_path: Path) -> None:
    for c in ("still", "walk"):
        for person in ("anna", "ben", "carl", "dora", "eve"):
            (tmp_path / c / person).mkdir(parents=True)
            written(tmp_path / c / person, {f"{i}.csv": text(noise(4)) for i in range(4)})
    data = tasks.load("features", tmp_path)
    assert data.notes == ("split by 5 groups",)
    assert [data.size(s) for s in ("train", "val", "test")] == [24, 8, 8]


def test_damaged_files_of_strangers(shared: Path) -> None:
    for case in ("csv/nan1", "csv/csv_nan_first_line", "csv/csv_unclosed_quote", *(f"arrays/{n}.npz" for n in ARRAYS)):
        with pytest.raises(DataError) as e:
            tasks.load("features", shared / "cases" / case)
        assert "\n" not in str(e.value)
        assert str(e.value).startswith(str(shared / "cases" / case))


ARRAYS = ("nn", "em", "s2", "ovf", "lzm0")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", "\t").replace(".", ","),
        lambda text: text.replace(",", " "),
        lambda text: text.replace(",", "  "),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text.replace(",", ";").replace(".", ","),
    ],
    ids=["semicolons", "tabs", "spaces", "wide", "cr", "crlf", "mark"],
)
@pytest.mark.parametrize("head", ["", "x,y,z\n"])
def test_no_line_is_lost_however_numbers_are_written(tmp_path: Path, change: Callable[[str], str], head: str) -> None:
    """A first line of numbers with decimal commas was taken for headings, and dropped without a word."""
    values = np.random.default_rng(0).normal(0, 9, (2, 7, 3)).round(2)
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, rows in zip(paths, values, strict=True):
        text = head + "".join(",".join(map(str, row)) + "\n" for row in rows.tolist())
        path.write_bytes(change(text).encode())
    found, notes = read_tables(paths)
    assert np.array_equal([found[p] for p in paths], values)
    assert notes == ()


def test_a_single_table_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("x,label\n1,a\n2,b\n")
    with pytest.raises(DataError, match=r"all\.csv: one table; give an \.npz with x and y, a folder of "):
        tasks.load("features", tmp_path / "all.csv")


def test_pipes_and_devices_are_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(DataError, match=r": a pipe or a device; give an \.npz"):
            tasks.load("features", path)


def test_columns_that_tell_the_class_or_the_time_are_left_out_or_doubted(tmp_path: Path) -> None:
    def files(name: str, first: str, cell: Callable[[int, int], float]) -> list[Path]:
        rows = [[[*row, f"{cell(k, i)}"] for i, row in enumerate(noise(columns=2))] for k in range(3)]
        return written(tmp_path / name, {f"{k}.csv": text(rows[k], first) for k in range(3)})

    cases: list[tuple[str, Callable[[int, int], float], int, str]] = [
        (
            "a,b,label",
            lambda k, i: k,
            2,
            "gives the class, or who or what was recorded (it is the same in all lines of",
        ),
        ("a,b,c", lambda k, i: k, 3, "is the same in all lines of a file, and differs between files; it is used"),
        ("a,b,epoch", lambda k, i: 7 * i * i + i, 3, "rises in every file; it is used: remove it if it counts"),
        ("a,b,time", lambda k, i: i * 90 % 256, 2, "shows the time, as its heading says, and is left out"),
        ("a,b,t", lambda k, i: i * 90 % 256, 3, "is named like a time, but does not rise in every file; it is used"),
    ]
    for n, (first, cell, columns, note) in enumerate(cases):
        paths = files(f"c{n}", f"{first}\n", cell)
        arrays, notes = read_tables(paths)
        assert {a.shape for a in arrays.values()} == {(10, columns)}
        assert [x.startswith(f"column 3 ({first[4:]}) {note}") for x in notes] == [True], notes
    assert read_tables(files("same", "a,b,label\n", lambda k, i: 5))[1] == ()


def test_a_text_that_names_the_class_in_every_line_is_left_out(tmp_path: Path) -> None:
    rows = noise(columns=2)

    def files(name: str, cell: Callable[[int, int], str], first: str = "a,b,Activity\n") -> list[Path]:
        return written(
            tmp_path / name, {f"{k}.csv": text([[*r, cell(k, i)] for i, r in enumerate(rows)], first) for k in range(2)}
        )

    for n, cell in enumerate((lambda k, i: ("none", "jogging")[k], lambda k, i: "walking")):
        arrays, notes = read_tables(files(f"text{n}", cell))
        np.testing.assert_array_equal(next(iter(arrays.values())), np.array(rows, float))
        assert notes == (
            "column 3 (Activity) gives the class, or who or what was recorded (it is the same in all lines of a "
            "file) and is left out",
        )
    changing = files("changing", lambda k, i: "walking" if i < 7 else "jogging")
    assert "line 9, column 3 holds 'jogging', which is not a number" in refusal(changing)
    other = files("other", lambda k, i: "walking", "a,b,c\n")
    assert "line 2, column 3 holds 'walking', which is not a number" in refusal(other)


def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    paths = written(tmp_path, {"a.csv": text(noise(), "x,y,z\n"), "b.csv": text(noise(), "z,y,x\n")})
    assert refusal(paths) == (
        f"{paths[1]}: its columns ('z,y,x') are those of a.csv ('x,y,z') in another order; write them in one order"
    )
