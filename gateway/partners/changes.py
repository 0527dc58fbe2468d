"""Changes of the registry: each is a function that works within one transaction and says what the audit keeps of it."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.entries import Entry, Kind, entry
from gateway.partners.database import Change, Done, Missing, Stale, Taken
from gateway.partners.model import EntitlementRecord, PartnerRecord, TokenRecord
from gateway.partners.rows import entitlement_of, partner_of, row_of, token_of
from gateway.recording.partner_tables import entitlements, partner_tokens, partners
from policies.clock import PROCESS_CLOCK

_AMENDABLE = ("row_filter", "allowed_columns", "denied_columns", "rate", "expires_at")


def register(made: PartnerRecord) -> Change[PartnerRecord]:
    """Add a partner. Raises Taken where the name is known, however it is spelled."""

    async def work(connection: AsyncConnection) -> Done[PartnerRecord]:
        same = select(partners.c.partner_id).where(partners.c.folded == made.partner_id.lower())
        there = (await connection.execute(same)).scalar_one_or_none()
        if there is not None:
            raise Taken(
                f"{there} is registered already", field="partner_id", fix="Change that one, or choose another name."
            )
        await connection.execute(insert(partners).values(row_of(made)))
        detail = {"organization": made.organization, "contact": made.contact, "rate": made.rate, "change": "registered"}
        return Done(made, _told("partner.change", made.created_by, made.partner_id, made.partner_id, detail))

    return work


def amend_partner(
    partner_id: str, changes: Mapping[str, Any], by: str, version: int | None = None
) -> Change[PartnerRecord]:
    """Change an organization, contact, rate or state. Raises Missing, and Stale where another version is there."""

    async def work(connection: AsyncConnection) -> Done[PartnerRecord]:
        before = await find_partner(connection, partner_id)
        _check_version(before.version, version, f"partner {partner_id}")
        if all(getattr(before, name) == value for name, value in changes.items()):
            return Done(before, None)
        after = dataclasses.replace(before, **changes, changed_at=time.time(), version=before.version + 1)
        await connection.execute(update(partners).where(partners.c.partner_id == partner_id).values(row_of(after)))
        detail = {"change": "changed", "version": after.version, **changes}
        return Done(after, _told("partner.change", by, partner_id, partner_id, detail))

    return work


def grant(made: EntitlementRecord) -> Change[EntitlementRecord]:
    """Add an entitlement. Raises Missing for an unknown partner, Taken where he has one to the table."""

    async def work(connection: AsyncConnection) -> Done[EntitlementRecord]:
        partner = await find_partner(connection, made.partner_id)
        if partner.state == "suspended":
            raise Taken(f"{made.partner_id} is suspended", field="partner_id", fix="Set his state to `active` before.")
        await _lapse(connection, made)
        row = row_of(made)
        await connection.execute(insert(entitlements).values(row))
        return Done(made, _told_of("entitlement.change", made.created_by, made, {"change": "granted"}))

    return work


async def _lapse(connection: AsyncConnection, made: EntitlementRecord) -> None:
    """Make room for an entitlement where the one in its place has ended."""
    query = select(entitlements).where(
        entitlements.c.partner_id == made.partner_id,
        entitlements.c.catalog_name == made.table.catalog,
        entitlements.c.schema_name == made.table.schema,
        entitlements.c.table_name == made.table.table,
        entitlements.c.state == "open",
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return
    before = entitlement_of(row)
    if before.standing(PROCESS_CLOCK.moment()) != "expired":
        raise Taken(
            f"{made.partner_id} is entitled to {made.table} already, by {before.id}",
            field="dataset_name",
            fix=f"Change it (PATCH /entitlements/{before.id}) or revoke it (DELETE).",
        )
    await connection.execute(update(entitlements).where(entitlements.c.id == before.id).values(state="lapsed"))


def amend(
    entitlement_id: str, changes: Mapping[str, Any], by: str, version: int | None = None
) -> Change[EntitlementRecord]:
    """Change an entitlement that was not taken back. Raises Missing, Stale, Taken."""

    async def work(connection: AsyncConnection) -> Done[EntitlementRecord]:
        before = await find_entitlement(connection, entitlement_id)
        _check_version(before.version, version, f"entitlement {entitlement_id}")
        if before.standing(PROCESS_CLOCK.moment()) in ("revoked", "expired"):
            raise Taken(f"{entitlement_id} has ended", fix="Grant a new entitlement: POST /entitlements/.")
        if all(getattr(before, name) == value for name, value in changes.items()):
            return Done(before, None)
        after = _changed(before, by, **changes)
        await _put(connection, after)
        told = {"change": "changed", "changed": sorted(changes)}
        return Done(after, _told_of("entitlement.change", by, after, told))

    return work


def revoke(entitlement_id: str, by: str, version: int | None = None) -> Change[EntitlementRecord]:
    """Take an entitlement back; one that is taken back already stays so. Raises Missing, Stale."""

    async def work(connection: AsyncConnection) -> Done[EntitlementRecord]:
        before = await find_entitlement(connection, entitlement_id)
        if before.state == "revoked":
            return Done(before, None)
        _check_version(before.version, version, f"entitlement {entitlement_id}")
        after = _changed(before, by, state="revoked")
        await _put(connection, after)
        return Done(after, _told_of("entitlement.change", by, after, {"change": "revoked"}))

    return work


def revoke_token(token_id: str, by: str) -> Change[TokenRecord]:
    """Revoke a token; one that is revoked already stays so. Raises Missing."""

    async def work(connection: AsyncConnection) -> Done[TokenRecord]:
        row = (await connection.execute(select(partner_tokens).where(partner_tokens.c.id == token_id))).mappings()
        found = row.one_or_none()
        if found is None:
            raise Missing(f"there is no token {token_id}")
        before = token_of(found)
        if before.state == "revoked":
            return Done(before, None)
        after = dataclasses.replace(before, state="revoked", revoked_at=time.time(), revoked_by=by)
        await connection.execute(update(partner_tokens).where(partner_tokens.c.id == token_id).values(row_of(after)))
        return Done(after, _told("token.revoke", by, after.partner_id, token_id, {"what": "partner token"}))

    return work


async def find_partner(connection: AsyncConnection, partner_id: str) -> PartnerRecord:
    """Return a partner. Raises Missing."""
    found = (await connection.execute(select(partners).where(partners.c.partner_id == partner_id))).mappings()
    row = found.one_or_none()
    if row is None:
        fix = "Register it first: POST /partners/."
        raise Missing(f"there is no partner {partner_id}", field="partner_id", fix=fix)
    return partner_of(row)


async def find_entitlement(connection: AsyncConnection, entitlement_id: str) -> EntitlementRecord:
    """Return an entitlement. Raises Missing."""
    found = (await connection.execute(select(entitlements).where(entitlements.c.id == entitlement_id))).mappings()
    row = found.one_or_none()
    if row is None:
        raise Missing(f"there is no entitlement {entitlement_id}")
    return entitlement_of(row)


def _check_version(there: int, expected: int | None, what: str) -> None:
    if expected is not None and expected != there:
        raise Stale(f"{what} was changed since it was read", field="If-Match", fix="Read it again, and decide anew.")


def _changed(before: EntitlementRecord, by: str, **changes: Any) -> EntitlementRecord:
    return dataclasses.replace(before, **changes, changed_at=time.time(), changed_by=by, version=before.version + 1)


async def _put(connection: AsyncConnection, after: EntitlementRecord) -> None:
    await connection.execute(update(entitlements).where(entitlements.c.id == after.id).values(row_of(after)))


def _told_of(kind: Kind, by: str, about: EntitlementRecord, more: Mapping[str, Any]) -> Entry:
    """Return the entry of an entitlement: all that it says now, so that the chain alone tells what was granted."""
    detail = {
        "dataset": str(about.table),
        "scope": about.scope,
        "version": about.version,
        "state": about.state,
        "starts_at": about.starts_at,
        **{name: getattr(about, name) for name in _AMENDABLE},
        **more,
    }
    return _told(kind, by, about.partner_id, about.id, detail)


def _told(kind: Kind, by: str, partner: str, subject: str, detail: Mapping[str, Any]) -> Entry:
    entry_id = f"{kind}:{uuid.uuid4()}"
    return entry(kind, actor=by, subject=subject, detail={"partner": partner, **detail}, entry_id=entry_id)
