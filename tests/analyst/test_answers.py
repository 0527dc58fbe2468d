"""What analysts ask, through the gateway, against the real Trino's recorded answers over the same tables.

A refusal by name is fine where the data file says `-- refused`; another answer never is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from _pytest.mark import ParameterSet

from tests.analyst.comparing import Verdict, judge
from tests.analyst.conftest import World
from tests.analyst.recorded import Suite, kept, names, suite

LAKE, CLICKHOUSE = names("lake"), names("clickhouse")
COMMON = [name for name in LAKE if name != "lake/rare"]
EQUAL_AT_LEAST = 0.97
OFTEN = ("lake/aggregates", "lake/desk", "lake/prices", "lake/tools", "lake/writes")
"""What is asked in every run; the other files too when there is time."""
_asked: dict[str, list[Verdict]] = {}


def often(name: str, listed: Sequence[str]) -> ParameterSet:
    """Return a file as a parameter that is long unless it is listed."""
    return pytest.param(name, marks=() if name in listed else pytest.mark.long)


def verdicts(name: str, world: World) -> list[Verdict]:
    """Ask the statements of one file, once in a run."""
    if name not in _asked:
        _asked[name] = _ask(suite(name), world, name.partition("/")[0])
    return _asked[name]


def _ask(asked: Suite, world: World, folder: str) -> list[Verdict]:
    recorded = asked.recorded()
    asker = world.asker(folder)
    try:
        if "{scratch}" in asked.path.read_text("utf-8"):
            assert asker.ask("CREATE SCHEMA iceberg.scratch_lake").error is None
        return [
            judge(one, recorded[key], asker.ask(world.written(one), one.zone), kept)
            for key, one in zip(asked.keys(), asked.statements, strict=True)
        ]
    finally:
        asker.close()


@pytest.mark.parametrize("name", [*(often(name, OFTEN) for name in LAKE), *CLICKHOUSE])
def test_analysts_are_answered_as_by_trino_or_refused_by_name(name: str, world: World) -> None:
    wrong = [
        f"{name}.sql:{asked.line} {verdict.is_}: {verdict.why}"
        for asked, verdict in zip(suite(name).statements, verdicts(name, world), strict=True)
        if verdict.is_ != ("refused" if asked.refused else "equal")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "listed", [pytest.param(COMMON, marks=pytest.mark.long), CLICKHOUSE], ids=["lake", "clickhouse"]
)
def test_little_of_what_analysts_ask_is_refused(listed: list[str], world: World) -> None:
    counts = Counter(verdict.is_ for name in listed for verdict in verdicts(name, world))
    assert counts["equal"] / counts.total() >= EQUAL_AT_LEAST, counts


def test_a_page_of_wide_integers_says_how_they_are_shown(world: World) -> None:
    asker = world.asker("clickhouse")
    try:
        answer = asker.ask("SELECT n, wide, wider FROM clickhouse.wide.counters ORDER BY n")
        assert answer.columns == [("n", "bigint"), ("wide", "decimal(38, 0)"), ("wider", "varchar")]
        assert answer.rows == [[1, "99999999999999999999999999999999999999", str(2**255)]]
        assert answer.warnings == [
            "Column 'clickhouse.wide.counters.wide' shows UInt128 as decimal(38,0); a number with more digits ends the query",
            "Column 'clickhouse.wide.counters.wider' shows UInt256 as varchar, by its digits; "
            "numbers are compared and sorted as text",
        ]
        assert asker.ask("SELECT n FROM clickhouse.wide.counters").warnings == []
    finally:
        asker.close()
