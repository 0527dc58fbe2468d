"""Correlated subqueries off Trino: none that Trino 476 refuses is taken, and nearly all that it takes are."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
import trino

from catalog.errors import ErrorCode, Refusal
from catalog.types import type_text
from gateway.demo.trino_server import TrinoServer
from tests.rewrite_rules.analysis.conftest import analyzed, table
from tests.rewrite_rules.analysis.drawn_subqueries import draw_subquery

CASES = [
    json.loads(line)
    for line in (Path(__file__).with_name("trino_476") / "correlated.jsonl").read_text("utf-8").splitlines()
]
ROWS = table(
    "rows",
    id="bigint",
    k="bigint",
    n="integer",
    i="integer",
    s="smallint",
    g="varchar",
    ch="char(5)",
    w="varchar",
    ab="array(bigint)",
    m="map(varchar, bigint)",
    av="array(varchar)",
)
LEAST_TAKEN = 0.85


def taken(sql: str) -> bool:
    try:
        analyzed(sql.replace("{t}", "rows"), tables={ROWS.name: ROWS})
    except Refusal as refusal:
        if refusal.code is not ErrorCode.NOT_SUPPORTED:
            raise
        return False
    return True


@pytest.mark.parametrize("sql", [case["sql"] for case in CASES if "error" in case])
def test_what_trino_refuses_is_refused(sql: str) -> None:
    assert not taken(sql)


def test_nearly_all_that_trino_takes_are_taken() -> None:
    asked = [case["sql"] for case in CASES if "error" not in case]
    assert len(asked) > 400
    assert sum(map(taken, asked)) > LEAST_TAKEN * len(asked)


def test_who_is_refused_hears_what_to_do() -> None:
    sql = "SELECT a.id FROM rows a WHERE a.id IN (SELECT max(b.id) FROM rows b WHERE b.k = a.k)"
    with pytest.raises(Refusal, match="Given correlated subquery is not supported") as caught:
        analyzed(sql, tables={ROWS.name: ROWS})
    assert caught.value.hint is not None
    assert "Join" in caught.value.hint
    analyzed(sql, strict=False, tables={ROWS.name: ROWS})


@pytest.mark.parametrize("strict", [True, False])
def test_the_condition_of_an_outer_join_reads_no_outer_column(strict: bool) -> None:
    sql = "SELECT (SELECT max(b.id) FROM rows b LEFT JOIN rows c ON b.id = c.id AND c.k = a.k) FROM rows a"
    with pytest.raises(Refusal, match=r"Reference to column 'a\.k' from outer scope not allowed in this context"):
        analyzed(sql, strict=strict, tables={ROWS.name: ROWS})


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_drawn_anew_is_taken_that_a_real_trino_refuses(trino_server: TrinoServer) -> None:
    address = urlsplit(trino_server.url)
    connection = trino.dbapi.connect(host=address.hostname, port=address.port, user="draws")
    cursor = connection.cursor()
    shape = ", ".join(f"{column.name} {type_text(column.type)}" for column in ROWS.columns)
    cursor.execute(f"CREATE TABLE memory.default.drawn ({shape})")
    cursor.fetchall()
    random, refused = Random(), 0
    for _ in range(2_000):
        sql = draw_subquery(random)
        try:
            cursor.execute(f"EXPLAIN {sql.replace('{t}', 'memory.default.drawn')}")
            cursor.fetchall()
        except trino.exceptions.TrinoQueryError as error:
            if error.error_name in ("NOT_SUPPORTED", "GENERIC_INTERNAL_ERROR"):
                refused += 1
                assert not taken(sql), sql
    assert refused > 500
