"""Joins that change nothing: an outer join whose side is never looked at, and that finds one row at most.

Proven by the form alone: the side is a query grouped by exactly the columns that it is joined by, or the whole query
is DISTINCT over plain columns. What could fail is not left out: a query that fails is not the same as one that does
not.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from catalog.names import fold_trino
from catalog.types import TrinoType
from gateway.coaching.drafts import Draft, Matter, conjuncts

_PLAIN = ("with_", "joins", "where", "having", "distinct", "limit", "offset", "order", "laterals")
_COUNTS = frozenset({"count", "min", "max"})
_ONE_EQUALITY = frozenset(
    {"boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "varchar", "date", "timestamp", "uuid"}
)
"""Types whose values are equal in joins exactly where they are in groups."""


def unused_joins(matter: Matter) -> Iterator[Draft]:
    """Draft the query without the joins that change nothing."""
    tree = matter.own.tree.copy()
    left_out: list[str] = []
    for select in tree.find_all(exp.Select):
        for join in reversed(select.args.get("joins") or ()):
            if _changes_nothing(join, select, tree):
                left_out.append(join.this.alias_or_name)
                select.set("joins", [each for each in select.args["joins"] if each is not join])
    if left_out:
        names = ", ".join(reversed(left_out))
        yield Draft("unused_part", f"without the join of {names}, which changes nothing", tree, same_result=True)


def _changes_nothing(join: exp.Join, select: exp.Select, tree: exp.Expr) -> bool:
    if join.side.upper() != "LEFT" or join.kind or join.args.get("using") or _is_used(join, select, tree):
        return False
    keys = _keys(join)
    if keys is None:
        return False
    if isinstance(join.this, exp.Table):
        return "table" in join.this.meta and _is_set(select)
    return isinstance(join.this, exp.Subquery) and (_is_set(select) or _is_unique(join.this, keys))


def _is_used(join: exp.Join, select: exp.Select, tree: exp.Expr) -> bool:
    """Tell whether anything but the join itself may speak of its side."""
    number = join.this.meta.get("relation_id")
    if number is None or any(map(_shows_all, select.expressions)):
        return True
    inside = {id(node) for node in join.walk()}
    for column in tree.find_all(exp.Column):
        resolved = column.meta.get("resolved")
        if id(column) not in inside and (resolved is None or resolved.relation_id == number):
            return True
    return False


def _shows_all(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _keys(join: exp.Join) -> set[str] | None:
    """Return the columns of the side that are compared with others of their type; None for any other condition."""
    number, found = join.this.meta.get("relation_id"), set[str]()
    for condition in conjuncts(join.args["on"]) if join.args.get("on") is not None else ():
        sides = (condition.this, condition.expression) if type(condition) is exp.EQ else ()
        if not sides or not all(isinstance(side, exp.Column) and side.meta.get("resolved") for side in sides):
            return None
        kinds = [side.meta.get("type") for side in sides]
        if not isinstance(kinds[0], TrinoType) or kinds[0] != kinds[1] or kinds[0].base not in _ONE_EQUALITY:
            return None
        own = [side.meta["resolved"] for side in sides if side.meta["resolved"].relation_id == number]
        if len(own) != 1 or own[0].fields:
            return None
        found.add(own[0].column)
    return found or None


def _is_set(select: exp.Select) -> bool:
    """Tell whether how often a row comes does not matter: DISTINCT over plain columns."""
    distinct = select.args.get("distinct")
    plain = all(isinstance(item.unalias(), exp.Column) for item in select.expressions)
    return distinct is not None and plain and not any(select.args.get(part) for part in ("group", "limit", "offset"))


def _is_unique(side: exp.Subquery, keys: set[str]) -> bool:
    """Tell whether a side has at most one row for each value of the keys, and cannot fail."""
    body, alias = side.this, side.args.get("alias")
    if not isinstance(body, exp.Select) or (alias is not None and alias.args.get("columns")):
        return False
    group = body.args.get("group")
    if group is None or any(body.args.get(part) for part in _PLAIN):
        return False
    if any(value for name, value in group.args.items() if name != "expressions"):
        return False
    shown = {fold_trino(item.alias_or_name): item.unalias() for item in body.expressions}
    if not all(map(_is_harmless, shown.values())) or not all(map(_is_column, group.expressions)):
        return False
    joined = {shown[key].meta.get("resolved") for key in keys if key in shown}
    return {each.meta.get("resolved") for each in group.expressions} <= joined - {None}


def _is_column(item: exp.Expr) -> bool:
    return isinstance(item, exp.Column) and item.meta.get("resolved") is not None


def _is_harmless(item: exp.Expr) -> bool:
    """Tell whether a value is a column, or a count or bound of one: these never fail."""
    if isinstance(item, exp.Anonymous) and item.name.lower() in _COUNTS:
        return all(isinstance(each, exp.Column | exp.Star) for each in item.expressions)
    return _is_column(item)
