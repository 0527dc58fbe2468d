"""Take a page of a Trino result apart without decoding its data, and check every address in it.

The bulk of a page is its `data`. It is read once, to prove that it is one complete JSON array and to count its rows;
values are never built. Source: trino-protocol sections 6 and 10.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from engines.spooled import Spooled, read_spooled
from engines.trino.segments import segment_path

FORWARDED = frozenset({"columns", "data", "stats", "warnings", "error", "updateType", "updateCount"})
"""Members that belong to the result. `id`, the URIs and whatever a newer engine adds stay here."""

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_DATA_BEGIN = b'"data":['
_DATA_END = b']],"stats":{'
_STAND_IN = f'"{secrets.token_hex(16)}"'.encode()
"""Takes the place of the data in the proof; nobody outside this process can have written it."""


class NotAPageError(ValueError):
    """Say why a body is no page of a Trino result."""


class _State(msgspec.Struct):
    state: str = "RUNNING"


class _Error(msgspec.Struct):
    errorName: str = "GENERIC_INTERNAL_ERROR"  # noqa: N815  (the wire's name)


_STATE = msgspec.json.Decoder(_State)
_ERROR = msgspec.json.Decoder(_Error)
_TEXT = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class UpstreamPage:
    """Hold a page as the engine sent it: raw members, its own id and the paths of what can be asked next."""

    query_id: str
    members: Mapping[str, bytes]
    next: str | None
    partial_cancel: str | None
    rows: int
    state: str
    failed: str | None
    spooled: Spooled | None = None


def read_page(body: bytes, prefix: str = "", *, spooling: bool = False) -> UpstreamPage:
    """Take a page apart; `prefix` is the path under which the engine lies. Raises NotAPageError.

    Data in segments are taken only with `spooling`, and then are not among the members.
    """
    try:
        members, rows, spooled = _split(body, prefix, spooling=spooling)
        query_id = _TEXT.decode(members["id"])
        state = _STATE.decode(members["stats"]).state
        following = _address(members.get("nextUri"), prefix, _PAGE_PATH, query_id)
        partial = _address(members.get("partialCancelUri"), prefix, _PARTIAL_PATH, query_id)
        failed = _ERROR.decode(members["error"]).errorName if "error" in members else None
    except NotAPageError:
        raise
    except (ValueError, KeyError, RecursionError) as error:
        raise NotAPageError(f"not a page: {error!r}") from None
    forwarded = {name: bytes(value) for name, value in members.items() if name in FORWARDED}
    return UpstreamPage(query_id, forwarded, following, partial, rows, state, failed, spooled)


def is_cursor(path: str) -> bool:
    """Say whether a path is one of a statement's page or partial cancel, and nothing else of the engine's."""
    return _PAGE_PATH.fullmatch(path) is not None or _PARTIAL_PATH.fullmatch(path) is not None


def _split(body: bytes, prefix: str, *, spooling: bool) -> tuple[dict[str, msgspec.Raw | bytes], int, Spooled | None]:
    """Return the top-level members, the number of rows, and data in segments, if any.

    Fast path: guess where `data` lies, then prove it. With a stand-in put in its place the rest must be an object
    whose top-level `data` is that very stand-in, and what was cut out must be a complete array: then there is no
    other way to read the body, since JSON is unambiguous. Otherwise read the whole.
    """
    begin = body.find(_DATA_BEGIN) + len(_DATA_BEGIN) - 1
    end = body.rfind(_DATA_END) + 2
    if len(_DATA_BEGIN) <= begin < end - 1:
        rest = b"".join((body[:begin], _STAND_IN, body[end:]))
        try:
            members: dict[str, msgspec.Raw | bytes] = dict(_MEMBERS.decode(rest))
            data = body[begin:end]
            if bytes(members.get("data", b"")) == _STAND_IN and rest.count(_STAND_IN) == 1:
                rows = len(_ROWS.decode(data))
                members["data"] = data
                return members, rows, None
        except msgspec.DecodeError:
            pass  # the guess was wrong, or the body is damaged: the full reading tells
    members = dict(_MEMBERS.decode(body))
    data = bytes(members.get("data", b"null"))
    if data == b"null":
        members.pop("data", None)
        return members, 0, None
    if spooling and data.startswith(b"{"):
        spooled = read_spooled(data, lambda address: segment_path(address, prefix))
        del members["data"]
        return members, spooled.rows, spooled
    return members, len(_ROWS.decode(data)), None


_ID = r"(?P<id>[0-9A-Za-z_]{1,80})"
_SLUG = r"[0-9A-Za-z_-]{1,200}"
_QUERY = r"(?:\?[0-9A-Za-z_=&.%-]{0,500})?"
_PAGE_PATH = re.compile(rf"/v1/statement/(?:queued|executing)/{_ID}/{_SLUG}/[0-9]{{1,19}}{_QUERY}")
_PARTIAL_PATH = re.compile(rf"/v1/statement/executing/partialCancel/{_ID}/[0-9]{{1,9}}/{_SLUG}/[0-9]{{1,19}}{_QUERY}")
_URL = re.compile(r"https?://(?:[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?P<path>/[^#]*)", re.IGNORECASE)


def _address(raw: msgspec.Raw | bytes | None, prefix: str, shape: re.Pattern[str], query_id: str) -> str | None:
    """Return the path of an address in a page. The host is dropped: only the configured one is ever asked.

    It must be the query's own: a page that led on to another query would give its reader that one's rows.
    """
    if raw is None or bytes(raw) == b"null":
        return None
    url = _URL.fullmatch(_TEXT.decode(raw))
    if url is None or not url["path"].startswith(prefix):
        raise NotAPageError("an address in the page leads elsewhere")
    path = url["path"][len(prefix) :]
    found = shape.fullmatch(path)
    if found is None:
        raise NotAPageError("an address in the page has an unknown form")
    if found["id"] != query_id:
        raise NotAPageError("an address in the page is another query's")
    return path
