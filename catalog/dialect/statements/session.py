"""What changes the session: USE, SET, RESET, transactions and CALL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.statements.parts import QualifiedName
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class Use:
    """USE [catalog.]schema; parts are raw."""

    kind: ClassVar[str] = "USE"
    catalog: str | None
    schema: str
    location: Location


@dataclass(frozen=True, slots=True)
class SetSession:
    """SET SESSION [catalog.]name = expression."""

    kind: ClassVar[str] = "SET SESSION"
    name: QualifiedName
    value: exp.Expr


@dataclass(frozen=True, slots=True)
class ResetSession:
    """RESET SESSION [catalog.]name."""

    kind: ClassVar[str] = "RESET SESSION"
    name: QualifiedName


@dataclass(frozen=True, slots=True)
class SetTimeZone:
    """SET TIME ZONE; `value` None means LOCAL, else a literal string or interval."""

    kind: ClassVar[str] = "SET TIME ZONE"
    value: exp.Expr | None


@dataclass(frozen=True, slots=True)
class SetPath:
    """SET PATH; each element is one or two raw parts."""

    kind: ClassVar[str] = "SET PATH"
    elements: tuple[QualifiedName, ...]


@dataclass(frozen=True, slots=True)
class SetRole:
    """SET ROLE; `role` None with `all_or_none` set for the forms ALL and NONE."""

    kind: ClassVar[str] = "SET ROLE"
    role: str | None
    all_or_none: Literal["ALL", "NONE"] | None = None
    catalog: str | None = None


@dataclass(frozen=True, slots=True)
class SetSessionAuthorization:
    """SET SESSION AUTHORIZATION user."""

    kind: ClassVar[str] = "SET SESSION AUTHORIZATION"
    user: str


@dataclass(frozen=True, slots=True)
class ResetSessionAuthorization:
    """RESET SESSION AUTHORIZATION."""

    kind: ClassVar[str] = "RESET SESSION AUTHORIZATION"


@dataclass(frozen=True, slots=True)
class StartTransaction:
    """START TRANSACTION; `modes` are upper-case texts as Trino knows them."""

    kind: ClassVar[str] = "START TRANSACTION"
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """COMMIT [WORK]."""

    kind: ClassVar[str] = "COMMIT"


@dataclass(frozen=True, slots=True)
class Rollback:
    """ROLLBACK [WORK]."""

    kind: ClassVar[str] = "ROLLBACK"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a procedure; `name` is None where it is given by position."""

    name: str | None
    value: exp.Expr
    location: Location


@dataclass(frozen=True, slots=True)
class Call:
    """CALL procedure(arguments)."""

    kind: ClassVar[str] = "CALL"
    name: QualifiedName
    arguments: tuple[Argument, ...]
    location: Location
