"""What changes the rows of tables, and what is stored about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.statements.parts import QualifiedName
    from catalog.dialect.statements.queries import Query
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT INTO table [(columns)] query."""

    kind: ClassVar[str] = "INSERT"
    table: QualifiedName
    columns: tuple[str, ...] | None
    query: Query


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE FROM table [WHERE condition]."""

    kind: ClassVar[str] = "DELETE"
    table: QualifiedName
    where: exp.Expr | None


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE table SET column = expression, ... [WHERE condition]."""

    kind: ClassVar[str] = "UPDATE"
    table: QualifiedName
    assignments: tuple[tuple[str, exp.Expr], ...]
    where: exp.Expr | None


@dataclass(frozen=True, slots=True)
class MergeCase:
    """One WHEN of a MERGE; `columns` None stands for all columns of the table, in order."""

    action: Literal["insert", "update", "delete"]
    condition: exp.Expr | None
    columns: tuple[str, ...] | None = ()
    values: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """MERGE INTO table USING source ON condition WHEN ...; `source` is a relation with its alias."""

    kind: ClassVar[str] = "MERGE"
    table: QualifiedName
    alias: str | None
    source: exp.Expr
    condition: exp.Expr
    cases: tuple[MergeCase, ...]


@dataclass(frozen=True, slots=True)
class Truncate:
    """TRUNCATE TABLE table."""

    kind: ClassVar[str] = "TRUNCATE TABLE"
    table: QualifiedName


@dataclass(frozen=True, slots=True)
class Analyze:
    """ANALYZE table [WITH (properties)]; a value None is DEFAULT."""

    kind: ClassVar[str] = "ANALYZE"
    table: QualifiedName
    properties: tuple[tuple[str, exp.Expr | None], ...]


@dataclass(frozen=True, slots=True)
class RefreshMaterializedView:
    """REFRESH MATERIALIZED VIEW view."""

    kind: ClassVar[str] = "REFRESH MATERIALIZED VIEW"
    view: QualifiedName
    location: Location
