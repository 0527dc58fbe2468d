"""Undo the compression of an engine's answer, never beyond a bound."""

from __future__ import annotations

import zlib

import zstandard


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the plain body of a `gzip`, `zstd` or `identity` answer.

    Raises ValueError for another encoding, damaged data, trailing data, or more than `limit` bytes.
    """
    match encoding.strip().lower():
        case "identity" | "":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body, limit)
        case "zstd":
            return _unzstd(body, limit)
        case other:
            raise ValueError(f"unknown content encoding {other!r}")


def _gunzip(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise ValueError(f"damaged gzip data: {error}") from None
    if len(plain) > limit:
        raise ValueError("the answer unpacks to more than allowed")
    if not stream.eof or stream.unused_data:
        raise ValueError("incomplete gzip data")
    return plain


def _unzstd(body: bytes, limit: int) -> bytes:
    stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    pieces: list[bytes] = []
    size = 0
    view = memoryview(body)
    try:
        # A slice at a time, since this interface cannot be told where to stop.
        for start in range(0, len(body), 4096):
            pieces.append(stream.decompress(view[start : start + 4096]))
            size += len(pieces[-1])
            if size > limit:
                raise ValueError("the answer unpacks to more than allowed")
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged zstd data: {error}") from None
    if not stream.eof or stream.unused_data:
        raise ValueError("incomplete zstd data")
    return b"".join(pieces)
