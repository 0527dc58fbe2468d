"""GROUP BY: keys, grouping sets, and the empty group that ClickHouse leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function
from rewrite_rules.translate_clickhouse.group_keys import grouping_key, shown_key
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, unnumbered

_SETS = (exp.GroupingSets, exp.Rollup, exp.Cube)


ONE_GROUP = "ignore(count()) = 0"
"""What makes one group of all rows, and of none, even where nothing else is computed (`count() >= 0` is left out)."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """A GROUP BY clause: its text, what replaces its keys elsewhere, and whether it has an empty grouping set."""

    sql: str = ""
    replaced: Mapping[str, str] = field(default_factory=dict)
    has_empty_set: bool = False
    always: str = ""
    """A condition that holds for each group, for HAVING: without an aggregate that is read ClickHouse forgets `()`."""


def grouping(node: exp.Select, items: Sequence[exp.Expr], scope: Scope) -> Grouping:
    """Translate GROUP BY; numbers stand for items of the select list. Raises Refusal NOT_SUPPORTED."""
    clause = node.args.get("group")
    if clause is None:
        return Grouping(always=ONE_GROUP if node.args.get("having") is not None else "")
    parts = list(clause.expressions)
    for key in ("grouping_sets", "rollup", "cube"):
        parts += clause.args.get(key) or []
    sets = [part for part in parts if isinstance(part, _SETS)]
    if sets and len(parts) > 1:
        raise unsupported("GROUP BY of keys beside grouping sets", node)
    replaced: dict[str, str] = {}
    if sets and clause.args.get("all") is False:  # a set counts as often as it is there
        raise unsupported("GROUP BY DISTINCT of grouping sets", node)
    if sets:
        return _grouping_sets(sets[0], items, scope, replaced)
    if clause.args.get("all"):
        raise unsupported("GROUP BY ALL", node)
    parts = [p for part in parts for p in _flat(part)]
    if not parts:
        return Grouping(always=ONE_GROUP)
    keys = [_key(part, items, scope, replaced) for part in parts]
    return Grouping(f" GROUP BY {', '.join(dict.fromkeys(keys))}", replaced)


def _flat(node: exp.Expr) -> Sequence[exp.Expr]:
    """Take `(a, b)` and `()` apart."""
    if isinstance(node, exp.Tuple):
        return list(node.expressions)
    return [node.unnest()]


def _key(node: exp.Expr, items: Sequence[exp.Expr], scope: Scope, replaced: dict[str, str]) -> str:
    if isinstance(node, exp.Literal) and not node.args.get("is_string"):
        at = int(node.name)
        if not 1 <= at <= len(items):
            raise Refusal(ErrorCode.INVALID_COLUMN_REFERENCE, f"GROUP BY position {at} is not in select list")
        node = items[at - 1].unalias()
    text, kind = scope.value(node), scope.type_of(node)
    if kind.base == "unknown":
        replaced[text] = "NULL"
        return "NULL"
    key = unnumbered(text)
    replaced[text] = shown_key(key, kind)
    return grouping_key(key, kind)


def _grouping_sets(node: exp.Expr, items: Sequence[exp.Expr], scope: Scope, replaced: dict[str, str]) -> Grouping:
    groups = [[_key(k, items, scope, replaced) for k in _flat(part)] for part in node.expressions]
    if any(scope.type_of(k).base in NESTED for part in node.expressions for k in _flat(part)):
        raise unsupported("Grouping sets over arrays, maps and rows", node)
    if isinstance(node, exp.GroupingSets):
        if any(isinstance(part, _SETS) for part in node.expressions):
            raise unsupported("Nested grouping sets", node)
        sets = ", ".join(f"({', '.join(group)})" for group in groups)
        empty = any(not group for group in groups)
        return Grouping(f" GROUP BY GROUPING SETS ({sets})", replaced, empty, "count() > 0" if empty else "")
    if any(len(group) != 1 for group in groups):
        raise unsupported("Grouping sets over several keys at once", node)
    name = "ROLLUP" if isinstance(node, exp.Rollup) else "CUBE"
    return Grouping(f" GROUP BY {name}({', '.join(group[0] for group in groups)})", replaced, True)


def _grouping(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Translate GROUPING(keys): bits that say which keys are rolled up."""
    if len(arguments) > 31:
        raise unsupported("GROUPING of more than 31 keys", node)
    plain = scope.within(replaced={})
    keys = (grouping_key(unnumbered(plain.value(a)), plain.type_of(a)) for a in arguments)
    return call("toInt32", call("grouping", *keys))


FUNCTIONS: Mapping[str, Function] = {"grouping": _grouping}
