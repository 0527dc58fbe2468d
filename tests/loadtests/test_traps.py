"""The grammar of traps: the same queries for a seed, every one of them a query, each template filled."""

from __future__ import annotations

import itertools
import re

import pytest

from catalog.dialect.parse import parse_query
from gateway.compare.client import Answer, Number
from loadtests.traps.__main__ import within
from loadtests.traps.grammar import COLUMNS, each_column, templates
from loadtests.traps.places import joins, places
from loadtests.traps.queries import drawn, of_rows, systematic
from tests.loadtests.test_benchmarks import run

SECTIONS = ("scalar", "aggregate", "window")


def test_a_seed_draws_the_same_queries_each_time_and_another_seed_others() -> None:
    assert list(drawn(1, 50)) == list(drawn(1, 50))
    assert [each.sql for each in drawn(1, 50)] != [each.sql for each in drawn(2, 50)]
    assert list(joins(1, 50)) == list(joins(1, 50))


def test_queries_drawn_and_systematic_ones_are_queries() -> None:
    some = (itertools.islice(every, 0, None, 60) for every in (systematic(1), places()))
    for query in itertools.chain(drawn(3, 60), joins(3, 60), *some):
        assert "{" not in query.sql.replace("{t}", "")
        parse_query(query.sql.replace("{t}", "memory.truth.trap"))


@pytest.mark.parametrize("section", SECTIONS)
def test_each_template_is_filled_with_each_column_of_its_kinds(section: str) -> None:
    wanted = sum(sum(len(COLUMNS[kind]) for kind in each.first[1]) or 1 for each in templates(section))
    assert len(list(each_column(section, 1))) == wanted > len(templates(section))


def test_an_order_is_compared_only_where_it_is_total() -> None:
    assert of_rows("a", "b").ordered
    ends = [query for query in drawn(1, 400) if "WITH TIES" in query.sql]
    assert ends
    assert not any(query.ordered for query in ends)


def test_numbers_may_part_as_far_as_a_query_says_of_itself_and_no_further() -> None:
    columns: list[dict[str, object]] = [{"name": "val", "type": "double"}]
    one, other = (Answer(columns, [[Number(text)]]) for text in ("159.66150087745086", "159.66150090000000"))
    assert within(1e-8, one, other)
    assert not within(1e-10, one, other)
    assert not within(0.0, one, other)
    assert not within(1e-8, one, Answer([{"name": "val", "type": "real"}], other.rows))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_path_answers_drawn_queries_as_trino_does_or_refuses() -> None:
    last = run("loadtests.traps", "--groups", "drawn,joins", "--count", "150", "--seed", "7")[-1]
    assert re.fullmatch(r"equal=[1-9]\d* refused=\d+ wrong=0 n=\d+", last), last


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_each_type_in_each_place_is_answered_as_by_trino_or_refused() -> None:
    options = ("--groups", "places", "--paths", "lake,clickhouse", "--users", "reader")
    last = run("loadtests.traps", *options)[-1]
    assert re.fullmatch(r"equal=[1-9]\d* refused=\d+ wrong=0 n=\d+", last), last
