"""CREATE and DROP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.statements.parts import QualifiedName
    from catalog.dialect.statements.queries import Query
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """One column of CREATE TABLE; `type` is Trino's type text."""

    name: str
    type: str
    nullable: bool
    comment: str | None
    properties: tuple[tuple[str, exp.Expr | None], ...]
    location: Location


@dataclass(frozen=True, slots=True)
class LikeClause:
    """LIKE table [INCLUDING | EXCLUDING PROPERTIES] among the elements of CREATE TABLE."""

    table: QualifiedName
    including: bool | None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE with a column list. A property's value None is DEFAULT."""

    kind: ClassVar[str] = "CREATE TABLE"
    table: QualifiedName
    elements: tuple[ColumnDefinition | LikeClause, ...]
    replace: bool
    if_not_exists: bool
    comment: str | None
    properties: tuple[tuple[str, exp.Expr | None], ...]


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE AS query."""

    kind: ClassVar[str] = "CREATE TABLE AS SELECT"
    table: QualifiedName
    query: Query
    columns: tuple[str, ...] | None
    replace: bool
    if_not_exists: bool
    comment: str | None
    properties: tuple[tuple[str, exp.Expr | None], ...]
    with_data: bool


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE VIEW; `query.text` is the body as written."""

    kind: ClassVar[str] = "CREATE VIEW"
    view: QualifiedName
    query: Query
    replace: bool
    security: Literal["DEFINER", "INVOKER"] | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class CreateMaterializedView:
    """CREATE [OR REPLACE] MATERIALIZED VIEW; `properties` are the names of those given."""

    kind: ClassVar[str] = "CREATE MATERIALIZED VIEW"
    view: QualifiedName
    query: Query
    properties: tuple[str, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """CREATE SCHEMA [catalog.]schema [AUTHORIZATION owner]."""

    kind: ClassVar[str] = "CREATE SCHEMA"
    schema: QualifiedName
    if_not_exists: bool
    properties: tuple[tuple[str, exp.Expr | None], ...]
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE."""

    kind: ClassVar[str] = "DROP TABLE"
    table: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropView:
    """DROP VIEW."""

    kind: ClassVar[str] = "DROP VIEW"
    view: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropMaterializedView:
    """DROP MATERIALIZED VIEW."""

    kind: ClassVar[str] = "DROP MATERIALIZED VIEW"
    view: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropSchema:
    """DROP SCHEMA [CASCADE | RESTRICT]."""

    kind: ClassVar[str] = "DROP SCHEMA"
    schema: QualifiedName
    if_exists: bool
    cascade: bool
