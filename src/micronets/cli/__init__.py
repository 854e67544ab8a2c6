"""The command line: arguments, files, messages, exit codes; nothing else.

Heavy imports wait until a command needs them.

Exit codes: 0 done; 1 it was done, and a check failed: outputs differ, a limit is missed, a model does not fit; 2 it
cannot be
done (bad input, a budget that nothing can keep, a missing tool, a full disk); 130 interrupted.
Results go to stdout; progress, warnings and errors to stderr.
"""

from __future__ import annotations

import errno
import os
import sys

import click

from micronets import __version__
from micronets.cli import common, data, devices, lists, models, stages
from micronets.errors import MicronetsError, SpecError, did_you_mean
from micronets.installation import install

_ENVIRONMENT = {  # errors of the machine, not ours: one line each
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
    errno.EMFILE: "too many open files: raise the limit (ulimit -n)",
}
_EXTRAS = {
    "torch": "design",
    "scipy": "design",
    "soundfile": "design",
    "espeakng_loader": "speech",
    "tflite_micro": "tflm",
    "unicorn": "sim",
    "capstone": "sim",
    "elftools": "sim",
    "serial": "board",
}


def main() -> None:
    """Runs the command line and exits with its code."""
    # Threads that spin while they wait slow every step under any other load; to be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except MicronetsError as e:
        code = _fail(str(e), e.exit_code)
    except click.exceptions.Exit as e:
        code = e.exit_code
    except click.ClickException as e:
        code = _usage(e)
    except (click.Abort, KeyboardInterrupt):
        code = _fail(f"interrupted; {common.resume_hint()}", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except ModuleNotFoundError as e:
        missing = (e.name or "").split(".")[0]
        if missing not in _EXTRAS:
            raise
        code = _fail(f"this needs the package '{missing}': {install(_EXTRAS[missing])}", 2)
    except MemoryError:
        code = _fail(f"out of memory; take a smaller batch or data set, then {common.resume_hint()}", 2)
    except OSError as e:
        if e.errno not in _ENVIRONMENT:
            raise
        place = f"{e.filename}: " if e.filename else ""
        code = _fail(f"{place}{_ENVIRONMENT[e.errno]}; then {common.resume_hint()}", 2)
    sys.exit(code if isinstance(code, int) else 0)


def _usage(e: click.ClickException) -> int:
    if isinstance(e, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # of click 8.2: no command at all
        e.show()
        return 2
    context = getattr(e, "ctx", None)
    return _fail(f"{e.format_message().rstrip('.')}; see {context.command_path if context else 'micronets'} --help", 2)


def _fail(message: str, code: int) -> int:
    click.echo(f"micronets: {' '.join(message.split())}", err=True)
    return code


class _Group(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise SpecError(f"no command '{args[0]}'; {did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="micronets")
def cli() -> None:
    """Data, a board and a budget in; a trained int8 model that fits and is checked on TensorFlow Lite Micro out.

    Exit codes: 0 done; 1 a check failed (outputs differ, a limit is missed, a model does not fit the board); 2 bad
    input, or a budget that nothing can keep; 130 interrupted.
    """


for command in (*stages.commands, *models.commands, *devices.commands, *lists.commands, *data.commands):
    cli.add_command(command)
