"""Rows of a view go into the base engine's statement exactly, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewriting.conftest import HOURLY
from tests.rewriting.gateway import World, world

JOINED = (
    "SELECT d.hub, d.d, d.s, d.n, d.latest, l.node FROM "
    "(SELECT hub, date_trunc('day', ts) AS d, sum(lmp) AS s, count(*) AS n, max(ts) AS latest FROM lmp GROUP BY 1, 2) d "
    "JOIN lmp l ON l.ts = d.latest"
)


def test_rows_of_a_view_are_joined_to_the_base_with_their_types(standing: World) -> None:
    from_both, from_base = standing.both(JOINED)
    assert from_both.rows == from_base.rows
    assert from_both.columns == from_base.columns
    assert from_both.views
    assert from_both.record.engine == "lake"


def test_what_was_read_of_the_view_is_counted_with_what_the_base_took(standing: World) -> None:
    from_both = standing.ask(JOINED)
    alone = standing.ask("SELECT hub, date_trunc('day', ts) AS d, sum(lmp), count(*), max(ts) FROM lmp GROUP BY 1, 2")
    of_base = standing.ask("SELECT hub, ts, node FROM lmp", properties={"materialized_views": "false"})
    parts = [each.record.scanned_bytes for each in (alone, of_base)]
    assert alone.views
    assert all(parts)
    assert from_both.record.scanned_bytes == pytest.approx(sum(each or 0 for each in parts), rel=0.1)


def test_no_rows_of_a_view_are_no_rows_in_the_statement(standing: World) -> None:
    from_both, from_base = standing.both(JOINED.replace("FROM lmp GROUP BY", "FROM lmp WHERE hub = 'no' GROUP BY"))
    assert from_both.rows == from_base.rows == []
    assert from_both.views


@pytest.mark.long
@pytest.mark.parametrize("bound", [{"staged_rows": 3}, {"staged_characters": 100}])
def test_more_rows_than_are_handed_over_leave_the_statement_to_the_base(tmp_path: Path, bound: dict[str, int]) -> None:
    with world(tmp_path, materialized_views={"refresh_seconds": 600, "cost_margin": None, **bound}) as made:
        made.build("by_day", HOURLY)
        first, from_base = made.both(JOINED)
        again = made.ask(JOINED)
        assert first.rows == from_base.rows
        for answer in (first, again):
            assert not answer.views
            assert answer.record.outcome == "FINISHED"
            assert answer.record.rewritten is not None
        assert "handed from one engine" in first.record.rewritten.fallback  # type: ignore[union-attr]  # as just said


def test_a_view_that_stands_in_two_places_is_read_once(standing: World) -> None:
    day = "(SELECT hub, max(ts) AS latest, count(*) AS n FROM lmp GROUP BY hub)"
    sql = f"SELECT l.node, a.n, b.n FROM lmp l JOIN {day} a ON l.ts = a.latest JOIN {day} b ON l.ts = b.latest"
    read: list[str] = []
    engine = standing.gateway.house.engines["clickhouse"]
    submit = engine.submit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "submit", lambda s, q: (read.append(s.sql), submit(s, q))[1])
        from_both, from_base = standing.both(sql)
    assert from_both.views
    assert from_both.rows == from_base.rows
    assert len(read) == 1
