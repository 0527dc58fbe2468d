"""Links and anchors as lines of JSON: what spools keep, sinks and exports show, and a file is verified from.

A link's detail stands in its line as the JSON that it is, byte for byte as it was hashed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.audit.links import Head, Link

_PAGE = 5_000


class _Shown(msgspec.Struct):
    """A link's line; the detail first as it stands there."""

    seq: int
    id: str
    at: int
    kind: str
    actor: str
    user_name: str
    subject: str
    outcome: str
    detail: msgspec.Raw
    key_id: str
    prev: str
    hash: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Shown).decode


def to_line(link: Link) -> bytes:
    """Return a link as a line without its newline."""
    values: dict[str, Any] = msgspec.structs.asdict(link)
    try:
        values["detail"] = msgspec.Raw(_sound(link.detail))
        return _encode(_Shown(**values))
    except (ValueError, RecursionError):  # somebody bent it: shown all the same, as a text
        return json.dumps(msgspec.structs.asdict(link), separators=(",", ":")).encode()


def from_line(line: bytes) -> Link | None:
    """Return the link of a line; None where it holds none, as an anchor does."""
    try:
        shown = _decode(line)
        values = {name: getattr(shown, name) for name in _Shown.__struct_fields__}
        return Link(**{**values, "detail": bytes(shown.detail).decode()})
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def anchor_line(head: Head, at: float) -> bytes:
    """Return an anchor as a line without its newline; `at` in Unix seconds."""
    return _encode({"anchor": True, "seq": head.seq, "hash": head.hash, "at": round(at * 1_000_000)})


def links_in(path: Path) -> Iterator[Link]:
    """Yield the links of a file of lines, those from a sink among them; anchors are passed over. Raises OSError.

    Raises ValueError for a line that holds neither, with its number.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            link = from_line(line)
            if link is not None:
                yield link
            elif b'"anchor":true' not in line:
                raise ValueError(f"{path}, line {number}: neither a link nor an anchor")


async def pages_in(path: Path) -> AsyncIterator[Sequence[Link]]:
    """Yield the links of a file as pages, for the walk. Raises as `links_in`."""
    page: list[Link] = []
    for link in links_in(path):
        page.append(link)
        if len(page) == _PAGE:
            yield page
            page = []
    yield page


def _sound(detail: str) -> bytes:
    """Return the detail's bytes. Raises ValueError where they are no JSON on one line."""
    text = detail.encode()
    if b"\n" in text:
        raise ValueError("more than one line")
    msgspec.json.decode(text)
    return text
