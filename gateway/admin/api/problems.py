"""Refusals of the admin API as problem+json: what is wrong, in which field, why, the fix. Source: RFC 9457."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from catalog.errors import ErrorCode, Refusal
from policies.faults import PolicyError

_log = logging.getLogger("penstock.admin")
_MOST = 100
MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="Where: a path of keys in the body, or the name of a parameter or header.")
    reason: str
    fix: str = ""


class ProblemBody(BaseModel):
    """Why a request was refused, whole: nothing of it was done."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="A name for programs: it does not change with the wording.")
    detail: str
    errors: list[Fault] = Field(default_factory=list, description="Every fault that was found.")


class Problem(Exception):  # noqa: N818  (an answer, not a crash)
    """Refuse a request."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Name the status, a code in lower_snake_case, and what to tell."""
        super().__init__(detail)
        self.headers = dict(headers or {})
        self.body = ProblemBody(
            title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, errors=list(errors[:_MOST])
        )

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.body.status


def unfit(field: str, reason: str, fix: str = "") -> Problem:
    """Return the problem of one field whose value cannot be taken (422)."""
    return Problem(422, "invalid", f"{field}: {reason}", errors=[Fault(field=field, reason=reason, fix=fix)])


def of_policies(error: PolicyError) -> Problem:
    """Return the problem of policies that do not compile (422), with every fault: for stewards only."""
    errors = [
        Fault(field=": ".join(filter(None, (f.origin.file, f.origin.path))), reason=f.message, fix=f.hint)
        for f in error.faults
    ]
    return Problem(
        422, "policies_not_whole", "The policies are not whole with the change; the live ones stay.", errors=errors
    )


_BY_CODE: Mapping[ErrorCode, int] = {
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.ALREADY_EXISTS: 409,
    ErrorCode.TRANSACTION_CONFLICT: 409,
    ErrorCode.GENERIC_INTERNAL_ERROR: 500,
    ErrorCode.GENERIC_EXTERNAL: 503,
    ErrorCode.SERVER_STARTING_UP: 503,
}


def of_refusal(refusal: Refusal) -> Problem:
    """Return the problem that a refusal of the gateway's own rooms is to the API."""
    errors = [Fault(field="", reason=refusal.message, fix=refusal.hint)] if refusal.hint else []
    return Problem(_BY_CODE.get(refusal.code, 422), refusal.code.name.lower(), refusal.message, errors=errors)


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}}
    for status, text in {
        401: "No credential, or none that holds",
        403: "The caller's roles do not allow it",
        404: "There is no such thing",
        409: "It does not fit what is there now",
        422: "Something in the request cannot be taken",
        503: "The store or an engine does not answer",
    }.items()
}
"""What any operation may answer besides its own; give it to routers as `responses`."""


def answer(problem: Problem) -> JSONResponse:
    """Write a problem."""
    return JSONResponse(
        problem.body.model_dump(), problem.status, {**problem.headers, "Cache-Control": "no-store"}, MEDIA_TYPE
    )


def answer_problems(app: FastAPI) -> None:
    """Have an application answer everything that goes wrong as problems."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        match error:
            case Problem():
                return answer(error)
            case Refusal():
                return answer(of_refusal(error))
            case PolicyError():
                return answer(of_policies(error))
            case RequestValidationError():
                return answer(_of_form(error))
            case HTTPException():
                return answer(_of_http(error))
        raise error

    async def broken(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(Problem(500, "internal", "Internal error: the gateway's log says more."))

    for kind in (Problem, Refusal, PolicyError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(Exception, broken)


def _of_form(error: RequestValidationError) -> Problem:
    """Return the problem of a request of the wrong form; where it stands, without the place's kind."""
    faults = [_fault(item) for item in error.errors()]
    told = "; ".join(f"{f.field}: {f.reason}" if f.field else f.reason for f in faults[:3])
    return Problem(422, "invalid", told, errors=faults)


def _fault(item: Mapping[str, Any]) -> Fault:
    place, *path = item["loc"] or ("",)
    field = ".".join(map(str, path)) or str(place)
    reason = str(item["msg"]).removeprefix("Value error, ")
    return Fault(field=field, reason=reason, fix=_FIXES.get(item["type"], ""))


_FIXES: Mapping[str, str] = {
    "missing": "Give it: it has no default.",
    "extra_forbidden": "Leave it out, or correct its spelling.",
    "json_invalid": "Send one JSON document as UTF-8.",
    "bool_type": "Write true or false.",
    "float_type": "Write a number.",
    "int_type": "Write a whole number.",
    "greater_than": "Write a greater one.",
    "less_than_equal": "Write a smaller one.",
    "greater_than_equal": "Write a greater one.",
    "string_type": "Write a text.",
    "string_too_long": "Write a shorter one.",
    "list_type": "Write a list.",
    "timezone_aware": "Write the zone: 2027-01-31T18:00:00Z.",
}


def _of_http(error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's answer to a body that it cannot read
        return unfit("body", "it cannot be read", "Send one JSON document as UTF-8.")
    codes = {404: "not_found", 405: "method_not_allowed"}
    code = codes.get(error.status_code, HTTPStatus(error.status_code).name.lower())
    return Problem(error.status_code, code, str(error.detail), headers=error.headers)
