"""Sameness: what tells whether a governed text still means the tree it was written from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.dialect.sameness import same

QUERIES = (
    "SELECT \"a\", b AS \"B\" FROM t WHERE x IN (1, 2) AND y = 'it''s'",
    "SELECT count(DISTINCT a) FILTER (WHERE b > 1) OVER (PARTITION BY c ORDER BY d) FROM t",
    "WITH q AS (SELECT 1 AS n) SELECT n[1], CAST(n AS decimal(10, 2)) FROM q LEFT JOIN r USING (n) LIMIT 3",
    "SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1 DESC NULLS FIRST OFFSET 2",
)


@pytest.mark.parametrize("sql", QUERIES)
def test_a_text_read_twice_is_the_same(sql: str) -> None:
    assert same(parse_query(sql), parse_query(sql))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t", "SELECT b FROM t"),
        ("SELECT a FROM t", 'SELECT "A" FROM t'),
        ("SELECT 'a' FROM t", "SELECT 'A' FROM t"),
        ("SELECT 1 FROM t", "SELECT '1' FROM t"),
        ("SELECT a FROM t", "SELECT a FROM t WHERE b"),
        ("SELECT a FROM t WHERE b", "SELECT a FROM t"),
        ("SELECT a FROM t", "SELECT DISTINCT a FROM t"),
        ("SELECT a, b FROM t", "SELECT a FROM t"),
        ("SELECT a FROM t JOIN u ON c", "SELECT a FROM t LEFT JOIN u ON c"),
        ("SELECT a FROM t UNION SELECT a FROM t", "SELECT a FROM t UNION ALL SELECT a FROM t"),
        ("SELECT a - (b - c) FROM t", "SELECT a - b - c FROM t"),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC"),
        ("SELECT CAST(a AS varchar(3)) FROM t", "SELECT CAST(a AS varchar(4)) FROM t"),
        ("SELECT f(a) FROM t", "SELECT f(a, b) FROM t"),
    ],
)
def test_another_meaning_is_not_the_same(one: str, other: str) -> None:
    assert not same(parse_query(one), parse_query(other))
    assert not same(parse_query(other), parse_query(one))


@given(st.sampled_from(QUERIES), st.data())
def test_one_changed_node_anywhere_is_seen(sql: str, data: st.DataObject) -> None:
    tree, changed = parse_query(sql), parse_query(sql)
    nodes = [node for node in changed.walk() if node.parent is not None]
    node = nodes[data.draw(st.integers(0, len(nodes) - 1))]
    node.replace(exp.Var(this="another"))
    assert not same(tree, changed)
    assert not same(changed, tree)
