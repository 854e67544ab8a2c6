"""The command that messages name for a missing package, for each way in which micronets can have been installed."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from micronets import installation


class _Distribution:
    """What `importlib.metadata` knows of an installation: the text of its direct_url.json, or None from an index."""

    def __init__(self, url: str | None) -> None:
        self.text = None if url is None else json.dumps({"url": url, "dir_info": {}})

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.text


@pytest.fixture(autouse=True)
def installed_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """micronets lies in a site-packages folder, without the checkout around it, and pip is that of the interpreter."""
    monkeypatch.setattr(installation, "__file__", str(tmp_path / "lib/site-packages/micronets/installation.py"))
    monkeypatch.setattr(shutil, "which", lambda name: str(Path(sys.prefix) / "bin" / name))
    installation._checkout.cache_clear()
    yield
    installation._checkout.cache_clear()


def from_url(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    monkeypatch.setattr(installation, "distribution", lambda name: _Distribution(url))


def test_from_an_index_the_distribution_is_named_and_never_a_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    from_url(monkeypatch, None)
    assert installation.install("sim") == "pip install 'micronets-tinyml[sim]'"


def test_from_a_checkout_that_is_still_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checkout = tmp_path / "my code"
    checkout.mkdir()
    (checkout / "pyproject.toml").touch()
    from_url(monkeypatch, checkout.as_uri())
    assert installation.install("tflm") == f"pip install '{checkout}[tflm]'"


def test_from_a_checkout_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from_url(monkeypatch, (tmp_path / "gone").as_uri())
    assert installation.install("tflm") == "pip install 'micronets-tinyml[tflm]'"


def test_run_from_its_sources_it_is_editable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(installation, "__file__", str(tmp_path / "src/micronets/installation.py"))
    assert installation.install("design") == f"pip install -e '{tmp_path}[design]'"


def test_another_pip_on_the_path_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from_url(monkeypatch, None)
    monkeypatch.setattr(shutil, "which", lambda name: "/elsewhere/bin/pip")
    monkeypatch.setattr(sys, "executable", "/home/a b/python3")
    assert installation.install("sim") == "'/home/a b/python3' -m pip install 'micronets-tinyml[sim]'"
