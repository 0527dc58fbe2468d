"""Views that must answer nobody: a finding against each, with its exact reproduction, until a person releases it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.objects import TableName
from gateway.audit.chain import Appended, Chain
from gateway.audit.entries import Kind, entry
from gateway.partners.database import Change, Database, Done, Missing, RegistryError
from gateway.recording.rewriting_tables import quarantines

_COLUMNS = quarantines.c
_HOLDS = _COLUMNS.released_at.is_(None)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A finding against a view, and what became of it."""

    id: str
    view: str
    """The dotted name of the view's table."""
    reason: str
    """For an operator; no values of anybody's data."""
    certificate: str
    """The id of the certificate of the rewriting that was wrong; empty where a person put it there."""
    made_at: float
    reproduction: Mapping[str, Any] = field(default_factory=dict)
    """For stewards: texts, versions, checksums, first differing rows."""
    released_at: float | None = None
    released_by: str | None = None
    release_reason: str | None = None


class QuarantineStore(Database):
    """Read findings; changes are the functions below, given to `change`. Raises RegistryError."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 5.0,
        chain: Chain | None = None,
        appended: Callable[[Appended], None] = lambda _: None,
    ) -> None:
        """Name the store and the audit's chain, as Database does."""
        super().__init__(url, timeout=timeout, chain=chain, appended=appended)
        self._suspects: dict[TableName, str] = {}
        self._last: Mapping[TableName, str] = {}

    def suspect(self, view: TableName, reason: str) -> None:
        """Have this worker distrust a view at once, whether or not the store can be told."""
        self._suspects[view] = reason

    def told(self, view: TableName) -> None:
        """The store knows of a suspect now: it says how long that holds."""
        self._suspects.pop(view, None)

    async def in_force(self) -> Mapping[TableName, str]:
        """Return the views that must not be used, with the reason of the oldest finding that holds.

        While the store is away, what it said last holds, where there are suspects besides.
        """
        query = select(_COLUMNS.view, _COLUMNS.reason).where(_HOLDS).order_by(_COLUMNS.made_at.desc(), _COLUMNS.id)
        try:
            rows = (await self.rows(query))[0]
        except RegistryError:
            if not self._suspects:
                raise
        else:
            self._last = {TableName(*row["view"].split(".", 2)): row["reason"] for row in rows}
        return {**self._suspects, **self._last}

    async def finding(self, quarantine_id: str) -> Quarantine | None:
        """Return a finding with its reproduction; None where there is none of that id."""
        found = (await self.rows(select(quarantines).where(_COLUMNS.id == quarantine_id)))[0]
        return _of(found[0]) if found else None

    async def findings(
        self, *, view: str | None = None, after: str = "", limit: int = 100, holding: bool = False
    ) -> Sequence[Quarantine]:
        """Return findings by id, those behind `after`; of one view, and only those that hold, if asked."""
        query = select(quarantines).where(_COLUMNS.id > after)
        if view is not None:
            query = query.where(_COLUMNS.view == view)
        if holding:
            query = query.where(_HOLDS)
        return [_of(row) for row in (await self.rows(query.order_by(_COLUMNS.id).limit(limit)))[0]]


def quarantine(
    view: TableName, reason: str, *, certificate: str, reproduction: Mapping[str, Any], now: float, actor: str = ""
) -> Change[Quarantine]:
    """Put a view in quarantine. A finding is added even where another holds: each has a reproduction of its own."""
    made = Quarantine(str(uuid.uuid4()), str(view), reason, certificate, now, reproduction)

    async def work(connection: AsyncConnection) -> Done[Quarantine]:
        values = {
            "id": made.id,
            "view": made.view,
            "reason": reason,
            "certificate": certificate,
            "reproduction": json.dumps(reproduction, default=str),
            "made_at": now,
        }
        await connection.execute(insert(quarantines).values(values))
        return Done(made, _told("view.quarantine", made, actor, reason), acts=False)

    return work


def release(view: str, reason: str, *, by: str, now: float) -> Change[int]:
    """Let a view be used again: end all findings that hold against it; return how many. Raises Missing."""

    async def work(connection: AsyncConnection) -> Done[int]:
        held = (_COLUMNS.view == view, _HOLDS)
        rows = list((await connection.execute(select(quarantines).where(*held))).mappings())
        if not rows:
            raise Missing(f"{view} is not in quarantine")
        change = update(quarantines).where(*held)
        await connection.execute(change.values(released_at=now, released_by=by, release_reason=reason))
        return Done(len(rows), _told("view.release", _of(rows[0]), by, reason), acts=False)

    return work


def _told(kind: Kind, finding: Quarantine, actor: str, reason: str) -> Any:
    detail = {"finding": finding.id, "certificate": finding.certificate, "reason": reason}
    return entry(kind, actor=actor, subject=finding.view, detail=detail)


def _of(row: RowMapping | Mapping[str, Any]) -> Quarantine:
    fields = {name: row[name] for name in Quarantine.__dataclass_fields__ if name != "reproduction"}
    return Quarantine(**fields, reproduction=json.loads(row["reproduction"]))
