"""Every function case: a real Trino's answer against the embedded lake's, over one table of traps.

A refusal by name is fine where `refused_cases.txt` lists the case; another answer never is.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from catalog.errors import Refusal
from engines.lake.system import SystemEngine
from tests.engines.lake.asking import Answer, prepare, read
from tests.engines.lake.trap import trap_table
from tests.function_cases import SHARED, load

REFUSED = frozenset((Path(__file__).parent / "refused_cases.txt").read_text().split())
LAST_NANOSECOND = "types.col_ts9"
"""Shows a value that DuckDB takes for infinity and that the table therefore does not hold."""


ALL = load()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`equal`, `refused` or `wrong`, and why."""

    is_: str
    why: str = ""


@lru_cache(maxsize=1)
def verdicts() -> Mapping[str, Verdict]:
    """Ask all cases once, in one event loop."""
    return asyncio.run(_ask_all())


async def _ask_all() -> Mapping[str, Verdict]:
    table, rows = trap_table(SHARED)
    engine = SystemEngine(lambda table, statement: rows)
    await engine.start()
    found = {}
    try:
        for name, case in ALL.items():
            sql = str(case["trino_sql"]).replace("{t}", "lake.s.trap")
            try:
                statement = prepare(sql, [table], str(case.get("tz", "UTC")))
                found[name] = _judge(case, await read(engine, statement, name.replace(".", "_")))
            except Refusal as refusal:
                expected = case["truth"].get("error")  # type: ignore[attr-defined]  # the test looks inside
                same = refusal.code.name == expected
                found[name] = Verdict("equal" if same else "refused", f"{refusal.code.name}: {refusal.message}")
    finally:
        await engine.close()
    return found


def _judge(case: Mapping[str, object], answer: Answer) -> Verdict:
    truth = case["truth"]
    assert isinstance(truth, dict)
    if "error" in truth:
        return Verdict("wrong", f"Trino refuses with {truth['error']}")
    if [list(column) for column in answer.columns] != truth["columns"]:
        return Verdict("wrong", f"columns {truth['columns']} here {answer.columns}")
    want, have = truth["rows"], answer.rows
    if not case["ordered"]:
        want, have = sorted(want, key=_key), sorted(have, key=_key)
    reals = [type_ == "real" for _, type_ in truth["columns"]]
    want, have = ([_at_32_bits(row, reals) for row in rows] for rows in (want, have))
    tolerance = float(case.get("tol") or 0)  # type: ignore[arg-type]  # the words of a test
    if len(want) != len(have):
        return Verdict("wrong", f"{len(want)} rows in Trino, {len(have)} here")
    for a, b in zip(want, have, strict=True):
        if not _same(a, b, tolerance):
            return Verdict("wrong", f"Trino {a} here {b}")
    return Verdict("equal")


def _at_32_bits(row: Sequence[object], reals: Sequence[bool]) -> list[object]:
    """Read reals as clients do: several decimal texts name one 32-bit number."""
    return [
        struct.unpack("f", struct.pack("f", value))[0] if real and isinstance(value, float) else value
        for value, real in zip(row, reals, strict=True)
    ]


def _key(row: Sequence[object]) -> str:
    return json.dumps([round(v, 6) if isinstance(v, float) else v for v in row], sort_keys=True)


def _same(a: object, b: object, tolerance: float) -> bool:
    """Compare exactly: 0.0 is not -0.0, 1 is not 1.0, unless a case has a tolerance."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k], tolerance) for k in a)
    if isinstance(a, float) and isinstance(b, float) and tolerance:
        return abs(a - b) <= tolerance * max(abs(a), abs(b), 1e-3)
    return type(a) is type(b) and repr(a) == repr(b)


@pytest.mark.skipif(not ALL, reason="the shared function cases are not here")
@pytest.mark.parametrize("name", [name for name in ALL if name != LAST_NANOSECOND])
def test_the_lake_answers_as_trino_or_refuses_by_name(name: str) -> None:
    verdict = verdicts()[name]
    assert verdict.is_ != "wrong", verdict.why
    if name not in REFUSED:
        assert verdict.is_ == "equal", verdict.why


@pytest.mark.skipif(not ALL, reason="the shared function cases are not here")
def test_no_refusal_is_listed_that_has_become_an_answer() -> None:
    answered = {name for name in REFUSED if verdicts()[name].is_ == "equal"}
    assert not answered


@pytest.mark.skipif(not ALL, reason="the shared function cases are not here")
def test_refusals_say_what_is_refused() -> None:
    for name in REFUSED:
        assert "embedded lake" in verdicts()[name].why or "out of range" in verdicts()[name].why, name
