"""Least group sizes: let a table be read in aggregates only, over groups of at least so many of its rows.

    SELECT region, avg(pay) FROM staff GROUP BY region
    ->   SELECT region, avg(pay) FROM staff GROUP BY region HAVING count(*) >= 5

A join could show one row many times over, and so count it as many, or give it a weight. There groups are counted by
rows that differ, and every combination may occur once:

    HAVING count(*) = count(DISTINCT row(s.id, s.pay)) AND count(*) >= 5

Whatever could single out a row is refused: other aggregates than count, sum and avg, aggregates of anything but a
column, FILTER, windows, overlapping groups (ROLLUP, CUBE), and conditions that fail on some value. What remains, and
is for a budget of questions to close, is the difference of two answers. Source: policy-semantics section 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.functions import lookup
from catalog.names import fold_trino
from catalog.objects import Table, TableName
from rewrite_rules.connectives import flattened
from rewrite_rules.early_failures import may_fail, may_fail_early

COMPARABLE = frozenset({
    "tinyint", "smallint", "integer", "bigint", "decimal", "double", "real", "varchar", "char", "boolean", "date",
    "time", "timestamp", "time with time zone", "timestamp with time zone", "uuid", "varbinary",
})  # fmt: skip
"""Base types of columns by which rows are told apart."""
_AGGREGATES = frozenset({"count", "sum", "avg"})
_CLAUSES = frozenset(
    {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "with_", "distinct"}
)
_LEAF = frozenset({"this", "db", "catalog", "alias"})
_OVERLAPPING = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.CurrentRole)
"""Elements of GROUP BY by which a row is in several groups, and AUTO."""
_OTHER = (exp.AggFunc, exp.Filter, exp.WithinGroup, exp.Window, exp.Query, exp.Lambda, exp.Placeholder)
_HINT = "Ask for count, sum or avg of columns, with GROUP BY, from this table or its joins by equal columns."


class Sized(Protocol):
    """What this pass needs of a decision; `policies.decisions.TableDecision` is one."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the granted columns in table order."""
        ...

    @property
    def min_group(self) -> int:
        """Return the least number of rows in a group; 0 where rows may be shown."""
        ...


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A table in a FROM clause, and what is decided about it."""

    node: exp.Expr
    name: TableName
    size: int
    columns: tuple[str, ...]
    """Those by which its rows are told apart."""
    known: frozenset[str]
    """All that are granted."""

    @property
    def alias(self) -> str:
        """Return the name by which the query calls it."""
        return fold_trino(self.node.alias) if self.node.alias else self.name.table

    def refusal(self, why: str) -> Refusal:
        """Return the refusal of a query on it; what a view reads is not named."""
        via = self.node.meta.get("via")
        what = f"View {via[0]} reads what" if via else f"Table {self.name}"
        message = f"Access Denied: {what} may be read in aggregates over at least {self.size} rows only: {why}."
        return Refusal(ErrorCode.PERMISSION_DENIED, message, hint=_HINT)


def require_groups(
    tree: exp.Expr,
    decisions: Mapping[TableName, Sized],
    tables: Mapping[TableName, Table],
    *,
    functions: Sequence[exp.Expr] = (),
) -> None:
    """Hold an analyzed query to the least group sizes, in place. Raises Refusal PERMISSION_DENIED.

    `functions` are inline functions of the statement: what they do is not looked into, so they are refused here.
    """
    if not any(decision.min_group for decision in decisions.values()):
        return
    leaves = {id(leaf.node): leaf for leaf in _leaves(tree, decisions, tables)}
    queries: dict[int, tuple[exp.Select, list[_Leaf]]] = {}
    for leaf in leaves.values():
        if leaf.size:
            select = _query_of(leaf)
            queries.setdefault(id(select), (select, []))[1].append(leaf)
    for select, small in queries.values():
        if functions:
            raise small[0].refusal("inline functions are not supported here")
        _check_clauses(select, small[0])
        _check_joins(select, leaves, small[0])
        _check_expressions(select, small, [leaf for leaf in leaves.values() if not leaf.size])
        if may_fail_early(tree):
            raise small[0].refusal("a condition could fail on a single row")
    for select, small in queries.values():
        _add(select, small)


def _leaves(tree: exp.Expr, decisions: Mapping[TableName, Sized], tables: Mapping[TableName, Table]) -> list[_Leaf]:
    found = []
    for node in tree.find_all(exp.Table, exp.Subquery):
        name = node.meta_get("table")
        if isinstance(name, TableName) and name in decisions:
            decision, kinds = decisions[name], tables[name].by_name
            told_apart = tuple(c for c in decision.columns if kinds[c].type.base in COMPARABLE)
            found.append(_Leaf(node, name, decision.min_group, told_apart, frozenset(decision.columns)))
    return found


def _query_of(leaf: _Leaf) -> exp.Select:
    """Return the query whose FROM clause names a table directly, standing where it answers once. Raises Refusal."""
    node = leaf.node
    if isinstance(node, exp.Table) and any(value for key, value in node.args.items() if key not in _LEAF):
        raise leaf.refusal("samples, versions and patterns are not supported here")
    select = node.parent.parent if isinstance(node.parent, exp.From | exp.Join) else None
    if not isinstance(select, exp.Select):
        raise leaf.refusal("it must stand in FROM by itself")
    if (node.args.get("alias") is not None and node.args["alias"].columns) or not leaf.columns:
        raise leaf.refusal("its columns cannot be named anew here" if leaf.columns else "no column tells rows apart")
    below: exp.Expr = select
    above = select.parent
    while above is not None:
        stands = isinstance(above, exp.Subquery | exp.SetOperation | exp.CTE | exp.With | exp.From | exp.Join)
        holds = isinstance(above, exp.Select) and below.arg_key in ("from_", "joins", "with_")
        writes = above.parent is None and not isinstance(above, exp.Query)
        if not (stands and below.arg_key != "on") and not holds and not writes:
            raise leaf.refusal("a query within an expression could ask once for every row")
        below, above = above, above.parent
    return select


def _check_clauses(select: exp.Select, leaf: _Leaf) -> None:
    """Refuse clauses by which rows are shown, or groups overlap."""
    unknown = sorted(key for key, value in select.args.items() if value and key not in _CLAUSES)
    if unknown:
        raise leaf.refusal(f"the clause {unknown[0]} is not supported here")
    distinct = select.args.get("distinct")
    if isinstance(distinct, exp.Expr) and distinct.args.get("on"):
        raise leaf.refusal("DISTINCT ON is not supported here")
    group = select.args.get("group")
    if group is None:
        parts = (*select.expressions, *(p for p in (select.args.get("having"), select.args.get("order")) if p))
        if not any(_is_aggregate(node) for part in parts for node in part.walk()):
            raise leaf.refusal("this query shows rows")
    elif any(value for key, value in group.args.items() if key != "expressions") or any(
        isinstance(element, _OVERLAPPING) for element in group.expressions
    ):
        raise leaf.refusal("each row may be in one group only")


def _check_joins(select: exp.Select, leaves: Mapping[int, _Leaf], small: _Leaf) -> None:
    """Let tables be joined by equal columns only, inner or left; a left join must not invent rows of a small table."""
    from_ = select.args["from_"].this
    for join in select.args.get("joins") or ():
        leaf = leaves.get(id(join.this))
        plain = not any(join.args.get(key) for key in ("method", "using", "global_", "hint", "match_condition"))
        kinds = (join.args.get("side") or "", join.args.get("kind") or "")
        if leaf is None or leaves.get(id(from_)) is None or not plain:
            raise small.refusal("it can be joined with tables only, by ON")
        if kinds not in {("", ""), ("", "INNER"), ("LEFT", ""), ("LEFT", "OUTER")} or (kinds[0] and leaf.size):
            raise small.refusal("this kind of join is not supported here")
        condition = join.args.get("on")
        equal = condition is not None and all(
            isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) and isinstance(part.expression, exp.Column)
            for part in flattened(condition, exp.And)
        )
        if not equal:
            raise small.refusal("tables are joined by equal columns only")


def _check_expressions(select: exp.Select, small: Sequence[_Leaf], others: Sequence[_Leaf]) -> None:
    """Refuse aggregates that tell of single rows, and what could fail on one."""
    here = [leaf for leaf in others if leaf.node.parent is not None and leaf.node.parent.parent is select]
    having, where = select.args.get("having"), select.args.get("where")
    grouped = [*select.expressions, *_elements(select, "group"), *_elements(select, "order")]
    for node in (node for part in (*grouped, having, where) if part is not None for node in part.walk()):
        if isinstance(node, _OTHER):
            raise small[0].refusal("queries, windows, FILTER and other aggregates are not supported here")
        if isinstance(node, exp.Anonymous):
            _check_call(node, small, here)
    if any(may_fail(part) for part in grouped):
        raise small[0].refusal("what groups are made by could fail on a single row")
    if having is not None and not all(_is_plain(node) for node in having.this.walk()):
        raise small[0].refusal("HAVING compares aggregates with constants only")


def _elements(select: exp.Select, clause: str) -> list[exp.Expr]:
    """Return the expressions of GROUP BY or ORDER BY."""
    found = select.args.get(clause)
    elements = found.expressions if found is not None else []
    return [element.this if isinstance(element, exp.Ordered) else element for element in elements]


_PLAIN = (
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In),
    *(exp.Is, exp.Null, exp.Literal, exp.Boolean, exp.Column, exp.Identifier, exp.Star, exp.Distinct),
)


def _is_plain(node: exp.Expr) -> bool:
    """Tell whether a node of HAVING fails on no group: it would be computed for those that are too small as well."""
    return isinstance(node, _PLAIN) or _is_aggregate(node)


def _is_aggregate(node: exp.Expr) -> bool:
    function = lookup(node.name) if isinstance(node, exp.Anonymous) else None
    return function is not None and function.kind == "aggregate"


def _check_call(call: exp.Anonymous, small: Sequence[_Leaf], others: Sequence[_Leaf]) -> None:
    """Refuse unknown functions, and all aggregates but count, sum and avg of a small table's column."""
    name = call.name.lower()
    if lookup(call.name) is None:
        raise small[0].refusal(f"the function {name} is not known")
    if not _is_aggregate(call):
        return
    if name not in _AGGREGATES:
        raise small[0].refusal(f"{name} could show a single row")
    arguments = call.expressions
    if name == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
        return
    if name == "count" and isinstance(arguments[0], exp.Distinct):
        arguments = arguments[0].expressions
    if len(arguments) != 1 or not _is_column_of(arguments[0], small, others):
        raise small[0].refusal(f"{name} takes one of its columns as it is")


def _is_column_of(node: exp.Expr, small: Sequence[_Leaf], others: Sequence[_Leaf]) -> bool:
    """Tell whether an argument is a bare column of a table whose groups are counted."""
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        return False
    if node.table:
        return any(fold_trino(node.table) == leaf.alias for leaf in small)
    name = fold_trino(node.name)
    return any(name in leaf.known for leaf in small) and not any(name in leaf.known for leaf in others)


def _add(select: exp.Select, small: Sequence[_Leaf]) -> None:
    """Put the sizes in front of what the query asks of its groups."""
    conditions: list[exp.Expr] = [
        exp.GTE(this=_count(exp.Star()), expression=exp.Literal.number(max(leaf.size for leaf in small)))
    ]
    if select.args.get("joins"):
        conditions = [exp.EQ(this=_count(exp.Star()), expression=_distinct(small))]
        conditions += [exp.GTE(this=_distinct([x]), expression=exp.Literal.number(x.size)) for x in small]
    having = select.args.get("having")
    if having is not None:
        conditions.append(exp.Paren(this=having.this))
    whole: exp.Expr = conditions[0]
    for condition in conditions[1:]:
        whole = exp.And(this=whole, expression=condition)
    select.set("having", exp.Having(this=whole))


def _count(argument: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this="count", expressions=[argument])


def _distinct(leaves: Sequence[_Leaf]) -> exp.Anonymous:
    """Return how many rows of the tables differ: never more than there are."""
    columns = [
        exp.Column(this=exp.Identifier(this=name, quoted=True), table=exp.Identifier(this=leaf.alias, quoted=True))
        for leaf in leaves
        for name in leaf.columns
    ]
    return _count(exp.Distinct(expressions=[exp.Anonymous(this="row", expressions=columns)]))
