"""Partners on the real Trino by the stock client: what is granted, what is not, and statements that end on the cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trino.dbapi
import trino.exceptions

from gateway.demo.trino_server import TrinoServer
from tests.admin.api_client import ISSUER
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running
from tests.partners.sharing_world import PARTNERS, POLICIES, Steward, connect, rows

pytestmark = pytest.mark.long
ORDERS, LINES = "tpch.tiny.orders", "tpch.sf1.lineitem"


@pytest.fixture(scope="module")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    engine: dict[str, Any] = {"kind": "trino", "name": "trino", "url": trino_server.url, "catalogs": ["tpch"]}
    parts = {"identity": {"insecure": True, "jwt": [ISSUER]}, "partners": PARTNERS}
    made = make_gateway(tmp_path_factory.mktemp("partners-on-trino"), [engine], parts)
    made.policies.write_text(POLICIES.replace("lake.", "tpch."))
    directly(trino_server, "SHOW TABLES FROM tpch.tiny")  # the first answer of a fresh Trino takes its time
    with running(made) as found:
        yield found


@pytest.fixture(scope="module")
def steward(gateway: Gateway) -> Iterator[Steward]:
    with Steward(gateway) as found:
        yield found


def directly(server: TrinoServer, sql: str) -> list[list[Any]]:
    """Ask Trino itself."""
    untyped: Any = trino.dbapi
    return rows(untyped.connect(host="127.0.0.1", port=server.port, user="tests"), sql)


def test_a_partner_sees_of_trinos_tables_what_was_granted(
    gateway: Gateway, steward: Steward, trino_server: TrinoServer
) -> None:
    steward.register("reader")
    steward.entitle("reader", ORDERS, row_filter="orderpriority = '1-URGENT'", denied_columns=["clerk"])
    connection = connect(gateway, "reader", steward.token("reader", ORDERS)["token"])
    sql = f"SELECT orderpriority, count(*), sum(totalprice) FROM {ORDERS} GROUP BY 1"
    assert rows(connection, sql) == directly(trino_server, f"{sql} HAVING orderpriority = '1-URGENT'")
    assert len(rows(connection, f"SELECT * FROM {ORDERS} LIMIT 1")[0]) == 8
    for statement, error in (
        (f"SELECT 1 FROM {ORDERS} WHERE clerk = 'x'", "COLUMN_NOT_FOUND"),
        (f"SELECT 1 FROM {ORDERS} a JOIN {ORDERS} b USING (clerk)", "COLUMN_NOT_FOUND"),
        ("SELECT * FROM tpch.tiny.customer", "TABLE_NOT_FOUND"),
        ("SELECT * FROM tpch.sf1.orders", "SCHEMA_NOT_FOUND"),
        (f"CREATE TABLE tpch.tiny.mine AS SELECT * FROM {ORDERS}", "PERMISSION_DENIED"),
    ):
        with pytest.raises(trino.exceptions.TrinoQueryError) as caught:
            rows(connection, statement)
        assert caught.value.error_name == error, statement


def test_a_running_statement_ends_on_the_cluster_when_its_entitlement_does(
    gateway: Gateway, steward: Steward, trino_server: TrinoServer
) -> None:
    steward.register("busy")
    entitlement = steward.entitle("busy", LINES)
    cursor, seen = connect(gateway, "busy", steward.token("busy", LINES)["token"]).cursor(), []

    def read() -> None:
        try:
            cursor.execute(f"SELECT count(*) FROM {LINES} a JOIN {LINES} b ON a.tax < b.tax AND a.comment < b.comment")
            cursor.fetchall()
        except trino.exceptions.TrinoQueryError as error:
            seen.append(f"{error.error_name} {error.message}")

    reading = threading.Thread(target=read)
    reading.start()
    ours = "FROM system.runtime.queries WHERE query LIKE '%\"lineitem\"%' AND \"user\" = 'busy'"
    eventually(lambda: directly(trino_server, f"SELECT count(*) {ours} AND state = 'RUNNING'") == [[1]], seconds=60)
    steward.answer("DELETE", f"/entitlements/{entitlement}", 204)
    reading.join(timeout=30)
    assert not reading.is_alive()
    assert seen[0].startswith(f"PERMISSION_DENIED Access Denied: The entitlement to {LINES} has ended")
    ended = f"SELECT count_if(state = 'FAILED') > 0 AND bool_and(state IN ('FAILED', 'FINISHED')) {ours}"
    eventually(lambda: directly(trino_server, ended) == [[True]], seconds=30)  # what attestation asked is FINISHED
