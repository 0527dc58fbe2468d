"""Fetch segments from a Trino coordinator: streamed as they come, never decoded, never followed elsewhere."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from urllib.parse import urlsplit

import aiohttp

from catalog.errors import ErrorCode, Refusal
from engines.spooled import SegmentAnswer

_PATH = re.compile(r"/v1/spooled/(?:download|ack)/[0-9A-Za-z_.=-]{1,4096}")
_URL = re.compile(r"https?://(?:[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?P<path>/[^?#]*)", re.IGNORECASE)
_PASSED = frozenset({"content-type"})
CHUNK = 65_536


def segment_path(address: str, prefix: str) -> str:
    """Return the path of a segment at the coordinator. Raises ValueError for an address anywhere else."""
    url = _URL.fullmatch(address)
    path = url["path"] if url is not None else ""
    if not path.startswith(prefix) or not _PATH.fullmatch(path[len(prefix) :]):
        raise ValueError(
            "a segment lies elsewhere than with the coordinator: "
            "its protocol.spooling.retrieval-mode must be COORDINATOR_PROXY"
        )
    return path[len(prefix) :]


class SegmentClient:
    """Ask one coordinator; redirects are never followed."""

    def __init__(self, base_url: str, tls: ssl.SSLContext | None, *, connect: float, idle: float) -> None:
        """Open no connection yet; `connect` and `idle` are seconds."""
        url = urlsplit(base_url)
        self._base = f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"
        self._tls: ssl.SSLContext | bool = tls if tls is not None else True
        self._limits = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=idle)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, path: str, headers: Mapping[str, str], signed: Sequence[tuple[str, str]]) -> SegmentAnswer:
        """Return the answer as soon as its head is there. Raises Refusal REMOTE_HOST_GONE."""
        if not _PATH.fullmatch(path):
            raise Refusal(ErrorCode.NOT_FOUND, "No such segment")
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        sent = {**headers, **dict(signed), "Accept-Encoding": "identity", "User-Agent": "penstock"}
        try:
            answer = await self._session.get(
                self._base + path, headers=sent, timeout=self._limits, allow_redirects=False, ssl=self._tls
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refusal(ErrorCode.REMOTE_HOST_GONE, "The segment cannot be had now", detail=str(error)) from None
        kept = tuple((name, value) for name, value in answer.headers.items() if name.lower() in _PASSED)
        if answer.status != 200:
            answer.close()  # what it says of itself is not for clients
            return SegmentAnswer(answer.status, (), _nothing())
        return SegmentAnswer(answer.status, kept, _chunks(answer))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _nothing() -> AsyncGenerator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """Yield the body; nothing more is read from the coordinator while a chunk is not taken. Raises ClientError."""
    try:
        async for chunk in answer.content.iter_chunked(CHUNK):
            yield chunk
    finally:
        answer.close()  # one whose body was read to its end has given its connection back already
