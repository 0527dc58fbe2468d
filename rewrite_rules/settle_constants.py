"""Settle constants: what a statement computes from constants alone fails always or never, whatever rows are hidden.

An engine computes a constant where it stands, once for each row that comes by: `WHERE 1 / 0 = 1` fails exactly if one
does, a hidden one perhaps. Where a row filter applies, a constant of a condition that could fail is therefore computed
once, in a subquery of its own that no optimiser takes apart,

    WHERE id = 1 / 0   ->   WHERE id = (SELECT CASE WHEN random() >= 0E0 THEN 1 / 0 END)

and one that an inner query shows stays behind that query's filter: `SELECT 0 AS d` -> `SELECT CASE WHEN random() >=
0E0 THEN 0 END AS d`. Constants known to succeed (see `certain`) stay as they are, and can be pushed down. Source:
policy-semantics section 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from catalog.errors import ErrorCode, Refusal
from rewrite_rules.early_failures import is_apart, is_outermost, is_sure
from rewrite_rules.places import Places, places_of

_PARTS = frozenset({exp.If, exp.Alias, exp.Tuple, exp.Escape})
"""Nodes that are no values themselves, though their parts are; `If` where it is a branch of CASE."""
_CLOSED = kinds_of(exp.DataType, exp.Interval, exp.Var, exp.Identifier, exp.Lambda, exp.Column)
"""Nodes in which no value can be replaced."""
_WRITTEN = frozenset({exp.Literal, exp.HexString, exp.Boolean, exp.Null})
_VARY = frozenset({exp.Column, exp.Table, exp.Placeholder, exp.Star})
_NEVER_VARY = _WRITTEN | {exp.Identifier, exp.DataType, exp.DataTypeParam, exp.And, exp.Cast}
"""The most of all nodes, of those that do not vary by themselves."""
_COMPARED = _WRITTEN | {
    exp.Column, exp.Identifier, exp.Paren, exp.And, exp.Or, exp.Not, exp.Between, exp.In, exp.Is, exp.Like,
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE,
}  # fmt: skip
"""Nodes of conditions in which nothing is computed, columns being compared with what is written."""
_HELD = "held back"
_SET_ANEW = frozenset({"random", "rand", "uuid", "shuffle"})
"""Functions that give another value at each row."""


def settle_conditions(tree: exp.Expr) -> Places:
    """Move the constants of conditions that could fail in front, and hold those of inner queries back; in place.

    Returns the places of the tree as it is then. Raises Refusal NOT_SUPPORTED for a constant that could fail and is
    to be computed anew for each row.
    """
    places = places_of(tree)
    changed = False
    for root in places.conditions:
        if all(node.__class__ in _COMPARED for node in root.walk()):
            continue
        for constant in list(_largest(root)):
            if is_sure(constant):
                continue
            if any(isinstance(part, exp.Anonymous) and part.name.lower() in _SET_ANEW for part in constant.walk()):
                raise Refusal(
                    ErrorCode.NOT_SUPPORTED,
                    "A condition on a table with a row filter cannot compute from random values what may fail",
                    hint="Compute it in the select list, or by functions that cannot fail.",
                )
            above = constant.parent
            constant.replace(exp.Subquery(this=exp.Select(expressions=[_held(constant)])))
            if isinstance(above, exp.In) and len(above.expressions) == 1:  # a list of one query reads as the query
                above.replace(exp.Paren(this=exp.EQ(this=above.this, expression=above.expressions[0])))
            changed = True
    if changed:
        places, changed = places_of(tree), False
    for value in list(_inner_values(tree, places.queries)):
        if not is_sure(value):
            value.replace(_held(value))
            changed = True
    return places_of(tree) if changed else places


def hold_back_constants(tree: exp.Expr) -> None:
    """Keep conditions on the constants that inner queries show outside of those queries, in place."""
    for value in list(_inner_values(tree, places_of(tree).queries)):
        if not _is_compared(value):
            value.replace(_held(value))


def _is_compared(value: exp.Expr) -> bool:
    """Tell whether the query that shows a value is only compared with another: no condition can name its columns."""
    query = value.find_ancestor(exp.Select, exp.Values)
    above = query.parent if query is not None else None
    while isinstance(above, exp.Subquery | exp.Paren | exp.SetOperation):
        above = above.parent
    return isinstance(above, exp.In | exp.Any | exp.All)


def _held(value: exp.Expr) -> exp.Case:
    """Return a copy of a value under a condition that holds always, and that no optimiser may assume to."""
    always = exp.GTE(this=exp.Anonymous(this="random"), expression=exp.Literal.number("0E0"))
    held = exp.Case(ifs=[exp.If(this=always, true=value.copy())])
    held.meta.update(value.meta)
    held.meta[_HELD] = True
    return held


def _largest(root: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the largest constant parts of a condition that are computed; what is apart from it is not looked into."""
    varying = _varying(root)
    stack = [root]
    while stack:
        node = stack.pop()
        kind = node.__class__
        if kind in _CLOSED or kind in _WRITTEN:
            continue
        if id(node) not in varying and kind not in _PARTS:
            yield node
        elif kind is exp.Subquery or not is_apart(node):
            stack.extend(node.iter_expressions())


def _inner_values(tree: exp.Expr, queries: Sequence[exp.Expr]) -> Iterator[exp.Expr]:
    """Yield the constants that inner queries and VALUES show."""
    for query in queries:
        if isinstance(query, exp.Select) and (is_outermost(query, tree) or isinstance(query.parent, exp.Exists)):
            continue
        for item in query.expressions:
            shown = item.unalias()
            values = shown.expressions if isinstance(shown, exp.Tuple) else [shown]
            yield from (value for value in values if not value.meta.get(_HELD) and _is_constant(value))


def _is_constant(root: exp.Expr) -> bool:
    """Tell whether a value depends on no column, table or parameter, and on nothing that is aggregated."""
    return root.__class__ in _WRITTEN or all(_binder(part, root) is not None for part in _sources(root))


def _varying(root: exp.Expr) -> set[int]:
    """Return the identities of the nodes from `root` down that are no constants."""
    free: set[int] = set()
    bound: set[int] = set()
    for part in _sources(root):
        binder = _binder(part, root)
        node: exp.Expr | None = part
        while node is not binder and node is not None and id(node) not in free:
            (free if binder is None else bound).add(id(node))
            node = node.parent if node is not root else None
    return free | bound


def _sources(root: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the parts that vary by themselves."""
    for part in root.walk():
        kind = part.__class__
        if kind in _VARY or (kind not in _NEVER_VARY and is_apart(part) and not isinstance(part, exp.Query)):
            yield part


def _binder(part: exp.Expr, root: exp.Expr) -> exp.Expr | None:
    """Return the lambda of which a column is a parameter, if it stands in one."""
    if part.__class__ is not exp.Column or part.args.get("table"):
        return None
    node: exp.Expr = part
    while node is not root and node.parent is not None:
        node = node.parent
        if isinstance(node, exp.Lambda) and any(part.name == name.name for name in node.expressions):
            return node
    return None
