"""The errors that a user can cause; each message says what is wrong, where, the value, and what to do.

MicronetsError                 exit code 2: the request cannot be fulfilled
├── SpecError                  a bad architecture, space, board, configuration or option
│   └── UserCodeError          code of the user's (a space, a task, an augmentation) that failed
├── FileError                  a file that is missing, damaged or of the wrong kind
├── DataError                  a data set or recording that cannot be used
├── UnsupportedError           a valid model with something that micronets does not support
├── TrainingError              a training that diverged
├── BudgetError                a budget that no network of the space was found to meet
├── MissingPackageError        a package that is needed and not installed
├── DeviceError                a runtime, compiler, simulator or board failed
└── CheckFailed                exit code 1: it was done, and the result is wrong or misses a limit
    └── DoesNotFit             a model that is too large for the board
Any other exception is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from micronets.terminal import printable

_LONGEST = 1500  # characters of a message; a user's path or text may be longer


class MicronetsError(Exception):
    """The base of every error caused by the input, not by a bug of ours.

    Its message is one line that can be shown unchanged: control characters are escaped, and the middle of a message
    beyond 1,500 characters is left out.
    """

    exit_code = 2

    def __init__(self, message: str = "") -> None:
        line = printable(re.sub(r"\s*[\r\n]\s*|\t", " ", message))
        half = _LONGEST // 2
        super().__init__(line if len(line) <= _LONGEST else f"{line[:half]} ... {line[-half:]}")


class SpecError(MicronetsError):
    """A bad architecture, search space, board, configuration or option."""


class UserCodeError(SpecError):
    """Code of the user's, such as a search space of their own, that failed; the message names its file and line."""


class FileError(MicronetsError):
    """A file that is missing, damaged or of the wrong kind."""


class DataError(MicronetsError):
    """A data set or a recording that cannot be used as it is."""


class UnsupportedError(MicronetsError):
    """A well-formed model that uses something that micronets does not support."""


class TrainingError(MicronetsError):
    """A training that diverged: its loss is not a number."""


class BudgetError(MicronetsError):
    """A budget that no network of the space was found to meet. Nothing is made, so it counts as bad input."""


class MissingPackageError(MicronetsError):
    """A package that is needed but not installed; the message names the command that installs it."""


class DeviceError(MicronetsError):
    """A runtime, compiler, simulator or board failed."""


class CheckFailed(MicronetsError):
    """A check of the result failed: outputs differ, or a finished model misses a limit of its budget."""

    exit_code = 1


class DoesNotFit(CheckFailed):
    """A model is too large for the memory of a board."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Returns a hint with the known word nearest to `word`, ignoring case, and all known words.

    - word: the given word; callers from Python may give other values than text.
    - known: the allowed words.
    """
    known = sorted(known)
    by_lower_case = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(word).lower()[:100], by_lower_case, n=1, cutoff=0.5)
    hint = f"did you mean '{by_lower_case[near[0]]}'? " if near else ""
    return f"{hint}known: {', '.join(known)}"
