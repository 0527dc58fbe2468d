"""Assemble result pages: members as raw JSON, addresses of the gateway's own, in Trino's order. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import orjson

from catalog.errors import ErrorCode, Location, Refusal
from engines.rows import Progress, columns_json, stats_json
from gateway.models import LocalAnswer

MEMBERS = ("columns", "data", "stats", "error", "warnings", "updateType", "updateCount")
"""The members of a page that belong to the result, in Trino's order."""
_LABELS = tuple((name, f'"{name}":'.encode()) for name in MEMBERS)
_NOTICE = {"code": 65_537, "name": "PENSTOCK_NOTICE"}
QUEUED_STATS = stats_json(Progress("QUEUED"))

JSON_HEADERS = (
    ("Content-Type", "application/json"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)


class PageAddresses(msgspec.Struct, frozen=True):
    """The four members that are the gateway's own."""

    query_id: str
    info: str
    next: str | None = None
    partial_cancel: str | None = None


def render_members(members: Mapping[str, bytes]) -> bytes:
    """Write the result's own members; whatever else is among them is left out."""
    parts: list[bytes] = []
    for name, label in _LABELS:
        if name in members:
            parts += (b",", label, members[name])
    return b"".join(parts[1:])


def render_page(addresses: PageAddresses, rendered: bytes) -> bytes:
    """Write a whole page from its addresses and the members as `render_members` wrote them."""
    head = [b'{"id":', _text(addresses.query_id), b',"infoUri":', _text(addresses.info)]
    if addresses.partial_cancel is not None:
        head += (b',"partialCancelUri":', _text(addresses.partial_cancel))
    if addresses.next is not None:
        head += (b',"nextUri":', _text(addresses.next))
    return b"".join((*head, b",", rendered, b"}"))


def warnings_json(own: Sequence[str], engine: bytes | None) -> bytes:
    """Write the gateway's notices before the engine's own warnings."""
    if not own:
        return engine or b"[]"
    notices = orjson.dumps([{"warningCode": _NOTICE, "message": text} for text in own])
    if engine is None or engine.strip() in (b"[]", b"null"):
        return notices
    return notices[:-1] + b"," + engine.strip()[1:]


def error_json(code: ErrorCode, message: str, location: Location | None = None) -> bytes:
    """Write the `error` member. `message` already begins with its position, as Trino's does."""
    info = {"code": code.number, "name": code.name, "type": code.kind.value}
    failure: dict[str, object] = {
        "type": "io.trino.spi.TrinoException",
        "message": message,
        "suppressed": [],
        "stack": [],
        "errorInfo": info,
    }
    error: dict[str, object] = {
        "message": message,
        "errorCode": code.number,
        "errorName": code.name,
        "errorType": code.kind.value,
    }
    if location is not None:
        where = {"lineNumber": location.line, "columnNumber": location.column}
        error["errorLocation"] = failure["errorLocation"] = where
    error["failureInfo"] = failure
    return orjson.dumps(error)


def refusal_members(refusal: Refusal, progress: Progress, warnings: Sequence[str] = ()) -> dict[str, bytes]:
    """Return the members of the page that tells a refusal."""
    return {
        "stats": stats_json(progress),
        "error": error_json(refusal.code, refusal.text, refusal.location),
        "warnings": warnings_json(warnings, None),
    }


def local_members(
    answer: LocalAnswer, capabilities: frozenset[str], progress: Progress, warnings: Sequence[str]
) -> dict[str, bytes]:
    """Return the members of the one page of an answer that the gateway gives itself."""
    members = {"stats": stats_json(progress), "warnings": warnings_json(warnings, None)}
    # An empty list where there are no columns, as Trino gives: JDBC takes an answer without the member for a failure.
    members["columns"] = columns_json(answer.columns, capabilities)
    if answer.rows:
        members["data"] = orjson.dumps(answer.rows)
    if answer.update_type is not None:
        members["updateType"] = orjson.dumps(answer.update_type)
    return members


def _text(value: str) -> bytes:
    """Write a JSON string; addresses need escaping only where something is wrong with them."""
    return orjson.dumps(value)
