"""Answers are compressed as the client likes it, and say so."""

from __future__ import annotations

import gzip
import os

import pytest
import zstandard

from gateway.protocols.http import HttpLimits, HttpServer, Request, Response
from gateway.protocols.http.compression import choose_coding
from tests.gateway.protocols.wire import ask

CHOICES = {
    None: None,
    "": None,
    "identity": None,
    "gzip": "gzip",
    "x-gzip": "gzip",
    "GZIP": "gzip",
    "zstd": "zstd",
    "gzip, deflate, br, zstd": "zstd",
    "gzip;q=1.0, zstd;q=0.5": "gzip",
    "gzip;q=0.5, zstd;q=0.5": "zstd",
    "gzip;q=0, zstd;q=0": None,
    "*": "zstd",
    "*;q=0.5, gzip": "gzip",
    "*, zstd;q=0": "gzip",
    "*;q=0": None,
    "gzip;q=nan": None,
    "gzip;q=2": None,
    "gzip;q=-1": None,
    "br": None,
    ";;;,,,q=": None,
}


@pytest.mark.parametrize(("accepted", "coding"), CHOICES.items())
def test_the_best_acceptable_coding_is_chosen(accepted: str | None, coding: str | None) -> None:
    assert choose_coding(accepted) == coding


def undo(coding: str | None, body: bytes) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    return zstandard.decompress(body) if coding == "zstd" else body


@pytest.mark.parametrize("size", [10, 5_000, 1_000_000], ids=["small", "inline", "off the loop"])
@pytest.mark.parametrize("accepted", ["gzip", "zstd", "identity"])
@pytest.mark.asyncio
async def test_length_and_coding_are_right_for_get_and_head(accepted: str, size: int) -> None:
    body = (b'["' + b"abcdefgh" * (size // 8) + b'"]') if size > 10 else b"{}"

    async def page(_: Request) -> Response:
        return Response(200, (("Content-Type", "application/json"),), body, compressible=True)

    server = HttpServer(page, HttpLimits())
    port = await server.listen()
    try:
        got = await ask(port, "GET", "/", (("Accept-Encoding", accepted),))
        assert undo(got.header("Content-Encoding"), got.body) == body
        assert got.header("Content-Encoding") == (accepted if size > 1_024 and accepted != "identity" else None)
        assert got.all("Vary") == ["Accept-Encoding"]
        head = await ask(port, "HEAD", "/", (("Accept-Encoding", accepted),))
        assert (head.status, head.body) == (200, b"")
    finally:
        await server.close()


@pytest.mark.asyncio
async def test_what_does_not_shrink_is_sent_as_it_is() -> None:
    noise = os.urandom(4_000)
    server = HttpServer(lambda _: Response(200, (), noise, compressible=True))
    port = await server.listen()
    try:
        got = await ask(port, "GET", "/", (("Accept-Encoding", "gzip"),))
        assert (got.header("Content-Encoding"), got.body) == (None, noise)
    finally:
        await server.close()
