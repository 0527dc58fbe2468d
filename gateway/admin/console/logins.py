"""Log in with a bearer token, and out again."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.api.callers import caller_of
from gateway.admin.api.problems import Problem
from gateway.admin.console.guarding import read_form
from gateway.admin.console.rendering import render
from gateway.admin.console.sessions import COOKIE, TokenTooLong, forget, keep
from gateway.admin.console.visiting import LOGIN, Console, Visit, problem_of, see_other

_OUR_PAGE = re.compile(r"/ui(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
"""Where a login may lead: a path of ours, never another host."""


def login_page(console: Console, request: Request) -> Response:
    """Show the form."""
    ended = COOKIE in request.cookies or "ended" in request.query_params
    told = "Your session has ended. Log in again." if ended else ""
    return _form(request.query_params.get("next", ""), told=told)


async def log_in(console: Console, request: Request) -> Response:
    """Take a token, and keep it in a cookie if it is good."""
    address = request.client.host if request.client else ""
    try:
        form = await read_form(request)
        wait = console.failures.wait_of(address)
        if wait:
            told = f"Too many logins failed. Try again in {wait} seconds."
            raise Problem(429, "too_many_requests", told, headers={"Retry-After": str(wait)})
        return await _begin(console, request, form)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is told above the form)
        problem = problem_of(error)
        if problem.status == 401:
            console.failures.failed(address)
        answer = _form(request.query_params.get("next", ""), problem.status, error=problem.body.detail)
        answer.headers.update(problem.headers)
        return answer


async def _begin(console: Console, request: Request, form: dict[str, str]) -> Response:
    token = form.get("token", "").strip().removeprefix("Bearer ").strip()
    if not token.isascii() or not token.isprintable():
        raise Problem(401, "unauthenticated", "This is no token: it has characters that none has.")
    address = request.client.host if request.client else None
    secure = console.secure(request)
    caller = await caller_of(console.rooms, f"Bearer {token}", address, secure=secure)
    try:
        session, cookie = console.sessions.begin(token, caller.principal.expires_at)
    except TokenTooLong:
        told = "The token is too long for a cookie. Use one with fewer claims."
        raise Problem(422, "invalid", told) from None
    wanted = request.query_params.get("next", "")
    answer = see_other(wanted if _OUR_PAGE.fullmatch(wanted) else "/ui")
    keep(answer, cookie, console.sessions.seconds_left(session), secure=secure)
    return answer


async def log_out(visit: Visit) -> Response:
    """Have the browser forget the session."""
    answer = see_other(LOGIN)
    forget(answer, secure=visit.console.secure(visit.request))
    return answer


def _form(wanted: str, status: int = 200, *, error: str = "", told: str = "") -> Response:
    following = wanted if _OUR_PAGE.fullmatch(wanted) else ""
    return render("login.html", status, error=error, told=told, following=following)
