"""CREATE and DROP FUNCTION."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.statements.parts import QualifiedName
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """CREATE [OR REPLACE] FUNCTION; `function` is as before a query, without a name by which it could call itself."""

    kind: ClassVar[str] = "CREATE FUNCTION"
    name: QualifiedName
    function: exp.Expr
    location: Location


@dataclass(frozen=True, slots=True)
class DropFunction:
    """DROP FUNCTION [IF EXISTS] name(types)."""

    kind: ClassVar[str] = "DROP FUNCTION"
    name: QualifiedName
    if_exists: bool
