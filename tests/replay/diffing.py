"""Begin changesets and compare them over the API, as people do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.admin.api_client import Api
from tests.operations.gateway_process import eventually

TABLE = "lake.trading.trades"


def put(section: str, **entry: Any) -> dict[str, Any]:
    """Return the edit that puts an entry."""
    return {"op": "put", "section": section, "entry": entry}


def changeset(api: Api, *edits: dict[str, Any]) -> str:
    """Begin a draft; return its id."""
    body = {"title": "a draft", "edits": list(edits)}
    return str(api.answer("POST", "/api/v1/changesets", 201, json=body)["id"])


def ended(api: Api, job: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of a comparison."""

    def state() -> dict[str, Any] | None:
        found: dict[str, Any] = api.answer("GET", f"/api/v1/diffs/{job['id']}")
        return found if found["state"] != "running" else None

    return eventually(state, seconds=60) or {}


def told(groups: Iterable[dict[str, Any]]) -> set[tuple[str, str, tuple[str, ...], tuple[str, ...], int]]:
    """Return groups as (kind, table, columns, users, statements)."""
    return {(g["kind"], g["table"], tuple(g["columns"]), tuple(g["users"]), g["statements"]) for g in groups}
