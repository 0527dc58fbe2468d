"""Translated text, pair by pair, executed: the pairs are data in tests/fixtures/translate_clickhouse/*.sql.

Each block holds `# title:` and `# rows:` (the answer as JSON), the Trino query and its ClickHouse text. Set
PENSTOCK_UPDATE_GOLDEN=1 to write texts and rows anew, then read the difference.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from catalog.objects import Table
from tests.real.clickhouse import ask, embedded, run_script
from tests.rewrite_rules.translate_clickhouse.planning import plan

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "translate_clickhouse"
FILES = sorted(FIXTURES.glob("*.sql"))
UPDATE = os.environ.get("PENSTOCK_UPDATE_GOLDEN") == "1"
SCHEMA = """
DROP DATABASE IF EXISTS Golden;
CREATE DATABASE Golden;
CREATE TABLE Golden.Prices (
  Node LowCardinality(String), Hour DateTime('UTC'), Lmp Nullable(Decimal(9, 2)), mwh Nullable(Float64), n UInt32, day Date,
  tags Array(String), attrs Map(String, Int64), kind Enum8('da' = 1, 'rt' = 2)
) ENGINE = MergeTree ORDER BY Node;
INSERT INTO Golden.Prices VALUES
  ('a', '2026-02-01 00:00:00', 10.50, 1.5, 3, '2026-02-01', ['x', 'y'], {'p': 1}, 'da'),
  ('a', '2026-02-01 01:00:00', -3.25, -0.0, 4, '2026-02-01', [], {}, 'rt'),
  ('b', '2026-02-02 23:00:00', NULL, 0.0, 5, '2026-02-02', ['z'], {'q': 7}, 'rt')
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, what it becomes and what it answers."""

    title: str
    rows: str
    before: str
    after: str


def load(file: Path) -> list[Pair]:
    """Read the blocks of one file."""
    pairs = []
    for block in file.read_text("utf-8").strip().split("\n\n"):
        notes = dict(re.findall(r"^# (\w+): (.*)$", block, re.M))
        lines = [line.removesuffix(";") for line in block.splitlines() if not line.startswith("#")]
        pairs.append(Pair(notes["title"], notes.get("rows", ""), lines[0], lines[1] if len(lines) > 1 else ""))
    return pairs


PAIRS = [(file, pair) for file in FILES for pair in load(file)]


@lru_cache(maxsize=1)
def _made() -> None:
    run_script(SCHEMA.split(";\n"))


async def _answer(pair: Pair) -> Pair:
    """Translate and run one pair's query over the table as the engine describes it."""
    _made()
    async with embedded() as engine:
        tables: list[Table] = [t for t in await engine.tables("clickhouse") if t.name.schema == "golden"]
        planned = plan(pair.before, tables, govern_it=False)
        answer = await ask(engine, planned)
    return Pair(pair.title, json.dumps(answer.rows, ensure_ascii=False), pair.before, planned.sql)


@pytest.mark.asyncio
@pytest.mark.parametrize(("file", "pair"), PAIRS, ids=[f"{f.stem}: {p.title}" for f, p in PAIRS])
async def test_translate(file: Path, pair: Pair) -> None:
    found = await _answer(pair)
    if UPDATE:
        _write(file, found)
        return
    assert found.after == pair.after
    assert json.loads(found.rows) == json.loads(pair.rows)


def _write(file: Path, new: Pair) -> None:
    pairs = [new if pair.title == new.title else pair for pair in load(file)]
    blocks = [f"# title: {p.title}\n# rows: {p.rows}\n{p.before};\n{p.after};" for p in pairs]
    file.write_text("\n\n".join(blocks) + "\n", "utf-8")
