"""A view is built again between the question for the base's version and its own reading: no two moments are mixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from catalog.materialized_views import Definition
from catalog.objects import TableName
from engines.base import EngineStatement, Submission
from gateway.protocols.trino.submitting import AFTER_ALL
from gateway.views.building import build
from tests.rewriting.conftest import HOURLY
from tests.rewriting.gateway import World
from tests.rewriting.test_staging import JOINED

TOTALS = "SELECT hub, sum(lmp) AS total, count(*) AS n FROM lmp GROUP BY hub"


def before_its_reading(world: World, monkeypatch: pytest.MonkeyPatch, happen: Callable[[], Any]) -> None:
    """Have something happen once, when ClickHouse is about to read a view."""
    engine = world.gateway.house.engines["clickhouse"]
    submit, happened = engine.submit, []

    async def submitted(statement: EngineStatement, query_id: str) -> Submission:
        if not happened:
            happened.append(query_id)
            await happen()
        return await submit(statement, query_id)

    monkeypatch.setattr(engine, "submit", submitted)


def rebuilding(world: World, sql: str) -> Callable[[], Any]:
    """Return how the view `by_day` is built again, unknown to the registry."""
    house = world.gateway.house
    definition = Definition(TableName("clickhouse", world.schema, "by_day"), sql, "lake", "grid", ())
    return lambda: build(definition, house.engines, house.catalog)


@pytest.mark.parametrize("sql", [TOTALS, JOINED])
def test_a_view_that_follows_another_definition_by_now_is_not_read(
    changing: World, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    assert changing.ask(sql).views
    filtered = HOURLY.replace("FROM lmp", "FROM lmp WHERE hub = 'H1'")
    before_its_reading(changing, monkeypatch, rebuilding(changing, filtered))
    answer = changing.ask(sql)
    monkeypatch.undo()
    assert not answer.views
    assert answer.record.rewritten is not None
    assert "a view could not be read" in answer.record.rewritten.fallback
    from_base = changing.ask(sql, properties={"materialized_views": "false"})
    assert sorted(answer.rows, key=repr) == sorted(from_base.rows, key=repr)


def test_who_was_told_of_a_view_that_then_failed_is_told_so(changing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    changing.ask(TOTALS)
    engine = changing.gateway.house.engines["clickhouse"]
    monkeypatch.setattr(engine, "page", changing.gateway.house.engines["lake"].page)  # which knows nothing of it
    assert changing.said(TOTALS) == [AFTER_ALL]


@pytest.mark.long
def test_rows_that_a_view_got_meanwhile_never_meet_a_base_of_an_earlier_moment(
    changing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changing.ask(JOINED).views

    async def append_and_rebuild() -> None:
        changing.append(50)
        await rebuilding(changing, HOURLY)()

    before_its_reading(changing, monkeypatch, append_and_rebuild)
    answer = changing.ask(JOINED)
    monkeypatch.undo()
    assert not answer.views
    from_base = changing.ask(JOINED, properties={"materialized_views": "false"})
    assert sorted(answer.rows, key=repr) == sorted(from_base.rows, key=repr)
    changing.know()
    assert changing.ask(JOINED).views


@pytest.mark.long
def test_a_view_that_was_built_again_answers_again_once_that_is_known(changing: World) -> None:
    assert changing.ask(TOTALS).views
    changing.gateway.run(rebuilding(changing, HOURLY)())
    assert not changing.ask(TOTALS).views
    changing.know()
    assert changing.ask(TOTALS).views
