"""The nodes a tree may hold, and per node the arguments it may carry; anything else is refused by name.

A deny-list cannot work: what sqlglot reads beyond Trino ends in ordinary nodes, or in ordinary nodes with one more
argument. Source: policy-semantics section 2, step 5.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.expression_checks import EXPRESSION_CHECKS
from catalog.dialect.node_kinds import CONDITIONS
from catalog.dialect.query_checks import QUERY_CHECKS
from catalog.errors import ErrorCode, Location, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARGUMENTS: dict[type[exp.Expr], frozenset[str]] = {
    node: frozenset(arguments.split())
    for node, arguments in (
        # Values
        (exp.Identifier, "this quoted"),
        (exp.Literal, "this is_string"),
        (exp.HexString, "this"),
        (exp.Boolean, "this"),
        (exp.Null, ""),
        (exp.Var, "this"),
        (exp.Star, ""),
        (exp.Placeholder, ""),
        (exp.Column, "this table db catalog"),
        (exp.Dot, "this expression"),
        (exp.Paren, "this"),
        (exp.Tuple, "expressions"),
        (exp.Array, "expressions bracket_notation value_constructor"),
        (exp.Bracket, "this expressions offset"),
        (exp.Neg, "this"),
        (exp.Add, "this expression"),
        (exp.Sub, "this expression"),
        (exp.Mul, "this expression"),
        (exp.Div, "this expression typed safe"),
        (exp.Mod, "this expression"),
        (exp.DPipe, "this expression safe"),
        (exp.AtTimeZone, "this zone"),
        (exp.Interval, "this unit"),
        (exp.IntervalSpan, "this expression"),
        (exp.Case, "this ifs default"),
        (exp.If, "this true false"),
        (exp.Alias, "this alias"),
        (exp.Aliases, "this expressions"),
        # Conditions
        (exp.And, "this expression"),
        (exp.Or, "this expression"),
        (exp.Not, "this"),
        (exp.EQ, "this expression"),
        (exp.NEQ, "this expression"),
        (exp.LT, "this expression"),
        (exp.LTE, "this expression"),
        (exp.GT, "this expression"),
        (exp.GTE, "this expression"),
        (exp.NullSafeEQ, "this expression"),
        (exp.NullSafeNEQ, "this expression"),
        (exp.Is, "this expression"),
        (exp.Like, "this expression negate"),
        (exp.Escape, "this expression"),
        (exp.Between, "this low high"),
        (exp.In, "this expressions query"),
        (exp.Exists, "this"),
        (exp.Any, "this"),
        (exp.All, "this"),
        # Calls and forms with a syntax of their own
        (exp.Anonymous, "this expressions"),
        (exp.Kwarg, "this expression"),
        (exp.Lambda, "this expressions"),
        (exp.Distinct, "expressions"),
        (exp.Filter, "this expression"),
        (exp.Window, "this partition_by order spec alias over"),
        (exp.WindowSpec, "kind start start_side end end_side"),
        (exp.IgnoreNulls, "this"),
        (exp.RespectNulls, "this"),
        (exp.Cast, "this to"),
        (exp.TryCast, "this to"),
        (exp.Extract, "this expression"),
        (exp.Trim, "this expression position"),
        (exp.Substring, "this start length"),
        (exp.StrPosition, "this substr"),
        (exp.Normalize, "this form"),
        (exp.GroupConcat, "this separator on_overflow"),
        (exp.OverflowTruncateBehavior, "this with_count"),
        (exp.JSONArray, "expressions null_handling return_type format"),
        (exp.JSONExists, "this path passing on_condition"),
        (exp.JSONValue, "this path passing returning on_condition"),
        (exp.JSONExtract, "this expression passing json_query return_type format option quote on_condition"),
        (exp.FormatJson, "this format"),
        (exp.OnCondition, "empty error"),
        (exp.JSONObject, "expressions null_handling unique_keys return_type format"),
        (exp.JSONKeyValue, "this expression"),
        (exp.CurrentCatalog, ""),
        (exp.CurrentDate, ""),
        (exp.CurrentSchema, ""),
        (exp.CurrentRole, ""),  # GROUP BY AUTO
        (exp.CurrentUser, ""),
        (exp.CurrentTime, "this"),
        (exp.CurrentTimestamp, "this"),
        (exp.Localtime, "this"),
        (exp.Localtimestamp, "this"),
        (exp.SessionUser, ""),  # CURRENT_PATH
        # Types
        (exp.DataType, "this expressions nested kind"),
        (exp.DataTypeParam, "this"),
        (exp.ColumnDef, "this kind"),
        # Queries
        (
            exp.Select,
            "with_ expressions distinct from_ joins laterals where group having windows order limit offset functions",
        ),
        (exp.Union, "this expression distinct by_name kind with_ order limit offset functions"),
        (exp.Except, "this expression distinct by_name kind with_ order limit offset functions"),
        (exp.Intersect, "this expression distinct by_name kind with_ order limit offset functions"),
        (exp.Subquery, "this alias with_ joins order limit offset sample match functions"),
        (exp.With, "expressions recursive"),
        (exp.CTE, "this alias"),
        (exp.Values, "expressions alias order limit offset functions"),
        (exp.From, "this"),
        (exp.Join, "this on using kind side method"),
        (exp.Table, "this db catalog alias joins version sample match"),
        (exp.TableFromRows, "this alias joins sample match copartition"),
        (exp.InputModelProperty, "this alias partition_by alone empty order"),  # a table as an argument
        (exp.Tags, "expressions"),  # a descriptor
        (exp.JSONTable, "this path path_name passing schema plan error_handling"),
        (exp.JSONSchema, "expressions"),
        (exp.JSONColumnDef, "this kind ordinality path path_name nested_schema format_json option quote on_condition"),
        (exp.MatchRecognize, "alias partition_by order measures rows spec after mode pattern subset define"),
        (exp.Final, "this mode"),  # RUNNING and FINAL in a row pattern's expressions
        (exp.TableAlias, "this columns"),
        (exp.TableSample, "method percent"),
        (exp.Version, "this kind expression"),
        (exp.Unnest, "expressions alias offset"),
        (exp.Lateral, "this alias"),
        (exp.Where, "this"),
        (exp.Group, "expressions all"),
        (exp.GroupingSets, "expressions"),
        (exp.Cube, "expressions"),
        (exp.Rollup, "expressions"),
        (exp.Having, "this"),
        (exp.Order, "this expressions"),
        (exp.Ordered, "this desc nulls_first"),
        (exp.Limit, "expression"),
        (exp.Fetch, "direction count limit_options"),
        (exp.LimitOptions, "rows with_ties"),
        (exp.Offset, "expression"),
        # Inline functions
        (exp.UserDefinedFunction, "this expressions returns traits body"),
        (exp.Block, "kind declared expressions"),
        (exp.DeclareItem, "expressions kind default"),
        (exp.EndStatement, "kind this"),
        (exp.IfBlock, "kind this ifs default"),
        (exp.Return, "this"),
        (exp.SetItem, "this expression"),
        (exp.WhileBlock, "kind label this body"),
    )
}
"""Arguments that may be set, by node type. What is None, False or empty counts as not set."""


_CHECKS = {**QUERY_CHECKS, **EXPRESSION_CHECKS}
_RULES = {kind: (arguments, _CHECKS.get(kind)) for kind, arguments in _ARGUMENTS.items()}


def check_allowed(tree: exp.Expr, *, parsed: bool = False) -> None:
    """Refuse every node and argument that is not on the list, and every combination that Trino's grammar lacks.

    Marks all identifiers as quoted and all subscripts as counted from 1, since both are so in Trino. In a tree that
    was just parsed, parentheses that nobody wrote are refused: sqlglot adds them where Trino sees a syntax error.
    Raises Refusal SYNTAX_ERROR that names what is not allowed. Trino's own syntax that is not taken was refused by
    the patches of tokens already, so what is met here is that of other dialects.
    """
    stack: list[exp.Expr] = [tree]
    while stack:
        node = stack.pop()
        kind = node.__class__
        rule = _RULES.get(kind)
        if rule is None:
            raise _refused(node, _title(kind.__name__))
        allowed, check = rule
        if node.comments:
            node.comments = None
        elif parsed and kind is exp.Paren and _is_added(node):
            raise _wrong(node, "mismatched input: a condition needs parentheses to be an operand")
        if kind is exp.Identifier:
            if not node.args.get("quoted"):
                node.set("quoted", True)
            continue
        _collect(node, allowed, stack)
        if kind is exp.Bracket and node.args.get("offset") != 1:
            node.set("offset", 1)
        problem = check(node) if check is not None else None
        if problem is not None:
            raise _wrong(node, problem)


def _collect(node: exp.Expr, allowed: frozenset[str], stack: list[exp.Expr]) -> None:
    """Push a node's children; refuse an argument that is not allowed."""
    for key, value in node.args.items():
        if not value:
            continue
        if key not in allowed:
            argument = key.rstrip("_").replace("_", " ").upper()
            raise _refused(node, f"{argument} in {_title(node.__class__.__name__)}")
        kind = value.__class__
        if kind is list:
            stack += [child for child in value if isinstance(child, exp.Expr)]
        elif kind is _NAME and len(value.args) == 2 and value.args.get("quoted"):
            continue  # a name as it should be; about half of all nodes are
        elif kind is not str and isinstance(value, exp.Expr):
            stack.append(value)


_NAME = exp.Identifier


def _is_added(paren: exp.Expr) -> bool:
    """Tell whether sqlglot may have added parentheses that carry no mark: around a condition in a condition."""
    return paren.parent.__class__ in CONDITIONS and paren.this.__class__ in CONDITIONS


def location_of(node: exp.Expr) -> Location | None:
    """Return where a node, or what holds it, begins in the source; None when the tree was made by hand."""
    holder: exp.Expr | None = node
    while holder is not None:
        places = [(meta["line"], meta["col"]) for meta in _metas(holder) if "line" in meta and "col" in meta]
        if places:
            return Location(*min(places))
        holder = holder.parent
    return None


def _metas(node: exp.Expr) -> Iterator[dict[str, int]]:
    return (part.meta for part in node.walk() if part.meta)


def _refused(node: exp.Expr, what: str) -> Refusal:
    return Refusal(ErrorCode.SYNTAX_ERROR, f"mismatched input: {what} is not Trino's", location=location_of(node))


def _wrong(node: exp.Expr, problem: str) -> Refusal:
    return Refusal(ErrorCode.SYNTAX_ERROR, problem, location=location_of(node))


def _title(name: str) -> str:
    """Return a class name in words: `MatchRecognize` is `MATCH RECOGNIZE`."""
    return _WORD_START.sub(" ", name).upper()


_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")
