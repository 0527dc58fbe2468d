"""What is told of answers from materialized views: to the client in a warning, and in the usage row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.models import Answered, NotPlanned, Plan, Planned, Rewritten
from rewrite_rules.substitution.model import Miss

_MOST_MISSES = 5


def warning(plan: Plan, rewritten: Rewritten) -> str:
    """Return what a client is told; who may not read all that a view holds is not told which it was."""
    told = [str(view) for view in rewritten.views if view in plan.views_told]
    named = "a materialized view" if len(told) < len(rewritten.views) else f"materialized view {' and '.join(told)}"
    return f"answered from {named} ({rewritten.grade}, {_age(rewritten)})"


def _age(rewritten: Rewritten) -> str:
    if rewritten.versions:
        return "up to date"
    built = datetime.fromtimestamp(rewritten.built_at, UTC)
    return f"as of {built:%Y-%m-%d %H:%M:%S} UTC"


def misses_told(plan: Plan) -> tuple[Miss, ...]:
    """Return why views do not answer, of views that the caller may know of."""
    return tuple(miss for miss in plan.misses if miss.view in plan.views_told)


def shown(misses: Iterable[Miss]) -> tuple[str, ...]:
    """Return misses as lines for a person."""
    return tuple(f"{miss.view}: {miss.text}" + (f" {_sentence(miss.fix)}" if miss.fix else "") for miss in misses)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")


def answered(planned: Planned | NotPlanned | None) -> Answered | None:
    """Return what a usage row says; None where no view has to do with the statement."""
    if not isinstance(planned, Planned):
        return None
    used = planned.rewritten
    if used is not None:
        return Answered(
            views=tuple(map(str, used.views)),
            grade=used.grade,
            certificate=used.certificate_id,
            base_tables=tuple(map(str, used.base_tables)),
        )
    if not planned.fallback and not planned.plan.misses:
        return None
    return Answered(fallback=planned.fallback, missed=shown(planned.plan.misses[:_MOST_MISSES]))
