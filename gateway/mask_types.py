"""Type what policies say, and hold masks against what their engine can say: both when a table is first seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.objects import Table
from catalog.types import TrinoType
from gateway.planning.route import translate_for
from policies.expressions import TypeOf
from rewrite_rules.analysis import AnalysisContext, analyze, analyze_expression
from rewrite_rules.resolve import resolve


@dataclass(frozen=True, slots=True)
class TypesOn:
    """Types expressions of policies on the engines of the tables; data, so that it travels to other processes."""

    kinds: Mapping[str, str]
    """Engine name to kind."""

    def __call__(self, tree: exp.Expr, table: Table) -> TrinoType:
        """Return an expression's type. Raises Refusal."""
        found = analyze_expression(tree, table)
        kind = self.kinds.get(table.engine, "trino")
        # A mask is a cast to its column's type. What else a policy says is checked where a statement meets it.
        if kind in ("clickhouse", "lake") and isinstance(tree, exp.Cast):
            _translate(tree, table, kind)
        return found


def types_on(kinds: Mapping[str, str]) -> TypeOf:
    """Return what types expressions of policies, given the kinds of engines by their names."""
    return TypesOn(kinds)


def _translate(mask: exp.Expr, table: Table, kind: str) -> None:
    """Translate a query that shows the mask. Raises Refusal where the engine cannot say it."""
    name = ".".join('"' + part.replace('"', '""') + '"' for part in table.name)
    tree = parse_query(f"SELECT {generate(mask)} AS shown FROM {name}")  # noqa: S608  (it is parsed, not run)
    resolve(tree, table.name.catalog, table.name.schema)
    known = {table.name: table}
    analyze(tree, AnalysisContext(table.name.catalog, table.name.schema, known, strict=True, user="policy"))
    for leaf in tree.find_all(exp.Table):
        leaf.meta["table"] = table.name
    translate_for(kind, tree, known, "UTC")
