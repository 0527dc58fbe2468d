"""Why a view that lacks columns does not answer: told from the columns, without laying the view over the query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from rewrite_rules.substitution import advice
from rewrite_rules.substitution.blocks import Block, Condition
from rewrite_rules.substitution.calls import is_aggregate
from rewrite_rules.substitution.misses import Lack, columns_of, is_masked, mask_needs, shown


def lacks_of(missing: Sequence[str], query: Block, *, grouped: bool) -> tuple[Lack, ...]:
    """Return what a view lacks that has none of the `missing` columns; `grouped` says that it keeps groups."""
    what = "keys" if grouped else "columns"
    return tuple(dict.fromkeys((*_filters(set(missing), query, what), *_values(set(missing), query, what))))


def _filters(missing: set[str], query: Block, what: str) -> Iterator[Lack]:
    for condition in (*query.conditions, *_joined_on(query)):
        names = _needed(condition.value, missing)
        if not names:
            continue
        if condition.policed:
            yield Lack(12, "policy", f"a row filter of policy needs what the view's {what} do not tell")
        elif is_masked(condition.value):
            yield mask_needs(what)
        else:
            text = f"{shown(condition.value, query)} cannot be told from the view's {what}"
            yield Lack(2, "filter", text, f"add {', '.join(names)} to the view's {what}")


def _joined_on(query: Block) -> Iterator[Condition]:
    for each in query.occurrences:
        yield from (Condition(on, policed=any(on is one for one in each.guarded)) for on in each.on)


def _values(missing: set[str], query: Block, what: str) -> Iterator[Lack]:
    """Tell the keys and aggregates of a query of groups that are missing, or the columns of a query of rows."""
    calls = [call for value in (*(o.value for o in query.outputs), *query.having) for call in _calls(value)]
    plain = [output.value for output in query.outputs] if query.keys is None else [*query.keys]
    for value, is_call in (*((each, False) for each in plain), *((each, True) for each in calls)):
        names = _needed(value, missing)
        if not names:
            continue
        text = shown(value, query)
        if is_masked(value):
            yield mask_needs(what)
        elif is_call and what == "keys":
            fix = advice.for_aggregate(value, query)
            yield Lack(3, "measure", f"{text} cannot be merged from what the view keeps", fix)
        else:
            fix = ", ".join(names) if is_call else text
            yield Lack(
                3,
                "measure" if is_call else "key",
                f"{text} cannot be computed from the view's {what}",
                f"add {fix} to the view's {what}",
            )


def _calls(value: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the aggregates in a value, the outermost ones."""
    if is_aggregate(value):
        yield value
        return
    for child in value.iter_expressions():
        yield from _calls(child)


def _needed(value: exp.Expr, missing: set[str]) -> list[str]:
    return [name for name in dict.fromkeys(column.name for column in columns_of([value])) if name in missing]
