"""What partners may, for commands that work beside a running gateway: read once, and nothing is made."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from gateway.partners.store import PartnerStore
from gateway.recording.database import store_url
from gateway.recording.schema import pending
from policies.entitlements import NO_PARTNERS, PartnerAccess

_TABLES = "partners_0008"
"""The migration that brought the tables."""


async def stored_access(url: str, role: str) -> PartnerAccess:
    """Return what partners may, without making a store or its tables.

    Raises RegistryError where the store does not answer, and what `pending` raises.
    """
    where = store_url(url)
    if where.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(where.database or "").exists):
        return NO_PARTNERS  # connecting would make it
    if _TABLES in await pending(url):
        return NO_PARTNERS
    store = PartnerStore(url)
    try:
        return replace(await store.access(), role=role)
    finally:
        await store.close()
