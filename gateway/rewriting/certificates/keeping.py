"""Keep the certificates of what runs: written in the background, each once an hour at most, by whoever uses it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict

from gateway.models import Rewritten
from gateway.recording.bounded import StoreAway
from gateway.rewriting.certificates.store import CertificateStore, Filed

_log = logging.getLogger("penstock.rewriting")
_EVERY_SECONDS = 1.0
_AGAIN_SECONDS = 3_600.0
"""After so long a certificate that is still in use is noted as used anew."""
_MOST_WAITING = 1_000
_MOST_KNOWN = 20_000


class CertificateKeeper:
    """One worker's certificates on their way to the store."""

    def __init__(self, store: CertificateStore) -> None:
        """Do nothing yet."""
        self._store = store
        self._waiting: OrderedDict[str, Filed] = OrderedDict()
        self._known: OrderedDict[str, float] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def used(self, rewritten: Rewritten) -> None:
        """Take note that a rewriting runs; costs a look into a dictionary."""
        now = time.monotonic()
        name = rewritten.certificate_id
        kept = self._known.get(name)
        if not name or (kept is not None and now - kept < _AGAIN_SECONDS):
            return
        self._known[name] = now
        self._known.move_to_end(name)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        views = tuple(sorted(map(str, rewritten.views)))
        self._waiting[name] = Filed(name, rewritten.document, views, rewritten.grade)
        while len(self._waiting) > _MOST_WAITING:
            forgotten, _ = self._waiting.popitem(last=False)
            self._known.pop(forgotten, None)  # it is written when it is used next

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Write what waits, and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what waits now; where the store is away it waits on."""
        made = list(self._waiting.values())
        if not made:
            return
        try:
            await self._store.keep(made)
        except StoreAway as away:
            _log.warning("certificates wait for the store: %s", away)
            return
        for each in made:
            self._waiting.pop(each.id, None)
