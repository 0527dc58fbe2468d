"""A small market on a lake, a gateway that shares it with partners, and partners who connect as Trino's own client does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pyarrow as pa
import trino
from pyiceberg.catalog.sql import SqlCatalog

from tests.admin.api_client import ISSUER, Api
from tests.operations.gateway_process import Gateway, make_gateway

KEY = "a secret of the tests' own that signs partners' tokens"
PARTNERS = {"keys": [{"id": "p1", "secret": KEY}], "rate": 100_000}
PRICES, NODES, SECRETS = "lake.curated.lmp_prices", "lake.curated.nodes", "lake.internal.margins"
POLICIES = """\
version: 1
roles: {viewer: , admin: , partner: }
users:
  root: {roles: [admin]}
  ana: {roles: [viewer]}
grants:
  - {id: reading, roles: [viewer], assets: "lake.curated.*", allow: [read]}
  - {id: everything, roles: [admin], assets: "*", allow: [all, manage_policies]}
  - {id: partners_read_all, roles: [partner], assets: "lake.*", allow: [all]}
administration: [{users: [root], allow: [owner, steward, auditor]}]
impersonation: [{roles: all, may_act_as: {users: all}}]
"""
"""Partners may all by their role, so that whatever they may not is their entitlements' doing."""


def make_market(folder: Path) -> dict[str, Any]:
    """Make the lake: prices of two markets, their nodes, and what is nobody's business; return the engine's section."""
    folder.mkdir(parents=True, exist_ok=True)
    uri, warehouse = f"sqlite:///{folder / 'lake.db'}", f"file://{folder / 'warehouse'}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    nodes, isos = ["n1", "n2", "n3", "n4"], ["CAISO", "CAISO", "MISO", "MISO"]
    prices = {"iso": isos, "node_id": nodes, "lmp_price": [10.0, 20.0, 30.0, 40.0], "congestion": [1.0, 2.0, 3.0, 4.0]}
    tables = {
        "curated.lmp_prices": pa.table(prices),
        "curated.nodes": pa.table({"node_id": nodes, "hub": ["SP15", "NP15", "MINN", "ARK"]}),
        "internal.margins": pa.table({"desk": ["CAISO"], "margin": [0.5]}),
    }
    for name, rows in tables.items():
        catalog.create_namespace_if_not_exists(name.split(".")[0])
        catalog.create_table(name, schema=rows.schema).append(rows)
    catalog.close()
    return {"kind": "lake", "name": "lake", "catalog": "lake", "uri": uri, "warehouse": warehouse, "threads": 1}


def sharing_gateway(folder: Path, changes: dict[str, Any] | None = None) -> Gateway:
    """Make a gateway that shares the market; nothing runs yet."""
    parts = {"identity": {"insecure": True, "jwt": [ISSUER]}, "partners": PARTNERS, **(changes or {})}
    made = make_gateway(folder, [make_market(folder / "lake")], parts)
    made.policies.write_text(POLICIES)
    return made


def in_hours(hours: float) -> str:
    """Return a moment so far ahead, as the API takes it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


class Steward(Api):
    """Who registers partners and grants."""

    def register(self, partner: str) -> None:
        """Register a partner."""
        self.answer("POST", "/partners/", 201, json={"partner_id": partner, "organization": f"{partner} Trading"})

    def entitle(self, partner: str, dataset: str = PRICES, **more: Any) -> str:
        """Entitle a partner to a dataset; return the entitlement's id."""
        body = {"partner_id": partner, "dataset_name": dataset, "scope": "read_only", "expires_at": in_hours(24)}
        return str(self.answer("POST", "/entitlements/", 201, json={**body, **more})["id"])

    def token(self, partner: str, *datasets: str, hours: float = 1) -> dict[str, Any]:
        """Issue a token to a partner; return the answer."""
        body = {"partner_id": partner, "datasets": list(datasets or [PRICES]), "duration_hours": hours}
        return dict(self.answer("POST", "/tokens/", 201, json=body))


def connect(gateway: Gateway, partner: str, token: str | None = None, **more: Any) -> trino.dbapi.Connection:
    """Connect with the stock client: with a token, or by name alone as the insecure demo lets."""
    given: dict[str, Any] = {"auth": trino.auth.JWTAuthentication(token), "allow_insecure_auth": True} if token else {}
    port = gateway.config["door"]["port"]
    settings = {"http_scheme": "http", "user": partner, "max_attempts": 1, **given, **more}
    return trino.dbapi.connect(host="127.0.0.1", port=port, **settings)


def rows(connection: trino.dbapi.Connection, sql: str) -> list[list[Any]]:
    """Run a statement to its end."""
    cursor = connection.cursor()
    cursor.execute(sql)
    return list(cursor.fetchall())


def forged(partner: str, *, key: str = KEY, headers: Any = None, algorithm: str | None = "HS256", **claims: Any) -> str:
    """Make a token by hand, right but for what is said."""
    now = int(datetime.now(UTC).timestamp())
    scope = [dict(zip(("catalog", "schema", "table"), PRICES.split("."), strict=True))]
    times = {"iat": now, "nbf": now, "exp": now + 600}
    named = {"iss": "penstock-partners", "aud": "penstock-partners", "sub": partner, "jti": "forged"}
    payload = {name: value for name, value in {**named, **times, "scope": scope, **claims}.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": "p1"} if headers is None else headers)
