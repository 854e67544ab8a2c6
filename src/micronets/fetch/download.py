"""Downloads one file over HTTP; an interrupted download is resumed if the server's file has not changed."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from micronets import __version__
from micronets.errors import FileError
from micronets.files import read_plain_text, write_atomic

DownloadProgress = Callable[[int, int | None], None]
"""A function that is called with the bytes downloaded and, if known, the total."""

PART, STATE = ".part", ".part.json"  # suffixes of the partial file, and of what the server says about it
TIMEOUT_SECONDS = 60.0
_CHUNK = 1 << 20
_TRIES = 5  # attempts in a row without any progress, after which a download is given up
_CONNECTION_ERRORS = (OSError, http.client.HTTPException)  # URLError and timeouts are OSErrors


class NoAnswer(FileError):
    """The server cannot be reached, or does not have the file."""


@dataclass(frozen=True)
class Remote:
    """What a server says about a file.

    - `size`: in bytes; None if the server does not say.
    - `etag`: the header ETag, which identifies a version of the file; "" if there is none.
    - `modified`: the header Last-Modified; "" if there is none.
    """

    size: int | None
    etag: str
    modified: str

    @property
    def validator(self) -> str:
        """The value of the header If-Range (RFC 9110, 13.1.5): a strong ETag, or the time of the last change, or ""."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def ask_server(url: str) -> Remote:
    """Asks what a server says about a file, without its content.

    Raises `NoAnswer` if the server cannot be reached or does not have the file.
    """
    try:
        with _open(url, {}, method="HEAD") as answer:
            return _remote_of(answer.headers, answer.headers.get("Content-Length"))
    except urllib.error.HTTPError as e:
        if e.code in (400, 403, 405, 501):  # a server that does not answer HEAD
            return Remote(None, "", "")
        raise NoAnswer(_describe(url, e)) from e
    except _CONNECTION_ERRORS as e:
        raise NoAnswer(_describe(url, e)) from e


def download(
    url: str, target: Path, progress: DownloadProgress, pause: float = 1.0, *, on_whole: Callable[[], None]
) -> Remote:
    """Downloads the file at `url` to `target` atomically; the partial download is kept beside it as `NAME.part`.

    - `url`: the address of the file.
    - `target`: the path of the downloaded file.
    - `progress`: called with the progress of the download.
    - `pause`: seconds before a broken connection is retried, doubled with every attempt in a row.
    - `on_whole`: called when all bytes are there, before the file gets its name.

    Raises `NoAnswer` if the server cannot be reached, does not have the file, or five attempts in a row brought
    nothing, and `OSError` if the file cannot be written (disk full, no permission).
    """
    tries = 0
    while True:
        before = partial_bytes(target)
        try:
            remote = _attempt(url, target, progress)
        except urllib.error.HTTPError as e:
            if e.code < 500 and e.code not in (408, 429):
                raise NoAnswer(_describe(url, e)) from e
            problem: Exception = e
        except _CONNECTION_ERRORS as e:
            if isinstance(e, OSError) and e.filename:  # an error of the disk, not of the network
                raise
            problem = e
        else:
            on_whole()
            (target.with_name(target.name + PART)).replace(target)
            return remote
        tries = 1 if partial_bytes(target) > before else tries + 1
        unreachable = isinstance(problem, urllib.error.URLError) and not isinstance(problem, urllib.error.HTTPError)
        if tries >= _TRIES or (unreachable and not before):
            raise NoAnswer(_describe(url, problem)) from problem
        time.sleep(pause * 2 ** (tries - 1))


def remove_state(target: Path) -> None:
    """Removes the state file of a download, once the file itself is there."""
    target.with_name(target.name + STATE).unlink(missing_ok=True)


def partial_bytes(target: Path) -> int:
    """Returns the number of bytes that an interrupted download of `target` has."""
    part = target.with_name(target.name + PART)
    return part.stat().st_size if part.exists() else 0


def digests(path: Path, also: str = "sha256") -> dict[str, str]:
    """Computes the SHA-256 of a file and the digest `also`, a name of `hashlib`, in hexadecimal by name."""
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", also)}
    with path.open("rb") as f:
        while block := f.read(_CHUNK):
            for s in sums.values():
                s.update(block)
    return {name: s.hexdigest() for name, s in sums.items()}


def _attempt(url: str, target: Path, progress: DownloadProgress) -> Remote:
    """Downloads the missing rest of a file to its part, over one connection.

    Raises what `urllib` raises, and `ConnectionError` if the file is incomplete at the end.
    """
    part, state = target.with_name(target.name + PART), target.with_name(target.name + STATE)
    there, old = partial_bytes(target), _read_state(state)
    if not there or old is None or not old.validator:
        there = 0
    headers = {"Range": f"bytes={there}-", "If-Range": old.validator} if there and old else {}
    if there and old and there == old.size:  # all bytes came before the break: a range of the rest would be empty
        headers["Range"] = f"bytes={there - 1}-"
    try:
        answer = _open(url, headers)
    except urllib.error.HTTPError as e:
        if e.code != 416:
            raise
        part.unlink(missing_ok=True)  # the file has become shorter
        raise ConnectionError("the server's file has changed") from e
    with answer:
        remote, start = _parse_answer(answer)
        if start and (old is None or (remote.etag, remote.modified, remote.size) != (old.etag, old.modified, old.size)):
            part.unlink(missing_ok=True)  # a server that does not understand If-Range
            raise ConnectionError("the server's file has changed")
        write_atomic(state, json.dumps(asdict(remote)))
        with part.open("r+b" if start else "wb") as f:
            f.truncate(start)
            f.seek(start)
            done = start
            progress(done, remote.size)
            while block := answer.read(_CHUNK):
                _write_block(f, block, part)
                done += len(block)
                progress(done, remote.size)
    if remote.size is not None and done != remote.size:
        raise ConnectionError(f"the connection broke after {done:,} of {remote.size:,} bytes")
    return remote


def _parse_answer(answer: Any) -> tuple[Remote, int]:
    """Returns what an answer's headers say about the whole file, and the position of its first byte."""
    headers = answer.headers
    if answer.status == 206:
        place, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start = place.partition("-")[0]
        if not start.isdigit():
            raise ConnectionError(f"a Content-Range of '{headers.get('Content-Range', '')}' says nothing")
        return _remote_of(headers, total), int(start)
    return _remote_of(headers, headers.get("Content-Length")), 0


def _remote_of(headers: Any, size: str | None) -> Remote:
    """Returns what headers say about a file whose size, in bytes, is the text `size`."""
    known = int(size) if size is not None and size.isdigit() else None
    return Remote(known, headers.get("ETag", ""), headers.get("Last-Modified", ""))


def _read_state(path: Path) -> Remote | None:
    """Reads what the server said about a partially downloaded file; None if unknown."""
    try:
        return Remote(**json.loads(read_plain_text(path)))
    except (OSError, ValueError, TypeError):
        return None


def _open(url: str, headers: dict[str, str], method: str = "GET") -> Any:
    """Sends a request and returns the answer, whose body is still unread."""
    # Servers compress what they take for text unless told not to, and a range of that is useless.
    own = {"User-Agent": f"micronets/{__version__}", "Accept-Encoding": "identity", **headers}
    return urllib.request.urlopen(urllib.request.Request(url, headers=own, method=method), timeout=TIMEOUT_SECONDS)


def _write_block(f: Any, block: bytes, path: Path) -> None:
    """Writes to the open file of `path`; an `OSError` names that file, unlike errors of the network."""
    try:
        f.write(block)
    except OSError as e:
        e.filename = str(path)
        raise


def _describe(url: str, e: Exception) -> str:
    """Describes a problem with a connection in one line."""
    if isinstance(e, urllib.error.HTTPError):
        return f"{url}: the server answers {e.code} {e.reason}"
    reason = getattr(e, "reason", None) or e
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"{url}: no answer ({text})"
