"""Read expressions of Trino's SQL as terms, over the columns in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.node_kinds import SIGNS
from catalog.functions.registry import lookup
from catalog.types import DOUBLE, UNKNOWN, VARCHAR, TrinoType, parse_type
from rewrite_rules.certificates.aggregates import aggregate, count, filtered
from rewrite_rules.certificates.conditions import case, compare, conjunction, disjunction, is_null, negation, within
from rewrite_rules.certificates.functions import boolean, call, cast, null_safe_equal, number
from rewrite_rules.certificates.terms import Term, Unclear, type_of


@dataclass(frozen=True, slots=True)
class Source:
    """One relation in sight: by what it is called, and the columns that it shows."""

    alias: str
    columns: tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What names may mean in one place."""

    sources: tuple[Source, ...]
    outer: Sight | None = None
    query: Callable[[exp.Expr, Sight], Term] | None = None
    """Reads a subquery."""
    outputs: Mapping[str, Term] | None = None
    """In ORDER BY: the result's columns, which come first."""

    def find(self, name: str, qualifier: str) -> Term:
        """Return what a column's name means. Raises Unclear where that is not one thing."""
        if self.outputs is not None and not qualifier and name in self.outputs:
            return self.outputs[name]
        found = [
            term
            for source in self.sources
            if not qualifier or source.alias == qualifier
            for known, term in source.columns
            if known == name
        ]
        if len(found) == 1:
            return found[0]
        if not found and self.outer is not None:
            return self.outer.find(name, qualifier)
        raise Unclear(f"the name {name} means {'nothing' if not found else 'several things'}")


_OPERATORS = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.DPipe: "||"}


def term(node: exp.Expr, sight: Sight) -> Term:
    """Return what an expression means. Raises Unclear."""
    kind = type(node)
    if kind in SIGNS:
        if isinstance(node.expression, exp.All | exp.Any):
            return _structure(node, sight)
        return compare(SIGNS[kind], term(node.this, sight), term(node.expression, sight))
    if kind in _OPERATORS:
        return call(_OPERATORS[kind], (term(node.this, sight), term(node.expression, sight)))
    reader = _READERS.get(kind)
    return _structure(node, sight) if reader is None else reader(node, sight)


def _column(node: exp.Expr, sight: Sight) -> Term:
    if not isinstance(node.this, exp.Identifier):
        raise Unclear("a star in an expression")
    return sight.find(node.name.lower(), node.args["table"].name.lower() if node.args.get("table") else "")


def _literal(node: exp.Expr, _: Sight) -> Term:
    return ("const", VARCHAR, node.this) if node.is_string else number(str(node.this))


def _case(node: exp.Expr, sight: Sight) -> Term:
    subject = node.args.get("this")
    default = node.args.get("default")
    otherwise: Term = ("const", UNKNOWN, None) if default is None else term(default, sight)
    branches = []
    for branch in node.args["ifs"]:
        condition = term(branch.this, sight)
        if subject is not None:
            condition = compare("=", term(subject, sight), condition)
        branches.append((condition, term(branch.args["true"], sight)))
    return case(branches, otherwise)


def _if(node: exp.Expr, sight: Sight) -> Term:
    other = node.args.get("false")
    otherwise: Term = ("const", UNKNOWN, None) if other is None else term(other, sight)
    return case([(term(node.this, sight), term(node.args["true"], sight))], otherwise)


def _in(node: exp.Expr, sight: Sight) -> Term:
    value = term(node.this, sight)
    query = node.args.get("query")
    if query is not None:
        return ("x", "InQuery", value, _query(query, sight))
    return within(value, [term(each, sight) for each in node.expressions])


def _between(node: exp.Expr, sight: Sight) -> Term:
    value = term(node.this, sight)
    low, high = term(node.args["low"], sight), term(node.args["high"], sight)
    return conjunction([compare("<=", low, value), compare("<=", value, high)])


def _is(node: exp.Expr, sight: Sight) -> Term:
    if not isinstance(node.expression, exp.Null):
        return _structure(node, sight)
    return is_null(term(node.this, sight))


def _cast(node: exp.Expr, sight: Sight) -> Term:
    return cast(term(node.this, sight), _type(node.args["to"]))


def _type(node: exp.Expr) -> TrinoType:
    try:
        return parse_type(generate(node))
    except ValueError:
        raise Unclear("a type that is none") from None


def _like(node: exp.Expr, sight: Sight) -> Term:
    escape = node.expression if isinstance(node, exp.Escape) else None
    like = node.this if escape is not None else node
    if not isinstance(like, exp.Like):
        return _structure(node, sight)
    parts = (like.this, like.expression, *([escape] if escape is not None else []))
    found: Term = ("f", "like", *(term(each, sight) for each in parts))
    return negation(found) if like.args.get("negate") else found


def _window(node: exp.Expr, sight: Sight) -> Term:
    """Read a window function: over a window, an aggregate is none of the query's groups."""
    over = node.this
    if isinstance(over, exp.Anonymous):
        arguments = tuple(("x", "Star") if isinstance(e, exp.Star) else term(e, sight) for e in over.expressions)
        called: Term = ("x", "Over", ("name", over.name.lower()), *arguments)
    elif isinstance(over, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        raise Unclear("a window function with FILTER or a treatment of NULLs")
    else:
        called = _structure(over, sight)
    rest = tuple(
        (key, _part(value, sight))
        for key, value in sorted(node.args.items())
        if key != "this" and value is not None and value != []
    )
    return ("x", "Window", called, *rest)


def _query(node: exp.Expr, sight: Sight) -> Term:
    if sight.query is None:
        raise Unclear("a subquery in this place")
    return sight.query(node, sight)


def _called(node: exp.Expr, sight: Sight) -> Term:
    """Read a function's call, an aggregate's too."""
    name = node.name.lower()
    if name == "$merge":
        state, *parameters = node.expressions
        return ("agg", "merge", term(state, sight), *(term(each, sight) for each in parameters))
    known = lookup(name)
    if known is not None and known.kind == "aggregate":
        return _aggregated(name, node.expressions, sight)
    if any(isinstance(each, exp.Lambda | exp.Order | exp.Distinct) for each in node.expressions):
        return _structure(node, sight)
    return call(name, tuple(term(each, sight) for each in node.expressions))


def _aggregated(name: str, arguments: list[exp.Expr], sight: Sight) -> Term:
    if name == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
        return count(None)
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        return _distinct(name, [term(each, sight) for each in arguments[0].expressions])
    if any(isinstance(each, exp.Lambda | exp.Order | exp.Distinct | exp.Star) for each in arguments):
        return ("agg", name, *(_structure(each, sight) for each in arguments))
    values = [term(each, sight) for each in arguments]
    if name == "count":
        return count(values[0])
    if name == "approx_percentile" and (kind := type_of(values[0])) is not None and kind.base == "decimal":
        values[0] = cast(values[0], DOUBLE)  # its percentile is that of doubles
    return aggregate({"every": "bool_and", "arbitrary": "any_value"}.get(name, name), tuple(values))


def _distinct(name: str, values: list[Term]) -> Term:
    if name == "count" and len(values) == 1:
        return ("agg", "distinct", values[0])
    if name in ("min", "max") and len(values) == 1:
        return aggregate(name, (values[0],))
    return ("agg", f"distinct {name}", *values)


def _filter(node: exp.Expr, sight: Sight) -> Term:
    return filtered(term(node.this, sight), term(node.expression.this, sight))


def _ordered(node: exp.Expr, sight: Sight) -> Term:
    """Read an item of ORDER BY: ASC and NULLS LAST are what is meant without a word."""
    words = tuple(("text", str(bool(node.args.get(key)))) for key in ("desc", "nulls_first"))
    return ("x", "Ordered", term(node.this, sight), *words)


def _structure(node: exp.Expr, sight: Sight) -> Term:
    """Read what is compared by its structure alone."""
    if isinstance(node, exp.Query | exp.Lambda | exp.Parameter | exp.Placeholder):
        raise Unclear(f"a {type(node).__name__} in this place")
    parts = tuple(
        (key, _part(value, sight)) for key, value in sorted(node.args.items()) if value is not None and value != []
    )
    return ("x", type(node).__name__, *parts)


def _part(value: Any, sight: Sight) -> Any:
    if isinstance(value, exp.Identifier | exp.Var):
        return ("name", value.name)
    if isinstance(value, exp.Expr):
        return term(value, sight)
    if isinstance(value, list):
        return tuple(_part(each, sight) for each in value)
    return ("text", str(value))


_READERS: Mapping[type[exp.Expr], Callable[[exp.Expr, Sight], Term]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda node, _: boolean(bool(node.this)),
    exp.Null: lambda _, __: ("const", UNKNOWN, None),
    exp.Paren: lambda node, sight: term(node.this, sight),
    exp.And: lambda node, sight: conjunction([term(node.this, sight), term(node.expression, sight)]),
    exp.Or: lambda node, sight: disjunction([term(node.this, sight), term(node.expression, sight)]),
    exp.Not: lambda node, sight: negation(term(node.this, sight)),
    exp.NullSafeEQ: lambda node, sight: null_safe_equal(term(node.this, sight), term(node.expression, sight)),
    exp.NullSafeNEQ: lambda node, sight: negation(
        null_safe_equal(term(node.this, sight), term(node.expression, sight))
    ),
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.Neg: lambda node, sight: call("neg", (term(node.this, sight),)),
    exp.Extract: lambda node, sight: call(node.this.name.lower(), (term(node.expression, sight),)),
    exp.AtTimeZone: lambda node, sight: call("at_timezone", (term(node.this, sight), term(node.args["zone"], sight))),
    exp.Like: _like,
    exp.Escape: _like,
    exp.Window: _window,
    exp.Ordered: _ordered,
    exp.Anonymous: _called,
    exp.Filter: _filter,
    exp.GroupConcat: lambda node, sight: ("agg", "listagg", _structure(node, sight)),
    exp.All: lambda node, sight: ("x", "All", _query(node.this, sight)),
    exp.Any: lambda node, sight: ("x", "Any", _query(node.this, sight)),
    exp.Exists: lambda node, sight: ("x", "Exists", _query(node.this, sight)),
    exp.Subquery: lambda node, sight: ("x", "Scalar", _query(node.this, sight)),
}
