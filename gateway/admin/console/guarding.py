"""What a browser is told to allow these pages, and which forms are taken: only those that the pages themselves sent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import MutableHeaders

from gateway.admin.api.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FORM_BYTES = 4 << 20
"""A form may hold a long statement, every byte of it as three characters."""
_FIELDS = 64
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer under `/ui`."""


class Guarded:
    """An application whose every answer, errors among them, carries the headers."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/ui/static/"):
                    headers["Cache-Control"] = "no-cache"  # kept, and asked for anew
            await send(message)

        await self._app(scope, receive, add)


def own_origin(request: Request) -> bool:
    """Tell whether a form comes from our own pages, as far as the browser says where it comes from."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin != "null" and urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises Problem 403 for one from elsewhere, 413, 415 or 422 for what is none."""
    if not own_origin(request):
        raise Problem(403, "forbidden", "This form was sent from another site: nothing was done.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, "unsupported_media_type", "Forms are taken as application/x-www-form-urlencoded only.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            raise Problem(413, "content_too_large", f"A form may have {_FORM_BYTES} bytes at most.")
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError:
        raise Problem(422, "invalid", "This is not the form of a page here.") from None
    found = dict(fields)
    if len(found) < len(fields):
        raise Problem(422, "invalid", "A field of the form stands twice.")
    # Browsers send the ends of lines as CR LF; what is simulated or written should have those that were typed.
    return {name: value.replace("\r\n", "\n") for name, value in found.items()}
