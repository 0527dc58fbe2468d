"""ORDER BY, LIMIT and OFFSET, read."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from rewrite_rules.certificates.expressions import Sight, term
from rewrite_rules.certificates.relations import Top
from rewrite_rules.certificates.terms import Term, Unclear


def has_top(node: exp.Expr) -> bool:
    """Tell whether a query is ordered or cut off."""
    return any(node.args.get(key) is not None for key in ("order", "limit", "offset"))


def top_of(node: exp.Expr, sight: Sight, outputs: tuple[Term, ...]) -> Top:
    """Return ORDER BY, LIMIT and OFFSET of a query. Raises Unclear."""
    if not has_top(node):
        return Top()
    order: list[tuple[Term, bool, bool]] = []
    for each in node.args["order"].expressions if node.args.get("order") else ():
        value = each.this
        ordinal = isinstance(value, exp.Literal) and not value.is_string
        meant = numbered(value, outputs) if ordinal else term(value, sight)
        order.append((meant, bool(each.args.get("desc")), bool(each.args.get("nulls_first"))))
    return Top(tuple(order), *(_count(node.args.get(key)) for key in ("limit", "offset")))


def numbered(node: exp.Expr, outputs: tuple[Term, ...]) -> Term:
    """Return the output that a number in ORDER BY or GROUP BY names. Raises Unclear."""
    written = str(node.this)
    if not written.isdecimal() or not 1 <= int(written) <= len(outputs):
        raise Unclear("a number of no output")
    return outputs[int(written) - 1]


def _count(node: exp.Expr | None) -> Any:
    if node is None:
        return None
    if isinstance(node, exp.Fetch):
        return _fetched(node)
    return str(node.expression.this) if isinstance(node.expression, exp.Literal) else _unknown_count()


def _unknown_count() -> Any:
    raise Unclear("a LIMIT that is no number")


def _fetched(node: exp.Fetch) -> Any:
    """Return how many rows FETCH FIRST lets through: as LIMIT does, where ties are not shown as well."""
    options, count = node.args.get("limit_options"), node.args.get("count")
    if options is not None and any(options.args.get(key) for key in ("percent", "with_ties")):
        raise Unclear("FETCH FIRST with ties")
    if count is None:
        return "1"
    return str(count.this) if isinstance(count, exp.Literal) else _unknown_count()
