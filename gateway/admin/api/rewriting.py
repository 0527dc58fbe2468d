"""`/api/v1/rewriting`: proofs of answers from materialized views, comparisons, and findings; see docs/rewriting.md."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from gateway.admin.api.callers import Auditor, Steward
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import Problem
from gateway.admin.api.registry import missing
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.rewriting.certificates.live.asking import ask
from gateway.rewriting.certificates.store import CertificateStore, Kept
from gateway.rewriting.shadow.counting import ComparisonStore, Counted, together
from gateway.rewriting.shadow.quarantines import Quarantine, QuarantineStore
from rewrite_rules.certificates import from_json

router = APIRouter(prefix="/rewriting", tags=["rewriting"])

CertificateId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The certificate's id: its hash.")]
FindingId = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$", description="The finding's id.")]
ViewName = Annotated[str | None, Query(max_length=400, description="The view's table: catalog.schema.table.")]


class CertificateShown(BaseModel):
    """A certificate, as lists show it."""

    id: str
    views: list[str]
    grade: str
    made_at: datetime
    used_at: datetime = Field(description="To the hour.")


class CertificateWhole(CertificateShown):
    """A certificate with its document."""

    document: str = Field(description="JSON, byte by byte as it was hashed for the id.")


class WordShown(BaseModel):
    """What engines say of one thing that a certificate rests on."""

    what: str = Field(description="versions, fact, changes, view, bounds, rows or answer.")
    of: str
    verdict: str = Field(description="holds, moved (things went on since), differs, or unknown.")
    text: str


class LiveVerdict(BaseModel):
    """A certificate held against the engines as they are."""

    id: str
    differs: bool = Field(description="Something is otherwise than the certificate says.")
    words: list[WordShown]


class Certificates(BaseModel):
    """A page of certificates, by id."""

    items: list[CertificateShown]
    next: str | None


class ComparisonsShown(BaseModel):
    """What came of comparing answers from views with their base."""

    view: str | None = Field(description="Null: of all views together.")
    compared: int
    equal: int
    different: int
    skipped: dict[str, int] = Field(description="Not compared, by the reason.")
    upper_bound: float | None = Field(
        description="The rate of wrong answers that is not exceeded, at 95 % confidence; null where none was compared."
    )


class Comparisons(BaseModel):
    """What comparisons came to, together and by view."""

    together: ComparisonsShown
    items: list[ComparisonsShown]


class FindingShown(BaseModel):
    """A finding against a view."""

    id: str
    view: str
    reason: str
    certificate: str
    made_at: datetime
    released_at: datetime | None
    released_by: str | None
    release_reason: str | None


class FindingWhole(FindingShown):
    """A finding with what shows it."""

    reproduction: dict[str, Any] = Field(description="Texts, versions, checksums, the first rows that differ.")


class Findings(BaseModel):
    """A page of findings, by id."""

    items: list[FindingShown]
    next: str | None


@router.get("/certificates")
async def list_certificates(
    _: Auditor, rooms: WithRooms, after: After, view: ViewName = None, limit: Limit = 100
) -> Certificates:
    """List the certificates that are kept."""
    async with _store(rooms) as store:
        found = await CertificateStore(store).found(after=after, limit=limit + 1, view=view)
    items = [CertificateShown(**_shown(each)) for each in found[:limit]]
    return Certificates(items=items, next=next_of(found, limit, lambda each: each.id))


@router.get("/certificates/{certificate_id}")
async def get_certificate(certificate_id: CertificateId, _: Steward, rooms: WithRooms) -> CertificateWhole:
    """Return a certificate with its document, which holds the literals of row filters."""
    async with _store(rooms) as store:
        found = await CertificateStore(store).get(certificate_id)
    if found is None:
        raise missing(f"certificate {certificate_id}")
    return CertificateWhole(**_shown(found), document=found.document)


@router.post("/certificates/{certificate_id}/live")
async def verify_live(certificate_id: CertificateId, _: Steward, rooms: WithRooms) -> LiveVerdict:
    """Hold a certificate against the engines: views' own documents, facts, and both queries computed by the base."""
    async with _store(rooms) as store:
        found = await CertificateStore(store).get(certificate_id)
    if found is None:
        raise missing(f"certificate {certificate_id}")
    dossier = await asyncio.to_thread(from_json, found.document)
    words = await ask(dossier, rooms.house.engines, rooms.house.catalog)
    shown = [WordShown(what=each.what, of=each.of, verdict=each.verdict, text=each.text) for each in words]
    return LiveVerdict(id=certificate_id, differs=any(each.verdict == "differs" for each in words), words=shown)


@router.get("/comparisons")
async def get_comparisons(_: Auditor, rooms: WithRooms) -> Comparisons:
    """Tell what came of comparing answers from views with their base, by all workers together."""
    async with _store(rooms) as store:
        found = await ComparisonStore(store).by_view()
    return Comparisons(
        together=_counted(None, together(found)), items=[_counted(view, each) for view, each in found.items()]
    )


@router.get("/findings")
async def list_findings(
    _: Auditor,
    rooms: WithRooms,
    after: After,
    view: ViewName = None,
    holding: Annotated[bool, Query(description="Only those that keep their view from being used.")] = False,
    limit: Limit = 100,
) -> Findings:
    """List the findings against views."""
    async with _store(rooms):
        found = await _quarantines(rooms).findings(view=view, after=after, limit=limit + 1, holding=holding)
    items = [FindingShown(**_finding(each)) for each in found[:limit]]
    return Findings(items=items, next=next_of(found, limit, lambda each: each.id))


@router.get("/findings/{finding_id}")
async def get_finding(finding_id: FindingId, _: Steward, rooms: WithRooms) -> FindingWhole:
    """Return a finding with its reproduction, which holds values of the data."""
    async with _store(rooms):
        found = await _quarantines(rooms).finding(finding_id)
    if found is None:
        raise missing(f"finding {finding_id}")
    plain: dict[str, Any] = msgspec.to_builtins(dict(found.reproduction))
    return FindingWhole(**_finding(found), reproduction=plain)


@asynccontextmanager
async def _store(rooms: Rooms) -> AsyncIterator[BoundedStore]:
    """Hand out a way to the store. Raises Problem 503 where it does not answer."""
    store = BoundedStore(rooms.house.config.store.url.get_secret_value())
    try:
        yield store
    except StoreAway as away:
        raise Problem(503, "store_unavailable", f"The store does not answer: {away}") from None
    finally:
        await store.close()


def _quarantines(rooms: Rooms) -> QuarantineStore:
    if rooms.house.view_rooms is None:
        raise Problem(503, "store_unavailable", "This gateway keeps no materialized views.")
    return rooms.house.view_rooms.quarantines


def _shown(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.id,
        "views": list(kept.views),
        "grade": kept.grade,
        "made_at": moment_of(kept.made_at),
        "used_at": moment_of(kept.used_at),
    }


def _counted(view: str | None, found: Counted) -> ComparisonsShown:
    return ComparisonsShown(
        view=view,
        compared=found.compared,
        equal=found.outcomes.get("equal", 0),
        different=found.outcomes.get("different", 0),
        skipped=dict(found.skipped),
        upper_bound=found.bound,
    )


def _finding(found: Quarantine) -> dict[str, Any]:
    return {
        "id": found.id,
        "view": found.view,
        "reason": found.reason,
        "certificate": found.certificate,
        "made_at": moment_of(found.made_at),
        "released_at": None if found.released_at is None else moment_of(found.released_at),
        "released_by": found.released_by,
        "release_reason": found.release_reason,
    }
