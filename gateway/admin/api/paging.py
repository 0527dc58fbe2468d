"""Pages of lists: so many items behind a cursor, which says where the page before ended and tells callers nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Query

from gateway.admin.api.problems import Fault, Problem

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=1000, description="How many items a page has at most.")]
_After = Annotated[str | None, Query(max_length=1000, description="The `next` of the page before.")]


def position(after: _After = None) -> str:
    """Return the key behind which a page begins; empty for the first page. Raises Problem 404."""
    if after is None:
        return ""
    try:
        key = base64.urlsafe_b64decode(after.encode() + b"=" * (-len(after) % 4)).decode()
    except (ValueError, binascii.Error):
        key = ""
    if not key or not key.isprintable() or cursor(key) != after:
        raise no_such_page()
    return key


def no_such_page() -> Problem:
    """Return the problem of a cursor behind which there is no page (404)."""
    fault = Fault(field="after", reason="it is no cursor of a page of this list", fix="Take `next` of the page before.")
    return Problem(404, "no_such_page", "There is no page behind this cursor.", errors=[fault])


After = Annotated[str, Depends(position)]
"""Type a parameter so to be handed the key behind which the page begins."""


def cursor(key: str) -> str:
    """Return what stands for a key in an answer."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def next_of(found: Sequence[T], limit: int, key: Callable[[T], str]) -> str | None:
    """Return the cursor behind a page; None where it was the last. `found` may have one item more than the page."""
    return cursor(key(found[limit - 1])) if len(found) > limit else None
