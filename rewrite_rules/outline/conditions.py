"""Conditions: from the tree to predicates over values, in three-valued logic where only what is true counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.dialect.node_kinds import SIGNS
from rewrite_rules.outline.comparing import FLIPPED, FLOATING, NEGATED, among, compare, within
from rewrite_rules.outline.constants import Constant, constant
from rewrite_rules.outline.expressions import is_always, value_of
from rewrite_rules.outline.predicates import (
    ALWAYS,
    NEVER,
    Dim,
    Equal,
    Is,
    Operator,
    Pred,
    all_of,
    some_of,
)
from rewrite_rules.outline.reading import Place
from rewrite_rules.outline.sides import side_of
from rewrite_rules.outline.values import Mix, mixed

_LIST_LIMIT = 10_000
"""Values of IN beyond which a condition is not looked at one by one."""
_ROWS_LIMIT = 500
"""The same, where they are rows."""


def predicate(node: exp.Expr, place: Place, *, negated: bool = False) -> Pred:
    """Return the rows for which a condition is true, or false if `negated`; NULL is neither. Raises Undescribed."""
    if isinstance(node, exp.Paren):
        return predicate(node.this, place, negated=negated)
    if isinstance(node, exp.Not):
        return predicate(node.this, place, negated=not negated)
    if isinstance(node, exp.And | exp.Or):
        parts = [predicate(term, place, negated=negated) for term in terms(node)]
        return all_of(parts) if isinstance(node, exp.And) is not negated else some_of(parts)
    if is_always(node) and not negated:
        return ALWAYS
    reader = _READERS.get(node.__class__)
    found = reader(node, place, negated) if reader is not None else None
    return found if found is not None else _dim(node, place)


def terms(node: exp.Expr) -> list[exp.Expr]:
    """Return the terms of a chain of one connector; chains nest to the left, one level a term."""
    found, stack = list[exp.Expr](), [node]
    while stack:
        current = stack.pop()
        if current.__class__ is node.__class__:
            stack += [current.args["expression"], current.this]
        else:
            found.append(current)
    return found


def _dim(node: exp.Expr, place: Place) -> Pred:
    value = value_of(node, place)
    subquery = node.find(exp.Query) is not None
    return Dim(value if isinstance(value, Mix) else mixed([value]), subquery)


def _known(node: exp.Expr, place: Place) -> Constant | None:
    return constant(node, place.reader.clock)


def _comparison(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    left, right = node.this, node.expression
    sign: Operator = SIGNS[node.__class__]
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        return _rows(left, right, sign, place, negated)
    given = _known(right, place)
    if given is None:
        given = _known(left, place)
        left, sign = (right, FLIPPED[sign]) if given is not None else (left, sign)
    if given is not None:
        return _with_constant(left, sign, given, place, negated)
    if sign == ("<>" if negated else "="):
        sides = value_of(left, place), value_of(right, place)
        subquery = any(each.find(exp.Query) for each in (left, right))
        return Equal(*sides) if not subquery else None
    return None


def _with_constant(node: exp.Expr, sign: Operator, given: Constant, place: Place, negated: bool) -> Pred | None:
    other = _known(node, place)
    if other is not None:
        return _of_constants(other, sign, given, negated)
    side = side_of(node, place)
    if side is None:
        return NEVER if given.value is None else None
    if negated and side.type.base in FLOATING and sign not in ("=", "<>"):
        return None  # true for NaN
    return compare(side, NEGATED[sign] if negated else sign, given, place.reader.zone)


def _of_constants(left: Constant, sign: Operator, right: Constant, negated: bool) -> Pred | None:
    if left.value is None or right.value is None:
        return NEVER
    if sign not in ("=", "<>") or left.base != right.base:
        return None
    same = left.value == right.value
    return ALWAYS if same is ((sign == "=") is not negated) else NEVER


def _rows(left: exp.Tuple, right: exp.Tuple, sign: Operator, place: Place, negated: bool) -> Pred | None:
    if sign not in ("=", "<>") or len(left.expressions) != len(right.expressions):
        return None
    pairs = zip(left.expressions, right.expressions, strict=True)
    each = [predicate(exp.EQ(this=a.copy(), expression=b.copy()), place, negated=(sign == "<>") is not negated)
            for a, b in pairs]  # fmt: skip
    return all_of(each) if (sign == "=") is not negated else some_of(each)


def _between(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    side, zone = side_of(node.this, place), place.reader.zone
    low, high = _known(node.args["low"], place), _known(node.args["high"], place)
    if low is not None and high is not None and side is not None:
        if not negated:
            return within(side, low, high, zone)
        if side.type.base in FLOATING:
            return None
        below, above = compare(side, "<", low, zone), compare(side, ">", high, zone)
        return some_of((below, above)) if below is not None and above is not None else None
    if negated or not isinstance(node.this, exp.Column | exp.Cast | exp.Anonymous):
        return None
    parts = (
        exp.GTE(this=node.this.copy(), expression=node.args["low"].copy()),
        exp.LTE(this=node.this.copy(), expression=node.args["high"].copy()),
    )
    return all_of(predicate(part, place) for part in parts)


def _in(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    if node.args.get("query") is not None or len(node.expressions) > _LIST_LIMIT:
        return None
    if isinstance(node.this, exp.Tuple):
        if len(node.expressions) > _ROWS_LIMIT:
            return None
        rows = [exp.EQ(this=node.this.copy(), expression=item.copy()) for item in node.expressions]
        parts = [predicate(row, place, negated=negated) for row in rows]
        return all_of(parts) if negated else some_of(parts)
    values = [_known(item, place) for item in node.expressions]
    known = [value for value in values if value is not None]
    side = side_of(node.this, place)
    if side is None or len(known) < len(values):
        return None
    return among(side, known, place.reader.zone, negated=negated)


def _is_null(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    if not isinstance(node.expression, exp.Null):
        return None
    side = side_of(node.this, place)
    if side is not None:
        return Is(side.value, "is not null" if negated else "is null")
    given = _known(node.this, place)
    return None if given is None else ALWAYS if (given.value is None) is not negated else NEVER


def _distinct(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    """Read IS [NOT] DISTINCT FROM a constant."""
    given = _known(node.expression, place)
    side = side_of(node.this, place)
    if given is None or side is None:
        return None
    differs = isinstance(node, exp.NullSafeNEQ) is not negated
    if given.value is None:
        return Is(side.value, "is not null" if differs else "is null")
    found = compare(side, "<>" if differs else "=", given, place.reader.zone)
    return some_of((found, Is(side.value, "is null"))) if differs and found is not None else found


def _boolean(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    return ALWAYS if bool(node.this) is not negated else NEVER


def _flag(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    side = side_of(node, place)
    return Is(side.value, "=", (not negated,)) if side is not None and side.type.base == "boolean" else None


def _like(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    inner = node.this if isinstance(node, exp.Escape) else node
    escape = node.expression.name if isinstance(node, exp.Escape) else ""
    if isinstance(node, exp.Escape) and not isinstance(node.expression, exp.Literal):
        return None
    side, pattern = side_of(inner.this, place), _known(inner.expression, place)
    if pattern is not None and pattern.value is None:
        return NEVER
    if bool(inner.args.get("negate")) is not negated or side is None or side.type.base != "varchar":
        return None
    if pattern is None or not isinstance(pattern.value, str):
        return None
    start, rest = _prefix(pattern.value, escape)
    if rest == "":
        return compare(side, "=", Constant(start, "varchar"), place.reader.zone)
    if rest.strip("%") == "":
        return Is(side.value, "starts with", (start,)) if start else Is(side.value, "is not null")
    return all_of((Is(side.value, "starts with", (start,)), _dim(node, place))) if start else None


def _prefix(pattern: str, escape: str) -> tuple[str, str]:
    """Split a pattern into the text that it begins with and the rest, from its first wildcard on."""
    start, at = "", 0
    while at < len(pattern) and pattern[at] not in "%_":
        if escape and pattern[at] == escape:
            at += 1
        start += pattern[at : at + 1]
        at += 1
    return start, pattern[at:]


def _call(node: exp.Expr, place: Place, negated: bool) -> Pred | None:
    name, arguments = node.name.lower(), node.args["expressions"]
    if name == "coalesce" and len(arguments) == 2 and not negated and _is_false(arguments[1]):
        return predicate(arguments[0], place)
    if name == "starts_with" and len(arguments) == 2 and not negated:
        side, start = side_of(arguments[0], place), _known(arguments[1], place)
        text = start is not None and isinstance(start.value, str) and side is not None and side.type.base == "varchar"
        return Is(side.value, "starts with", (start.value,)) if text and side and start else None
    return None


def _is_false(node: exp.Expr) -> bool:
    return isinstance(node, exp.Boolean) and not node.this


_Reader = Callable[[exp.Expr, Place, bool], Pred | None]
_READERS: Mapping[type[exp.Expr], _Reader] = {
    **dict.fromkeys(SIGNS, _comparison),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), _distinct),
    **dict.fromkeys((exp.Like, exp.Escape), _like),
    exp.Between: _between,
    exp.In: _in,
    exp.Is: _is_null,
    exp.Boolean: _boolean,
    exp.Null: lambda node, place, negated: NEVER,
    exp.Column: _flag,
    exp.Anonymous: _call,
}
