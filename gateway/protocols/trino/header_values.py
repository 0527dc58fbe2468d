"""Read and write the values of X-Trino-* headers, decoded exactly once. Source: trino-protocol sections 3 and 5."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote_plus, unquote_plus

import zstandard

from gateway.protocols.http import Headers
from gateway.protocols.trino.errors import BadRequest

ZSTD_PREFIX = "$zstd:"
_COMPRESS_ABOVE = 2_048
_RATIO = 200
_RATIO_ABOVE = 65_536
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


def single(headers: Headers, name: str, limit: int) -> str | None:
    """Return a header that may come once; empty counts as absent.

    Raises BadRequest when it comes twice, which would leave open which one holds, or is longer than `limit`.
    """
    lines = headers.all(name.lower())
    if not lines:
        return None
    if len(lines) > 1:
        raise BadRequest(f"{name} header must not be repeated")
    value = utf8(lines[0], name).strip()
    if len(value) > limit:
        raise BadRequest(f"{name} header is too long: at most {limit} characters")
    return value or None


def several(headers: Headers, name: str) -> list[str]:
    """Return the items of a header that may be repeated or joined by commas; empty items are dropped."""
    lines = headers.all(name.lower())
    if not lines:
        return []
    return [item for line in lines for part in utf8(line, name).split(",") if (item := part.strip())]


def pairs(headers: Headers, name: str) -> list[tuple[str, str]]:
    """Return `key=value` items with the value URL-decoded. Raises BadRequest for anything else."""
    found = []
    for item in several(headers, name):
        key, separator, value = item.partition("=")
        key = key.strip()
        if not separator or not key or "=" in value:  # an equals sign in a value is to be escaped
            raise BadRequest(f"Invalid {name} header")
        found.append((key, url_decode(value.strip(), name)))
    return found


def utf8(value: str, name: str) -> str:
    """Return a header value, read as UTF-8. Raises BadRequest for other bytes and for NUL."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{name} header is not UTF-8") from None


def url_decode(value: str, name: str) -> str:
    """Undo form encoding once. Raises BadRequest for broken escapes, other bytes than UTF-8, and NUL."""
    if "%" not in value and "+" not in value:
        return value
    if _BROKEN_ESCAPE.search(value):
        raise BadRequest(f"Invalid {name} header: broken URL encoding")
    try:
        decoded = unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest(f"Invalid {name} header: not UTF-8") from None
    if "\x00" in decoded:
        raise BadRequest(f"Invalid {name} header: NUL is not allowed")
    return decoded


def url_encode(value: str) -> str:
    """Encode as Java's URLEncoder does, which is what Trino's clients undo."""
    return quote_plus(value, safe="*").replace("~", "%7E")


def decode_prepared(value: str, limit: int, name: str) -> str:
    """Return the text of a prepared statement, decompressed if it says so.

    The text is the client's to choose on every request: the frame must be single, at most `limit` bytes when
    decompressed and, beyond 64 KiB, at most 200 times its compressed size. Raises BadRequest.
    """
    if not value.startswith(ZSTD_PREFIX):
        if len(value) > limit:
            raise BadRequest(f"Invalid {name} header: the statement is larger than {limit} bytes")
        return value
    packed = _base64url(value[len(ZSTD_PREFIX) :], name)
    bound = min(limit, max(_RATIO_ABOVE, _RATIO * len(packed)))
    try:
        declared = zstandard.get_frame_parameters(packed).content_size
        if declared != zstandard.CONTENTSIZE_UNKNOWN and declared > bound:
            raise BadRequest(f"Invalid {name} header: the statement is larger than {bound} bytes")
        unpacked = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompress(
            packed, max_output_size=bound, allow_extra_data=False
        )
        text = unpacked.decode("utf-8")
    except (zstandard.ZstdError, UnicodeDecodeError):
        raise BadRequest(f"Invalid {name} header: broken compression") from None
    if len(unpacked) > bound or "\x00" in text:
        raise BadRequest(f"Invalid {name} header: the statement is not usable text of at most {bound} bytes")
    return text


def encode_prepared(sql: str) -> str:
    """Return the text as Trino carries it: compressed when it is long and gains by it."""
    if len(sql) <= _COMPRESS_ABOVE:
        return sql
    packed = ZSTD_PREFIX + base64.urlsafe_b64encode(zstandard.compress(sql.encode("utf-8"), 3)).decode("ascii")
    return packed if len(packed) < len(sql) else sql


def _base64url(value: str, name: str) -> bytes:
    if not _BASE64URL.fullmatch(value):
        raise BadRequest(f"Invalid {name} header: broken compression")
    bare = value.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise BadRequest(f"Invalid {name} header: broken compression") from None
