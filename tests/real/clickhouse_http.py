"""A small HTTP front on the ClickHouse engine in process, for the driver's HTTP path in tests.

It speaks as much of ClickHouse's HTTP interface as the driver needs: a query in the body, settings, parameters and
the database in the address, results streamed in the format the query names, errors with X-ClickHouse-Exception-Code.
KILL QUERY works because all handles share one engine. Run it as a process of its own:

    python -m tests.real.clickhouse_http FOLDER      prints the port it listens on, then serves until it is ended
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb

from engines.clickhouse import embedded

TRANSPORT = frozenset(
    [
        "database",
        "query",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "default_format",
        "compress",
        "decompress",
        "enable_http_compression",
        "user",
        "password",
        "role",
        "quota_key",
        "client_protocol_version",
        "wait_end_of_query",
        "buffer_size",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
    ]
)
"""What the address may carry that is no setting of the engine."""
CONFIG = Path(embedded.__file__).with_name("embedded.xml")
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


class Front(BaseHTTPRequestHandler):
    """Answer one connection's requests."""

    protocol_version = "HTTP/1.1"
    folder = ""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._whole(200, b"Ok.\n")
        else:
            self._query(dict(parse_qsl(urlsplit(self.path).query)).get("query", ""))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._query(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _query(self, sql: str) -> None:
        arguments = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        connection = chdb.connect(self.folder)
        try:
            self._run(connection, sql, arguments)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            with suppress(OSError):
                self._fail(str(error))
        finally:
            connection.close()

    def _run(self, connection: object, sql: str, arguments: dict[str, str]) -> None:
        settings = {k: v for k, v in arguments.items() if k not in TRANSPORT and not k.startswith("param_")}
        parameters = {k[6:]: v for k, v in arguments.items() if k.startswith("param_")}
        if arguments.get("database") not in (None, "", "__default__"):
            connection.query(f"USE `{arguments['database']}`", "TabSeparated")
        for name, value in sorted(settings.items(), key=lambda item: item[0] == "readonly"):
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            connection.query(f"SET {name} = '{escaped}'", "TabSeparated")
        found = _FORMAT.search(sql)
        form = found[1] if found else arguments.get("default_format", "TabSeparated")
        if form != "Native":
            self._whole(200, connection.query(sql, form, params=parameters).bytes() or b"", form)
            return
        stream = connection.send_query(sql, form, params=parameters)
        self._stream(stream, form)

    def _stream(self, stream: object, form: str) -> None:
        chunks = (chunk.bytes() for chunk in stream)
        first = next(chunks, b"")
        self.send_response(200)
        self._headers(form)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._chunk(first)
            for chunk in chunks:
                self._chunk(chunk)
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            # A server that fails in the middle writes what is wrong into the body and breaks off.
            self._chunk(str(error).encode())
            self.close_connection = True
        finally:
            stream.close()

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    def _headers(self, form: str) -> None:
        self.send_header("X-ClickHouse-Format", form)
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Summary", "{}")

    def _whole(self, status: int, body: bytes, form: str = "TabSeparated") -> None:
        self.send_response(status)
        self._headers(form)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, text: str) -> None:
        found = _CODE.search(text)
        body = text.encode()
        self.send_response(500)
        self.send_header("X-ClickHouse-Exception-Code", found[1] if found else "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(folder: str) -> None:
    """Serve a folder on a free port of loopback."""
    Front.folder = folder
    keep = chdb.connect(
        f"{folder}?config-file={CONFIG}"
    )  # the first one decides: with a log of queries, as servers have
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    finally:
        keep.close()


if __name__ == "__main__":
    main(sys.argv[1])
