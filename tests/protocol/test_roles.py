"""SET ROLE, SET PATH and SET SESSION AUTHORIZATION before the real Trino: in its words where it has an answer."""

from __future__ import annotations

import pytest
import requests
import trino
from trino.exceptions import TrinoUserError

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually
from tests.protocol.talking import CAPABLE, TRANSACTIONS, tell

NATIONS = "SELECT count(*) FROM tpch.tiny.nation"


def connect(gateway: Gateway, user: str = "ana", **more: object) -> trino.dbapi.Connection:
    return trino.dbapi.connect(host="127.0.0.1", port=gateway.config["door"]["port"], user=user, **more)


def ask(connection: trino.dbapi.Connection, sql: str) -> list[list[object]]:
    cursor = connection.cursor()
    cursor.execute(sql)
    found: list[list[object]] = cursor.fetchall()
    return found


def test_the_python_client_takes_a_role_and_lays_it_down(gateway: Gateway) -> None:
    """ana is trader (region 1 only) and auditor; a trader is an analyst (regions 0 to 3)."""
    session = connect(gateway)
    lineitems = "SELECT count(*) > 0 FROM tpch.sf1.region"
    assert ask(session, NATIONS) == [[5]]
    assert ask(session, lineitems) == [[True]]
    ask(session, "SET ROLE trader")
    assert ask(session, NATIONS) == [[5]]
    assert ask(session, "SHOW CURRENT ROLES") == [["trader"]]
    assert ask(session, "SHOW ROLES") == [["auditor"], ["trader"]]
    for sql in (lineitems, "SELECT * FROM tpch.sf1.region"):
        with pytest.raises(TrinoUserError, match="does not exist"):
            ask(session, sql)
    ask(session, "SET ROLE analyst")
    assert ask(session, NATIONS) == [[5]], "the trader's filter holds for a trader, whatever he calls himself"
    ask(session, "SET ROLE NONE")
    with pytest.raises(TrinoUserError, match="Catalog 'tpch' not found"):
        ask(session, NATIONS)
    ask(session, "SET ROLE auditor")
    assert ask(session, lineitems) == [[True]]
    ask(session, "SET ROLE ALL")
    assert ask(session, NATIONS) == [[5]]


def test_a_role_can_come_with_the_connection(gateway: Gateway) -> None:
    assert ask(connect(gateway, roles={"system": "trader"}), "SHOW CURRENT ROLES") == [["trader"]]
    assert ask(connect(gateway, roles={"tpch": "whatever"}), NATIONS) == [[5]]
    for user, role in (("ana", "admin"), ("bob", "trader"), ("bob", "nope")):
        with pytest.raises(TrinoUserError) as refused:
            ask(connect(gateway, user, roles={"system": role}), "SELECT 1")
        assert refused.value.error_name == "PERMISSION_DENIED"
        assert refused.value.message == f"Access Denied: Cannot set role {role}"


def test_a_narrowed_administrator_kills_nobody_elses_query(gateway: Gateway) -> None:
    page = requests.post(f"{gateway.url}/v1/statement", data=b"SELECT 1", headers={"X-Trino-User": "bob"}, timeout=60)
    kill = f"CALL system.runtime.kill_query('{page.json()['id']}')"
    narrowed = tell(gateway.url, kill, "root", {"X-Trino-Role": "system=NONE"})
    assert narrowed.error is not None
    assert narrowed.error["errorName"] == "NOT_FOUND"
    assert tell(gateway.url, kill, "root").error is None


SAME = (
    "SET ROLE NONE",
    "SET ROLE ALL",
    "SET ROLE nope",
    "SET ROLE nope IN tpch",
    "SET ROLE NONE IN tpch",
    "SET ROLE NONE IN nowhere",
    "SET ROLE nope IN nowhere",
    "SET PATH tpch.tiny",
    "SET PATH tpch.tiny, tpch.sf1",
    'SET PATH tpch."Tiny x"',
    "SET PATH TPCH.TINY",
    "SET PATH nowhere.x",
    "SET PATH a",
    "SET SESSION AUTHORIZATION ana",
    "SET SESSION AUTHORIZATION 'ana'",
    "SET SESSION AUTHORIZATION bob",
    "SET SESSION AUTHORIZATION 'bob smith'",
    "RESET SESSION AUTHORIZATION",
    "SELECT current_path",
)


def session_headers(headers: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the headers, those that repeat on a further page once."""
    return set(headers)


@pytest.mark.parametrize("sql", SAME)
@pytest.mark.parametrize("capable", [True, False], ids=["capable", "incapable"])
def test_the_session_is_told_what_trino_would_tell(
    sql: str, capable: bool, gateway: Gateway, trino_server: TrinoServer
) -> None:
    headers = CAPABLE if capable else TRANSACTIONS
    mine, real = (tell(url, sql, "ana", headers) for url in (gateway.url, trino_server.url))
    assert mine.failure == real.failure
    assert session_headers(mine.headers) == session_headers(real.headers)
    assert real.error or mine.update_type == real.update_type
    assert mine.rows == real.rows


@pytest.mark.parametrize("path", ["tpch.tiny", "memory.default, tpch.tiny", "garbage", "nope.x"])
def test_the_path_is_what_the_client_says(path: str, gateway: Gateway, trino_server: TrinoServer) -> None:
    headers = {**CAPABLE, "X-Trino-Path": path}
    for url in (gateway.url, trino_server.url):
        told = tell(url, "SELECT current_path", "ana", headers)
        assert (told.rows, told.columns[0]["type"]) == ([[path]], "varchar")


def test_a_session_goes_on_as_another_user_by_the_impersonation_rules(gateway: Gateway) -> None:
    session = connect(gateway, "superset")
    assert ask(session, "SELECT current_user") == [["superset"]]
    for user, count in (("bob", 20), ("ana", 5)):
        ask(session, f"SET SESSION AUTHORIZATION {user}")
        assert ask(session, "SELECT current_user") == [[user]]
        assert ask(session, NATIONS) == [[count]]
    ask(session, "RESET SESSION AUTHORIZATION")
    assert ask(session, "SELECT current_user") == [["superset"]]
    with pytest.raises(TrinoUserError) as refused:
        ask(session, "SET SESSION AUTHORIZATION root")
    assert refused.value.message == "Access Denied: User superset cannot impersonate user root"
    assert ask(session, "SELECT current_user") == [["superset"]]


def test_the_original_user_is_held_to_the_rule_on_each_request(gateway: Gateway) -> None:
    """What SET SESSION AUTHORIZATION refused is not to be had by sending its headers."""
    for user, original in (("root", "superset"), ("bob", "ana"), ("root", "nobody")):
        headers = {"X-Trino-User": user, "X-Trino-Original-User": original}
        answer = requests.post(f"{gateway.url}/v1/statement", data=b"SELECT 1", headers=headers, timeout=60)
        assert answer.status_code == 403
        assert answer.text == f"Access Denied: User {original} cannot impersonate user {user}"


def test_a_session_stays_with_its_user_within_a_transaction(gateway: Gateway, trino_server: TrinoServer) -> None:
    for url in (gateway.url, trino_server.url):
        for verb in ("SET SESSION AUTHORIZATION ana", "RESET SESSION AUTHORIZATION"):
            started = tell(url, "START TRANSACTION", "ana", CAPABLE).header("X-Trino-Started-Transaction-Id")
            assert started is not None
            failure = tell(url, verb, "ana", {**CAPABLE, "X-Trino-Transaction-Id": started}).failure
            word = verb.split()[0].lower()
            expected = f"Can't {word} authorization user in the middle of a transaction"
            assert failure == ("GENERIC_USER_ERROR", expected)


def test_both_names_are_recorded(gateway: Gateway) -> None:
    session = connect(gateway, "superset")
    ask(session, "SET SESSION AUTHORIZATION bob")
    ask(session, "SELECT 'went on'")

    def recorded() -> list[tuple[str, str]]:
        return [
            (row["user_name"], row["authenticated"]) for row in gateway.usage() if row["sql_text"] == "SELECT 'went on'"
        ]

    eventually(lambda: recorded() == [("bob", "superset")], seconds=20)
