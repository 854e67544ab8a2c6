"""Modules that a test needs and that may not be installed: it is then skipped, with the command that installs them."""

from typing import Any

import pytest

from micronets.installation import install


def needs(package: str, extra: str) -> Any:
    """Returns a module that comes with an extra of pyproject.toml.

    - package: the name of the module.
    - extra: the extra that brings it, for the reason.

    Skips the test where the module is missing; while a file is imported, the whole file.
    """
    return pytest.importorskip(package, reason=f"needs {package}: {install(extra)}")
