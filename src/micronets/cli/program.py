"""The commands as one program: runs them, and reports errors with one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys

import click

from micronets import __version__
from micronets.cli import common, data, devices, importing, interrupts, lists, models, stages, sweep
from micronets.errors import MicronetsError
from micronets.files import link_to_nothing
from micronets.installation import EXTRAS, install

_SYSTEM_ERRORS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file would be larger than allowed here: raise the limit (ulimit -f)",
    errno.EROFS: "the disk is read-only: name another place with --out",
    errno.EACCES: "no permission: change it, or name another place",
    errno.EPERM: "not permitted: name another place",
    errno.EIO: "the disk failed",
    errno.ENOTDIR: "a part of this path is a file, not a directory: name another place",
    errno.EISDIR: "this is a directory: name a file",
    errno.EEXIST: "there is a file of this name already: name another place",
    errno.ENAMETOOLONG: "the name is too long: take a shorter one",
    errno.ENOLCK: "this disk has no locks for files: name a directory on another one",
    errno.EOPNOTSUPP: "this disk has no locks for files: name a directory on another one",
    errno.ELOOP: "a symbolic link here leads to itself: remove it, or name another place",
    errno.EINVAL: "not a plain file, or a path that cannot be: name another one",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n)",
}
"""The meaning of an operating system error for the user, and the remedy."""


def perform_command() -> int:
    """Runs the command that the arguments of this process name, reports what went wrong, and returns the exit code."""
    # Threads that spin while they wait slow every step under any other load. Torch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        with interrupts.at_work():
            _open_standard_streams()
            code = cli.main(prog_name="micronets", standalone_mode=False)
            sys.stdout.flush()
    except MicronetsError as e:
        code = _report_error(str(e), e.exit_code)
    except click.exceptions.Exit as e:
        code = e.exit_code
    except click.ClickException as e:
        code = _report_usage_error(e)
    except (click.Abort, KeyboardInterrupt):
        code = _report_error(f"interrupted; {interrupts.resume_hint()}", interrupts.EXIT_CODE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except ModuleNotFoundError as e:
        missing = (e.name or "").split(".")[0]
        if missing not in EXTRAS:
            raise
        code = _report_error(f"this needs the package '{missing}': {install(EXTRAS[missing])}", 2)
    except MemoryError:
        code = _report_error(f"out of memory; take a smaller batch or data set, then {interrupts.resume_hint()}", 2)
    except OSError as e:
        if e.errno not in _SYSTEM_ERRORS:
            raise
        place = f"{e.filename}: " if e.filename else ""
        why = (link_to_nothing(e.filename) if isinstance(e.filename, str) else None) or _SYSTEM_ERRORS[e.errno]
        code = _report_error(f"{place}{why}; then {interrupts.resume_hint()}", 2)
    interrupts.ended()
    return code if isinstance(code, int) else 0


def _open_standard_streams() -> None:
    """Opens the null device in place of stdin, stdout and stderr where the caller has closed them (`>&-`).

    Otherwise the next opened file would get their number, and output would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115 -- it stays open
            setattr(sys, name, stream)


def _report_usage_error(error: click.ClickException) -> int:
    """Prints the error in the arguments and the command whose help explains more; returns the exit code."""
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # of click 8.2: no command was named
        error.show()
        return 2
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "micronets"
    return _report_error(f"{error.format_message().rstrip('.')}; see {command} --help", 2)


def _report_error(message: str, code: int) -> int:
    """Prints an error as one line to stderr, and returns the exit code."""
    common.echo(f"micronets: {' '.join(message.split())}", err=True)
    return code


@click.group(
    cls=common.Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        "micronets run examples/kws_f446re.toml",
        "micronets measure zoo/kws_s_f446re/model.tflite --board NUCLEO-F446RE",
        "micronets COMMAND --help",
    ),
)
@click.version_option(__version__, prog_name="micronets")
def cli() -> None:
    """Makes neural networks for microcontrollers: from a data set, a board and a budget to a trained int8 model that
    fits, verified to the last byte, and its C.

    Exit codes: 0 success; 1 a check failed (outputs differ, a limit is missed, a model does not fit the board); 2 bad
    input, or a budget that no network can meet; 130 interrupted.
    """


for command in (
    *stages.commands,
    sweep.sweep,
    *models.commands,
    *importing.commands,
    *devices.commands,
    *lists.commands,
    *data.commands,
):
    cli.add_command(command)
