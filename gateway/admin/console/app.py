"""The console's place on the admin port: its routes, who may open which, and the headers on all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.admin.api.rooms import Rooms
from gateway.admin.console import audit, budgets, changesets, comparing, overview, partners, policies, simulating
from gateway.admin.console.guarding import Guarded
from gateway.admin.console.logins import log_in, log_out, login_page
from gateway.admin.console.rendering import STATIC, render
from gateway.admin.console.sessions import Sessions
from gateway.admin.console.visiting import LOGIN, Console, Page, endpoint, see_other
from gateway.admin.health import Check
from policies.directory import AdminRole

ALL: tuple[AdminRole, ...] = ("owner", "steward", "auditor")
AUTHORS: tuple[AdminRole, ...] = ("owner", "steward")
AUDITORS: tuple[AdminRole, ...] = ("auditor", "steward")


class Place(NamedTuple):
    """A page, where it stands, and who may open it."""

    method: str
    path: str
    page: Page
    roles: tuple[AdminRole, ...] = ALL


PLACES = (
    Place("GET", "/ui", overview.page),
    Place("GET", "/ui/policies", policies.listing),
    Place("GET", "/ui/policies/{kind}/{id:path}", policies.one),
    Place("GET", "/ui/documents", policies.documents, AUDITORS),
    Place("GET", "/ui/documents/{name}", policies.document, AUDITORS),
    Place("GET", "/ui/documents/{name}/versions/{version}", policies.version, AUDITORS),
    Place("GET", "/ui/changesets", changesets.listing),
    Place("GET", "/ui/changesets/{id}", changesets.one),
    Place("GET", "/ui/changesets/{id}/diff", comparing.comparisons),
    Place("POST", "/ui/changesets/{id}/diff", comparing.begin, AUTHORS),
    Place("GET", "/ui/changesets/{id}/shadow", comparing.shadow),
    Place("GET", "/ui/diffs/{id}", comparing.comparison),
    Place("GET", "/ui/lint", comparing.lint),
    Place("GET", "/ui/changesets/{id}/{step}", changesets.confirm, AUTHORS),
    Place("POST", "/ui/changesets/{id}/{step}", changesets.act, AUTHORS),
    Place("GET", "/ui/simulate", simulating.form),
    Place("POST", "/ui/simulate", simulating.run),
    Place("GET", "/ui/budgets", budgets.listing),
    Place("GET", "/ui/budgets/{id}", budgets.one),
    Place("GET", "/ui/partners", partners.listing, AUDITORS),
    Place("GET", "/ui/partners/{partner_id}", partners.one, AUDITORS),
    Place("GET", "/ui/audit", audit.page, AUDITORS),
)


def console(rooms: Rooms, checks: Mapping[str, Check]) -> list[BaseRoute]:
    """Return the routes of the console for the admin port; they are no part of the API's description."""
    shared = Console(rooms, checks, Sessions.of(rooms.house.config))
    pages: dict[str, dict[str, Callable[[Request], Awaitable[Response]]]] = {}
    for place in PLACES:
        pages.setdefault(place.path, {})[place.method] = endpoint(shared, place.page, place.roles)

    async def login(request: Request) -> Response:
        return await log_in(shared, request) if request.method == "POST" else login_page(shared, request)

    async def front(_: Request) -> Response:
        return see_other("/ui")

    routes: list[BaseRoute] = [
        Route("/ui/", front),
        *(Route(path, _by_method(found), methods=list(found)) for path, found in pages.items()),
        Route(LOGIN, login, methods=["GET", "POST"]),
        # Whoever has a session may end it, whatever his roles are by now.
        Route("/ui/logout", endpoint(shared, log_out, ()), methods=["POST"]),
        Mount("/ui/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _nothing, 405: _nothing})
    app.router.redirect_slashes = False
    guarded = Guarded(app)
    return [Route("/", front), Route("/ui", guarded), Route("/ui/{rest:path}", guarded)]


def _by_method(
    found: Mapping[str, Callable[[Request], Awaitable[Response]]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await found["GET" if request.method == "HEAD" else request.method](request)

    return answer


async def _nothing(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return render("nothing.html", status, missing=status == 404)
