"""What a query asks of its groups: its keys and its aggregates, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.calls import is_aggregate
from rewrite_rules.substitution.tops import sort_keys


def asked_of_groups(block: Block) -> list[exp.Expr]:
    """Return the aggregate calls of a block, in outputs, HAVING and ORDER BY; the functions of windows are none."""
    values = [*(each.value for each in block.outputs), *block.having, *sort_keys(block)]
    return [call for value in values for call in _calls(value)]


def _calls(value: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(value, exp.Query):
        return
    if is_aggregate(value):
        yield value
        return
    for child in value.iter_expressions():
        if isinstance(value, exp.Window) and child is value.this:
            for inner in child.iter_expressions():
                yield from _calls(inner)
        else:
            yield from _calls(child)
