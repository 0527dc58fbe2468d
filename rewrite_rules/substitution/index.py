"""The index of views: which of a thousand could answer a query, found in much less than a millisecond.

A view is a candidate when the query reads the tables that it cannot do without, and when each column that the query
needs of its tables stands somewhere in what it shows or, if it is only compared, in its conditions. Columns are bits of
one number. What could still come from elsewhere is not asked for: a column that is equal to another, the value of one
that is equal to a constant, a count of a column without NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.objects import TableName
from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.keys import Key
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.prepare import Prepared


@dataclass(frozen=True, slots=True)
class _Entry:
    """What of a view the filter looks at."""

    view: Prepared
    needs: frozenset[TableName]
    """Tables that it cannot do without."""
    reads: int
    """All columns of its tables, but for those that can be joined back."""
    shows: int
    """Columns that stand in its outputs."""
    knows: int
    """Those, and the columns of its conditions."""


class ViewIndex:
    """Prepared views, by the tables and columns that they hold. It is made once and never changes."""

    __slots__ = ("_bits", "_by_print", "_by_table", "_ground", "_replicas", "_tables", "_whole", "views")

    def __init__(self, views: Iterable[Prepared], ground: Ground) -> None:
        """Index views over a ground; the order of views is kept among equals."""
        self.views = tuple(views)
        self._ground = ground
        self._bits: dict[tuple[TableName, str], int] = {}
        self._tables = frozenset(name for view in self.views for name in view.tables)
        self._by_print: dict[Key, list[Prepared]] = {}
        self._by_table: dict[TableName, list[_Entry]] = {}
        self._whole = frozenset(name for view in self.views if view.is_replica for name in view.tables)
        self._replicas: ViewIndex | None = None
        for view in self.views:
            if view.why is None:
                self._by_print.setdefault(view.print, []).append(view)
            if view.why is None and not view.exact_only:
                entry = self._entry(view)
                for name in {each.table for each in view.block.occurrences if each.table is not None}:
                    self._by_table.setdefault(name, []).append(entry)

    def over(self, tables: Iterable[TableName]) -> bool:
        """Tell whether any view, usable or not, has one of these tables below it."""
        return not self._tables.isdisjoint(tables)

    def holds_whole(self, tables: Iterable[TableName]) -> bool:
        """Tell whether each of these tables has a view that holds its rows as they are."""
        return bool(self._whole) and self._whole.issuperset(tables)

    @property
    def replicas(self) -> ViewIndex:
        """Return an index of the views that hold a table's rows as they are."""
        if self._replicas is None:
            self._replicas = ViewIndex((view for view in self.views if view.is_replica), self._ground)
        return self._replicas

    def by_fingerprint(self, found: Key) -> tuple[Prepared, ...]:
        """Return the views whose definition has this fingerprint; they may not be of the same freshness."""
        return tuple(self._by_print.get(found, ()))

    def candidates(self, block: Block) -> tuple[Prepared, ...]:
        """Return the views that may answer a block, or part of it; each other one cannot."""
        return tuple(entry.view for lacking, entry in self._ranked(block) if not lacking)

    def nearest(self, block: Block, most: int) -> tuple[tuple[Prepared, tuple[str, ...]], ...]:
        """Return views over the block's tables with the columns that they lack, those that lack least first."""
        ranked = sorted(self._ranked(block), key=lambda pair: pair[0].bit_count())
        return tuple((entry.view, self._named(lacking)) for lacking, entry in ranked[:most])

    def unusable(self, tables: Iterable[TableName]) -> tuple[Prepared, ...]:
        """Return the views over these tables that may not be used, each with its `why`."""
        wanted = frozenset(tables)
        return tuple(view for view in self.views if view.why is not None and not wanted.isdisjoint(view.tables))

    def _entry(self, view: Prepared) -> _Entry:
        block = view.block
        tables = {each.alias: each.table for each in block.occurrences}
        columns = {name: self._all_of(name) for name in tables.values() if name is not None}
        values = [each.output.value for each in view.shown]
        values += [argument for each in view.kept for argument in each.arguments]
        conditions = [each.value for each in block.conditions]
        shows = self._columns(values, tables)
        knows = shows | self._columns([*conditions, *(on for each in block.occurrences for on in each.on)], tables)
        equal, _ = self._given(conditions, tables)
        back = self._joined_back(shows | equal) if len(tables) > 1 else frozenset()
        reads = sum(bits for name, bits in columns.items() if name not in back)
        return _Entry(view, _needed(block.occurrences, self._ground), reads, shows, knows)

    def _all_of(self, name: TableName) -> int:
        """Return all columns of a table, which get their bits here."""
        places = (
            self._bits.setdefault((name, each.name), len(self._bits)) for each in self._ground.tables[name].columns
        )
        return sum(1 << place for place in places)

    def _joined_back(self, shown: int) -> frozenset[TableName]:
        """Return the tables of which a view shows, or makes equal to something, all columns of a key."""
        return frozenset(
            fact.table
            for fact in self._ground.facts.keys
            if all(
                shown >> place & 1 if (place := self._bits.get((fact.table, n))) is not None else False
                for n in fact.columns
            )
        )

    def _ranked(self, block: Block) -> list[tuple[int, _Entry]]:
        """Return the views over the block's tables, each with the columns that it lacks."""
        tables = {each.alias: each.table for each in block.occurrences}
        present = {each for each in tables.values() if each is not None}
        entries = self._over(present)
        if not entries:
            return []
        shown, asked = self._asked(block, tables)
        return [((shown & ~each.shows | asked & ~each.knows) & each.reads, each) for each in entries]

    def _over(self, present: set[TableName]) -> list[_Entry]:
        """Return the views that need no other tables than these, each once."""
        named = [entry for name in present for entry in self._by_table.get(name, ())]
        entries = named if len(present) == 1 else list({id(entry): entry for entry in named}.values())
        return [entry for entry in entries if entry.needs <= present]

    def _asked(self, block: Block, tables: Mapping[str, TableName | None]) -> tuple[int, int]:
        """Return the columns that a query shows or computes with, and those that it only compares."""
        values = [output.value for output in block.outputs]
        if block.keys is not None:
            values = [*(_uncounted(value, tables, self._ground) for value in values), *block.keys]
            values += [_uncounted(part, tables, self._ground) for part in block.having]
        conditions = [condition.value for condition in block.conditions]
        conditions += [on for occurrence in block.occurrences for on in occurrence.on]
        equal, constant = self._given(conditions, tables)
        shown = self._columns(values, tables) & ~equal & ~constant
        return shown, self._columns(conditions, tables) & ~equal

    def _given(self, conditions: Iterable[exp.Expr], tables: Mapping[str, TableName | None]) -> tuple[int, int]:
        """Return the columns that some condition makes equal to another column, and those to a constant."""
        equal = constant = 0
        for node in (condition.unnest() for condition in conditions):
            if isinstance(node, exp.EQ | exp.NullSafeEQ):
                sides = [side for each in (node.this, node.expression) if isinstance(side := each.unnest(), exp.Column)]
                if len(sides) == 2:
                    equal |= self._columns(sides, tables)
                else:
                    constant |= self._columns(sides, tables)
            elif isinstance(node, exp.Is) or (isinstance(node, exp.In) and len(node.expressions) == 1):
                constant |= self._columns([node.this], tables)
        return equal, constant

    def _columns(self, nodes: Iterable[exp.Expr], tables: Mapping[str, TableName | None]) -> int:
        """Return the columns in expressions; those of tables under no view have no bit."""
        found = 0
        for node in nodes:
            for column in node.find_all(exp.Column):
                name = tables.get(column.table)
                position = self._bits.get((name, column.name)) if name is not None else None
                if position is not None:
                    found |= 1 << position
        return found

    def _named(self, bits: int) -> tuple[str, ...]:
        return tuple(column for (_, column), position in self._bits.items() if bits >> position & 1)


def _needed(occurrences: tuple[Occurrence, ...], ground: Ground) -> frozenset[TableName]:
    """Return the tables of a view that a query must read: no key could prove that their join changes nothing."""
    keyed = {key.table for key in ground.facts.keys}
    return frozenset(each.table for each in occurrences if each.table is not None and each.table not in keyed)


def _uncounted(value: exp.Expr, tables: Mapping[str, TableName | None], ground: Ground) -> exp.Expr:
    """Return an output without `count(x)` of a column that is never NULL: it counts rows."""
    if not isinstance(value, exp.Anonymous) or value.name.lower() != "count" or len(value.expressions) != 1:
        return value
    argument = value.expressions[0].unnest()
    name = tables.get(argument.table) if isinstance(argument, exp.Column) else None
    table = ground.tables.get(name) if name is not None else None  # None of a table under no view
    column = table.by_name.get(argument.name) if table is not None else None
    return exp.Star() if column is not None and not column.nullable else value
