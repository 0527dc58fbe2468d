"""What a client saw of a statement, and whether two answers are the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.compare.client import Number
from gateway.compare.rows import same_bag, same_row, tolerances

CRASH = "GENERIC_INTERNAL_ERROR"
"""What a client would be told of an exception that nobody expected. It is a find, even on both sides."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows as on the wire, or an error; `seen` is all of it as text, warnings and headers too."""

    columns: tuple[tuple[str, str], ...] = ()
    rows: Sequence[list[Any]] = ()
    error: str | None = None
    message: str = ""
    planned: bool = True
    """False for an error that came before anything ran."""
    seen: str = ""
    update_type: str | None = None
    detail: str = ""
    """What the client does not see: the engine's own words and the text that it ran."""


def read_rows(pages: Sequence[bytes]) -> list[list[Any]]:
    """Read the rows of several pages; numbers with a fraction stay as they were written."""
    rows: list[list[Any]] = []
    for page in pages:
        rows += json.loads(page, parse_float=Number)
    return rows


def difference(governed: Answer, copy: Answer, *, ordered: bool) -> str:
    """Say in what two answers differ; nothing where they are the same."""
    if CRASH in (governed.error, copy.error):
        return f"crash: {governed.message or copy.message}"
    if governed.error != copy.error:
        return f"error: {copy.error} on the copy, {governed.error} under the policy"
    if governed.error is not None:
        early = not governed.planned and not copy.planned
        return "error message" if early and governed.message != copy.message else ""
    if governed.columns != copy.columns:
        return f"columns: {copy.columns} on the copy, {governed.columns} under the policy"
    if governed.update_type != copy.update_type:
        return "update type"
    allowed = tolerances([{"type": kind} for _, kind in copy.columns])
    if len(governed.rows) != len(copy.rows):
        return f"number of rows: {len(copy.rows)} on the copy, {len(governed.rows)} under the policy"
    if ordered and not all(same_row(a, b, allowed) for a, b in zip(governed.rows, copy.rows, strict=True)):
        return "rows in order"
    return "" if same_bag(list(governed.rows), list(copy.rows), allowed) else "rows"
