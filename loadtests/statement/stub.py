"""A coordinator that does nothing but answer: POST, then two pages of which the first holds about 1 kB of rows.

Statements over `information_schema` describe one table, so that the gateway in front can plan.
Run as a process: it prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count

import orjson
import uvloop

from gateway.protocols.http import HttpServer, Request, Response

COLUMNS = [("trade_id", "bigint"), ("desk", "varchar"), ("trader_id", "bigint"), ("price", "double")]
HEADERS = (("Content-Type", "application/json"),)
STATS = {
    "state": "RUNNING",
    "queued": False,
    "scheduled": True,
    "nodes": 1,
    "totalSplits": 4,
    "queuedSplits": 0,
    "runningSplits": 1,
    "completedSplits": 3,
    "cpuTimeMillis": 2,
    "wallTimeMillis": 3,
    "queuedTimeMillis": 0,
    "elapsedTimeMillis": 3,
    "processedRows": 12,
    "processedBytes": 800,
    "physicalInputBytes": 800,
    "peakMemoryBytes": 0,
    "spilledBytes": 0,
}


class Coordinator:
    """Answer statements from prepared pages; nothing is kept but what an id stands for."""

    def __init__(self) -> None:
        """Prepare the pages."""
        self._numbers = count()
        self._rows: dict[str, list[list[object]]] = {}
        self._wide = [{"name": n, "type": t, "typeSignature": {"rawType": t, "arguments": []}} for n, t in COLUMNS]
        self._data = [[n, "CAISO", 1000 + n, 41.25 + n] for n in range(14)]

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        host = request.headers.get("host")
        if request.method == "POST" and request.path == "/v1/statement":
            return self._queued(f"http://{host}", request.body.decode())
        parts = request.path.split("/")
        if request.path == "/v1/info":
            return Response(200, HEADERS, b'{"starting":false,"coordinator":true}')
        if request.method == "DELETE":
            return Response(204)
        if len(parts) != 7:
            return Response(404)
        return self._page(f"http://{host}", parts[4], int(parts[6]))

    def _queued(self, base: str, sql: str) -> Response:
        query_id = f"20260101_000000_{next(self._numbers) % 100_000:05}_stubs"
        if "information_schema" in sql or "table_comments" in sql:
            self._rows[query_id] = _describe(sql)
        stats = {**STATS, "state": "QUEUED", "queued": True}
        return self._json(base, query_id, "queued", 1, {"stats": stats, "warnings": []})

    def _page(self, base: str, query_id: str, number: int) -> Response:
        if number >= 2:
            self._rows.pop(query_id, None)
            done = {**STATS, "state": "FINISHED"}
            return self._json(base, query_id, None, 0, {"columns": self._wide, "stats": done, "warnings": []})
        data = self._rows.get(query_id, self._data)
        more = {"data": data} if data else {}
        return self._json(
            base, query_id, "executing", 2, {"columns": self._wide, **more, "stats": STATS, "warnings": []}
        )

    def _json(self, base: str, query_id: str, stage: str | None, number: int, rest: dict[str, object]) -> Response:
        head = {"id": query_id, "infoUri": f"{base}/ui/query.html?{query_id}"}
        if stage is not None:
            head["nextUri"] = f"{base}/v1/statement/{stage}/{query_id}/y0123456789abcdef/{number}"
        return Response(200, HEADERS, orjson.dumps({**head, **rest}))


def _describe(sql: str) -> list[list[object]]:
    if "schemata" in sql:
        return [["trading"]]
    if "information_schema.views" in sql or "table_comments" in sql:
        return []
    return [["trading", "trades", name, type_, "YES", at, None] for at, (name, type_) in enumerate(COLUMNS, 1)]


async def serve() -> None:
    """Serve until standard input ends."""
    server = HttpServer(Coordinator().answer)
    print(await server.listen(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.close()


if __name__ == "__main__":
    uvloop.run(serve())
