"""Follow the registry: what partners may now, on every worker, and for how long that stays good without the store."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.config.partners import Partners
from gateway.partners.database import RegistryError
from policies.entitlements import Partner, PartnerAccess

_log = logging.getLogger("penstock.partners")
_FOLLOW_SECONDS = 1.5
"""How often the store is asked for its revision; who changes something tells the others at once."""
_ANSWER_SECONDS = 2.0
_START_SECONDS = 3.0
"""How long a start waits for the store."""


class Registry(Protocol):
    """What is followed; `gateway.partners.store.PartnerStore` is one."""

    async def revision(self) -> int:
        """Return the number that every change raises. Raises RegistryError."""
        ...

    async def access(self) -> PartnerAccess:
        """Return what all partners may. Raises RegistryError."""
        ...


class _Copy(msgspec.Struct, frozen=True):
    store: str
    """Of which store: a hash of its address, which may hold a password."""
    partners: tuple[str, ...]


class KnownPartners:
    """Keep the names of partners on this host: a start without the store must know whom to refuse, and whom not."""

    def __init__(self, folder: Path, store_url: str) -> None:
        """Name the folder; it is made when first needed."""
        self._path = folder / "partners.json"
        self._store = hashlib.sha256(store_url.encode()).hexdigest()

    def read(self) -> frozenset[str] | None:
        """Return who was registered when the store was last read; None where that is not known of this store."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Copy)
        except (OSError, msgspec.MsgspecError):
            return None
        return frozenset(found.partners) if found.store == self._store else None

    def write(self, partners: Iterable[str]) -> None:
        """Keep the names in the place of those before, whole or not at all. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self._path.parent, prefix=".partners-")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(msgspec.json.encode(_Copy(self._store, tuple(sorted(partners)))))
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


class Following:
    """Keep what partners may as the store has it; `put` hands each change to the policies in force."""

    def __init__(
        self,
        registry: Registry,
        config: Callable[[], Partners],
        put: Callable[[PartnerAccess], None],
        copy: KnownPartners | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Refuse every partner until the registry was read; those that this host knew stay known by name."""
        self._registry = registry
        self._config = config
        self._put = put
        self._copy = copy
        self._monotonic = monotonic
        self._named = copy.read() if copy is not None else None
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._give(PartnerAccess(partners={name: Partner(name) for name in self._named or ()}, known=False))

    @property
    def access(self) -> PartnerAccess:
        """Return what partners may now."""
        return self._access

    @property
    def fresh(self) -> bool:
        """Tell whether the registry was read so lately that partners may be served by what it said."""
        return self._access.known and self._monotonic() - self._read_at <= self._config().stale_seconds

    @property
    def names_known(self) -> bool:
        """Tell whether it is known who is a partner, whatever they may."""
        return self._named is not None

    async def refresh(self) -> None:
        """Take over what the store says, if it changed. Raises RegistryError, TimeoutError; what was known stays."""
        async with self._lock:
            asked_at = self._monotonic()
            async with asyncio.timeout(_ANSWER_SECONDS):
                revision = await self._registry.revision()
            if not self._access.known or revision != self._access.revision:
                found = await self._registry.access()
                await self._remember(found)
                self._give(found)
            elif self._access.role != self._config().role:  # the configuration was read again
                self._give(self._access)
            self._read_at = asked_at

    async def start(self) -> None:
        """Read the registry, waiting for it a moment at most, and begin to follow it."""
        with suppress(RegistryError, TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await self.refresh()
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            try:
                await self.refresh()
            except (RegistryError, TimeoutError):
                pass  # the store says so itself; for how long it may is looked at below
            except Exception:  # noqa: BLE001  (whatever stands in the store: following goes on, and partners age)
                _log.exception("the registry of partners could not be read")
            if self._access.known and not self.fresh:
                self._give(replace(self._access, known=False))

    def _give(self, access: PartnerAccess) -> None:
        self._access = replace(access, role=self._config().role)
        self._put(self._access)

    async def _remember(self, found: PartnerAccess) -> None:
        names = frozenset(found.partners)
        if names == self._named:
            return
        self._named = names
        if self._copy is not None:
            with suppress(OSError):  # a full disk must not keep partners out; the next change tries again
                await asyncio.to_thread(self._copy.write, names)
