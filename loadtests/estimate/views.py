"""The demo's dashboards, answered from materialized views: which they are, and the wait until these are built."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlglot
from trino.dbapi import connect
from trino.exceptions import Error

from gateway.demo.views import DATABASE, sections
from loadtests.dashboards.queries import tiles
from loadtests.estimate.queries import Asked, varied

ENGINE = "clickhouse"
_BUILD_SECONDS = 900.0
_UNFINISHED = "SELECT count(*), count(*) FILTER (WHERE state <> 'current') FROM penstock.catalog.materialized_views"


def with_views(lake: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make a folder of ClickHouse; return the configuration's sections that put the demo's views there, over a lake."""
    folder.mkdir()
    script = folder.with_suffix(".sql")
    script.write_text(f"CREATE DATABASE IF NOT EXISTS {DATABASE};")
    command = [sys.executable, "-m", "gateway.demo.marts", "script", str(folder), str(script)]
    subprocess.run(command, check=True)  # a process of its own: it holds the folder until it ends
    marts = {"kind": "clickhouse", "name": ENGINE, "catalog": ENGINE, "path": str(folder)}
    return {"engines": [lake, marts], **sections(lake["catalog"])}


def dashboards(seed: int) -> Iterator[Asked]:
    """Yield the dashboards' queries with the parameters of a seed; of seed 0: their own."""
    for tile in tiles():
        draw = random.Random(f"{seed}/{tile.title}")
        sql = tile.sql if seed == 0 else varied(sqlglot.parse_one(tile.sql, read="trino"), draw).sql("trino")
        yield Asked(f"views {tile.title}", "curated", sql)


def await_built(port: int) -> None:
    """Wait until all views are built. Raises SystemExit where they are not in time."""
    deadline = time.monotonic() + _BUILD_SECONDS
    while time.monotonic() < deadline:
        with closing(connect(host="127.0.0.1", port=port, user="reader")) as connection:
            try:
                ((count, unfinished),) = connection.cursor().execute(_UNFINISHED).fetchall()
            except Error:
                count, unfinished = 0, 1
        if count and not unfinished:
            return
        time.sleep(1.0)
    raise SystemExit(f"the views were not built within {_BUILD_SECONDS:.0f} s")
