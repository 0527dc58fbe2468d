"""Lists of constants that a value is compared with, of which Trino 476 makes something of its own.

NULL among values without a gap counts as one of them, see `catalog.null_constants`; and -0.0 is not 0.0 to a list of
reals. Other engines answer what SQL says, so that what differs is not asked of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlglot import exp

from catalog.null_constants import may_be_null
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.analysis.failures import unsupported

_COUNTED = {*INTEGRAL, "date", "decimal", "timestamp", "time"}
_ELSEWHERE = "is not supported on ClickHouse or the embedded lake"


def check_list(value: exp.Expr, items: Sequence[exp.Expr]) -> None:
    """Check `value IN (items)`. Raises Refusal NOT_SUPPORTED where Trino's answer is not SQL's."""
    kind: TrinoType | None = value.meta.get("type")
    if kind is not None and kind.base == "real" and len(items) > 1 and any(map(_may_be_zero, items)):
        what = f"Zero in a list of reals, in which Trino tells 0.0 from -0.0, {_ELSEWHERE}"
        raise unsupported(what, items[0], hint="Cast the value to double.")
    odd = next(filter(may_be_null, items), None)
    if odd is None:
        return
    others = {item for item in items if not may_be_null(item)}
    if (kind is None or kind.base in _COUNTED) and _without_gap(others):
        what = f"NULL in a list of values, which Trino takes for one of them, {_ELSEWHERE}"
        raise unsupported(what, odd, hint="Leave it out, and ask for rows without a value by IS NULL.")


def _may_be_zero(item: exp.Expr) -> bool:
    while isinstance(item, exp.Paren | exp.Neg | exp.Cast):
        item = item.this
    if isinstance(item, exp.Literal):
        try:
            return float(item.name) == 0
        except ValueError:
            return False
    return not isinstance(item, exp.Null)


def _without_gap(items: Collection[exp.Expr]) -> bool:
    """Tell whether several values may follow one another; only of whole numbers as they are written it is known."""
    known = {int(number) for item in items if (number := item.sql()).removeprefix("-").isdecimal()}
    if len(known) < len(items):
        return len(items) > 1
    return len(known) > 1 and max(known) - min(known) == len(known) - 1


def check_alternatives(chain: exp.Expr) -> None:
    """Check `a = 1 OR a = 2 OR a IN (3, 4)`, which is a list to Trino. Raises Refusal NOT_SUPPORTED."""
    found: dict[exp.Expr, list[exp.Expr]] = {}
    for value, item in _equalities(chain):
        found.setdefault(value, []).append(item)
    for value, items in found.items():
        check_list(value, items)


def _equalities(chain: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    for term in chain.flatten():
        if isinstance(term, exp.In) and not term.args.get("query"):
            yield from ((term.this.unnest(), item) for item in term.expressions)
        elif isinstance(term, exp.EQ):
            sides = term.this.unnest(), term.expression.unnest()
            yield sides if sides[0].find(exp.Column) else sides[::-1]
