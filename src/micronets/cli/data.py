"""The commands `data list` and `data get` for the published data sets of the tasks."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import click

from micronets.cli import common, interrupts
from micronets.terminal import counted


@click.group(
    cls=common.Group,
    examples=("micronets data list", "micronets data get kws data/speech_commands", "micronets data get --help"),
)
def data() -> None:
    """Lists and fetches the published data sets of the tasks."""


@data.command("list", examples=("micronets data list",))
@common.as_json
def list_sources(as_json: bool) -> None:
    """Lists the data sets that can be fetched, with archives, sizes and licences."""
    from micronets.fetch import SOURCES
    from micronets.terminal import text_table

    if as_json:
        found = [
            {
                "task": s.task,
                "title": s.title,
                "licence": s.licence,
                "page": s.page,
                "archives": [
                    {"part": a.part, "url": a.url, "bytes": a.size, "checksum": a.checksum, "usual": a.part in s.usual}
                    for a in s.archives
                ],
            }
            for s in SOURCES.values()
        ]
        common.echo(json.dumps({"sources": found}))
        return
    rows = [
        (s.task, a.part, a.name, _size(a.size), "yes" if a.part in s.usual else "with --part")
        for s in SOURCES.values()
        for a in s.archives
    ]
    common.echo(text_table(("task", "part", "archive", "size", "by default"), rows, numeric=(3,)))
    common.echo("")
    for s in SOURCES.values():
        common.echo(f"{s.task}: {s.title}. Licence: {s.licence}. {s.page}")


@data.command(
    "get",
    examples=(
        "micronets data get kws data/speech_commands",
        "micronets data get ad data/dcase --part fan --part pump --yes",
    ),
)
@click.argument("task")
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    help="Fetch only this part, which `micronets data list` names; may be given several times.",
)
@click.option("--from", "mirror", metavar="URL", help="Fetch the archives, under their own names, from this address.")
@click.option("--yes", is_flag=True, help="Download without asking.")
@click.option("--keep-archives", is_flag=True, help="Keep archives that have been unpacked.")
@common.as_json
def get(
    task: str,
    directory: Path,
    parts: tuple[str, ...],
    mirror: str | None,
    yes: bool,
    keep_archives: bool,
    as_json: bool,
) -> None:
    """Fetches the published data set of a task into a directory.

    Shows size and licence, asks, downloads, checks and unpacks. When run again after an interruption, it resumes.
    """
    interrupts.set_resume_hint(shlex.join(["micronets", *sys.argv[1:]]))
    from micronets import fetch
    from micronets.errors import SpecError

    source = fetch.source_of(task)
    plans = fetch.plan_downloads(fetch.select_archives(source, parts), directory, mirror)
    free = fetch.check_disk_space(plans, directory)
    common.echo(f"{source.title}\nlicence: {source.licence}\n{source.page}", err=True)
    for p in plans:
        status = {"done": "there already", "unpack": "there, to be checked and unpacked", "fetch": p.url}[p.state]
        common.echo(f"  {p.archive.part:<12}{_size(p.size):>10}  {status}", err=True)
    left, room = sum(p.left for p in plans), sum(p.room for p in plans)
    if any(p.state == "fetch" for p in plans):
        common.echo(f"{_size(left)} to download, {_size(room)} of disk in all; {_size(free)} are free", err=True)
        if not yes:
            if not sys.stdin.isatty():
                raise SpecError("data get asks before it downloads, and there is nobody to ask; add --yes")
            click.confirm("Download?", abort=True, err=True)
    fetch.fetch_archives(plans, directory, _FetchProgress(), keep_archives=keep_archives)
    settings = fetch.settings_of_source(source, directory)
    if as_json:
        common.echo(
            json.dumps({"task": task, "directory": str(directory), "licence": source.licence, "settings": settings})
        )
        return
    common.echo(f"use it with: {' '.join(shlex.join(['--set', f'{key}={value}']) for key, value in settings.items())}")


class _FetchProgress:
    """Prints progress to stderr: a line at most every few seconds, and one for every new step."""

    def __init__(self) -> None:
        self.pause = 1.0 if sys.stderr.isatty() else 10.0
        self.last, self.begun, self.begun_at, self.doing = float("-inf"), float("-inf"), 0, ""

    def __call__(self, doing: str, done: int, of: int | None) -> None:
        from micronets.terminal import duration

        now = time.monotonic()
        if doing != self.doing:
            self.doing, self.begun, self.begun_at, self.last = doing, now, done, float("-inf")
        if now - self.last < self.pause and done != of:
            return
        self.last = now
        if not doing.startswith("get "):
            common.echo(doing + (f"  {counted(done, 'files')}" if done else ""), err=True)
            return
        words = [doing, _size(done)]
        if of:
            words += [f"of {_size(of)}", f"{done / of:.0%}"]
            if done > self.begun_at and done < of:
                words.append(f"left {duration((now - self.begun) / (done - self.begun_at) * (of - done))}")
        common.echo("  ".join(words), err=True)


def _size(count: int | None) -> str:
    """Returns the text of a number of bytes in units of powers of 1000, as in `2.3 GB`, and None as `?`."""
    if count is None:
        return "?"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


commands: list[click.Command] = [data]
