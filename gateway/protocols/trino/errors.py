"""Ways a request is turned away before, or instead of, becoming a statement: an HTTP status and a text, as Trino's."""

from __future__ import annotations

import math
from http import HTTPStatus

from gateway.protocols.http import Response

_COMPRESSED = frozenset({"GET", "POST"})
"""Methods whose answers depend on `Accept-Encoding`, Trino says, though no answer here is long enough."""


class TurnedAway(Exception):  # noqa: N818  (an answer, not a crash)
    """Answer a request with a status and a plain text that discloses nothing."""

    status = 400

    def __init__(self, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Keep the text for the client."""
        super().__init__(message)
        self.message = message
        self.headers = headers

    def answer(self, method: str) -> Response:
        """Return the answer to a request of a method."""
        text = f"Error {self.status} {HTTPStatus(self.status).phrase}: {self.message}"
        return plain_answer(method, self.status, text, (("Content-Type", "text/plain"), *self.headers))


class BadRequest(TurnedAway):
    """400: the request's headers or body are malformed."""


class NotHere(TurnedAway):
    """404: no such query, page or resource, or none of this caller's; the two look alike."""

    status = 404

    def __init__(self, message: str = "Query not found") -> None:
        """Say no more than that; where the address itself is none, nothing."""
        super().__init__(message)

    def answer(self, method: str) -> Response:
        """Return the answer, without a text where nothing is to be said."""
        return super().answer(method) if self.message else plain_answer(method, self.status, "", ())


class NotAllowed(TurnedAway):
    """405: the resource exists and this method is not one of its own."""

    status = 405

    def __init__(self, *allowed: str) -> None:
        """Name the methods that are."""
        super().__init__("Method not allowed", headers=(("Allow", ",".join(allowed)),))

    def answer(self, method: str) -> Response:
        """Return the answer, which has no text."""
        return plain_answer(method, self.status, "", self.headers)


class NotAcceptable(TurnedAway):
    """406: the client takes no JSON."""

    status = 406

    def __init__(self) -> None:
        """Say nothing, in no form that the client would take."""
        super().__init__("Not acceptable")

    def answer(self, method: str) -> Response:
        """Return the answer, which has no text."""
        return plain_answer(method, self.status, "", ())


class NoLonger(TurnedAway):
    """410: the page was followed by later ones, the token has expired, or the query is forgotten."""

    status = 410

    def __init__(self, message: str = "Invalid token") -> None:
        """Say which of them where it helps."""
        super().__init__(message)


class TooMany(TurnedAway):
    """429 with Retry-After: the caller has sent as many statements as he may for now."""

    status = 429

    def __init__(self, message: str, seconds: float) -> None:
        """Say when the next may succeed, in whole seconds."""
        super().__init__(message, headers=(("Retry-After", str(max(1, math.ceil(seconds)))),))


class TryLater(TurnedAway):
    """503 with Retry-After: the same request may succeed soon."""

    status = 503

    def __init__(self, message: str, seconds: int = 1) -> None:
        """Say when."""
        super().__init__(message, headers=(("Retry-After", str(seconds)),))


def plain_answer(method: str, status: int, text: str, headers: tuple[tuple[str, str], ...]) -> Response:
    """Answer in words, or without any, with the headers that Trino sends to this method."""
    varies = (("Vary", "Accept-Encoding"),) if method in _COMPRESSED else ()
    return Response(status, (*headers, *varies), text.encode("utf-8"))
