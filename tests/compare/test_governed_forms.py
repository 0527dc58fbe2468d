"""Trino's rarer forms under policy, on the real Trino: each sees the visible rows and granted columns, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.demo.trino_server import TrinoServer
from tests.compare.governed import ask, governed

T = "memory.policed.t"
POLICIES: dict[str, Any] = {
    "version": 1,
    "roles": {"seer": {}},
    "users": {"ana": {"roles": ["seer"]}},
    "grants": [
        {"id": "t", "roles": ["seer"], "assets": T, "allow": ["read"]},
        {"id": "no-secret", "roles": ["seer"], "assets": T, "deny": ["select"], "columns": ["secret"]},
    ],
    "row_filters": [{"id": "a-only", "table": T, "roles": ["seer"], "filter": "region = 'a'"}],
    "session_properties": [{"roles": "all", "allow": ["query_max_run_time"]}],
}
FRAME = "ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING"
ROWS = "(VALUES (1, 'a', 's1'), (2, 'b', 's2'), (3, 'a', 's3')) AS v (id, region, secret)"
COLUMNS = "COLUMNS (x integer PATH 'lax $')"


@pytest.fixture(scope="module")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a gateway over a table with a hidden row and a withheld column."""
    folder = tmp_path_factory.mktemp("governed")
    with governed(trino_server, folder, T, [f"CREATE TABLE {T} AS SELECT * FROM {ROWS}"], POLICIES) as url:
        yield url


SEEN = [
    (f"SELECT * FROM {T} MATCH_RECOGNIZE (ORDER BY id MEASURES count(*) AS c PATTERN (A+) DEFINE A AS true)", [[2]]),
    (
        f"SELECT m.id, m.s FROM (SELECT * FROM {T}) x MATCH_RECOGNIZE (ORDER BY id MEASURES RUNNING sum(A.id) AS s "
        "ALL ROWS PER MATCH PATTERN (A+) DEFINE A AS id > 0) AS m ORDER BY 1",
        [[1, 1], [3, 4]],
    ),
    (f"SELECT j.x FROM {T}, JSON_TABLE(json_array(id), 'lax $[*]' {COLUMNS}) j ORDER BY 1", [[1], [3]]),
    (f"SELECT x FROM JSON_TABLE((SELECT json_array(count(*)) FROM {T}), 'lax $[*]' {COLUMNS})", [[2]]),
    (
        f"SELECT x FROM JSON_TABLE('[5, 2]', 'lax $[*] ? (@ == $n)' PASSING (SELECT count(*) FROM {T}) AS \"n\" {COLUMNS})",
        [[2]],
    ),
    (
        f"SELECT json_value('[7, 8, 9]', 'lax $[$i]' PASSING (SELECT count(*) FROM {T}) AS \"i\" RETURNING integer)",
        [[9]],
    ),
    (f"SELECT json_array(id, region) FROM {T} ORDER BY id", [['[1,"a"]'], ['[3,"a"]']]),
    (f"TABLE {T} UNION CORRESPONDING SELECT 9 AS id, 'x' AS secret ORDER BY 1", [[1], [3], [9]]),
    (f"SELECT region, count(*) FROM {T} GROUP BY AUTO", [["a", 2]]),
    (f"SELECT t.* AS (p, q) FROM {T} t ORDER BY 1", [[1, "a"], [3, "a"]]),
    (f"SELECT count(*) FROM (({T} a JOIN {T} b ON a.id = b.id) CROSS JOIN (VALUES 1 UNION VALUES 2) v(y))", [[4]]),
    (f"SELECT count(*) FROM {T} TABLESAMPLE BERNOULLI (50 + 50)", [[2]]),
    (
        f"SELECT s OVER w FROM {T} WINDOW w AS (ORDER BY id MEASURES sum(A.id) AS s ROWS BETWEEN CURRENT ROW AND UNBOUNDED "
        "FOLLOWING PATTERN (A+) DEFINE A AS true) ORDER BY 1",
        [[4], [None]],
    ),
    (
        f"SELECT m.c FROM (VALUES 1) MATCH_RECOGNIZE (MEASURES (SELECT count(*) FROM {T}) AS c PATTERN (A) "
        f"DEFINE A AS EXISTS (SELECT 1 FROM {T} WHERE region = 'a') AND NOT EXISTS (SELECT 1 FROM {T} WHERE region = 'b')) m",
        [[2]],
    ),
    (f"SELECT (SELECT x.* FROM (VALUES 1)) FROM {T} x ORDER BY x.id", [[[1, "a"]], [[3, "a"]]]),
    (f"SELECT l.* FROM {T} x CROSS JOIN LATERAL (SELECT x.*) l WHERE l.id > 1", [[3, "a"]]),
    (f"SELECT * FROM TABLE(exclude_columns(TABLE({T}), DESCRIPTOR(region))) ORDER BY 1", [[1], [3]]),
    (
        f"SELECT * FROM TABLE(exclude_columns(TABLE(SELECT id, count(*) AS n FROM {T} GROUP BY 1), DESCRIPTOR(id)))",
        [[1], [1]],
    ),
    (f"WITH SESSION query_max_run_time = '5m' SELECT count(*) FROM {T}", [[2]]),
]
UNSEEN = [
    f"SELECT * FROM {T} MATCH_RECOGNIZE (ORDER BY {{0}} MEASURES 1 AS c PATTERN (A) DEFINE A AS true)",
    f"SELECT * FROM {T} MATCH_RECOGNIZE (PARTITION BY {{0}} MEASURES 1 AS c PATTERN (A) DEFINE A AS true)",
    f"SELECT * FROM {T} MATCH_RECOGNIZE (MEASURES A.{{0}} AS c PATTERN (A) DEFINE A AS true)",
    f"SELECT * FROM {T} MATCH_RECOGNIZE (MEASURES FINAL LAST({{0}}) AS c PATTERN (A) DEFINE A AS true)",
    f"SELECT * FROM {T} MATCH_RECOGNIZE (MEASURES 1 AS c PATTERN (A) DEFINE A AS A.{{0}} LIKE 's%')",
    f"SELECT m.{{0}} FROM {T} MATCH_RECOGNIZE (MEASURES 1 AS c ALL ROWS PER MATCH PATTERN (A) DEFINE A AS true) m",
    f"SELECT m OVER (MEASURES A.{{0}} AS m {FRAME} PATTERN (A) DEFINE A AS true) FROM {T}",
    f"SELECT count(*) OVER ({FRAME} PATTERN (A) DEFINE A AS {{0}} LIKE 's%') FROM {T}",
    f"SELECT count(*) OVER (ORDER BY {{0}} {FRAME} PATTERN (A) DEFINE A AS true) FROM {T}",
    f"SELECT * FROM {T} MATCH_RECOGNIZE (MEASURES (SELECT {{0}} FROM {T}) AS c PATTERN (A) DEFINE A AS true)",
    f"SELECT {{0}} FROM TABLE(exclude_columns(TABLE({T}), DESCRIPTOR(id)))",
    f"SELECT * FROM TABLE(exclude_columns(TABLE(SELECT {{0}} FROM {T}), DESCRIPTOR(id)))",
    f"SELECT 1 FROM {T}, JSON_TABLE({{0}}, 'lax $' {COLUMNS})",
    f"SELECT 1 FROM {T}, JSON_TABLE('1', 'lax $' PASSING {{0}} AS p {COLUMNS})",
    f"SELECT json_query('1', 'lax $' PASSING {{0}} AS p) FROM {T}",
    f"SELECT json_object('k' : {{0}}) FROM {T}",
    f"SELECT json_array(1, {{0}} FORMAT JSON) FROM {T}",
    f"SELECT {{0}}, count(*) FROM {T} GROUP BY AUTO",
]


@pytest.mark.parametrize(("sql", "rows"), SEEN, ids=[sql[:70] for sql, _ in SEEN])
def test_only_visible_rows_are_seen(sql: str, rows: list[list[Any]], gateway: str) -> None:
    answer = ask(gateway, "ana", sql)
    assert answer.error is None
    assert answer.rows == rows


@pytest.mark.parametrize("sql", UNSEEN, ids=lambda sql: sql[:90])
def test_a_withheld_column_and_an_unknown_one_fail_alike(sql: str, gateway: str) -> None:
    withheld, unknown = (ask(gateway, "ana", sql.format(name)) for name in ("secret", "nosuch"))
    assert withheld.error_name == unknown.error_name == "COLUMN_NOT_FOUND"
    assert withheld.error is not None
    assert unknown.error is not None
    assert withheld.error["message"].replace("secret", "nosuch") == unknown.error["message"]
