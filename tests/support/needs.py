"""What a test needs that may not be installed; without it the test is skipped, and the reason names the way to get
it.
"""

from typing import Any

import pytest

from micronets.installation import install


def needs(package: str, extra: str) -> Any:
    """The module `package` of an extra of pyproject.toml; skips the test, or the whole file at import, where it is
    missing.
    """
    return pytest.importorskip(package, reason=f"needs {package}: {install(extra)}")
