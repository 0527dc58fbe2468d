"""ALTER and COMMENT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.statements.definitions import ColumnDefinition
    from catalog.dialect.statements.parts import QualifiedName
    from catalog.errors import Location

    Owned = Literal["TABLE", "VIEW", "SCHEMA"]


@dataclass(frozen=True, slots=True)
class Rename:
    """ALTER TABLE, VIEW or MATERIALIZED VIEW name RENAME TO target."""

    kind: ClassVar[str] = "RENAME"
    object_kind: Literal["TABLE", "VIEW", "MATERIALIZED VIEW"]
    name: QualifiedName
    target: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class RenameSchema:
    """ALTER SCHEMA schema RENAME TO target."""

    kind: ClassVar[str] = "RENAME SCHEMA"
    schema: QualifiedName
    target: str


@dataclass(frozen=True, slots=True)
class AddColumn:
    """ALTER TABLE table ADD COLUMN; `within` is the path of the row column that gets a field."""

    kind: ClassVar[str] = "ADD COLUMN"
    table: QualifiedName
    column: ColumnDefinition
    if_exists: bool
    if_not_exists: bool
    within: tuple[str, ...] = ()
    first: bool = False
    after: str | None = None


@dataclass(frozen=True, slots=True)
class DropColumn:
    """ALTER TABLE table DROP COLUMN column; further parts of `column` name a field of it."""

    kind: ClassVar[str] = "DROP COLUMN"
    table: QualifiedName
    column: QualifiedName
    if_exists: bool
    column_if_exists: bool


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """ALTER TABLE table RENAME COLUMN column TO target."""

    kind: ClassVar[str] = "RENAME COLUMN"
    table: QualifiedName
    column: QualifiedName
    target: str
    if_exists: bool
    column_if_exists: bool


@dataclass(frozen=True, slots=True)
class SetColumnType:
    """ALTER TABLE table ALTER COLUMN column SET DATA TYPE type; `type` is Trino's type text."""

    kind: ClassVar[str] = "SET COLUMN TYPE"
    table: QualifiedName
    column: QualifiedName
    type: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropNotNull:
    """ALTER TABLE table ALTER COLUMN column DROP NOT NULL."""

    kind: ClassVar[str] = "DROP NOT NULL"
    table: QualifiedName
    column: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class SetProperties:
    """ALTER TABLE or MATERIALIZED VIEW name SET PROPERTIES; a value None is DEFAULT."""

    kind: ClassVar[str] = "SET PROPERTIES"
    object_kind: Literal["TABLE", "MATERIALIZED VIEW"]
    name: QualifiedName
    properties: tuple[tuple[str, exp.Expr | None], ...]


@dataclass(frozen=True, slots=True)
class SetAuthorization:
    """ALTER of an object SET AUTHORIZATION somebody; `role` is who, if that is a role."""

    kind: ClassVar[str] = "SET AUTHORIZATION"
    object_kind: Owned
    name: QualifiedName
    role: str | None
    location: Location


@dataclass(frozen=True, slots=True)
class ExecuteProcedure:
    """ALTER TABLE table EXECUTE procedure [(arguments)] [WHERE condition]."""

    kind: ClassVar[str] = "ALTER TABLE EXECUTE"
    table: QualifiedName
    procedure: str
    arguments: tuple[tuple[str | None, exp.Expr], ...]
    where: exp.Expr | None
    location: Location


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON an object IS text; a column's name is the last part of `name`."""

    kind: ClassVar[str] = "COMMENT"
    object_kind: Literal["TABLE", "VIEW", "COLUMN"]
    name: QualifiedName
    text: str | None
