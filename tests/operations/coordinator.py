"""A Trino coordinator whose faults the test chooses, while it runs; real HTTP on a real port."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Literal

Mode = Literal["good", "hang", "nonsense", "half a page", "unavailable", "broken"]
Row = list[object]
ROWS_A_PAGE = 20_000
_NAMES = re.compile(r'"([^".]+)"\."([^".]+)"\."([^".]+)"')
_TYPES = {"id": "bigint", "desk": "varchar"}


class Coordinator:
    """What the server says; a test changes it between requests."""

    def __init__(self) -> None:
        self.mode: Mode = "good"
        self.catalog_mode: Mode = "good"
        """Faults of the statements by which the gateway reads the catalog."""
        self.attest_mode: Mode = "good"
        """Faults of the questions by which the gateway has its statements attested."""
        self.reads: list[tuple[str, str, str]] | None = None
        """What it says that statements read; by default the tables that they name."""
        self.texts: dict[str, str] = {}
        """Statements by their query ids."""
        self.listening = threading.Event()
        """Questions are answered once this is set, as it is unless a test clears it."""
        self.listening.set()
        self.questions: list[str] = []
        """Questions what statements read, in the order in which they came."""
        self.released = threading.Event()
        """Statements that hold stay RUNNING until this is set."""
        self.alter: Callable[[dict[str, object]], dict[str, object]] = dict
        """Changes each page of a statement that is not one of those for the catalog."""
        self.headers: dict[str, str] = {}
        """Further headers of such a page."""
        self.reply: tuple[int, dict[str, str]] | None = None
        """Status and headers of an empty answer in place of such a page."""
        self.tables: dict[tuple[str, str], dict[str, str]] = {("trading", "trades"): dict(_TYPES)}
        self.listing = threading.Event()
        """Listings of a whole catalog are answered once this is set, as it is unless a test clears it."""
        self.listing.set()
        self.polled: set[str] = set()
        """Ids of questions whose answers were asked for: from then on a cluster works on them."""
        self.posted: list[str] = []
        self.canceled: list[str] = []
        self.rows: dict[str, list[Row]] = {}
        self.first_page: dict[str, int] = {}
        """Number of the page that held a statement's row; the next one is its last."""
        self.numbers = count(1)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def read_by(self, sql: str) -> list[tuple[str, ...]]:
        """Say what a statement reads."""
        return list(self.reads) if self.reads is not None else sorted(set(_NAMES.findall(sql)))

    def described(self, sql: str) -> list[Row]:
        """Answer what the gateway asks of information_schema."""
        if "schemata" in sql:
            return [[schema] for schema in sorted({schema for schema, _ in self.tables})]
        if ".views" in sql or "materialized_views" in sql or "table_comments" in sql:
            return []
        one = re.search(r"table_schema = '([^']*)' AND table_name = '([^']*)'", sql)
        if one is None:
            self.listing.wait(60)
        chosen = [key for key in self.tables if one is None or key == one.groups()]
        return [
            [*key, name, kind, "YES", at, None]
            for key in chosen
            for at, (name, kind) in enumerate(self.tables[key].items(), 1)
        ]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, coordinator: Coordinator, port: int) -> None:
        self.coordinator = coordinator
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        coordinator.port = self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: broken connections are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_POST(self) -> None:
        sql = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        coordinator = self.server.coordinator
        source = self.headers.get("X-Trino-Source")
        kind = _KINDS.get(source or "", "hold" if "hold" in sql else "run")
        if self._fault(self._mode(kind)):
            return
        query_id = f"20260101_000000_{next(coordinator.numbers):05}_{kind}"
        coordinator.texts[query_id] = sql
        if kind == "cat":
            coordinator.rows[query_id] = coordinator.described(sql)
        elif kind == "att":
            coordinator.questions.append(sql)
            coordinator.rows[query_id] = [[json.dumps(_inputs(coordinator.read_by(sql)))]]
        else:
            coordinator.posted.append(sql)
        self._answer({**_head(coordinator, query_id, "queued", 1), "stats": _stats("QUEUED")})

    def do_GET(self) -> None:
        coordinator = self.server.coordinator
        if self.path == "/v1/info":
            if not self._fault(coordinator.mode):
                self._answer({"starting": False, "coordinator": True})
            return
        if self.path.startswith("/v1/query/"):
            self._info(self.path.removeprefix("/v1/query/").partition("?")[0])
            return
        _, _, _, _, query_id, _, number = self.path.split("/")
        ours = query_id.endswith(("_cat", "_att"))
        if self._fault(self._mode(query_id[-3:])):
            return
        if query_id.endswith("_att"):
            coordinator.polled.add(query_id)
        if query_id.endswith("_att") and not coordinator.listening.wait(0.3):
            self._answer({**_head(coordinator, query_id, "queued", int(number)), "stats": _stats("QUEUED")})
            return
        page = self._page(query_id, int(number), ours)
        if ours:
            self._answer(page)
        elif coordinator.reply is not None:
            status, headers = coordinator.reply
            self._send(status, b"", headers=headers)
        else:
            self._answer(coordinator.alter(page), coordinator.headers)

    def _mode(self, kind: str) -> Mode:
        coordinator = self.server.coordinator
        return {"cat": coordinator.catalog_mode, "att": coordinator.attest_mode}.get(kind, coordinator.mode)

    def _info(self, query_id: str) -> None:
        coordinator = self.server.coordinator
        if self._fault(coordinator.attest_mode):
            return
        coordinator.questions.append(query_id)
        names = coordinator.read_by(coordinator.texts.get(query_id, ""))
        inputs = [{"catalogName": c, "schema": s, "table": t, "columns": []} for c, s, t in names]
        self._answer({"queryId": query_id, "inputs": inputs, "referencedTables": []})

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_DELETE(self) -> None:
        if self._fault(self.server.coordinator.mode):
            return
        self.server.coordinator.canceled.append(self.path.split("/")[4])
        self.send_response(204)
        self.end_headers()

    def _page(self, query_id: str, number: int, ours: bool) -> dict[str, object]:
        coordinator = self.server.coordinator
        if not ours and query_id.endswith("_hold") and not coordinator.released.wait(0.3):
            return {**_head(coordinator, query_id, "executing", number + 1), "stats": _stats("RUNNING")}
        if ours:
            rows = coordinator.rows[query_id]
            data = rows[(number - 1) * ROWS_A_PAGE : number * ROWS_A_PAGE]
            last = number * ROWS_A_PAGE >= len(rows)
            columns = _columns({f"c{at}": "varchar" for at in range(len(rows[0]) if rows else 1)})
        else:
            first = coordinator.first_page.setdefault(query_id, number)
            data, last, columns = [[1, "CAISO"]] if number == first else [], number > first, _columns(_TYPES)
        head = _head(coordinator, query_id, None if last else "executing", number + 1)
        stats = _stats("FINISHED" if last else "RUNNING")
        return {**head, "columns": columns, **({"data": data} if data else {}), "stats": stats}

    def _fault(self, mode: Mode) -> bool:
        if mode == "good":
            return False
        if mode == "hang":
            time.sleep(3)
            self.close_connection = True
        elif mode == "nonsense":
            self._send(200, b'{"id": 7, "nextUri": "http://169.254.169.254/latest", "stats": [')
        elif mode == "half a page":
            self._send(200, b'{"id": "2026', length=10_000)
            self.close_connection = True
        elif mode == "unavailable":
            self._send(503, f"backend {self.server.coordinator.url} is drowning".encode())
        else:
            self._send(500, f"java.lang.NullPointerException at {self.server.coordinator.url}".encode())
        return True

    def _answer(self, value: dict[str, object], headers: Mapping[str, str] | None = None) -> None:
        self._send(200, json.dumps({"warnings": [], **value}).encode(), headers=headers)

    def _send(
        self, status: int, body: bytes, length: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


_KINDS = {"penstock-catalog": "cat", "penstock-attestation": "att"}


def _inputs(names: list[tuple[str, ...]]) -> dict[str, object]:
    """Answer EXPLAIN (TYPE IO, FORMAT JSON)."""
    tables = [{"catalog": c, "schemaTable": {"schema": s, "table": t}} for c, s, t in names]
    return {"inputTableColumnInfos": [{"table": t, "constraint": {"columnConstraints": []}} for t in tables]}


def _head(coordinator: Coordinator, query_id: str, stage: str | None, number: int) -> dict[str, object]:
    head: dict[str, object] = {"id": query_id, "infoUri": f"{coordinator.url}/ui/query.html?{query_id}"}
    if stage is not None:
        head["nextUri"] = f"{coordinator.url}/v1/statement/{stage}/{query_id}/yabc/{number}"
    return head


def _columns(columns: dict[str, str]) -> list[object]:
    return [{"name": n, "type": t, "typeSignature": {"rawType": t, "arguments": []}} for n, t in columns.items()]


def _stats(state: str) -> dict[str, object]:
    zeros = ("nodes", "totalSplits", "queuedSplits", "runningSplits", "completedSplits", "cpuTimeMillis")
    return {"state": state, "queued": state == "QUEUED", "scheduled": True, **dict.fromkeys(zeros, 0)}


@contextmanager
def serving(coordinator: Coordinator, port: int = 0) -> Iterator[Coordinator]:
    """Serve until the block ends; then connections, open ones too, are refused."""
    server = _Server(coordinator, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield coordinator
    finally:
        server.shutdown()
        thread.join()
        for connection in tuple(server.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        server.server_close()
