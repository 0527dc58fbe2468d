"""Hold a certificate against the engines: the view's own word, present versions, facts, bounds, rows and answers.

The checker believes what the registry of views told it. Here nothing of that is believed: documents are read anew,
facts are tested anew, and what is read of each view is compared with what its definition gives at the watermark, and
the rewritten query with the governed one, both computed by the engines of the base.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlglot import exp

from catalog.cache import CatalogCache
from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.errors import Refusal
from catalog.materialized_views import Definition, Grade
from catalog.objects import Table, TableName
from catalog.view_documents import Document
from engines.base import Engine
from engines.executions import PageGone, PageUnknown
from engines.history import PinningEngine
from gateway.rewriting.certificates.live.standing import Standing
from gateway.rewriting.certificates.live.texts import Unwritable, content, pinned, reading, rewritten
from gateway.rewriting.certificates.live.views import document_of, rows_read, same_definition
from gateway.rewriting.certificates.live.words import Word
from gateway.rewriting.shadow.comparing import BAND, Difference, difference
from gateway.rewriting.shadow.reading import NotRead, TooManyRows
from gateway.views.definitions import understand
from gateway.views.reader import rows_of
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.certificates.comparable import incomparable, is_counted_apart
from rewrite_rules.certificates.document import Dossier
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.certificate import ViewUse

MOST_ROWS = 100_000
_FAILURES = (Refusal, NotRead, PageGone, PageUnknown)


async def ask(dossier: Dossier, engines: Mapping[str, Engine], catalog: CatalogCache) -> tuple[Word, ...]:
    """Return what engines say of all that a certificate rests on. Raises nothing."""
    tables = {name: table for name in dossier.tables if (table := await _fetched(catalog, name)) is not None}
    standing = Standing(dossier, engines, tables)
    asking = _Asking(dossier, engines, catalog, standing)
    words: list[Word] = []
    for each in (standing.versions, standing.facts, standing.changes, asking.views, asking.answer):
        words += [word async for word in each()]
    return tuple(words)


async def _fetched(catalog: CatalogCache, name: TableName) -> Table | None:
    try:
        return await catalog.fetch(name)
    except Refusal:
        return None


class _Past(Exception):  # noqa: N818  (an answer, not a crash)
    """What a certificate speaks of can no longer be read."""


@dataclass(frozen=True, slots=True)
class _Asking:
    dossier: Dossier
    engines: Mapping[str, Engine]
    catalog: CatalogCache
    standing: Standing

    async def views(self) -> AsyncIterator[Word]:
        """Read each view's own document, and compare what is read of it with what its definition gives."""
        for use in self.dossier.certificate.uses:
            async for word in self._view(use):
                yield word

    async def _view(self, use: ViewUse) -> AsyncIterator[Word]:
        name = use.definition.name
        table = await _fetched(self.catalog, name)
        try:
            document, lost = await document_of(name, self.engines.get(table.engine) if table is not None else None)
        except Refusal as refusal:
            yield Word("view", str(name), "unknown", refusal.text)
            return
        mark = document.watermark if document is not None else None
        if table is None or document is None or mark is None:
            yield Word("view", str(name), "moved", "it is not there any more")
        elif dict(mark.versions) != dict(use.watermark):
            yield Word("view", str(name), "moved", "it was built again since, of other versions")
        elif not same_definition(document.definition, use.definition):
            yield Word("view", str(name), "differs", "its own document has another definition")
        elif lost is not None:
            yield Word("view", str(name), "differs", lost)
        else:
            yield Word("view", str(name), "holds", "its own document says the same")
            yield self._bounds(use, document)
            yield await self._rows(use, table, document)

    def _bounds(self, use: ViewUse, document: Document) -> Word:
        told = set(self.dossier.bounds.get(use.definition.name, ()))
        if told <= set(document.bounds):
            return Word("bounds", str(use.definition.name), "holds", f"{len(told)} bounds are those of its document")
        return Word("bounds", str(use.definition.name), "differs", "its document has other bounds")

    async def _rows(self, use: ViewUse, table: Table, document: Document) -> Word:
        """Compare what is read of a view with what its definition gives at its watermark."""
        name, zone = str(use.definition.name), self.dossier.certificate.time_zone
        try:
            asked = await self._reading(use)
            columns = analyze(resolve(asked.copy(), None, None).tree, self._context()).columns
            kinds = [each.type for each in columns if each.type is not None]
            base = await self._answer_of(generate(asked))
            read = await rows_read(use, kinds, table, document, self.engines, zone, MOST_ROWS)
        except _Past as past:
            return Word("rows", name, "moved", str(past))
        except Unwritable as unwritable:
            return Word("rows", name, "unknown", str(unwritable))
        except (TooManyRows, *_FAILURES) as failed:
            return Word("rows", name, "unknown", _said(failed))
        grades: list[Grade] = ["float" if kind.base in ("double", "real") else "exact" for kind in kinds]
        return _compared("rows", name, difference(base, read, grades), len(base))

    async def answer(self) -> AsyncIterator[Word]:
        """Compare the governed query with the rewritten one, with all views written out, on the base."""
        certificate = self.dossier.certificate
        why = incomparable(certificate.query, self.dossier.tables)
        if why is None and not certificate.versions:
            why = "stale"
        if why is not None:
            yield Word("answer", "", "unknown", f"two right answers may differ ({why})")
            return
        try:
            pins = await self._pins(certificate.versions)
            query = generate(pinned(parse_query(certificate.query), pins))
            readings = {use.scan_name: await self._reading(use) for use in certificate.uses}
            base, views = [await self._answer_of(each) for each in (query, rewritten(certificate, readings, pins))]
        except _Past as past:
            yield Word("answer", "", "moved", str(past))
            return
        except Unwritable as unwritable:
            yield Word("answer", "", "unknown", str(unwritable))
            return
        except (TooManyRows, *_FAILURES) as failed:
            yield Word("answer", "", "unknown", _said(failed))
            return
        band = BAND if is_counted_apart(certificate.query) else None
        grades = [grade for _, grade in certificate.grades]
        yield _compared("answer", "", difference(base, views, grades, band=band), len(base))

    # --- Of the base ---

    async def _pins(self, versions: Mapping[TableName, str]) -> Mapping[TableName, int]:
        """Return the snapshots to read. Raises _Past where a table is not, and cannot be read, as it was."""
        pins: dict[TableName, int] = {}
        now = await self.standing.now(versions)
        for name, version in versions.items():
            table = self.standing.tables.get(name)
            engine: object = self.engines.get(table.engine) if table is not None else None
            found = None
            if table is not None and isinstance(engine, PinningEngine):
                found = await engine.snapshot(table, version)
            if found is not None:
                pins[name] = found
            elif now.get(name) != version:
                raise _Past(f"{name} can no longer be read as it was at version {version}")
        return pins

    async def _reading(self, use: ViewUse) -> exp.Expr:
        """Return what is read of a view as a query over the base at the view's watermark."""
        understood = await understand(use.definition, self.catalog.fetch)
        return reading(use, content(understood, await self._pins(use.watermark)))

    def _context(self) -> AnalysisContext:
        return AnalysisContext(
            None, None, self.standing.tables, strict=True, time_zone=self.dossier.certificate.time_zone
        )

    async def _answer_of(self, sql: str) -> list[Sequence[Any]]:
        rows: list[Sequence[Any]] = []
        nowhere = Definition(TableName("", "", ""), sql)
        async for page in rows_of(sql, nowhere, self.catalog, self.engines, self.dossier.certificate.time_zone):
            rows.extend(json.loads(page))
            if len(rows) > MOST_ROWS:
                raise TooManyRows
        return rows


def _compared(what: Literal["rows", "answer"], of: str, found: Difference | None, count: int) -> Word:
    if found is None:
        return Word(what, of, "holds", f"{count} rows are the same both ways")
    return Word(what, of, "differs", found.text)


def _said(failed: Exception) -> str:
    if isinstance(failed, Refusal):
        return failed.text
    return f"more than {MOST_ROWS} rows" if isinstance(failed, TooManyRows) else "an engine failed"
