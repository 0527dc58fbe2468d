"""Partners of the tests: registered, entitled and given a token in one call each."""

from __future__ import annotations

import itertools
from typing import Any

from tests.admin.api_client import TABLE, Api
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway

_numbers = itertools.count(1)
FAR = "2099-01-01T00:00:00Z"


def register(api: Api, **more: Any) -> str:
    """Register a partner under a name that no other test has."""
    name = f"partner-{next(_numbers)}"
    api.answer("POST", "/partners/", 201, json={"partner_id": name, "organization": "ACME Trading", **more})
    return name


def entitle(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """Grant a partner the table of the tests."""
    body = {"partner_id": partner, "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR, **more}
    found: dict[str, Any] = api.answer("POST", "/entitlements/", 201, json=body)
    return found


def issue(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """Make a partner a token for the table of the tests."""
    body = {"partner_id": partner, "datasets": [TABLE], **more}
    found: dict[str, Any] = api.answer("POST", "/tokens/", 201, json=body)
    return found


def client_of(gateway: Gateway, token: dict[str, Any]) -> Client:
    """Return a client of the Trino endpoint that shows a token which was just made."""
    return Client(gateway.url, token["partner_id"], token=token["token"])
