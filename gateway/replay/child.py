"""The comparing process: it plans statements again beside the gateway, so that no client waits for it.

`python -m gateway.replay.child`, started by `gateway.replay.process`; it ends when its input does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import IO

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from gateway.collector import calm_collector
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.recording.database import connect_engine
from gateway.replay.compare import Comparison, at_one_moment
from gateway.replay.diff import Found, diff
from gateway.replay.differences import Difference
from gateway.replay.messages import (
    Catalogs,
    DiffAsked,
    Failed,
    Progress,
    Rules,
    ShadowAsked,
    ShadowFound,
    TableAsked,
    packed,
    read_message,
)
from gateway.replay.recorded import Recorded, recorded
from gateway.replay.snapshot import Known, rebuilt
from policies.index import PolicySet

_NICENESS = 5
"""Statements that clients wait for come first."""


@dataclass(slots=True)
class _Child:
    """What the process was told so far."""

    hears: IO[bytes]
    tells: IO[bytes]
    parts: list[Known] = field(default_factory=list)
    rules: Rules | None = None
    catalog: CatalogCache | None = None
    sets: dict[str, tuple[PolicySet, PolicySet]] = field(default_factory=dict)
    """Live policies and draft, compiled once, whatever becomes of the catalog."""
    comparisons: dict[str, Comparison] = field(default_factory=dict)

    async def serve(self) -> None:
        """Do one thing after another until there is nothing to hear any more."""
        while True:
            try:
                message = read_message(self.hears)
            except EOFError:
                return
            try:
                answer = await self._answer(message)
            except BrokenPipeError:
                return
            except Exception as error:  # noqa: BLE001  (the next message may be another matter)
                answer = Failed(type(error).__name__)
            self._tell(answer)

    async def _answer(self, message: object) -> object:
        match message:
            case Catalogs(part, first):
                self.parts = [part] if first else [*self.parts, part]
                self.catalog = None
                return None
            case Rules():
                self.rules, self.sets, self.comparisons = message, {}, {}
                return None
            case DiffAsked():
                return await self._diff(message)
            case ShadowAsked():
                return await self._shadow(message)
        raise TypeError(type(message).__name__)

    async def _diff(self, asked: DiffAsked) -> Found:
        (comparison,) = (await self._compared()).values()
        engine = connect_engine(asked.store_url)
        try:
            known = await recorded(engine, asked.since, asked.until)
        finally:
            await engine.dispose()
        own = Recorded(known.statements[asked.part :: asked.parts], known.left_out)
        return await diff(
            own, comparison, asked.now, sample=asked.sample, progress=lambda *far: self._tell(Progress(*far))
        )

    async def _shadow(self, asked: ShadowAsked) -> ShadowFound:
        found: dict[str, list[tuple[int, tuple[Difference, ...]]]] = {}
        failed: dict[str, int] = {}
        for name, comparison in (await self._compared()).items():
            for number, (statement, at) in enumerate(asked.statements):
                compared = await comparison.compare(statement, at)
                failed[name] = failed.get(name, 0) + bool(compared.error)
                if compared.differences:
                    found.setdefault(name, []).append((number, compared.differences))
        return ShadowFound(len(asked.statements), failed, found)

    async def _compared(self) -> dict[str, Comparison]:
        """Return a comparison for each draft, made when it is first needed."""
        if self.rules is None:
            raise LookupError
        if self.catalog is None:
            self.catalog, self.comparisons = await rebuilt(self.parts, self._describe), {}
        if not self.sets:
            live = self.rules.live.compiled()
            self.sets = {name: at_one_moment(live, draft.compiled()) for name, draft in self.rules.drafts.items()}
        if not self.comparisons:
            catalog, kinds, limits = self.catalog, self.rules.kinds, self.rules.limits
            self.comparisons = {
                name: Comparison(_pipeline(before, catalog, kinds, limits), catalog, before, after)
                for name, (before, after) in self.sets.items()
            }
        return self.comparisons

    async def _describe(self, name: TableName) -> Table | None:
        self._tell(TableAsked(name))
        answer = read_message(self.hears)
        if isinstance(answer, Failed):
            raise Refusal(ErrorCode.NO_NODES_AVAILABLE, "The engine does not describe its tables now.")
        return answer if isinstance(answer, Table) else None

    def _tell(self, message: object) -> None:
        self.tells.write(packed(message))
        self.tells.flush()


def _pipeline(policies: PolicySet, catalog: CatalogCache, kinds: EngineKinds, limits: Limits) -> Pipeline:
    return Pipeline(lambda: policies, catalog, kinds, limits, cache_entries=0)


def main() -> None:
    """Serve on the standard streams; what anything prints goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    tells = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    calm_collector()
    asyncio.run(_Child(sys.stdin.buffer, tells).serve())


if __name__ == "__main__":
    main()
