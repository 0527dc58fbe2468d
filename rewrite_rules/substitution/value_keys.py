"""Keys of values: casts, choices, calls by one name, arithmetic in no order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from rewrite_rules.substitution.condition_keys import compared
from rewrite_rules.substitution.key_parts import Key, Of, in_order, one_type, type_of

_NUMERIC = frozenset({"tinyint", "smallint", "integer", "bigint", "decimal", "real", "double"})
_COUNT = ("call", "count", (("node", "star", ()),))
_ONE_NAME = {
    "substring": "substr",
    "pow": "power",
    "ceiling": "ceil",
    "any_value": "arbitrary",
    "day_of_month": "day",
    "dow": "day_of_week",
    "doy": "day_of_year",
    "week_of_year": "week",
    "yow": "year_of_week",
    "every": "bool_and",
    "stddev_samp": "stddev",
    "var_samp": "variance",
}


def structure(node: exp.Expr, of: Of) -> Key:
    """Compare by class and arguments, in order."""
    parts = tuple((name, _part(value, of)) for name, value in sorted(node.args.items()) if value)
    return ("node", node.key, parts)


def _part(value: object, of: Of) -> Key:
    if isinstance(value, exp.Expr):
        return of(value)
    if isinstance(value, list):
        return tuple(_part(each, of) for each in value)
    return str(value)


def _inner(node: exp.Expr, of: Of) -> Key:
    return of(node.this)


def _identifier(node: exp.Expr, of: Of) -> Key:
    return ("name", node.name.lower())


def _arithmetic(node: exp.Expr, of: Of) -> Key:
    parts: Sequence[Key] = [of(node.this), of(node.expression)]
    kinds = [type_of(node.this), type_of(node.expression)]
    if all(kind is not None and kind.base in _NUMERIC for kind in kinds):
        parts = in_order(parts)
    return (node.key, tuple(parts))


def _cast(node: exp.Expr, of: Of) -> Key:
    target = type_of(node)
    if target is not None and target == type_of(node.this):
        return of(node.this)
    word = "try cast" if isinstance(node, exp.TryCast) else "cast"
    return (word, of(node.this), str(target) if target is not None else node.args["to"].sql("trino"))


def _case(node: exp.Expr, of: Of) -> Key:
    subject, branches = node.args.get("this"), node.args["ifs"]
    if subject is not None and not one_type([subject, *(branch.this for branch in branches)]):
        return structure(node, of)
    found: list[Key] = []
    for branch in branches:
        condition = of(branch.this)
        if subject is not None:
            condition = compared("=", of(subject), condition)
        found.append((condition, of(branch.args["true"])))
    return _choice(found, node.args.get("default"), of)


def _if(node: exp.Expr, of: Of) -> Key:
    branch = (of(node.this), of(node.args["true"]))
    return _choice([branch], node.args.get("false"), of)


def _choice(branches: Sequence[Key], default: exp.Expr | None, of: Of) -> Key:
    return ("case", tuple(branches), of(default) if default is not None else ("null",))


def _call(node: exp.Expr, of: Of) -> Key:
    name = node.name.lower()
    name = _ONE_NAME.get(name, name)
    arguments = node.expressions
    if name == "date" and len(arguments) == 1:
        return _as_date(arguments[0], of)
    if name == "count_if" and len(arguments) == 1 and not isinstance(arguments[0], exp.Distinct):
        return ("filter", _COUNT, of(arguments[0]))
    if name == "count" and (not arguments or _counts_rows(arguments[0])):
        return _COUNT
    if name in ("min", "max") and len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        arguments = arguments[0].expressions
    keys = [of(argument) for argument in arguments]
    if name == "date_trunc" and isinstance(arguments[0], exp.Literal):
        keys[0] = ("text", arguments[0].name.lower())
    return ("call", name, tuple(keys))


def _counts_rows(argument: exp.Expr) -> bool:
    return isinstance(argument, exp.Star | exp.Literal | exp.Boolean)


def _as_date(value: exp.Expr, of: Of) -> Key:
    kind = type_of(value)
    return of(value) if kind is not None and kind.base == "date" else ("cast", of(value), "date")


def _filter(node: exp.Expr, of: Of) -> Key:
    condition = node.expression.this if isinstance(node.expression, exp.Where) else node.expression
    return ("filter", of(node.this), of(condition))


def _extract(node: exp.Expr, of: Of) -> Key:
    name = node.name.lower()
    return ("call", _ONE_NAME.get(name, name), (of(node.expression),))


def _concatenation(node: exp.Expr, of: Of) -> Key:
    parts = list(node.flatten())
    kinds = [type_of(part) for part in parts]
    if not all(kind is not None and kind.base == "varchar" for kind in kinds):  # text of fixed length is padded
        parts = [node.this, node.expression]
    return ("call", "concat", tuple(of(part) for part in parts))


def _at_time_zone(node: exp.Expr, of: Of) -> Key:
    return ("call", "at_timezone", (of(node.this), of(node.args["zone"])))


HANDLERS: Mapping[type[exp.Expr], Callable[[exp.Expr, Of], Key]] = {
    exp.Identifier: _identifier,
    exp.Paren: _inner,
    exp.Alias: _inner,
    exp.Add: _arithmetic,
    exp.Mul: _arithmetic,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: _case,
    exp.If: _if,
    exp.Anonymous: _call,
    exp.Filter: _filter,
    exp.Extract: _extract,
    exp.DPipe: _concatenation,
    exp.AtTimeZone: _at_time_zone,
}
