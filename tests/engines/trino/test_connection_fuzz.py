"""The reader of answers under arbitrary bytes: the same answer however it is cut, and never a wrong one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from engines.trino.answers import Answer, Limits, Timeouts, UpstreamError
from engines.trino.connection import Connection


class Wire:
    """Stand where the transport stands; nothing is sent anywhere."""

    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None:
        assert data

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str) -> object:
        return SimpleNamespace(fileno=lambda: 0) if name == "socket" else None

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def read(pieces: Sequence[bytes], *, head: bool = False) -> tuple[Answer | None, Connection]:
    """Feed an exchange with these pieces, then close; return its answer, if it came to one."""

    async def exchange() -> tuple[Answer | None, Connection]:
        limits = Limits(Timeouts(total=5.0), 10_000, asyncio.Semaphore(1))
        connection = Connection(limits)
        connection.connection_made(cast("asyncio.Transport", Wire()))
        asked = asyncio.ensure_future(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", bodiless=head))
        await asyncio.sleep(0)
        for piece in pieces:
            connection.data_received(piece)
        reusable = not connection.closed
        connection.eof_received()
        connection.connection_lost(None)
        try:
            answer = await asked
        except UpstreamError:
            return None, connection
        connection.closed = not reusable
        return answer, connection

    return asyncio.run(exchange())


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def chunked(body: bytes, places: Sequence[int]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in cut(body, places) if part) + b"0\r\n\r\n"


bodies = st.binary(max_size=300)
places = st.lists(st.integers(0, 2000), max_size=12)


@given(bodies, places, places, st.booleans())
def test_an_answer_reads_the_same_however_it_is_cut(
    body: bytes, chunks: list[int], pieces: list[int], by_chunks: bool
) -> None:
    framing = b"Transfer-Encoding: chunked" if by_chunks else b"Content-Length: %d" % len(body)
    message = b"HTTP/1.1 200 OK\r\nX-A: b\r\n%s\r\n\r\n" % framing + (chunked(body, chunks) if by_chunks else body)
    answer, connection = read(cut(message, pieces))
    assert answer is not None
    assert (answer.status, answer.header("x-a"), answer.body) == (200, "b", body)
    assert not connection.closed


@given(bodies, places, places, st.booleans(), st.integers(0, 10_000))
def test_an_answer_cut_short_is_no_answer(
    body: bytes, chunks: list[int], pieces: list[int], by_chunks: bool, missing: int
) -> None:
    framing = b"Transfer-Encoding: chunked" if by_chunks else b"Content-Length: %d" % (len(body) + 1)
    message = b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % framing + (chunked(body, chunks) if by_chunks else body)
    kept = message[: len(message) - 1 - missing % len(message)] if by_chunks else message
    assert read(cut(kept, pieces))[0] is None


# Newlines between two answers are harmless, and HTTP asks readers to bear them.
@given(bodies, st.binary(min_size=1, max_size=60).filter(lambda more: more.strip(b"\r\n")), places)
def test_whatever_follows_an_answer_is_dropped_and_ends_the_connection(
    body: bytes, more: bytes, pieces: list[int]
) -> None:
    message = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body + more
    answer, connection = read(cut(message, pieces))
    assert answer is not None
    assert answer.body == body
    assert connection.closed


@given(st.lists(st.binary(max_size=80), max_size=6), st.booleans())
def test_no_bytes_at_all_can_break_the_reader(pieces: list[bytes], head: bool) -> None:
    answer, _ = read([piece for piece in pieces if piece], head=head)
    assert answer is None


@given(
    st.lists(
        st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No Content\r\n",
                b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
                b"Connection: close\r\n", b"\r\n", b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"\n", b"\x00", b"GET / ",
            ]
        ),
        max_size=10,
    )
)  # fmt: skip
def test_what_is_taken_for_an_answer_was_framed(parts: list[bytes]) -> None:
    answer, _ = read(parts)
    if answer is not None:
        assert answer.status in (200, 204)
        assert answer.body in (b"", b"abc", b"abcabc", b"abcabcabc")
