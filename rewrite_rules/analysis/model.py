"""What the analysis is given and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp

from catalog.objects import Table, TableName
from catalog.types import TrinoType


@dataclass(frozen=True, slots=True)
class AnalysisContext:
    """Say what a statement may see.

    `tables` holds exactly the columns that the caller may know: an unknown and a withheld column are one error.
    With `strict` every expression must get a type (engines that need the gateway's types); without, what is not
    known stays open and the engine decides.
    """

    catalog: str | None = None
    schema: str | None = None
    tables: Mapping[TableName, Table] = field(default_factory=dict)
    strict: bool = True
    user: str = ""
    time_zone: str = "UTC"
    sql: str = ""
    """The text the tree was parsed from, where known: messages then point at operators, as Trino's do."""
    functions: Sequence[exp.Expr] = ()
    """Inline functions before the query."""
    lineage: bool = False
    """Tell where the values of each result column come from."""


@dataclass(frozen=True, slots=True)
class OutputName:
    """Name and type one column of the result as Trino would; the type is None where it is not known."""

    name: str
    type: TrinoType | None


class ResolvedColumn(NamedTuple):
    """Say what a column reference means; kept in the node's `meta["resolved"]`.

    `relation_id` tells apart the relations of one statement, also two uses of one table. `table` is None for
    columns that do not come straight from a table (subqueries, UNNEST, join columns of USING). `column` is the
    column's name as its relation shows it. `fields` are row fields that the rest of the reference goes into.
    """

    relation_id: int
    table: TableName | None
    column: str
    outer: bool = False
    """The column belongs to an enclosing query."""
    fields: tuple[str, ...] = ()
    output: bool = False
    """In ORDER BY: the name is that of a result column; `relation_id` is then the number of the query itself."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a statement returns and reads."""

    columns: tuple[OutputName, ...]
    columns_read: Mapping[TableName, tuple[str, ...]]
    """Per table the columns that the statement refers to, in the table's order; a table may have none."""
    volatile: bool
    """The answer may differ when asked again: random values, the clock, the session's user or zone."""
    complete: bool = True
    """False where `columns` does not tell all, because a relation in sight is opaque to the gateway."""
    lineage: tuple[frozenset[tuple[TableName, str]], ...] = ()
    """For each result column the table columns from which its values may come; empty unless asked for."""
