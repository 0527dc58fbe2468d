"""A gateway of two workers before the real Trino and a lake, with people who may do different things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.operations.lake import make_lake
from tests.protocol.talking import tell

POLICIES = """\
version: 1
roles:
  analyst: {}
  auditor: {}
  trader: {inherits: [analyst]}
  admin: {}
users:
  ana: {roles: [trader, auditor]}
  bob: {roles: [analyst]}
  superset: {}
  root: {roles: [admin]}
grants:
  - {id: tpch, roles: [analyst], assets: "tpch.tiny.*", allow: [read]}
  - {id: audit, roles: [auditor], assets: "tpch.sf1.*", allow: [read]}
  - {id: lake, roles: [analyst], assets: "lake.trading.*", allow: [read]}
  - {id: everything, roles: [admin], assets: "*", allow: [all]}
row_filters:
  - {id: own, table: tpch.tiny.nation, roles: [trader], filter: "regionkey = 1"}
  - {id: most, table: tpch.tiny.nation, roles: [analyst], filter: "regionkey < 4"}
impersonation:
  - {users: [superset], may_act_as: {users: [ana, bob]}}
  - {roles: [admin], may_act_as: {users: all}}
queries:
  - {roles: [admin], allow: [view, kill]}
session_properties:
  - {roles: all, allow: [query_max_run_time]}
"""


def nodes(gateway: Gateway) -> set[str]:
    """Return the workers that answer, by asking over many connections; one that is not ready says so in plain words."""
    answers = [requests.get(f"{gateway.url}/v1/info", timeout=10) for _ in range(12)]
    return {answer.json()["nodeId"] for answer in answers if answer.status_code == 200}


def wait_for_catalogs(gateway: Gateway) -> None:
    """Wait until every worker knows Trino's tables: on a busy machine reading them takes longer than being ready."""
    workers = gateway.config.get("workers", 1)
    eventually(lambda: len(nodes(gateway)) == workers, seconds=60)
    sql = "SELECT count(*) FROM tpch.tiny.nation, tpch.tiny.lineitem WHERE false"
    for _ in range(6 * workers):
        eventually(lambda: tell(gateway.url, sql).rows == [[0]], seconds=120)


@pytest.fixture(scope="session")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("protocol")
    catalogs = ["tpch", "memory", "blackhole", "iceberg"]
    engines = [
        make_lake(folder / "lake"),
        trino_backend(trino_server.url, catalogs=catalogs, answer_seconds=60),
    ]
    gateway = make_gateway(folder, engines, {"workers": 2})
    gateway.policies.write_text(POLICIES)
    with running(gateway):
        wait_for_catalogs(gateway)
        yield gateway
