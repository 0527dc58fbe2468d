"""Row and column policies as statements: the gateway's own DDL, which no engine ever sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from catalog.dialect.statements.parts import Pattern, QualifiedName
    from catalog.errors import Location

PolicyKind = Literal["ROW", "COLUMN"]


@dataclass(frozen=True, slots=True)
class Grantee:
    """Whom a policy is about: a role, a single user, a group, or everybody; the name is raw."""

    category: Literal["ROLE", "USER", "GROUP", "ALL"]
    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class PolicyText:
    """An SQL expression of a policy: checked to be one, kept as written."""

    text: str
    location: Location


@dataclass(frozen=True, slots=True)
class CreateRowPolicy:
    """CREATE ROW POLICY name ON table [FOR SELECT] USING condition TO grantees."""

    kind: ClassVar[str] = "CREATE ROW POLICY"
    name: str
    table: QualifiedName
    condition: PolicyText
    grantees: tuple[Grantee, ...]
    replace: bool
    if_not_exists: bool
    location: Location


@dataclass(frozen=True, slots=True)
class CreateColumnPolicy:
    """CREATE COLUMN POLICY name ON table MODIFY column TO expression FOR grantees."""

    kind: ClassVar[str] = "CREATE COLUMN POLICY"
    name: str
    table: QualifiedName
    column: str
    column_location: Location
    mask: PolicyText
    grantees: tuple[Grantee, ...]
    replace: bool
    if_not_exists: bool
    location: Location


@dataclass(frozen=True, slots=True)
class DropPolicy:
    """DROP ROW | COLUMN POLICY name ON table."""

    policy: PolicyKind
    name: str
    table: QualifiedName
    if_exists: bool
    location: Location

    @property
    def kind(self) -> str:
        """Return the statement's name."""
        return f"DROP {self.policy} POLICY"


@dataclass(frozen=True, slots=True)
class ShowPolicies:
    """SHOW ROW | COLUMN POLICIES [ON table] [LIKE pattern]."""

    policy: PolicyKind
    table: QualifiedName | None = None
    pattern: Pattern | None = None

    @property
    def kind(self) -> str:
        """Return the statement's name."""
        return f"SHOW {self.policy} POLICIES"


@dataclass(frozen=True, slots=True)
class ShowCreatePolicy:
    """SHOW CREATE ROW | COLUMN POLICY name ON table."""

    policy: PolicyKind
    name: str
    table: QualifiedName
    location: Location

    @property
    def kind(self) -> str:
        """Return the statement's name."""
        return f"SHOW CREATE {self.policy} POLICY"
