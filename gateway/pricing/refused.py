"""A plan that came to nothing because of what it would cost."""

from __future__ import annotations

from catalog.errors import Refusal
from gateway.models import NotPlanned, Planned


def refused(planned: Planned, refusal: Refusal, stage: str) -> NotPlanned:
    """Return the refusal of a planned statement, with all that its usage row says of the plan."""
    plan, note = planned.plan, planned.plan.noted()
    return NotPlanned(
        refusal,
        stage,
        planned.stage_ms,
        fingerprint=plan.fingerprint,
        kind=plan.kind,
        tables=plan.tables,
        policies=note.policies,
        policy_version=plan.policy_version,
        depends_on=plan.depends_on,
        estimate=planned.estimate,
    )
