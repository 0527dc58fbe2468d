"""Prepare views for matching: each once for as long as its form stays, a thousand without keeping anybody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.materialized_views import Facts, MaterializedView
from catalog.objects import Table, TableName
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.prepare import Prepared, prepare, renewed

_FRESHNESS = 11
"""The condition of rewriting.md, section 4, that speaks of what a view holds now."""


@dataclass(frozen=True, slots=True)
class Readied:
    """A view that was prepared, over which tables, and what is known of it now."""

    prepared: Prepared
    """Ready by its form; what is unusable for now is told by `now`."""
    tables: tuple[Table, ...]
    now: Prepared


class Preparing:
    """Keep prepared views."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._kept: dict[TableName, Readied] = {}
        self._indexed: tuple[tuple[Prepared, ...], Facts, ViewIndex] | None = None

    async def index(
        self, views: Sequence[MaterializedView], named: Mapping[TableName, Sequence[Table]], facts: Facts
    ) -> ViewIndex:
        """Return the index of all views; the same one where nothing changed. `named` are the tables of each."""
        kept: dict[TableName, Readied] = {}
        for view in views:
            known = self._kept.get(view.name)
            kept[view.name] = self._ready(view, tuple(named.get(view.name, ())), known)
            if known is None or kept[view.name].prepared is not known.prepared:
                await asyncio.sleep(0)  # a view's preparation takes milliseconds: others come in between
        self._kept = kept
        prepared = tuple(each.now for each in kept.values())
        if self._indexed is None or self._indexed[1] != facts or not _same(self._indexed[0], prepared):
            tables = {table.name: table for each in kept.values() for table in each.tables}
            made = await asyncio.to_thread(ViewIndex, prepared, Ground(tables, facts))
            self._indexed = prepared, facts, made
        return self._indexed[2]

    def _ready(self, view: MaterializedView, tables: tuple[Table, ...], known: Readied | None) -> Readied:
        if known is not None and known.now.view is view and known.tables == tables:
            return known
        ground = Ground({table.name: table for table in tables})
        prepared = renewed(known.prepared, view, ground) if known is not None and known.tables == tables else None
        prepared = prepared or prepare(view, ground)
        now = prepared
        if view.unusable is not None and prepared.why is None:
            now = replace(prepared, why=view.unusable, condition=_FRESHNESS)
        return Readied(prepared, tables, now)


def _same(before: Sequence[Prepared], now: Sequence[Prepared]) -> bool:
    return len(before) == len(now) and all(one is other for one, other in zip(before, now, strict=True))
