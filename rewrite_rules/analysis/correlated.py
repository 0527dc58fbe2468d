"""Which correlated subqueries Trino can join to the query around them; it refuses the others.

A subquery that reads columns of the query around it has to become a join, and Trino's planner has a rule for each way
to use one. These follow the rules, so that other engines do not answer what Trino refuses; in doubt they refuse.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from rewrite_rules.analysis.failures import unsupported
from rewrite_rules.analysis.lifting import (
    PLAIN,
    QUERIES,
    GivenUpError,
    Subquery,
    aggregates,
    clauses,
    has_windows,
    limit_of,
)
from rewrite_rules.finding import find_nodes

_REFUSED = "Given correlated subquery is not supported on ClickHouse or the embedded lake"
_HINT = "Join its tables, grouped by what it is compared with, in place of the subquery."
_AROUND_RELATIONS = (exp.From, exp.Join, exp.CTE, exp.SetOperation, exp.Subquery, exp.InputModelProperty)


def check_correlated(tree: exp.Expr) -> None:
    """Check the correlated subqueries of an analyzed query. Raises Refusal NOT_SUPPORTED where Trino does, or might."""
    for node in find_nodes(tree, QUERIES):
        use = _use(node)
        if use is None:
            continue
        query = Subquery(node)
        if not query.outer:
            continue
        try:
            _check_place(node)
            use(query)
        except GivenUpError:
            raise unsupported(_REFUSED, node, hint=_HINT) from None


def _check_place(node: exp.Expr) -> None:
    """Check where a subquery stands. Raises GivenUpError in the condition of an outer join."""
    while node.parent is not None and not isinstance(node.parent, exp.Query | exp.Lateral):
        node = node.parent
        if isinstance(node, exp.Join) and node.args.get("side"):
            raise GivenUpError


def _use(node: exp.Expr) -> Callable[[Subquery], None] | None:
    """Return how what stands around a query uses it; None if it is a relation, or the statement itself."""
    parent = node.parent
    if isinstance(parent, exp.Lateral):
        return _as_rows
    if parent is None or isinstance(parent, _AROUND_RELATIONS):
        return None
    if isinstance(parent, exp.Exists):
        return _as_existence
    if isinstance(parent, exp.In):
        return _as_set if parent.this is not node else _as_value
    if isinstance(parent, exp.Any | exp.All):
        equal = exp.EQ if isinstance(parent, exp.Any) else exp.NEQ
        return _as_set if isinstance(parent.parent, equal) else _as_bounds
    return _as_value


def _as_value(query: Subquery, *, grouped: bool = False) -> None:
    select = query.select
    if select is None:
        raise GivenUpError
    args = select.args
    if args.get("from_") is None:
        if clauses(select) - {"expressions", "kind"} or query.deepest(select):
            raise GivenUpError
    elif _is_global(select) or (grouped and args.get("group") is not None):
        _as_aggregation(query, select)
    elif _unnests(select):
        if clauses(select) - {"from_", "expressions", "kind"} or query.depends(args["expressions"]):
            raise GivenUpError
    else:
        query.rows(select)


def _as_rows(query: Subquery) -> None:
    join = query.node.find_ancestor(exp.Join)
    _as_value(query, grouped=join is not None and not join.args.get("side"))


def _as_aggregation(query: Subquery, select: exp.Select) -> None:
    """Follow what joins first, and groups by the outer row then."""
    args = select.args
    allowed = {"order", "limit"} if _is_global(select) else {"group"}
    if clauses(select) - PLAIN - allowed or has_windows(select):
        raise GivenUpError
    if query.depends(args.get("with_"), args.get("order"), args.get("group")):
        raise GivenUpError
    for item in select.expressions:
        if query.deepest(item) or any(query.depends(call) for call in aggregates(item)):
            raise GivenUpError
    if args.get("limit") is not None and not limit_of(args):
        raise GivenUpError
    if not _unnests(select):
        query.source(select)
    elif args.get("where") is not None:
        raise GivenUpError


def _as_existence(query: Subquery) -> None:
    select = query.select
    if (
        select is not None
        and not select.args.get("having")
        and not select.args.get("offset")
        and (_is_global(select) or not clauses(select) - {"expressions", "kind"})
    ):
        return  # there is one row, whatever it reads
    query.rows(select or query.node, unread=True)


def _as_set(query: Subquery) -> None:
    select = query.select
    while select is not None and query.depends(select):
        if select.meta.get("aggregating") or clauses(select) - PLAIN - {"order"}:
            raise GivenUpError
        from_ = select.args.get("from_")
        inner = from_.this.unnest() if from_ is not None else None
        query.rows(select)
        select = inner if isinstance(inner, exp.Select) else None
    if query.select is None:
        raise GivenUpError


def _as_bounds(query: Subquery) -> None:
    query.rows(query.select or query.node)


def _is_global(select: exp.Select) -> bool:
    """Tell whether all rows are aggregated to one."""
    return bool(select.meta.get("aggregating")) and select.args.get("group") is None


def _unnests(select: exp.Select) -> bool:
    from_ = select.args.get("from_")
    return from_ is not None and isinstance(from_.this, exp.Unnest) and not select.args.get("joins")
