"""What a partner meets at the Trino endpoint, by the stock client: exactly what was granted, and until it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import requests
import trino
import trino.exceptions

from tests.admin.api_client import Api, token_of
from tests.operations.gateway_process import Gateway, eventually
from tests.partners.sharing_world import (
    NODES,
    PRICES,
    SECRETS,
    Steward,
    connect,
    forged,
    rows,
)

ALL = [["CAISO", "n1", 10.0, 1.0], ["CAISO", "n2", 20.0, 2.0], ["MISO", "n3", 30.0, 3.0], ["MISO", "n4", 40.0, 4.0]]


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return iter(f"partner-{number}" for number in range(1, 1000))


@pytest.fixture
def partner(granting: Steward, names: Iterator[str]) -> str:
    """Register a partner of the test's own."""
    name = next(names)
    granting.register(name)
    return name


def refused(work: Callable[[], object]) -> str:
    """Return the name of the error that a statement ends with."""
    with pytest.raises(trino.exceptions.TrinoQueryError) as caught:
        work()
    return str(caught.value.error_name)


def test_a_partner_sees_what_entitlement_token_and_policies_all_show(
    market: Gateway, granting: Steward, partner: str
) -> None:
    granting.entitle(partner, row_filter="iso = 'CAISO'", denied_columns=["congestion"])
    by_token = connect(market, partner, granting.token(partner)["token"])
    for connection in (by_token, connect(market, partner)):
        assert sorted(rows(connection, f"SELECT * FROM {PRICES}")) == [["CAISO", "n1", 10.0], ["CAISO", "n2", 20.0]]
        assert rows(connection, "SHOW TABLES FROM lake.curated") == [["lmp_prices"]]
        assert rows(connection, "SHOW SCHEMAS FROM lake") == [["curated"], ["information_schema"]]
        assert [name for name, *_ in rows(connection, f"DESCRIBE {PRICES}")] == ["iso", "node_id", "lmp_price"]
        listed = rows(connection, "SELECT table_name, column_name FROM lake.information_schema.columns")
        assert {column for table, column in listed if table == "lmp_prices"} == {"iso", "node_id", "lmp_price"}
        assert not {table for table, _ in listed} & {"nodes", "margins"}
    assert sorted(rows(connect(market, "ana"), f"SELECT * FROM {PRICES}")) == ALL, "nobody else is touched"


WITH_A_DENIED_COLUMN = [
    "SELECT congestion FROM {t}",
    "SELECT 1 FROM {t} WHERE congestion > 1",
    "SELECT iso FROM {t} ORDER BY congestion",
    "SELECT sum(congestion) FROM {t}",
    "SELECT count(*) FROM {t} GROUP BY congestion",
    "SELECT iso FROM {t} GROUP BY iso HAVING max(congestion) > 1",
    "SELECT rank() OVER (ORDER BY congestion) FROM {t}",
    "SELECT 1 FROM {t} a JOIN {t} b ON a.congestion = b.congestion",
    "SELECT 1 FROM {t} a JOIN {t} b USING (congestion)",
    "WITH x AS (SELECT * FROM {t}) SELECT congestion FROM x",
    "SELECT x.congestion FROM {t} AS x",
    "SELECT (SELECT max(congestion) FROM {t})",
    "SELECT iso FROM {t} WHERE lmp_price IN (SELECT congestion FROM {t})",
    "SELECT iso FROM {t} UNION ALL SELECT CAST(congestion AS varchar) FROM {t}",
    'SELECT "CONGESTION" FROM {t}',
]


@pytest.fixture(scope="module")
def narrow(market: Gateway, granting: Steward) -> trino.dbapi.Connection:
    """Connect a partner to whom one column is denied."""
    granting.register("narrow")
    granting.entitle("narrow", denied_columns=["congestion"])
    return connect(market, "narrow", granting.token("narrow")["token"])


@pytest.mark.parametrize("sql", WITH_A_DENIED_COLUMN)
def test_a_denied_column_fails_anywhere_as_one_that_does_not_exist(narrow: trino.dbapi.Connection, sql: str) -> None:
    denied = refused(lambda: rows(narrow, sql.format(t=PRICES)))
    absent = sql.replace("congestion", "nothing").replace("CONGESTION", "NOTHING")
    assert denied == refused(lambda: rows(narrow, absent.format(t=PRICES))) == "COLUMN_NOT_FOUND"


def test_stars_skip_denied_columns_also_below(narrow: trino.dbapi.Connection) -> None:
    for sql in (f"TABLE {PRICES}", f"WITH x AS (SELECT * FROM {PRICES}) SELECT x.* FROM x"):
        assert {len(row) for row in rows(narrow, sql)} == {3}
    joined = rows(narrow, f"SELECT * FROM {PRICES} a JOIN {PRICES} b USING (node_id)")
    assert {len(row) for row in joined} == {5}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} SELECT * FROM {t}",
        "DELETE FROM {t}",
        "UPDATE {t} SET iso = 'x'",
        "MERGE INTO {t} a USING {t} b ON a.iso = b.iso WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE {t}",
        "CREATE TABLE lake.curated.mine AS SELECT * FROM {t}",
        "CREATE TABLE lake.curated.mine (a bigint)",
        "CREATE VIEW lake.curated.mine AS SELECT * FROM {t}",
        "DROP TABLE {t}",
        "ALTER TABLE {t} RENAME TO lake.curated.mine",
        "ALTER TABLE {t} DROP COLUMN iso",
        "COMMENT ON TABLE {t} IS 'mine'",
        "ANALYZE {t}",
        "CREATE SCHEMA lake.mine",
        "DROP SCHEMA lake.curated",
        "GRANT SELECT ON {t} TO ROLE partner",
        "CREATE ROLE mine",
        "CREATE FUNCTION lake.curated.one() RETURNS bigint RETURN 1",
        "CREATE ROW POLICY mine ON {t} FOR SELECT USING true TO partner",
        "CALL system.runtime.kill_query('x', 'y')",
        "EXECUTE IMMEDIATE 'DELETE FROM {t}'",
        "EXPLAIN INSERT INTO {t} SELECT * FROM {t}",
    ],
)
def test_read_only_refuses_whatever_changes_anything(narrow: trino.dbapi.Connection, sql: str) -> None:
    assert refused(lambda: rows(narrow, sql.format(t=PRICES))) == "PERMISSION_DENIED"


def test_reading_clients_find_what_they_need(narrow: trino.dbapi.Connection) -> None:
    for sql in ("SHOW CATALOGS", "SELECT current_user", "SHOW FUNCTIONS", f"EXPLAIN TABLE {PRICES}"):
        assert rows(narrow, sql)
    prepared = narrow.cursor()
    prepared.execute(f"SELECT count(*) FROM {PRICES} WHERE iso = ?", ("MISO",))
    assert prepared.fetchall() == [[2]]


def test_what_is_not_granted_does_not_exist(market: Gateway, narrow: trino.dbapi.Connection) -> None:
    assert refused(lambda: rows(narrow, f"TABLE {NODES}")) == "TABLE_NOT_FOUND"
    for table, error in ((SECRETS, "SCHEMA_NOT_FOUND"), ("lake.nowhere.x", "SCHEMA_NOT_FOUND")):
        assert refused(lambda table=table: rows(narrow, f"TABLE {table}")) == error
    assert refused(lambda: rows(narrow, "TABLE system.runtime.queries")) == "SCHEMA_NOT_FOUND"


def test_a_token_narrows_further_and_never_widens(market: Gateway, granting: Steward, partner: str) -> None:
    granting.entitle(partner, row_filter="lmp_price < 35")
    granting.entitle(partner, NODES)

    def claims(**parts: Any) -> dict[str, Any]:
        return {**dict(zip(("catalog", "schema", "table"), PRICES.split("."), strict=True)), **parts}

    cases = {
        forged(partner, scope=[claims(row_filter="iso = 'MISO'")]): [["MISO", "n3", 30.0, 3.0]],
        forged(partner, scope=[claims(row_filter="lmp_price > 0 OR true")]): ALL[:3],
        forged(partner, scope=[claims(row_filter="iso = 'CAISO'", allowed_columns=["node_id"])]): [["n1"], ["n2"]],
    }
    for token, expected in cases.items():
        connection = connect(market, partner, token)
        assert sorted(rows(connection, f"SELECT * FROM {PRICES}")) == expected
        assert refused(lambda connection=connection: rows(connection, f"TABLE {NODES}")) == "TABLE_NOT_FOUND"
    beyond = [claims(), dict(zip(("catalog", "schema", "table"), SECRETS.split("."), strict=True))]
    connection = connect(market, partner, forged(partner, scope=beyond))
    assert refused(lambda: rows(connection, f"TABLE {SECRETS}")) in ("SCHEMA_NOT_FOUND", "TABLE_NOT_FOUND")


@pytest.mark.parametrize(
    "condition",
    [
        "iso IN (SELECT iso FROM lake.curated.nodes)",
        "random() < 0.5",
        "count(*) > 1",
        "current_user = 'x'",
        "iso = ?",
        "iso = 'x'; SELECT 1",
        "nonsense(",
    ],
)
def test_a_token_whose_condition_cannot_be_used_is_refused_whole(
    market: Gateway, narrow: trino.dbapi.Connection, condition: str
) -> None:
    prices = dict(zip(("catalog", "schema", "table"), PRICES.split("."), strict=True))
    connection = connect(market, "narrow", forged("narrow", scope=[prices, {**prices, "row_filter": condition}]))
    for sql in (f"TABLE {PRICES}", "SELECT 1", "SHOW CATALOGS"):
        with pytest.raises(trino.exceptions.TrinoUserError, match=r"scope\[1\]\.row_filter cannot be used") as caught:
            rows(connection, sql)
        assert caught.value.error_name == "PERMISSION_DENIED"


def test_a_condition_on_columns_that_are_not_the_tables_shows_nothing(market: Gateway, granting: Steward) -> None:
    prices = dict(zip(("catalog", "schema", "table"), PRICES.split("."), strict=True))
    for condition in ("hub = 'SP15'", "nodes.hub = 'SP15'", "lmp_price"):
        connection = connect(market, "narrow", forged("narrow", scope=[{**prices, "row_filter": condition}]))
        assert refused(lambda connection=connection: rows(connection, f"TABLE {PRICES}")).endswith("_NOT_FOUND")


NOW = int(time.time())
BAD_TOKENS: dict[str, Callable[[], str]] = {
    "expired": lambda: forged("narrow", iat=NOW - 100, nbf=NOW - 100, exp=NOW - 1),
    "not valid yet": lambda: forged("narrow", nbf=NOW + 300),
    "made in the future": lambda: forged("narrow", iat=NOW + 300, nbf=NOW, exp=NOW + 900),
    "that lives too long": lambda: forged("narrow", exp=NOW + 721 * 3600),
    "that ends before it begins": lambda: forged("narrow", iat=NOW, exp=NOW - 5),
    "that never ends": lambda: forged("narrow", exp=None),
    "that never began": lambda: forged("narrow", nbf=None),
    "without an id": lambda: forged("narrow", jti=None),
    "without a scope": lambda: forged("narrow", scope=None),
    "with an empty scope": lambda: forged("narrow", scope=[]),
    "whose scope is a text": lambda: forged("narrow", scope="lake.curated.lmp_prices"),
    "whose scope has unknown keys": lambda: forged(
        "narrow", scope=[{"catalog": "lake", "schema": "curated", "table": "lmp_prices", "rows": "all"}]
    ),
    "whose scope is a wildcard": lambda: forged("narrow", scope=[{"catalog": "lake", "schema": "curated", "table": 1}]),
    "of an unknown key": lambda: forged("narrow", headers={"kid": "p2"}),
    "without a kid": lambda: jwt.encode(jwt.decode(forged("narrow"), options={"verify_signature": False}), "x" * 40),
    "signed by another key": lambda: forged("narrow", key="x" * 40),
    "of another algorithm": lambda: forged("narrow", algorithm="HS512", key="x" * 64),
    "unsigned": lambda: forged("narrow", algorithm="none", key=""),
    "for another audience": lambda: forged("narrow", aud="penstock"),
    "of somebody who is no partner": lambda: forged("ana"),
    "of nobody": lambda: forged("nobody"),
    "whose times are no numbers": lambda: forged("narrow", nbf="yesterday"),
    "signed by the secret of people's tokens": lambda: forged("narrow", key=token_of.__globals__["SECRET"]),
}


@pytest.mark.parametrize("what", BAD_TOKENS)
def test_no_token_gets_in_that_is(market: Gateway, narrow: trino.dbapi.Connection, what: str) -> None:
    headers = {"Authorization": f"Bearer {BAD_TOKENS[what]()}", "X-Trino-User": "narrow"}
    answer = requests.post(f"{market.url}/v1/statement", data="SELECT 1", headers=headers, timeout=30)
    assert answer.status_code == 401, answer.text


def test_a_token_speaks_for_its_partner_only(market: Gateway, narrow: trino.dbapi.Connection) -> None:
    for headers in ({"X-Trino-User": "root"}, {"X-Trino-User": "narrow", "X-Trino-Original-User": "root"}):
        shown = {"Authorization": f"Bearer {forged('narrow')}", **headers}
        answer = requests.post(f"{market.url}/v1/statement", data="SELECT 1", headers=shown, timeout=30)
        assert answer.status_code == 403
        assert "cannot impersonate" in answer.text
    assert refused(lambda: rows(narrow, "SET SESSION AUTHORIZATION root")) == "PERMISSION_DENIED"


def test_a_partners_token_opens_no_admin_api(market: Gateway, narrow: trino.dbapi.Connection) -> None:
    with Api(market, None, follow_redirects=True) as api:
        api.headers["Authorization"] = f"Bearer {forged('narrow')}"
        for path in ("/api/v1/me", "/partners/", "/entitlements/", "/tokens/"):
            assert api.get(path).status_code == 403


def test_whoever_acts_for_a_partner_sees_no_more_than_he(market: Gateway, granting: Steward, partner: str) -> None:
    granting.entitle(partner, row_filter="iso = 'MISO'")
    acting = connect(market, partner, token_of("root"))
    assert rows(acting, f"SELECT DISTINCT iso FROM {PRICES}") == [["MISO"]]
    by_claims = connect(market, partner, token_of(partner, roles=["admin"]))
    assert rows(by_claims, f"SELECT DISTINCT iso FROM {PRICES}") == [["MISO"]]


def test_a_revoked_entitlement_ends_what_is_planned_and_what_is_not(
    market: Gateway, granting: Steward, partner: str
) -> None:
    entitlement = granting.entitle(partner)
    connection = connect(market, partner, granting.token(partner)["token"])
    assert len(rows(connection, f"TABLE {PRICES}")) == len(ALL)
    granting.answer("DELETE", f"/entitlements/{entitlement}", 204)
    assert refused(lambda: rows(connection, f"TABLE {PRICES}")).endswith("_NOT_FOUND")


def test_what_was_revoked_stays_so_when_the_same_is_granted_anew(
    market: Gateway, granting: Steward, partner: str
) -> None:
    entitlement = granting.entitle(partner)
    before = connect(market, partner, granting.token(partner)["token"])
    granting.answer("DELETE", f"/entitlements/{entitlement}", 204)
    granting.entitle(partner)
    assert refused(lambda: rows(before, f"TABLE {PRICES}")).endswith("_NOT_FOUND")
    assert len(rows(connect(market, partner, granting.token(partner)["token"]), f"TABLE {PRICES}")) == len(ALL)


def test_a_revoked_token_is_refused_and_others_go_on(market: Gateway, granting: Steward, partner: str) -> None:
    granting.entitle(partner)
    gone, kept = granting.token(partner), granting.token(partner)
    assert rows(connect(market, partner, gone["token"]), "SELECT 1") == [[1]]
    granting.answer("DELETE", f"/tokens/{gone['id']}", 204)
    with pytest.raises(trino.exceptions.HttpError, match="revoked"):
        rows(connect(market, partner, gone["token"]), "SELECT 1")
    assert rows(connect(market, partner, kept["token"]), "SELECT 1") == [[1]]


def test_a_suspended_partner_is_refused_by_token_and_by_name(market: Gateway, granting: Steward, partner: str) -> None:
    granting.entitle(partner)
    token = granting.token(partner)["token"]
    granting.answer("POST", f"/partners/{partner}/suspend", 204)
    with pytest.raises(trino.exceptions.HttpError, match="suspended"):
        rows(connect(market, partner, token), "SELECT 1")
    assert refused(lambda: rows(connect(market, partner), "SELECT 1")) == "PERMISSION_DENIED"


def test_running_statements_end_with_what_they_rest_on(market: Gateway, granting: Steward, partner: str) -> None:
    entitlement = granting.entitle(partner, row_filter="iso = 'CAISO'")
    cursor = connect(market, partner).cursor()
    crossed = " CROSS JOIN ".join(f"{PRICES} t{number}" for number in range(18))
    seen: list[str] = []

    def run() -> None:
        try:
            cursor.execute(f"SELECT t0.node_id, t1.node_id FROM {crossed}")
            for _ in cursor.genall():
                seen.append("row") if not seen else None
        except trino.exceptions.TrinoQueryError as error:
            seen.append(f"{error.error_name}: {error.message}")

    reading = threading.Thread(target=run)
    reading.start()
    eventually(lambda: bool(seen) or bool(cursor.query_id), seconds=30)
    granting.answer("DELETE", f"/entitlements/{entitlement}", 204)
    reading.join(timeout=60)
    assert not reading.is_alive()
    assert seen[-1].startswith("PERMISSION_DENIED: Access Denied: The entitlement to lake.curated.lmp_prices has ended")
