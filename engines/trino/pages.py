"""Take a page of a Trino result apart without decoding its data, and check every address in it.

The bulk of a page is its `data`. It is read once, to prove that it is one complete JSON array and to count its rows;
values are never built. Source: trino-protocol sections 6 and 10.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Annotated

import msgspec

from engines.spooled import Spooled, read_spooled
from engines.trino.segments import segment_path

_BESIDE_DATA = ("columns", "stats", "warnings", "error", "updateType", "updateCount")
"""Members that belong to the result, beside the data. `id`, the URIs and whatever a newer engine adds stay here."""
_ABSENT = msgspec.Raw(b"")


class _Page(msgspec.Struct, rename="camel"):
    """The members of a page that are read here or passed on; any other is skipped."""

    id: str
    stats: msgspec.Raw
    next_uri: str | None = None
    partial_cancel_uri: str | None = None
    columns: msgspec.Raw = _ABSENT
    data: msgspec.Raw = _ABSENT
    warnings: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    updateType: msgspec.Raw = _ABSENT  # noqa: N815  (looked up by the wire's name)
    updateCount: msgspec.Raw = _ABSENT  # noqa: N815  (the protocol's own name)


_PAGE = msgspec.json.Decoder(_Page)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_DATA_BEGIN = b'"data":['
_DATA_END = b']],"stats":{'
_STAND_IN = f'"{secrets.token_hex(16)}"'.encode()
"""Takes the place of the data in the proof; nobody outside this process can have written it."""


class NotAPageError(ValueError):
    """Say why a body is no page of a Trino result."""


class _Stats(msgspec.Struct, rename="camel"):
    state: str = "RUNNING"
    physical_input_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Error(msgspec.Struct):
    errorName: str = "GENERIC_INTERNAL_ERROR"  # noqa: N815  (the wire's name)


_STATS = msgspec.json.Decoder(_Stats)
_ERROR = msgspec.json.Decoder(_Error)


class UpstreamPage(msgspec.Struct, frozen=True):
    """Hold a page as the engine sent it: raw members, its own id and the paths of what can be asked next."""

    query_id: str
    members: Mapping[str, bytes]
    next: str | None
    partial_cancel: str | None
    rows: int
    state: str
    failed: str | None
    spooled: Spooled | None = None
    scanned: int | None = None
    """Bytes that the query has read from storage so far: `stats.physicalInputBytes`, which older engines lack."""


def read_page(body: bytes, prefix: str = "", *, spooling: bool = False) -> UpstreamPage:
    """Take a page apart; `prefix` is the path under which the engine lies. Raises NotAPageError.

    Data in segments are taken only with `spooling`, and then are not among the members.
    """
    try:
        page, data, rows = _split(body, spooling=spooling)
        spooled = None
        if rows is None:
            spooled = read_spooled(data, lambda address: segment_path(address, prefix))
        following = _address(page.next_uri, prefix, _PAGE_PATH, page.id)
        partial = _address(page.partial_cancel_uri, prefix, _PARTIAL_PATH, page.id)
        stats = _STATS.decode(page.stats)
        failed = _ERROR.decode(page.error).errorName if page.error is not _ABSENT else None
    except NotAPageError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotAPageError(f"not a page: {error!r}") from None
    members = {name: bytes(raw) for name in _BESIDE_DATA if (raw := getattr(page, name)) is not _ABSENT}
    if data and spooled is None:
        members["data"] = data
    counted = spooled.rows if spooled is not None else rows or 0
    return UpstreamPage(
        page.id, members, following, partial, counted, stats.state, failed, spooled, stats.physical_input_bytes
    )


def is_cursor(path: str) -> bool:
    """Say whether a path is one of a statement's page or partial cancel, and nothing else of the engine's."""
    return _PAGE_PATH.fullmatch(path) is not None or _PARTIAL_PATH.fullmatch(path) is not None


def _split(body: bytes, *, spooling: bool) -> tuple[_Page, bytes, int | None]:
    """Return the page, its data, and the number of rows; None instead where the data lie in segments.

    Fast path: guess where `data` lies, then prove it. With a stand-in put in its place the rest must be an object
    whose top-level `data` is that very stand-in, and what was cut out must be a complete array: then there is no
    other way to read the body, since JSON is unambiguous. Otherwise read the whole.
    """
    begin = body.find(_DATA_BEGIN) + len(_DATA_BEGIN) - 1
    end = body.rfind(_DATA_END) + 2
    if len(_DATA_BEGIN) <= begin < end - 1:
        rest = b"".join((body[:begin], _STAND_IN, body[end:]))
        try:
            page = _PAGE.decode(rest)
            data = body[begin:end]
            if bytes(page.data) == _STAND_IN and rest.count(_STAND_IN) == 1:
                return page, data, len(_ROWS.decode(data))
        except msgspec.DecodeError:
            pass  # the guess was wrong, or the body is damaged: the full reading tells
    page = _PAGE.decode(body)
    data = bytes(page.data)
    if data in (b"", b"null"):
        return page, b"", 0
    if spooling and data.startswith(b"{"):
        return page, data, None
    return page, data, len(_ROWS.decode(data))


_ID = r"(?P<id>[0-9A-Za-z_]{1,80})"
_SLUG = r"[0-9A-Za-z_-]{1,200}"
_QUERY = r"(?:\?[0-9A-Za-z_=&.%-]{0,500})?"
_PAGE_PATH = re.compile(rf"/v1/statement/(?:queued|executing)/{_ID}/{_SLUG}/[0-9]{{1,19}}{_QUERY}")
_PARTIAL_PATH = re.compile(rf"/v1/statement/executing/partialCancel/{_ID}/[0-9]{{1,9}}/{_SLUG}/[0-9]{{1,19}}{_QUERY}")
_URL = re.compile(r"https?://(?:[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?P<path>/[^#]*)", re.IGNORECASE)


def _address(address: str | None, prefix: str, shape: re.Pattern[str], query_id: str) -> str | None:
    """Return the path of an address in a page. The host is dropped: only the configured one is ever asked.

    It must be the query's own: a page that led on to another query would give its reader that one's rows.
    """
    if address is None:
        return None
    url = _URL.fullmatch(address)
    if url is None or not url["path"].startswith(prefix):
        raise NotAPageError("an address in the page leads elsewhere")
    path = url["path"][len(prefix) :]
    found = shape.fullmatch(path)
    if found is None:
        raise NotAPageError("an address in the page has an unknown form")
    if found["id"] != query_id:
        raise NotAPageError("an address in the page is another query's")
    return path
