"""What a test needs and may not be installed: it is then skipped, with the command that installs it."""

from typing import Any

import pytest

from micronets.device.tflm import interpreter
from micronets.installation import install

needs_tflm = pytest.mark.skipif(not interpreter.available(), reason=f"needs TFLM: {install('tflm')} on Linux x86-64")
"""Skips a test, or as `pytestmark` a file, where TFLM is not installed."""


def needs(package: str, extra: str) -> Any:
    """Returns a module that comes with an extra of pyproject.toml.

    - package: the name of the module.
    - extra: the extra that brings it, for the reason.

    Skips the test where the module is missing; while a file is imported, the whole file.
    """
    return pytest.importorskip(package, reason=f"needs {package}: {install(extra)}")
