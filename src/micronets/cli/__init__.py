"""The command line: arguments, files, messages and exit codes, and nothing else.

Heavy imports wait until a command needs them, and nearly all imports until Ctrl-C is looked after.

Results go to stdout; progress, warnings and errors go to stderr. The exit code is one of these:

- 0: it was done.
- 1: it was done, and a check failed: outputs differ, a limit is missed, or a model does not fit the board.
- 2: it cannot be done: bad input, a budget that nothing can keep, a missing tool, a full disk.
- 130: it was interrupted.
"""

from __future__ import annotations

import sys

from micronets.cli import interrupts


def main() -> None:
    """Runs the command line and exits with its code."""
    interrupts.look_after()
    from micronets.cli.program import perform_command

    sys.exit(perform_command())
