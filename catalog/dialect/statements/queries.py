"""Queries and what stands around statements: EXPLAIN and the prepared ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.statements import Statement
    from catalog.dialect.statements.session import SetSession
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT, WITH, VALUES, TABLE or a set operation. `text` is the source as written."""

    kind: ClassVar[str] = "SELECT"
    tree: exp.Expr
    text: str


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN or EXPLAIN ANALYZE of a statement; `text` is the inner statement as written."""

    kind: ClassVar[str] = "EXPLAIN"
    analyze: bool
    verbose: bool
    type: Literal["LOGICAL", "DISTRIBUTED", "VALIDATE", "IO"] | None
    format: Literal["TEXT", "GRAPHVIZ", "JSON"] | None
    statement: Statement
    text: str


@dataclass(frozen=True, slots=True)
class ExplainPolicy:
    """EXPLAIN POLICY statement: what policies make of it; the gateway's own, which no engine ever sees."""

    kind: ClassVar[str] = "EXPLAIN POLICY"
    statement: Statement
    text: str


@dataclass(frozen=True, slots=True)
class WithSession:
    """WITH SESSION [catalog.]name = expression, ... query: properties for one query."""

    kind: ClassVar[str] = "WITH SESSION"
    settings: tuple[SetSession, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name FROM statement; `text` is the body exactly as written.

    `statement` is None where it names a type or a value that cannot be: its execution will say so, as on Trino.
    """

    kind: ClassVar[str] = "PREPARE"
    name: str
    text: str
    statement: Statement | None


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE name [USING parameters]."""

    kind: ClassVar[str] = "EXECUTE"
    name: str
    parameters: tuple[exp.Expr, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class ExecuteImmediate:
    """EXECUTE IMMEDIATE 'text' [USING parameters]; `text` is the decoded body, not yet parsed."""

    kind: ClassVar[str] = "EXECUTE IMMEDIATE"
    text: str
    parameters: tuple[exp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Deallocate:
    """DEALLOCATE PREPARE name."""

    kind: ClassVar[str] = "DEALLOCATE"
    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class DescribeInput:
    """DESCRIBE INPUT name."""

    kind: ClassVar[str] = "DESCRIBE INPUT"
    name: str
    location: Location


@dataclass(frozen=True, slots=True)
class DescribeOutput:
    """DESCRIBE OUTPUT name."""

    kind: ClassVar[str] = "DESCRIBE OUTPUT"
    name: str
    location: Location
