"""Have DuckDB say what it understands a statement to read, by its own parser: its tables, and functions that read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb

from catalog.objects import TableName
from engines.lake.reading import leaf_of
from engines.reads import Read, Reads, Unanswered

_HARMLESS = frozenset({"unnest", "range", "generate_series", "generate_subscripts"})
"""Functions that give rows of their arguments alone."""


def read_statement(cursor: duckdb.DuckDBPyConnection, sql: str, tables: Iterable[TableName]) -> Reads:
    """Read DuckDB's tree of a query. Raises Unanswered where it gives none."""
    given = cursor.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(given[0]) if given else {}
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        raise Unanswered(f"DuckDB cannot show the query: {tree.get('error_type')}")
    known = {str(name): name for name in tables}
    nodes = list(_nodes(tree["statements"]))
    named = {each["key"] for node in nodes for each in node.get("cte_map", {}).get("map", [])}
    reads, foreign = [], []
    for node in nodes:
        if node.get("type") == "BASE_TABLE":
            name = str(node.get("table_name"))
            if node.get("schema_name") or node.get("catalog_name"):
                foreign.append(f"the table {name}")
            elif name not in named:
                leaf = leaf_of(name, known)
                if leaf is None:
                    foreign.append(f"the table {name}")
                else:
                    reads.append(Read(leaf.table))
        elif node.get("type") == "TABLE_FUNCTION" and (name := _function(node)) not in _HARMLESS:
            foreign.append(name)
    return Reads(tuple(reads), tuple(foreign))


def _function(node: Mapping[str, Any]) -> str:
    function = node.get("function")
    return str(function.get("function_name")).lower() if isinstance(function, dict) else "unknown"


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Yield all nodes of a tree; it may be deep, so the walk keeps its own stack."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack += node.values()
        elif isinstance(node, list):
            stack += node
