"""Sums over groups: one that overflows fails the query, whoever leaves its group out afterwards.

ClickHouse computes a checked sum for the groups that HAVING, LIMIT and the conditions around a query leave. Trino sums
up all of them first; only a sum that nobody reads is never made. Source: the traps of `loadtests.traps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from catalog.names import fold_trino
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call


def having(node: exp.Select, scope: Scope, always: str = "") -> str:
    """Write HAVING, which computes the sums that are read before it drops any group. Raises Refusal NOT_SUPPORTED.

    `always` is a condition that is to stand there too.
    """
    clause = node.args.get("having")
    conditions = [always] if always else []
    if clause is not None:
        conditions.append(scope.truth(clause.this))
    sums = dict.fromkeys(scope.value(part) for part in _sums(_read(node), scope))
    if sums:
        conditions.insert(0, f"{call('ignore', *sums)} = 0")
    return f" HAVING {' AND '.join(conditions)}" if conditions else ""


def _read(node: exp.Select) -> Iterator[exp.Expr]:
    """Yield what a query computes over its groups and somebody reads."""
    outside = _read_outside(node)
    for item in node.expressions:
        if outside is None or fold_trino(item.alias_or_name) in outside:
            yield item
    if node.args.get("having"):
        yield node.args["having"]
    if node.args.get("order") and (node.args.get("limit") or node.args.get("offset")):
        yield node.args["order"]


def _read_outside(node: exp.Select) -> set[str] | None:
    """Return the names of columns that are used outside of a query; None where all of its columns may be read."""
    around = list(_ancestors(node))
    holder = next((each for each in around if not isinstance(each, exp.Subquery)), None)
    if isinstance(holder, exp.Exists):
        return set()
    if not isinstance(holder, exp.From | exp.Join | exp.CTE) or any(_renames(each) for each in around):
        return None
    names: set[str] = set()
    for part in around[-1].walk(prune=lambda each: each is node):
        if isinstance(part, exp.Star) and isinstance(part.parent, exp.Column | exp.Select):
            return None
        if isinstance(part, exp.Column):
            names.update(fold_trino(each.name) for each in part.parts)
    return names


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    while isinstance(node.parent, exp.Expr):
        node = node.parent
        yield node


def _renames(node: exp.Expr) -> bool:
    """Tell whether columns are read by other names, or by their place, from here on."""
    if isinstance(node, exp.SetOperation):
        return True
    alias = node.args.get("alias")
    return isinstance(alias, exp.TableAlias) and bool(alias.columns)


def _sums(parts: Iterable[exp.Expr], scope: Scope) -> Iterator[exp.Expr]:
    """Yield the sums of whole numbers and decimals; one over a window is made later, of what is left."""
    stack = list(parts)
    while stack:
        part = stack.pop()
        if isinstance(part, exp.Query):
            continue
        if _is_sum(part.this if isinstance(part, exp.Filter) else part, scope):
            yield part
            continue
        called = part.this if isinstance(part, exp.Window) else None
        stack.extend(child for child in part.iter_expressions() if child is not called)
        stack.extend(called.iter_expressions() if isinstance(called, exp.Expr) else ())


def _is_sum(node: object, scope: Scope) -> bool:
    called = isinstance(node, exp.Anonymous) and node.name.lower() == "sum"
    return called and scope.type_of(node).base in ("bigint", "decimal")  # type: ignore[arg-type]  # it is a call
