"""Views prepared once, and found again among many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlglot import exp

from catalog.materialized_views import Freshness, State
from rewrite_rules.substitution.flatten import fingerprint, flatten
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.prepare import Prepared, prepare, renewed
from tests.rewrite_rules.substitution.ground import GROUND, Policy, name, typed
from tests.rewrite_rules.substitution.views import prepared, view

HUB_HOUR = (
    "SELECT iso, hub, date_trunc('hour', ts) AS h, count(*) AS n, sum(lmp) AS s_lmp "
    "FROM lmp_prices GROUP BY iso, hub, date_trunc('hour', ts)"
)
JOINED = (
    "SELECT b.region, t.side, sum(t.qty) AS q, count(*) AS n "
    "FROM trades t JOIN books b ON t.book_id = b.book_id GROUP BY b.region, t.side"
)
WINDOW = "SELECT trade_id, desk, row_number() OVER (PARTITION BY desk ORDER BY trade_id) AS rn FROM trades"
UNION = "SELECT node, 'price' AS src FROM lmp_prices UNION SELECT node, 'trade' AS src FROM trades"


def index(*views: Prepared) -> ViewIndex:
    return ViewIndex(views, GROUND)


def candidates(sql: str, *views: Prepared) -> list[str]:
    found = index(*views).candidates(flatten(typed(sql), GROUND))
    return [each.view.name.table for each in found]


def exact(sql: str, *views: Prepared, **policies: Policy) -> list[str]:
    found = index(*views).by_fingerprint(fingerprint(typed(sql, policies=policies), GROUND))
    return [each.view.name.table for each in found]


def test_a_view_shows_its_columns_over_base_columns() -> None:
    found = prepared(HUB_HOUR)
    assert found.why is None
    assert [each.column for each in found.shown] == ["iso", "hub", "h", "n", "s_lmp"]
    assert found.shown[2].output.value.sql("trino") == """DATE_TRUNC('hour', "t0"."ts")"""
    assert found.tables == {name("lmp_prices")}


def test_a_state_says_over_base_columns_what_it_was_made_from() -> None:
    sql = (
        "SELECT p.iso, max_by(p.lmp, p.ts) AS last FROM lmp_prices p JOIN iso_node_mapping m "
        "ON m.iso = p.iso AND m.node = p.node WHERE p.lmp > 0 GROUP BY p.iso"
    )
    found = prepared(sql, states=(State("last", "argMax", ("p.lmp", "ts")),))
    assert found.why is None
    assert [each.column for each in found.shown] == ["iso"]
    (kept,) = found.kept
    assert [each.sql("trino") for each in kept.arguments] == ['"t0"."lmp"', '"t0"."ts"']
    assert [each.meta["type"].base for each in kept.arguments] == ["decimal", "timestamp"]


@pytest.mark.parametrize(
    ("sql", "condition", "words"),
    [
        ("SELECT iso FROM lmp_prices WHERE ts < CAST(now() AS timestamp(6))", 9, "clock"),
        ("SELECT iso, random() AS r FROM lmp_prices", 9, "chance"),
        ("SELECT iso, current_user AS u FROM lmp_prices", 9, "session"),
        ("SELECT iso FROM lmp_prices TABLESAMPLE BERNOULLI (10)", 9, "chance"),
        ("SELECT node FROM rt_feed WHERE ts > TIMESTAMP '2024-03-09 00:00:00'", 9, "time zone"),
        ("SELECT node, CAST(trade_ts AS timestamp(6) with time zone) AS z FROM trades", 9, "time zone"),
        ("SELECT node, to_unixtime(trade_ts) AS u FROM trades", 9, "time zone"),
        ("SELECT node, date(from_unixtime(qty)) AS u FROM trades", 9, "time zone"),
        ("SELECT f.node FROM rt_feed f JOIN trades t ON f.ts = t.trade_ts", 9, "time zone"),
        ("SELECT node, coalesce(ts, TIMESTAMP '2024-01-01 00:00:00') AS u FROM rt_feed", 9, "time zone"),
        ("SELECT node, trade_ts AT TIME ZONE 'UTC' AS u FROM trades", 9, "time zone"),
        ("SELECT node FROM rt_feed WHERE ts BETWEEN DATE '2024-01-01' AND DATE '2024-01-02'", 9, "time zone"),
        ("SELECT node, date_diff('day', trade_ts, now()) AS u FROM trades", 9, "clock"),
    ],
)
def test_a_definition_that_means_something_else_elsewhere_is_used_for_nobody(
    sql: str, condition: int, words: str
) -> None:
    found = prepared(sql)
    assert found.why is not None
    assert words in found.why
    assert found.condition == condition
    assert index(found).unusable(found.tables) == (found,), "whoever reads its tables can be told"
    assert index(found).unusable([name("books")]) == ()
    assert exact(sql, found) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT node, date_trunc('hour', ts) AS h FROM rt_feed",
        "SELECT node FROM rt_feed WHERE ts > TIMESTAMP '2024-03-09 00:00:00 UTC'",
        "SELECT node, date(ts AT TIME ZONE 'America/Chicago') AS d FROM rt_feed",
        "SELECT node FROM trades WHERE trade_ts >= DATE '2024-03-09'",
    ],
)
def test_a_definition_that_names_its_zones_may_be_used(sql: str) -> None:
    assert prepared(sql).why is None


def test_what_is_kept_wrongly_or_lost_is_used_for_nobody() -> None:
    good = view(HUB_HOUR)
    under = replace(good, definition=replace(good.definition, built_under=("desk_gas",)))
    assert (prepare(under, GROUND).condition, prepare(good, GROUND).why) == (12, None)
    for bad in (replace(good, quarantined="differs"), replace(good, freshness=Freshness({}, lost="TTL"))):
        assert prepare(bad, GROUND).condition == 11
    narrow = replace(good, table=replace(good.table, columns=good.table.columns[1:]))
    assert "iso" in str(prepare(narrow, GROUND).why)
    unknown = replace(good, definition=replace(good.definition, sql="SELECT a FROM nowhere"))
    assert "not known" in str(prepare(unknown, GROUND).why)
    wrong = replace(good, definition=replace(good.definition, sql="SELECT nothing FROM lmp_prices"))
    assert "refused" in str(prepare(wrong, GROUND).why)


def test_a_view_prepared_again_keeps_its_form_unless_it_may_not_be_used_any_more() -> None:
    first = prepared(HUB_HOUR)
    fresh = replace(first.view, freshness=Freshness({name("lmp_prices"): "7"}), rows=9)
    again = renewed(first, fresh, GROUND)
    assert again.view is fresh
    assert again.block is first.block
    lost = renewed(again, replace(fresh, freshness=Freshness({}, lost="a dropped partition")), GROUND)
    assert lost.why is not None
    assert renewed(lost, fresh, GROUND).why is None
    assert renewed(first, replace(fresh, quarantined="differs"), GROUND).why is not None


def test_a_candidate_has_the_tables_and_the_columns_that_a_query_needs() -> None:
    views = [prepared(HUB_HOUR, called="hub"), prepared(JOINED, called="joined")]
    assert candidates("SELECT iso, sum(lmp) FROM lmp_prices WHERE ts > DATE '2024-01-01' GROUP BY 1", *views) == ["hub"]
    assert candidates("SELECT iso, sum(mw) FROM lmp_prices GROUP BY 1", *views) == []
    assert candidates("SELECT iso, count(*) FROM lmp_prices WHERE node = 'N1' GROUP BY 1", *views) == []
    assert candidates("SELECT node, count(*) FROM lmp_prices WHERE node = iso GROUP BY 1", *views) == ["hub"], (
        "a column that is equal to another may be had from it"
    )
    fixed = prepared("SELECT iso, count(*) AS n FROM lmp_prices WHERE node = 'N1' GROUP BY iso", called="one")
    assert candidates("SELECT node, count(*) FROM lmp_prices WHERE node = 'N1' GROUP BY 1", fixed) == ["one"], (
        "the view's own condition says its value"
    )
    assert candidates("SELECT side, count(trader) FROM trades GROUP BY side", *views) == ["joined"], (
        "a column without NULL is counted by counting rows, and books may be proved to change nothing"
    )
    assert candidates("SELECT count(*) FROM desks", *views) == []


def test_the_nearest_views_are_told_with_the_columns_that_they_lack() -> None:
    views = [
        prepared(JOINED, called="joined"),
        prepared("SELECT iso, count(*) AS n FROM lmp_prices GROUP BY iso", called="far"),
    ]
    block = flatten(typed("SELECT iso, hub, sum(mw) FROM lmp_prices GROUP BY 1, 2"), GROUND)
    near = index(prepared(HUB_HOUR, called="hub"), *views).nearest(block, 5)
    assert [(each.view.name.table, lacking) for each, lacking in near] == [("hub", ("mw",)), ("far", ("hub", "mw"))]


def test_only_views_over_the_tables_of_a_query_concern_it() -> None:
    found = index(prepared(HUB_HOUR))
    assert found.over([name("trades"), name("lmp_prices")])
    assert not found.over([name("trades")])


def test_odd_shapes_are_answered_by_their_text_however_it_is_spelled() -> None:
    views = [prepared(WINDOW, called="window"), prepared(UNION, called="both")]
    assert exact(
        "select TRADE_ID , desk, row_number() over (partition by DESK order by trade_id) x -- y\nfrom trades z", *views
    ) == ["window"]
    assert exact(UNION.replace("AS src", "AS s"), *views) == ["both"]
    assert exact(UNION.replace("UNION", "UNION ALL"), *views) == []
    assert exact(UNION.replace("'trade'", "'TRADE'"), *views) == []
    assert exact(WINDOW.replace("trade_id) AS", "trade_id DESC) AS"), *views) == []
    assert candidates("SELECT trade_id, desk FROM trades", *views) == [], "only that very text"


LATERAL = "SELECT {0}.qty, l.x FROM trades {0} CROSS JOIN LATERAL (SELECT {1}(b.book) AS x FROM books b WHERE b.book_id = {0}.book_id) l"
RECURSIVE = "WITH RECURSIVE r(k) AS (SELECT min(book_id) FROM books UNION ALL SELECT k + 1 FROM r{0} WHERE k < {1}) SELECT k FROM r"
ORDINALITY = (
    "SELECT {0}.trader, u.n FROM traders {0} CROSS JOIN UNNEST(split({0}.email, '@')) WITH ORDINALITY AS u(part, n)"
)
FILTERED = (
    "SELECT w.qty, d.region FROM (SELECT * FROM trades WHERE side = '{0}') w FULL JOIN desks d ON w.desk = d.desk"
)
LIMITED = "SELECT desk FROM trades UNION ALL SELECT desk FROM desks ORDER BY desk LIMIT {0}"


@pytest.mark.parametrize(
    ("sql", "again", "another", "table"),
    [
        (LATERAL.format("t", "max"), LATERAL.format("Z", "MAX"), LATERAL.format("t", "min"), "books"),
        (RECURSIVE.format("", 5), RECURSIVE.format(" AS r2", 5), RECURSIVE.format("", 6), "books"),
        (
            ORDINALITY.format("t"),
            ORDINALITY.format("other"),
            ORDINALITY.format("t").replace("u.n", "u.part"),
            "traders",
        ),
        (
            FILTERED.format("BUY"),
            FILTERED.format("BUY").lower().replace("'buy'", "'BUY'"),
            FILTERED.format("buy"),
            "trades",
        ),
        (LIMITED.format(3), f"{LIMITED.format(3)} -- three", LIMITED.format(4), "trades"),
    ],
)
def test_what_has_no_canonical_form_is_answered_by_its_text(sql: str, again: str, another: str, table: str) -> None:
    view = prepared(sql, called="strange")
    assert exact(sql, view) == exact(again, view) == ["strange"]
    assert exact(another, view) == []
    assert exact(sql, view, **{table: Policy("1 = 0")}) == []
    assert exact(sql.replace(f"FROM {table}", f"FROM {table} FOR VERSION AS OF 3", 1), view) == []


def test_a_star_over_fewer_columns_is_another_text() -> None:
    sql = "SELECT * FROM (SELECT * FROM desks WHERE region = 'E') d FULL JOIN books b ON b.book = d.head"
    view = prepared(
        f"SELECT head, book, region2 FROM ({sql.replace('SELECT *', 'SELECT d.*, b.book, b.region AS region2', 1)}) x",
        called="narrow",
    )
    asked = (
        f"SELECT head, book, region2 FROM ({sql.replace('SELECT *', 'SELECT d.*, b.book, b.region AS region2', 1)}) y"
    )
    assert exact(asked, view) == ["narrow"]
    assert exact(asked, view, desks=Policy(masks={"region": "'E'"})) == []
    assert exact(asked, view, books=Policy(deny=("book_id",))) == []


def test_a_policy_makes_another_text() -> None:
    views = [prepared(WINDOW, called="window")]
    assert exact(WINDOW, *views, trades=Policy(deny=("price",))) == ["window"]
    assert exact(WINDOW, *views, trades=Policy("desk = 'gas'")) == []
    assert exact(WINDOW, *views, trades=Policy(masks={"desk": "'x'"})) == []
    filtered = [prepared(f"{WINDOW} WHERE desk = 'gas'", called="gas")]
    assert exact(WINDOW, *filtered, trades=Policy("desk = 'gas'")) == ["gas"], "it is the definition after policy"


def test_limits_and_time_travel_are_part_of_a_text() -> None:
    top = [prepared("SELECT trade_id, qty FROM trades ORDER BY trade_id LIMIT 10", called="top")]
    assert exact("SELECT trade_id, qty FROM trades ORDER BY trade_id LIMIT 10", *top) == ["top"]
    for other in (
        "SELECT trade_id, qty FROM trades ORDER BY trade_id LIMIT 11",
        "SELECT trade_id, qty FROM trades ORDER BY qty LIMIT 10",
        "SELECT trade_id, qty FROM trades ORDER BY trade_id",
        "SELECT trade_id, qty FROM trades FOR VERSION AS OF 3 ORDER BY trade_id LIMIT 10",
        "SELECT trade_id, qty FROM trades WHERE desk = 'power' ORDER BY trade_id LIMIT 10",
    ):
        assert exact(other, *top) == []


def test_states_have_no_text_for_no_column_holds_the_answer() -> None:
    sql = "SELECT iso, approx_percentile(mw, 0.5e0) AS p FROM lmp_prices GROUP BY iso"
    assert exact(sql, prepared(sql, states=(State("p", "quantileTDigest", ("mw",)),))) == []
    assert exact(sql, prepared(sql)) == ["mv"]


def test_a_column_of_a_prepared_block_is_one_of_a_base_table() -> None:
    found = prepared(JOINED)
    aliases = {each.alias for each in found.block.occurrences}
    values = [each.output.value for each in found.shown]
    assert all(node.table in aliases for value in values for node in value.find_all(exp.Column))
