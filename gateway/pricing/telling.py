"""Tell an estimate where a statement is explained: beside EXPLAIN's own text, and as rows of EXPLAIN POLICY."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from gateway.coaching.telling import price_lines
from gateway.models import Planned
from policies.cost.estimate import Estimate


def told_of(planned: Planned, estimate: Estimate | None) -> Planned:
    """Return an explanation that says what the statement which it explains would cost.

    Text that clients parse stays as it is: there the estimate rides beside it, as warnings of the protocol.
    """
    if estimate is None:
        return planned
    lines = tuple(price_lines(estimate))
    answer = planned.plan.answer
    if planned.plan.kind != "EXPLAIN POLICY" or answer is None:
        return msgspec.structs.replace(planned, warnings=(*planned.warnings, *lines))
    width = len(answer.columns)
    rows = tuple((None, None, "costs", line, *(None,) * (width - 4)) for line in lines)
    plan = replace(planned.plan, answer=replace(answer, rows=(*answer.rows, *rows)))
    return msgspec.structs.replace(planned, plan=plan)
