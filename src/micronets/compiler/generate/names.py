"""`Names`: the names of a generated network's files, functions and macros; a program can hold several networks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from micronets.errors import SpecError

DEFAULT = "model"
"""The name of a network without a given name."""

LONGEST = 40
"""Characters of the longest name."""

_OTHERS = """
assert complex ctype errno example fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string test_vector tgmath threads time uchar wchar wctype
"""
"""Names whose header would hide a header of the C library or of the package itself."""

_WINDOWS_DEVICE = r"con|prn|aux|nul|(com|lpt)[0-9]"
"""Device names of Windows, which no file may have there, whatever its extension."""


@dataclass(frozen=True)
class Names:
    """The names of a network's files, functions, macros and libraries.

    - name: the network's name, a C identifier in lower case: its header is NAME.h, its functions are
      `micronets_NAME_input` and so on, its macros `MICRONETS_NAME_INPUT_COUNT` and so on.

    Raises `SpecError` for a name that is not such an identifier, is too long, or is that of another header or a device.
    """

    name: str = DEFAULT

    def __post_init__(self) -> None:
        why = _why_not(self.name)
        if why:
            raise SpecError(
                f"name '{self.name}': {why}; use lower-case letters, digits and _, a letter first, at most {LONGEST}"
            )

    @property
    def header(self) -> str:
        """The file that declares the network's functions."""
        return f"{self.name}.h"

    @property
    def source(self) -> str:
        """The file that holds the network."""
        return f"{self.name}.c"

    @property
    def library(self) -> str:
        """The name of the network's library in build systems."""
        return f"micronets_{self.name}"

    @property
    def functions(self) -> str:
        """The beginning of the names of functions and of constants."""
        return f"micronets_{self.name}_"

    @property
    def macros(self) -> str:
        """The beginning of the names of macros."""
        return f"MICRONETS_{self.name.upper()}_"


def _why_not(name: str) -> str | None:
    """Returns why a network cannot have a name; None if it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name.endswith("_") or "__" in name:
        return "is not a valid C name"
    if len(name) > LONGEST:
        return f"has {len(name)} characters"
    if name in _OTHERS.split() or name.startswith("micronets"):
        return "is taken by another header"
    if re.fullmatch(_WINDOWS_DEVICE, name):
        return "is a device on Windows"
    return None


def name_from(text: str) -> str:
    """Makes a name from any text, such as a file name."""
    found = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if found and not found[0].isalpha():
        found = f"net_{found}"
    found = found[:LONGEST].strip("_")
    return (
        found if found and _why_not(found) is None else f"{DEFAULT}_{found}"[:LONGEST].strip("_") if found else DEFAULT
    )
