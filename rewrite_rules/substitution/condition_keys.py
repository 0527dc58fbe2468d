"""Keys of conditions: AND, OR, NOT, comparisons, ranges and lists, by three-valued logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from rewrite_rules.substitution.key_parts import Key, Of, are_ordered, gathered, in_order, one_type

_SIGNS: Mapping[type[exp.Expr], tuple[str, bool]] = {
    exp.LT: ("<", False),
    exp.LTE: ("<=", False),
    exp.GT: ("<", True),
    exp.GTE: ("<=", True),
    exp.EQ: ("=", False),
    exp.NEQ: ("<>", False),
    exp.NullSafeEQ: ("same", False),
    exp.NullSafeNEQ: ("distinct", False),
}
"""How a comparison is written in a key, and whether its sides change places."""
_OPPOSITE = {"<": "<=", "<=": "<"}
"""The sign after NOT, sides changed."""
_DENIED = {"=": "<>", "<>": "=", "same": "distinct", "distinct": "same"}


def _junction(node: exp.Expr, of: Of) -> Key:
    word = "and" if isinstance(node, exp.And) else "or"
    return gathered([of(part) for part in node.flatten()], word)


def _comparison(node: exp.Expr, of: Of) -> Key:
    left, right = of(node.this), of(node.expression)
    if isinstance(node.expression.unnest(), exp.Any | exp.All):  # NOT (a = ANY ...) is no a <> ANY ...
        return ("quantified", node.key, left, right)
    sign, turned = _SIGNS[node.__class__]
    return compared(sign, *((right, left) if turned else (left, right)))


def compared(sign: str, left: Key, right: Key) -> Key:
    """Return the key of a comparison by its sign."""
    return (sign, (left, right) if sign in _OPPOSITE else in_order([left, right]))


def _between(node: exp.Expr, of: Of) -> Key:
    value, low, high = (of(node.args[part]) for part in ("this", "low", "high"))
    if not one_type([node.args["low"], node.args["high"]]):  # all three are compared in one type
        return ("between", value, low, high)
    return gathered([("<=", (low, value)), ("<=", (value, high))], "and")


def _in(node: exp.Expr, of: Of) -> Key:
    value = of(node.this)
    if node.args.get("query") is not None:
        return ("in", value, of(node.args["query"]))
    items = node.expressions
    keys = [of(item) for item in items]
    if not one_type(items):  # all are compared in one type
        return ("in", value, in_order(dict.fromkeys(keys)))
    return gathered([compared("=", value, item) for item in keys], "or")


def _not(node: exp.Expr, of: Of) -> Key:
    return _denial(node.this.unnest(), of)


def _denial(node: exp.Expr, of: Of) -> Key:
    """Carry NOT inside where that is the same in three-valued logic."""
    node = node.unnest()
    if isinstance(node, exp.Not):
        return of(node.this)
    if isinstance(node, exp.And | exp.Or):
        word = "or" if isinstance(node, exp.And) else "and"
        return gathered([_denial(part, of) for part in node.flatten()], word)
    sides = [node.args[part] for part in ("this", "expression", "low", "high") if node.args.get(part) is not None]
    ordered = isinstance(node, exp.LT | exp.LTE | exp.GT | exp.GTE | exp.Between) and are_ordered(sides)
    return _denied(of(node), ordered=ordered)


def _denied(found: Key, *, ordered: bool) -> Key:
    """Deny what is already a key: comparisons turn round, alone and within lists and ranges."""
    if not isinstance(found, tuple):
        return ("not", found)
    word = found[0]
    if word == "boolean":
        return ("boolean", not found[1])
    if word in _DENIED:
        return (_DENIED[word], found[1])
    if ordered and word in _OPPOSITE:
        left, right = found[1]
        return (_OPPOSITE[word], (right, left))
    parts = found[1] if word in ("and", "or") else ()
    if parts and (ordered if word == "and" else all(isinstance(part, tuple) and part[0] == "=" for part in parts)):
        return gathered([_denied(part, ordered=ordered) for part in parts], "or" if word == "and" else "and")
    return ("not", found)


def _like(node: exp.Expr, of: Of) -> Key:
    found: Key = ("like", of(node.this), of(node.expression))
    return ("not", found) if node.args.get("negate") else found


HANDLERS: Mapping[type[exp.Expr], Callable[[exp.Expr, Of], Key]] = {
    exp.And: _junction,
    exp.Or: _junction,
    exp.Not: _not,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    **dict.fromkeys(_SIGNS, _comparison),
}
