"""The parser is fed bytes split anywhere: what comes out may not depend on where."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.http import HttpLimits, Peer
from gateway.protocols.http.parser import RequestParser

LIMITS = HttpLimits(max_header_bytes=65_536, max_body_bytes=2_000)

TOKEN = st.text("abcXYZ09-_", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
BODY = st.binary(max_size=300)


@st.composite
def message(draw: st.DrawFn) -> tuple[bytes, tuple[str, str, bytes]]:
    """Write a valid request, and what it says."""
    path = "/" + draw(st.text("abc/09_.-", max_size=20))
    headers = draw(st.lists(st.tuples(TOKEN.map(lambda name: f"x-{name}"), VALUE), max_size=5))
    form = draw(st.sampled_from(["none", "sized", "chunked"]))
    body = draw(BODY) if form != "none" else b""
    upgrade = draw(st.booleans())
    lines = [b"%s %s HTTP/1.1" % (b"GET" if form == "none" else b"POST", path.encode()), b"Host: a"]
    lines += [f"{name}: {value}".encode() for name, value in headers]
    if upgrade:
        lines += [b"Connection: Upgrade", b"Upgrade: h2c"]
    if form == "sized":
        lines.append(b"Content-Length: %d" % len(body))
    if form == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        size = draw(st.integers(1, 100))
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        payload = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        payload = body
    return b"\r\n".join(lines) + b"\r\n\r\n" + payload, ("GET" if form == "none" else "POST", path, body)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places)]


def feed(pieces: list[bytes]) -> tuple[list[tuple[str, str, tuple[tuple[str, str], ...], bytes]], int | None]:
    parser = RequestParser(LIMITS, Peer())
    for piece in pieces:
        parser.feed(piece)
    seen = [(r.request.method, r.request.path, tuple(r.request.headers), r.request.body) for r in parser.ready]
    return seen, parser.fault.status if parser.fault else None


@settings(max_examples=300, deadline=None)
@given(st.lists(message(), min_size=1, max_size=4), st.lists(st.integers(0, 1 << 20), max_size=12))
def test_valid_requests_come_out_whole_and_in_order_however_they_are_split(
    messages: list[tuple[bytes, tuple[str, str, bytes]]], cuts: list[int]
) -> None:
    data = b"".join(raw for raw, _ in messages)
    seen, fault = feed(cut(data, cuts))
    assert fault is None
    assert [(method, path, body) for method, path, _, body in seen] == [meaning for _, meaning in messages]


@settings(max_examples=300, deadline=None)
@given(st.lists(message(), min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=1, max_size=8))
def test_a_request_means_the_same_whatever_the_connection_said_before(
    messages: list[tuple[bytes, tuple[str, str, bytes]]], order: list[int]
) -> None:
    sent = [messages[each % len(messages)][0] for each in order]
    assert feed(sent)[0] == [request for raw in sent for request in feed([raw])[0]]


def test_a_head_that_is_repeated_is_read_once_and_one_that_differs_is_another() -> None:
    parser = RequestParser(LIMITS, Peer())
    for user in (b"ana", b"ana", b"bob", b"ana"):
        parser.feed(b"GET /%s HTTP/1.1\r\nHost: a\r\nX-Trino-User: %s\r\n\r\n" % (user, user))
    first, again, other, last = (incoming.request.headers for incoming in parser.ready)
    assert first is again
    assert first is last
    assert [first.get("x-trino-user"), other.get("x-trino-user")] == ["ana", "bob"]


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.tuples(message(), st.integers(0, 10_000), st.binary(min_size=1, max_size=6)).map(
            lambda t: t[0][0][: t[1] % len(t[0][0])] + t[2] + t[0][0][t[1] % len(t[0][0]) :]
        ),
    ),
    st.lists(st.integers(0, 1 << 20), max_size=12),
)
def test_whatever_is_sent_the_splitting_changes_nothing(data: bytes, cuts: list[int]) -> None:
    assert feed(cut(data, cuts)) == feed([data])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=4_000), st.integers(1, 50))
def test_rubbish_never_raises_and_never_becomes_a_request_twice(data: bytes, size: int) -> None:
    parser = RequestParser(LIMITS, Peer())
    for at in range(0, len(data), size):
        parser.feed(data[at : at + size])
    count = len(parser.ready)
    if parser.fault is not None:
        parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert len(parser.ready) == count


def test_endless_chunk_extensions_are_bounded() -> None:
    parser = RequestParser(LIMITS, Peer())
    parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    for _ in range(100):
        parser.feed(b"x" * 1_000)
    assert parser.fault is not None
    assert parser.fault.status == 413


def test_endless_trailers_are_bounded() -> None:
    parser = RequestParser(LIMITS, Peer())
    parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    for _ in range(200):
        parser.feed(b"T: " + b"x" * 1_000 + b"\r\n")
    assert parser.fault is not None


@settings(max_examples=300, deadline=None)
@given(st.lists(message(), min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=2, max_size=8))
def test_a_request_that_repeats_another_is_read_as_if_it_were_the_first(
    messages: list[tuple[bytes, tuple[str, str, bytes]]], order: list[int]
) -> None:
    pieces = [messages[each % len(messages)][0] for each in order]
    together, fault = feed(pieces)
    apart = [feed([piece]) for piece in pieces]
    assert fault is None
    assert together == [request for requests, _ in apart for request in requests]


POLL = b"GET /v1/statement/executing/q/%s/1 HTTP/1.1\r\nHost: a\r\nX-Trino-User: ada\r\n\r\n"


def test_polls_that_differ_in_their_target_share_their_headers_and_keep_their_own_targets() -> None:
    parser = RequestParser(LIMITS, Peer())
    for token in (b"t1", b"t2?a=b", b"t3"):
        parser.feed(POLL % token)
    requests = [each.request for each in parser.ready]
    assert [(r.path, r.query) for r in requests] == [
        ("/v1/statement/executing/q/t1/1", ""),
        ("/v1/statement/executing/q/t2", "a=b/1"),
        ("/v1/statement/executing/q/t3/1", ""),
    ]
    assert len({id(r.headers) for r in requests}) == 1
    assert all(r.body == b"" and r.method == "GET" for r in requests)


def test_what_differs_from_a_known_poll_by_a_byte_is_read_anew() -> None:
    parser = RequestParser(LIMITS, Peer())
    poll = POLL % b"t"
    for piece in (poll, poll.replace(b"ada", b"bob"), poll.replace(b"GET", b"PUT"), poll[:-2], b"X-A: 1\r\n\r\n"):
        parser.feed(piece)
    shown = [(each.request.method, each.request.headers.get("x-trino-user")) for each in parser.ready]
    assert shown == [("GET", "ada"), ("GET", "bob"), ("PUT", "ada"), ("GET", "ada")]
    assert parser.ready[-1].request.headers.get("x-a") == "1"


def test_two_polls_at_once_and_what_follows_a_poll_are_read_in_order() -> None:
    parser = RequestParser(LIMITS, Peer())
    poll = POLL % b"t"
    for piece in (poll, poll + poll, poll + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", b"c", poll):
        parser.feed(piece)
    assert [(r.request.method, r.request.body) for r in parser.ready] == [
        *[("GET", b"")] * 4,
        ("POST", b"abc"),
        ("GET", b""),
    ]
    assert parser.fault is None


def test_a_known_poll_with_a_target_beyond_the_limit_is_refused_as_any_other() -> None:
    parser = RequestParser(LIMITS, Peer())
    for size in (1, 1, LIMITS.max_header_bytes):
        parser.feed(POLL % (b"t" * size))
    assert len(parser.ready) == 2
    assert parser.fault is not None
    assert parser.fault.status == 431


def test_a_poll_that_closes_its_connection_is_the_last_one() -> None:
    for line in (b"Connection: close", b"Proxy-Connection: close"):
        poll = POLL % b"t"
        last = poll.replace(b"Host: a", b"Host: a\r\n" + line)
        for pieces in ([last, last], [poll, last, poll], [poll, poll, last, poll, poll]):
            assert feed(pieces) == feed([b"".join(pieces)])
