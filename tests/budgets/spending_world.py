"""A gateway over a lake with one table of a known size, people with budgets of one and a half times that, and clients."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import trino
from pyiceberg.catalog.sql import SqlCatalog

from tests.admin.api_client import ISSUER, Api
from tests.operations.gateway_process import Gateway, eventually, make_gateway

TABLE = "lake.trading.events"
WHOLE = f"SELECT id, payload FROM {TABLE}"
PARTNERS = {"keys": [{"id": "p1", "secret": "a secret of the tests' own that signs partners' tokens"}]}
POLICIES = """\
version: 1
roles: {{analyst: , admin: , partner: }}
users:
  root: {{roles: [admin]}}
  stella: {{roles: [admin]}}
  olga: {{}}
  power1: {{roles: [analyst], attributes: {{desk: power}}}}
  power2: {{roles: [analyst], attributes: {{desk: power}}}}
  gas1: {{roles: [analyst], attributes: {{desk: gas}}}}
  poor: {{roles: [analyst]}}
  poorer: {{roles: [analyst]}}
  warned: {{roles: [analyst]}}
  capped: {{roles: [analyst]}}
  crossing: {{roles: [analyst]}}
  leaving: {{roles: [analyst]}}
grants:
  - {{id: reading, roles: [analyst, partner], assets: "lake.trading.*", allow: [read]}}
  - {{id: everything, roles: [admin], assets: "*", allow: [all]}}
administration:
  - {{users: [root, stella], allow: [steward]}}
budgets:
  - {{id: poor-day, users: [poor, poorer], each: user, period: day, bytes: {once}, owner: olga}}
  - {{id: desk-day, when: {{desk: power}}, roles: [analyst], users: [power1, power2], each: desk, period: day,
     bytes: {once}, mode: observe, valid_until: 2020-01-01}}
  - {{id: desks, users: [power1, power2, gas1], each: desk, period: week, zone: America/Los_Angeles, bytes: {once}}}
  - {{id: warned-day, users: [warned], each: user, period: day, usd: "1.00", soft: 0.000000001 USD}}
  - {{id: leaving-day, users: [leaving], each: user, period: day, usd: "1.00"}}
  - {{id: partners-month, partners: all, each: partner, period: month, bytes: {once}}}
caps:
  - {{id: small, users: [capped], bytes: 1000}}
  - {{id: rows, users: [crossing], rows: 1000000}}
"""


@dataclass(frozen=True, slots=True)
class Spending:
    """The gateway, and how many bytes reading the whole table takes."""

    gateway: Gateway
    size: int

    def rows(self, user: str, sql: str = WHOLE, token: str | None = None, **more: Any) -> list[Any]:
        """Run a statement with Trino's own client. Raises trino.exceptions.TrinoUserError."""
        return list(self.cursor(user, sql, token, **more).fetchall())

    def cursor(self, user: str, sql: str = WHOLE, token: str | None = None, **more: Any) -> Any:
        """Begin a statement with Trino's own client."""
        given: dict[str, Any] = (
            {"auth": trino.auth.JWTAuthentication(token), "allow_insecure_auth": True} if token else {}
        )
        port = self.gateway.config["door"]["port"]
        settings = {"http_scheme": "http", "user": user, "max_attempts": 1, **given, **more}
        cursor = trino.dbapi.connect(host="127.0.0.1", port=port, **settings).cursor()
        cursor.execute(sql)
        return cursor

    def account(self, user: str, budget: str) -> dict[str, Any]:
        """Return what a user is told of his account of a budget."""
        with Api(self.gateway, user) as api:
            mine = api.answer("GET", "/api/v1/budgets/mine")["accounts"]
        return next(each for each in mine if each["budget"] == budget)

    def await_used(self, user: str, budget: str) -> int:
        """Return what an account has used, once that is anything and nothing is reserved."""

        def settled() -> dict[str, Any] | None:
            found = self.account(user, budget)
            return found if float(found["used"]) > 0 and found["reserved"] == "0" else None

        return int(float(eventually(settled, seconds=20)["used"]))  # type: ignore[index]  # None would fail the test


def make_spending(folder: Path) -> Spending:
    """Make the lake and the gateway; nothing runs yet."""
    folder.mkdir(parents=True, exist_ok=True)
    uri, warehouse = f"sqlite:///{folder / 'lake.db'}", f"file://{folder / 'warehouse'}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    catalog.create_namespace("trading")
    noise = random.Random(7)
    payload = [noise.randbytes(40).hex() for _ in range(4000)]
    rows = pa.table({"id": pa.array(range(4000), pa.int64()), "payload": payload})
    table = catalog.create_table("trading.events", schema=rows.schema)
    for part in range(4):
        table.append(rows.slice(part * 1000, 1000))
    size = sum(file["file_size_in_bytes"] for file in table.inspect.files().to_pylist())
    catalog.close()
    engine = {"kind": "lake", "name": "lake", "catalog": "lake", "uri": uri, "warehouse": warehouse, "threads": 1}
    changes = {"identity": {"insecure": True, "jwt": [ISSUER]}, "partners": PARTNERS}
    gateway = make_gateway(folder, [engine], changes)
    gateway.policies.write_text(POLICIES.format(once=size * 3 // 2))
    return Spending(gateway, size)


def in_seconds(seconds: float) -> str:
    """Return a moment so far ahead, as the API takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
