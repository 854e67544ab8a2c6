"""Lines of progress of the benchmarks that train for long."""

from __future__ import annotations

import sys
import time

from micronets.progress import Event


class _Said:
    at = 0.0


def say(event: Event) -> None:
    """Prints an event to stderr, one every half minute."""
    if time.monotonic() - _Said.at > 30:
        _Said.at = time.monotonic()
        print(event, file=sys.stderr)
