"""Fill the vault again and again while a gateway runs: what is not kept is told by name and tried next time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from catalog.cache import CatalogCache
from catalog.errors import Refusal
from engines.base import Engine
from gateway.vault.filling import Place, fill, places
from gateway.vault.store import VaultError, VaultStore
from policies.faults import Unfit
from policies.index import PolicySet

_log = logging.getLogger("penstock.vault")


async def keep_filled(
    seconds: float,
    policies: Callable[[], PolicySet],
    catalog: CatalogCache,
    engines: Mapping[str, Engine],
    store: VaultStore,
) -> None:
    """Fill all columns whose tokens can be turned back, every so many seconds, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        known = policies()
        for place in places(known):
            await _fill(place, known, catalog, engines, store)


async def _fill(
    place: Place, policies: PolicySet, catalog: CatalogCache, engines: Mapping[str, Engine], store: VaultStore
) -> None:
    try:
        filled = await fill(place, policies, catalog, engines, store)
    except Refusal as refusal:
        problem = refusal.code.name
    except (Unfit, VaultError) as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001  (whatever an engine raises, the next column has its turn)
        problem = type(error).__name__
    else:
        if filled.added:
            _log.info("vault: %d values of %s.%s are new", filled.added, place.table, place.column)
        return
    _log.warning("vault: %s.%s was not filled: %s", place.table, place.column, problem)
