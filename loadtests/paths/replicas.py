"""Whole tables copied to ClickHouse, as materialized views that hold every column and row.

A query over such tables is handed to ClickHouse where all that it reads is there.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.compare.client import Side

_DATABASE = "replicas"
_BUILD_SECONDS = 1800.0
_STORE_SECONDS = 5.0
"""Rows reach the store a moment after their statements."""
_BUILT = "SELECT count(*) FILTER (WHERE state = 'current') FROM penstock.catalog.materialized_views"
_HANDED = """
SELECT count(*) FROM penstock_usage
WHERE user_name = ? AND kind = 'SELECT' AND engine = 'clickhouse' AND outcome = 'FINISHED'"""


def sections(folder: Path, base: dict[str, Any], tables: Iterable[str], catalog: str) -> dict[str, Any]:
    """Return the configuration's sections for a base engine whose tables, by `schema.name`, are copied.

    No view is too dear to be used, and none of its answers is asked twice: each is compared with Trino's here.
    """
    subprocess.run([sys.executable, "-m", "loadtests.paths.database", folder, _DATABASE], check=True)
    definitions = [
        {
            "name": f"clickhouse.{_DATABASE}.{table.replace('.', '_')}",
            "catalog": catalog,
            "sql": f"SELECT * FROM {table}",
            "rebuild": "on_change",
        }
        for table in tables
    ]
    clickhouse = {"kind": "clickhouse", "name": "clickhouse", "catalog": "clickhouse", "path": str(folder)}
    shadow = {"share": 0, "first": 0}
    views = {"definitions": definitions, "cost_margin": None, "shadow": shadow}
    return {"engines": [base, clickhouse], "materialized_views": views}


def await_built(url: str, user: str, count: int) -> None:
    """Wait until so many copies are there. Raises SystemExit where they are not made in time."""
    asyncio.run(_await_built(url, user, count))


async def _await_built(url: str, user: str, count: int) -> None:
    deadline = time.monotonic() + _BUILD_SECONDS
    async with Side(url, user, None, None) as side:
        while True:
            answer = await side.run(_BUILT)
            if answer.rows == [[count]]:
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{count} copies are not made: {answer.rows or answer.error}")
            await asyncio.sleep(1)


def handed_over(store: Path, user: str) -> int:
    """Return how many of a user's queries ClickHouse answered, by the usage rows, once no more come."""
    time.sleep(_STORE_SECONDS)
    with closing(sqlite3.connect(store)) as opened:
        return int(opened.execute(_HANDED, (user,)).fetchone()[0])
