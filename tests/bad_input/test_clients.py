"""Clients that are slow, or gone: the gateway lets go of them, and of what the engine did for them."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.attacks.caller import Caller
from tests.attacks.process import Gateway
from tests.bad_input.wire import connected, head, post, read_answer, send

LONG = (
    b"SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
    b"CROSS JOIN UNNEST(sequence(1, 10000)) c(z) WHERE sqrt(x * y + z) < 0"
)
"""Runs for hours unless it is ended."""
PATIENT = 30
"""Seconds for what the gateway cuts off after 2, where its machine is busy."""


def _next(answer: str) -> str:
    page = json.loads(answer.partition("\r\n\r\n")[2])
    return urlsplit(page["nextUri"]).path


def _id(answer: str) -> str:
    return str(json.loads(answer.partition("\r\n\r\n")[2])["id"])


def _used(gateway: Gateway) -> float:
    """Return the processor time that the gateway used so far, in ticks."""
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _comes_to_rest(gateway: Gateway) -> bool:
    """Wait for a second of which the gateway computes less than half; a query that goes on leaves none."""
    for _ in range(20):
        before = _used(gateway)
        time.sleep(1)
        if _used(gateway) - before < 0.5 * os.sysconf("SC_CLK_TCK"):
            return True
    return False


@pytest.mark.parametrize("part", [b"POST", b"head", b"body"])
def test_a_request_that_never_ends_is_cut_off(gateway: Gateway, part: bytes) -> None:
    begun = {
        b"POST": b"POST /v1/sta",
        b"head": head(gateway)[:-4],
        b"body": head(gateway, "Content-Length: 100") + b"SEL",
    }
    with connected(gateway, PATIENT) as wire:
        wire.sendall(begun[part])
        assert read_answer(wire).status in (0, 408)


def test_a_head_that_trickles_is_cut_off(gateway: Gateway) -> None:
    with connected(gateway, PATIENT) as wire:
        started = time.monotonic()
        with pytest.raises(OSError):
            for byte in head(gateway, "X-Slow: " + "x" * 10 * PATIENT):
                wire.sendall(bytes([byte]))
                time.sleep(0.1)
                if time.monotonic() - started > PATIENT:
                    break
            else:
                raise AssertionError("the whole head was taken")
            raise AssertionError("still open")


def test_a_hundred_connections_that_say_nothing_keep_nobody_out(
    gateway: Gateway, ana: Caller, patience: Callable[[], float]
) -> None:
    idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(100)]
    try:
        for wire in idle:
            wire.sendall(b"POST /v1/statement HTTP/1.1\r\nHost:")
        begun = time.monotonic()
        assert ana.ask("SELECT 1").rows == [[1]]
        assert time.monotonic() - begun < patience()
    finally:
        for wire in idle:
            wire.close()


def test_a_client_that_vanishes_has_its_query_ended_on_the_engine(gateway: Gateway) -> None:
    posted = send(gateway, post(gateway, LONG))
    query_id, path = _id(posted.text), _next(posted.text)
    with connected(gateway) as wire:  # it polls once, and its power fails
        wire.sendall(head(gateway, method="GET", path=path))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.3)
    rows = gateway.usage_of(query_id)
    assert [row["outcome"] for row in rows] == ["ABANDONED"]
    assert rows[0]["error_code"] == "ABANDONED_QUERY"
    assert _comes_to_rest(gateway), "the engine still computes for nobody"


def test_a_client_that_never_comes_back_for_its_answer_leaves_one_row(gateway: Gateway) -> None:
    posted = send(gateway, post(gateway, b"SELECT * FROM orders"))
    rows = gateway.usage_of(_id(posted.text))
    assert len(rows) == 1
    assert rows[0]["outcome"] in ("ABANDONED", "FINISHED")


def test_a_query_that_its_client_ends_is_ended_on_the_engine(gateway: Gateway, ana: Caller) -> None:
    posted = send(gateway, post(gateway, LONG))
    path = _next(posted.text)
    time.sleep(0.3)
    assert ana.get(path, "DELETE").status == 204
    assert [row["outcome"] for row in gateway.usage_of(_id(posted.text))] == ["CANCELED"]
    assert _comes_to_rest(gateway)


def test_a_client_that_closes_while_its_statement_is_read_leaves_no_statement(gateway: Gateway) -> None:
    before = gateway.log().count('"event":"statement"')
    with connected(gateway) as wire:
        wire.sendall(head(gateway, "Content-Length: 1000") + b"SELECT 1 FROM")
    time.sleep(0.3)
    assert gateway.log().count('"event":"statement"') == before


def test_pages_asked_twice_are_the_same_and_a_page_left_behind_is_gone(ana: Caller) -> None:
    seen = ana.ask("SELECT * FROM UNNEST(sequence(1, 10)) t(x)", pages=1)
    first = ana.get(urlsplit(seen.pages[0]).path)
    again = ana.get(urlsplit(seen.pages[0]).path)
    assert first.rows == again.rows
