"""What a house keeps its tables in: the seam between the pipeline and an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from catalog.cache import Source
from catalog.objects import TableName
from engines.base import EngineStatement, Write
from tests.fuzz.world import Relation


class Store(Protocol):
    """Keep tables and run governed statements over them."""

    kind: str
    """The kind of engine, and its name here."""

    async def hold(self, relations: Mapping[str, Relation], *, write: bool, hidden: bool) -> Source:
        """Hold these tables in the world's schema; `hidden` says that the schema itself does not exist.

        Without `write` their rows are there already.
        """
        ...

    async def read(self, statement: EngineStatement) -> list[bytes]:
        """Run a query; return the rows of its pages, each as raw JSON. Raises Refusal."""
        ...

    async def create(self, write: Write, source: Source) -> TableName:
        """Do what CREATE TABLE AS asks; return the name of what changed. Raises Refusal."""
        ...

    def close(self) -> None:
        """Let go of all that is held."""
        ...
