"""Run a plan again, for its rows alone: bounded in rows, and told to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from engines.base import Engine, EngineStatement
from engines.estimates import AccountingEngine
from gateway.models import Plan
from gateway.planning.session_properties import OWN
from gateway.received import Received

_EXACT = frozenset({"PARAMETRIC_DATETIME"})
"""What a client must say to be told times with all their digits."""


class TooManyRows(Exception):  # noqa: N818  (an answer, not a crash)
    """A result has more rows than are compared."""


class NotRead(Exception):  # noqa: N818  (as above)
    """An engine failed; nothing can be said of its answer."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a plan gave."""

    rows: Sequence[Sequence[Any]]
    scanned_bytes: int


async def result_of(plan: Plan, received: Received, engines: Mapping[str, Engine], name: str, most: int) -> Result:
    """Return a plan's rows. Raises TooManyRows, NotRead, or what the engine raises."""
    engine = engines[plan.engine or ""]
    submission = await engine.submit(_statement(plan, received, name), name)
    cursor: str | None = submission.cursor
    rows: list[Sequence[Any]] = []
    scanned = 0
    try:
        while cursor is not None:
            page = await engine.page(cursor)
            if page.failed is not None or "error" in page.members:
                raise NotRead(page.failed or "error")
            scanned = page.scanned_bytes or scanned
            if len(rows) + page.rows > most:
                raise TooManyRows
            if page.rows:
                rows.extend(orjson.loads(page.members["data"]))
            cursor = page.next
            if page.scanned_soon and isinstance(engine, AccountingEngine):
                told = await engine.actuals(name, submission.query_id)
                scanned = (told.scanned_bytes if told is not None else None) or 0
    finally:
        if cursor is not None:
            with suppress(Exception):
                await asyncio.shield(engine.cancel(cursor))
    return Result(rows, scanned)


def _statement(plan: Plan, received: Received, name: str) -> EngineStatement:
    own = {key: value for key, value in received.session.properties.items() if key not in OWN}
    return EngineStatement(
        sql=plan.sql or "",
        user=received.principal.user,
        catalog=None,
        schema=None,
        time_zone=received.session.time_zone,
        columns=plan.columns,
        tables=plan.engine_tables,
        session_properties=own,
        capabilities=_EXACT,
        prepared=plan.prepared,
        trace=name,
    )
