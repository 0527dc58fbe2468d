"""The gate: what is refused, what runs with a warning, what a statement may read, and what is charged in the end."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.statistics import Interval
from gateway.budgets.overrides import Override
from gateway.demo.ports import free_port
from gateway.events import BudgetRefused, OverrideUsed
from gateway.models import Plan
from policies.cost.estimate import Estimate
from policies.index import PolicySet
from tests.budgets.gate_world import MB, estimate, gate_world
from tests.policies.asking import Hands, load

DAY = "2027-01-01T12:00:00+00:00"
PASS, WARN, REFUSE = "pass", "warn", "refuse"
INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let policies read the real clock: the ledger's store has that too."""
    monkeypatch.setattr(Hands, "__call__", lambda _: time.time())


def cap(fields: str) -> str:
    return f"caps: [{{id: c, roles: all, {fields}}}]"


def budget(fields: str, each: str = "user", ident: str = "b") -> str:
    return f"{{id: {ident}, roles: all, each: {each}, period: month, {fields}}}"


EXPLODING = {"fix": "join them ON a column that both have"}
CAPS: list[tuple[str, Estimate | None, str, str]] = [
    ("bytes: 10 MB", estimate((1 * MB, 5 * MB, 9 * MB)), PASS, ""),
    ("bytes: 10 MB", estimate((10 * MB, 10 * MB, 10 * MB)), PASS, ""),
    ("bytes: 10 MB", estimate((1 * MB, 11 * MB, 12 * MB)), WARN, "likely takes 11 MB"),
    ("bytes: 10 MB", estimate((10 * MB + 1, 11 * MB, 12 * MB)), REFUSE, "takes at least 10 MB; cap c allows 10 MB"),
    ("bytes: 0", estimate((0, 0, 0)), PASS, ""),
    ("bytes: 0", estimate((1, 1, 1)), REFUSE, "cap c allows 0 B"),
    ("usd: '0.01'", estimate((4e9, 4e9, 5e9)), REFUSE, "takes at least USD 0.02; cap c allows USD 0.01"),
    ("usd: '0.01'", estimate((1e9, 4e9, 5e9)), WARN, "likely takes USD 0.02"),
    ("usd: '0.01'", estimate((1e9, 1.5e9, 5e9)), PASS, ""),
    ("rows: 1000", estimate((1, 1, 1), (1, 500, 1000)), PASS, ""),
    ("rows: 1000", estimate((1, 1, 1), (1001, 1001, 1001)), REFUSE, "takes at least 1,000 rows"),
    ("rows: 1000", estimate((1, 1, 1), (1, 5000, 10**6)), WARN, "likely takes 5,000 rows"),
    ("rows: 1000", estimate((1, 1, 1), (1, 5000, 10**6), **EXPLODING), REFUSE, "likely takes 5,000 rows"),
    ("rows: 1000", estimate((1, 1, 1), (1, 5, INF), **EXPLODING), REFUSE, "rows without bound in the join of orders"),
    ("rows: 1000", estimate((1, 1, 1), (1, INF, INF), **EXPLODING), REFUSE, "Fix: join them ON a column"),
    ("rows: 1000", estimate((1, 1, 1), (1, 5, INF)), PASS, ""),
    ("seconds: 60", estimate((1, 1, 1), seconds=61), WARN, "likely takes 61 s"),
    ("seconds: 60", estimate((1, 1, 1), seconds=60), PASS, ""),
    ("bytes: 10 MB, mode: observe", estimate((11 * MB, 11 * MB, 11 * MB)), WARN, "cap c allows 10 MB a query."),
    ("bytes: 10 MB", None, WARN, "an unknown number of bytes"),
    ("bytes: 10 MB", estimate((NAN, NAN, NAN)), WARN, "cap c allows 10 MB"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("fields", "found", "outcome", "says"), CAPS)
async def test_a_cap_refuses_by_the_lower_bound_and_warns_by_the_median(
    fields: str, found: Estimate | None, outcome: str, says: str, tmp_path: Path
) -> None:
    async with gate_world(tmp_path, cap(fields)) as world:
        if outcome == REFUSE:
            with pytest.raises(Refusal) as refused:
                await world.ask(found)
            assert refused.value.code is ErrorCode.QUERY_REJECTED
            assert says in refused.value.message[:200]
            assert "penstock budget override c" in refused.value.message
            assert [type(each) for each in world.told] == [BudgetRefused]
        else:
            _, planned = await world.ask(found)
            assert bool(planned.warnings) is (outcome == WARN), planned.warnings
            assert says in " ".join(planned.warnings)


@pytest.mark.asyncio
async def test_an_engine_is_told_to_stop_at_the_least_of_all_limits(tmp_path: Path) -> None:
    text = cap("bytes: 10 MB") + f"\nbudgets: [{budget('bytes: 20 MB')}]"
    async with gate_world(tmp_path, text) as world:
        wide, _ = await world.ask(estimate((1, 8 * MB, 10 * MB)))
        assert world.gate.cap(wide) == 10 * MB
        narrow, _ = await world.ask(estimate((1, MB, 8 * MB)))
        assert world.gate.cap(narrow) == 5 * MB  # what the first one does not hold
    text = "caps: [{id: c, roles: all, usd: '0.01'}, {id: d, roles: all, bytes: 0}, {id: e, roles: all, rows: 5}]"
    async with gate_world(tmp_path, text) as world:
        query, _ = await world.ask(estimate((0, 0, 1)))
        assert world.gate.cap(query) == 0
    async with gate_world(tmp_path, cap("usd: '0.01'")) as world:
        query, _ = await world.ask(estimate((1, 1, 1)))
        assert world.gate.cap(query) == 2 * 10**9
        world.gate.release(query)
        assert world.gate.cap(query) is None


@pytest.mark.asyncio
async def test_only_a_lower_bound_above_what_is_left_refuses(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 100 MB')}]") as world:
        first, planned = await world.ask(estimate((40 * MB, 50 * MB, 60 * MB)))
        assert not planned.warnings
        second, planned = await world.ask(estimate((5 * MB, 30 * MB, 40 * MB)))
        assert "This query likely takes 30 MB; budget b (ann) has 10 MB left until " in planned.warnings[0]
        assert world.gate.cap(second) == 10 * MB
        with pytest.raises(Refusal) as refused:
            await world.ask(estimate((11 * MB, 30 * MB, 40 * MB)))
        text = refused.value.message
        assert "takes at least 11 MB; budget b (ann) has 0 B left" in text[:200]
        assert "used 0 B, reserved by running queries 100 MB" in text
        assert world.told == [BudgetRefused("b", "budget", "bytes")]
        assert world.end(first, 20 * MB)[0].charged == 20 * MB
        world.end(second, 10 * MB)
        await world.ask(estimate((70 * MB, 70 * MB, 70 * MB)))


@pytest.mark.asyncio
async def test_nobody_is_refused_for_what_a_statement_holds_that_is_over_and_only_to_be_settled(
    tmp_path: Path,
) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 100 MB')}]") as world:
        first, _ = await world.ask(estimate((90 * MB, 90 * MB, 90 * MB)))
        ended = [first]

        async def settled() -> bool:
            if ended:
                world.end(ended.pop(), 10 * MB)
                return True
            return False

        world.gate.meet(settled)
        await world.ask(estimate((60 * MB, 60 * MB, 60 * MB)))
        assert world.told == []
        with pytest.raises(Refusal, match="used 10 MB, reserved by running queries 90 MB"):
            await world.ask(estimate((60 * MB, 60 * MB, 60 * MB)))


@pytest.mark.asyncio
async def test_where_nothing_is_left_only_what_is_free_runs(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('usd: 0')}]") as world:
        await world.ask(estimate((0, 0, 0)))
        with pytest.raises(Refusal, match=r"likely takes USD 0\.0000050; budget b"):
            await world.ask(estimate((0, MB, 2 * MB)))


@pytest.mark.asyncio
async def test_what_learning_takes_for_free_is_not_where_nothing_is_left(tmp_path: Path) -> None:
    learnt = replace(estimate((0, 0, 0)), kind="calibrated", raw=Interval(0, MB, 2 * MB))
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 5 MB')}]") as world:
        query, _ = await world.ask(learnt)
        world.end(query, 5 * MB)
        with pytest.raises(Refusal, match="has 0 B left"):
            await world.ask(learnt)
        await world.ask(replace(learnt, bytes=Interval(0, 0, 4096), raw=Interval(0, 0, 0)))


@pytest.mark.asyncio
async def test_what_the_gateways_own_tables_answer_ends_at_a_caps_seconds_and_costs_nothing(tmp_path: Path) -> None:
    now = [0.0]
    limits = f"{cap('seconds: 3, bytes: 0, usd: 0, rows: 0')}\nbudgets: [{budget('usd: 0')}]"
    lifting = override(limit_id="c", kind="cap", holder="bob", amount=None)
    async with gate_world(tmp_path, limits, [lifting], monotonic=lambda: now[0]) as world:
        own = Plan("SELECT", "engine", "system", sql="SELECT 1", fingerprint="f1")
        query, _ = await world.ask(None, plan=own)
        lifted, _ = await world.ask(None, "bob", plan=own)
        assert (world.gate.cap(query), world.gate.watch(query, 0)) == (None, None)
        now[0] = 3.5
        stopped = world.gate.watch(query, 0)
        assert stopped is not None
        assert stopped.code is ErrorCode.EXCEEDED_TIME_LIMIT
        assert world.gate.watch(lifted, 0) is None
        assert world.end(query, 0) == ()


@pytest.mark.asyncio
async def test_what_reads_nothing_asks_no_budget(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('usd: 0')}]") as world:
        for plan in (Plan("SHOW TABLES", "local"), Plan("SELECT", "engine", "system")):
            query, _ = await world.ask(None, plan=plan)
            assert world.gate.cap(query) is None
            assert world.end(query, 0) == ()


@pytest.mark.asyncio
@pytest.mark.parametrize("found", [None, estimate((NAN, NAN, NAN)), estimate((0, INF, INF))])
async def test_what_cannot_be_estimated_holds_all_that_is_left_and_no_more(
    found: Estimate | None, tmp_path: Path
) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 100 MB')}]") as world:
        query, planned = await world.ask(found)
        assert "has 100 MB left" in planned.warnings[0]
        assert world.gate.cap(query) == 100 * MB
        with pytest.raises(Refusal, match="has 0 B left"):
            await world.ask(found)
        world.end(query, 30 * MB)
        again, _ = await world.ask(found)
        assert world.gate.cap(again) == 70 * MB


@pytest.mark.asyncio
async def test_two_of_a_desk_share_and_the_tightest_budget_is_named(tmp_path: Path) -> None:
    text = f"budgets: [{budget('bytes: 1 GB', ident='wide')}, {budget('bytes: 10 MB', 'desk', 'desk')}]"
    async with gate_world(tmp_path, text) as world:
        query, _ = await world.ask(estimate((8 * MB, 8 * MB, 8 * MB)), "ann", desk="power")
        charges = world.end(query, 8 * MB)
        assert [each.account.partition("/")[0] for each in charges] == ["desk", "wide"]
        with pytest.raises(Refusal, match=r"budget desk \(power\) has 2 MB left"):
            await world.ask(estimate((8 * MB, 8 * MB, 8 * MB)), "bob", desk="power")
        await world.ask(estimate((8 * MB, 8 * MB, 8 * MB)), "bob", desk="gas")


@pytest.mark.asyncio
async def test_beyond_its_soft_limit_a_budget_warns(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 100 MB, soft: 0.5')}]") as world:
        query, planned = await world.ask(estimate((40 * MB, 40 * MB, 40 * MB)))
        assert not planned.warnings
        world.end(query, 40 * MB)
        _, planned = await world.ask(estimate((11 * MB, 11 * MB, 11 * MB)))
        assert "Budget b (ann) has spent 40 MB of 100 MB; it begins anew at" in planned.warnings[0]


@pytest.mark.asyncio
async def test_an_observing_budget_warns_counts_and_stops_nothing(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 10 MB, mode: observe')}]") as world:
        query, planned = await world.ask(estimate((80 * MB, 80 * MB, INF)))
        assert "likely takes 80 MB; budget b (ann) has 10 MB left" in planned.warnings[0]
        assert world.gate.cap(query) is None
        assert world.gate.watch(query, 10**12) is None
        assert world.end(query, 70 * MB)[0].charged == 70 * MB


@pytest.mark.asyncio
async def test_while_the_store_is_away_a_budget_that_only_observes_refuses_nobody(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    observing, enforced = budget("usd: 1, mode: observe"), budget("usd: 1", ident="e")
    async with gate_world(tmp_path, f"budgets: [{observing}]", store_url=nowhere) as world:
        query, _ = await world.ask(estimate((1, 1, 1)))
        assert world.end(query, 1) == ()
    async with gate_world(tmp_path, f"budgets: [{observing}, {enforced}]", store_url=nowhere) as world:
        with pytest.raises(Refusal) as refused:
            await world.ask(estimate((1, 1, 1)))
        assert refused.value.code is ErrorCode.SERVER_STARTING_UP


def policies(limit: str) -> PolicySet:
    return load(f"budgets: [{budget(f'bytes: {limit}')}]")


@pytest.mark.asyncio
async def test_a_changed_limit_acts_at_once_and_lowered_below_the_spent_nothing_is_left(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 10 MB')}]") as world:
        query, _ = await world.ask(estimate((8 * MB, 8 * MB, 8 * MB)))
        world.end(query, 8 * MB)
        world.policies(policies("5 MB"))
        with pytest.raises(Refusal, match="has 0 B left"):
            await world.ask(estimate((1, 1, 1)))
        world.policies(policies("20 MB"))
        await world.ask(estimate((8 * MB, 8 * MB, 8 * MB)))


@pytest.mark.asyncio
@pytest.mark.parametrize("overrun", [0.0, 0.5])
async def test_what_reads_beyond_its_hold_goes_on_while_there_is_room_and_is_stopped_at_the_stated_limit(
    overrun: float, tmp_path: Path
) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 100 MB')}]", overrun=overrun) as world:
        query, _ = await world.ask(estimate((MB, 80 * MB, 90 * MB)))
        most = int(100 * MB * (1 + overrun))
        assert world.gate.cap(query) == most
        assert world.gate.watch(query, most) is None
        stopped = world.gate.watch(query, most + 1)
        assert stopped is not None
        assert stopped.code is ErrorCode.EXCEEDED_SCAN_LIMIT
        assert "budget b (ann) had 100 MB for it" in stopped.message
        assert world.told == [BudgetRefused("b", "budget", "bytes", stopped=True)]
        assert world.end(query, most + 1)[0].charged == most + 1
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 100 MB')}]", overrun=overrun) as world:
        query, _ = await world.ask(estimate((MB, 2 * MB, 2 * MB)))
        assert world.gate.watch(query, int(3 * MB * (1 + overrun)) + MB) is None


@pytest.mark.asyncio
async def test_a_statement_ends_at_the_caps_bytes_and_seconds(tmp_path: Path) -> None:
    now = [100.0]
    async with gate_world(tmp_path, cap("bytes: 10 MB, seconds: 60"), monotonic=lambda: now[0]) as world:
        query, _ = await world.ask(estimate((1, 1, 1)))
        assert world.gate.watch(query, 10 * MB) is None
        beyond = world.gate.watch(query, 10 * MB + 1)
        assert beyond is not None
        assert (beyond.code, "cap c allows 10 MB" in beyond.message) == (ErrorCode.EXCEEDED_SCAN_LIMIT, True)
        now[0] += 61
        late = world.gate.watch(query, 1)
        assert late is not None
        assert (late.code, "cap c" in late.message) == (ErrorCode.EXCEEDED_TIME_LIMIT, True)


def override(**changes: object) -> Override:
    now = time.time()
    made = Override("o1", "b", "budget", "bytes", "ann", None, 50 * MB, "close", "stella", now - 1, now + 3600)
    return replace(made, **changes)  # type: ignore[arg-type]  # the words of a test


WANTED = estimate((20 * MB, 20 * MB, 20 * MB))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("made", "who", "passes"),
    [
        (override(), {}, True),
        (override(amount=None), {}, True),
        (override(amount=10 * MB), {}, False),
        (override(holder="bob"), {}, False),
        (override(fingerprint="f1"), {}, True),
        (override(fingerprint="f2"), {}, False),
        (override(holder=None, fingerprint="f1"), {}, True),
        (override(limit_id="other"), {}, False),
        (override(kind="cap"), {}, False),
        (override(unit="usd", amount=10**12), {}, False),
        (override(approver="ann"), {}, False),
        (override(approver="boss"), {"authenticated": "boss"}, False),
    ],
)
async def test_an_override_serves_whom_it_names_and_never_its_approver(
    made: Override, who: dict[str, str], passes: bool, tmp_path: Path
) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 10 MB')}]", [made]) as world:
        if not passes:
            with pytest.raises(Refusal, match="has 10 MB left"):
                await world.ask(WANTED, **who)
            return
        query, _ = await world.ask(WANTED, **who)
        assert [(each.kind, each.subject) for each in world.noted] == [("budget.override.used", "o1")]
        assert world.told == [OverrideUsed("b")]
        (charge,) = world.end(query, 20 * MB)
        assert charge.account == f"b/{made.holder or ''}/bytes/override-o1"


@pytest.mark.asyncio
async def test_an_override_is_spent_to_its_end_and_leaves_the_budget_alone(tmp_path: Path) -> None:
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 10 MB')}]", [override(amount=30 * MB)]) as world:
        small, _ = await world.ask(estimate((8 * MB, 8 * MB, 8 * MB)))
        assert not world.noted  # the budget itself has it
        world.end(small, 8 * MB)
        large, _ = await world.ask(WANTED)
        world.end(large, 20 * MB)
        with pytest.raises(Refusal, match="has 2 MB left"):
            await world.ask(WANTED)
        await world.ask(estimate((2 * MB, 2 * MB, 2 * MB)))


@pytest.mark.asyncio
async def test_what_runs_on_an_override_keeps_what_it_holds_at_its_end_and_gets_no_more(tmp_path: Path) -> None:
    approved = [override(amount=100 * MB)]
    async with gate_world(tmp_path, f"budgets: [{budget('bytes: 10 MB')}]", approved) as world:
        first, _ = await world.ask(WANTED)
        second, _ = await world.ask(WANTED)
        assert (world.gate.cap(first), world.gate.cap(second)) == (30 * MB, 30 * MB)
        assert world.gate.watch(first, 31 * MB) is None, "the override has room still"
        approved.clear()  # it has ended, or expired
        assert world.gate.watch(second, 30 * MB) is None
        stopped = world.gate.watch(second, 31 * MB)
        assert stopped is not None
        assert (stopped.code, "had 30 MB for it" in stopped.message) == (ErrorCode.EXCEEDED_SCAN_LIMIT, True)
        with pytest.raises(Refusal, match="has 10 MB left"):
            await world.ask(WANTED)


@pytest.mark.asyncio
async def test_an_override_lifts_a_cap_whole(tmp_path: Path) -> None:
    lifted = override(limit_id="c", kind="cap", amount=None)
    async with gate_world(tmp_path, cap("bytes: 10 MB, seconds: 1"), [lifted]) as world:
        query, planned = await world.ask(WANTED)
        assert (planned.warnings, world.gate.cap(query)) == ((), None)
        assert [each.subject for each in world.noted] == ["o1"]
        with pytest.raises(Refusal):
            await world.ask(WANTED, "bob")


@pytest.mark.asyncio
async def test_a_warm_statement_is_admitted_within_the_hot_paths_time(tmp_path: Path) -> None:
    text = f"budgets: [{budget('usd: 1000')}, {budget('usd: 9000', 'desk', 'd')}]\n" + cap("bytes: 10 GB")
    async with gate_world(tmp_path, text) as world:
        found = estimate((1000, 1000, 1000))
        for _ in range(40):
            query, _ = await world.ask(found)
            world.end(query, 10)
        took = []
        for _ in range(400):
            begin = time.perf_counter()
            query, _ = await world.ask(found)
            took.append(time.perf_counter() - begin)
            world.end(query, 10)
        assert sorted(took)[len(took) // 2] < 200e-6
