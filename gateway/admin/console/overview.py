"""The first page: is the gateway well, which policies are in force, what waits for somebody."""

from __future__ import annotations

from starlette.responses import Response

from gateway.admin.console.visiting import Visit
from gateway.admin.health import run_all


async def page(visit: Visit) -> Response:
    """Show the state of the gateway in a few figures."""
    house = visit.rooms.house
    policies = house.policies.current()
    return visit.page(
        "overview.html",
        checks=await run_all(visit.console.checks),
        version=policies.version,
        warnings=len(policies.warnings),
        engines=sorted(house.engines),
    )
