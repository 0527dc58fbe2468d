"""A client of the admin API as one person, and the gateway that it speaks to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from gateway.auth.bearer import issue_token
from gateway.config.model import JwtIssuer
from tests.operations.gateway_process import Gateway, make_gateway
from tests.operations.lake import make_lake

SECRET = "a secret of the tests' own identity provider"
ISSUER = {"issuer": "tests", "audience": "penstock", "algorithms": ["HS256"], "secret": SECRET}
TABLE = "lake.trading.trades"
POLICIES = """\
version: 1
roles: {analyst: , admin: , partner: }
users:
  ana: {roles: [analyst], attributes: {desk: CAISO}}
  root: {roles: [admin]}
  olga: {roles: [analyst]}
  stella: {roles: [admin]}
  aude: {}
grants:
  - {id: trading, roles: [analyst], assets: "lake.trading.*", allow: [read]}
  - {id: everything, roles: [admin], assets: "*", allow: [all, manage_policies]}
  - {id: olgas, users: [olga], assets: lake.trading.trades, allow: [manage_policies]}
row_filters:
  - {id: own_desk, table: lake.trading.trades, users: [ana], filter: "desk = attr('desk')"}
  - {id: all_desks, table: lake.trading.trades, roles: [admin], users: [olga], filter: none}
administration:
  - {users: [root], allow: [owner, steward, auditor]}
  - {users: [olga], allow: [owner]}
  - {users: [stella], allow: [steward]}
  - {users: [aude], allow: [auditor]}
"""
"""Root may all, Olga owns the trades, Stella is a steward, Aude an auditor; Ana, an analyst, is none of it."""


def governed_gateway(folder: Path, changes: dict[str, Any] | None = None) -> Gateway:
    """Make a gateway over a tiny lake with the policies above; nothing runs yet."""
    identity = {"insecure": True, "jwt": [ISSUER]}
    engines = (changes or {}).get("engines") or [make_lake(folder / "lake")]
    made = make_gateway(folder, engines, {"identity": identity, **(changes or {})})
    made.policies.write_text(POLICIES)
    return made


def token_of(user: str, seconds: float = 3600, **claims: object) -> str:
    """Return a bearer token that the gateway accepts."""
    return issue_token(JwtIssuer.model_validate(ISSUER), user, seconds=seconds, claims=claims)


class Api(httpx.Client):
    """Speak to a gateway's admin port as one person; `Api(gateway, None)` as nobody."""

    def __init__(self, gateway: Gateway, user: str | None = "root", **options: Any) -> None:
        headers = {"Authorization": f"Bearer {token_of(user)}"} if user else {}
        url = f"http://127.0.0.1:{gateway.config['admin']['port']}"
        # There is no TLS here, and to read the certificates of authorities takes longer than a request.
        super().__init__(base_url=url, headers=headers, timeout=60, verify=False, **options)

    def answer(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Return the JSON of an answer that has the status expected."""
        found = self.request(method, path, **options)
        assert found.status_code == status, (found.status_code, found.text)
        return found.json() if found.content else None
