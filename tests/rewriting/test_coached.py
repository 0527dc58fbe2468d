"""Who asks for what a view nearly answers is offered what it does answer: planned as his, priced, and said how other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from gateway.coaching.model import Alternative, Room
from gateway.models import Planned
from gateway.received import Principal, Received, Session
from tests.rewriting.conftest import HOURLY
from tests.rewriting.gateway import EVERYBODY, SOUTH, World, world
from tests.views.world import prices


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve a world whose base is larger than its views."""
    with world(tmp_path_factory.mktemp("coached")) as opened:
        opened.iceberg.load_table("grid.lmp").append(prices(20_000, first=400))
        opened.build("by_day", HOURLY)
        opened.build("by_hub", "SELECT hub, count(*) AS n, sum(lmp) AS s FROM lmp GROUP BY hub")
        yield opened


def offered(
    made: World, sql: str, user: str = EVERYBODY, properties: Mapping[str, str] | None = None
) -> list[Alternative]:
    """Return what the coach has to offer from views."""
    session = Session(catalog="lake", schema="grid", properties=dict(properties or {}))
    asked = Received("q", sql, Principal(user, user), session, time.time())
    coach = made.gateway.spending.coach
    planned, estimate = made.gateway.run(coach.priced(asked))
    assert isinstance(planned, Planned)
    assert estimate is not None
    planned = msgspec.structs.replace(planned, estimate=estimate)
    advice = made.gateway.run(coach.look(planned, asked, Room(), 30.0))
    return [each for each in advice.alternatives if each.kind == "materialized_view"]


def test_a_finer_bucket_than_the_views_is_offered_as_the_views(made: World) -> None:
    sql = "SELECT hub, date_trunc('minute', ts) AS m, sum(lmp) AS s FROM lmp GROUP BY hub, date_trunc('minute', ts)"
    (found,) = offered(made, sql)
    assert found.title == f"groups by day instead of minute, from materialized view clickhouse.{made.schema}.by_day"
    assert not found.same_result
    assert found.difference == "a row for each day, not for each minute"
    assert found.sql == sql.replace("minute", "day")
    assert made.ask(found.sql).views == (f"clickhouse.{made.schema}.by_day",)


def test_a_key_that_no_view_has_is_left_out(made: World) -> None:
    (found,) = offered(made, "SELECT hub, mw, count(*) AS n FROM lmp GROUP BY hub, mw ORDER BY mw, hub")
    assert found.sql == "SELECT hub, count(*) AS n FROM lmp GROUP BY hub ORDER BY hub"
    assert "without mw" in found.title
    assert made.ask(found.sql).views


def test_nothing_is_offered_where_the_change_would_not_do(made: World) -> None:
    for sql in (
        "SELECT hub, mw, max(mw) AS n FROM lmp GROUP BY hub, mw",
        "SELECT hub, mw, count(*) AS n FROM lmp WHERE mw > 3 GROUP BY hub, mw",
        "SELECT hub, avg(mw) AS a FROM lmp GROUP BY hub",
        "SELECT hub, sum(lmp) AS s FROM lmp GROUP BY hub",
    ):
        assert offered(made, sql) == [], sql


def test_who_may_not_know_of_the_view_is_offered_nothing_from_it(made: World) -> None:
    assert offered(made, "SELECT hub, mw, count(*) AS n FROM lmp GROUP BY hub, mw", SOUTH) == []


@pytest.mark.long
def test_who_could_tolerate_rows_of_a_while_ago_is_told_which_view_has_them(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        made.iceberg.load_table("grid.lmp").append(prices(20_000, first=400))
        sql = "SELECT sum(lmp) AS s, count(*) AS n FROM lmp"
        made.build("total", sql)
        made.append(30, first=30_000)
        made.know()
        (found,) = offered(made, sql)
        assert found.sql == f"WITH SESSION integrity = 'STALE_TOLERATED', max_staleness = '5m' {sql}"
        assert not found.same_result
        assert found.difference == "as it was up to 5m ago"
        answer = made.ask(found.sql)
        assert answer.views == (f"clickhouse.{made.schema}.total",)
        assert offered(made, sql, properties={"integrity": "stale_tolerated", "max_staleness": "1h"}) == []
