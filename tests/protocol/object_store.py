"""A little of S3 in memory: as much as Trino's spooling needs, which knows object stores only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass(slots=True)
class ObjectStore:
    """Objects by their key, and the keys that were deleted."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: ObjectStore


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def do_PUT(self) -> None:
        self.server.store.objects[self.key] = self._body()
        self._answer(200, headers={"ETag": '"x"'})

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query.get("prefix", [""])[0])
            return
        found = self.server.store.objects.get(self.key)
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, found, {"ETag": '"x"'})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.server.store.objects.pop(self.key, None)
        self.server.store.deleted.append(self.key)
        self._answer(204)

    def _list(self, prefix: str) -> None:
        bucket = self.key.split("/")[0]
        keys = [key.removeprefix(f"{bucket}/") for key in list(self.server.store.objects)]
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in keys
            if key.startswith(prefix)
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
        self._answer(200, body.encode(), {"Content-Type": "application/xml"})

    def _body(self) -> bytes:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" not in (self.headers.get("Content-Encoding") or ""):
            return raw
        pieces, at = [], 0
        while True:  # size in hexadecimal, perhaps a signature, then the bytes
            end = raw.index(b"\r\n", at)
            size = int(raw[at:end].split(b";")[0], 16)
            if size == 0:
                return b"".join(pieces)
            pieces.append(raw[end + 2 : end + 2 + size])
            at = end + 2 + size + 2

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Serve an empty store until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.store = ObjectStore(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
