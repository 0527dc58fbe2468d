"""Explicit transactions, before the real Trino: kept by one engine, sealed for their owner, in Trino's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trino
from trino.exceptions import TrinoUserError
from trino.transaction import IsolationLevel

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running
from tests.protocol.conftest import POLICIES, wait_for_catalogs
from tests.protocol.talking import CAPABLE, TRANSACTIONS, Told, begin, tell

STARTED, CLEARED = "X-Trino-Started-Transaction-Id", "X-Trino-Clear-Transaction-Id"
NATIONS = "SELECT count(*) FROM tpch.tiny.nation"
ABORTED = (
    "TRANSACTION_ALREADY_ABORTED",
    "Current transaction is aborted, commands ignored until end of transaction block",
)


class Session:
    """One client's session: it carries the transaction's id as drivers do."""

    def __init__(self, url: str, user: str = "ana", **more: str) -> None:
        self.url, self.user, self.headers = url, user, {**CAPABLE, **more}

    def run(self, sql: str) -> Told:
        told = tell(self.url, sql, self.user, self.headers)
        if started := told.header(STARTED):
            self.headers["X-Trino-Transaction-Id"] = started
        if told.header(CLEARED):
            self.headers["X-Trino-Transaction-Id"] = "NONE"
        return told

    def failure(self, sql: str) -> tuple[str, str] | None:
        return self.run(sql).failure


def test_the_python_client_commits_and_rolls_back(gateway: Gateway) -> None:
    port = gateway.config["door"]["port"]
    for end in ("commit", "rollback"):
        connection = trino.dbapi.connect(
            host="127.0.0.1", port=port, user="ana", isolation_level=IsolationLevel.REPEATABLE_READ
        )
        cursor = connection.cursor()
        for _ in range(4):  # on either worker
            cursor.execute(NATIONS)
            assert cursor.fetchall() == [[5]]
        getattr(connection, end)()
    with (
        pytest.raises(TrinoUserError) as refused,
        trino.dbapi.connect(
            host="127.0.0.1", port=port, user="ana", isolation_level=IsolationLevel.SERIALIZABLE
        ) as connection,
    ):
        connection.cursor().execute("SELECT * FROM lake.trading.trades").fetchall()
    assert refused.value.error_name == "NOT_SUPPORTED"


# No ROLLBACK follows a COMMIT that failed: whether Trino then still knows of a transaction is a race of its own.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "committed": ("START TRANSACTION", "SELECT 1", NATIONS.replace("tiny", "sf1"), "COMMIT", "SELECT 1"),
    "rolled back": ("START TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE", "SELECT 1", "ROLLBACK", "SELECT 1"),
    "none to end": ("COMMIT", "ROLLBACK"),
    "nested": ("START TRANSACTION", "START TRANSACTION", "SELECT 1", "COMMIT"),
    "a statement that fails on the engine": ("START TRANSACTION", "SELECT 1 / 0", "SELECT 1", "COMMIT"),
    "a statement that the gateway refuses": (
        "START TRANSACTION",
        "SELECT * FROM tpch.tiny.nope",
        "SELECT 1",
        "SHOW CATALOGS",
        "COMMIT",
    ),
    "what is not understood": ("START TRANSACTION", "SELEC 1", "EXECUTE nope", "SELECT 1", "COMMIT"),
    "too few parameters": ("START TRANSACTION", "EXECUTE IMMEDIATE 'SELECT ?'", "SELECT 1", "COMMIT"),
    "statements that the gateway answers": (
        "START TRANSACTION",
        "USE tpch.tiny",
        "SET SESSION query_max_run_time = '1h'",
        "PREPARE p FROM SELECT 1",
        "SELECT count(*) > 0 FROM system.jdbc.catalogs",
        "COMMIT",
    ),
    "a failure in metadata": (
        "START TRANSACTION",
        "SELECT 1 / (length(table_cat) - length(table_cat)) FROM system.jdbc.catalogs",
        "SELECT 1",
        "SELECT count(*) > 0 FROM system.jdbc.catalogs",
        "ROLLBACK",
    ),
    "two read modes": ("START TRANSACTION READ WRITE, READ ONLY",),
    "two levels": ("START TRANSACTION ISOLATION LEVEL READ COMMITTED, ISOLATION LEVEL SERIALIZABLE",),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script_goes_as_on_trino(script: tuple[str, ...], gateway: Gateway, trino_server: TrinoServer) -> None:
    ours, theirs = Session(gateway.url), Session(trino_server.url)
    for sql in script:
        mine, real = ours.run(sql), theirs.run(sql)
        if real.failure is not None and real.failure[0] in ("SYNTAX_ERROR", "INVALID_PARAMETER_USAGE"):
            assert mine.failure is not None
            assert mine.failure[0] == real.failure[0]  # the texts differ in places, and in what they expect instead
        else:
            assert mine.failure == real.failure, sql
        assert mine.rows == real.rows, sql
        assert real.error or mine.update_type == real.update_type, sql
        for name in (STARTED, CLEARED):  # a COMMIT that fails tells on Trino now and then that it is cleared
            assert real.error or (mine.header(name) is None) == (real.header(name) is None), sql


WRITES: dict[str, tuple[str, ...]] = {
    "written in a reading one": ("START TRANSACTION READ ONLY", "CREATE SCHEMA memory.never", "SELECT 1", "ROLLBACK"),
    "a table made": (
        "START TRANSACTION",
        "CREATE TABLE memory.default.never AS SELECT 1 AS a",
        "SELECT 1",
        "COMMIT",
    ),
}


@pytest.mark.parametrize("script", WRITES.values(), ids=WRITES.keys())
def test_the_engine_decides_on_writes(script: tuple[str, ...], gateway: Gateway, trino_server: TrinoServer) -> None:
    ours, theirs = Session(gateway.url, "root"), Session(trino_server.url, "root")
    for sql in script:
        assert ours.failure(sql) == theirs.failure(sql), sql


def test_a_client_without_transactions_cannot_start_one(gateway: Gateway, trino_server: TrinoServer) -> None:
    for url in (gateway.url, trino_server.url):
        assert tell(url, "START TRANSACTION").failure == ("INCOMPATIBLE_CLIENT", "Client does not support transactions")
        assert tell(url, "START TRANSACTION", headers={"X-Trino-Transaction-Id": ""}).header(STARTED)


def test_the_id_is_sealed_and_the_engines_own_is_nowhere(gateway: Gateway) -> None:
    session = Session(gateway.url)
    session.run("START TRANSACTION")
    sealed = session.headers["X-Trino-Transaction-Id"]
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", sealed)
    assert session.run("ROLLBACK").error is None
    gone = Session(gateway.url, **{"X-Trino-Transaction-Id": sealed}).run("SELECT 1").error
    assert gone is not None
    assert gone["errorName"] == "UNKNOWN_TRANSACTION"
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", gone["message"])


def test_nobody_else_can_use_it(gateway: Gateway) -> None:
    session = Session(gateway.url)
    session.run("START TRANSACTION")
    sealed = session.headers["X-Trino-Transaction-Id"]
    flipped = sealed[:-5] + ("A" if sealed[-5] != "A" else "B") + sealed[-4:]
    plain = "12345678-1234-1234-1234-123456789012"
    for user, given in (("bob", sealed), ("root", sealed), ("ana", flipped), ("ana", plain), ("ana", "k1.")):
        for sql in ("SELECT 1", "COMMIT", "ROLLBACK", "SHOW CATALOGS"):
            failure = tell(gateway.url, sql, user, {"X-Trino-Transaction-Id": given}).failure
            assert failure is not None
            assert failure[0] == "UNKNOWN_TRANSACTION"
            assert failure[1].startswith(f"Unknown transaction ID: {given}. Possibly expired?")
    token = begin(gateway.url, "SELECT 1")["nextUri"].split("/")[-2]
    failure = tell(gateway.url, "SELECT 1", headers={"X-Trino-Transaction-Id": token}).failure
    assert failure is not None
    assert failure[0] == "UNKNOWN_TRANSACTION", "the token of a page is no transaction"
    assert session.run("COMMIT").error is None, "the others' attempts left it alone"


def test_another_engine_is_refused_naming_both(gateway: Gateway) -> None:
    session = Session(gateway.url)
    session.run("START TRANSACTION")
    failure = session.failure("SELECT * FROM lake.trading.trades")
    assert failure is not None
    assert failure[0] == "NOT_SUPPORTED"
    assert "'trino'" in failure[1]
    assert "'lake'" in failure[1]
    assert session.failure("SELECT 1") == ABORTED
    assert session.run("ROLLBACK").error is None
    assert session.run("SELECT count(*) FROM lake.trading.trades").rows == [[5]]


def test_the_sessions_catalog_says_where_it_is_kept(gateway: Gateway) -> None:
    failure = Session(gateway.url, **{"X-Trino-Catalog": "lake"}).failure("START TRANSACTION")
    assert failure is not None
    assert failure[0] == "NOT_SUPPORTED"
    assert "START TRANSACTION is not supported for catalog 'lake': only catalogs on a Trino cluster" in failure[1]
    for catalog in ("tpch", "system", "nope"):
        session = Session(gateway.url, **{"X-Trino-Catalog": catalog})
        assert session.run("START TRANSACTION").error is None, catalog
        assert session.run("ROLLBACK").error is None


def test_policies_hold_within_it(gateway: Gateway) -> None:
    for user, count in (("ana", 5), ("bob", 20)):
        session = Session(gateway.url, user)
        session.run("START TRANSACTION")
        assert session.run(NATIONS).rows == [[count]]
        assert session.run("COMMIT").error is None


@pytest.fixture(scope="module")
def replica(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Another gateway with the same keys, as on another host."""
    folder: Path = tmp_path_factory.mktemp("replica")
    twin = make_gateway(folder, gateway.config["engines"], {"keys": gateway.config["keys"]})
    twin.policies.write_text(POLICIES)
    with running(twin):
        wait_for_catalogs(twin)
        yield twin


def test_another_replica_goes_on_with_it(gateway: Gateway, replica: Gateway) -> None:
    session = Session(gateway.url)
    session.run("START TRANSACTION")
    session.url = replica.url
    assert session.run(NATIONS).rows == [[5]]
    assert session.run("SHOW CATALOGS").error is None
    session.url = gateway.url
    assert session.run("COMMIT").error is None


def test_one_begun_on_a_worker_that_died_is_told_by_another(gateway: Gateway, replica: Gateway) -> None:
    """The page that names the transaction is served from its token alone, and sealed there."""
    answer = requests.post(
        f"{replica.url}/v1/statement",
        data=b"START TRANSACTION",
        headers={"X-Trino-User": "ana", **TRANSACTIONS},
        timeout=60,
    )
    page = answer.json()
    headers = dict(answer.headers)
    while "nextUri" in page:
        uri = page["nextUri"].replace(replica.url, gateway.url)
        answer = requests.get(uri, headers={"X-Trino-User": "ana"}, timeout=60)
        headers.update(answer.headers)
        page = answer.json()
    session = Session(gateway.url, **{"X-Trino-Transaction-Id": headers[STARTED]})
    assert session.run(NATIONS).rows == [[5]]
    assert session.run("COMMIT").error is None


def test_each_of_its_statements_is_recorded(gateway: Gateway) -> None:
    session = Session(gateway.url, "bob")
    told = [session.run(sql) for sql in ("START TRANSACTION", "SELECT 1", "COMMIT", "COMMIT")]

    def kinds() -> list[tuple[str, str]]:
        rows = {row["engine_query_id"] or row["query_id"]: row for row in gateway.usage()}
        return [(rows[t.id]["kind"], rows[t.id]["outcome"]) for t in told if t.id in rows]

    expected = [("START TRANSACTION", "FINISHED"), ("SELECT", "FINISHED"), ("COMMIT", "FINISHED"), ("", "REFUSED")]
    eventually(lambda: kinds() == expected, seconds=20)
