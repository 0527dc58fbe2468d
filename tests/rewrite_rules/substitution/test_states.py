"""Which states a view keeps answer which aggregates: the same values, the same family, nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.dialect.generate import generate
from catalog.materialized_views import Freshness, State, Watermark
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.ground import GROUND, name, typed
from tests.rewrite_rules.substitution.views import view

VIEW = """
SELECT iso, date_trunc('day', ts) AS d, array_agg(DISTINCT node) FILTER (WHERE node IS NOT NULL) AS nodes,
  array_agg(CAST(lmp AS double)) FILTER (WHERE lmp IS NOT NULL) AS prices,
  array_agg(mw) FILTER (WHERE mw IS NOT NULL) AS loads
FROM lmp_prices GROUP BY 1, 2
"""
STATES = (
    State("nodes", "uniqExact", ("node",)),
    State("prices", "quantileTDigest", ("CAST(lmp AS double)",)),
    State("loads", "quantileExact", ("mw",)),
)


def scan_of(aggregate: str, min_grade: str = "approximate") -> str:
    """Return the text of the scan that answers an aggregate; empty where none does."""
    versions = {name("lmp_prices"): "1"}
    current = replace(
        view(VIEW, states=STATES), freshness=Freshness(versions), watermark=Watermark(versions, built_at=0.0)
    )
    index = ViewIndex([prepare(current, GROUND)], GROUND)
    query = typed(f"SELECT iso, {aggregate} AS a FROM lmp_prices GROUP BY iso")
    found = substitute(query, index, GROUND, Terms(min_grade=min_grade))  # type: ignore[arg-type]  # the words of a test
    return generate(found.rewritings[0].scans[0].tree) if found.rewritings else ""


@pytest.mark.parametrize(
    ("aggregate", "merged"),
    [
        ("count(DISTINCT node)", 'merge("v"."nodes")'),
        ("approx_distinct(node)", 'merge("v"."nodes")'),
        ("approx_percentile(mw, 0.95)", 'merge("v"."loads")'),
        ("approx_percentile(CAST(lmp AS double), 0.95)", 'merge("v"."prices")'),
        ("approx_percentile(lmp, 0.95)", 'merge("v"."prices")'),
    ],
)
def test_a_state_of_just_these_values_is_merged(aggregate: str, merged: str) -> None:
    assert merged in scan_of(aggregate).replace("$", "").replace('"merge"', "merge")


@pytest.mark.parametrize(
    "aggregate",
    [
        "count(DISTINCT hub)",
        "approx_percentile(loss, 0.95)",
        "approx_percentile(lmp + 1, 0.95)",
        "approx_percentile(CAST(mw AS double), 0.95)",
        "approx_percentile(mw, 0.95, 0.01)",
        "approx_percentile(mw, 2, 0.95)",
        "approx_distinct(lmp)",
    ],
)
def test_a_state_of_other_values_is_not(aggregate: str) -> None:
    assert scan_of(aggregate) == ""


@pytest.mark.parametrize(
    ("aggregate", "merged"),
    [
        ("count(DISTINCT node) FILTER (WHERE iso = 'A')", "CASE WHEN v.iso = 'A' THEN v.nodes END"),
        ("count(DISTINCT CASE WHEN iso = 'A' THEN node END)", "CASE WHEN v.iso = 'A' THEN v.nodes END"),
        ("approx_distinct(if(iso = 'A', node))", "CASE WHEN v.iso = 'A' THEN v.nodes END"),
        ("approx_percentile(CASE WHEN iso <> 'A' THEN mw END, 0.5)", "CASE WHEN v.iso <> 'A' THEN v.loads END"),
    ],
)
def test_a_condition_on_keys_chooses_the_states_that_are_merged(aggregate: str, merged: str) -> None:
    assert f"$merge({merged})" in scan_of(aggregate).replace('"', "")


@pytest.mark.parametrize(
    "aggregate",
    [
        "count(DISTINCT node) FILTER (WHERE mw > 5)",
        "count(DISTINCT CASE WHEN iso = 'A' THEN node ELSE 'none' END)",
        "count(DISTINCT CASE WHEN iso = 'A' THEN hub END)",
        "approx_percentile(CASE WHEN ts > TIMESTAMP '2024-03-08 10:30:00' THEN mw END, 0.5)",
    ],
)
def test_a_condition_that_keys_do_not_tell_chooses_no_states(aggregate: str) -> None:
    assert scan_of(aggregate) == ""


@pytest.mark.parametrize("aggregate", ["approx_percentile(lmp, 0.95)", "approx_distinct(node)"])
def test_sketches_answer_only_who_takes_them(aggregate: str) -> None:
    assert scan_of(aggregate, "float") == ""
