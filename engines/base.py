"""The one interface that every engine implements: describe, submit, page, cancel, health.

Results cross this seam as pages of the Trino protocol: raw JSON members, never decoded rows. A *cursor* is an opaque
string that names the next page; asking the same cursor twice gives the same page (trino-protocol section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import TrinoType
from engines.spooled import Spooled

STARTED_TRANSACTION = "X-Trino-Started-Transaction-Id"
"""The header of a page by which an engine names the transaction that it has begun."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """Name and type one column of a result, exactly as Trino would."""

    name: str
    type: TrinoType


@dataclass(frozen=True, slots=True)
class Write:
    """Say what a statement changes, for engines that write by an API rather than by SQL text (the lake).

    `query` and `predicate` are governed text in the engine's dialect. `columns` are the columns to create, or the
    insert list in written order; `assignments` pair a column with its expression (UPDATE), in the engine's dialect.
    """

    kind: Literal[
        "create table",
        "create table as",
        "insert",
        "delete",
        "update",
        "merge",
        "drop table",
        "rename",
        "rename schema",
        "alter table",
        "comment",
        "truncate",
        "analyze",
        "execute procedure",
        "create schema",
        "drop schema",
    ]
    target: TableName | SchemaName
    columns: tuple[Column, ...] = ()
    query: str | None = None
    predicate: str | None = None
    assignments: tuple[tuple[str, str], ...] = ()
    tolerate: bool = False
    """IF EXISTS or IF NOT EXISTS was written."""
    cascade: bool = False
    with_data: bool = True


class EngineStatement(msgspec.Struct, frozen=True):
    """Carry one governed statement to an engine."""

    sql: str
    """Generated text in the engine's own dialect. Never the user's."""
    user: str
    catalog: str | None
    schema: str | None
    time_zone: str
    columns: tuple[OutputColumn, ...] | None = None
    """The result's columns where the gateway computed them (lake, ClickHouse); None lets Trino say."""
    tables: tuple[Table, ...] = ()
    """The physical tables read or written, as the plan saw them."""
    session_properties: Mapping[str, str] = msgspec.field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    """Further client headers allowed to travel to a Trino engine (capabilities, client tags, source)."""
    capabilities: frozenset[str] = frozenset()
    update_type: str | None = None
    """`CREATE TABLE`, `INSERT`, ... for statements that answer with an update count."""
    write: Write | None = None
    caller: object = None
    """Opaque to engines: what the metadata provider needs to know of the caller."""
    transaction: str | None = None
    """The engine's own id of the transaction that the statement belongs to."""
    prepared: tuple[str, str] | None = None
    """Name and governed text of a statement that `sql` speaks of as prepared; Trino only."""
    trace: str | None = None
    """The gateway's query id, for the engine's own log."""
    max_scan_bytes: int | None = None
    """Bytes it may read from storage; an engine that can stops it beyond, with EXCEEDED_SCAN_LIMIT."""


class ResultPage(msgspec.Struct, frozen=True):
    """One page of a result.

    `members` are top-level members of a QueryResults object as raw JSON (`columns`, `data`, `stats`, `warnings`,
    `error`, `updateType`, `updateCount`), without `id` and the URIs, which belong to the gateway.
    """

    members: Mapping[str, bytes]
    next: str | None
    partial_cancel: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    rows: int = 0
    bytes: int = 0
    state: str = "RUNNING"
    failed: str | None = None
    """The error name when `members` holds an error."""
    scanned_bytes: int | None = None
    """Bytes the engine has read so far for the whole statement; None where it does not say."""
    scanned_soon: bool = False
    """On the last page: its engine knows the bytes in a moment, and `actuals` waits for them."""
    spooled: Spooled | None = None
    """The data, where they lie in segments; their addresses are paths at the engine."""


class Submission(msgspec.Struct, frozen=True):
    """Answer of `submit`: the engine's query id and the cursor of the first page."""

    query_id: str | None
    """The engine's own id; None where the gateway's id is used."""
    cursor: str
    page: ResultPage | None = None
    """What the engine already said, when submitting gave a page."""


@dataclass(frozen=True, slots=True)
class Health:
    """Say whether an engine answers, and if not why (for operators, not for clients)."""

    healthy: bool
    detail: str = ""


class Engine(Protocol):
    """Execute governed statements and describe what exists. All methods raise only `catalog.errors.Refusal`."""

    name: str
    kind: str
    """`trino`, `clickhouse` or `lake`: decides the dialect of `EngineStatement.sql`."""
    catalogs: tuple[str, ...]

    async def start(self) -> None:
        """Open connections; must not wait for the engine to be up."""
        ...

    async def close(self) -> None:
        """Cancel what still runs and release everything."""
        ...

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the schemas of a catalog."""
        ...

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Describe every table of a catalog, in as few round trips as the engine allows."""
        ...

    async def describe(self, name: TableName) -> Table | None:
        """Describe one table now; None if it does not exist."""
        ...

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        """Hand over a statement. Engines that produce pages themselves begin work at the first `page`."""
        ...

    async def page(self, cursor: str) -> ResultPage:
        """Return the page a cursor names, waiting at most about a second. Same cursor, same page."""
        ...

    async def heartbeat(self, cursor: str) -> bool:
        """Keep a query alive without moving it; False if it is unknown."""
        ...

    async def cancel(self, cursor: str) -> None:
        """Cancel the query a cursor belongs to; idempotent."""
        ...

    async def health(self) -> Health:
        """Probe the engine."""
        ...
