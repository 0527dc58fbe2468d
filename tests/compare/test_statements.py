"""The statements under tests/fixtures/compare, and the benchmarks: the gateway answers as the real Trino does."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.compare.arena import USER, Arena, start_gateway
from gateway.compare.corpus import Statement, benchmark, read_file
from gateway.compare.run import Session, compare
from gateway.demo.trino_server import TrinoServer

FOLDER = Path(__file__).parents[1] / "fixtures" / "compare"
FILES = sorted(FOLDER.glob("*.sql"))
STATEFUL = {
    *("changes", "computed_values", "forms", "lake", "listings", "prepared", "second_looks", "session", "statements"),
}
"""Files whose statements build on those before them."""
EVERY = 24
"""Of how many statements the quick sample takes one."""
OWN = ("SHOW ", "DESCRIBE ", "EXPLAIN ")
"""What the gateway answers itself, and where docs/limits.md says that it differs."""


@pytest.fixture(scope="module")
def arena(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Run a gateway before the real Trino."""
    folder = tmp_path_factory.mktemp("compared")
    with start_gateway(folder, trino_server.url, trino_server.catalogs, print) as url:
        yield Arena(trino_server.url, url)


def differences(statements: Sequence[Statement], arena: Arena, scratch: str = "memory") -> list[dict[str, Any]]:
    out = io.StringIO()
    asyncio.run(compare(statements, arena, Session(USER, scratch=scratch), out=out, report=print))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def known() -> dict[str, str]:
    """Return the kind of each difference that is known, by the statement's text."""
    lines = (FOLDER / "known.jsonl").read_text("utf-8").splitlines()
    return {entry["sql"]: entry["kind"] for entry in map(json.loads, lines)}


def test_there_are_a_thousand_statements_and_no_known_wrong_answer() -> None:
    statements = [statement.sql for path in FILES for statement in read_file(path)]
    assert len(statements) >= 1_000
    assert set(known()) <= set(statements)
    wrong = [sql for sql, kind in known().items() if kind == "wrong answer" and not sql.startswith(OWN)]
    assert wrong == []


def test_trino_answers_few_statements_that_the_gateway_refuses() -> None:
    refused = [sql for sql, kind in known().items() if kind == "refused"]
    assert len(refused) <= 40


def test_a_sample_of_all_statements_is_answered_as_trino_answers(arena: Arena) -> None:
    sample = [s for path in FILES if path.stem not in STATEFUL for s in read_file(path)[::EVERY]]
    expected = known()
    unknown = [found for found in differences(sample, arena) if expected.get(found["sql"]) != found["kind"]]
    assert unknown == []


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_statement_is_answered_as_trino_answers_but_for_known_differences(path: Path, arena: Arena) -> None:
    statements = read_file(path)
    scratch = "iceberg" if path.stem == "lake" else "memory"
    found = {(each["sql"], each["kind"]): each for each in differences(statements, arena, scratch)}
    texts = {statement.sql for statement in statements}
    expected = {(sql, kind) for sql, kind in known().items() if sql in texts}
    assert [each for key, each in found.items() if key not in expected] == []
    assert expected - found.keys() == set(), "known differences that are gone"


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", ["tpch", "tpcds"])
def test_benchmark_queries_are_answered_as_trino_answers(name: str, arena: Arena) -> None:
    assert differences(benchmark(name, print), arena) == []
