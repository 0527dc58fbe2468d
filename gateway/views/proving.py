"""Test declared keys and foreign keys on the data, again whenever these move; off every statement's way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.materialized_views import Facts, ForeignKey, Key
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.facts import Verdict, verify

_log = logging.getLogger("penstock.views")
_SECONDS = 600.0
"""How long one test may take."""
Fact = Key | ForeignKey


@dataclass(frozen=True, slots=True)
class Standing:
    """How a declared fact stands: for people to see."""

    fact: Fact
    """With its status at the versions looked at last."""
    why: str | None = None
    """Why it is not verified."""
    tested_at: float | None = None
    broken: bool = False
    """The data contradicted it when it was tested last: nobody may rely on it, also who takes what is declared."""


class Prover:
    """Know which facts hold at which versions; one is tested at a time."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        declared: Iterable[Fact],
        *,
        every: float,
        told: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Test each fact at most once in `every` seconds; `told` is called when something became known."""
        self._engines = engines
        self._declared = tuple(declared)
        self._every = every
        self._told = told
        self._clock = clock
        self._verdicts: dict[Fact, tuple[Verdict, float]] = {}
        self._testing: asyncio.Task[None] | None = None

    @property
    def tables(self) -> frozenset[TableName]:
        """Return the tables that facts are declared of."""
        return frozenset(name for fact in self._declared for name in tables_of(fact))

    def facts(self, tables: Mapping[TableName, Table], versions: Mapping[TableName, str]) -> Facts:
        """Return what is known at these versions, and begin to test what is not, of the tables given."""
        standings = [each for each in self.standings(versions) if not each.broken]
        keys = tuple(s.fact for s in standings if isinstance(s.fact, Key))
        foreign = tuple(s.fact for s in standings if isinstance(s.fact, ForeignKey))
        self._begin(tables, versions)
        return Facts(keys, foreign, {name: versions[name] for name in self.tables if name in versions})

    def standings(self, versions: Mapping[TableName, str]) -> Sequence[Standing]:
        """Return how each declared fact stands at these versions."""
        return [self._standing(fact, versions) for fact in self._declared]

    async def tested(self) -> None:
        """Wait until no test is under way."""
        while self._testing is not None and not self._testing.done():
            await asyncio.wait([self._testing])

    async def close(self) -> None:
        """End a test that is under way."""
        testing, self._testing = self._testing, None
        if testing is not None:
            testing.cancel()
            await asyncio.gather(testing, return_exceptions=True)

    def _standing(self, fact: Fact, versions: Mapping[TableName, str]) -> Standing:
        known = self._verdicts.get(fact)
        if known is None:
            return Standing(fact, "it was not tested yet")
        verdict, tested_at = known
        if verdict.holds and not self._is_of(verdict, versions):
            return Standing(fact, "the data changed since it was tested", tested_at)
        if not verdict.holds:
            return Standing(fact, verdict.why, tested_at, broken=verdict.broken)
        return Standing(replace(fact, status="verified"), None, tested_at)

    def _is_of(self, verdict: Verdict, versions: Mapping[TableName, str]) -> bool:
        """Tell whether a verdict was given at these very versions."""
        names = tables_of(verdict.fact)
        return all(name in versions and verdict.versions.get(name) == versions[name] for name in names)

    def _begin(self, tables: Mapping[TableName, Table], versions: Mapping[TableName, str]) -> None:
        known = [fact for fact in self._declared if all(name in tables for name in tables_of(fact))]
        due = [fact for fact in known if self._due(fact, versions)]
        if due and (self._testing is None or self._testing.done()):
            self._testing = asyncio.create_task(self._test(due, dict(tables)))

    def _due(self, fact: Fact, versions: Mapping[TableName, str]) -> bool:
        known = self._verdicts.get(fact)
        if known is None:
            return True
        verdict, tested_at = known
        return self._clock() - tested_at >= self._every and not self._is_of(verdict, versions)

    async def _test(self, due: Sequence[Fact], tables: Mapping[TableName, Table]) -> None:
        for fact in due:
            verdict = await self._verdict(fact, tables)
            if verdict.broken:
                _log.warning("the constraint %s does not hold on the data", shown(fact))
            self._verdicts[fact] = verdict, self._clock()
            self._told()

    async def _verdict(self, fact: Fact, tables: Mapping[TableName, Table]) -> Verdict:
        table = tables.get(fact.table)
        engine = self._engines.get(table.engine) if table is not None else None
        if engine is None:
            return Verdict(fact, why=f"table {fact.table} does not exist")
        try:
            async with asyncio.timeout(_SECONDS):
                if isinstance(fact, Key):
                    return await verify(engine, fact, tables)
                return await verify(engine, fact, tables)
        except TimeoutError:
            return Verdict(fact, why=f"the test took longer than {_SECONDS:.0f} s")
        except Exception as error:  # noqa: BLE001  (whatever an engine raises, the next fact has its turn)
            return Verdict(fact, why=f"the test failed ({type(error).__name__})")


def tables_of(fact: Fact) -> tuple[TableName, ...]:
    """Return the tables that a fact speaks of."""
    return (fact.table,) if isinstance(fact, Key) else (fact.table, fact.references)


def shown(fact: Fact) -> str:
    """Write a fact for people."""
    columns = ", ".join(fact.columns)
    if isinstance(fact, Key):
        return f"key {fact.table} ({columns})"
    return f"foreign key {fact.table} ({columns}) to {fact.references} ({', '.join(fact.referenced)})"
