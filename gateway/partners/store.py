"""The registry of partners: who they are, what they are entitled to, which tokens were made; versions, in the store."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from sqlalchemy import Select, select

from gateway.partners.database import Database
from gateway.partners.model import EntitlementRecord, PartnerRecord, TokenRecord
from gateway.partners.rows import entitlement_of, partner_of, token_of
from gateway.recording.partner_tables import entitlements, partner_revision, partner_tokens, partners
from policies.entitlements import Partner, PartnerAccess, access_of

_REMEMBERED_SECONDS = 31 * 86_400.0
"""How long a revoked token is told of after its end: no clock steps back further and leaves anybody trust in tokens."""


class PartnerStore(Database):
    """Read the registry; changes are functions of `gateway.partners.changes`, given to `change`."""

    async def revision(self) -> int:
        """Return the number that every change of what partners may raises."""
        return await self._revision()

    async def access(self) -> PartnerAccess:
        """Return what all partners may, as policy decisions take it."""
        # The revision is read first: what comes in between is then read again, not missed.
        revision = await self._revision()
        forgotten = time.time() - _REMEMBERED_SECONDS
        revoked = (partner_tokens.c.state == "revoked", partner_tokens.c.expires_at > forgotten)
        who, granted, tokens = await self.rows(
            select(partners),
            select(entitlements).where(entitlements.c.state == "open"),
            select(partner_tokens.c.id).where(*revoked),
        )
        return await asyncio.to_thread(_access, revision, who, granted, tokens)

    async def partner(self, partner_id: str) -> PartnerRecord | None:
        """Return a partner; None where there is none of that name."""
        found = await self._one(select(partners).where(partners.c.partner_id == partner_id))
        return partner_of(found) if found is not None else None

    async def partners(self, *, after: str = "", limit: int = 100) -> list[PartnerRecord]:
        """Return partners by name, those behind `after`."""
        query = select(partners).where(partners.c.partner_id > after).order_by(partners.c.partner_id)
        return [partner_of(row) for row in (await self.rows(query.limit(limit)))[0]]

    async def entitlement(self, entitlement_id: str) -> EntitlementRecord | None:
        """Return an entitlement, one that was taken back, too; None where there is none of that id."""
        found = await self._one(select(entitlements).where(entitlements.c.id == entitlement_id))
        return entitlement_of(found) if found is not None else None

    async def entitlements(
        self, *, partner_id: str | None = None, only_open: bool = False, after: str = "", limit: int = 100
    ) -> list[EntitlementRecord]:
        """Return entitlements by id, those behind `after`; of one partner if named."""
        query = select(entitlements).where(entitlements.c.id > after).order_by(entitlements.c.id)
        if partner_id is not None:
            query = query.where(entitlements.c.partner_id == partner_id)
        if only_open:
            query = query.where(entitlements.c.state == "open")
        return [entitlement_of(row) for row in (await self.rows(query.limit(limit)))[0]]

    async def token(self, token_id: str) -> TokenRecord | None:
        """Return what is known of a token; None where there is none of that id."""
        found = await self._one(select(partner_tokens).where(partner_tokens.c.id == token_id))
        return token_of(found) if found is not None else None

    async def tokens(self, *, partner_id: str | None = None, after: str = "", limit: int = 100) -> list[TokenRecord]:
        """Return tokens by id, those behind `after`; of one partner if named."""
        query = select(partner_tokens).where(partner_tokens.c.id > after).order_by(partner_tokens.c.id)
        if partner_id is not None:
            query = query.where(partner_tokens.c.partner_id == partner_id)
        return [token_of(row) for row in (await self.rows(query.limit(limit)))[0]]

    async def _revision(self) -> int:
        found = await self._one(select(partner_revision.c.revision))
        return int(found["revision"]) if found is not None else 0

    async def _one(self, query: Select[Any]) -> Any:
        found = (await self.rows(query))[0]
        return found[0] if found else None


def _access(revision: int, who: list[Any], granted: list[Any], tokens: list[Any]) -> PartnerAccess:
    known = [partner_of(row) for row in who]
    return access_of(
        revision,
        {each.partner_id: Partner(each.partner_id, each.state == "suspended", each.rate) for each in known},
        tuple(entitlement_of(row).granted for row in granted),
        frozenset(row["id"] for row in tokens),
    )
