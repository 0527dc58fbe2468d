"""What `penstock doctor` looks at: files, store, engines, and ways around the gateway that only others can close."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import aiohttp

from gateway.auth.authenticator import Authenticator
from gateway.config import Config, ConfigError, TrinoBackend
from gateway.engines import make_engines
from gateway.policy_files import PolicyError, load_policy_files
from gateway.recording import schema

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    text: str


async def examine(config: Config) -> list[Finding]:
    """Return all findings; a check that cannot be made is BAD with the reason, never skipped."""
    checks: list[Callable[[Config], Awaitable[list[Finding]]]] = [_files, _data, _store, _engines, _ways_around, _door]
    findings = []
    for check in checks:
        findings += await check(config)
    return findings


async def _files(config: Config) -> list[Finding]:
    try:
        policies = load_policy_files(config.policies)
        Authenticator(config, lambda: policies)
    except PolicyError as error:
        return [Finding("policies", "bad", str(fault)) for fault in error.faults]
    except (ConfigError, OSError, ValueError) as error:
        return [Finding("identity", "bad", str(error))]
    return [Finding("policies", "ok", f"version {policies.version}")]


async def _data(config: Config) -> list[Finding]:
    folder = config.data_dir
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return [Finding("data_dir", "bad", f"{folder} is not writable")]
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    state: State = "ok" if free > 2 * config.store.journal_bytes else "warn"
    return [
        Finding("data_dir", state, f"{free >> 20} MiB free; the journal may take {config.store.journal_bytes >> 20}")
    ]


async def _store(config: Config) -> list[Finding]:
    try:
        waiting = await schema.pending(config.store.url.get_secret_value())
    except Exception as error:  # noqa: BLE001  (whatever a driver raises is the finding)
        return [Finding("store", "bad", f"cannot be reached: {type(error).__name__}")]
    if waiting:
        return [Finding("store", "warn", f"{len(waiting)} migrations pending; run `penstock migrate`")]
    return [Finding("store", "ok", "reachable and up to date")]


async def _engines(config: Config) -> list[Finding]:
    findings = []
    for engine in make_engines(config):
        await engine.start()
        try:
            health = await asyncio.wait_for(engine.health(), 10)
            findings.append(
                Finding(f"engine {engine.name}", "ok" if health.healthy else "bad", health.detail or "answers")
            )
        except TimeoutError:
            findings.append(Finding(f"engine {engine.name}", "bad", "no answer within 10 s"))
        finally:
            await engine.close()
    return findings


async def _ways_around(config: Config) -> list[Finding]:
    """Knock at each Trino without credentials: if it opens, people can go around the gateway."""
    findings = []
    for backend in config.engines:
        if not isinstance(backend, TrinoBackend):
            continue
        name = f"way around {backend.name}"
        try:
            timeout = aiohttp.ClientTimeout(total=5)
            headers = {"X-Trino-User": "penstock-doctor"}
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.post(f"{backend.url}/v1/statement", data="SELECT 1", headers=headers) as answer,
            ):
                opened = answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            findings.append(Finding(name, "warn", "could not be tried: the engine does not answer"))
            continue
        text = "answers anybody: close it by authentication or by a network policy" if opened else "closed to strangers"
        findings.append(Finding(name, "warn" if opened else "ok", text))
    return findings


async def _door(config: Config) -> list[Finding]:
    if config.door.tls is None and not config.door.loopback and not config.door.trusted_proxies:
        return [Finding("door", "warn", "neither TLS nor a trusted proxy: results travel in clear")]
    if config.identity.insecure:
        return [Finding("door", "warn", "identity.insecure: anybody on this machine may be anybody")]
    return [Finding("door", "ok", "guarded")]
