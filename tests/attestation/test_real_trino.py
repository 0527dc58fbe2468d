"""The real Trino, where somebody changes tables behind the gateway's back: no row, no error text, no figure gets out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
import requests

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually
from tests.protocol.talking import Told, tell

_numbers = count(1)
READ = "SELECT name, regionkey FROM {}"


@pytest.fixture
def table(attesting: Gateway, trino_server: TrinoServer) -> Iterator[str]:
    """Make a table that the analyst may read, and that the gateway has heard of."""
    name = f"memory.attested.t{next(_numbers)}"
    at_engine(trino_server, f"CREATE TABLE {name} AS SELECT * FROM tpch.tiny.nation WHERE regionkey < 3")
    assert tell(attesting.url, f"SELECT count(*) FROM {name}").rows == [[15]]
    yield name
    for kind in ("VIEW", "TABLE"):
        tell(trino_server.url, f"DROP {kind} IF EXISTS {name}")


def at_engine(trino: TrinoServer, *statements: str) -> None:
    """Do something at the engine, past the gateway."""
    for sql in statements:
        assert tell(trino.url, sql).error is None, sql


def swap(trino: TrinoServer, table: str, body: str = "SELECT * FROM memory.unshown.secret") -> None:
    """Put a view in a table's place."""
    at_engine(trino, f"DROP TABLE {table}", f"CREATE VIEW {table} AS {body}")


def refused(told: Told) -> bool:
    assert "CANARY" not in str(told)
    assert "unshown" not in str(told)
    return told.rows == [] and told.failure is not None and told.failure[0] == "QUERY_REJECTED"


READERS: dict[str, Callable[[str], str]] = {
    "a plain query": READ.format,
    "an aggregate": lambda t: f"SELECT max(name) FROM {t}",
    "a subquery": lambda t: f"SELECT (SELECT max(name) FROM {t}) FROM tpch.tiny.region",
    "a join": lambda t: f"SELECT n.name FROM tpch.tiny.region r JOIN {t} n USING (regionkey)",
    "a plan without tables left": lambda t: f"SELECT name FROM {t} WHERE false",
    "an error that would quote a value": lambda t: f"SELECT CAST(name AS integer) FROM {t}",
    "an explanation": lambda t: f"EXPLAIN SELECT name FROM {t}",
    "an explanation of a run": lambda t: f"EXPLAIN ANALYZE SELECT name FROM {t}",
    "statistics": lambda t: f"SHOW STATS FOR {t}",
    "statistics of a query": lambda t: f"SHOW STATS FOR (SELECT name FROM {t})",
}


KNOWN = ("a plain query", "an aggregate", "an explanation", "an explanation of a run", "statistics")


@pytest.mark.parametrize(("reader", "known"), [*((each, False) for each in READERS), *((each, True) for each in KNOWN)])
def test_a_view_in_a_tables_place_is_found(
    reader: str, known: bool, attesting: Gateway, trino_server: TrinoServer, table: str
) -> None:
    sql = READERS[reader](table)
    if known:
        assert tell(attesting.url, sql).error is None
    swap(trino_server, table)
    assert refused(tell(attesting.url, sql))


@pytest.mark.parametrize(
    "body",
    [
        "SELECT * FROM memory.unshown.secret",
        "SELECT * FROM tpch.tiny.nation",
        "SELECT nationkey, name, regionkey, comment FROM (VALUES (bigint '1', 'CANARY', bigint '1', 'x'))"
        " AS v (nationkey, name, regionkey, comment)",
        "SELECT n.* FROM tpch.tiny.nation n WHERE n.name IN (SELECT substr(name, 8) FROM memory.unshown.secret)",
    ],
    ids=["a hidden table", "a table that may be read", "no table at all", "a hidden table in a condition"],
)
def test_whatever_the_view_is_over_it_is_no_table(
    body: str, attesting: Gateway, trino_server: TrinoServer, table: str
) -> None:
    swap(trino_server, table, body)
    assert refused(tell(attesting.url, READ.format(table)))


def test_a_table_under_the_view_that_is_the_very_table_renamed_is_found(
    attesting: Gateway, trino_server: TrinoServer, table: str
) -> None:
    kept = f"{table}_kept"
    at_engine(trino_server, f"ALTER TABLE {table} RENAME TO {kept}", f"CREATE VIEW {table} AS SELECT * FROM {kept}")
    assert refused(tell(attesting.url, READ.format(table)))


def test_a_write_that_would_carry_hidden_rows_away_never_begins(
    attesting: Gateway, trino_server: TrinoServer, table: str
) -> None:
    copy = f"{table}_copy"
    at_engine(trino_server, f"CREATE TABLE {copy} AS SELECT * FROM tpch.tiny.nation WHERE false")
    assert tell(attesting.url, f"SELECT count(*) FROM {copy}").rows == [[0]]
    swap(trino_server, table)
    for sql in (f"INSERT INTO {copy} SELECT * FROM {table}", f"CREATE TABLE {copy}2 AS SELECT * FROM {table}"):
        assert refused(tell(attesting.url, sql, "root"))
    assert tell(trino_server.url, f"SELECT count(*) FROM {copy}").rows == [[0]]
    assert tell(trino_server.url, f"SHOW TABLES FROM memory.attested LIKE '{copy.split('.')[-1]}2'").rows == []


def test_after_a_refusal_the_catalog_is_read_again_and_the_view_is_policed_as_one(
    attesting: Gateway, trino_server: TrinoServer, table: str
) -> None:
    swap(trino_server, table)
    assert refused(tell(attesting.url, READ.format(table)))

    def policed() -> bool:
        failure = tell(attesting.url, READ.format(table)).failure
        return failure is not None and failure[0] == "PERMISSION_DENIED"

    eventually(policed, seconds=60)


def test_what_is_as_it_was_planned_is_confirmed_whatever_it_reads(
    attesting: Gateway, trino_server: TrinoServer
) -> None:
    at_engine(trino_server, "CREATE OR REPLACE VIEW memory.attested.shown AS SELECT name FROM memory.attested.policed")
    before = attesting.metric("penstock_attested_total", result="same")
    statements = (
        "SELECT name FROM memory.attested.policed",
        "SELECT count(*) FROM memory.attested.policed",
        "SELECT name FROM memory.attested.shown",
        "WITH p AS (SELECT * FROM memory.attested.policed) SELECT a.name FROM p a, p b, tpch.tiny.region",
        "SELECT name FROM memory.attested.policed WHERE false",
        "SELECT 1 FROM tpch.tiny.nation n WHERE EXISTS (SELECT 1 FROM memory.attested.policed p WHERE p.name = n.name)",
        "TABLE tpch.tiny.region",
        "SELECT * FROM tpch.tiny.nation TABLESAMPLE BERNOULLI (50)",
        "EXPLAIN ANALYZE SELECT name FROM tpch.tiny.region",
        "SHOW STATS FOR tpch.tiny.region",
    )
    for sql in statements:
        assert tell(attesting.url, sql).error is None, sql
    eventually(lambda: attesting.metric("penstock_attested_total", result="same") == before + len(statements))


def test_writes_go_on_as_ever_and_leave_nothing_behind(attesting: Gateway, trino_server: TrinoServer) -> None:
    for sql in (
        "CREATE TABLE memory.attested.made AS SELECT name FROM tpch.tiny.nation",
        "INSERT INTO memory.attested.made SELECT name FROM tpch.tiny.region",
        "INSERT INTO memory.attested.made VALUES 'x'",
    ):
        assert tell(attesting.url, sql, "root").error is None, sql
    assert tell(trino_server.url, "SELECT count(*) FROM memory.attested.made").rows == [[31]]
    assert tell(attesting.url, "DROP TABLE memory.attested.made", "root").error is None


def test_a_query_that_fails_by_itself_fails_with_its_own_error(attesting: Gateway) -> None:
    told = tell(attesting.url, "SELECT 1 / (nationkey - nationkey) FROM tpch.tiny.nation")
    assert told.failure == ("DIVISION_BY_ZERO", "Division by zero")
    told = tell(attesting.url, "SELECT 1 / (nationkey - nationkey) FROM memory.attested.policed")
    assert told.failure is not None
    assert told.failure[0] == "DIVISION_BY_ZERO"


def test_questions_run_as_the_user_and_are_told_apart_by_their_source(
    attesting: Gateway, trino_server: TrinoServer
) -> None:
    assert tell(attesting.url, "SELECT name AS question FROM tpch.tiny.region").error is None
    asked = tell(
        trino_server.url,
        "SELECT DISTINCT \"user\" FROM system.runtime.queries WHERE source = 'penstock-attestation'"
        " AND query LIKE 'EXPLAIN (TYPE IO, FORMAT JSON)%question%'",
    )
    assert asked.rows == [["ana"]]


def test_price_and_attestation_of_a_new_plan_take_one_question(attesting: Gateway, trino_server: TrinoServer) -> None:
    assert tell(attesting.url, "SELECT name AS once_asked FROM tpch.tiny.region").error is None
    asked = tell(
        trino_server.url,
        "SELECT count(*) FROM system.runtime.queries WHERE source = 'penstock-attestation'"
        " AND query LIKE 'EXPLAIN (TYPE IO, FORMAT JSON)%once_asked%'",
    )
    assert asked.rows == [[1]]


def test_the_querys_information_stays_at_the_engine(attesting: Gateway) -> None:
    told = tell(attesting.url, "SELECT name FROM memory.attested.policed")
    info = requests.get(f"{attesting.url}/v1/query/{told.id}", headers={"X-Trino-User": "ana"}, timeout=60).text
    assert "inputs" not in info
    assert "regionkey" not in info
