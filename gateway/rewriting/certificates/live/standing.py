"""What is still as a certificate says: versions of tables, facts tested on the data, what changed since watermarks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from catalog.errors import Refusal
from catalog.materialized_views import ForeignKey, Key
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.facts import Verdict, verify
from engines.history import HistoryEngine
from gateway.rewriting.certificates.live.words import Word
from gateway.rewriting.step import versions_of
from rewrite_rules.certificates.document import Dossier


@dataclass(frozen=True, slots=True)
class Standing:
    """Asks the engines of the base."""

    dossier: Dossier
    engines: Mapping[str, Engine]
    tables: Mapping[TableName, Table]

    async def versions(self) -> AsyncIterator[Word]:
        """Say whether base tables are still at the versions that the certificate is of."""
        wanted = self.dossier.certificate.versions
        now = await self.now(wanted)
        for name, version in sorted(wanted.items()):
            found = now.get(name)
            if found is None:
                yield Word("versions", str(name), "unknown", "its engine does not say at which version it is")
            elif found == version:
                yield Word("versions", str(name), "holds", f"it is at version {version}")
            else:
                yield Word("versions", str(name), "moved", f"it is at version {found} by now, and was at {version}")

    async def facts(self) -> AsyncIterator[Word]:
        """Test anew, on the data, the keys that count as verified."""
        known = self.dossier.facts
        now = await self.now(known.versions)
        everything: tuple[Key | ForeignKey, ...] = (*known.keys, *known.foreign_keys)
        for fact in everything:
            names = [fact.table, fact.references] if isinstance(fact, ForeignKey) else [fact.table]
            said = f"{', '.join(fact.columns)} of {fact.table}"
            table = self.tables.get(fact.table)
            if fact.status != "verified" or table is None or table.engine not in self.engines:
                continue
            if any(known.versions.get(name) != now.get(name) for name in names):
                yield Word("fact", said, "moved", "the data changed since it was tested")
                continue
            verdict = await self._tested(self.engines[table.engine], fact)
            if verdict.holds:
                yield Word("fact", said, "holds", "it was tested once more")
            else:
                yield Word("fact", said, "differs" if verdict.broken else "unknown", verdict.why or "")

    async def _tested(self, engine: Engine, fact: Key | ForeignKey) -> Verdict:
        if isinstance(fact, Key):
            return await verify(engine, fact, self.tables)
        return await verify(engine, fact, self.tables)

    async def changes(self) -> AsyncIterator[Word]:
        """Ask anew what changed since each watermark: nothing that the certificate does not know of."""
        for use in self.dossier.certificate.uses:
            known = self.dossier.freshness.get(use.definition.name)
            for name, since in sorted(use.watermark.items()):
                until, table = self.dossier.certificate.versions.get(name), self.tables.get(name)
                engine: object = self.engines.get(table.engine) if table is not None else None
                if until is None or until == since or table is None or not isinstance(engine, HistoryEngine):
                    continue
                try:
                    found = await engine.changes(table, since, until)
                except Refusal as refusal:
                    yield Word("changes", str(name), "unknown", refusal.text)
                    continue
                told = {
                    region for each in (known.changes if known else ()) if each.table == name for region in each.regions
                }
                if found.unknown is not None:
                    yield Word("changes", str(name), "moved", f"its history is gone: {found.unknown}")
                elif set(found.regions) <= told:
                    yield Word("changes", str(name), "holds", f"{len(found.regions)} regions changed since {since}")
                else:
                    yield Word("changes", str(name), "differs", "rows changed elsewhere, too, since the view was made")

    async def now(self, wanted: Mapping[TableName, str]) -> Mapping[TableName, str]:
        """Return the present versions of tables, as far as their engines tell them."""
        tables = [self.tables[name] for name in wanted if name in self.tables]
        return await versions_of(tables, self.engines) or {}
