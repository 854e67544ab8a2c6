"""Small archives, and a server on this machine that breaks connections and lacks features as a test asks."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def tar_gz(files: Mapping[str, bytes], link: str | None = None) -> bytes:
    """Returns a `.tar.gz` of files by name, and a symbolic link of a name that points to the root."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/"
            t.addfile(info)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], kind: str) -> bytes:
    """Returns a `.tar` of files by name, compressed by `kind`: gz, bz2, xz, or "" for not at all."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{kind}") as t:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Returns a `.zip` of files by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in files.items():
            z.writestr(name, content)
    return out.getvalue()


def sha256(content: bytes) -> str:
    """Returns the checksum of a content as the list of data sets writes it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Server:
    """What a server serves, how it behaves, and what it was asked.

    - files: the content of each file, by path.
    - cuts: after how many bytes of an answer the connection breaks, one entry for each answer to come.
    - ranges: whether parts of files are sent.
    - obeys: whether the header If-Range is understood.
    - etag: whether answers have an ETag; else they have a time of change.
    - head: whether HEAD is answered.
    - refuse: the status with which every request is refused; 0 for none.
    - seen: method, path and header Range of every request.
    - url: the address of the server.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    obeys: bool = True
    etag: bool = True
    head: bool = True
    refuse: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, body: bool) -> None:
            server.seen.append((self.command, self.path, self.headers.get("Range", "")))
            self.close_connection = True
            content = server.files.get(self.path)
            if content is None or server.refuse or (not body and not server.head):
                self.send_error(server.refuse or (404 if content is None else 405))
                return
            etag, start = f'"{hashlib.md5(content).hexdigest()}"', 0
            wanted, known = self.headers.get("Range"), self.headers.get("If-Range")
            same = known in (etag, formatdate(0)) or not server.obeys
            if body and wanted and server.ranges and same:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            if server.etag:
                self.send_header("ETag", etag)
            else:
                self.send_header("Last-Modified", formatdate(0))
            self.end_headers()
            if body:
                cut = server.cuts.pop(0) if server.cuts else len(content)
                self.wfile.write(content[start : start + cut])

    return Handler


@contextmanager
def serving() -> Iterator[Server]:
    """Runs a server in a thread for the length of a `with` block; yields what it serves and has seen."""
    server = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
