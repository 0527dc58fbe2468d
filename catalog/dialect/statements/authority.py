"""GRANT, REVOKE, DENY and roles: statements that are read to their end, so that each is refused for its own reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from catalog.dialect.statements.parts import QualifiedName
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class ChangePrivileges:
    """GRANT, REVOKE or DENY of privileges ON an object; `privileges` None is ALL PRIVILEGES, else as written."""

    kind: Literal["GRANT", "REVOKE", "DENY"]
    privileges: tuple[str, ...] | None
    object_kind: str
    """`TABLE` where nothing is written."""
    name: QualifiedName
    location: Location


@dataclass(frozen=True, slots=True)
class ChangeRoles:
    """GRANT or REVOKE of roles; `named` are all roles in it: those given, then those of grantees and of the grantor."""

    kind: Literal["GRANT", "REVOKE"]
    named: tuple[str, ...]
    catalog: str | None
    location: Location


@dataclass(frozen=True, slots=True)
class CreateRole:
    """CREATE ROLE role [WITH ADMIN grantor] [IN catalog]; `admin` is a grantor that is a role."""

    kind: ClassVar[str] = "CREATE ROLE"
    role: str
    admin: str | None
    catalog: str | None
    location: Location


@dataclass(frozen=True, slots=True)
class DropRole:
    """DROP ROLE [IF EXISTS] role [IN catalog]."""

    kind: ClassVar[str] = "DROP ROLE"
    role: str
    if_exists: bool
    catalog: str | None
    location: Location
