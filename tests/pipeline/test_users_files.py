"""Files of the user's that a run finds where its own belong: they are named and stay as they are."""

from pathlib import Path

import pytest

from micronets.errors import FileError, SpecError
from micronets.pipeline.config import load
from micronets.pipeline.context import opened
from micronets.pipeline.perform import run
from micronets.pipeline.toml_config import to_toml

TEXT = """# my notes
task = "features"
board = "NUCLEO-F446RE"
[space]
name = "dscnn"
"""


@pytest.mark.parametrize("written", [True, False])
def test_a_configuration_in_the_run_directory_stays(tmp_path: Path, written: bool) -> None:
    """A comment is lost if a configuration is written over, and all of it if the run then fails."""
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    if written:  # as a run wrote it, but into another directory
        path.write_text(to_toml(load(path, (), "elsewhere")))
    before = path.read_bytes()
    for source in (path, tmp_path):
        with pytest.raises(FileError, match=r"config.toml: is your own configuration, which the run would replace"):
            run(source, out=tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["config.toml"]


def test_what_a_stopped_run_left_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TEXT)
    out = tmp_path / "run"
    config = load(tmp_path / "a.toml", (), str(out))
    with pytest.raises(KeyboardInterrupt), opened(config, resume=False, progress=lambda _: None):
        raise KeyboardInterrupt
    left = (out / "config.toml").read_bytes()
    with pytest.raises(SpecError), opened(load(out / "config.toml"), resume=True, progress=lambda _: None):
        raise SpecError("x")
    assert (out / "config.toml").read_bytes() == left


def test_a_report_of_the_users_is_named_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TEXT)
    out = tmp_path / "run"
    config = load(tmp_path / "a.toml", (), str(out))
    with pytest.raises(KeyboardInterrupt), opened(config, resume=False, progress=lambda _: None):
        raise KeyboardInterrupt
    (out / "stages.json").write_text("{}")
    (out / "report.html").write_text("mine")
    events: list[object] = []
    with pytest.raises(FileError, match=r"report.html: exists, but micronets did not write it; move it away"):
        run(out, resume=True, progress=events.append)
    assert events == []
    assert (out / "report.html").read_text() == "mine"
