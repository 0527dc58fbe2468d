"""Every row of the tables of requests in docs/bad-input.md, on a raw socket; where Trino is named, on the real one too."""

from __future__ import annotations

import re
import socket
from contextlib import closing, suppress

import pytest

from gateway.demo.trino_server import TrinoServer
from tests.attacks.process import Gateway
from tests.bad_input.tables import Row, documented, rows

ROWS = rows()
AT_TRINO = [row for row in ROWS if row.trino]
SECTIONS = list(dict.fromkeys(row.section for row in ROWS))
PATIENT = 30.0


def ids(row: Row) -> str:
    return row.sent


class Wire:
    """One connection, and the answers that came on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.ended = False

    def send(self, data: bytes, *, bytewise: bool = False) -> None:
        with suppress(ConnectionResetError, BrokenPipeError):  # turned away before all was sent
            for piece in (data[at : at + 1] for at in range(len(data))) if bytewise else (data,):
                self.socket.sendall(piece)

    def answers(self, count: int) -> list[tuple[int, str]]:
        """Return the next answers, so many or those that come before the connection ends."""
        found: list[tuple[int, str]] = []
        while len(found) < count:
            taken = _take(self.data)
            if taken is not None:
                status, body, self.data = taken
                found.append((status, body))
            elif not self._read():
                break
        return found

    def _read(self) -> bool:
        try:
            part = self.socket.recv(65_536)
        except ConnectionResetError:
            part = b""
        self.data += part
        self.ended = self.ended or not part
        return bool(part)


def _take(data: bytes) -> tuple[int, str, bytes] | None:
    """Return the first answer in what was read: its status, its body, and what follows it."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    status = int(head.split(b" ", 2)[1])
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    size = int(length[1]) if length and status >= 200 else 0
    if len(rest) < size:
        return None
    return status, rest[:size].decode("utf-8", "replace"), rest[size:]


def exchange(wire: Wire, row: Row, who: str, count: int) -> list[tuple[int, str]]:
    """Send a row's bytes and return so many answers."""
    wire.send(row.data(who), bytewise=row.bytewise)
    if row.shuts:
        wire.socket.shutdown(socket.SHUT_WR)
    first = wire.answers(1)
    if row.after:
        wire.send(row.after.encode())
    return first + wire.answers(count - 1)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_the_request_gets_the_answer_of_its_row(gateway: Gateway, row: Row) -> None:
    wire = Wire(gateway.port)
    with closing(wire.socket):
        who = f"X-Trino-User: ana\r\nAuthorization: Bearer {gateway.token('ana')}\r\n"
        found = exchange(wire, row, who, max(1, len(row.statuses)))
        assert [status for status, _ in found] == row.statuses
        if found:
            assert row.says in found[-1][1]
        if row.stays:  # what follows is read from its first byte, and nobody answered something in between
            wire.send(b"GET /v1/info/state HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
            assert wire.answers(1) == [(200, '"ACTIVE"')]
        else:
            assert wire.answers(1) == []
            assert wire.ended


@pytest.mark.parametrize("row", AT_TRINO, ids=ids)
def test_trino_answers_as_its_column_says(trino_server: TrinoServer, row: Row) -> None:
    expected = [int(status) for status in row.trino.split()]
    wire = Wire(trino_server.port)
    with closing(wire.socket):
        assert [status for status, _ in exchange(wire, row, "X-Trino-User: ana\r\n", len(expected))] == expected


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_shows_the_rows_and_no_others(section: str) -> None:
    shown = [[*row.cells(), row.trino.replace(" ", ", ") or "-"] for row in ROWS if row.section == section]
    assert documented(section) == [[sent, status.replace(" ", ", "), *rest] for sent, status, *rest in shown]


def test_no_request_of_these_left_a_trace_of_a_crash(gateway: Gateway) -> None:
    assert "Traceback" not in gateway.log()
