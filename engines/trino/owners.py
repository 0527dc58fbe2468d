"""Who owns a view of a Trino cluster: by its SQL the cluster does not say, by the information about a query it does.

What a view with definer's rights reads is read as its owner, and a query's information names, for each table and the
views on the way to it, as whom that was (measured on Trino 476). So views are asked for no row, many at a time:

    SELECT 1 FROM v UNION ALL SELECT 1 FROM w ... LIMIT 0

In each round are asked the views that are new or have another text, and those asked longest ago: the owner can change
while the text stays. A view that fails what it is asked with is asked alone from then on, so that others are told.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec

from catalog.errors import Refusal
from catalog.objects import Table, TableName
from engines.base import Engine, EngineStatement
from engines.executions import PageGone, PageUnknown
from engines.reads import Unanswered

AT_ONCE = 50
"""Views that one question asks for."""
AGAIN = 100
"""Known views that a round asks again."""
SINGLY = 4
"""Views asked again in a round of those that failed when they were asked."""
_QUESTIONS = 50
_ROUND_SECONDS = 60.0
"""What a round may take; of the views left over the owners stay as they were known."""
_SECONDS = 20.0
_INFO_SECONDS = 5.0
_FEW = 8
"""Views of a question without an answer in time that are not sifted any further."""

InfoOf = Callable[[str], Awaitable[bytes]]
"""The cluster's information about a query of the gateway's own. Raises Unanswered."""


class _Link(msgspec.Struct, rename="camel"):
    """One step of the way to a table; filters and masks of the cluster's own have no view's name."""

    catalog_name: str | None = None
    schema_name: str | None = None
    view_name: str | None = None


class _Reference(msgspec.Struct, rename="camel"):
    authorization: str
    reference_chain: list[_Link] = []


class _Info(msgspec.Struct, rename="camel"):
    query_id: str
    referenced_tables: list[_Reference]


_INFO = msgspec.json.Decoder(_Info)


class _Known(msgspec.Struct, frozen=True):
    version: str
    owner: str | None
    fails: bool = False


class _Failed(Exception):  # noqa: N818  (named for what became of the question)
    """Say that the cluster failed a question, or gave no answer in time."""

    def __init__(self, *, slow: bool) -> None:
        self.slow = slow


class Owners:
    """The owners of a cluster's views, as last told. All methods belong to one event loop."""

    def __init__(self, engine: Engine, user: str, info_of: InfoOf, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask as the service user; as whom is also read what a view with the reader's own rights reads."""
        self._engine = engine
        self._user = user
        self._info_of = info_of
        self._clock = clock
        self._known: dict[TableName, _Known] = {}  # asked longest ago first

    async def of_catalog(self, catalog: str, tables: Sequence[Table]) -> list[Table]:
        """Return all tables of a catalog, views with their owners as far as they are told. Raises Refusal."""
        views = {table.name: table for table in tables if _is_view(table)}
        for name in [name for name in self._known if name.catalog == catalog and name not in views]:
            del self._known[name]
        await self._round(self._due(views))
        return [self._owned(table) for table in tables]

    async def of_table(self, table: Table) -> Table:
        """Return one table; of a view the owner is asked for now. Raises Refusal."""
        if _is_view(table):
            await self._round([[table]])
        return self._owned(table)

    def _owned(self, table: Table) -> Table:
        known = self._known.get(table.name)
        if table.view is None or known is None or known.version != table.version or known.owner is None:
            return table
        return replace(table, view=replace(table.view, owner=known.owner), version=f"{table.version} {known.owner}")

    def _due(self, views: dict[TableName, Table]) -> list[list[Table]]:
        """Return the questions of a round, each the views that it asks for."""
        new = [view for name, view in views.items() if not self._knows(view)]
        known = [(views[name], each.fails) for name, each in self._known.items() if self._knows(views.get(name))]
        asked = new + [view for view, fails in known if not fails][:AGAIN]
        failing = [view for view, fails in known if fails][:SINGLY]
        return [asked[at : at + AT_ONCE] for at in range(0, len(asked), AT_ONCE)] + [[view] for view in failing]

    def _knows(self, view: Table | None) -> bool:
        return view is not None and (known := self._known.get(view.name)) is not None and known.version == view.version

    async def _round(self, questions: Sequence[list[Table]]) -> None:
        """Ask, and sift out the views that fail a question; ends early where the information is not given at all."""
        pending, end = deque(questions), self._clock() + _ROUND_SECONDS
        for _ in range(_QUESTIONS):
            if not pending or self._clock() > end:
                return
            views = pending.popleft()
            try:
                found = await self._ask([view.name for view in views])
            except Unanswered:
                return
            except _Failed as failed:
                if len(views) == 1 or (failed.slow and len(views) <= _FEW):
                    self._note_failing(views)
                else:
                    pending.extendleft([views[len(views) // 2 :], views[: len(views) // 2]])
                continue
            for view in views:
                self._note(view, _Known(view.version, found.get(view.name)))

    def _note_failing(self, views: Sequence[Table]) -> None:
        """Keep what was known of the same text: that a question fails now is no news of the owner."""
        for view in views:
            owner = self._known[view.name].owner if self._knows(view) else None
            self._note(view, _Known(view.version, owner, fails=True))

    def _note(self, view: Table, known: _Known) -> None:
        self._known.pop(view.name, None)
        self._known[view.name] = known

    async def _ask(self, views: Sequence[TableName]) -> dict[TableName, str | None]:
        """Return the owners of views. Raises _Failed, Unanswered, and Refusal where the cluster is lost."""
        texts = (f"SELECT 1 FROM {_quoted(view)}" for view in views)  # noqa: S608  (quoted)
        query_id = await self._run(" UNION ALL ".join(texts))
        try:
            async with asyncio.timeout(_INFO_SECONDS):
                info = _INFO.decode(await self._info_of(query_id))
        except (TimeoutError, msgspec.MsgspecError) as error:
            raise Unanswered(f"no information about the query: {error}") from None
        if info.query_id != query_id:
            raise Unanswered("the information is another query's")
        readers: dict[TableName, set[str]] = {}
        for each in info.referenced_tables:
            if (view := _only_view(each.reference_chain)) is not None:
                readers.setdefault(view, set()).add(each.authorization)
        return {view: self._owner(readers.get(view, set())) for view in views}

    def _owner(self, readers: set[str]) -> str | None:
        """Return as whom a view reads; None where it reads no table, or does so as whoever asks."""
        others = readers - {self._user}
        return others.pop() if len(others) == len(readers) == 1 else None

    async def _run(self, query: str) -> str:
        """Run a question to its end and return the cluster's own id of it. Raises _Failed, Refusal."""
        statement = EngineStatement(
            sql=f"{query} LIMIT 0",
            user=self._user,
            catalog=None,
            schema=None,
            time_zone="UTC",
            headers=(("X-Trino-Source", "penstock-catalog"),),
        )
        submission = await self._engine.submit(statement, "catalog")
        page, cursor = submission.page, submission.cursor or None
        try:
            async with asyncio.timeout(_SECONDS):
                while page is not None or cursor:
                    page = page or await self._engine.page(cursor or "")
                    if page.failed is not None:
                        raise _Failed(slow=False)
                    cursor, page = page.next, None
        except (PageGone, PageUnknown):
            raise _Failed(slow=True) from None
        except TimeoutError:
            await self._cancel(cursor)
            raise _Failed(slow=True) from None
        except asyncio.CancelledError:
            await self._cancel(cursor)
            raise
        return submission.query_id or ""

    async def _cancel(self, cursor: str | None) -> None:
        if cursor:
            with suppress(Refusal):
                await self._engine.cancel(cursor)


def _is_view(table: Table) -> bool:
    return table.kind == "view" and table.view is not None


def _only_view(chain: Sequence[_Link]) -> TableName | None:
    """Return the view that itself reads a table; None for what a view below it reads, which has its own owner."""
    if len(chain) != 1:
        return None
    link = chain[0]
    if link.catalog_name is None or link.schema_name is None or link.view_name is None:
        return None
    return TableName(link.catalog_name, link.schema_name, link.view_name)


def _quoted(name: TableName) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)
