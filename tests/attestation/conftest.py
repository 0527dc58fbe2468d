"""A gateway that has every statement attested by the real Trino."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.protocol.talking import tell

POLICIES = """\
version: 1
roles: {analyst: , stranger: , first: , second: , admin: }
users:
  ana: {roles: [analyst]}
  bob: {roles: [analyst]}
  one: {roles: [analyst, first]}
  two: {roles: [analyst, second]}
  eve: {roles: [stranger]}
  root: {roles: [admin]}
grants:
  - {id: history, roles: [analyst], assets: "system.runtime.queries", allow: [read]}
  - {id: orders, roles: [analyst], assets: "memory.secrecy.*", allow: [read, show_stats]}
  - {id: withheld, roles: [analyst], assets: memory.secrecy.orders, deny: [select], columns: [comment]}
  - {id: little, roles: [stranger], assets: "tpch.tiny.region", allow: [read]}
  - {id: shown, roles: [analyst], assets: ["memory.attested.*", "tpch.tiny.*"], allow: [read, show_stats]}
  - {id: everything, roles: [admin], assets: "*", allow: [all]}
row_filters:
  - id: first-bound
    table: memory.secrecy.orders
    roles: [first]
    filter: "orderkey < 4711 AND comment <> 'FIRSTLITERAL'"
  - id: second-bound
    table: memory.secrecy.orders
    roles: [second]
    filter: "orderkey < 815 AND comment <> 'SECONDLITERAL'"
  - {id: own, table: memory.attested.policed, roles: [analyst], filter: "regionkey = 1"}
column_masks:
  - id: first-mask
    table: memory.secrecy.orders
    column: clerk
    roles: [first]
    mask: {kind: sql, expression: "'FIRSTMASK' || substr(orderpriority, 1, 1)"}
  - id: second-mask
    table: memory.secrecy.orders
    column: clerk
    roles: [second]
    mask: {kind: sql, expression: "'SECONDMASK' || substr(orderpriority, 1, 1)"}
queries:
  - {roles: [admin], allow: [view]}
"""


@pytest.fixture(scope="session")
def attesting(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    for sql in (
        "CREATE SCHEMA memory.attested",
        "CREATE SCHEMA memory.unshown",
        "CREATE TABLE memory.unshown.secret AS SELECT nationkey, 'CANARY-' || name AS name, regionkey, comment"
        " FROM tpch.tiny.nation",
        "CREATE SCHEMA memory.secrecy",
        "CREATE TABLE memory.secrecy.orders AS SELECT * FROM tpch.tiny.orders",
        "CREATE TABLE memory.attested.policed AS SELECT * FROM tpch.tiny.nation",
    ):
        assert tell(trino_server.url, sql).error is None
    backend = trino_backend(trino_server.url, catalogs=["tpch", "memory"], answer_seconds=60)
    # No refresh finds the swaps of the tests before attestation does.
    settings = {"attestation": {"trino": "always", "seconds": 60}, "catalogs": {"refresh_seconds": 3600}}
    gateway = make_gateway(tmp_path_factory.mktemp("attesting"), [backend], settings)
    gateway.policies.write_text(POLICIES)
    with running(gateway):
        eventually(lambda: tell(gateway.url, "SELECT count(*) FROM tpch.tiny.region").rows == [[5]], seconds=120)
        yield gateway
