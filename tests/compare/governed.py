"""A gateway with policies of its own before the real Trino, over tables that were made for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.compare.arena import start_gateway
from gateway.compare.client import Answer, Side
from gateway.demo.trino_server import TrinoServer


def ask(url: str, user: str, sql: str) -> Answer:
    """Run one statement in the catalog `memory`."""

    async def run() -> Answer:
        async with Side(url, user, "memory", None) as side:
            return await side.run(sql)

    return asyncio.run(run())


@contextmanager
def governed(
    trino: TrinoServer, folder: Path, table: str, made: Sequence[str], policies: Mapping[str, Any], user: str = "ana"
) -> Iterator[str]:
    """Make a schema with a table by `made`, run a gateway whose policies let `user` read it, and drop both again."""
    schema = table.rpartition(".")[0]
    for sql in (f"CREATE SCHEMA {schema}", *made):
        answer = ask(trino.url, "root", sql)
        assert answer.error is None, answer.error
    with start_gateway(folder, trino.url, trino.catalogs, print, policies=policies) as url:
        while ask(url, user, f"SELECT count(*) FROM {table}").error_name == "NO_NODES_AVAILABLE":
            pass  # a busy machine: the cluster did not describe the table in time
        yield url
    for sql in (f"DROP TABLE {table}", f"DROP SCHEMA {schema}"):
        assert ask(trino.url, "root", sql).error is None
