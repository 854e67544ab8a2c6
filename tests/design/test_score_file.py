"""Losses that several searches share in a file."""

from pathlib import Path

from micronets.design.score_file import ScoreFile


def test_what_one_search_adds_another_reads_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    one, two = ScoreFile(path, "supernet"), ScoreFile(path, "supernet")
    assert one.get("a") is None
    one.add("a", 0.1 + 0.2)
    assert two.get("a") == 0.1 + 0.2
    two.add("b", float("inf"))
    assert one.get("b") == float("inf")
    assert ScoreFile(path, "another supernet").get("a") is None


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    ScoreFile(path, "s").add("a", 1.0)
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole.replace(b'"a"', b'"b"')[:cut])
        ScoreFile(path, "s").add("c", 3.0)  # goes on in the same line
        ScoreFile(path, "s").add("d", 4.0)
        found = ScoreFile(path, "s")
        assert (found.get("a"), found.get("b"), found.get("d")) == (1.0, None, 4.0)
