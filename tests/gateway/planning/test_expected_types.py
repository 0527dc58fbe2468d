"""DESCRIBE INPUT and OUTPUT where no Trino is asked: what Trino 476 says of the same statements over the same types."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from gateway.models import NotPlanned, Plan

TOLD = [
    ("SELECT ?, x FROM sandbox.t", "unknown", "unknown, bigint"),
    ("SELECT ? + 1", "integer", "integer"),
    ("SELECT x + ? FROM sandbox.t", "bigint", "bigint"),
    ("SELECT x % (?) FROM sandbox.t", "bigint", "bigint"),
    ("SELECT x FROM sandbox.t WHERE ? = x OR x IS DISTINCT FROM ?", "bigint, bigint", "bigint"),
    ("SELECT x FROM sandbox.t WHERE x BETWEEN ? AND ?", "bigint, bigint", "bigint"),
    ("SELECT x FROM sandbox.t WHERE ? BETWEEN x AND 5", "bigint", "bigint"),
    ("SELECT x FROM sandbox.t WHERE x IN (?, ?, 3)", "bigint, bigint", "bigint"),
    ("SELECT 'ab' LIKE ?, ? LIKE 'a' ESCAPE ?", "varchar, varchar, varchar", "boolean, boolean"),
    ("SELECT x FROM sandbox.t WHERE ? AND NOT ?", "boolean, boolean", "bigint"),
    ("SELECT ? IS NULL, CAST(? AS integer)", "unknown, unknown", "boolean, integer"),
    ("SELECT substr('abc', ?, ?)", "bigint, bigint", "varchar(3)"),
    ("SELECT coalesce(?, x), nullif(x, ?) FROM sandbox.t", "bigint, unknown", "bigint, bigint"),
    ("SELECT if(?, 1, ?)", "boolean, integer", "integer"),
    ("SELECT CASE WHEN x = ? THEN ? ELSE 'x' END FROM sandbox.t", "bigint, varchar(1)", "varchar(1)"),
    ("SELECT CASE x WHEN ? THEN 1 END FROM sandbox.t", "bigint", "integer"),
    ("SELECT sum(x) FROM sandbox.t HAVING sum(x) > ?", "bigint", "bigint"),
    ("SELECT x FROM sandbox.t OFFSET ? LIMIT ?", "bigint, bigint", "bigint"),
    ("SELECT date_add('day', ?, DATE '2020-01-01')", "bigint", "date"),
    ("SELECT date_add(?, 1, DATE '2020-01-01')", "varchar(0)", "date"),
    ("SELECT abs(?)", "tinyint", "tinyint"),
    ("SELECT ARRAY[1, ?], ROW(1, ?)", "integer, unknown", "array(integer), row(integer, unknown)"),
    ("SELECT ARRAY[1, 2][?], map(ARRAY['a'], ARRAY[1])[?]", "bigint, varchar(1)", "integer, integer"),
    ("SELECT ? > ?", "unknown, unknown", "boolean"),
    ("SELECT x FROM sandbox.t WHERE (x, 'a') = (?, ?)", "unknown, unknown", "bigint"),
    ("VALUES (?, 1), (2, ?)", "integer, integer", "integer, integer"),
    ("SELECT transform(ARRAY[1], e -> e + ?)", "integer", "array(integer)"),
    ("SELECT x * 1.5 > ? FROM sandbox.t", "decimal(21,1)", "boolean"),
    ("SELECT DECIMAL '1.5' = ?, 1.5e0 = ?", "decimal(2,1), double", "boolean, boolean"),
    ("SELECT greatest(x, ?), length(?) FROM sandbox.t", "bigint, varchar(0)", "bigint, bigint"),
    ("SELECT x FROM sandbox.t WHERE x = (SELECT max(x) FROM sandbox.t WHERE x < ?)", "bigint", "bigint"),
    ("SELECT 1 UNION SELECT ?", "unknown", "integer"),
    ("SELECT count(*) FILTER (WHERE x > ?), count(?) FROM sandbox.t", "bigint, unknown", "bigint, bigint"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("text", "expected", "output"), TOLD, ids=[text for text, *_ in TOLD])
async def test_types_are_those_that_trino_tells(text: str, expected: str, output: str) -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    answers = []
    for verb, column in (("INPUT", 1), ("OUTPUT", 4)):
        found = await plan(f"DESCRIBE {verb} p", pipeline=pipeline, prepared={"p": text})
        assert isinstance(found, Plan), found
        assert found.answer is not None
        answers.append(", ".join(str(row[column]) for row in found.answer.rows))
    assert answers == [expected, output]


CHANGES = [
    ("INSERT INTO sandbox.t VALUES (?, ?)", "unknown, unknown"),
    ("INSERT INTO sandbox.t SELECT x + ?, y FROM sandbox.t WHERE x = ?", "bigint, bigint"),
    ("DELETE FROM sandbox.t WHERE x = ? OR ?", "bigint, boolean"),
    ("DELETE FROM sandbox.t WHERE x IN (SELECT x FROM sandbox.t WHERE y = ?)", "varchar"),
    ("UPDATE sandbox.t SET x = ?, y = (?) WHERE x > ?", "bigint, varchar, bigint"),
    ("UPDATE sandbox.t SET x = coalesce(?, ?), y = ?", "unknown, unknown, varchar"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("text", "expected"), CHANGES, ids=[text for text, _ in CHANGES])
async def test_parameters_of_changes_have_the_types_that_trino_tells(text: str, expected: str) -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    found = await plan("DESCRIBE INPUT p", pipeline=pipeline, prepared={"p": text})
    assert isinstance(found, Plan), found
    assert found.answer is not None
    assert ", ".join(str(kind) for _, kind in found.answer.rows) == expected


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["SELECT sum(?)", "SELECT concat(?, ?)"])
async def test_what_trino_cannot_choose_is_not_chosen(text: str) -> None:
    pipeline, _ = await make_pipeline({"lake": "lake"})
    found = await plan("DESCRIBE INPUT p", pipeline=pipeline, prepared={"p": text})
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "AMBIGUOUS_FUNCTION_CALL"
