"""Downloads of data sets: the catalogue (`sources`), the plan (`plan_downloads`), the download (`fetch_archives`).

`download.py` handles connections, and `unpack.py` handles archives. Only the standard library is used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from micronets.errors import FileError, SpecError
from micronets.fetch import download as net
from micronets.fetch.sources import SOURCES, Archive, Source, select_archives, source_of
from micronets.fetch.unpack import unpack
from micronets.files import read_plain_text, write_atomic
from micronets.records import from_json, to_json, without_null

__all__ = [
    "SOURCES",
    "Archive",
    "ArchivePlan",
    "Source",
    "fetch_archives",
    "plan_downloads",
    "select_archives",
    "settings_for",
    "source_of",
]

MANIFEST = ".micronets-data.json"  # the name is hidden so that no loader mistakes the file for data

_SLACK = 64 << 20  # unpacked bytes that any archive may have

FetchProgress = Callable[[str, int, int | None], None]
"""A function that is called with the activity, its progress (bytes, or files when unpacking), and the total, if
known."""


@dataclass(frozen=True, kw_only=True)
class FetchedArchive:
    """The entry of a directory's manifest for an archive that was downloaded into it, or unpacked there.

    - `url`: its address.
    - `bytes`: its size; None before it is unpacked.
    - `folder`: the folder that it was unpacked to; None before that.
    - `sha256`, `md5`: its digests in hexadecimal; None if not computed.
    - `delete`: whether the archive must still be deleted, once its folder is there.
    """

    url: str
    bytes: int | None = None
    folder: str | None = None
    sha256: str | None = None
    md5: str | None = None
    delete: bool = False


@dataclass(frozen=True)
class ArchivePlan:
    """The remaining work for one archive.

    - `archive`: the archive.
    - `url`: its address.
    - `state`: "fetch", "unpack" (the archive is there) or "done".
    - `size`: its size in bytes; None if unknown.
    - `left`: bytes that remain to be downloaded.
    - `room`: bytes of disk that downloading and unpacking still need.
    """

    archive: Archive
    url: str
    state: str
    size: int | None
    left: int
    room: int


def plan_downloads(
    archives: tuple[Archive, ...], directory: Path, mirror: str | None = None
) -> tuple[ArchivePlan, ...]:
    """Returns the remaining work for each archive; asks the servers for the sizes of missing ones.

    - `archives`: the archives wanted.
    - `directory`: the directory of the data.
    - `mirror`: a URL under which the archives are found by name, instead of at their publishers'.

    Raises `SpecError` for a mirror that is not a web address, and `FileError` if a server does not answer, or if a
    folder with an archive's name exists that was not unpacked by micronets.
    """
    if mirror is not None and urlsplit(mirror).scheme not in ("http", "https"):
        raise SpecError(f"--from {mirror}: need a web address, such as https://mirror.example/data")
    plans = []
    for a in archives:
        url = f"{mirror.rstrip('/')}/{quote(a.name)}" if mirror else a.url
        file = directory / a.name
        known = read_manifest(directory).get(a.name)
        if (directory / a.folder).is_dir() and known is not None and known.folder is not None:
            plans.append(ArchivePlan(a, url, "done", a.size, 0, 0))
        elif (directory / a.folder).exists():
            raise FileError(
                f"{directory / a.folder}: exists, but micronets did not make it; move it away, or name another "
                "directory"
            )
        elif file.is_file():
            there = file.stat().st_size
            plans.append(ArchivePlan(a, url, "unpack", there, 0, int(there * a.growth)))
        else:
            try:
                announced = net.ask_server(url).size
            except net.NoAnswer as e:
                raise FileError(_add_way_out(e, a, directory)) from e
            size = a.size if announced is None else announced
            left = max(0, (size or 0) - net.partial_bytes(file))
            plans.append(ArchivePlan(a, url, "fetch", size, left, left + int((size or 0) * a.growth)))
    return tuple(plans)


def check_disk_space(plans: tuple[ArchivePlan, ...], directory: Path) -> int:
    """Returns the free bytes on the disk of `directory`. Raises `FileError` if they do not suffice for the plans."""
    existing = next(p for p in (directory, *directory.absolute().parents) if p.is_dir())
    free, need = shutil.disk_usage(existing).free, sum(p.room for p in plans)
    if need > free:
        raise FileError(
            f"{directory}: {need / 1e9:.1f} GB are needed to download and unpack, {free / 1e9:.1f} GB are free on "
            "that disk; free some space, or name a directory on another disk"
        )
    return free


def fetch_archives(
    plans: tuple[ArchivePlan, ...], directory: Path, progress: FetchProgress, *, keep_archives: bool = False
) -> None:
    """Downloads, checks and unpacks what the plans say; each archive's folder is complete or missing.

    - `plans`: those of `plan_downloads` for the same directory.
    - `directory`: the directory of the data; it is created if needed.
    - `progress`: called with the progress.
    - `keep_archives`: keeps downloaded archives; without it they are deleted once they are unpacked. Archives that
      somebody put there by hand always stay.

    Raises `FileError` if a server does not answer, a checksum is wrong (the file is deleted if this call downloaded
    it), or an archive does not hold what it should.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for p in plans:
        if p.state != "done":
            _fetch(p, directory, progress, keep_archives)
        known = read_manifest(directory).get(p.archive.name)
        if known is not None and known.delete:
            (directory / p.archive.name).unlink(missing_ok=True)
            _note(directory, p.archive.name, replace(known, delete=False))


def _fetch(p: ArchivePlan, directory: Path, progress: FetchProgress, keep_archives: bool) -> None:
    """Downloads, checks and unpacks one archive; arguments and errors are those of `fetch_archives`.

    The manifest is written just before the archive, or the folder, gets its name. So if the process is killed there,
    the next one knows that the file is its own.
    """
    a, file = p.archive, directory / p.archive.name
    if p.state == "fetch":
        try:
            net.download(
                p.url,
                file,
                lambda done, of: progress(f"get {a.name}", done, of),
                on_whole=lambda: _note(directory, a.name, FetchedArchive(url=p.url)),
            )
        except net.NoAnswer as e:
            raise FileError(_add_way_out(e, a, directory)) from e
    net.remove_state(file)
    progress(f"check {a.name}", 0, None)
    known = read_manifest(directory).get(a.name)  # None: it was put there by hand
    ours = known is not None and (known.folder is None or known.delete)
    sums = _check_digests(file, p, ours)
    size = file.stat().st_size
    made = FetchedArchive(url=p.url, bytes=size, folder=a.folder, delete=ours and not keep_archives, **sums)
    unpack(
        file,
        directory / a.folder,
        within=a.within,
        holds=a.holds,
        most_bytes=_SLACK + int(4 * size * a.growth),
        progress=lambda count: progress(f"unpack {a.name}", count, None),
        on_whole=lambda: _note(directory, a.name, made),
    )


def _note(directory: Path, name: str, fetched: FetchedArchive) -> None:
    """Records in the manifest that the archive `name` was downloaded, or unpacked: its record then names its folder."""
    _write_manifest(directory, {**read_manifest(directory), name: fetched})


def _forget(directory: Path, name: str) -> None:
    """Removes the record of the archive `name` from the manifest."""
    _write_manifest(directory, {n: record for n, record in read_manifest(directory).items() if n != name})


def _write_manifest(directory: Path, records: Mapping[str, FetchedArchive]) -> None:
    """Writes the manifest of a directory, or removes it if there are no records."""
    if not records:
        (directory / MANIFEST).unlink(missing_ok=True)
        return
    tables = {archive: without_null(to_json(record)) for archive, record in records.items()}
    write_atomic(directory / MANIFEST, json.dumps(tables, indent=1) + "\n")


def _add_way_out(problem: Exception, archive: Archive, directory: Path) -> str:
    """Describes a problem with a download, and how to get the archive without it."""
    return (
        f"{problem}; by hand: download {archive.url} elsewhere, put it into {directory} as {archive.name}, and run "
        "this command again, which then checks and unpacks it; or name a mirror with --from URL"
    )


def settings_of_source(source: Source, directory: Path) -> dict[str, str]:
    """Returns the settings, by key of a configuration, with which a task uses the data in `directory`."""
    found = {key: directory / folder if folder else directory for key, folder in source.settings.items()}
    return {key: str(path) for key, path in found.items() if path.is_dir()}


def read_manifest(directory: Path) -> dict[str, FetchedArchive]:
    """Reads the records of a directory's manifest, by archive.

    A missing or damaged manifest counts as empty, and a damaged record as missing.
    """
    found: dict[str, FetchedArchive] = {}
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        for name, table in json.loads(read_plain_text(directory / MANIFEST)).items():
            with suppress(TypeError):
                found[name] = from_json(FetchedArchive, table)
    return found


def _check_digests(file: Path, plan: ArchivePlan, ours: bool) -> dict[str, str]:
    """Returns the digests of an archive by name.

    - `ours`: whether this command downloaded the file; then it is deleted if they differ from the published ones.

    Raises `FileError` if they differ.
    """
    kind, _, wanted = plan.archive.checksum.partition(":")
    sums = net.digests(file, kind)
    if sums[kind] == wanted:
        return sums
    size = file.stat().st_size
    difference = f"{file}: its {kind} is {sums[kind]}, not {wanted} as published ({size:,} bytes)"
    if ours:
        file.unlink()
        _forget(file.parent, file.name)
        raise FileError(
            f"{difference}: damaged on the way, or another file at {plan.url}; deleted, run the command again"
        )
    raise FileError(f"{difference}: damaged, or another file; delete it and run the command again")
