"""What is refused by its estimate alone, where the configuration says that estimates are held to."""

from __future__ import annotations

from gateway.coaching.model import NO_ADVICE, Advice
from gateway.coaching.refusals import not_estimable, over_cap
from gateway.config.pricing import Pricing as Settings
from policies.cost.estimate import Estimate


def hold_to(settings: Settings, estimate: Estimate, query_id: str, advice: Advice = NO_ADVICE) -> None:
    """Refuse what has no estimate, or makes more rows than one operator may. Raises Refusal QUERY_REJECTED."""
    if settings.mode != "enforce":
        return
    if estimate.kind == "unknown" and settings.unestimable != "allow":
        raise not_estimable(estimate, advice, query_id=query_id)
    if estimate.kind == "bounded by table size" and settings.unestimable == "refuse":
        raise not_estimable(estimate, advice, query_id=query_id)
    if settings.widest_rows is not None and estimate.widest.rows.low > settings.widest_rows:
        raise over_cap("pricing.widest_rows", "rows", settings.widest_rows, estimate, advice, query_id=query_id)
