"""What the engine needs of a way to reach ClickHouse; `http` and `embedded` are the two there are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engines.clickhouse.decode import Column

KILL_SQL = "KILL QUERY WHERE Settings['log_comment'] = {tag:String} ASYNC"
"""Ends a query by the tag it carries (settings.py), which works over HTTP and in process alike."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a result: its columns' ClickHouse types, and the values column by column."""

    types: tuple[str, ...]
    columns: Sequence[Column]


class Connection(Protocol):
    """Reach one ClickHouse. All methods raise only Refusal."""

    prompt: bool
    """Whether its query log can be asked as soon as a query has ended."""

    def stream(self, sql: str, settings: Mapping[str, str], tag: str) -> AsyncGenerator[Block, None]:
        """Run a query and yield its blocks as they come; closing the generator early ends the query."""
        ...

    async def rows(self, sql: str, parameters: Mapping[str, str]) -> Sequence[Sequence[str]]:
        """Run one of the engine's own catalog queries and return all its rows."""
        ...

    async def run(self, sql: str, settings: Mapping[str, str]) -> None:
        """Run a statement of the gateway's own that answers nothing: for tables that it keeps itself."""
        ...

    async def flush_log(self) -> None:
        """Have the query log tell of what has ended, where that costs the server nothing."""
        ...

    async def kill(self, tag: str) -> None:
        """Ask the server to end the query that carries a tag; unknown tags and failures are passed over."""
        ...

    async def close(self) -> None:
        """Release everything."""
        ...
