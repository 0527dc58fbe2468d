"""Trees that planning is done with are freed without the collector."""

from __future__ import annotations

import asyncio
import gc

from sqlglot import exp

from catalog.dialect.parse import parse_query
from gateway.planning.spent_trees import let_go

SQL = "SELECT a, (SELECT max(of_a_spent_tree) FROM t) FROM u WHERE c IN (1, 2)"


def alive() -> bool:
    """Tell whether a node of the tree is in memory, as the collector sees it."""
    return any(isinstance(each, exp.Column) and each.name == "of_a_spent_tree" for each in gc.get_objects())


def test_a_spent_tree_is_freed_when_the_loop_turns_though_the_collector_sleeps() -> None:
    asyncio.run(_free())


async def _free() -> None:
    gc.disable()
    try:
        tree = parse_query(SQL)
        let_go(tree)
        del tree
        assert alive()
        await asyncio.sleep(0)
        assert not alive()
    finally:
        gc.enable()


def test_in_a_thread_it_is_freed_at_once() -> None:
    tree = parse_query(SQL)
    let_go(tree)
    assert all(node.parent is None for node in tree.walk())
