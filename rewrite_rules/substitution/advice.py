"""What to change in a view so that it keeps what an aggregate is made from."""

from __future__ import annotations

from sqlglot import exp

from rewrite_rules.substitution.aggregates import is_made_from_keys, is_made_from_parts
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.calls import Call, take_apart
from rewrite_rules.substitution.misses import columns_of, shown

_STATES = {"approx_distinct": "uniq", "approx_percentile": "quantileTDigest", "max_by": "argMax", "min_by": "argMin"}


def for_aggregate(node: exp.Expr, query: Block) -> str:
    """Return what to add to a view of groups so that an aggregate can be merged, or what view to build instead."""
    found = take_apart(node)
    columns = ", ".join(dict.fromkeys(each.name for each in columns_of([node])))
    kept = _kept(node, found, query) if found is not None else None
    if kept is not None:
        return f"add {kept} to the view's measures"
    if found is not None and is_made_from_parts(found) and found.name not in _STATES:
        return f"add {shown(node, query)} to the view's measures"
    if found is not None and is_made_from_keys(found):
        return f"add {columns} to the view's keys"
    return f"build a view of rows that shows {columns}" if columns else "build a view of rows"


def _kept(node: exp.Expr, found: Call, query: Block) -> str | None:
    """Return what a view has to keep where that is not the aggregate itself; None where it is, or nothing helps."""
    if found.name == "avg" and not found.distinct:
        text = shown(node, query)
        return " and ".join(text.replace("avg(", f"{name}(", 1) for name in ("sum", "count"))
    if not found.arguments or found.condition is not None:
        return None
    texts = [shown(each, query) for each in found.arguments]
    if found.name == "count" and found.distinct:
        return f"a state uniqExact({texts[0]})"
    state = None if found.distinct else _STATES.get(found.name)
    return f"a state {state}({', '.join(texts[: 2 if state.startswith('arg') else 1])})" if state is not None else None
