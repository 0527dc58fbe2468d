"""The stage `price`: a statement asks an engine once for each version of its tables, and never for nothing."""

from __future__ import annotations

import asyncio
import math
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ErrorCode, Refusal
from catalog.statistics import Interval
from engines.base import Write
from gateway.config.pricing import Pricing as Settings
from gateway.models import Planned
from gateway.pricing.calibration import Keys
from gateway.pricing.rules import hold_to
from policies.cost.estimate import Estimate, Widest
from tests.gateway.recording import usage_records
from tests.pricing.engines_of_figures import AWAY, ITEMS, ORDERS, RECEIVED, Figures, planned, pricing
from tests.pricing.test_calibration import record


async def estimate_of(engine: Figures, asked: Planned | None = None, **settings: Any) -> Estimate:
    found = (await pricing(engine, **settings).price(asked or planned(), RECEIVED)).estimate
    assert found is not None
    return found


@pytest.mark.asyncio
async def test_a_statement_is_priced_by_the_bytes_that_it_is_likely_to_read() -> None:
    found = await estimate_of(Figures(bytes=Interval(1e9, 2e9, 4e9)))
    assert found.bytes.low <= 1e9
    assert found.bytes.likely == 2e9
    assert found.bytes.high >= 4e9
    assert found.nano.likely == 10_000_000  # 2 GB at 5 dollars a terabyte are a cent
    assert found.rate == "default: USD 5 per TB"
    assert found.basis == "manifest, snapshot 1, read 2001-09-09 01:46:40 UTC"
    assert found.seconds.low < found.seconds.likely < found.seconds.high


@pytest.mark.asyncio
async def test_the_time_that_a_price_takes_is_a_stage_of_its_own() -> None:
    asked = msgspec.structs.replace(planned(), stage_ms={"parse": 1.0})
    assert set((await pricing(Figures()).price(asked, RECEIVED)).stage_ms) == {"parse", "price"}


@pytest.mark.asyncio
async def test_a_statement_that_was_priced_before_asks_nobody() -> None:
    engine = Figures()
    stage, asked = pricing(engine), planned()
    first = await stage.price(asked, RECEIVED)
    for _ in range(5):
        assert (await stage.price(asked, RECEIVED)).estimate is first.estimate
    assert engine.asked == {"version of orders": 1, "estimate": 1}


@pytest.mark.asyncio
async def test_each_version_of_a_table_is_asked_for_once_by_many_statements_at_once() -> None:
    engine = Figures(may_answer=asyncio.Event())
    stage = pricing(engine)
    same = [planned("SELECT id FROM orders") for _ in range(20)]
    other = [planned("SELECT id FROM orders, items", ORDERS, ITEMS) for _ in range(20)]
    waiting = [asyncio.ensure_future(stage.price(each, RECEIVED)) for each in (*same, *other)]
    while engine.asked["estimate"] < 2:
        await asyncio.sleep(0)
    assert engine.may_answer is not None
    engine.may_answer.set()
    assert all(each.estimate is not None and each.estimate.kind != "unknown" for each in await asyncio.gather(*waiting))
    assert engine.asked == {"version of orders": 1, "version of items": 1, "estimate": 2}


@pytest.mark.asyncio
async def test_a_new_version_is_noticed_by_the_refresh_and_estimated_once() -> None:
    engine = Figures()
    stage, asked = pricing(engine), planned()
    await stage.price(asked, RECEIVED)
    engine.versions[ORDERS.name], engine.bytes = "2", Interval.exactly(3e9)
    await stage._refresh()  # what the background task does every `refresh_seconds`
    for _ in range(3):
        found = (await stage.price(asked, RECEIVED)).estimate
        assert found is not None
        assert found.bytes.likely == 3e9
    assert engine.asked == {"version of orders": 2, "estimate": 2}


@pytest.mark.asyncio
async def test_the_same_version_found_again_asks_for_no_new_estimate() -> None:
    engine = Figures()
    stage, asked = pricing(engine), planned()
    first = await stage.price(asked, RECEIVED)
    for _ in range(3):
        await stage._refresh()
    assert (await stage.price(asked, RECEIVED)).estimate is first.estimate
    assert engine.asked["estimate"] == 1


@pytest.mark.asyncio
async def test_after_a_write_of_ones_own_the_next_statement_sees_the_new_version() -> None:
    engine = Figures()
    stage, asked = pricing(engine), planned()
    await stage.price(asked, RECEIVED)
    engine.versions[ORDERS.name], engine.bytes = "2", Interval.exactly(7e9)
    written = replace_record(tables=(("lake.sales.orders", "insert", ()),))
    stage.heard(written)
    found = (await stage.price(asked, RECEIVED)).estimate
    assert found is not None
    assert found.bytes.likely == 7e9


def test_engines_that_say_late_what_they_read_teach_late() -> None:
    stage = pricing(Figures())
    ended = record(scanned_bytes=None)
    stage.heard(ended)
    stage.heard_late(ended, 3_000_000)
    stage.heard_late(ended, 3_000_000)
    stage.learning.settle()
    found = stage.learning.bytes.factors(Keys("f", "lake.a.t", "lake", True))
    assert found.seen == 1
    assert found.shift == pytest.approx(math.log(3), rel=0.01)


@pytest.mark.asyncio
async def test_a_statement_waits_no_longer_than_it_may_and_then_its_tables_bound_it() -> None:
    engine = Figures(may_answer=asyncio.Event())
    stage = pricing(engine, question_seconds=0.05)
    assert engine.may_answer is not None
    found = (await stage.price(planned(), RECEIVED)).estimate
    assert found is not None
    assert found.kind == "unknown"
    assert found.nano.high == math.inf
    assert found.why == "engine lake did not answer within 0.05 s"
    engine.may_answer.set()
    while stage._engines["lake"]._under_way:
        await asyncio.sleep(0)
    again = (await stage.price(planned(), RECEIVED)).estimate
    assert again is not None
    assert again.bytes.likely == 1e9
    assert engine.asked["estimate"] == 1
    engine.may_answer = asyncio.Event()
    late = (await stage.price(planned("SELECT 2 FROM orders"), RECEIVED)).estimate  # its size is known by now
    assert late is not None
    assert late.kind == "bounded by table size"
    assert late.bytes == Interval(0, 4e9, 4e9)
    await stage.close()


@pytest.mark.parametrize("raises", [AWAY, RuntimeError("a fault of the engine's")])
@pytest.mark.asyncio
async def test_an_engine_that_fails_is_no_price_and_no_failure_of_the_statement(raises: Exception) -> None:
    engine = Figures(raises=raises)
    stage = pricing(engine)
    found = [await stage.price(planned(), RECEIVED) for _ in range(3)]
    assert all(each.estimate is not None and each.estimate.kind == "unknown" for each in found)
    assert engine.asked["estimate"] == 1  # it is left alone for a while


@pytest.mark.asyncio
async def test_an_engine_that_speaks_of_other_scans_than_it_was_asked_about_is_not_believed() -> None:
    found = await estimate_of(Figures(scans=1), planned("SELECT 1", ORDERS, ITEMS))
    assert found.kind == "unknown"
    assert found.why == "engine lake spoke of 1 scans of 2"


@pytest.mark.asyncio
async def test_tables_without_versions_are_asked_about_again_after_the_refresh_time() -> None:
    engine, now = Figures(versions={}), [1000.0]
    stage = pricing(engine, refresh_seconds=30)
    for asking in stage._engines.values():
        asking._clock = lambda: now[0]
    stage._clock = lambda: now[0]
    asked = planned()
    await stage.price(asked, RECEIVED)
    now[0] += 29
    await stage.price(asked, RECEIVED)
    assert engine.asked["estimate"] == 1
    now[0] += 2
    await stage.price(asked, RECEIVED)
    assert engine.asked["estimate"] == 2


FIGURES = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(2**70), 2**70).map(float)


@given(st.tuples(FIGURES, FIGURES, FIGURES), st.tuples(FIGURES, FIGURES, FIGURES), st.none() | FIGURES, st.booleans())
def test_no_figure_of_an_engine_makes_a_price_that_cannot_be(
    size: tuple[float, float, float], rows: tuple[float, float, float], table: float | None, bound: bool
) -> None:
    engine = Figures(bytes=Interval(*size), rows=Interval(*rows), size=table)  # type: ignore[arg-type]  # the words of a test
    rule = "bound" if bound else "allow"
    found = asyncio.run(estimate_of(engine, unestimable=rule))
    for figure in (found.bytes, found.nano, found.seconds, found.widest.rows):
        assert 0 <= figure.low <= figure.likely <= figure.high
        assert math.isfinite(figure.likely)
    sound = 0 <= size[0] <= size[1] <= size[2] and size[1] <= 2**63 - 1
    if not sound:
        assert found.kind in ("unknown", "bounded by table size")
        assert found.why
    if not sound or math.isinf(size[2]):
        sized = bound and table is not None and 0 <= table <= 2**63 - 1
        assert found.kind == ("bounded by table size" if sized else "unknown")


@pytest.mark.asyncio
async def test_what_changes_a_table_is_taken_to_read_it_whole() -> None:
    asked = planned()
    write = Write("delete", ORDERS.name)
    plan = replace(asked.plan, kind="DELETE", outline=None, tables=(), write=write, depends_on=((ORDERS.name, ORDERS),))
    found = await estimate_of(Figures(), msgspec.structs.replace(asked, plan=plan))
    assert found.kind == "bounded by table size"
    assert found.bytes == Interval(0, 4e9, 4e9)


@pytest.mark.asyncio
async def test_what_reads_without_an_outline_is_bounded_by_its_tables_or_not_known() -> None:
    asked = planned("SELECT strange FROM orders")
    asked = msgspec.structs.replace(asked, plan=replace(asked.plan, outline=None))
    found = await estimate_of(Figures(), asked)
    assert found.kind == "bounded by table size"
    assert found.bytes.high == 4e9
    assert (await estimate_of(Figures(size=None), asked)).kind == "unknown"


@pytest.mark.asyncio
async def test_what_reads_nothing_costs_nothing() -> None:
    asked = planned()
    plan = replace(asked.plan, kind="CREATE TABLE", outline=None, tables=(), write=Write("create table", ORDERS.name))
    engine = Figures()
    found = await estimate_of(engine, msgspec.structs.replace(asked, plan=plan))
    assert found.kind == "exact"
    assert found.nano == Interval.exactly(0)
    assert not engine.asked


@pytest.mark.asyncio
async def test_what_is_answered_from_counts_alone_is_known_exactly() -> None:
    asked = planned()
    assert asked.plan.outline is not None
    outline = replace(asked.plan.outline, metadata_only=True)
    asked = msgspec.structs.replace(asked, plan=replace(asked.plan, outline=outline))
    found = await estimate_of(Figures(bytes=Interval.exactly(0)), asked)
    assert found.kind == "exact"
    assert found.nano == Interval.exactly(0)
    assert (await estimate_of(Figures(bytes=Interval(0, 10, 20)), asked)).kind == "upper bound"


@pytest.mark.parametrize("rule", ["allow", "bound", "refuse"])
@pytest.mark.asyncio
async def test_enforced_an_unknown_price_is_refused_as_the_rule_says(rule: Any) -> None:
    unknown = await estimate_of(Figures(raises=AWAY), unestimable=rule)
    bounded = await estimate_of(Figures(bytes=Interval(math.nan, 1, 2)), unestimable="bound")
    assert (unknown.kind, bounded.kind) == ("unknown", "bounded by table size")
    for estimate, refusing in ((unknown, ("bound", "refuse")), (bounded, ("refuse",))):
        hold_to(Settings(mode="observe", unestimable=rule), estimate, "q1")
        with pytest.raises(Refusal) if rule in refusing else nullcontext() as refused:
            hold_to(Settings(mode="enforce", unestimable=rule), estimate, "q1")
        assert refused is None or refused.value.code is ErrorCode.QUERY_REJECTED


@pytest.mark.asyncio
async def test_enforced_an_operator_that_makes_too_many_rows_at_least_is_refused() -> None:
    estimate, settings = await estimate_of(Figures()), Settings(mode="enforce", widest_rows=1000)
    hold_to(settings, replace(estimate, widest=Widest(Interval(1000, 2000, math.inf))), "q1")
    with pytest.raises(Refusal, match="1,0"):
        hold_to(settings, replace(estimate, widest=Widest(Interval(1001, 2000, math.inf))), "q1")


def replace_record(**changes: Any) -> Any:
    return msgspec.structs.replace(usage_records.finished("q9"), **changes)
