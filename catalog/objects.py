"""What exists, as frozen data: names, columns, tables, schemas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from catalog.types import TrinoType


class SchemaName(NamedTuple):
    """Name a schema; both parts folded as Trino folds (see `catalog.names`)."""

    catalog: str
    schema: str

    def __str__(self) -> str:
        """Return the dotted form for messages."""
        return f"{self.catalog}.{self.schema}"


class TableName(NamedTuple):
    """Name a table or view; all parts folded as Trino folds."""

    catalog: str
    schema: str
    table: str

    def __str__(self) -> str:
        """Return the dotted form for messages."""
        return f"{self.catalog}.{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Column:
    """Describe one column: its Trino name (lower case), Trino type and the engine's own name."""

    name: str
    type: TrinoType
    comment: str | None = None
    nullable: bool = True
    native_name: str | None = None
    """The engine's spelling where it differs (ClickHouse folds nothing)."""
    native_type: str | None = None
    """The engine's own type where values must be converted on reading (ClickHouse)."""


@dataclass(frozen=True, slots=True)
class View:
    """Hold the body of a view created elsewhere, with the session it resolves names in."""

    sql: str
    catalog: str | None
    schema: str | None
    owner: str | None = None
    security: Literal["DEFINER", "INVOKER"] = "DEFINER"


@dataclass(frozen=True, slots=True)
class Table:
    """Describe one table or view as an engine reported it.

    `version` changes whenever anything a plan depends on does (columns, types, view body). Plans hold the Table
    object itself and are valid while the catalog still returns the same object.
    """

    name: TableName
    columns: tuple[Column, ...]
    engine: str
    kind: Literal["table", "view", "materialized view", "system"] = "table"
    version: str = ""
    comment: str | None = None
    view: View | None = None
    native_name: tuple[str, ...] | None = None
    """The engine's own spelling of (database, table) where it differs from `name`."""
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        """Index the columns by name."""
        object.__setattr__(self, "by_name", {c.name: c for c in self.columns})
