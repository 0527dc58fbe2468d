"""ALTER and COMMENT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from catalog.dialect.statements.definitions import ColumnDefinition
    from catalog.dialect.statements.parts import QualifiedName


@dataclass(frozen=True, slots=True)
class Rename:
    """ALTER TABLE or ALTER VIEW name RENAME TO target."""

    kind: ClassVar[str] = "RENAME"
    object_kind: Literal["TABLE", "VIEW"]
    name: QualifiedName
    target: QualifiedName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AddColumn:
    """ALTER TABLE table ADD COLUMN."""

    kind: ClassVar[str] = "ADD COLUMN"
    table: QualifiedName
    column: ColumnDefinition
    if_exists: bool
    if_not_exists: bool


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON an object IS text; a column's name is the last part of `name`."""

    kind: ClassVar[str] = "COMMENT"
    object_kind: Literal["TABLE", "VIEW", "COLUMN"]
    name: QualifiedName
    text: str | None
