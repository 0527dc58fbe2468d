"""A visit: who asks for a page, proved as in the API, and how he is answered; what goes wrong is shown as help."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import yaml
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from catalog.errors import Refusal
from gateway.admin.api.callers import Caller, caller_of
from gateway.admin.api.paging import position
from gateway.admin.api.problems import Problem, of_policies, of_refusal, unfit
from gateway.admin.api.registry import problem_of as of_registry
from gateway.admin.api.rooms import Rooms
from gateway.admin.console.guarding import read_form
from gateway.admin.console.rendering import render
from gateway.admin.console.sessions import COOKIE, Session, Sessions, forget, is_secure
from gateway.admin.console.slowing import Failures
from gateway.admin.health import Check
from gateway.partners.database import RegistryError
from gateway.policy_store.store import PolicyStoreError
from policies.directory import AdminRole
from policies.faults import PolicyError

_log = logging.getLogger("penstock.admin")
LOGIN = "/ui/login"
_LONGEST = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def fit(text: str) -> bool:
    """Tell whether a text can be the name of anything here: the API's operations, called by name, trust us with it."""
    return len(text) <= _LONGEST and not _CONTROL.search(text)


@dataclass(frozen=True, slots=True)
class Console:
    """What all pages share."""

    rooms: Rooms
    checks: Mapping[str, Check]
    sessions: Sessions
    failures: Failures = field(default_factory=Failures)

    def secure(self, request: Request) -> bool:
        """Tell whether a browser came by TLS."""
        return is_secure(request, self.rooms.house.config.door.trusted_proxies)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who may see the page."""

    console: Console
    request: Request
    caller: Caller
    session: Session | None
    """None for who sends his token with every request."""
    form: Mapping[str, str]

    @property
    def rooms(self) -> Rooms:
        """Return the worker's rooms."""
        return self.console.rooms

    def is_a(self, *roles: AdminRole) -> bool:
        """Tell whether the caller has one of the roles."""
        return bool(self.caller.roles & set(roles))

    def asked(self, name: str) -> str:
        """Return a parameter of the address without blanks around it; empty where there is none. Raises Problem 422."""
        found = self.request.query_params.get(name, "").strip()
        if not fit(found):
            raise unfit(name, "it is too long, or has characters that none has", "Leave it out.")
        return found

    def position(self, name: str) -> str:
        """Return the key behind which a list of the page begins. Raises Problem 404 for what is no cursor of ours."""
        return position(self.asked(name) or None)

    def address(self, **changed: str | int | None) -> str | None:
        """Return this page's own address with parameters changed; None where the first of them is."""
        if None in changed.values():
            return None
        return str(self.request.url.include_query_params(**changed).replace(scheme="", netloc=""))

    def page(self, template: str, status: int = 200, **context: object) -> Response:
        """Answer with a page."""
        token = self.console.sessions.form_token(self.session) if self.session else ""
        return render(
            template, status, caller=self.caller, path=self.request.url.path, form_token=token, visit=self, **context
        )


Page = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def see_other(path: str) -> Response:
    """Send the browser on to another page of ours, with GET."""
    return RedirectResponse(path, 303)


def endpoint(console: Console, page: Page, roles: Collection[AdminRole]) -> Endpoint:
    """Return the endpoint that shows a page to those who have one of the roles, or to anybody known where none is."""

    async def answer(request: Request) -> Response:
        try:
            visit = await _visit(console, request)
        except Exception as error:  # noqa: BLE001  (a store that is away, too, keeps people out with a word)
            return _turned_away(console, request, problem_of(error))
        try:
            _admit(visit, roles)
            if request.method == "POST":
                visit = await _with_form(visit)
            return await page(visit)
        except Exception as error:  # noqa: BLE001  (whatever happened, a person is told what and what next)
            return _problem_page(visit, error)

    return answer


async def _visit(console: Console, request: Request) -> Visit:
    """Return who comes. A header's token goes before a cookie's: no other site can send one. Raises Problem."""
    session, shown = None, request.headers.get("authorization")
    if shown is None:
        session = console.sessions.open(request.cookies.get(COOKIE))
        shown = f"Bearer {session.token}" if session is not None else None
    address = request.client.host if request.client else None
    caller = await caller_of(console.rooms, shown, address, secure=console.secure(request))
    return Visit(console, request, caller, session, {})


def _turned_away(console: Console, request: Request, problem: Problem) -> Response:
    """Show the way to the login to who has only a browser; tell others what is wrong."""
    if "authorization" in request.headers or problem.status not in (401, 403):
        answer: Response = render("turned_away.html", problem.status, problem=problem.body)
        answer.headers.update(problem.headers)
        return answer
    ended = "&ended=1" if COOKIE in request.cookies else ""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    answer = see_other(f"{LOGIN}?next={quote(wanted if request.method in ('GET', 'HEAD') else '/ui')}{ended}")
    if ended:
        forget(answer, secure=console.secure(request))
    return answer


def _admit(visit: Visit, roles: Collection[AdminRole]) -> None:
    if roles and not visit.caller.roles & set(roles):
        wanted = " or ".join(roles)
        raise Problem(403, "forbidden", f"{visit.caller.name} has no role for this here: it takes {wanted}.")


async def _with_form(visit: Visit) -> Visit:
    form = await read_form(visit.request)
    brought = form.pop("form_token", "")
    if visit.session is not None and not visit.console.sessions.is_form_of(visit.session, brought):
        raise Problem(403, "forbidden", "This form is not of your session here: nothing was done. Open the page again.")
    return Visit(visit.console, visit.request, visit.caller, visit.session, form)


def problem_of(error: Exception) -> Problem:
    """Return the problem that an exception is; of one that nobody expected only that it happened."""
    match error:
        case Problem():
            return error
        case Refusal():
            return of_refusal(error)
        case PolicyError():
            return of_policies(error)
        case RegistryError():
            return of_registry(error)
        case PolicyStoreError():
            return Problem(503, "store_away", "The policy store does not answer: nothing was changed.")
    _log.error("a page of the console failed", exc_info=error)
    return Problem(500, "internal", "Internal error: the gateway's log says more.")


def _problem_page(visit: Visit, error: Exception) -> Response:
    problem = problem_of(error)
    if visit.caller.roles:
        answer = visit.page("problem.html", problem.status, problem=problem.body)
    else:
        wanted = {"administration": [{"users": [visit.caller.name], "allow": ["auditor"]}]}
        answer = visit.page("no_role.html", problem.status, suggestion=yaml.safe_dump(wanted, allow_unicode=True))
    answer.headers.update(problem.headers)
    return answer
