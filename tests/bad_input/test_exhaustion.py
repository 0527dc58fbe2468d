"""Texts made to exhaust: none ends the process, none keeps another statement waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.attacks.caller import Caller, Seen
from tests.attacks.process import Gateway

HEAVY = {
    "ARRAY[ nested 30 deep": "SELECT " + "ARRAY[" * 30 + "1" + "]" * 30,
    "ARRAY[ nested 99 deep": "SELECT " + "ARRAY[" * 99 + "1" + "]" * 99,
    "MAP nested 40 deep": "SELECT " + "MAP(ARRAY[1],ARRAY[" * 40 + "1" + "])" * 40,
    "lambdas nested 40 deep": "SELECT " + "transform(ARRAY[1], x -> " * 40 + "1" + ")" * 40,
    "greatest nested 40 deep": "SELECT " + "greatest(1," * 40 + "1" + ")" * 40,
    "log nested 40 deep": "SELECT " + "log(2," * 40 + "1" + ")" * 40,
    "10,000 nested subqueries": "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ")" * 10_000,
    "10,000 nested calls": "SELECT " + "abs(" * 10_000 + "1" + ")" * 10_000,
    "500 parentheses": "SELECT " + "(" * 500 + "1" + ")" * 500,
    "20 doubling CTEs": "WITH c0 AS (SELECT order_id FROM orders)"
    + "".join(f", c{i} AS (SELECT x.order_id FROM c{i - 1} x, c{i - 1} y)" for i in range(1, 21))
    + " SELECT count(*) FROM c20",
    "10,000 ORs": "SELECT count(*) FROM orders WHERE " + " OR ".join(["order_id=1"] * 10_000),
    "3,000 ORs": "SELECT count(*) FROM orders WHERE " + " OR ".join(["order_id=1"] * 3_000),
    "9,000 additions": "SELECT " + "+".join(["1"] * 9_000),
    "9,000 concatenations": "SELECT " + "||".join(["'a'"] * 9_000),
    "a list of 9,000": "SELECT count(*) FROM orders WHERE order_id IN (" + ",".join(["1"] * 9_000) + ")",
    "4,000 rows of VALUES": "SELECT count(*) FROM (VALUES " + ",".join(["(1,2)"] * 4_000) + ") t(a, b)",
    "100,000 comments": "SELECT 1 " + "/**/" * 100_000,
    "500,000 quotes": "SELECT '" + "''" * 500_000 + "'",
    "300,000 brackets of no kind": "SELECT " + ")(" * 150_000,
    "2 MB": "SELECT '" + "a" * 2_097_152 + "'",
    "64 MiB": "SELECT '" + "a" * 67_108_864 + "'",
    "5,000 columns": "SELECT " + ", ".join(f"order_id AS c{i}" for i in range(5_000)) + " FROM orders",
    "60 levels of CASE": "SELECT " + "CASE WHEN true THEN " * 60 + "1" + " END" * 60,
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_text_made_to_exhaust_keeps_nobody_waiting(
    gateway: Gateway, ana: Caller, patience: Callable[[], float], name: str
) -> None:
    answers: list[Seen] = []
    attack = threading.Thread(target=lambda: answers.append(ana.ask(HEAVY[name])))
    eva = Caller(gateway, "eva")
    attack.start()
    slowest = 0.0
    while attack.is_alive() or not slowest:
        begun = time.monotonic()
        assert eva.ask("SELECT 1").rows == [[1]]
        slowest = max(slowest, time.monotonic() - begun)
        time.sleep(0.02)
    attack.join()
    assert gateway.alive
    assert slowest < patience(), f"{name}: somebody else waited {slowest:.2f} s"
    seen = answers[0]
    if seen.refused:
        assert seen.says in (
            "HTTP 413", "GENERIC_USER_ERROR", "QUERY_TEXT_TOO_LARGE", "QUERY_REJECTED", "SYNTAX_ERROR", "NOT_SUPPORTED",
            "EXCEEDED_TIME_LIMIT",
        ), seen.message  # fmt: skip


def test_many_at_once_keep_nobody_waiting(gateway: Gateway, ana: Caller, patience: Callable[[], float]) -> None:
    names = [name for name in HEAVY if name not in ("64 MiB", "2 MB")]
    attacks = [threading.Thread(target=ana.ask, args=(HEAVY[name],)) for name in names]
    for attack in attacks:
        attack.start()
    eva = Caller(gateway, "eva")
    for _ in range(5):
        begun = time.monotonic()
        assert eva.ask("SELECT 1").rows == [[1]]
        assert time.monotonic() - begun < 4 * patience()
    for attack in attacks:
        attack.join()
    assert gateway.alive
