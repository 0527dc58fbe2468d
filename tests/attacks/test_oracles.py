"""Oracles on hidden rows are blind on the real Trino: every way to fail on a value, in every place of a statement.

Three tables look the same to ana, who sees the rows of region EU: one is empty, of the others all rows are hidden, of one
because their region is NULL. Each expression fails on a hidden value, which the control proves on Trino itself. Whatever
the place it stands in, the statement must end in the same way over all three. Which of the two makes a policy guarded, the
switch or the gateway's own finding, must make no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import product

import pytest
import trino

from gateway.demo.trino_server import TrinoServer
from tests.attacks.caller import Caller
from tests.attacks.process import Gateway, run_gateway

pytestmark = [pytest.mark.trino, pytest.mark.postgres]

CONNECTORS = ("memory", "iceberg")
SCHEMA = "blind"
HIDDEN = "(1, {region}, 5000, 'bad'), (2, {region}, 24, '24'), (3, {region}, 9223372036854775807, '(')"
TABLES = {
    "nothing": "",
    "others": HIDDEN.format(region="'US'"),
    "unknown": HIDDEN.format(region="CAST(NULL AS varchar)"),
}
GUARDS = {"auto": "auto", "switched": "true"}
EXPRESSIONS = {
    "division": "1 / (amount - 24)",
    "modulo": "1 % (amount - 24)",
    "cast": "CAST(note AS bigint)",
    "overflow": "amount * 4",
    "narrowing": "CAST(amount AS tinyint)",
    "date": "day(CAST(note AS date))",
    "date parse": "day(date_parse(note, '%Y-%m-%d'))",
    "iso date": "day(from_iso8601_date(note))",
    "json": "json_array_length(json_parse(note))",
    "regexp": "IF(regexp_like('x', note), 1, 0)",
    "array index": "ARRAY[1, 2][amount - 20]",
    "element": "element_at(ARRAY[1, 2], amount - 24)",
    "lambda": "cardinality(transform(ARRAY[amount - 24], x -> 1 / x))",
    "reduce": "reduce(ARRAY[amount - 24], 0, (s, x) -> s + 1 / x, s -> s)",
    "code point": "length(chr(amount))",
    "binary": "length(from_hex(note))",
    "base": "from_base(note, 10)",
    "repeat": "cardinality(repeat('x', CAST(amount AS integer)))",
    "case": "CASE WHEN amount > 1000 THEN 1 / 0 ELSE 1 END",
    "if": "IF(amount = 24, 1 / (amount - 24), 0)",
    "coalesce": "coalesce(1 / (amount - 24), 0)",
    "nullif": "nullif(1 / (amount - 24), 7)",
    "greatest": "greatest(1 / (amount - 24), 0)",
}
PLACES = {
    "where": "SELECT id FROM {t} WHERE {e} = 7",
    "where in a list": "SELECT id FROM {t} WHERE {e} IN (7, 8) OR id = 9",
    "is null": "SELECT id FROM {t} WHERE {e} IS NULL",
    "try": "SELECT count(*) FROM {t} WHERE TRY({e}) IS NULL AND {e} > 7",
    "derived": "SELECT id FROM (SELECT id, {e} AS d FROM {t}) WHERE d = 7",
    "cte": "WITH w AS (SELECT id, {e} AS d FROM {t}) SELECT count(*) FROM w WHERE d > 7",
    "join": "SELECT a.id FROM {t} a JOIN (SELECT id, {e} AS d FROM {t}) b ON a.id = b.id AND b.d = 7",
    "left join": "SELECT v.x FROM (VALUES 1, 2) v(x) LEFT JOIN (SELECT id, {e} AS d FROM {t}) b ON v.x = b.d",
    "group": "SELECT count(*) FROM {t} GROUP BY {e}",
    "having": "SELECT id FROM {t} GROUP BY id HAVING max({e}) > 7",
    "order": "SELECT id FROM {t} ORDER BY {e} LIMIT 1",
    "window": "SELECT rank() OVER (PARTITION BY {e} ORDER BY id) FROM {t}",
    "filtered aggregate": "SELECT count(*) FILTER (WHERE {e} > 7) FROM {t}",
    "aggregate": "SELECT sum({e}) FROM {t}",
    "exists": "SELECT 1 WHERE EXISTS (SELECT 1 FROM {t} WHERE {e} = 7)",
    "not in": "SELECT 1 WHERE 7 NOT IN (SELECT {e} FROM {t})",
    "scalar": "SELECT (SELECT max({e}) FROM {t})",
    "union": "SELECT id FROM (SELECT id, {e} AS d FROM {t} UNION ALL SELECT 1, 2) WHERE d = 7",
    "distinct": "SELECT DISTINCT {e} FROM {t}",
    "shown": "SELECT {e} FROM {t}",
    "any match": "SELECT id FROM {t} WHERE any_match(ARRAY[1], x -> {e} = x)",
    "prepared": "EXECUTE IMMEDIATE 'SELECT id FROM {t} WHERE {q} = ?' USING 7",
}
ORACLES = list(product(EXPRESSIONS, PLACES))
SAMPLE = set(ORACLES[:: 2 * len(PLACES) + 1])
"""Some of each kind, for every change; the others take long."""


def _policies() -> str:
    filters = "".join(
        f"  - {{id: eu-{catalog}-{name}-{role}, table: {catalog}.{SCHEMA}.{name}, roles: [{role}], "
        f"filter: region = 'EU', guard: {guard}}}\n"
        for catalog, name, (role, guard) in product(CONNECTORS, TABLES, GUARDS.items())
    )
    return (
        "version: 1\nroles: {auto: {}, switched: {}}\nusers: {ana: {roles: [auto]}, ada: {roles: [switched]}}\n"
        "grants:\n  - {id: blind, roles: [auto, switched], assets: [memory.blind.*, iceberg.blind.*], allow: [read]}\n"
        "row_filters:\n" + filters
    )


def _on_trino(server: TrinoServer, *statements: str) -> None:
    with closing(trino.dbapi.connect(host=server.host, port=server.port, user="admin")) as connection:
        for statement in statements:
            connection.cursor().execute(statement).fetchall()


@pytest.fixture(scope="module")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    for catalog in CONNECTORS:
        _on_trino(trino_server, f"CREATE SCHEMA {catalog}.{SCHEMA}")
        for name, rows in TABLES.items():
            table = f"{catalog}.{SCHEMA}.{name}"
            _on_trino(trino_server, f"CREATE TABLE {table} (id bigint, region varchar, amount bigint, note varchar)")
            if rows:
                _on_trino(trino_server, f"INSERT INTO {table} VALUES {rows}")
    engine = {"kind": "trino", "name": "trino", "url": trino_server.url, "catalogs": list(CONNECTORS)}
    with run_gateway(tmp_path_factory.mktemp("oracles"), [engine], _policies()) as running:
        yield running


def asked(expression: str, place: str, table: str) -> str:
    text = EXPRESSIONS[expression]
    return PLACES[place].format(t=table, e=text, q=text.replace("'", "''"))


def ending(gateway: Gateway, sql: str, user: str, catalog: str) -> tuple[str, list[list[object]]]:
    seen = Caller(gateway, user, catalog, SCHEMA).ask(sql)
    return seen.says if seen.refused else "answered", seen.rows


@pytest.mark.parametrize(
    ("expression", "place", "catalog"),
    [
        pytest.param(
            *oracle,
            catalog,
            marks=() if oracle in SAMPLE and catalog == "memory" else pytest.mark.long,
            id=" ".join((*oracle, catalog)),
        )
        for oracle in ORACLES
        for catalog in CONNECTORS
    ],
)
def test_the_oracle_is_blind(gateway: Gateway, expression: str, place: str, catalog: str) -> None:
    endings = {
        (user, name): ending(gateway, asked(expression, place, name), user, catalog)
        for user in ("ana", "ada")
        for name in TABLES
    }
    first = endings["ana", "nothing"]
    assert endings == dict.fromkeys(endings, first)
    assert first[0] not in ("GENERIC_INTERNAL_ERROR", "SYNTAX_ERROR", "TABLE_NOT_FOUND", "COLUMN_NOT_FOUND")


@pytest.mark.long
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_expression_does_fail_for_who_sees_all(
    gateway: Gateway, trino_server: TrinoServer, expression: str
) -> None:
    """The control: on Trino itself the hidden rows are told from none."""
    _on_trino(trino_server, f"SELECT {EXPRESSIONS[expression]} FROM memory.{SCHEMA}.nothing")
    with pytest.raises(trino.exceptions.TrinoQueryError):
        _on_trino(trino_server, f"SELECT {EXPRESSIONS[expression]} FROM memory.{SCHEMA}.others")


def test_at_least_sixty_oracles_are_tried() -> None:
    assert len(ORACLES) > 500
    assert len(SAMPLE) > 10
