"""Where refusals of prepared statements point: into the text that the caller sent, as Trino counts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from gateway.models import NotPlanned, Plan


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("EXECUTE IMMEDIATE 'SELECT nope FROM orders'", "line 1:27: Column 'nope' cannot be resolved"),
        ("EXECUTE IMMEDIATE 'SELECT ''it'', nope FROM orders'", "line 1:33: Column 'nope' cannot be resolved"),
        ("EXECUTE IMMEDIATE\n 'SELECT 1,\n  nope FROM orders'", "line 3:3: Column 'nope' cannot be resolved"),
        ("EXECUTE IMMEDIATE 'SELEC 1'", "line 1:20: mismatched input 'SELEC'"),
        ("EXECUTE IMMEDIATE 'SELECT ?'", "line 1:20: Incorrect number of parameters: expected 1 but found 0"),
        ("EXECUTE p", "line 1:1: Incorrect number of parameters: expected 1 but found 0"),
        ("  SELECT ?", "line 1:3: Incorrect number of parameters: expected 1 but found 0"),
    ],
)
async def test_a_refusal_points_into_the_text_that_was_sent(sql: str, text: str) -> None:
    found = await plan(sql, prepared={"p": "SELECT ?"})
    assert isinstance(found, NotPlanned)
    assert found.refusal.text.startswith(text)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["trino", "lake"])
async def test_the_version_is_the_one_that_the_protocol_tells_on_every_engine(kind: str) -> None:
    pipeline, _ = await make_pipeline({"lake": kind})
    found = await plan("SELECT version()", pipeline=pipeline)
    assert isinstance(found, Plan)
    assert "'476'" in found.sql


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("EXECUTE IMMEDIATE 'PREPARE z FROM SELECT 1'", "PREPARE"),
        ("EXECUTE IMMEDIATE 'DEALLOCATE PREPARE p'", "DEALLOCATE"),
        ("PREPARE z FROM EXECUTE IMMEDIATE 'SELECT 1'", "PREPARE"),
    ],
)
async def test_statements_about_statements_nest_as_far_as_on_trino(sql: str, kind: str) -> None:
    found = await plan(sql, prepared={"p": "SELECT ?"})
    assert isinstance(found, Plan)
    assert (found.route, found.answer.update_type if found.answer else None) == ("local", kind)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "sql",
    [
        "EXECUTE IMMEDIATE 'EXECUTE p'",
        "EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE ''SELECT 1'''",
        "EXECUTE z",
        "PREPARE y FROM EXECUTE p",
        "PREPARE y FROM PREPARE x FROM SELECT 1",
        "PREPARE y FROM DEALLOCATE PREPARE p",
    ],
)
async def test_and_no_further(sql: str) -> None:
    found = await plan(sql, prepared={"p": "SELECT 1", "z": "EXECUTE IMMEDIATE 'SELECT 1'"})
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "NOT_SUPPORTED"
