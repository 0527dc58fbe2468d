"""SIGHUP: read policies, credentials and certificates again; each keeps its last good state when the new one is bad."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.config import Config, ConfigError, load_config
from gateway.config.model import Tls
from gateway.events import ConfigReloaded
from gateway.house import House

_log = logging.getLogger("penstock.config")
_LIVE = frozenset({"policies", "partners"})
"""Sections that are taken over. The others are bound at start; of those, the files that they name are read again."""


@asynccontextmanager
async def reloading(house: House, path: Path, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """Reload at every SIGHUP until the block ends; several in a row are served one after another."""
    asked = asyncio.Event()

    async def keep_reloading() -> None:
        while True:
            await asked.wait()
            asked.clear()
            await reload(house, path, tls)

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(keep_reloading())
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # ending already; its default would kill
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reload(house: House, path: Path, tls: ssl.SSLContext | None) -> None:
    """Check the whole file, then take over what can change in a running gateway; raises nothing."""
    try:
        config = await asyncio.to_thread(load_config, path)
        await asyncio.to_thread(house.authenticator.reload, config.partners)
        bound = house.config.door.tls
        if tls is not None and bound is not None:
            await asyncio.to_thread(_renew, tls, bound)
    except Exception as error:  # noqa: BLE001  (a bad file of any kind must not end what runs)
        text = str(error) if isinstance(error, ConfigError | OSError | ValueError) else type(error).__name__
        house.bus.publish(ConfigReloaded(False, text))
        return
    if await house.policies.reload(config.policies):
        house.bus.publish(ConfigReloaded(True))
        waiting = _waiting(house.config, config)
        if waiting:
            _log.warning("changed in the configuration, but bound until a restart: %s", ", ".join(waiting))
    else:
        house.bus.publish(ConfigReloaded(False, "the policies are bad: the last good ones stay in force"))


def _renew(tls: ssl.SSLContext, files: Tls) -> None:
    """Serve new connections with the certificate as it is now; a pair that does not match is tried elsewhere first."""
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(files.certificate, files.key)
    tls.load_cert_chain(files.certificate, files.key)


def _waiting(before: Config, after: Config) -> list[str]:
    """Name the sections that changed and wait for a restart."""
    changed = [name for name in Config.model_fields if getattr(before, name) != getattr(after, name)]
    return [name for name in changed if name not in _LIVE]
