"""What an engine itself says of a statement: the tables and columns that it reads, views opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from catalog.objects import TableName
from engines.base import EngineStatement


class Read(msgspec.Struct, frozen=True):
    """One object that an engine reads, by the engine's own names."""

    table: TableName
    columns: frozenset[str] = frozenset()
    """Columns that the engine names; what they stand for is the question's matter."""
    view: str | None = None
    """The text of a view, where the object is one."""
    through: tuple[TableName, ...] = ()
    """The views by way of which it is read, the one next to it first."""


class Reads(msgspec.Struct, frozen=True):
    """All that an engine says it reads, or would."""

    reads: tuple[Read, ...]
    foreign: tuple[str, ...] = ()
    """What it reads that is no table of a catalog: functions that give tables, by their names."""
    versions: Mapping[TableName, str | None] = msgspec.field(default_factory=dict)
    """How the engine describes the tables now, where it was asked: None for one that is gone."""


class Unanswered(Exception):  # noqa: N818  (named for what became of the question)
    """Say that an engine did not tell what a statement reads; never shown to clients."""

    def __init__(self, reason: str, error: bytes | None = None) -> None:
        """Keep the engine's own error page member, where it gave one."""
        super().__init__(reason)
        self.error = error


@runtime_checkable
class ForetellingEngine(Protocol):
    """An engine that says before a statement runs what it would read."""

    async def foretell(self, statement: EngineStatement) -> Reads:
        """Say what the statement, which is a query in the engine's dialect, would read.

        Cancelling ends the question on the engine too. Raises Unanswered.
        """
        ...


@runtime_checkable
class WitnessingEngine(Protocol):
    """An engine that says of a query under way what it reads."""

    async def witness(self, query_id: str, user: str) -> Reads:
        """Say which tables and columns a user's query, by the engine's own id, reads. Raises Unanswered."""
        ...
