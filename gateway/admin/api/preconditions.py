"""Optimistic concurrency: what can change has an ETag, and who changes it says which one he read (RFC 9110, 13.1.1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header

from gateway.admin.api.problems import MEDIA_TYPE, Fault, Problem

_ETAG = r'^"(0|[1-9][0-9]{0,17})"$'
_SCHEMA = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
STALE: dict[int | str, dict[str, Any]] = {412: {"description": "It was changed since it was read", "content": _SCHEMA}}
"""What an operation may answer that takes If-Match; give it to its `responses`."""

_HEADER = Header(alias="If-Match", pattern=_ETAG, description="The ETag of what you read.", examples=['"3"'])


def _given(if_match: Annotated[str | None, _HEADER] = None) -> int | None:
    return None if if_match is None else int(if_match.strip('"'))


def _required(if_match: Annotated[str, _HEADER]) -> int:
    return int(if_match.strip('"'))


Version = Annotated[int, Depends(_required)]
"""Type a parameter so to be handed the version of a required If-Match."""
VersionIfGiven = Annotated[int | None, Depends(_given)]
"""Type a parameter so to be handed the version of an If-Match that may be left out."""


def stale(reason: str) -> Problem:
    """Return the problem of a version that is not there any more (412)."""
    fault = Fault(field="If-Match", reason=reason, fix="Read it again, and decide anew.")
    return Problem(412, "stale", reason, errors=[fault])


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'
