"""The form of a whole query, of any shape: equal forms give the same rows (as a bag) on the same data."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.key_parts import in_order
from rewrite_rules.substitution.keys import Columns, Key, key
from rewrite_rules.substitution.selects import names_below, spelled
from rewrite_rules.substitution.sight import Aliases, Flat, OddError, Place


def form(query: exp.Expr, place: Place, columns: Columns, *, rows_only: bool = False) -> Key:
    """Return the form of a query. `rows_only`: whether there are rows is asked, not what they show. Raises OddError."""
    if isinstance(query, exp.Subquery) and not query.args.get("with_"):
        inner = form(query.this, place, columns, rows_only=rows_only)
        return _behind(inner, query, columns)
    if isinstance(query, exp.SetOperation):
        return _set_operation(query, place, columns)
    if isinstance(query, exp.Values):
        return _behind(("values", tuple(key(each, columns) for each in query.expressions)), query, columns)
    if isinstance(query, exp.Unnest):  # written already, see `relations`
        return ("unnest", tuple(key(each, columns) for each in query.expressions))
    flat = spelled(query, place, Aliases(prefix(place)))
    return form_of(flat, columns, rows_only=rows_only and _shows_only(flat.block))


def prefix(place: Place) -> str:
    """Return how occurrences are called at this depth: no subquery hides a name of the queries around it."""
    return "t" if place.depth == 0 else f"s{place.depth}_"


def _set_operation(query: exp.SetOperation, place: Place, columns: Columns) -> Key:
    below = replace(place, names=names_below(query, place.names))
    kind = (query.key, bool(query.args.get("distinct")), bool(query.args.get("by_name")))
    commutes = isinstance(query, exp.Union | exp.Intersect) and not query.args.get("by_name")
    sides = [form(side, below, columns) for side in (_chain(query) if commutes else (query.this, query.expression))]
    return _behind(("set", kind, in_order(sides) if commutes else tuple(sides)), query, columns)


def _chain(query: exp.SetOperation) -> list[exp.Expr]:
    """Return the sides of a chain of one and the same set operation, which nests to the left."""
    sides, left = [query.expression], query.this
    while left.__class__ is query.__class__ and _continues(left, query):
        sides.append(left.expression)
        left = left.this
    return [left, *reversed(sides)]


def _continues(inner: exp.Expr, query: exp.SetOperation) -> bool:
    plain = not any(inner.args.get(name) for name in ("with_", "order", "limit", "offset", "by_name"))
    return plain and bool(inner.args.get("distinct")) == bool(query.args.get("distinct"))


def _behind(inner: Key, query: exp.Expr, columns: Columns) -> Key:
    """Add ORDER BY with LIMIT of what is no SELECT; there ORDER BY names result columns."""
    cut = [query.args[name] for name in ("limit", "offset") if query.args.get(name)]
    if not cut:
        return inner
    order = query.args.get("order")
    if order is not None:
        raise OddError("LIMIT behind a set operation or brackets")
    return ("cut", inner, tuple(key(each, columns) for each in cut))


def _shows_only(block: Block) -> bool:
    return block.keys is None and not block.distinct and block.top is None


def form_of(flat: Flat, columns: Columns, *, rows_only: bool = False) -> Key:
    """Return the form of a SELECT that was flattened. Raises OddError."""
    block = flat.block
    cut = block.top == "LIMIT"
    return (
        "select",
        tuple(_occurrence(each, flat, columns) for each in block.occurrences),
        in_order({key(each.value, columns): None for each in block.conditions}),
        () if rows_only else tuple((key(each.value, columns), str(each.type)) for each in block.outputs),
        in_order({key(each, columns): None for each in block.keys}) if block.keys is not None else None,
        block.distinct,
        in_order({key(each, columns): None for each in block.having}),
        tuple(key(each, columns) for each in flat.order) if cut else (),
        tuple(key(each, columns) for each in flat.others),
    )


def _occurrence(occurrence: Occurrence, flat: Flat, columns: Columns) -> Key:
    joined = (occurrence.join, in_order({key(each, columns): None for each in occurrence.on}))
    if occurrence.table is not None:
        return ("table", tuple(occurrence.table), occurrence.version, *joined)
    query, place = flat.closed[occurrence.alias]
    shown = tuple((name, str(kind)) for name, kind in occurrence.columns)
    return ("closed", occurrence.alias, shown, form(query, place, columns), *joined)
