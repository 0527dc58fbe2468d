"""Currency: may a view's rows stand for the base tables as they are now, and but for which rows?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from catalog.materialized_views import Change, Definition, Integrity, MaterializedView, stricter
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


def narrowed(terms: Terms, definition: Definition) -> Terms:
    """Return on which terms a view may be used: what the session takes and the view allows."""
    level = stricter(terms.integrity, definition.integrity)
    bounds = [each for each in (terms.max_staleness, definition.max_staleness) if each is not None]
    bound = min(bounds) if terms.max_staleness is not None else None
    if (level, bound) == (terms.integrity, terms.max_staleness):
        return terms
    return replace(terms, integrity=level, max_staleness=bound)


def too_lax(definition: Definition) -> Lack:
    """Say that a view could answer, were it allowed on the terms that the session takes."""
    bound = definition.max_staleness
    if definition.integrity == "stale_tolerated" and bound is not None:
        text = f"its rows are behind by more than the {bound:g} s that the view allows"
    else:
        text = f"the view allows only {definition.integrity} integrity"
    return Lack(11, "freshness", text, "build the view again, or loosen the integrity of its definition")


def level_of(known: Currency, *, declared: bool) -> Integrity:
    """Return the level that an answer takes: what it relies on, and no more."""
    if not known.versions:
        return "stale_tolerated"
    return "trusted" if declared else "enforced"


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


def within_limits(view: MaterializedView, tables: Iterable[TableName], terms: Terms) -> Currency:
    """Say the same on the terms that both the session and the view allow. Raises Unmatched."""
    allowed, names = narrowed(terms, view.definition), tuple(tables)
    try:
        return currency(view, names, allowed)
    except Unmatched:
        if allowed is terms:
            raise
        currency(view, names, terms)  # raises where the session's own terms are too strict as well
        raise Unmatched(too_lax(view.definition)) from None


def _tolerated(view: MaterializedView, terms: Terms) -> bool:
    known = view.freshness
    if terms.integrity != "stale_tolerated" or terms.max_staleness is None or known is None:
        return False
    return known.behind_since is not None and terms.now - known.behind_since <= terms.max_staleness


def _stale(why: str) -> Lack:
    return Lack(11, "freshness", why, "build the view again")
