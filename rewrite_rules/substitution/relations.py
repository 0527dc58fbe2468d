"""FROM, flattened: derived tables, barriers and common table expressions are merged where that keeps every row.

A left join keeps the rows before it; what it joins must be one occurrence, else it stays closed. Conditions of what
an outer join may leave out belong to the join; those of what it keeps belong to the block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.from_items import holds_relation, items_of
from rewrite_rules.substitution.blocks import Block, Condition, Occurrence
from rewrite_rules.substitution.outer_joins import sealed, used_columns
from rewrite_rules.substitution.sight import Aliases, Field, Flat, Named, OddError, Place, Rows, Sight
from rewrite_rules.substitution.spelling import base_column, conjuncts, written

_shared = lru_cache(maxsize=8192)(base_column)
"""One node for all who see a column: what reads a field copies it, and most of a table's columns nobody reads."""


class Sources:
    """Flatten the relations of one FROM clause; `closed` collects what stays closed, by its alias."""

    __slots__ = ("aliases", "closed", "place")

    def __init__(self, place: Place, aliases: Aliases, closed: dict[str, tuple[exp.Expr, Place]]) -> None:
        """Stand at a place and number occurrences on from `aliases`."""
        self.place = place
        self.aliases = aliases
        self.closed = closed

    def of(self, select: exp.Expr) -> Rows:
        """Return the rows of a SELECT's FROM clause. Raises OddError."""
        source = select.args.get("from_")
        if source is None:
            return Rows()
        return self._chain(source.this, select.args.get("joins") or ())

    def _chain(self, first: exp.Expr, joins: Sequence[exp.Expr]) -> Rows:
        """Join from left to right, item by item."""
        rows = Rows()
        for item in items_of(first, joins):
            current = self._relation(item.first, Rows() if item.joins else rows)
            for join in item.joins:
                current = self._joined(current, join)
            rows = _beside(rows, current)
        return rows

    def _joined(self, left: Rows, join: exp.Expr) -> Rows:
        side = str(join.args.get("side") or "").upper()
        if side == "RIGHT" and len(left.occurrences) != 1:
            raise OddError("a right join after another join")
        right = self._relation(join.this, left, alone=side in ("LEFT", "FULL"))
        together = (*left.fields, *right.fields)
        on, fields = self._condition(left, right, join, together, side)
        if not side:
            both = _beside(left, right)
            return replace(both, conditions=(*both.conditions, *map(Condition, on)), fields=fields)
        if side == "LEFT":
            return replace(_extended(left, right, on), fields=_hidden(fields, together, right.fields))
        if side == "RIGHT":
            return replace(_extended(right, left, on), fields=_hidden(fields, together, left.fields))
        return replace(_full(left, right, on), fields=_hidden(fields, together, together))

    def _condition(
        self, left: Rows, right: Rows, join: exp.Expr, together: tuple[Field, ...], side: str
    ) -> tuple[tuple[exp.Expr, ...], tuple[Field, ...]]:
        """Return the conjuncts that are joined on, and the fields in sight afterwards."""
        if join.args.get("using"):
            return used_columns(left.fields, right.fields, join, side)
        on = join.args.get("on")
        sight = Sight(together, self.place.around)
        parts = conjuncts(on) if on is not None else []
        return tuple(written(part, sight, self.place) for part in parts), together

    def _relation(self, node: exp.Expr, left: Rows, *, alone: bool = False) -> Rows:
        """Return the rows of one relation; `alone` asks for one occurrence. `left` is what UNNEST may name."""
        if node.args.get("sample") is not None:
            raise OddError("TABLESAMPLE")
        if node.args.get("match") is not None:
            raise OddError("MATCH_RECOGNIZE")
        if isinstance(node, exp.Table):
            return self._table(node, alone=alone)
        if isinstance(node, exp.Unnest):
            return self._unnested(node, left)
        if isinstance(node, exp.Subquery) and holds_relation(node.this):
            return self._parentheses(node, alone=alone)
        if isinstance(node, exp.Query | exp.Values):
            rows = self._derived(node, node, self.place, None, alone=alone)
            return self._with_joins(rows, node)
        raise OddError(f"{node.key.upper()} among the relations")

    def _with_joins(self, rows: Rows, node: exp.Expr) -> Rows:
        for join in node.args.get("joins") or ():
            rows = self._joined(rows, join)
        return rows

    def _parentheses(self, node: exp.Expr, *, alone: bool) -> Rows:
        inner = node.this
        rows = self._relation(inner, Rows()) if isinstance(inner, exp.Subquery) else None
        if rows is None:
            rows = self._chain(inner, inner.args.get("joins") or ())
        rows = self._with_joins(_relabelled(rows, node), node)
        if alone and len(rows.occurrences) != 1:
            raise OddError("an outer join with a join in brackets")
        return rows

    def _table(self, node: exp.Expr, *, alone: bool) -> Rows:
        name = node.meta.get("table")
        if name is None:
            return self._named(node, alone=alone)
        described = self.place.ground.tables.get(name)
        if described is None:
            raise OddError(f"nothing is known of {name}")
        alias, version = self.aliases.next(), node.args.get("version")
        occurrence = Occurrence(alias, name, leaf=node, version=version.sql("trino") if version is not None else None)
        number = int(node.meta["relation_id"])
        fields = tuple(Field(c.name, _shared(alias, c.name, c.type), tuple(name), number) for c in described.columns)
        return _relabelled(Rows((occurrence,), (), fields), node)

    def _named(self, node: exp.Expr, *, alone: bool) -> Rows:
        named = self.place.names.get(node.name.lower())
        if named is None:
            raise OddError(f"{node.name} names nothing")
        place = replace(self.place, names=named.names)
        if named.recursive:
            return _relabelled(self._closed(node, named.query, place, None), node)
        return self._derived(named.query, node, place, named)

    def _derived(
        self, query: exp.Expr, node: exp.Expr, place: Place, named: Named | None, *, alone: bool = False
    ) -> Rows:
        """Merge a query in FROM if every row of it is a row of what it reads; else keep it closed."""
        start = self.aliases.taken
        try:
            flat = place.steps.spelled(query, place, self.aliases, merged=True)
            if not _is_plain(flat) or (alone and len(flat.block.occurrences) != 1):
                raise OddError("what groups or cuts rows")
        except OddError:
            self.aliases.taken = start
            return _relabelled(self._closed(node, query, place, named), node)
        self.closed.update(flat.closed)
        block, number = flat.block, int(node.meta["relation_id"])
        names = named.columns if named is not None and named.columns else [o.name.lower() for o in block.outputs]
        shown = zip(names, flat.named, block.outputs, strict=True)
        is_named = named is not None and bool(named.columns)
        fields = tuple(Field(n if own or is_named else None, o.value, (), number) for n, own, o in shown)
        occurrences, conditions = _guarded(flat, query, node)
        return _relabelled(Rows(occurrences, conditions, fields), node)

    def _closed(self, node: exp.Expr, query: exp.Expr, place: Place, named: Named | None) -> Rows:
        """Return one occurrence for what cannot be looked into."""
        alias, number = self.aliases.next(), int(node.meta["relation_id"])
        self.closed[alias] = (query, place)
        shows = node.meta.get("shows", ())
        columns = _columns(shows)
        fields = tuple(
            Field(name.lower(), base_column(alias, name.lower(), kind), (), number)
            if name is not None and kind is not None and [n.lower() for n, _ in columns].count(name.lower()) == 1
            else Field(None, None, (), number)
            for name, kind in shows
        )
        return Rows((Occurrence(alias, None, leaf=node, columns=columns),), (), fields)

    def _unnested(self, node: exp.Expr, left: Rows) -> Rows:
        if node.args.get("offset"):
            raise OddError("WITH ORDINALITY")
        sight = Sight(left.fields, self.place.around)
        leaf = written(node, sight, self.place)
        leaf.meta.update(relation_id=node.meta["relation_id"], shows=node.meta.get("shows", ()))
        rows = self._closed(leaf, leaf, self.place, None)
        alias = node.args.get("alias")
        return replace(
            rows, fields=tuple(replace(f, qualifier=(alias.name.lower(),) if alias else ()) for f in rows.fields)
        )


def _guarded(flat: Flat, query: exp.Expr, node: exp.Expr) -> tuple[tuple[Occurrence, ...], tuple[Condition, ...]]:
    """Mark what policy says: the conditions and masks of barriers. A barrier stands for the table that it reads.

    What a barrier around a view adds stands in no barrier of a table: such tables cannot be read beside a view.
    """
    block, direct = flat.block, _reads_a_table(query)
    if not direct and not node.meta.get("barrier"):
        return block.occurrences, block.conditions
    kept = len(block.conditions) - flat.filters
    conditions = (*block.conditions[:kept], *(replace(each, policed=True) for each in block.conditions[kept:]))
    masked = bool(node.meta.get("barrier")) and _mark_masks(query, block)
    if direct and isinstance(node, exp.Subquery):
        return tuple(replace(each, leaf=node) for each in block.occurrences), conditions
    if not direct and (flat.filters or masked):
        return tuple(replace(each, leaf=None) for each in block.occurrences), conditions
    return block.occurrences, conditions


def _mark_masks(query: exp.Expr, block: Block) -> bool:
    """Note in what a barrier shows instead of a column that policy said it, so that nobody is told what it says."""
    items = query.unnest().expressions if isinstance(query, exp.Subquery) else query.expressions
    masked = [not isinstance(each.unalias(), exp.Column) for each in items]
    for output, is_mask in zip(block.outputs, masked, strict=True):
        if is_mask:
            output.value.meta["policed"] = True
    return any(masked)


def _columns(shows: Sequence[tuple[str | None, TrinoType | None]]) -> tuple[tuple[str, TrinoType], ...]:
    return tuple((name.lower(), kind) for name, kind in shows if name is not None and kind is not None)


def _reads_a_table(query: exp.Expr) -> bool:
    """Tell whether a query is a barrier by its look: in a governed tree nothing else reads a physical table."""
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    alone = isinstance(inner, exp.Select) and not inner.args.get("joins")
    source = inner.args.get("from_") if alone else None
    return source is not None and isinstance(source.this, exp.Table) and "table" in source.this.meta


def _is_plain(flat: Flat) -> bool:
    block = flat.block
    return block.keys is None and not block.distinct and block.top is None and block.odd is None


def _relabelled(rows: Rows, node: exp.Expr) -> Rows:
    """Give fields the alias, the column names and the number of the relation that shows them."""
    alias, number = node.args.get("alias"), int(node.meta["relation_id"])
    if alias is None or alias.args.get("this") is None:
        if isinstance(node, exp.Table) and node.meta.get("table") is None:
            return replace(rows, fields=tuple(replace(f, qualifier=(node.name.lower(),)) for f in rows.fields))
        return rows
    names = [each.name.lower() for each in alias.args.get("columns") or ()] or [f.name for f in rows.fields]
    qualifier = (alias.name.lower(),)
    given = zip(names, rows.fields, strict=True)
    return replace(rows, fields=tuple(Field(name, f.value, qualifier, number) for name, f in given))


def _beside(left: Rows, right: Rows) -> Rows:
    """Return all pairs. A full join among the later ones would also keep what has no partner before it."""
    if left.occurrences and any(each.join == "full" for each in right.occurrences):
        raise OddError("a full join beside another relation")
    return Rows(
        (*left.occurrences, *right.occurrences),
        (*left.conditions, *right.conditions),
        (*left.fields, *right.fields),
    )


def _extended(kept: Rows, other: Rows, on: Sequence[exp.Expr]) -> Rows:
    """Return the rows of a left join."""
    if len(other.occurrences) != 1:
        raise OddError("an outer join with more than one relation")
    conditions = (*on, *(each.value for each in other.conditions))
    guarded = tuple(each.value for each in other.conditions if each.policed)
    joined = replace(other.occurrences[0], join="left", on=conditions, guarded=guarded)
    return Rows((*kept.occurrences, joined), kept.conditions)


def _full(left: Rows, right: Rows, on: Sequence[exp.Expr]) -> Rows:
    if left.conditions or right.conditions or len(right.occurrences) != 1:
        raise OddError("a full join of what is filtered or joined")
    joined = replace(right.occurrences[0], join="full", on=tuple(on))
    return Rows((*left.occurrences, joined))


def _hidden(fields: Sequence[Field], together: Sequence[Field], extended: Sequence[Field]) -> tuple[Field, ...]:
    """Take away values that are not NULL on rows that an outer join extended."""
    missing = {id(each) for each in extended}
    changed = {id(each): sealed(each) for each in together if id(each) in missing}
    return tuple(changed.get(id(each), each) for each in fields)
