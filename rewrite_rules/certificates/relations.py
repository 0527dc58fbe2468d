"""Relations: what queries mean, flattened: one level of joins, conditions, groups and outputs where laws allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from catalog.objects import TableName
from rewrite_rules.certificates.terms import Term, has_aggregate, has_window, is_volatile

Join = Literal["inner", "left", "full"]


@dataclass(frozen=True, slots=True)
class Occ:
    """One use of a table, or of a query that no law takes apart."""

    id: int
    """Unique in all that one certificate's texts mean."""
    source: TableName | Relation | Term
    """A term for VALUES and UNNEST."""
    join: Join = "inner"
    """To all before it; `left`: the rows before it are kept."""
    on: frozenset[Term] = frozenset()
    """Of an outer join; an inner join's conditions are the relation's."""
    version: Any = None
    """What FOR ... AS OF says."""
    strict: frozenset[str] = frozenset()
    """Of a table: its columns that are NOT NULL, as long as no outer join extends it."""


@dataclass(frozen=True, slots=True)
class Top:
    """What stands on top of a relation."""

    order: tuple[tuple[Term, bool, bool], ...] = ()
    """(value, descending, NULLs first)."""
    limit: Any = None
    offset: Any = None

    def __bool__(self) -> bool:
        """Tell whether anything does."""
        return bool(self.order) or self.limit is not None or self.offset is not None


@dataclass(frozen=True, slots=True)
class Rel:
    """SELECT outputs FROM occurrences WHERE conditions GROUP BY keys HAVING having."""

    names: tuple[str, ...]
    outputs: tuple[Term, ...]
    occs: tuple[Occ, ...]
    conds: frozenset[Term] = frozenset()
    keys: frozenset[Term] | None = None
    """None: not grouped."""
    keyed: bool = False
    """Grouped so that no row gives no group; False with keys: one group always."""
    having: frozenset[Term] = frozenset()
    top: Top = field(default_factory=Top)
    odd: bool = False
    """GROUPING SETS and their like: compared as it stands."""

    @property
    def plain(self) -> bool:
        """Tell whether it only selects, joins and computes, row by row."""
        return self.keys is None and not self.top and not self.odd and not any(map(has_window, self.outputs))

    @property
    def grouped(self) -> bool:
        """Tell whether it groups and nothing else."""
        return self.keys is not None and not self.top and not self.odd and not any(map(has_window, self.outputs))

    def terms(self) -> Iterator[Term]:
        """Yield all terms in it."""
        yield from self.outputs
        yield from self.conds
        yield from self.keys or ()
        yield from self.having
        yield from (value for value, _, _ in self.top.order)
        for occ in self.occs:
            yield from occ.on
            if isinstance(occ.source, tuple) and not isinstance(occ.source, TableName):
                yield occ.source

    @property
    def volatile(self) -> bool:
        """Tell whether its rows may be others when it is asked again."""
        inner = (occ.source for occ in self.occs if isinstance(occ.source, Rel | Union))
        return any(map(is_volatile, self.terms())) or any(each.volatile for each in inner)

    @property
    def aggregates(self) -> bool:
        """Tell whether some output is more than a key."""
        return any(map(has_aggregate, self.outputs))


@dataclass(frozen=True, slots=True)
class Union:
    """A set operation over relations."""

    op: str
    """`UNION ALL`, `UNION`, `INTERSECT`, `EXCEPT`, ..."""
    names: tuple[str, ...]
    parts: tuple[Relation, ...]
    top: Top = field(default_factory=Top)

    @property
    def volatile(self) -> bool:
        """Tell whether its rows may be others when it is asked again."""
        return any(each.volatile for each in self.parts)


Relation = Rel | Union


def mapped(rel: Rel, change: Callable[[Term], Term]) -> Rel:
    """Return a relation with every term changed."""
    return replace(
        rel,
        outputs=tuple(map(change, rel.outputs)),
        conds=frozenset(map(change, rel.conds)),
        keys=None if rel.keys is None else frozenset(map(change, rel.keys)),
        having=frozenset(map(change, rel.having)),
        top=replace(rel.top, order=tuple((change(value), down, first) for value, down, first in rel.top.order)),
        occs=tuple(_mapped(occ, change) for occ in rel.occs),
    )


def _mapped(occ: Occ, change: Callable[[Term], Term]) -> Occ:
    source = occ.source
    if isinstance(source, tuple) and not isinstance(source, TableName):
        source = change(source)
    return replace(occ, source=source, on=frozenset(map(change, occ.on)))


def conjuncts(condition: Term) -> frozenset[Term]:
    """Return the conditions that one is made of."""
    if condition[0] == "and":
        return condition[1]  # type: ignore[no-any-return]  # a term is a nested tuple
    return frozenset({condition})
