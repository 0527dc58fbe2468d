"""What depends on the session's time zone: it means one thing to a view's keeper and another to a caller."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from rewrite_rules.substitution.key_parts import type_of

_ZONED = frozenset({"timestamp with time zone", "time with time zone"})
_BARE = frozenset({"timestamp", "time", "date"})
_NAMES_ZONE = re.compile(r"[A-Za-z]|[+-]\d{1,2}(:\d{2})?\s*$")
_OF_SESSION = frozenset(
    {"current_timezone", "from_unixtime", "from_unixtime_nanos", "parse_datetime"}
    | {"from_iso8601_timestamp", "from_iso8601_timestamp_nanos"}
)
_READS_INSTANT = frozenset({"to_unixtime", "format_datetime", "timezone_hour", "timezone_minute"})
"""Functions of an instant; a moment without a zone is made one in the session's."""
_KEEPS = frozenset({"with_timezone"})
_TOGETHER = (exp.Predicate, exp.Binary, exp.Between, exp.In, exp.Anonymous)
"""Nodes that bring their operands to one type."""


def zone_bound(tree: exp.Expr) -> exp.Expr | None:
    """Return a part of a typed tree whose value depends on the session's time zone; None if there is none."""
    return next((node for node in tree.walk() if _is_bound(node)), None)


def _is_bound(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        if name in _OF_SESSION and not (name == "from_unixtime" and len(node.expressions) > 1):
            return True
        if name in _READS_INSTANT and any(_base(each) in _BARE for each in node.expressions):
            return True
        if name in _KEEPS:
            return False
    below = {_base(each) for each in _operands(node)}
    if isinstance(node, exp.Cast):
        return _base(node) in _ZONED and not _is_fixed(node.this)
    if _base(node) in _ZONED and below & _BARE:
        return True
    return isinstance(node, _TOGETHER) and bool(below & _ZONED) and bool(below & _BARE)


def _is_fixed(value: exp.Expr) -> bool:
    """Tell whether a value names its zone itself."""
    if _base(value) in _ZONED:
        return True
    inner = value.unnest()
    if isinstance(inner, exp.Literal) and inner.is_string:
        return _NAMES_ZONE.search(inner.name[10:]) is not None
    return isinstance(inner, exp.Null)


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    for child in node.iter_expressions():
        yield child
        if isinstance(child, exp.If | exp.Tuple | exp.Paren):
            yield from child.iter_expressions()


def _base(node: exp.Expr) -> str:
    kind = type_of(node)
    return kind.base if kind is not None else ""
