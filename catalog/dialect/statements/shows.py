"""SHOW and DESCRIBE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from catalog.dialect.statements.parts import Pattern, QualifiedName
    from catalog.dialect.statements.queries import Query


@dataclass(frozen=True, slots=True)
class ShowCatalogs:
    """SHOW CATALOGS."""

    kind: ClassVar[str] = "SHOW CATALOGS"
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowSchemas:
    """SHOW SCHEMAS [FROM catalog]."""

    kind: ClassVar[str] = "SHOW SCHEMAS"
    catalog: QualifiedName | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowTables:
    """SHOW TABLES [FROM [catalog.]schema]."""

    kind: ClassVar[str] = "SHOW TABLES"
    schema: QualifiedName | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowColumns:
    """SHOW COLUMNS FROM table; DESCRIBE and DESC are the same statement."""

    kind: ClassVar[str] = "SHOW COLUMNS"
    table: QualifiedName
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowFunctions:
    """SHOW FUNCTIONS [FROM [catalog.]schema]."""

    kind: ClassVar[str] = "SHOW FUNCTIONS"
    schema: QualifiedName | None = None
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowSession:
    """SHOW SESSION."""

    kind: ClassVar[str] = "SHOW SESSION"
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ShowCreate:
    """SHOW CREATE of an object; `object_kind` is the object's kind."""

    kind: ClassVar[str] = "SHOW CREATE"
    object_kind: Literal["TABLE", "SCHEMA", "VIEW", "MATERIALIZED VIEW", "FUNCTION"]
    name: QualifiedName


@dataclass(frozen=True, slots=True)
class ShowStats:
    """SHOW STATS FOR a table or for a query; exactly one of the two is set."""

    kind: ClassVar[str] = "SHOW STATS"
    table: QualifiedName | None = None
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class ShowRoles:
    """SHOW [CURRENT] ROLES [FROM catalog]."""

    kind: ClassVar[str] = "SHOW ROLES"
    current: bool = False
    catalog: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class ShowRoleGrants:
    """SHOW ROLE GRANTS [FROM catalog]."""

    kind: ClassVar[str] = "SHOW ROLE GRANTS"
    catalog: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class ShowGrants:
    """SHOW GRANTS [ON [kind] object]."""

    kind: ClassVar[str] = "SHOW GRANTS"
    object_kind: str | None = None
    name: QualifiedName | None = None
