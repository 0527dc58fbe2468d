"""What Trino's grammar asks of the nodes of an expression, beyond the list of their arguments.

Each check returns what is wrong, None for nothing. sqlglot's parser forgives all of this.
"""

from __future__ import annotations

from types import NoneType

from sqlglot import exp

from catalog.dialect.node_kinds import COMPARISONS, CONDITIONS, QUERIES, Check, every, names, operands_are_values, under
from catalog.dialect.words import EXTRACT_FIELDS
from catalog.errors import ErrorCode, Refusal

_CALLS = (exp.Anonymous, exp.GroupConcat)
_ARITY = {"nullif": (2, 2), "coalesce": (2, 1000), "try": (1, 1), "format": (2, 1000)}
"""Functions that Trino's grammar knows by name, with the least and most arguments."""


def _bracket(node: exp.Bracket) -> str | None:
    index = node.expressions
    if len(index) != 1 or index[0].__class__ in CONDITIONS:
        return "mismatched input: a subscript is one value"
    return operands_are_values("this")(node)


def _star(node: exp.Star) -> str | None:
    holder = node.parent
    if isinstance(holder, exp.Anonymous):
        return None if len(holder.expressions) == 1 else "mismatched input '*'"
    if isinstance(holder, (exp.Column, exp.Dot)):
        holder = holder.parent
        if isinstance(holder, exp.Anonymous) and holder.find_ancestor(exp.MatchRecognize):
            return None if len(holder.expressions) == 1 else "mismatched input '*'"
        if isinstance(holder, exp.Anonymous):
            what = "label.* syntax is only supported as the only argument of row pattern count function"
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, what)
        holder = holder.parent if isinstance(holder, exp.Aliases) else holder
    return None if isinstance(holder, exp.Select) else "mismatched input '*'"


def _distinct(node: exp.Distinct) -> str | None:
    if isinstance(node.parent, exp.Select):
        return None
    held = node.parent if isinstance(node.parent, exp.Order) else node
    call = held.parent
    alone = isinstance(call, exp.GroupConcat) or (isinstance(call, exp.Anonymous) and len(call.expressions) == 1)
    return None if alone and node.expressions else "mismatched input 'DISTINCT'"


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
    return operands_are_values("this")(node)


def _in(node: exp.In) -> str | None:
    if bool(node.args.get("query")) == bool(node.expressions):
        return "mismatched input after IN. Expecting: '('"
    return operands_are_values("this")(node)


def _quantified(node: exp.Any | exp.All) -> str | None:
    if not isinstance(node.parent, COMPARISONS) or node.arg_key != "expression":
        return "mismatched input: a quantifier follows a comparison"
    inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
    return None if isinstance(inner, QUERIES) else "mismatched input: a query is expected"


def _case(node: exp.Case) -> str | None:
    return None if node.args.get("ifs") else "mismatched input 'END'. Expecting: 'WHEN'"


def _extract(node: exp.Extract) -> str | None:
    if not isinstance(node.this, exp.Var) or node.name.upper() not in EXTRACT_FIELDS:
        return f"Invalid EXTRACT field: {node.name}"
    return operands_are_values("expression")(node)


def _at_time_zone(node: exp.AtTimeZone) -> str | None:
    zone = node.args["zone"]
    if not isinstance(zone, exp.Interval) and not (isinstance(zone, exp.Literal) and zone.is_string):
        return "mismatched input after AT TIME ZONE. Expecting: 'INTERVAL', <string>"
    return operands_are_values("this")(node)


def _dot(node: exp.Dot) -> str | None:
    if isinstance(node.expression, exp.Anonymous):
        raise Refusal(ErrorCode.FUNCTION_NOT_FOUND, f"Function '{_dotted(node)}' not registered")
    accessible = not isinstance(node.this, (exp.Literal, exp.Star))
    if not accessible or not isinstance(node.expression, (exp.Identifier, exp.Star)):
        return "mismatched input '.'"
    return None


def _dotted(node: exp.Expr) -> str:
    """Return the qualified name of a function."""
    if isinstance(node, exp.Dot):
        return f"{_dotted(node.this)}.{_dotted(node.expression)}"
    if isinstance(node, exp.Column):
        return ".".join(part.name for part in node.parts).lower()
    return node.name.lower()


def _column(node: exp.Column) -> str | None:
    if not isinstance(node.this, (exp.Identifier, exp.Star)):
        return "mismatched input '.'"
    return None


def _named_argument(node: exp.Kwarg) -> str | None:
    call = node.parent
    holder = call.parent if call is not None else None
    holder = holder.parent if isinstance(holder, exp.Dot) else holder
    held = isinstance(call, exp.Anonymous) and isinstance(holder, exp.TableFromRows)
    return None if held else "mismatched input '=>'"


def _window(node: exp.Window) -> str | None:
    if not isinstance(node.args.get("alias"), (exp.Identifier, exp.MatchRecognize, NoneType)):
        return "mismatched input: a window name is expected"
    if isinstance(node.parent, exp.Select) and node.arg_key == "windows":
        return None if isinstance(node.this, exp.Identifier) else "mismatched input: a window name is expected"
    called = node.this
    if isinstance(called, exp.Column):  # a measure of the window
        return None if len(called.parts) == 1 and not called.is_star else "mismatched input 'OVER'"
    if isinstance(called, (exp.IgnoreNulls, exp.RespectNulls)):
        called = called.this
    if isinstance(called, exp.Filter):
        called = called.this
    if isinstance(called, exp.Anonymous) and called.name.lower() in _ARITY:
        return f"OVER clause not valid for '{called.name.lower()}' function"
    return None if isinstance(called, _CALLS) else "mismatched input 'OVER'"


def _alias(node: exp.Alias) -> str | None:
    listed = isinstance(node.parent, exp.Select) and node.arg_key == "expressions" and not node.this.is_star
    held = listed or isinstance(node.parent, exp.MatchRecognize)
    named = isinstance(node.args["alias"], exp.Identifier)
    return None if held and named else f"mismatched input '{node.alias}'"


def _aliases(node: exp.Aliases) -> str | None:
    held = isinstance(node.parent, exp.Select) and node.arg_key == "expressions"
    starred = isinstance(node.this, (exp.Column, exp.Dot)) and node.this.is_star
    named = all(isinstance(name, exp.Identifier) for name in node.expressions)
    return None if held and starred and named else "mismatched input '('"


def _anonymous(node: exp.Anonymous) -> str | None:
    name, plain = node.name.lower(), not isinstance(node.this, exp.Identifier)  # in quotes it is a function's
    if name == "exists" and plain:
        return "mismatched input: a query is expected"
    columns = all(isinstance(column, exp.Column) for column in node.expressions)
    if name == "grouping" and plain and not (node.expressions and columns):
        return "mismatched input: GROUPING takes column names"
    if name in _ARITY and not _ARITY[name][0] <= len(node.expressions) <= _ARITY[name][1]:
        return f"Invalid number of arguments for '{name}' function"
    return None


def _window_frame(node: exp.WindowSpec) -> str | None:
    if not node.args.get("start"):
        return "mismatched input in the window frame. Expecting: 'CURRENT', 'UNBOUNDED', <expression>"
    for bound in ("start", "end"):
        value, side = node.args.get(bound), node.args.get(f"{bound}_side")
        if value and (value == "CURRENT ROW") == bool(side):
            return "mismatched input in the window frame. Expecting: 'FOLLOWING', 'PRECEDING'"
    return None


def _null_treatment(node: exp.Expr) -> str | None:
    called = node.this.this if isinstance(node.this, exp.Filter) else node.this
    starred = isinstance(called, exp.Anonymous) and any(isinstance(value, exp.Star) for value in called.expressions)
    held = isinstance(node.parent, exp.Window) and isinstance(called, exp.Anonymous) and not starred
    return None if held else "mismatched input 'NULLS'"


def _filter(node: exp.Filter) -> str | None:
    return None if isinstance(node.this, _CALLS) else "mismatched input 'FILTER'"


def _list_agg(node: exp.GroupConcat) -> str | None:
    if not isinstance(node.this, exp.Order) or node.this.this is None:
        return "mismatched input: LISTAGG is followed by WITHIN GROUP"
    if not isinstance(node.args.get("separator"), exp.Literal):
        return "mismatched input: the separator of LISTAGG is a string"
    return None


def _escape(node: exp.Escape) -> str | None:
    return None if isinstance(node.this, exp.Like) else "mismatched input 'ESCAPE'"


MAX_LAMBDAS = 8
"""Lambdas inside of lambdas; Trino plans each level several times over, so that sixty keep it busy for good."""


def _lambda_depth(node: exp.Expr) -> str | None:
    depth, holder = 1, node.parent
    while holder is not None:
        depth += holder.__class__ is exp.Lambda
        holder = holder.parent
    return f"lambdas are nested deeper than {MAX_LAMBDAS}" if depth > MAX_LAMBDAS else None


EXPRESSION_CHECKS: dict[type[exp.Expr], Check] = {
    **dict.fromkeys(
        (*COMPARISONS, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe),
        operands_are_values("this", "expression"),
    ),
    exp.Like: operands_are_values("this", "expression"),
    exp.Between: operands_are_values("this", "low", "high"),
    exp.Neg: operands_are_values("this"),
    exp.Escape: every(_escape, operands_are_values("expression")),
    exp.Is: _is,
    exp.In: _in,
    exp.Any: _quantified,
    exp.All: _quantified,
    exp.Star: _star,
    exp.Column: _column,
    exp.Dot: _dot,
    exp.Bracket: _bracket,
    exp.Distinct: _distinct,
    exp.Tuple: _tuple,
    exp.Case: _case,
    exp.Extract: _extract,
    exp.AtTimeZone: _at_time_zone,
    exp.Lambda: every(under(exp.Anonymous, what="a lambda"), names("expressions"), _lambda_depth),
    exp.Kwarg: _named_argument,
    exp.Alias: _alias,
    exp.Aliases: _aliases,
    exp.Anonymous: _anonymous,
    exp.Window: _window,
    exp.WindowSpec: _window_frame,
    exp.IgnoreNulls: _null_treatment,
    exp.RespectNulls: _null_treatment,
    exp.Filter: _filter,
    exp.GroupConcat: _list_agg,
}
"""Checks by node type."""
