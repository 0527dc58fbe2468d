"""Whether hidden rows exist cannot be told from how a statement ends: not by what fails on values, nor on constants.

Four tables look the same to ana, who sees the rows of region EU: one is empty, of the others all rows are hidden, of one
because their region is NULL. Whatever she asks of them must end in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import trino

from gateway.demo.trino_server import TrinoServer
from tests.attacks.caller import Caller
from tests.attacks.process import Gateway, run_gateway

pytestmark = [pytest.mark.trino, pytest.mark.postgres]

SCHEMA = "memory.hidden_rows"
TABLES = {
    "nothing": "",
    "others": "(1, 'US', 5000), (2, 'US', 0), (3, 'MX', 24)",
    "unknown": "(1, CAST(NULL AS varchar), 5000), (2, CAST(NULL AS varchar), 0), (3, CAST(NULL AS varchar), 24)",
    "mixed": "(1, CAST(NULL AS varchar), 5000), (2, 'US', 0), (3, 'US', 24)",
}
POLICIES = f"""\
version: 1
roles: {{analyst: }}
users: {{ana: {{roles: [analyst]}}}}
grants:
  - {{id: hidden-rows, roles: [analyst], assets: "{SCHEMA}.*", allow: [read]}}
row_filters:
""" + "".join(
    f"  - {{id: eu-{name}, table: {SCHEMA}.{name}, roles: [analyst], filter: region = 'EU'}}\n" for name in TABLES
)
ATTACKS = [
    "SELECT id FROM {t} WHERE 1 / 0 = 1",
    "SELECT id FROM {t} WHERE 1 % 0 = 1 AND amount > 1000",
    "SELECT id FROM {t} WHERE amount > 1000 OR 1 / 0 = 1",
    "SELECT id FROM {t} WHERE CASE WHEN amount > 1000 THEN 1 / 0 ELSE 1 END = 1",
    "SELECT id FROM {t} WHERE IF(amount = 24, CAST('x' AS bigint), 1) = 1",
    "SELECT id FROM {t} WHERE id = 1 / 0",
    "SELECT id FROM {t} WHERE id IN (1, 1 / 0)",
    "SELECT id FROM {t} WHERE id = 5 AND id = 1 / 0",
    "SELECT id FROM {t} WHERE id BETWEEN 1 / 0 AND 5",
    "SELECT id FROM {t} WHERE CAST('x' AS bigint) = 1",
    "SELECT id FROM {t} WHERE CAST('2026-02-30' AS date) = current_date",
    "SELECT id FROM {t} WHERE 9223372036854775807 + 1 = id",
    "SELECT id FROM {t} WHERE DATE '2026-01-01' + INTERVAL '9999999' YEAR > current_date",
    "SELECT id FROM {t} WHERE (SELECT 1 / 0) = 1",
    "SELECT id FROM {t} WHERE 1 / (SELECT 0) = 1",
    "SELECT id FROM {t} WHERE (SELECT 1 / x FROM (VALUES 0) v(x)) = 1",
    "SELECT id FROM {t} WHERE 1 / CAST(floor(random()) AS bigint) = 1",
    "SELECT id FROM {t} WHERE 1 / date_diff('second', now(), now()) = 1",
    "SELECT id FROM {t} WHERE any_match(ARRAY[0], x -> 1 / x = 1)",
    "SELECT id FROM {t} WHERE element_at(ARRAY[1], 0) = 1",
    "SELECT id FROM {t} WHERE ARRAY[1][2] = 1",
    "SELECT id FROM {t} WHERE regexp_like('x', '(')",
    "SELECT id FROM {t} WHERE regexp_like(region, '(')",
    "SELECT id FROM {t} WHERE date_trunc('fortnight', TIMESTAMP '2026-01-01 00:00:00') > TIMESTAMP '2026-01-01 00:00:00'",
    "SELECT id FROM {t} WHERE region LIKE 'a#b' ESCAPE '#'",
    "SELECT id FROM {t} WHERE region LIKE 'ab' ESCAPE '##'",
    "SELECT id FROM {t} WHERE json_extract_scalar(region, '$.[') = 'x'",
    "SELECT id FROM {t} CROSS JOIN (SELECT 0 AS z) c WHERE 1 / z = 1",
    "SELECT id FROM {t} CROSS JOIN (VALUES 0) c(z) WHERE 1 / z = 1",
    "SELECT id FROM {t} CROSS JOIN (VALUES 1 / 0) c(z) WHERE z = 1",
    "SELECT id FROM {t} CROSS JOIN UNNEST(ARRAY[0]) c(z) WHERE 1 / z = 1",
    "SELECT id FROM {t} o CROSS JOIN LATERAL (SELECT 0 AS z) c WHERE 1 / z = 1",
    "WITH c AS (SELECT 0 AS z) SELECT id FROM {t}, c WHERE 1 / z = id",
    "WITH c(z) AS (VALUES 0), d AS (SELECT z + 0 AS z FROM c) SELECT id FROM {t}, d WHERE 1 / z = 1",
    "SELECT id FROM (SELECT id, 1 / 0 AS d FROM {t}) WHERE d = 1",
    "SELECT id FROM (SELECT id, 0 AS d FROM {t}) WHERE 1 / d = 1",
    "SELECT id FROM (SELECT id, 0 AS d FROM {t} UNION ALL SELECT 1, 1) WHERE 1 / d = 1 AND id > 1",
    "SELECT d FROM (SELECT 0 AS d, count(*) FROM {t} GROUP BY id) WHERE 1 / d = 1",
    "SELECT o.id FROM {t} o LEFT JOIN {t} p ON o.id = p.id AND 1 / 0 = 1",
    "SELECT o.id FROM {t} o JOIN {t} p ON 1 / 0 = p.id",
    "SELECT region FROM {t} GROUP BY region HAVING 1 / 0 = 1",
    "SELECT count(*) FROM {t} WHERE 1 / 0 = 1",
    "SELECT count(*) FILTER (WHERE 1 / 0 = 1) FROM {t}",
    "SELECT sum(amount) FILTER (WHERE 1 / amount = 1), count(*) FILTER (WHERE 1 / 0 = 1) FROM {t}",
    "SELECT sum(1 / 0) FROM {t}",
    "SELECT 1 / 0 FROM {t} ORDER BY 1 / 0",
    "SELECT 1 WHERE EXISTS (SELECT 1 / 0 FROM {t} WHERE 1 / 0 = 1)",
    "SELECT 1 WHERE 5 NOT IN (SELECT id FROM {t} WHERE CAST('x' AS bigint) = 1)",
    "SELECT id FROM {t} WHERE CAST(region AS bigint) = 1",
    "SELECT id FROM {t} WHERE 1 / amount = 1",
    "SELECT id FROM {t} WHERE 1 / (amount - 24) = 1",
]
FINE = {
    "SELECT count(*) FROM {t} WHERE id = 1 + 1": [[0]],
    "SELECT count(*) FROM {t} WHERE id = 7 / 2 - 2": [[0]],
    "SELECT count(*) FROM {t} WHERE CAST(id AS date) IS NULL": None,
    "SELECT count(*) FROM {t} WHERE current_date - INTERVAL '7' DAY > from_iso8601_date('2026-01-01')": [[0]],
    "SELECT count(*) FROM {t} CROSS JOIN (VALUES 1, 2) c(z) WHERE 10 / z = id": [[0]],
    "SELECT kind, count(*) FROM (SELECT 'a' AS kind, id FROM {t}) WHERE 1 / id = 1 GROUP BY kind": [],
}
"""Statements with constants that must still be answered; None: refused for its types, as by Trino."""


@pytest.fixture(scope="module")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with closing(trino.dbapi.connect(host=trino_server.host, port=trino_server.port, user="admin")) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE SCHEMA {SCHEMA}").fetchall()
        for name, rows in TABLES.items():
            cursor.execute(f"CREATE TABLE {SCHEMA}.{name} (id bigint, region varchar, amount bigint)").fetchall()
            if rows:
                cursor.execute(f"INSERT INTO {SCHEMA}.{name} VALUES {rows}").fetchall()
    engine = {"kind": "trino", "name": "trino", "url": trino_server.url, "catalogs": ["memory"]}
    with run_gateway(tmp_path_factory.mktemp("hidden-rows"), [engine], POLICIES) as running:
        yield running


def ending(gateway: Gateway, sql: str, table: str) -> tuple[str, list[list[object]]]:
    seen = Caller(gateway, "ana", "memory", "hidden_rows").ask(sql.replace("{t}", table))
    return seen.says if seen.refused else "answered", seen.rows


@pytest.mark.parametrize(
    "sql", [pytest.param(sql, marks=pytest.mark.long if number % 2 else ()) for number, sql in enumerate(ATTACKS)]
)
def test_it_ends_the_same_whatever_rows_are_hidden(gateway: Gateway, sql: str) -> None:
    endings = {name: ending(gateway, sql, name) for name in TABLES}
    assert endings == dict.fromkeys(TABLES, endings["nothing"])
    assert endings["nothing"][0] not in ("GENERIC_INTERNAL_ERROR", "SYNTAX_ERROR"), "another thing was tested"


@pytest.mark.parametrize("sql", FINE)
def test_what_cannot_fail_is_answered(gateway: Gateway, sql: str) -> None:
    said, rows = ending(gateway, sql, "mixed")
    assert (said, rows) == (("answered", FINE[sql]) if FINE[sql] is not None else ("TYPE_MISMATCH", []))


def test_the_tables_do_differ_for_who_sees_all(trino_server: TrinoServer) -> None:
    """The control: unpoliced, the same attack tells them apart."""
    with closing(trino.dbapi.connect(host=trino_server.host, port=trino_server.port, user="admin")) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT id FROM {SCHEMA}.nothing WHERE 1 / 0 = 1")
        assert cursor.fetchall() == []
        with pytest.raises(trino.exceptions.TrinoUserError, match="Division by zero"):
            cursor.execute(f"SELECT id FROM {SCHEMA}.others WHERE 1 / 0 = 1").fetchall()
