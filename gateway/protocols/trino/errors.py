"""Ways a request is turned away before, or instead of, becoming a statement: an HTTP status and a text."""

from __future__ import annotations

from gateway.protocols.http import Response, text_response


class TurnedAway(Exception):  # noqa: N818  (an answer, not a crash)
    """Answer a request with a status and a plain text that discloses nothing."""

    status = 400

    def __init__(self, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Keep the text for the client."""
        super().__init__(message)
        self.message = message
        self.headers = headers

    @property
    def response(self) -> Response:
        """Return the answer."""
        return text_response(self.status, self.message, self.headers)


class BadRequest(TurnedAway):
    """400: the request's headers or body are malformed."""


class NotHere(TurnedAway):
    """404: no such query, page or resource, or none of this caller's; the two look alike."""

    status = 404

    def __init__(self, message: str = "Query not found") -> None:
        """Say no more than that."""
        super().__init__(message)


class NotAllowed(TurnedAway):
    """405: the resource exists and this method is not one of its own."""

    status = 405

    def __init__(self, *allowed: str) -> None:
        """Name the methods that are."""
        super().__init__("Method not allowed", headers=(("Allow", ", ".join(allowed)),))


class NoLonger(TurnedAway):
    """410: the page was followed by later ones, the token has expired, or the query is forgotten."""

    status = 410

    def __init__(self, message: str = "The page is gone") -> None:
        """Say which of them where it helps."""
        super().__init__(message)


class TryLater(TurnedAway):
    """503 with Retry-After: the same request may succeed soon."""

    status = 503

    def __init__(self, message: str, seconds: int = 1) -> None:
        """Say when."""
        super().__init__(message, headers=(("Retry-After", str(seconds)),))
