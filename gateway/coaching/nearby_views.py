"""Reads of materialized views that nearly answer a query: by a change that the caller can make to it himself.

What is offered was planned as the caller's own and found to be answered from views, which its title then names; whether
it is, no draft knows.
Only misses of views that the caller may know of are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.objects import TableName
from gateway.coaching.drafts import Draft, Matter
from rewrite_rules.substitution.model import Miss

_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_COARSER = ("hour", "day", "month")
_AGES = (("5m", 300), ("15m", 900), ("1h", 3600), ("6h", 21_600), ("1d", 86_400), ("7d", 604_800))
_ROOM = 1.25
"""What a view is behind grows until the statement is run."""


def nearby_views(matter: Matter) -> Iterator[Draft]:
    """Draft what a view that lacks one thing would answer, those of the nearest views first."""
    for view, misses in _by_view(matter.misses).items():
        if len(misses) != 1:
            continue
        (miss,) = misses
        if miss.missing == "freshness":
            yield from _older(view, matter)
        elif miss.missing == "key" and miss.fix:
            yield from _without_key(miss, matter)


def _by_view(misses: Sequence[Miss]) -> Mapping[TableName, list[Miss]]:
    found: dict[TableName, list[Miss]] = {}
    for miss in misses:
        found.setdefault(miss.view, []).append(miss)
    return found


def _older(view: TableName, matter: Matter) -> Iterator[Draft]:
    """Draft the same query over rows of a while ago, where it is known of how long."""
    since = matter.behind.get(view)
    if since is None:
        return
    age = max(0.0, matter.now - since)
    bound = next((text for text, seconds in _AGES if age * _ROOM <= seconds), None)
    if bound is None:
        return
    yield Draft(
        "materialized_view",
        f"the same, behind by {bound} at most (integrity = STALE_TOLERATED)",
        matter.own.tree,
        same_result=False,
        difference=f"as it was up to {bound} ago",
        table=str(view),
        session=(("integrity", "STALE_TOLERATED"), ("max_staleness", bound)),
    )


def _without_key(miss: Miss, matter: Matter) -> Iterator[Draft]:
    """Draft groups by a coarser bucket of time in the place of a finer one, or without a column."""
    tree = matter.own.tree
    group = tree.args.get("group") if isinstance(tree, exp.Select) else None
    if not isinstance(tree, exp.Select) or not isinstance(group, exp.Group) or _by_number(tree):
        return
    wanted = miss.fix.removeprefix("add ").partition(" to the view's ")[0]
    key = next((each for each in group.expressions if _plain(each) == wanted), None)
    if key is None:
        return
    unit = _unit(key)
    if unit is not None:
        for coarser in _COARSER:
            if _UNITS.index(coarser) > _UNITS.index(unit):
                yield _bucketed(tree, key, unit, coarser, miss)
    elif isinstance(key, exp.Column):
        yield from _dropped(tree, key, miss)


def _bucketed(tree: exp.Select, key: exp.Expr, unit: str, coarser: str, miss: Miss) -> Draft:
    twin = tree.copy()
    for node in [each for each in twin.find_all(type(key)) if each == key]:
        node.expressions[0].set("this", coarser)
    return Draft(
        "materialized_view",
        f"groups by {coarser} instead of {unit}",
        twin,
        same_result=False,
        difference=f"a row for each {coarser}, not for each {unit}",
        table=str(miss.view),
    )


def _dropped(tree: exp.Select, key: exp.Column, miss: Miss) -> Iterator[Draft]:
    """Draft the query without one of its keys, where nothing else speaks of it."""
    twin = tree.copy()
    group = twin.args["group"]
    group.set("expressions", [each for each in group.expressions if each != key])
    twin.set("expressions", [each for each in twin.expressions if each.unalias() != key])
    order = twin.args.get("order")
    if order is not None:
        left = [each for each in order.expressions if each.this != key]
        twin.set("order", exp.Order(expressions=left) if left else None)
    speaks = any(each.name.lower() == key.name.lower() for each in twin.find_all(exp.Column))
    if speaks or not group.expressions or not twin.expressions:
        return
    yield Draft(
        "materialized_view",
        f"without {key.name}",
        twin,
        same_result=False,
        difference=f"groups of all {key.name} together",
        table=str(miss.view),
    )


def _by_number(tree: exp.Select) -> bool:
    """Tell whether keys or the order are named by their places among the columns."""
    items = [
        *tree.args["group"].expressions,
        *(each.this for each in (tree.args.get("order") or exp.Order()).expressions),
    ]
    return any(isinstance(each, exp.Literal) for each in items)


def _unit(key: exp.Expr) -> str | None:
    if not isinstance(key, exp.Anonymous) or key.name.lower() != "date_trunc" or len(key.expressions) != 2:
        return None
    unit = key.expressions[0]
    return unit.name.lower() if isinstance(unit, exp.Literal) and unit.name.lower() in _UNITS else None


def _plain(node: exp.Expr) -> str:
    """Write an expression as misses do: without quotes and qualifiers."""
    twin = node.copy()
    for column in twin.find_all(exp.Column):
        for part in ("table", "db", "catalog"):
            column.set(part, None)
    try:
        return generate(twin).replace('"', "")
    except Refusal:
        return ""
