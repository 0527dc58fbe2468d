"""Say how fresh views are: which of their base tables moved since, and which rows that may have changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from catalog.errors import Refusal
from catalog.materialized_views import Change, Freshness, Watermark
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.estimates import EstimatingEngine
from engines.history import HistoryEngine, unknown

_QUESTION_SECONDS = 20.0
_MOST_PAIRS = 4096


async def present_versions(tables: Iterable[Table], engines: Mapping[str, Engine]) -> dict[TableName, str]:
    """Name the present version of each table, by one question for each engine; who does not answer is left out."""
    by_engine: dict[str, list[Table]] = {}
    for table in tables:
        by_engine.setdefault(table.engine, []).append(table)

    async def ask(name: str, asked: list[Table]) -> Mapping[TableName, str]:
        engine = engines.get(name)
        if engine is None or not isinstance(engine, EstimatingEngine):
            return {}
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                return await engine.data_versions(asked)
        except (Refusal, TimeoutError):
            return {}

    answers = await asyncio.gather(*(ask(name, asked) for name, asked in by_engine.items()))
    return {name: version for answer in answers for name, version in answer.items()}


class Histories:
    """Ask engines what changed between two versions; an answer holds for ever, so it is asked once."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        """Know nothing yet."""
        self._engines = engines
        self._known: dict[tuple[TableName, str, str], Change] = {}

    async def change(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table. Raises nothing: what is not told is unknown."""
        key = (table.name, since, until)
        known = self._known.get(key)
        if known is not None:
            return known
        engine = self._engines.get(table.engine)
        if engine is None or not isinstance(engine, HistoryEngine):
            return unknown(table, f"the engine {table.engine} tells nothing of what happened to its tables")
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                found = await engine.changes(table, since, until)
        except (Refusal, TimeoutError) as error:  # asked again at the next look
            why = f"{error.code.name}: {error.message}" if isinstance(error, Refusal) else "it took too long"
            return unknown(table, f"the history could not be read ({why})")
        if len(self._known) >= _MOST_PAIRS:
            self._known.clear()
        self._known[key] = found
        return found


class FreshnessOf:
    """Compare watermarks with what the base tables hold now."""

    def __init__(self, histories: Histories, clock: Callable[[], float] = time.time) -> None:
        """Nothing was seen yet."""
        self._histories = histories
        self._clock = clock
        self._current_at: dict[tuple[TableName, float], float] = {}
        """By view and when it was built: when it was last seen to hold all that the base holds."""

    async def find(
        self, view: TableName, mark: Watermark, bases: Iterable[Table], versions: Mapping[TableName, str]
    ) -> Freshness | None:
        """Return how fresh a view is; None where a base table's version, then or now, is not known."""
        moved, looked_at = [], self._clock()
        for table in bases:
            then, now = mark.versions.get(table.name), versions.get(table.name)
            if then is None or now is None:
                return None
            if then != now:
                moved.append((table, then, now))
        changes = [await self._histories.change(*each) for each in moved]
        told = tuple(each for each in changes if each.regions or each.unknown is not None)
        found = Freshness({table.name: versions[table.name] for table in bases}, told)
        return self._aged(found, (view, mark.built_at), looked_at)

    def _aged(self, found: Freshness, view: tuple[TableName, float], looked_at: float) -> Freshness:
        """Say since when it lags: the base may have moved right after it was last seen to hold the same."""
        if found.current:
            self._current_at[view] = looked_at
            return found
        return replace(found, behind_since=self._current_at.get(view, view[1]))
