"""What the programs that tests start do with signals, however the tests themselves were started."""

import signal
from types import FrameType


def _nothing(number: int, frame: FrameType | None) -> None:
    """Handles a signal by doing nothing, which for the tests themselves is the same as ignoring it."""


def reach_children() -> None:
    """Lets SIGINT and SIGHUP end the programs that this process starts, even if this process ignores them.

    A shell makes a job in the background ignore SIGINT, and `nohup` makes it ignore SIGHUP. A program inherits what
    is ignored but not what is handled, so each of the two that is ignored gets a handler that does nothing.
    """
    for name in ("SIGINT", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _nothing)
