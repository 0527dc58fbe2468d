"""Build again only what changed: rows of a view that nothing happened to are kept, if they are known to be whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.errors import Refusal
from catalog.materialized_views import Change, Watermark
from catalog.objects import Table, TableName
from catalog.view_documents import Document, Unreadable, read_document
from engines.base import Engine
from engines.views import Holding, Kept, ViewKeepingEngine
from gateway.views.definitions import Understood
from gateway.views.freshness import Histories
from gateway.views.touched import Touched, touched


@dataclass(frozen=True, slots=True)
class Renewal:
    """What stays of a view's rows, and what comes anew."""

    kept: Kept
    touched: Touched


async def renewal_of(
    understood: Understood, keeper: ViewKeepingEngine, engines: Mapping[str, Engine], versions: Mapping[TableName, str]
) -> Renewal | None:
    """Return how a view is brought to these versions of its base; None where all of it is to be built."""
    holding = await _holding(understood, keeper)
    document = _document(understood, holding) if holding is not None else None
    if holding is None or document is None or document.watermark is None or holding.rows is None:
        return None
    changes = await _changes(understood.bases, document.watermark, versions, engines)
    found = touched(understood, changes) if changes is not None else None
    return None if found is None else Renewal(Kept(holding.comment, holding.rows, found.regions), found)


async def _holding(understood: Understood, keeper: ViewKeepingEngine) -> Holding | None:
    name = understood.definition.name
    try:
        held = await keeper.held_views(name.catalog)
    except Refusal:
        return None
    return next((each for each in held if each.name == name and each.lost is None), None)


def _document(understood: Understood, holding: Holding) -> Document | None:
    """Return what the rows say of themselves, where they are whole rows of this very definition."""
    try:
        document = read_document(holding.name, holding.comment)
    except Unreadable:
        return None
    if document is None or document.definition.built_under or document.rows != holding.rows:
        return None
    same = document.definition.form == understood.definition.form and dict(document.types) == dict(understood.columns)
    return document if same else None


async def _changes(
    bases: tuple[Table, ...], mark: Watermark, versions: Mapping[TableName, str], engines: Mapping[str, Engine]
) -> list[Change] | None:
    """Return what happened to each base table that is at another version than the rows were computed from."""
    histories, found = Histories(engines), []
    for table in bases:
        then = mark.versions.get(table.name)
        if then is None:
            return None
        if then != versions[table.name]:
            found.append(await histories.change(table, then, versions[table.name]))
    return found
