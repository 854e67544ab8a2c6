"""On a terminal the progress of a stage is one line that is written anew; elsewhere it is lines."""

import io

import pytest

from micronets.cli import common
from micronets.progress import NoteEvent, StepEvent


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(text: str) -> list[str]:
    """Returns what is left to see on a terminal after `text`: a carriage return and `ESC [ K` empty the last line."""
    seen = [""]
    i = 0
    while i < len(text):
        if text.startswith("\r\x1b[K", i):
            seen[-1], i = "", i + 4
            continue
        if text[i] == "\n":
            seen.append("")
        else:
            seen[-1] += text[i]
        i += 1
    return seen


def test_a_line_of_progress_is_written_anew_and_gives_way_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    say = common.ProgressPrinter(seconds=0)
    say(StepEvent("train", 1, 9, 80.0))
    say(StepEvent("train", 2, 9, 70.0, {"loss": 0.5, "some_figure_that_is_so_long_that_the_line_ends": 1.0}))
    assert [line.split()[:3] for line in shown(terminal.getvalue())] == [["train", "step", "2/9"]]
    assert len(shown(terminal.getvalue())[-1]) == 59, "a second line could not be erased"
    say(NoteEvent("train", "a note"))
    assert shown(terminal.getvalue()) == ["train     a note", ""]
    say(StepEvent("train", 8, 9, 10.0))
    common.echo("an error", err=True)
    say(StepEvent("train", 9, 9, 0.0))
    assert shown(terminal.getvalue()) == ["train     a note", "an error", "train     step 9/9  100%  left 0 s", ""]


def test_elsewhere_and_on_a_plain_terminal_there_are_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> None:
        say = common.ProgressPrinter(seconds=0)
        say(StepEvent("train", 1, 9, 80.0))
        say(StepEvent("train", 2, 9, 70.0))

    told()
    lines = "train     step 1/9   11%  left 1:20\ntrain     step 2/9   22%  left 1:10\n"
    assert capsys.readouterr().err == lines
    plain = Terminal()
    monkeypatch.setattr("sys.stderr", plain)
    monkeypatch.setenv("TERM", "dumb")
    told()
    assert plain.getvalue() == lines
