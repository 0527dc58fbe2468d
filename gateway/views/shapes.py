"""What a definition's form says of its rows: which columns its groups are known by, and which are never NULL."""

from __future__ import annotations

from sqlglot import exp

from catalog.objects import TableName
from gateway.views.definitions import Understood
from rewrite_rules.analysis.model import ResolvedColumn

_COUNTS = frozenset({"count", "count_if", "approx_distinct"})


def group_columns(understood: Understood) -> tuple[str, ...] | None:
    """Return the columns that show the keys of the definition's groups; None where some key is not shown.

    Without grouping, or with the empty one, there are no such columns, and rows may be alike.
    """
    tree = understood.tree
    if not isinstance(tree, exp.Select):
        return None
    names = [name for name, _ in understood.columns]
    if tree.args.get("distinct"):
        return tuple(names)
    group = tree.args.get("group")
    if not isinstance(group, exp.Group) or set(_given(group)) != {"expressions"}:
        return None
    values = [each.this if isinstance(each, exp.Alias) else each for each in tree.expressions]
    if len(values) != len(names):
        return None
    found = [_position(key, values) for key in group.expressions]
    if any(position is None for position in found):
        return None
    return tuple(dict.fromkeys(names[position] for position in found if position is not None))


def _given(group: exp.Group) -> list[str]:
    return [name for name, value in group.args.items() if value]


def _position(key: exp.Expr, values: list[exp.Expr]) -> int | None:
    """Return which output shows a key: the one it counts to, or the one written alike."""
    if isinstance(key, exp.Literal) and not key.is_string:
        return int(key.this) - 1
    return next((at for at, value in enumerate(values) if value == key), None)


def always_there(understood: Understood) -> frozenset[str]:
    """Return the columns that can never be NULL: counts, and columns of tables that forbid it."""
    tree = understood.tree
    if not isinstance(tree, exp.Select) or tree.find(exp.Join, exp.SetOperation) or _odd_groups(tree):
        return frozenset()
    if len(tree.expressions) != len(understood.columns):
        return frozenset()
    found = []
    for (name, _), shown in zip(understood.columns, tree.expressions, strict=True):
        value = shown.this if isinstance(shown, exp.Alias) else shown
        if _counts(value) or _forbids_null(value, understood):
            found.append(name)
    return frozenset(found)


def _odd_groups(tree: exp.Select) -> bool:
    group = tree.args.get("group")
    return isinstance(group, exp.Group) and set(_given(group)) != {"expressions"}


def _counts(value: exp.Expr) -> bool:
    call = value.this if isinstance(value, exp.Filter) else value
    return isinstance(call, exp.Anonymous) and call.name.lower() in _COUNTS


def _forbids_null(value: exp.Expr, understood: Understood) -> bool:
    if not isinstance(value, exp.Column):
        return False
    resolved: ResolvedColumn | None = value.meta.get("resolved")
    if resolved is None or resolved.table is None or resolved.fields:
        return False
    column = understood.tables[TableName(*resolved.table)].by_name.get(resolved.column)
    return column is not None and not column.nullable
