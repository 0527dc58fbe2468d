"""CALL system.runtime.kill_query, before the real Trino: the words are Trino's, the right to it is the gateway's."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import trino
from trino.exceptions import TrinoUserError

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually
from tests.protocol.talking import begin, tell

LONG = "SELECT count(*) FROM tpch.tiny.lineitem a CROSS JOIN tpch.tiny.lineitem b"


def poll(page: dict[str, Any], user: str = "ana") -> dict[str, Any]:
    """Return the next page."""
    found: dict[str, Any] = requests.get(page["nextUri"], headers={"X-Trino-User": user}, timeout=60).json()
    return found


def test_the_stop_button_ends_a_query_of_its_own_user_on_any_worker(gateway: Gateway) -> None:
    """As Superset does: another connection of the service account, acting for the same user."""
    for number in range(6):
        page = begin(gateway.url, LONG)
        cursor = trino.dbapi.connect(host="127.0.0.1", port=gateway.config["door"]["port"], user="ana").cursor()
        cursor.execute(f"CALL system.runtime.kill_query(query_id => '{page['id']}', message => 'stop {number}')")
        cursor.fetchall()
        error = poll(page)["error"]
        assert error["errorName"] == "ADMINISTRATIVELY_KILLED"
        assert error["message"] == f"Query killed. Message: stop {number}"


def test_a_killed_query_is_ended_on_the_engine_too(gateway: Gateway, trino_server: TrinoServer) -> None:
    page = poll(begin(gateway.url, LONG))
    assert tell(gateway.url, f"CALL system.runtime.kill_query('{page['id']}')").error is None
    assert poll(page)["error"]["message"] == "Query killed. No message provided."
    states = f"SELECT state FROM system.runtime.queries WHERE query_id = '{page['id']}'"
    eventually(lambda: tell(trino_server.url, states).rows == [["FAILED"]], seconds=30)


def test_only_the_owner_and_those_who_may_kill_can(gateway: Gateway) -> None:
    page = begin(gateway.url, LONG)
    kill = f"CALL system.runtime.kill_query('{page['id']}', 'mine')"
    for _ in range(3):
        assert tell(gateway.url, kill, "bob").failure == ("NOT_FOUND", f"Target query not found: {page['id']}")
    assert tell(gateway.url, kill, "root").error is None
    assert poll(page)["error"]["errorName"] == "ADMINISTRATIVELY_KILLED"
    assert tell(gateway.url, kill).failure == ("NOT_SUPPORTED", f"Target query is not running: {page['id']}")


SAME = (
    "CALL system.runtime.kill_query('20260101_000000_00000_xxxxx', 'x')",
    "CALL system.runtime.kill_query()",
    "CALL system.runtime.kill_query(message => 'x')",
    "CALL system.runtime.kill_query(query_id => 'x', query_id => 'y')",
    "CALL system.runtime.kill_query(query => 'x')",
    "CALL system.runtime.kill_query(query_id => 'x', 'y')",
    "CALL system.runtime.kill_query('x', 'y', 'z')",
    "CALL system.runtime.kill_query(1)",
    "CALL system.runtime.kill_query(NULL, 'x')",
    "CALL kill_query('x')",
    "CALL runtime.kill_query('x')",
    "CALL system.runtime.nope('x')",
    "CALL system.nope.nope()",
    "CALL nope.runtime.nope('x')",
    "CALL a.b.c.d()",
    "CALL SYSTEM.RUNTIME.KILL_QUERY(QUERY_ID => 'x')",
    "EXECUTE IMMEDIATE 'CALL system.runtime.kill_query(''x'')'",
)


@pytest.mark.parametrize("sql", SAME)
def test_a_call_that_does_not_fit_fails_as_on_trino(sql: str, gateway: Gateway, trino_server: TrinoServer) -> None:
    assert tell(gateway.url, sql).failure == tell(trino_server.url, sql).failure


def test_the_session_completes_the_procedures_name(gateway: Gateway, trino_server: TrinoServer) -> None:
    session = {"X-Trino-Catalog": "system", "X-Trino-Schema": "runtime"}
    for url in (gateway.url, trino_server.url):
        failure = tell(url, "CALL kill_query('x')", headers=session).failure
        assert failure == ("NOT_FOUND", "Target query not found: x")


def test_other_procedures_are_refused_by_name(gateway: Gateway) -> None:
    for procedure, name in (
        ("iceberg.system.rollback_to_snapshot", "NOT_SUPPORTED"),
        ("tpch.x.y", "PROCEDURE_NOT_FOUND"),
        ("system.runtime.kill_everything", "PROCEDURE_NOT_FOUND"),
    ):
        connection = trino.dbapi.connect(host="127.0.0.1", port=gateway.config["door"]["port"], user="root")
        with pytest.raises(TrinoUserError) as refused:
            connection.cursor().execute(f"CALL {procedure}('a')").fetchall()
        assert refused.value.error_name == name


def test_explaining_a_kill_kills_nothing(gateway: Gateway) -> None:
    page = begin(gateway.url, LONG)
    explain = f"EXPLAIN CALL system.runtime.kill_query('{page['id']}')"
    assert tell(gateway.url, explain).error is None
    assert "error" not in poll(page)
    assert tell(gateway.url, f"CALL system.runtime.kill_query('{page['id']}')").error is None


def test_killing_leaves_a_record_of_both(gateway: Gateway) -> None:
    page = begin(gateway.url, LONG, "bob")
    call = tell(gateway.url, f"CALL system.runtime.kill_query('{page['id']}')", "root")

    def recorded() -> dict[str, Any]:
        rows = {row["engine_query_id"] or row["query_id"]: row for row in gateway.usage()}
        return {name: rows.get(name) for name in (page["id"], call.id)}

    eventually(lambda: all(recorded().values()), seconds=20)
    rows = recorded()
    assert (rows[page["id"]]["outcome"], rows[page["id"]]["error_code"]) == ("CANCELED", "ADMINISTRATIVELY_KILLED")
    assert (rows[call.id]["outcome"], rows[call.id]["kind"]) == ("FINISHED", "CALL")


def test_lists_show_own_queries_and_to_those_who_may_view_all(gateway: Gateway) -> None:
    mine, other = begin(gateway.url, LONG), begin(gateway.url, LONG, "bob")

    def listed(user: str, path: str = "/v1/query") -> set[str]:
        found = requests.get(gateway.url + path, headers={"X-Trino-User": user}, timeout=60).json()
        return {info["queryId"] for info in found}

    own = listed("ana")
    assert (mine["id"] in own, other["id"] in own) == (True, False)
    assert {mine["id"], other["id"]} <= listed("root")
    assert other["id"] in listed("root", "/v1/query?state=queued")
    assert listed("root", "/v1/query?state=nonsense") == set()
    for user, page in (("root", mine), ("ana", mine), ("root", other), ("bob", other)):
        path = f"{gateway.url}/v1/query/{page['id']}"
        assert requests.get(path, headers={"X-Trino-User": user}, timeout=60).json()["queryId"] == page["id"]
    strange = requests.get(f"{gateway.url}/v1/query/{other['id']}", headers={"X-Trino-User": "ana"}, timeout=60)
    assert strange.status_code == 410
    for verb, page, owner in (("killed", mine, "ana"), ("preempted", other, "bob")):
        path = f"{gateway.url}/v1/query/{page['id']}/{verb}"
        stranger = "bob" if owner == "ana" else "ana"
        assert requests.put(path, headers={"X-Trino-User": stranger}, timeout=60).status_code == 410
        assert requests.put(path, data="enough", headers={"X-Trino-User": "root"}, timeout=60).status_code == 202
        assert poll(page, owner)["error"]["errorName"] == f"ADMINISTRATIVELY_{verb.upper()}"


def test_lists_are_bounded_however_long_the_statements(gateway: Gateway) -> None:
    long = f"SELECT '{'x' * 100_000}'"
    for _ in range(3):
        tell(gateway.url, long)
    answer = requests.get(f"{gateway.url}/v1/query", headers={"X-Trino-User": "ana"}, timeout=60)
    assert max(len(info["query"]) for info in answer.json()) == 4_000
