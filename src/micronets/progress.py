"""`Progress`: how long-running work tells the command line, or whoever called it, how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
"""What happened: `stage` names the work, and then either

- `note`: a sentence; or
- `step`, `steps`: how much of how much is done, `seconds_left` where that is known, and figures such as `loss` by name.
"""

Progress = Callable[[Event], None]
"""A function that is told of every event."""
