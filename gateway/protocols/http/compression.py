"""Negotiate and apply the coding of an answer (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from typing import Literal

import zstandard

from gateway.protocols.http.messages import Response

Coding = Literal["zstd", "gzip"]
_PREFERENCE: tuple[Coding, ...] = ("zstd", "gzip")
_LONGEST = 512
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def choose_coding(accepted: str | None) -> Coding | None:
    """Pick the coding the client likes best; ours first where it likes several alike. None means identity."""
    return _choose(accepted) if accepted and len(accepted) <= _LONGEST else None


@lru_cache(maxsize=256)
def _choose(accepted: str) -> Coding | None:
    weights: dict[str, float] = {}
    for item in accepted.split(",")[:32]:
        name, _, parameters = item.strip().partition(";")
        match = _QUALITY.fullmatch(parameters.strip().lower()) if parameters else None
        if parameters and match is None:
            continue  # an unreadable weight is no consent
        weights[name.strip().lower()] = float(match.group(1)) if match else 1.0
    usable = {
        c: weights.get(c, weights.get("x-gzip" if c == "gzip" else "*", weights.get("*", 0.0))) for c in _PREFERENCE
    }
    best = max(usable.values())
    return next(c for c in _PREFERENCE if usable[c] == best) if best > 0 else None


def encode_body(body: bytes, coding: Coding) -> bytes:
    """Compress for speed: pages are read once and by one client."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=1).compress(body)
    return gzip.compress(body, compresslevel=1, mtime=0)


def encoded(response: Response, body: bytes, coding: Coding | None) -> Response:
    """Return the answer with its compressed body and the headers that say so."""
    headers = (*response.headers, ("Vary", "Accept-Encoding"))
    if coding is None or len(body) >= len(response.body):
        return Response(response.status, headers, response.body)
    return Response(response.status, (*headers, ("Content-Encoding", coding)), body)
