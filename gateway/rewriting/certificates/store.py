"""Certificates in the store: each once, by its hash, for as long as somebody may ask why a statement was rewritten."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.recording.rewriting_tables import certificates
from rewrite_rules.certificates.document import Dossier, concise, id_of, to_json

_KEPT_SECONDS = 400 * 86_400.0
"""Since a certificate was last used: longer than usage rows are asked about."""
_COLUMNS = certificates.c


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate as the store has it."""

    id: str
    views: tuple[str, ...]
    grade: str
    document: str
    made_at: float
    used_at: float


@dataclass(frozen=True, slots=True)
class Filed:
    """A dossier in its written form, ready to be kept."""

    id: str
    document: bytes
    views: tuple[str, ...]
    grade: str


def filed(dossier: Dossier) -> Filed:
    """Write a dossier, without what it does not touch."""
    document = to_json(concise(dossier))
    views = sorted({str(use.definition.name) for use in dossier.certificate.uses})
    return Filed(id_of(document), document, tuple(views), dossier.certificate.grade)


class CertificateStore:
    """Keep certificates. Methods raise StoreAway."""

    def __init__(self, database: BoundedStore) -> None:
        """Share a database."""
        self._database = database
        insert = (postgresql.insert if database.dialect == "postgresql" else sqlite.insert)(certificates)
        self._add = insert.on_conflict_do_update(index_elements=["id"], set_={"used_at": insert.excluded.used_at})

    async def keep(self, made: Iterable[Filed], now: float | None = None) -> None:
        """Add certificates; one that is there already is only noted as used."""
        moment = time.time() if now is None else now
        rows = [_row(each, moment) for each in made]
        if not rows:
            return

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(self._add, rows)

        await self._database.within(work)

    async def get(self, certificate_id: str) -> Kept | None:
        """Return a certificate; None where there is none of that id."""

        async def work(connection: AsyncConnection) -> Kept | None:
            query = select(certificates).where(_COLUMNS.id == certificate_id)
            row = (await connection.execute(query)).mappings().first()
            return None if row is None else _kept(row)

        return await self._database.read(work)

    async def found(self, *, after: str = "", limit: int = 100, view: str | None = None) -> Sequence[Kept]:
        """Return certificates by id, those behind `after`; only those over a view, if named."""

        async def work(connection: AsyncConnection) -> Sequence[Kept]:
            query = select(certificates).where(_COLUMNS.id > after)
            if view is not None:
                query = query.where(_COLUMNS.views.contains(json.dumps(view), autoescape=True))
            return [
                _kept(row) for row in (await connection.execute(query.order_by(_COLUMNS.id).limit(limit))).mappings()
            ]

        return await self._database.read(work)

    async def forget(self, now: float) -> None:
        """Drop what was not used for long."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(certificates).where(_COLUMNS.used_at < now - _KEPT_SECONDS))

        await self._database.within(work)


def _row(made: Filed, now: float) -> Mapping[str, object]:
    return {
        "id": made.id,
        "views": json.dumps(made.views),
        "grade": made.grade,
        "document": made.document.decode(),
        "made_at": now,
        "used_at": now,
    }


def _kept(row: RowMapping) -> Kept:
    return Kept(
        row["id"], tuple(json.loads(row["views"])), row["grade"], row["document"], row["made_at"], row["used_at"]
    )
