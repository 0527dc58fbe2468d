"""What an embedding is: which use of a table in a query each use of a table in a view stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sqlglot import exp

from catalog.materialized_views import ForeignKey, Key
from rewrite_rules.substitution.blocks import Occurrence
from rewrite_rules.substitution.certificate import Proof
from rewrite_rules.substitution.keys import HOLE
from rewrite_rules.substitution.spelling import copied

N = TypeVar("N", bound=exp.Expr)


@dataclass(frozen=True, slots=True)
class Extended:
    """One side of a left join in the view whose partner the query joins inner: rows without a partner must go.

    They go where one of `columns` is NULL, which no row with a partner has so; or by any condition of the query that
    is not TRUE where all columns of the occurrence are NULL.
    """

    alias: str
    """The occurrence, as the query calls it."""
    columns: tuple[exp.Column, ...]


@dataclass(frozen=True, slots=True)
class Back:
    """A table of the view that is read once more, for the columns that the view does not show."""

    occurrence: Occurrence
    """As the query has it."""
    columns: tuple[exp.Column, ...]
    """Of a key, all shown by the view."""
    fact: Key


@dataclass(frozen=True, slots=True)
class Embedding:
    """One way to see a view's joins within a query's. All expressions are over the query's occurrences.

    If the query's conditions imply `required`, then the rows of the view's joins that meet the query's conditions and
    `extended`, joined to `remaining`, are the rows of the query's joins, each as often.
    """

    mapping: Mapping[str, str]
    """From the view's occurrences to the query's; those of `dropped` are not among them."""
    required: tuple[exp.Expr, ...] = ()
    """What holds on all rows of the view's joins that meet `extended`."""
    remaining: tuple[Occurrence, ...] = ()
    """Occurrences of the query that the view has not, joined inner or left, in the order of the query."""
    spared: frozenset[int] = frozenset()
    """Places of the query's conditions that go with occurrences of the query which change no row of it."""
    present: tuple[Key | ForeignKey, ...] = ()
    """What those rely on; it must hold of the base as it is now."""
    dropped: tuple[Occurrence, ...] = ()
    """Occurrences of the view that change no row and no number of rows."""
    partners: Mapping[tuple[str, str], exp.Column] = field(default_factory=dict)
    """For columns of dropped occurrences of the view the columns of the query that have the same values."""
    extended: tuple[Extended, ...] = ()
    back: tuple[Back, ...] = ()
    facts: tuple[Key | ForeignKey, ...] = ()
    """What `dropped` and `back` rely on; it must hold of the very data that the view was computed from."""
    proofs: tuple[Proof, ...] = ()

    @property
    def alike(self) -> bool:
        """Tell whether the query calls all of the view's occurrences as the view does."""
        return not self.dropped and all(own == other for own, other in self.mapping.items())

    def over_query(self, node: exp.Expr) -> exp.Expr | None:
        """Return an expression of the view over the query's occurrences; None where it needs a dropped one."""
        if self.alike:
            return node
        gone = {each.alias for each in self.dropped}
        if any(c.table in gone and (c.table, c.name) not in self.partners for c in node.find_all(exp.Column)):
            return None
        if isinstance(node, exp.Column) and node.table in gone:
            return copied(self.partners[(node.table, node.name)])
        twin = copied(node)
        for column in list(twin.find_all(exp.Column)):  # both sides count from t0: each column is moved once
            if column.table in gone:
                partner = copied(self.partners[(column.table, column.name)])
                partner.meta.update({name: value for name, value in column.meta.items() if name == HOLE})
                column.replace(partner)
            else:
                _call(column, self.mapping)
        return twin


def moved(node: N, mapping: Mapping[str, str]) -> N:
    """Return an expression with occurrences called otherwise; the same where none is."""
    if all(own == other for own, other in mapping.items()):
        return node
    twin = copied(node)
    for column in twin.find_all(exp.Column):
        _call(column, mapping)
    return twin


def _call(column: exp.Column, mapping: Mapping[str, str]) -> None:
    alias = mapping.get(column.table)
    if alias is not None:
        column.set("table", exp.Identifier(this=alias, quoted=True))


def aliases_in(node: exp.Expr) -> frozenset[str]:
    """Return the relations that an expression's columns belong to."""
    return frozenset(column.table for column in node.find_all(exp.Column))
