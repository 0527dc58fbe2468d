"""What Trino's grammar asks of a node beyond the list of its arguments.

Each check returns what is wrong, None for nothing. sqlglot's parser forgives all of this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from catalog.dialect.words import EXTRACT_FIELDS

Check = Callable[[Any], str | None]

CONDITIONS = frozenset(
    {
        exp.And,
        exp.Or,
        exp.Not,
        exp.EQ,
        exp.NEQ,
        exp.LT,
        exp.LTE,
        exp.GT,
        exp.GTE,
        exp.NullSafeEQ,
        exp.NullSafeNEQ,
        exp.Is,
        exp.Like,
        exp.Escape,
        exp.Between,
        exp.In,
    }
)
"""Nodes that are conditions; as operands of an operator they need parentheses."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_RELATIONS = (exp.Table, exp.Subquery, exp.Unnest, exp.Lateral, exp.Values, exp.TableFromRows)
_CALLS = (exp.Anonymous, exp.GroupConcat)


def _values(*keys: str) -> Check:
    """Return the check that operands are values, not bare conditions."""

    def check(node: exp.Expr) -> str | None:
        for key in keys:
            if node.args.get(key).__class__ in CONDITIONS:
                return "mismatched input: a condition needs parentheses to be an operand"
        return None

    return check


def _all(*checks: Check) -> Check:
    def check(node: exp.Expr) -> str | None:
        return next((problem for problem in (each(node) for each in checks) if problem), None)

    return check


_QUERY_HOLDERS = (exp.Subquery, exp.SetOperation, exp.CTE, exp.Exists, exp.Any, exp.All, exp.In, exp.Lateral)


def _is_held(node: exp.Expr) -> str | None:
    """Refuse a query where a value is expected and no parentheses make it one."""
    held = node.parent is None or isinstance(node.parent, _QUERY_HOLDERS)
    return None if held else "mismatched input: a query needs parentheses here"


def _select(node: exp.Select) -> str | None:
    distinct = node.args.get("distinct")
    if not node.expressions:
        return "mismatched input: SELECT needs an item"
    if distinct is not None and distinct.expressions:
        return "mismatched input: DISTINCT takes no list here"
    if node.args.get("laterals"):
        return "mismatched input 'LATERAL'"
    if node.args.get("joins") and not node.args.get("from_"):
        return "mismatched input: a join needs FROM"
    return _is_held(node)


def _set_operation(node: exp.SetOperation) -> str | None:
    for side in (node.this, node.expression):
        if not isinstance(side, _QUERIES):
            return "mismatched input: a set operation takes queries"
        bare = not isinstance(side, exp.Subquery)
        if bare and any(side.args.get(key) for key in ("order", "limit", "offset", "with_")):
            return "mismatched input: ORDER BY, LIMIT and WITH inside a set operation need parentheses"
        if not bare and side.args.get("alias"):
            return "mismatched input: a set operation takes no alias"
    return _is_held(node)


def _values_query(node: exp.Values) -> str | None:
    if isinstance(node.parent, (exp.From, exp.Join)):
        return None
    return "mismatched input: VALUES takes no alias here" if node.args.get("alias") else _is_held(node)


def _query(key: str) -> Check:
    def check(node: exp.Expr) -> str | None:
        return None if isinstance(node.args.get(key), _QUERIES) else "mismatched input: a query is expected"

    return check


def _subquery(node: exp.Subquery) -> str | None:
    inner = node.this
    if isinstance(inner, _QUERIES):
        return None
    if not isinstance(inner, _RELATIONS) or not node.find_ancestor(exp.From, exp.Join):
        return "mismatched input: a query is expected"
    if any(_is_comma(join) for join in inner.args.get("joins") or ()):
        return "mismatched input ','"
    return None


def _is_comma(join: exp.Join) -> bool:
    return not any(join.args.get(key) for key in ("kind", "side", "method", "on", "using"))


def _lateral(node: exp.Lateral) -> str | None:
    inner = node.this
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    return None if isinstance(inner, _QUERIES) else "mismatched input: a query is expected"


def _relation(node: exp.From | exp.Join) -> str | None:
    return None if isinstance(node.this, _RELATIONS) else "mismatched input: a table is expected"


def _table(node: exp.Table) -> str | None:
    if isinstance(node.this, exp.Dot):
        return f"Too many dots in table name: {'.'.join(part.name for part in node.parts)}"
    if not all(isinstance(part, exp.Identifier) for part in node.parts):
        return "mismatched input '('"
    return None


def _join(node: exp.Join) -> str | None:
    conditions = bool(node.args.get("on")) + bool(node.args.get("using"))
    if node.kind == "CROSS" or node.method == "NATURAL":
        crossed = node.kind == "CROSS" and (node.side or node.method)
        return "mismatched input: this join takes no condition" if conditions or crossed else None
    if node.kind not in ("", "INNER", "OUTER") or node.method or (node.kind == "INNER" and node.side):
        return "mismatched input: unknown kind of join"
    if node.kind == "OUTER" and not node.side:
        return "mismatched input 'OUTER'"
    if (node.kind or node.side) and not conditions:
        return "mismatched input: the join needs a condition. Expecting: 'ON', 'USING'"
    if any(not isinstance(column, exp.Identifier) for column in node.args.get("using") or ()):
        return "mismatched input: USING takes column names"
    return None


def _table_function(node: exp.TableFromRows) -> str | None:
    if not isinstance(node.parent, (exp.From, exp.Join)):
        return "mismatched input 'TABLE'"
    call = node.this
    if not isinstance(call, exp.Anonymous):
        return "mismatched input: a table function with a plain name is expected"
    values = [item.expression if isinstance(item, exp.Kwarg) else item for item in call.expressions]
    if not all(is_constant(value) for value in values):
        return "Arguments of table functions must be literals"
    return None


def is_constant(node: exp.Expr) -> bool:
    """Tell whether an expression is a literal: plain, typed, negative, NULL, or an ARRAY or ROW of those."""
    if isinstance(node, (exp.Cast, exp.Neg, exp.Paren)):
        return is_constant(node.this)
    if isinstance(node, exp.Interval):
        return True
    if isinstance(node, (exp.Array, exp.Tuple)):
        return all(is_constant(item) for item in node.expressions)
    if isinstance(node, exp.Anonymous):
        known = node.name.lower() in ("row", "map", "json_parse", "from_base64")
        return known and all(is_constant(item) for item in node.expressions)
    return isinstance(node, (exp.Literal, exp.Null, exp.Boolean, exp.HexString))


def _has(key: str) -> Check:
    def check(node: exp.Expr) -> str | None:
        return None if node.args.get(key) is not None else "mismatched input: an expression is expected"

    return check


def _names(key: str) -> Check:
    def check(node: exp.Expr) -> str | None:
        names = node.args.get(key)
        listed = names if isinstance(names, list) else [names]
        plain = all(name is None or isinstance(name, exp.Identifier) for name in listed)
        return None if plain else "mismatched input: a name is expected"

    return check


def _bracket(node: exp.Bracket) -> str | None:
    index = node.expressions
    if len(index) != 1 or index[0].__class__ in CONDITIONS:
        return "mismatched input: a subscript is one value"
    return _values("this")(node)


def _table_alias(node: exp.TableAlias) -> str | None:
    if not isinstance(node.this, exp.Identifier):
        return "mismatched input: an alias is expected"
    if not all(isinstance(column, exp.Identifier) for column in node.columns):
        return "mismatched input: column aliases are plain names"
    return None


def _star(node: exp.Star) -> str | None:
    holder = node.parent
    if isinstance(holder, exp.Anonymous):
        return None if len(holder.expressions) == 1 else "mismatched input '*'"
    if isinstance(holder, (exp.Column, exp.Dot)):
        holder = holder.parent
    return None if isinstance(holder, exp.Select) else "mismatched input '*'"


def _under(*holders: type[exp.Expr], what: str) -> Check:
    def check(node: exp.Expr) -> str | None:
        return None if isinstance(node.parent, holders) else f"mismatched input: {what} cannot stand here"

    return check


def _distinct(node: exp.Distinct) -> str | None:
    if isinstance(node.parent, exp.Select):
        return None
    held = isinstance(node.parent, (*_CALLS, exp.Order))
    return None if held and node.expressions else "mismatched input 'DISTINCT'"


def _tuple(node: exp.Tuple) -> str | None:
    grouping = isinstance(node.parent, (exp.Group, exp.GroupingSets, exp.Cube, exp.Rollup))
    if not node.expressions and not grouping:
        return "mismatched input ')'"
    if len(node.expressions) == 1 and not isinstance(node.parent, exp.Values):
        return "mismatched input ')'"
    return None


def _is(node: exp.Is) -> str | None:
    if node.expression.__class__ is not exp.Null:
        return "mismatched input after IS. Expecting: 'DISTINCT', 'NOT', 'NULL'"
    return _values("this")(node)


def _in(node: exp.In) -> str | None:
    if bool(node.args.get("query")) == bool(node.expressions):
        return "mismatched input after IN. Expecting: '('"
    return _values("this")(node)


def _quantified(node: exp.Any | exp.All) -> str | None:
    if not isinstance(node.parent, _COMPARISONS) or node.arg_key != "expression":
        return "mismatched input: a quantifier follows a comparison"
    inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
    return None if isinstance(inner, _QUERIES) else "mismatched input: a query is expected"


def _case(node: exp.Case) -> str | None:
    return None if node.args.get("ifs") else "mismatched input 'END'. Expecting: 'WHEN'"


def _extract(node: exp.Extract) -> str | None:
    if not isinstance(node.this, exp.Var) or node.name.upper() not in EXTRACT_FIELDS:
        return f"Invalid EXTRACT field: {node.name}"
    return _values("expression")(node)


def _at_time_zone(node: exp.AtTimeZone) -> str | None:
    zone = node.args["zone"]
    if not isinstance(zone, exp.Interval) and not (isinstance(zone, exp.Literal) and zone.is_string):
        return "mismatched input after AT TIME ZONE. Expecting: 'INTERVAL', <string>"
    return _values("this")(node)


def _dot(node: exp.Dot) -> str | None:
    if isinstance(node.expression, exp.Anonymous):
        return "Qualified function names are not supported"
    if not isinstance(node.expression, (exp.Identifier, exp.Star)) or isinstance(node.this, exp.Literal):
        return "mismatched input '.'"
    return None


def _column(node: exp.Column) -> str | None:
    if not isinstance(node.this, (exp.Identifier, exp.Star)):
        return "mismatched input '.'"
    return None


def _named_argument(node: exp.Kwarg) -> str | None:
    call = node.parent
    held = isinstance(call, exp.Anonymous) and isinstance(call.parent, exp.TableFromRows)
    return None if held else "mismatched input '=>'"


def _window(node: exp.Window) -> str | None:
    if isinstance(node.parent, exp.Select) and node.arg_key == "windows":
        return None if isinstance(node.this, exp.Identifier) else "mismatched input: a window name is expected"
    called = node.this
    if isinstance(called, (exp.IgnoreNulls, exp.RespectNulls)):
        called = called.this
    if isinstance(called, exp.Filter):
        called = called.this
    if isinstance(called, exp.Anonymous) and called.name.lower() in _ARITY:
        return f"OVER clause not valid for '{called.name.lower()}' function"
    return None if isinstance(called, exp.Anonymous) else "mismatched input 'OVER'"


def _alias(node: exp.Alias) -> str | None:
    held = isinstance(node.parent, exp.Select) and node.arg_key == "expressions" and not node.this.is_star
    named = isinstance(node.args["alias"], exp.Identifier)
    return None if held and named else f"mismatched input '{node.alias}'"


_ARITY = {"nullif": (2, 2), "coalesce": (2, 1000), "try": (1, 1), "format": (2, 1000)}
"""Functions that Trino's grammar knows by name, with the least and most arguments."""


def _anonymous(node: exp.Anonymous) -> str | None:
    name = node.name.lower()
    if name == "exists":
        return "mismatched input: a query is expected"
    columns = all(isinstance(column, exp.Column) for column in node.expressions)
    if name == "grouping" and not (node.expressions and columns):
        return "mismatched input: GROUPING takes column names"
    if name in _ARITY and not _ARITY[name][0] <= len(node.expressions) <= _ARITY[name][1]:
        return f"Invalid number of arguments for '{name}' function"
    return None


def _window_frame(node: exp.WindowSpec) -> str | None:
    for bound in ("start", "end"):
        value, side = node.args.get(bound), node.args.get(f"{bound}_side")
        if value and (value == "CURRENT ROW") == bool(side):
            return "mismatched input in the window frame. Expecting: 'FOLLOWING', 'PRECEDING'"
    return None


def _null_treatment(node: exp.Expr) -> str | None:
    held = isinstance(node.parent, exp.Window) and isinstance(node.this, (exp.Anonymous, exp.Filter))
    return None if held else "mismatched input 'NULLS'"


def _filter(node: exp.Filter) -> str | None:
    return None if isinstance(node.this, _CALLS) else "mismatched input 'FILTER'"


def _list_agg(node: exp.GroupConcat) -> str | None:
    if not isinstance(node.this, exp.Order) or node.this.this is None:
        return "mismatched input: LISTAGG is followed by WITHIN GROUP"
    if not isinstance(node.args.get("separator"), exp.Literal):
        return "mismatched input: the separator of LISTAGG is a string"
    return None


def _group(node: exp.Group) -> str | None:
    return None if node.expressions else "mismatched input: GROUP BY needs an expression"


def _escape(node: exp.Escape) -> str | None:
    return None if isinstance(node.this, exp.Like) else "mismatched input 'ESCAPE'"


CHECKS: dict[type[exp.Expr], Check] = {
    **dict.fromkeys(
        (*_COMPARISONS, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe),
        _values("this", "expression"),
    ),
    exp.Like: _values("this", "expression"),
    exp.Between: _values("this", "low", "high"),
    exp.Neg: _values("this"),
    exp.Escape: _all(_escape, _values("expression")),
    exp.Is: _is,
    exp.In: _in,
    exp.Any: _quantified,
    exp.All: _quantified,
    exp.Exists: _query("this"),
    exp.Select: _select,
    exp.Union: _set_operation,
    exp.Except: _set_operation,
    exp.Intersect: _set_operation,
    exp.Subquery: _subquery,
    exp.CTE: _query("this"),
    exp.From: _relation,
    exp.Join: _all(_relation, _join),
    exp.Table: _table,
    exp.TableFromRows: _table_function,
    exp.TableAlias: _table_alias,
    exp.Unnest: _under(exp.From, exp.Join, what="UNNEST"),
    exp.Lateral: _all(_under(exp.From, exp.Join, what="LATERAL"), _lateral),
    exp.Values: _values_query,
    exp.Version: _has("expression"),
    exp.TableSample: _has("percent"),
    exp.Star: _star,
    exp.Column: _column,
    exp.Dot: _dot,
    exp.Bracket: _bracket,
    exp.Distinct: _distinct,
    exp.Tuple: _tuple,
    exp.Case: _case,
    exp.Extract: _extract,
    exp.AtTimeZone: _at_time_zone,
    exp.Lambda: _all(_under(exp.Anonymous, what="a lambda"), _names("expressions")),
    exp.Kwarg: _named_argument,
    exp.Alias: _alias,
    exp.Anonymous: _anonymous,
    exp.Window: _all(_window, _names("alias")),
    exp.WindowSpec: _window_frame,
    exp.IgnoreNulls: _null_treatment,
    exp.RespectNulls: _null_treatment,
    exp.Filter: _filter,
    exp.GroupConcat: _list_agg,
    exp.Group: _group,
}
"""Checks by node type."""
