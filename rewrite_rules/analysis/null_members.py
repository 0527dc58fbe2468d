"""NULL among the constants that a value is compared with, of which Trino 476 makes something of its own.

See `catalog.null_constants`. Other engines answer what SQL says, so that what differs is not asked of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlglot import exp

from catalog.null_constants import may_be_null
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.analysis.failures import unsupported

_COUNTED = {*INTEGRAL, "date", "decimal", "timestamp", "time"}
_ELSEWHERE = "is not supported on ClickHouse or the embedded lake"


def check_members(value: exp.Expr, items: Sequence[exp.Expr]) -> None:
    """Raise Refusal NOT_SUPPORTED where NULL may be among the constants that a value is compared with."""
    odd = next(filter(may_be_null, items), None)
    if odd is None:
        return
    kind: TrinoType | None = value.meta.get("type")
    others = {item for item in items if not may_be_null(item)}
    if (kind is None or kind.base in _COUNTED) and _without_gap(others):
        raise unsupported(f"NULL in a list of values, which Trino takes for one of them, {_ELSEWHERE}", odd)


def _without_gap(items: Collection[exp.Expr]) -> bool:
    """Tell whether several values may follow one another; only of whole numbers as they are written it is known."""
    known = {int(number) for item in items if (number := item.sql()).removeprefix("-").isdecimal()}
    if len(known) < len(items):
        return len(items) > 1
    return len(known) > 1 and max(known) - min(known) == len(known) - 1


def check_alternatives(chain: exp.Expr) -> None:
    """Do the same for `a = 1 OR a = 2 OR a = NULL`, which is a list to Trino."""
    found: dict[exp.Expr, list[exp.Expr]] = {}
    for value, item in _equalities(chain):
        found.setdefault(value, []).append(item)
    for value, items in found.items():
        check_members(value, items)


def _equalities(chain: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    for term in chain.flatten():
        if isinstance(term, exp.In) and not term.args.get("query"):
            yield from ((term.this.unnest(), item) for item in term.expressions)
        elif isinstance(term, exp.EQ):
            sides = term.this.unnest(), term.expression.unnest()
            yield sides if sides[0].find(exp.Column) else sides[::-1]
