"""What a client says of itself: what of it the real Trino hears, what is recorded, and what goes no further."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import trino

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually
from tests.protocol.talking import CAPABLE, TRANSACTIONS, tell

NATIONS = "SELECT count(*) FROM tpch.tiny.nation"


def heard(trino_server: TrinoServer, query_id: str) -> dict[str, Any]:
    """Return the session of a query as Trino knows it."""
    info = requests.get(f"{trino_server.url}/v1/query/{query_id}", headers={"X-Trino-User": "penstock"}, timeout=60)
    session: dict[str, Any] = info.json()["session"]
    return session


def test_the_engine_hears_who_asks_with_what_and_what_it_expects(gateway: Gateway, trino_server: TrinoServer) -> None:
    said = {
        "X-Trino-Source": "Apache Superset",
        "X-Trino-Client-Info": '{"dashboard": "ceny zażółć"}',
        "X-Trino-Client-Tags": "bi,,nightly",
        "X-Trino-Language": "de-DE",
        "X-Trino-Trace-Token": "trace-7",
        "X-Trino-Resource-Estimate": "cpu_time=1h, PEAK_MEMORY=2GB",
    }
    wire = {name: value.encode() for name, value in said.items()}
    for url in (gateway.url, trino_server.url):
        session = heard(trino_server, tell(url, NATIONS, "ana", wire).id)  # type: ignore[arg-type]  # the words of a test
        assert (session["user"], session["source"]) == ("ana", said["X-Trino-Source"])
        # Trino takes header bytes for Latin-1, whoever sends them.
        assert session["clientInfo"].encode("latin-1").decode() == said["X-Trino-Client-Info"]
        assert session["clientTags"] == ["bi", "nightly"]
        assert session["traceToken"] == "trace-7"
        assert session["locale"].replace("_", "-") == "de-DE"
        assert session["resourceEstimates"] == {"cpuTime": 3600.0, "peakMemoryBytes": 2 << 30}


def test_without_a_trace_of_its_own_a_query_is_traced_by_the_gateways_id(
    gateway: Gateway, trino_server: TrinoServer
) -> None:
    told = tell(gateway.url, NATIONS)
    token = heard(trino_server, told.id)["traceToken"]
    eventually(lambda: [row for row in gateway.usage() if row["query_id"] == token], seconds=20)
    (row,) = [row for row in gateway.usage() if row["query_id"] == token]
    assert row["engine_query_id"] == told.id


def test_what_may_route_and_explain_a_query_is_recorded(gateway: Gateway) -> None:
    cursor = trino.dbapi.connect(
        host="127.0.0.1",
        port=gateway.config["door"]["port"],
        user="ana",
        source="notebook",
        client_tags=["desk", "night"],
        http_headers={"X-Trino-Trace-Token": "trace-8", "X-Trino-Client-Info": "nightly report"},
        extra_credential=[("lake.password", "hush-hush")],
    ).cursor()
    cursor.execute("SELECT 'recorded'")
    cursor.fetchall()

    def rows() -> list[tuple[str, list[str], str, str]]:
        kept = [row for row in gateway.usage() if row["sql_text"] == "SELECT 'recorded'"]
        return [(row["source"], json.loads(row["client_tags"]), row["trace_token"], row["client_info"]) for row in kept]

    eventually(lambda: rows() == [("notebook", ["desk", "night"], "trace-8", "nightly report")], seconds=20)
    assert all("hush-hush" not in str(tuple(row)) for row in gateway.usage())
    assert "hush-hush" not in gateway.log()


def test_credentials_for_the_engine_go_no_further(gateway: Gateway, trino_server: TrinoServer) -> None:
    cursor = trino.dbapi.connect(
        host="127.0.0.1",
        port=gateway.config["door"]["port"],
        user="ana",
        extra_credential=[("lake.password", "hush-hush")],
        http_headers={"X-Trino-Path": "tpch.sf1"},
    ).cursor()
    cursor.execute(NATIONS)
    assert cursor.fetchall() == [[5]]
    info = requests.get(
        f"{trino_server.url}/v1/query/{cursor.query_id}", headers={"X-Trino-User": "penstock"}, timeout=60
    ).text
    assert "lake.password" not in info
    assert "hush-hush" not in info
    assert json.loads(info)["session"]["path"]["rawPath"] in ("", None)
    assert all("hush-hush" not in str(tuple(row)) for row in gateway.usage())
    assert "hush-hush" not in gateway.log()


MALFORMED = (
    ("X-Trino-Extra-Credential", "internal$x=1"),
    ("X-Trino-Extra-Credential", "a"),
    ("X-Trino-Resource-Estimate", "CPU_TIME=1h,NOPE=3"),
    ("X-Trino-Resource-Estimate", "CPU_TIME=x"),
    ("X-Trino-Resource-Estimate", "PEAK_MEMORY=1h"),
    ("X-Trino-Role", "system=garbage"),
    ("X-Trino-Session", "a"),
)


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_what_trino_finds_malformed_is_malformed_here(
    name: str, value: str, gateway: Gateway, trino_server: TrinoServer
) -> None:
    for url in (gateway.url, trino_server.url):
        headers = {"X-Trino-User": "ana", name: value}
        assert requests.post(f"{url}/v1/statement", data=b"SELECT 1", headers=headers, timeout=60).status_code == 400


TIMES = (
    "TIMESTAMP '2020-01-01 01:02:03.123456'",
    "TIMESTAMP '2020-01-01 01:02:03.9996'",
    "TIMESTAMP '2020-01-01 01:02:03'",
    "TIMESTAMP '1969-12-31 23:59:59.9995'",
    "TIMESTAMP '2020-12-31 23:59:59.9996 UTC'",
    "TIME '01:02:03.123456'",
    "TIME '23:59:59.9996'",
    "ARRAY[TIMESTAMP '2020-01-01 01:02:03.123456']",
    "MAP(ARRAY[TIMESTAMP '2020-01-01 01:02:03.123456'], ARRAY[TIMESTAMP '2020-01-01 01:02:03.123456'])",
    "CAST(ROW(TIMESTAMP '2020-01-01 01:02:03.123456') AS ROW(x timestamp(6)))",
    "CAST(NULL AS timestamp(6))",
)


@pytest.mark.parametrize("value", TIMES)
def test_each_client_gets_the_types_it_knows_from_the_lake_as_from_trino(
    value: str, gateway: Gateway, trino_server: TrinoServer
) -> None:
    """The lake answers; the second client's plan comes from the cache, its types and values do not."""
    sql = f"SELECT {value} AS v"
    for headers in (TRANSACTIONS, CAPABLE, TRANSACTIONS):
        mine, real = (tell(url, sql, "ana", headers) for url in (gateway.url, trino_server.url))
        assert mine.error is None
        assert (mine.columns, mine.rows) == (real.columns, real.rows)
