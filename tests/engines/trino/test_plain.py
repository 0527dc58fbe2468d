"""Answers read without a parser: what is plain is what the parser makes of it, and all else is left to the parser."""

from __future__ import annotations

import random

import httptools
import pytest

from engines.trino.plain import plain_answer

PAGE = b'{"id":"q"}'
PLAIN = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"X-Trino-Set-Session: a=b\r\nx-trino-set-session:c=d\r\nConnection: keep-alive\r\nContent-Length: 10\r\n\r\n"
    + PAGE
)


class Parsed:
    """What llhttp makes of bytes: one answer, and whether that was all."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.messages = 0
        self.whole = False
        self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.messages = 99

    def on_message_begin(self) -> None:
        self.messages += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = True
        self.status, self.keeps = self._parser.get_status_code(), self._parser.should_keep_alive()


def test_a_page_as_engines_send_it_needs_no_parser() -> None:
    answer = plain_answer(PLAIN, 100)
    assert answer is not None
    assert (answer.status, answer.body) == (200, PAGE)
    assert answer.headers[2:4] == (("x-trino-set-session", "a=b"), ("x-trino-set-session", "c=d"))


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b"200 OK", b"404 Not Found"), (b"HTTP/1.1", b"HTTP/1.0"), (b"Content-Length: 10", b"Content-Length: 9"),
        (b"Content-Length: 10", b"Content-Length: 11"), (b"Content-Length: 10", b"Content-Length: +10"),
        (b"Content-Length: 10", b"Content-Length: 10\r\nContent-Length: 10"), (b"Content-Length: 10\r\n", b""),
        (b"Content-Length: 10", b"Content-Length: 10 "), (b"Content-Length: 10", b"Content-Length : 10"),
        (b"Connection: keep-alive", b"Connection: close"), (b"Connection: keep-alive", b"Transfer-Encoding: chunked"),
        (b"Connection: keep-alive", b"Upgrade: h2c"), (b"a=b\r\n", b"a=b\n"), (b"a=b\r\n", b"a=b\r"), (b"a=b", b"a=\x00b"),
        (b"a=b\r\n", b"a=b\r\n folded\r\n"), (b"X-Trino-Set-Session: a=b", b"no colon"), (PAGE, PAGE + b"HTTP/1.1"),
        (PAGE, PAGE[:-1]), (b"\r\n\r\n", b"\r\n"),
    ],
)  # fmt: skip
def test_whatever_is_out_of_the_ordinary_is_left_to_the_parser(there: bytes, instead: bytes) -> None:
    assert there in PLAIN
    assert plain_answer(PLAIN.replace(there, instead, 1), 100) is None


def test_a_body_beyond_the_limit_is_left_to_the_parser() -> None:
    assert plain_answer(PLAIN, 10) is not None
    assert plain_answer(PLAIN, 9) is None


@pytest.mark.parametrize("seed", range(20))
def test_what_is_plain_is_what_the_parser_makes_of_it(seed: int) -> None:
    chance, plain = random.Random(seed), 0
    for _ in range(400):
        data = bytearray(PLAIN)
        for _ in range(chance.randint(0, 2)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 1)] = chance.choice(
                (b"", b"\r", b"\n", b" ", b":", b"\xe9", b"\x01", b"9", b"x")
            )
        answer = plain_answer(bytes(data), 1_000)
        if answer is None:
            continue
        plain += 1
        parsed = Parsed(bytes(data))
        assert (parsed.messages, parsed.whole, parsed.keeps) == (1, True, True), bytes(data)
        assert (parsed.status, tuple(parsed.headers), parsed.body) == (200, answer.headers, answer.body), bytes(data)
    assert plain > 50
