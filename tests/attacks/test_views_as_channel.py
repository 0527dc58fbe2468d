"""What lies behind a row filter cannot be told from anything that comes back where materialized views may answer.

Two tables look the same to ana: what she is not shown of `afar` is of other days than in `near`, with other nodes and
much greater numbers. Views over both are built of all rows. Whatever she asks of one and of the other, with whatever
her session says of views, time and cost, every word of the answers must be the same: rows, columns, warnings, errors,
explanations, listings, statistics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
import yaml

from catalog.materialized_views import State
from tests.operations.gateway_process import eventually
from tests.rewriting.gateway import World, world
from tests.views.world import LMP, prices

NEAR, FAR = "near", "afar"
ANA, CAL, EVA = "ana", "cal", "eva"
"""Who sees some rows; who sees the same, and whose statements may read next to nothing; who sees all."""
CANARY = "canary"
_VISIBLE, _HIDDEN = "H1", "H2"
_POLICIES: dict[str, Any] = {
    "version": 1,
    "users": {user: {"roles": []} for user in (ANA, CAL, EVA)},
    "caps": [{"id": "small", "users": [CAL], "bytes": "1 B"}],
    "grants": [{"id": "read", "users": [ANA, CAL, EVA], "assets": "lake.grid.*", "allow": ["read"]}],
    "session_properties": [
        {
            "roles": "all",
            "allow": ["as_of", "autofix", "branch", "integrity", "materialized_views", "max_staleness", "min_grade"],
        }
    ],
    "row_filters": [
        entry
        for table in (NEAR, FAR)
        for entry in (
            {"id": f"own-{table}", "table": f"lake.grid.{table}", "users": [ANA, CAL], "filter": f"hub = '{_VISIBLE}'"},
            {"id": f"all-{table}", "table": f"lake.grid.{table}", "users": [EVA], "filter": "none"},
        )
    ],
}
BY_DAY = (
    "SELECT hub, node, date_trunc('day', ts) AS d, count(*) AS n, sum(lmp) AS s, count(lmp) AS c, max(ts) AS latest, "
    "min(lmp) AS least FROM {t} GROUP BY hub, node, date_trunc('day', ts)"
)
NODES = "SELECT hub, array_agg(DISTINCT node) FILTER (WHERE node IS NOT NULL) AS u FROM {t} GROUP BY hub"
_PROPERTIES: dict[str, Mapping[str, str]] = {
    "plain": {},
    "trusted": {"integrity": "trusted"},
    "stale": {"integrity": "stale_tolerated", "max_staleness": "1h"},
    "float": {"min_grade": "float"},
    "approximate": {"min_grade": "approximate"},
    "none": {"materialized_views": "false"},
    "autofix": {"autofix": "true"},
    "main": {"branch": "main"},
    "no branch": {"branch": "canary"},
    "before": {"as_of": "2001-01-01"},
    "capped": {},
}
QUERIES = [
    "SELECT count(*), sum(lmp), max(ts) FROM {t}",
    "SELECT hub, sum(lmp) AS total, count(*) AS n FROM {t} GROUP BY hub",
    "SELECT hub, count(DISTINCT node) FROM {t} GROUP BY hub",
    "SELECT count(DISTINCT node) FROM {t}",
    "SELECT node, count(*) FROM {t} GROUP BY node",
    "SELECT date_trunc('month', ts) AS m, sum(lmp) FROM {t} GROUP BY 1",
    "SELECT date_trunc('day', ts) AS m, count(*) FROM {t} WHERE ts >= TIMESTAMP '2030-01-01 00:00:00' GROUP BY 1",
    "SELECT count(*) FROM {t} WHERE hub = 'H2'",
    "SELECT count(*) FROM {t} WHERE hub IS NULL",
    "SELECT count(*) FROM {t} WHERE node = 'canary'",
    "SELECT hub, max(lmp) FROM {t} WHERE lmp > 90000 GROUP BY hub",
    "SELECT hub FROM {t} GROUP BY hub HAVING count(*) > 200",
    "SELECT hub, sum(lmp) AS s, rank() OVER (ORDER BY sum(lmp) DESC) FROM {t} GROUP BY hub ORDER BY s LIMIT 3",
    "SELECT min(lmp), max(latest) FROM (SELECT max(ts) AS latest, min(lmp) AS lmp FROM {t} GROUP BY node)",
    "SELECT a.hub, count(*) FROM {t} a JOIN (VALUES 'H1', 'H2') v(h) ON a.hub = v.h GROUP BY a.hub",
    "SELECT approx_distinct(node) FROM {t}",
    "SELECT avg(lmp) FROM {t}",
    "SELECT mw FROM {t} WHERE mw > 30000",
    "SELECT * FROM {t} WHERE ts > TIMESTAMP '2030-01-01 00:00:00'",
    "SELECT * FROM {t} ORDER BY lmp DESC LIMIT 1",
    "SELECT 1 / (count(*) - 40) FROM {t}",
    "SELECT CAST(max(node) AS bigint) FROM {t}",
    "SELECT sum(mw) FROM {t} GROUP BY hub, node, ts",
    "SELECT count(*) FROM {t} FOR TIMESTAMP AS OF TIMESTAMP '2001-01-01 00:00:00 UTC'",
    "SELECT count(*) FROM {t} FOR VERSION AS OF 'main'",
    "SELECT count(*) FROM {t} FOR VERSION AS OF 'canary'",
    "SELECT count(*) FROM {t} FOR VERSION AS OF 1",
]
_NUMBER = "CAST(substr(node, 2) AS bigint)"
"""It fails on nodes of rows that are hidden in one of the two tables only."""
OF_COPIES = [
    f"SELECT node, hub, count(*), sum(10 / (1 + {_NUMBER})) FROM {{t}} WHERE {_NUMBER} > 1 GROUP BY ROLLUP (node, hub)",
    f"SELECT node, ts, rank() OVER (ORDER BY {_NUMBER}, ts) FROM {{t}}",
    f"SELECT DISTINCT node FROM {{t}} EXCEPT SELECT node FROM {{t}} WHERE {_NUMBER} = 3",
    "SELECT a.node, b.ts FROM {t} a FULL JOIN {t} b ON a.ts = b.ts AND CAST(substr(b.node, 2) AS bigint) = 2",
    f"SELECT ts FROM {{t}} a WHERE {_NUMBER} > (SELECT min({_NUMBER}) FROM {{t}} b WHERE b.hub = a.hub AND b.ts < a.ts)",
]
"""Of shapes that only copies of whole tables answer."""
_EXPLAINS = ("", "EXPLAIN ", "EXPLAIN POLICY ", "EXPLAIN (FORMAT JSON) ", "EXPLAIN (TYPE IO, FORMAT JSON) ")
_OTHERS = [
    "SELECT * FROM penstock.catalog.materialized_views",
    "SELECT count(*) FROM penstock.catalog.materialized_views WHERE rows > 50",
    "SELECT * FROM penstock.catalog.view_columns",
    "SELECT * FROM penstock.catalog.constraints",
    "SHOW TABLES FROM penstock.catalog",
    "SHOW CATALOGS",
    "SHOW SCHEMAS FROM clickhouse",
    "SELECT * FROM clickhouse.{views}.by_day_{t}",
    "SELECT count(*) FROM clickhouse.{views}.nodes_{t}",
    "DESCRIBE clickhouse.{views}.by_day_{t}",
    "SHOW CREATE TABLE clickhouse.{views}.by_day_{t}",
    "SHOW STATS FOR {t}",
    "SHOW STATS FOR clickhouse.{views}.by_day_{t}",
    "EXPLAIN SELECT * FROM clickhouse.{views}.by_day_{t}",
    "EXPLAIN POLICY SELECT * FROM clickhouse.{views}.by_day_{t}",
    "EXPLAIN ANALYZE SELECT count(*) FROM {t}",
    "SELECT table_name FROM clickhouse.information_schema.tables",
    "SELECT * FROM system.metadata.materialized_views",
    'SELECT * FROM "{t}$snapshots"',
    'SELECT * FROM "{t}$files"',
    'SELECT * FROM "{t}$refs"',
    "SHOW COLUMNS FROM {t}",
    "SHOW CREATE TABLE {t}",
    "REFRESH MATERIALIZED VIEW clickhouse.{views}.by_day_{t}",
    "SHOW SESSION LIKE 'integrity'",
    "DROP TABLE clickhouse.{views}.by_day_{t}",
    "CREATE TABLE clickhouse.{views}.evil AS SELECT * FROM {t}",
]
CASES = [
    *((prefix + query, "plain") for query in QUERIES for prefix in _EXPLAINS),
    *((query, kind) for kind in _PROPERTIES for query in QUERIES[:8] if kind not in ("plain", "capped")),
    *(("EXPLAIN " + query, kind) for kind in _PROPERTIES for query in QUERIES[:3] if kind != "plain"),
    *((sql, "plain") for sql in _OTHERS),
    *((query, "capped") for query in QUERIES[:20] if "avg" not in query),
]
"""Statements, each with what its session says. Whether a cap refuses follows the estimate itself, which for the average
is about the cap; what is said of it does not."""


def _rows(*, hidden: bool) -> pa.Table:
    """Return the rows that ana sees, and with them, in the same file, many that she does not."""
    seen = [{**row, "hub": _VISIBLE} for row in prices(40).to_pylist()]
    more = [
        {**row, "hub": _HIDDEN, "node": f"{CANARY}{n % 5}", "ts": datetime(2031, 1, 1) + timedelta(hours=n)}
        for n, row in enumerate(prices(3000, first=900_000).to_pylist())
    ]
    less = [{**row, "hub": _HIDDEN, "node": f"n{n % 5}"} for n, row in enumerate(prices(2800).to_pylist())]
    return pa.Table.from_pylist([*seen, *(more if hidden else less)], schema=LMP)


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with _served(tmp_path_factory.mktemp("channel")) as made:
        yield made


@contextmanager
def _served(folder: Path) -> Iterator[World]:
    (folder / "own.yaml").write_text(yaml.safe_dump(_POLICIES))
    coaching = {"least_saving_bytes": 0, "least_saving_share": 0.0}
    pricing = {"question_seconds": 60}  # an estimate that came late would be another answer
    with world(folder, policies=[str(folder / "own.yaml")], coaching=coaching, pricing=pricing) as made:
        for table in (NEAR, FAR):
            made.iceberg.create_table(f"grid.{table}", LMP).append(_rows(hidden=table == FAR))
            made.build(f"by_day_{table}", BY_DAY.format(t=table))
            made.build(f"all_{table}", f"SELECT * FROM {table}")
            made.build(f"nodes_{table}", NODES.format(t=table), State("u", "uniqExact", ("node",)))
        yield made


def seen(world: World, sql: str, table: str, user: str = ANA, properties: Mapping[str, str] | None = None) -> str:
    """Return all that a client is sent for a statement, in the words that it has for both tables."""
    session = ",".join(f"{name}={value}" for name, value in (properties or {}).items())
    headers = {"X-Trino-User": user, "X-Trino-Catalog": "lake", "X-Trino-Schema": "grid", "X-Trino-Session": session}
    text = sql.replace("{t}", table).replace("{views}", world.schema)
    answer = requests.post(f"{world.gateway.url}/v1/statement", text.encode(), headers=headers, timeout=60)
    told: dict[str, Any] = {"data": []}
    while True:  # how often a slow answer is asked for, and which page brings what, is chance
        page = answer.json() if answer.status_code == 200 else {"text": answer.text}
        told["data"] += page.get("data", ())
        for name in ("columns", "error", "warnings", "updateType", "updateCount", "text"):
            if page.get(name):
                told.setdefault(name, {})[repr(page[name])] = None
        if "nextUri" not in page:
            counted = {k: v for k, v in page.get("stats", {}).items() if k in _COUNTED and v}
            return _alike(f"{sorted(told.items())} {counted}", table, str(page.get("id", "")))
        answer = requests.get(page["nextUri"], headers=headers, timeout=60)


_COUNTED = ("processedRows", "processedBytes", "physicalInputBytes", "totalSplits", "peakMemoryBytes", "spilledBytes")


def _alike(text: str, table: str, query_id: str) -> str:
    text = text.replace(query_id, "ID").replace(table, "T") if query_id else text.replace(table, "T")
    return re.sub(r"Time: about [^ ]+ s\.", "", text)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [pytest.param(sql, kind, marks=pytest.mark.long if n % 16 else ()) for n, (sql, kind) in enumerate(CASES)],
)
def test_the_answers_are_the_same_to_the_last_word(channel: World, sql: str, kind: str) -> None:
    for _ in range(2):  # at first sight, and from the plan that is known
        user = CAL if kind == "capped" else ANA
        near, far = (seen(channel, sql, table, user, _PROPERTIES[kind]) for table in (NEAR, FAR))
        assert near == far
        assert CANARY not in near.replace(sql, "").replace(repr(_PROPERTIES[kind]), "") or CANARY in sql + kind


@pytest.mark.parametrize(
    "sql", [pytest.param(sql, marks=pytest.mark.long if n > 1 else ()) for n, sql in enumerate(OF_COPIES)]
)
def test_conditions_that_fail_on_hidden_rows_of_copies_tell_nothing_of_them(channel: World, sql: str) -> None:
    ordered = f"{sql} ORDER BY 1, 2" if "," in sql.partition(" FROM ")[0] else f"{sql} ORDER BY 1"
    near, far = (seen(channel, ordered, table) for table in (NEAR, FAR))
    assert near == far
    assert "errorName" not in near
    assert "answered from" in near
    assert "errorName" in seen(channel, ordered, FAR, EVA)


def test_usage_shows_no_estimate_of_what_reads_behind_a_filter(channel: World) -> None:
    """A statement that a cap refuses costs nothing, and its estimate would tell as much as another's price."""
    seen(channel, "SELECT count(*) FROM {t} WHERE mw > 77777", FAR, CAL)
    seen(channel, "SELECT count(*) FROM {t} WHERE mw > 77777", FAR, EVA)
    asked = "SELECT outcome, estimated_bytes, estimated_bytes_high, estimated_usd, estimate_basis FROM penstock.usage.statements"
    asked += " WHERE query LIKE '%77777' AND kind = 'SELECT'"

    def rows(user: str) -> list[list[Any]]:
        return eventually(lambda: channel.ask(asked, user).rows, seconds=60)

    assert rows(CAL) == [["REFUSED", None, None, None, None]]
    (finished,) = rows(EVA)
    assert finished[0] == "FINISHED"
    assert all(each is not None for each in finished)


def test_the_tables_do_differ_for_who_sees_all(channel: World) -> None:
    """The control: without a filter the same questions tell them apart, and views do answer."""
    for sql in QUERIES[:2]:
        assert seen(channel, sql, NEAR, EVA) != seen(channel, sql, FAR, EVA)
    assert "answered from" in seen(channel, QUERIES[1], FAR)
