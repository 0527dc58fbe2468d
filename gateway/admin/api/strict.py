"""Hold requests to the description before any operation sees them: methods, parameters, media type, size, NUL bytes.

What the description does not know is refused: a misspelt filter that is passed over would answer a question that
nobody asked. Paths outside of the description (health, the console) are none of this module's business.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.admin.api.problems import Fault, Problem, answer, unfit

MAX_BODY = 8 << 20
"""Bytes of the largest body that is taken."""
_TOO_LARGE = f"A body has at most {MAX_BODY} bytes."


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operation's description says of its requests."""

    parameters: Mapping[str, bool]
    """Query parameters, and whether each may be given more than once."""
    media_types: frozenset[str]
    """Of bodies; none where there is no body."""


@dataclass(frozen=True, slots=True)
class Place:
    """One path of the description."""

    pattern: re.Pattern[str]
    operations: Mapping[str, Operation]


def places_of(description: Mapping[str, Any]) -> tuple[Place, ...]:
    """Return the paths of an OpenAPI description, the literal ones first."""
    found = []
    for path, item in description["paths"].items():
        operations = {method.upper(): _operation(said) for method, said in item.items()}
        found.append((path.count("{"), Place(compile_path(path)[0], operations)))
    return tuple(place for _, place in sorted(found, key=lambda each: each[0]))


def _operation(said: Mapping[str, Any]) -> Operation:
    parameters = {
        each["name"]: each["schema"].get("type") == "array"
        for each in said.get("parameters", ())
        if each["in"] == "query"
    }
    return Operation(parameters, frozenset(said.get("requestBody", {}).get("content", ())))


class Strict:
    """Middleware that refuses what the description does not know."""

    def __init__(self, app: ASGIApp, *, describe: Callable[[], Mapping[str, Any]], apart: Collection[str] = ()) -> None:
        """Wrap an application; `describe` returns its description, `apart` are paths outside of it.

        The description takes a second to make, so it is not before it is asked about, and not on the event loop.
        """
        self._app = app
        self._describe = describe
        self._apart = apart
        self._places: asyncio.Task[tuple[Place, ...]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on with its body read."""
        if scope["type"] != "http" or scope["path"] in self._apart:
            await self._app(scope, receive, send)
            return
        try:
            operation = await self._operation(scope)
            if operation is not None:
                _check_query(scope, operation)
                receive = await _checked_body(scope, receive, operation)
        except Problem as problem:
            await answer(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _operation(self, scope: Scope) -> Operation | None:
        """Return the operation that is asked for; None outside of the description. Raises Problem 405."""
        if self._places is None:
            self._places = asyncio.create_task(asyncio.to_thread(lambda: places_of(self._describe())))
        places, path = await asyncio.shield(self._places), scope["path"]
        place = next((place for place in places if place.pattern.match(path)), None)
        if place is None:
            return None
        if "\0" in path:
            raise Problem(404, "not_found", "There is no such thing.")
        if scope["method"] in place.operations:
            return place.operations[scope["method"]]
        allowed = ", ".join(sorted(place.operations))
        detail = f"This path takes {allowed}."
        raise Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})


def _check_query(scope: Scope, operation: Operation) -> None:
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    faults = list(_query_faults(given, operation.parameters))
    if faults:
        raise Problem(422, "invalid", "; ".join(f"{f.field}: {f.reason}" for f in faults[:3]), errors=faults)


def _query_faults(given: list[tuple[str, str]], known: Mapping[str, bool]) -> Iterator[Fault]:
    for name, count in Counter(name for name, _ in given).items():
        if name not in known:
            listed = f"There are: {', '.join(sorted(known))}." if known else "There are none."
            yield Fault(field=name[:100], reason="there is no such parameter", fix=listed)
        elif count > 1 and not known[name]:
            yield Fault(field=name, reason=f"it is given {count} times", fix="Give it once.")
    for name, value in given:
        if "\0" in value:
            yield Fault(field=name[:100], reason="it holds a NUL byte", fix="Take it out.")


async def _checked_body(scope: Scope, receive: Receive, operation: Operation) -> Receive:
    """Return how to receive the body, once it was held against the description. Raises Problem 413, 415, 422."""
    if not operation.media_types:
        return receive
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > MAX_BODY:
        raise Problem(413, "too_large", _TOO_LARGE)
    body = await _read(receive)
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().decode("latin-1").lower()
    if body and media not in operation.media_types:
        known = ", ".join(sorted(operation.media_types))
        fault = Fault(field="Content-Type", reason=f"{media[:100] or 'nothing'} is not taken", fix=f"Send {known}.")
        raise Problem(415, "unsupported_media_type", f"This operation takes {known}.", errors=[fault])
    _check_text(body, media)
    return _replayed(body, receive)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise Problem(413, "too_large", _TOO_LARGE)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _check_text(body: bytes, media: str) -> None:
    """Refuse what is no UTF-8, and texts with NUL bytes or halves of characters, which no store keeps."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise unfit("body", "it is no UTF-8", "Send one document as UTF-8.") from None
    if media != "application/json" or not _ESCAPES.search(text):
        if "\0" in text:
            raise unfit("body", "it holds a NUL byte", "Take it out.")
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return  # what is wrong with it is told by who reads it
    for path, value in _texts(document):
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise unfit(path or "body", "it holds a NUL byte or half of a character", "Take it out.")


_ESCAPES = re.compile(r"\\u(0000|[dD][89a-fA-F])")


def _texts(document: object) -> Iterator[tuple[str, str]]:
    """Yield every text of a document, names of members too, with its place."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for name, each in value.items():
                yield path, name
                waiting.append((f"{path}.{name}".lstrip("."), each))
        elif isinstance(value, list):
            waiting += [(f"{path}.{number}".lstrip("."), each) for number, each in enumerate(value)]


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives a body that was read already, then what else comes."""
    left = [body]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again
