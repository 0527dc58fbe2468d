"""Count the rows of governed queries on their engines: a few, each for a short time, and never beyond a deadline."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from catalog.errors import Refusal
from engines.base import Engine, ResultPage
from gateway.replay.diff import Count, Sampled
from gateway.replay.report import RowCount

QUERY_SECONDS, ALL_SECONDS = 10.0, 60.0


async def count_rows(
    sample: Sequence[Sampled],
    engines: Mapping[str, Engine],
    *,
    query_seconds: float = QUERY_SECONDS,
    all_seconds: float = ALL_SECONDS,
) -> list[RowCount]:
    """Return the counts of a sample, one query at a time; what an engine does not answer says so. Never raises."""
    until = time.monotonic() + all_seconds
    found = []
    for number, each in enumerate(sample):
        if time.monotonic() >= until:
            error = "the time for counting was up"
            found.append(RowCount(query_id=each.query_id, before=None, after=None, error=error))
            continue
        counts: list[int | None] = []
        errors: list[str] = []
        for side in (each.before, each.after):
            count, error = await _counted(side, engines, f"diff-{number}", min(query_seconds, until - time.monotonic()))
            counts.append(count)
            errors += [error] if error else []
        found.append(
            RowCount(query_id=each.query_id, before=counts[0], after=counts[1], error="; ".join(dict.fromkeys(errors)))
        )
    return found


async def _counted(
    side: Count | None, engines: Mapping[str, Engine], name: str, seconds: float
) -> tuple[int | None, str]:
    """Return a count, or why there is none; neither where the side has nothing to count."""
    if side is None:
        return None, ""
    engine = engines.get(side.engine)
    if engine is None:
        return None, f"the engine {side.engine} is not there"
    cursor: str | None = None
    try:
        async with asyncio.timeout(max(seconds, 0.001)):
            submitted = await engine.submit(side.statement, name)
            page, cursor = submitted.page, submitted.cursor
            value: int | None = None
            while cursor is not None:
                page = page if page is not None else await engine.page(cursor)
                if page.failed is not None:
                    return None, f"the engine says {page.failed}"
                value = _value(page) if value is None else value
                cursor, page = page.next, None
            return value, "" if value is not None else "the engine gave no count"
    except TimeoutError:
        return None, f"no answer within {seconds:.0f} s"
    except Refusal as refusal:
        return None, f"the engine says {refusal.code.name}"
    except Exception as error:  # noqa: BLE001  (a count that fails must not end the others)
        return None, type(error).__name__
    finally:
        if cursor is not None:
            with suppress(Exception):
                await engine.cancel(cursor)


def _value(page: ResultPage) -> int | None:
    rows = json.loads(page.members["data"]) if page.members.get("data") else []
    return int(rows[0][0]) if rows else None
