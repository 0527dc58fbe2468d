"""Estimates over real Iceberg tables: held against what the embedded lake reads, and told where people ask for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest
import pytest_asyncio
from pyiceberg.catalog.sql import SqlCatalog

from gateway.config import Config
from gateway.execute import engine_statement
from gateway.models import Planned
from gateway.pricing.offline import estimate_offline
from gateway.pricing.priced import priced
from gateway.pricing.pricing import Pricing
from gateway.received import Received
from policies.cost.estimate import Estimate
from tests.coaching.world import Market, make_market, market
from tests.gateway.recording import usage_records
from tests.pricing.engines_of_figures import BOOK

DAY = "ts >= TIMESTAMP '2026-03-08 00:00:00 UTC' AND ts < TIMESTAMP '2026-03-09 00:00:00 UTC'"


@dataclass(frozen=True, slots=True)
class Priced:
    """The market, and pricing over its lake."""

    config: Config
    market: Market
    pricing: Pricing

    async def price(self, sql: str, user: str = "ana") -> Planned:
        """Plan and price a statement."""
        return await self.pricing.price(await self.market.plan(sql, user), self.market.ask(sql, user))

    async def estimate(self, sql: str, user: str = "ana") -> Estimate:
        """Return a statement's estimate."""
        found = (await self.price(sql, user)).estimate
        assert found is not None
        return found

    async def read(self, sql: str, user: str = "ana") -> int:
        """Run a statement; return the bytes that the lake says it read, and let pricing hear of it."""
        planned, asked = await self.price(sql, user), self.market.ask(sql, user)
        engine = self.market.grounds.runner.engines["lake"]
        submitted = await engine.submit(engine_statement(planned.plan, asked), asked.query_id)
        scanned, cursor = None, submitted.cursor
        while cursor is not None:
            page = await engine.page(cursor)
            assert page.failed is None
            scanned, cursor = page.scanned_bytes, page.next
        assert scanned is not None
        self.pricing.heard(
            msgspec.structs.replace(
                usage_records.finished(asked.query_id),
                engine="lake",
                fingerprint=planned.fingerprint,
                priced=priced(planned.estimate),
                scanned_bytes=scanned,
                tables=tuple((str(each.name), each.action, each.columns) for each in planned.plan.tables),
            )
        )
        return scanned


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A lake of its own: some of these tests write."""
    return make_market(tmp_path_factory.mktemp("priced") / "lake")


@pytest_asyncio.fixture
async def lake(config: Config) -> AsyncIterator[Priced]:
    """Pricing over it, which knows nothing yet."""
    async with market(config) as there:
        stage = Pricing(
            there.grounds.runner.engines,
            config.pricing,
            lambda plan, received: BOOK.rate(plan.engine or "", "", received.received_at),
            engine_statement,
        )
        yield Priced(config, there, stage)
        await stage.close()


@pytest.mark.asyncio
async def test_a_filter_on_a_hidden_partition_lowers_the_price_and_holds_what_is_read(lake: Priced) -> None:
    whole, day = "SELECT id, ts, note FROM ticks", f"SELECT id, ts, note FROM ticks WHERE {DAY}"
    all_days, one_day = await lake.estimate(whole), await lake.estimate(day)
    assert one_day.nano.high < all_days.nano.low
    assert one_day.basis.startswith("manifest, snapshot ")
    for sql, estimate in ((whole, all_days), (day, one_day)):
        read = await lake.read(sql)
        assert estimate.bytes.low <= read <= estimate.bytes.high
        assert max(read / estimate.bytes.likely, estimate.bytes.likely / read) < 1.3


@pytest.mark.asyncio
async def test_what_was_read_once_is_expected_the_next_time(lake: Priced) -> None:
    sql = f"SELECT max(price) FROM ticks WHERE {DAY} AND node = 'N1'"
    read = await lake.read(sql)
    lake.pricing.learning.settle()
    found = await lake.estimate(sql)
    assert found.kind == "calibrated"
    assert found.bytes.likely == pytest.approx(read, rel=0.02)
    assert found.raw is not None
    assert found.raw.high >= read


@pytest.mark.asyncio
async def test_a_write_makes_the_next_estimate_see_the_new_rows(lake: Priced) -> None:
    sql = "SELECT hub FROM nodes"
    before = await lake.estimate(sql)
    engine = lake.config.engines[0]
    assert engine.kind == "lake"
    catalog = SqlCatalog("lake", uri=engine.uri.get_secret_value(), warehouse=engine.warehouse)
    table = catalog.load_table("market.nodes")
    table.append(table.scan().to_arrow())
    catalog.close()
    assert (await lake.estimate(sql)).bytes == before.bytes  # nobody told this worker yet
    lake.pricing.heard(
        msgspec.structs.replace(usage_records.finished("w"), tables=(("lake.market.nodes", "insert", ()),))
    )
    after = await lake.estimate(sql)
    assert after.bytes.likely > before.bytes.likely
    assert after.basis != before.basis


@pytest.mark.asyncio
async def test_explain_tells_the_price_beside_its_text_and_explain_policy_as_rows(lake: Priced) -> None:
    sql = f"SELECT id FROM ticks WHERE {DAY}"
    explained = await lake.price(f"EXPLAIN {sql}")
    plain = await lake.market.plan(f"EXPLAIN {sql}")
    assert explained.plan.answer == plain.plan.answer
    assert explained.warnings[0].startswith("Estimate (upper bound): USD 0.0")
    assert explained.estimate is None
    policies = await lake.price(f"EXPLAIN POLICY {sql}")
    assert policies.plan.answer is not None
    costs = [row for row in policies.plan.answer.rows if row[2] == "costs"]
    assert [row[3] for row in costs] == list(explained.warnings)
    assert {len(row) for row in policies.plan.answer.rows} == {len(policies.plan.answer.columns)}


@pytest.mark.asyncio
async def test_a_price_says_nothing_of_what_policies_hide(lake: Priced) -> None:
    for sql in ("EXPLAIN SELECT * FROM ticks", "EXPLAIN POLICY SELECT * FROM ticks"):
        told = await lake.price(sql, "tom")
        rows = told.plan.answer.rows if told.plan.answer is not None else ()
        text = json.dumps([*told.warnings, *rows])
        assert "Estimate (" in text
        assert "SECRET_NODE" not in text
        assert "note" not in text


@pytest.mark.asyncio
async def test_a_command_prices_without_a_gateway(lake: Priced) -> None:
    asked: Received = lake.market.ask("SELECT id FROM ticks")
    found = (await estimate_offline(lake.config, lake.market.grounds, asked)).estimate
    assert found is not None
    assert found.bytes == (await lake.estimate("SELECT id FROM ticks")).bytes
