"""Returns the command that installs a missing package in this installation of micronets.

The distribution is called `micronets-tinyml`; the name `micronets` on the Python Package Index belongs to another
project, so `pip install micronets` would install an unrelated package. The import name is `micronets` all the same.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from micronets.errors import MissingPackageError

DISTRIBUTION = "micronets-tinyml"

EXTRAS = {
    "torch": "design",
    "scipy": "design",
    "soundfile": "design",
    "espeakng_loader": "speech",
    "tflite_micro": "tflm",
    "unicorn": "sim",
    "capstone": "sim",
    "elftools": "sim",
    "serial": "board",
    "sounddevice": "listen",
    "onnx": "onnx",
    "ray": "ray",
}
"""For each package, the extra of the installation (`pip install 'micronets-tinyml[EXTRA]'`) that brings it."""


def install(extra: str) -> str:
    """Returns the command that adds the packages of an extra, such as `pip install 'micronets-tinyml[sim]'`.

    - `extra`: a name under `[project.optional-dependencies]` of pyproject.toml.

    In an installation from a checkout, the command installs from that checkout, editable if it was. If pip on the path
    is not this interpreter's, the command names the interpreter, so that the packages are installed for it.
    """
    return f"{_pip()} install {shlex.join(_source(extra))}"


def require(package: str) -> None:
    """Raises `MissingPackageError`, with the command that installs it, if a package of `EXTRAS` is not installed."""
    if find_spec(package) is None:
        raise MissingPackageError(f"this needs the package '{package}': {install(EXTRAS[package])}")


def _pip() -> str:
    found = shutil.which("pip")
    here = Path(sys.prefix).resolve()
    if found and Path(found).parent.resolve().is_relative_to(here):
        return "pip"
    return f"{shlex.quote(sys.executable or 'python3')} -m pip"


def _source(extra: str) -> list[str]:
    """Returns the arguments after `pip install`."""
    checkout, editable = _checkout()
    if checkout is None:
        return [f"{DISTRIBUTION}[{extra}]"]
    return [*(["-e"] if editable else []), f"{checkout}[{extra}]"]


@cache
def _checkout() -> tuple[Path | None, bool]:
    """Returns the directory from which micronets was installed, None if it is gone, and whether it is editable."""
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").is_file():
        return root, True  # runs from its sources: an editable installation, or these on PYTHONPATH
    try:
        text = distribution(DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        return None, False
    url = json.loads(text)["url"] if text else ""
    path = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
    return (path, False) if path and (path / "pyproject.toml").is_file() else (None, False)
