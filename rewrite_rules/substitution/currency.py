"""Currency: may a view's rows stand for the base tables as they are now, and but for which rows?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.materialized_views import Change, MaterializedView
from catalog.objects import TableName
from rewrite_rules.substitution.misses import Lack, Unmatched
from rewrite_rules.substitution.model import Terms


@dataclass(frozen=True, slots=True)
class Currency:
    """What holds of a view's rows."""

    versions: Mapping[TableName, str]
    """Of the base tables, at which that is so; none where the caller takes rows of a while ago."""
    changes: tuple[Change, ...] = ()
    """What the view has not seen; its rows in these regions must not be used."""


def currency(view: MaterializedView, tables: Iterable[TableName], terms: Terms) -> Currency:
    """Say for which rows a view holds what its base tables hold. Raises Unmatched where that is not known."""
    known = view.freshness
    if view.unusable is not None or view.quarantined is not None:
        raise Unmatched(_stale(view.unusable or f"it is in quarantine: {view.quarantined}"))
    if known is None:
        raise Unmatched(_stale("nothing is known of what happened to its base tables since it was built"))
    if known.lost is not None:
        raise Unmatched(_stale("rows that it held are gone"))
    missing = [name for name in tables if name not in known.versions]
    if missing:
        raise Unmatched(_stale(f"the version of {missing[0].table} is not known"))
    if not known.changes:
        return Currency(dict(known.versions))
    if _tolerated(view, terms):
        return Currency({})
    unknown = next((change for change in known.changes if change.unknown is not None), None)
    if unknown is not None:
        raise Unmatched(_stale(f"{unknown.table.table} changed in a way that its history does not tell"))
    return Currency(dict(known.versions), known.changes)


def _tolerated(view: MaterializedView, terms: Terms) -> bool:
    known = view.freshness
    if terms.integrity != "stale_tolerated" or terms.max_staleness is None or known is None:
        return False
    return known.behind_since is not None and terms.now - known.behind_since <= terms.max_staleness


def _stale(why: str) -> Lack:
    return Lack(11, "freshness", why, "build the view again")
