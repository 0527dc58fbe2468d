"""Buckets and expressions over moments, for tests: read from text over one table of moments."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Bound
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from rewrite_rules.analysis import analyze_expression
from rewrite_rules.substitution.buckets import Bucket, bucket
from rewrite_rules.substitution.making import column

MOMENTS = Table(
    TableName("m", "s", "t"),
    (
        Column("ts", parse_type("timestamp(6)")),
        Column("ms", parse_type("timestamp(3)")),
        Column("dt", parse_type("date")),
        Column("tz", parse_type("timestamp(6) with time zone")),
        Column("hub", parse_type("varchar")),
    ),
    "trino",
)


def read(text: str) -> exp.Expr:
    """Read an expression over the moments and note its types."""
    tree = parse_expression(text)
    try:
        tree.meta["type"] = analyze_expression(tree, MOMENTS)
    except Refusal as refusal:  # an aggregate, which has its types all the same
        if refusal.code is not ErrorCode.EXPRESSION_NOT_SCALAR:
            raise
    return tree


def bucketed(
    value: str, *, shown: str = "h", conditions: Sequence[str] = (), low: str | None = None, high: str | None = None
) -> Bucket | None:
    """Read a view's key; `low` and `high` bound what the view's column holds."""
    tree = read(value)
    kind = tree.meta["type"]
    bound = Bound(shown, low, high) if low or high else None
    return bucket(tree, column("v", shown, kind), conditions=[read(text) for text in conditions], bound=bound)
