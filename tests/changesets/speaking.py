"""Words that tests of changesets say to the admin API."""

from __future__ import annotations

from typing import Any

from tests.admin.api_client import TABLE, Api
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway

CHANGESETS = "/api/v1/changesets"
IDS = f"SELECT id FROM {TABLE} ORDER BY id"


def row_filter(name: str, condition: str, **whom: Any) -> dict[str, Any]:
    """Return an edit that puts a row filter on the trades."""
    entry = {"id": name, "table": TABLE, "filter": condition, **(whom or {"users": ["ana"]})}
    return {"op": "put", "section": "row_filters", "entry": entry}


def put(section: str, entry: Any, key: str = "", **more: Any) -> dict[str, Any]:
    """Return an edit that puts an entry."""
    return {"op": "put", "section": section, "entry": entry, **({"key": key} if key else {}), **more}


def delete(section: str, key: str = "", **more: Any) -> dict[str, Any]:
    """Return an edit that takes an entry away."""
    return {"op": "delete", "section": section, "key": key, **more}


def begin(api: Api, *edits: dict[str, Any], status: int = 201, title: str = "a change") -> Any:
    """Begin a changeset; return it, or the problem."""
    return api.answer("POST", CHANGESETS, status, json={"title": title, "edits": list(edits)})


def step(api: Api, seen: dict[str, Any], name: str, status: int = 200) -> Any:
    """Take a changeset a step; return it as it is then, or the problem."""
    etag = {"If-Match": f'"{seen["revision"]}"'}
    return api.answer("POST", f"{CHANGESETS}/{seen['id']}/{name}", status, headers=etag)


def live(api: Api, *edits: dict[str, Any]) -> Any:
    """Make edits live."""
    return step(api, begin(api, *edits), "promote")


def ids(gateway: Gateway, user: str = "ana") -> list[int]:
    """Return the ids of the trades that a person sees."""
    return [row[0] for row in Client(gateway.url, user).rows(IDS)]
