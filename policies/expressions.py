"""SQL written in policies: conditions and custom masks, checked by allow-list and bound to a caller as literals."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlglot import exp

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import Table
from catalog.types import TrinoType
from policies.decisions import Subject
from policies.faults import Unfit
from policies.null_members import without_null_members

ParseExpression = Callable[[str], exp.Expr]
TypeOf = Callable[[exp.Expr, Table], TrinoType]

_NODES = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Dot, exp.Anonymous),
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between),
    *(exp.Like, exp.Escape, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Case, exp.If, exp.Cast, exp.TryCast),
    *(exp.DataType, exp.DataTypeParam, exp.ColumnDef, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe),
    *(exp.Array, exp.Bracket, exp.Interval, exp.Var, exp.Extract, exp.Trim),
)
_SCALARS = (
    "lower upper trim ltrim rtrim substr substring length concat replace reverse strpos starts_with split_part lpad "
    "rpad coalesce nullif if abs mod sign round floor ceil ceiling truncate greatest least date_trunc date_add "
    "date_diff date year month day hour minute second day_of_week day_of_year quarter week regexp_like contains "
    "cardinality element_at to_hex to_utf8 row from_unixtime to_unixtime bitwise_and"
)
FUNCTIONS = frozenset(_SCALARS.split())
"""Functions that policies may call: scalar, deterministic, blind to the session."""
_AGGREGATING = (
    "count sum avg min max min_by max_by array_agg map_agg any_value arbitrary bool_and bool_or every count_if "
    "approx_distinct approx_percentile listagg stddev variance checksum geometric_mean histogram set_agg"
)
AGGREGATES = frozenset(_AGGREGATING.split())
_IDENTITY = "currentuser"
_ATTRIBUTE = "attr"


@dataclass(frozen=True, slots=True)
class PolicyExpression:
    """A checked expression: its tree (columns folded and quoted) and what it needs to be bound."""

    tree: exp.Expr
    columns: frozenset[str]
    attributes: frozenset[str]
    personal: bool
    """It calls `currentUser()` or `attr(...)`."""


def read_expression(sql: str, parse: ParseExpression) -> PolicyExpression:
    """Parse and check an expression of a policy. Raises Unfit with a message of its own for each kind of fault."""
    try:
        tree = parse(sql)
    except Refusal as refusal:
        raise Unfit(f"not an SQL expression: {refusal.text}") from None
    attributes = set()
    personal = False
    for node in tree.walk():
        _check_node(node)
        if isinstance(node, exp.Anonymous):
            personal = personal or node.name.lower() in (_IDENTITY, _ATTRIBUTE)
            if node.name.lower() == _ATTRIBUTE:
                attributes.add(_attribute(node))
    tree = without_null_members(_plain(tree))
    columns = frozenset(column.name for column in tree.find_all(exp.Column))
    return PolicyExpression(tree, columns, frozenset(attributes), personal)


def bind(expression: PolicyExpression, subject: Subject) -> exp.Expr:
    """Return the tree with the caller's identity and attributes as string literals.

    Raises Unfit where an attribute is missing, given twice or holds control characters: never a weaker condition.
    """
    if not expression.personal:
        return expression.tree
    known = dict(subject.attributes)
    if len(known) != len(subject.attributes):
        raise Unfit("an attribute of the caller has two values")

    def literal(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.lower() == _IDENTITY:
            return _literal(subject.user)
        if isinstance(node, exp.Anonymous) and node.name.lower() == _ATTRIBUTE:
            name = _attribute(node)
            if name not in known:
                raise Unfit(f"the caller has no attribute `{name}`")
            return _literal(known[name])
        return node

    return expression.tree.transform(literal)


def check_columns(expression: PolicyExpression, table: Table) -> None:
    """Raise Unfit where the expression names a column that the table does not have."""
    for name in sorted(expression.columns):
        if name not in table.by_name:
            near = difflib.get_close_matches(name, table.by_name, n=1)
            raise Unfit(f"unknown column `{name}` of {table.name}", f"Did you mean `{near[0]}`?" if near else "")


def sample_subject(expressions: Iterable[PolicyExpression]) -> Subject:
    """Return a made-up caller who has every attribute, to bind expressions for type checks."""
    names = sorted({name for expression in expressions for name in expression.attributes})
    return Subject("somebody", frozenset(), tuple((name, "0") for name in names))


def _check_node(node: exp.Expr) -> None:
    if isinstance(node, exp.Query | exp.Table | exp.Exists):
        raise Unfit("subqueries are not supported in policies", "Put the value into an attribute of the user.")
    if isinstance(node, exp.Window):
        raise Unfit("window functions cannot stand in a policy: each row is judged alone")
    if isinstance(node, exp.AggFunc | exp.WithinGroup | exp.Filter):
        raise Unfit("aggregate functions cannot stand in a policy: each row is judged alone")
    if isinstance(node, exp.CurrentUser | exp.SessionUser):
        raise Unfit("`current_user` is the engine's user, not the caller", "Write currentUser().")
    if isinstance(node, exp.Anonymous):
        _check_call(node)
    elif not isinstance(node, _NODES):
        raise Unfit(f"`{type(node).__name__.lower()}` is not supported in policies")


def _check_call(node: exp.Anonymous) -> None:
    name = node.name.lower()
    if name == "grouping":
        raise Unfit("grouping() cannot stand in a policy: there are no groups")
    if name in AGGREGATES:
        raise Unfit(f"aggregate functions cannot stand in a policy: {name}")
    if name == _IDENTITY:
        if node.expressions:
            raise Unfit("currentUser() takes no argument")
    elif name == _ATTRIBUTE:
        _attribute(node)
    elif name not in FUNCTIONS or not isinstance(node.this, str):
        near = difflib.get_close_matches(name, FUNCTIONS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "Policies may call simple scalar functions only."
        raise Unfit(f"the function {name} is not allowed in policies", hint)


def _attribute(node: exp.Anonymous) -> str:
    argument = node.expressions[0] if len(node.expressions) == 1 else None
    if not isinstance(argument, exp.Literal) or not argument.is_string:
        raise Unfit("attr() takes one attribute's name in quotes: attr('desk')")
    return str(argument.this)


def _literal(value: str) -> exp.Literal:
    if any(not c.isprintable() for c in value):
        raise Unfit("an attribute of the caller holds control characters")
    return exp.Literal.string(value)


def _plain(tree: exp.Expr) -> exp.Expr:
    """Fold and quote column names; what looks like a qualified column is a field of a row column."""

    def plain(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        parts = [n for n in (node.args.get(k) for k in ("catalog", "db", "table", "this")) if n is not None]
        if not all(isinstance(part, exp.Identifier) for part in parts):
            raise Unfit("`*` cannot stand in a policy")
        names = [exp.Identifier(this=fold_trino(part.name), quoted=True) for part in parts]
        result: exp.Expr = exp.Column(this=names[0])
        for depth, name in enumerate(names[1:]):
            result = exp.Dot(this=result if depth else exp.Paren(this=result), expression=name)
        return result

    return tree.transform(plain)
