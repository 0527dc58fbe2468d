"""The admin port: is the process alive (`/livez`), and may it be sent statements (`/readyz`, alias `/health`)?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from engines.base import Health
    from gateway.recording.recorder import RecordingStatus

CHECK_SECONDS = 3.0
"""A check that takes longer has failed."""
_AGAIN_SECONDS = 0.05
"""How soon the checks are asked again by who waits for them all."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. `detail` is for operators: no secrets."""

    ok: bool
    detail: str = ""


Check = Callable[[], Awaitable[CheckResult]]


def health_routes(checks: Mapping[str, Check]) -> list[Route]:
    """Return the routes of health: ready when every check is."""

    async def ready(_request: Request) -> Response:
        found = await run_all(checks)
        all_ok = all(result.ok for result in found.values())
        body = {
            "ready": all_ok,
            "checks": {name: {"ok": result.ok, "detail": result.detail} for name, result in found.items()},
        }
        return JSONResponse(body, 200 if all_ok else 503, headers={"Cache-Control": "no-store"})

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    return [Route("/livez", alive), Route("/readyz", ready), Route("/health", ready)]


async def until_ready(checks: Mapping[str, Check]) -> None:
    """Return once every check is ok, as `/readyz` would find it."""
    while True:
        found = await run_all(checks)
        if all(result.ok for result in found.values()):
            return
        await asyncio.sleep(_AGAIN_SECONDS)


def recording_check(status: Callable[[], RecordingStatus]) -> Check:
    """Ready while statements can be recorded: in the store, or in the journal until the store returns."""

    async def check() -> CheckResult:
        now = status()
        if not now.accepting:
            return CheckResult(False, f"no statement can be recorded: {now.reason}")
        if now.store_up is False:
            return CheckResult(True, f"the store is down ({now.reason}); {now.waiting_rows} rows wait in the journal")
        return CheckResult(True)

    return check


def policies_check(known: Callable[[], bool]) -> Check:
    """Ready once the stored policies were read, now or before by this host: they may hide what files show."""

    async def check() -> CheckResult:
        found = known()
        return CheckResult(found, "" if found else "the policy store has not answered yet")

    return check


def catalog_check(first_round_done: Callable[[], bool]) -> Check:
    """Ready once every catalog was read, or tried, for the first time."""

    async def check() -> CheckResult:
        done = first_round_done()
        return CheckResult(done, "" if done else "the catalogs are being read for the first time")

    return check


def engines_check(health: Callable[[], Mapping[str, Health]]) -> Check:
    """Ready while at least one engine answers: statements for the others are refused by name."""

    async def check() -> CheckResult:
        found = health()
        down = [f"{name}: {each.detail or 'down'}" for name, each in found.items() if not each.healthy]
        return CheckResult(len(down) < len(found) or not found, "; ".join(down))

    return check


def serving_check(draining: Callable[[], bool]) -> Check:
    """Ready until the gateway begins to drain, so that balancers send new statements elsewhere."""

    async def check() -> CheckResult:
        stopping = draining()
        return CheckResult(not stopping, "draining" if stopping else "")

    return check


async def run_all(checks: Mapping[str, Check]) -> dict[str, CheckResult]:
    """Run all checks at once, each for so long at most as a check may take."""
    results = await asyncio.gather(*(_run(check) for check in checks.values()))
    return dict(zip(checks, results, strict=True))


async def _run(check: Check) -> CheckResult:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return CheckResult(False, f"no answer within {CHECK_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001  (a broken check means not ready, not a broken page)
        return CheckResult(False, type(error).__name__)
