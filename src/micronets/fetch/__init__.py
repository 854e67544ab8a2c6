"""Getting data sets: what there is (`sources`), how much it is (`plan`), and fetching it (`get`). Standard library only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from micronets.errors import FileError, SpecError
from micronets.fetch import download as net
from micronets.fetch.sources import SOURCES, Archive, Source, chosen, source
from micronets.fetch.unpack import unpack
from micronets.files import write_atomic

__all__ = ["SOURCES", "Archive", "Plan", "Source", "chosen", "get", "plan", "settings", "source"]

MANIFEST = ".micronets-data.json"  # hidden: no loader takes it for data

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is (bytes, or files when unpacking), and of how many."""


@dataclass(frozen=True)
class Plan:
    """What is left to do for one archive.

    url: where it comes from. state: "done", "unpack" (the archive is there) or "fetch". size: of the archive, in bytes, None
    if nobody knows; left: of it still to come. room: bytes of disk that it takes from here on.
    """

    archive: Archive
    url: str
    state: str
    size: int | None
    left: int
    room: int


def plan(archives: tuple[Archive, ...], directory: Path, mirror: str | None = None) -> tuple[Plan, ...]:
    """What is left to do for each archive; asks the servers how large those are that are not there.

    mirror: a URL under which the archives are found by their names, in place of their publishers'.
    Raises `SpecError` for a mirror that is no web address, `FileError` if a server does not answer.
    """
    if mirror is not None and urlsplit(mirror).scheme not in ("http", "https"):
        raise SpecError(f"--from {mirror}: need a web address, such as https://mirror.example/data")
    plans = []
    for a in archives:
        url = f"{mirror.rstrip('/')}/{quote(a.name)}" if mirror else a.url
        file = directory / a.name
        if (directory / a.folder).is_dir() and "folder" in manifest(directory).get(a.name, {}):
            plans.append(Plan(a, url, "done", a.size, 0, 0))
        elif (directory / a.folder).exists():
            raise FileError(f"{directory / a.folder}: is there, but not from here; move it away, or name another directory")
        elif file.is_file():
            there = file.stat().st_size
            plans.append(Plan(a, url, "unpack", there, 0, int(there * a.growth)))
        else:
            try:
                told = net.ask(url).size
            except net.NoAnswer as e:
                raise FileError(by_hand(e, a, directory)) from e
            size = a.size if told is None else told
            left = max(0, (size or 0) - net.partial(file))
            plans.append(Plan(a, url, "fetch", size, left, left + int((size or 0) * a.growth)))
    return tuple(plans)


def check_room(plans: tuple[Plan, ...], directory: Path) -> int:
    """Free bytes on the disk of `directory`. Raises `FileError` if they do not suffice."""
    place = next(p for p in (directory, *directory.absolute().parents) if p.is_dir())
    free, need = shutil.disk_usage(place).free, sum(p.room for p in plans)
    if need > free:
        raise FileError(
            f"{directory}: {need / 1e9:.1f} GB are needed to download and unpack, {free / 1e9:.1f} GB are free on that disk; "
            "free some space, or name a directory on another disk"
        )
    return free


def get(plans: tuple[Plan, ...], directory: Path, progress: Progress, *, keep_archives: bool = False) -> None:
    """Fetches, checks and unpacks what `plans` say; each archive's folder is whole or not there.

    Archives that were downloaded are deleted when they are unpacked, unless `keep_archives`; those that somebody has put there
    by hand stay. Raises `FileError`: no answer, a wrong checksum (the file is deleted then), an archive that is not what it
    should be.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for p in plans:
        if p.state == "done":
            continue
        a, file = p.archive, directory / p.archive.name
        if p.state == "fetch":
            try:
                net.download(p.url, file, lambda done, of, a=a: progress(f"get {a.name}", done, of))  # type: ignore[misc]
            except net.NoAnswer as e:
                raise FileError(by_hand(e, a, directory)) from e
        progress(f"check {a.name}", 0, None)
        sums = _checked(file, p)
        if p.state == "fetch":
            _note(directory, a.name, {"url": p.url})
        ours = "folder" not in manifest(directory).get(a.name, {"folder": "put there by hand"})
        unpack(
            file, directory / a.folder, within=a.within, holds=a.holds,
            progress=lambda count, a=a: progress(f"unpack {a.name}", count, None),  # type: ignore[misc]
        )  # fmt: skip
        entry = {"url": p.url, "bytes": file.stat().st_size, "folder": a.folder, **sums}
        _note(directory, a.name, entry)
        if ours and not keep_archives:
            file.unlink()


def _note(directory: Path, name: str, entry: dict[str, Any]) -> None:
    """Keeps in mind that an archive was downloaded, or what has been unpacked: then the entry names its folder."""
    write_atomic(directory / MANIFEST, json.dumps({**manifest(directory), name: entry}, indent=1) + "\n")


def by_hand(problem: Exception, archive: Archive, directory: Path) -> str:
    """What is wrong, and the way without this command's own download."""
    return (
        f"{problem}; by hand: download {archive.url} elsewhere, put it into {directory} as {archive.name}, and run this "
        "command again, which then checks and unpacks it; or name a mirror with --from URL"
    )


def settings(source: Source, directory: Path) -> dict[str, str]:
    """What a configuration says to use what is there."""
    found = {key: directory / folder if folder else directory for key, folder in source.settings.items()}
    return {key: str(path) for key, path in found.items() if path.is_dir()}


def manifest(directory: Path) -> dict[str, Any]:
    """What was fetched into a directory before, by archive: URL, bytes, folder and digests."""
    with suppress(OSError, ValueError):
        found = json.loads((directory / MANIFEST).read_text("utf-8"))
        if isinstance(found, dict):
            return {name: entry for name, entry in found.items() if isinstance(entry, dict)}
    return {}


def _checked(file: Path, plan: Plan) -> dict[str, str]:
    """Digests of an archive. Raises `FileError` if they are not its publisher's, and deletes it if it was fetched now."""
    kind, _, wanted = plan.archive.checksum.partition(":")
    sums = net.digests(file, kind)
    if sums[kind] == wanted:
        return sums
    size = file.stat().st_size
    told = f"{file}: its {kind} is {sums[kind]}, not {wanted} as published ({size:,} bytes)"
    if plan.state == "fetch":
        file.unlink()
        raise FileError(f"{told}: damaged on the way, or another file at {plan.url}; deleted, run the command again")
    raise FileError(f"{told}: damaged, or another file; delete it and run the command again")
