"""Lift the conditions that read outer columns out of a subquery, as Trino's planner does.

A column of the subquery is *lifted* if such a condition reads it: the clauses above have to hand it on. It is *bound*
if such a condition says `column = f(outer columns)`: it has one value for each outer row, and the clauses above may as
well work value by value. A clause that would mean something else above the condition ends it: `GivenUpError`.
(Trino 476, `PlanNodeDecorrelator`.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.functions import lookup
from catalog.type_coercions import common_super_type
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.analysis.grouping import ordinal
from rewrite_rules.connectives import flattened
from rewrite_rules.finding import find_nodes
from rewrite_rules.from_items import is_comma

Symbol = tuple[int, str]
"""A column: the number of its relation, and its folded name."""
QUERIES = frozenset({exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Values, exp.Subquery})
PLAIN = frozenset({"from_", "joins", "where", "expressions", "with_", "kind"})
_FOLLOWED = PLAIN | {"group", "having", "distinct", "order", "limit"}
_COLUMNS = frozenset({exp.Column})
_FEW = frozenset({exp.Values, exp.Limit})
_DISTINCT = frozenset({exp.Distinct, exp.Group})


@dataclass(frozen=True, slots=True)
class Lifted:
    """What is known of a clause's rows once the conditions below it have been lifted."""

    lifted: frozenset[Symbol] = frozenset()
    bound: frozenset[Symbol] = frozenset()
    single: bool = False
    """There is at most one row for each outer row."""


class GivenUpError(Exception):
    """Say that the planner finds no join."""


class Subquery:
    """A subquery, and the columns in it that belong to a query around it."""

    __slots__ = ("node", "outer", "select")

    def __init__(self, node: exp.Expr) -> None:
        """Look an analyzed subquery over; brackets around it may be there or not."""
        self.node = node
        own = {part.meta.get("relation_id") for part in node.walk() if part.args}
        columns = (column for column in find_nodes(node, _COLUMNS) if "resolved" in column.meta)
        self.outer = {id(column): column for column in columns if column.meta["resolved"].relation_id not in own}
        inner = node.unnest()
        self.select = inner if isinstance(inner, exp.Select) else None

    def depends(self, *parts: exp.Expr | list[exp.Expr] | None) -> bool:
        """Tell whether a part of the subquery reads outer columns."""
        nodes = [node for part in parts for node in (part if isinstance(part, list) else [part]) if node is not None]
        return any(id(column) in self.outer for node in nodes for column in find_nodes(node, _COLUMNS))

    def deepest(self, node: exp.Expr) -> bool:
        """Tell whether queries within an expression read outer columns."""
        return any(self.depends(query) for query in _inner_queries(node))

    def rows(self, select: exp.Expr | None, *, unread: bool = False) -> Lifted:
        """Lift the conditions out of a query; `unread` if nobody reads its columns. Raises GivenUpError."""
        if select is None or not self.depends(select):
            return Lifted()
        if not isinstance(select, exp.Select) or clauses(select) - _FOLLOWED:
            raise GivenUpError
        args = select.args
        unread = unread and args.get("distinct") is None
        if self.depends(args.get("with_"), args.get("group"), args.get("having"), args.get("order")):
            raise GivenUpError
        if (not unread and self.depends(args["expressions"])) or has_windows(select):
            raise GivenUpError
        found = self.source(select)
        if select.meta.get("aggregating"):
            found = _grouped(found, _group_keys(select))
        outputs = [] if unread else _outputs(select)
        if args.get("distinct") is not None:
            found = _grouped(found, outputs)
        if args.get("limit") is not None:
            _check_limited(select)
        return _limited(found, args, outputs)

    def source(self, select: exp.Select) -> Lifted:
        """Lift the conditions out of FROM and WHERE. Raises GivenUpError."""
        from_, joins, where = select.args.get("from_"), select.args.get("joins") or [], select.args.get("where")
        if from_ is None:
            raise GivenUpError
        found = Lifted()
        if not joins:
            found = self._derived(from_.this)
        elif self.depends(from_.this, *(join.this for join in joins), *joins[:-1]):
            raise GivenUpError
        elif self.depends(joins[-1]):
            if joins[-1].args.get("side") or any(map(is_comma, joins)):
                raise GivenUpError
            found = self._lift(joins[-1].args["on"], found)
        if where is None:
            return found
        if found.lifted and any(True for _ in _inner_queries(where)):
            raise GivenUpError  # these are joined in between, through which nothing is lifted
        return self._lift(where.this, found)

    def _derived(self, relation: exp.Expr) -> Lifted:
        """Lift the conditions out of a query in FROM, whose columns have other names above it."""
        if not self.depends(relation):
            return Lifted()
        inner = relation.unnest()
        if not isinstance(relation, exp.Subquery) or not isinstance(inner, exp.Select) or relation.args.get("joins"):
            raise GivenUpError
        found = self.rows(inner)
        number, shown = relation.meta["relation_id"], relation.meta["shows"]
        items = _outputs(inner)
        if len(items) != len(shown):
            raise GivenUpError
        names = {item: (number, (name or "").lower()) for item, (name, _) in zip(items, shown, strict=True) if item}
        return replace(
            found,
            lifted=frozenset(names.get(symbol, symbol) for symbol in found.lifted),
            bound=frozenset(names.get(symbol, symbol) for symbol in found.bound),
        )

    def _lift(self, condition: exp.Expr, found: Lifted) -> Lifted:
        lifted, bound = set(found.lifted), set(found.bound)
        for part in flattened(condition, exp.And):
            if not self.depends(part):
                continue
            if self.deepest(part):
                raise GivenUpError
            lifted.update(_columns_of(column) for column in find_nodes(part, _COLUMNS) if id(column) not in self.outer)
            bound.update(self._binding(part))
        return replace(found, lifted=frozenset(lifted), bound=frozenset(bound))

    def _binding(self, part: exp.Expr) -> Iterator[Symbol]:
        if not isinstance(part, exp.EQ) or any(True for _ in _inner_queries(part)):
            return
        for mine, other in ((part.this, part.expression), (part.expression, part.this)):
            symbol = _symbol(mine)
            reads = {id(column) in self.outer for column in find_nodes(other, _COLUMNS)}
            if symbol is not None and not self.depends(mine) and reads == {True} and _keeps_apart(mine, other):
                yield symbol


def clauses(select: exp.Expr) -> set[str]:
    """Return the names of the clauses that a query has."""
    return {key for key, value in select.args.items() if value}


def _inner_queries(node: exp.Expr) -> Iterator[exp.Expr]:
    return (found for found in find_nodes(node, QUERIES) if found is not node)


def _own_nodes(item: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes of an expression, but for those of its subqueries."""
    return item.walk(prune=lambda node: isinstance(node, exp.Query))


def has_windows(select: exp.Expr) -> bool:
    """Tell whether the select list has window functions."""
    return any(isinstance(node, exp.Window) for item in select.expressions for node in _own_nodes(item))


def aggregates(item: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the calls of aggregates in an expression, with what stands around them."""
    for node in _own_nodes(item):
        if isinstance(node, exp.Filter | exp.GroupConcat | exp.WithinGroup):
            yield node
        elif isinstance(node, exp.Anonymous):
            function = lookup(node.name.lower())
            if function is not None and function.kind != "scalar":
                yield node


def _columns_of(column: exp.Expr) -> Symbol:
    resolved = column.meta.get("resolved")
    return (resolved.relation_id, resolved.column.lower()) if resolved is not None else (0, column.name)


def _symbol(node: exp.Expr) -> Symbol | None:
    """Return the column that an expression is; None if it is any other."""
    inner = node.unnest()
    resolved = inner.meta.get("resolved") if isinstance(inner, exp.Column) else None
    return _columns_of(inner) if resolved is not None and not resolved.fields else None


def _outputs(select: exp.Select) -> list[Symbol | None]:
    """Return the columns that a query shows; `None` is one that is no column of its sources."""
    from_, items = select.args.get("from_"), select.expressions
    if len(items) == 1 and isinstance(items[0], exp.Star) and from_ is not None and not select.args.get("joins"):
        relation = from_.this.meta
        return [(relation["relation_id"], name.lower()) if name else None for name, _ in relation["shows"]]
    return [_symbol(item.unalias()) for item in items]


def _keeps_apart(mine: exp.Expr, other: exp.Expr) -> bool:
    """Tell whether a column is compared as it is, or as a type in which all its values stay apart."""
    own: TrinoType | None = mine.meta.get("type") or mine.unnest().meta.get("type")
    given: TrinoType | None = other.meta.get("type") or other.unnest().meta.get("type")
    common = common_super_type(own, given) if own is not None and given is not None else None
    if own is None or common is None:
        return False
    return common == own or (own.base in INTEGRAL and common.base in INTEGRAL) or own.base == common.base == "varchar"


def _group_keys(select: exp.Select) -> list[Symbol | None]:
    group = select.args.get("group")
    if group is None or clauses(group) - {"expressions"}:
        raise GivenUpError
    keys = []
    for key in group.expressions:
        position = ordinal(key)
        keys.append(_symbol(select.expressions[position - 1].unalias() if position is not None else key))
    return keys


def _grouped(found: Lifted, keys: list[Symbol | None]) -> Lifted:
    """Group by keys, and by what is bound; `None` is a key that is no column."""
    added = found.lifted - set(keys)
    if not added <= found.bound:
        raise GivenUpError
    return replace(found, single=None not in keys and {*keys, *added} <= found.bound)


def _check_limited(select: exp.Select) -> None:
    """Check that a LIMIT stays what it is to the planner. Raises GivenUpError."""
    args = select.args
    below = [args["from_"], *(args.get("joins") or ())]
    if args.get("order") is None:
        here = args.get("distinct") is not None or args.get("group") is not None
        if here or any(find_nodes(part, _DISTINCT) for part in below):
            raise GivenUpError  # it becomes one with what makes rows distinct
    elif any(find_nodes(part, _FEW) for part in below):
        raise GivenUpError  # where there are no more rows than that, sorting alone is left


def _limited(found: Lifted, args: Mapping[str, object], outputs: list[Symbol | None]) -> Lifted:
    if args.get("limit") is None:
        return found
    rows = limit_of(args)
    if not rows:
        raise GivenUpError
    if found.single:
        return found
    if not found.lifted <= found.bound:
        raise GivenUpError
    if args.get("order") is None and rows == 1 and (not found.bound or not set(outputs) <= found.bound):
        raise GivenUpError
    return replace(found, single=rows == 1)


def limit_of(args: Mapping[str, object]) -> int:
    """Return how many rows a LIMIT leaves; 0 if that is not known."""
    limit = args.get("limit")
    count = limit.expression if isinstance(limit, exp.Limit) else None
    return int(count.name) if isinstance(count, exp.Literal) and count.name.isdigit() else 0
