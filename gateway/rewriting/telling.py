"""What is told of answers from materialized views: to the client in a warning, and in the usage row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.models import NotPlanned, Plan, Planned, Rewritten
from gateway.usage_record import Answered
from rewrite_rules.substitution.model import Miss

_MOST_MISSES = 5


def warning(plan: Plan, rewritten: Rewritten) -> str:
    """Return what a client is told; who may not read all that a view holds is not told which it was."""
    told = [str(view) for view in rewritten.views if view in plan.views_told]
    named = "a materialized view" if len(told) < len(rewritten.views) else f"materialized view {' and '.join(told)}"
    return f"answered from {named} ({rewritten.grade}, {_age(rewritten)})"


def _age(rewritten: Rewritten) -> str:
    if rewritten.certificate.travelled:
        return "of the very version asked for"
    if rewritten.expires is None:
        return "up to date"
    built = datetime.fromtimestamp(rewritten.built_at, UTC)
    return f"as of {built:%Y-%m-%d %H:%M:%S} UTC"


def explained(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return (view, what it has to do with a statement) for whom it was planned, without running anything."""
    found = [(str(miss.view), _said(miss)) for miss in misses_told(plan)[:_MOST_MISSES]]
    used = plan.rewritten
    if used is None:
        return tuple(found)
    about = f"It answers the statement ({used.grade}) while its base is as it was when it was filled."
    beside = ", ".join(map(str, used.base_tables))
    about += f" Beside it is read: {beside}." if beside else ""
    return (*((str(view) if view in plan.views_told else "", about) for view in used.views), *found)


def for_stewards(plan: Plan) -> dict[str, object]:
    """Return all about views in a plan."""
    used = plan.rewritten
    told: dict[str, object] = {"misses": list(shown(plan.misses))}
    if used is None:
        return told
    return told | {
        "answered_by": [str(view) for view in used.views],
        "grade": used.grade,
        "certificate": used.certificate_id,
        "engine": used.plan.engine,
        "engine_sql": used.plan.sql,
        "scans": [f"{view}: {sql}" for view, sql in used.scans],
        "base_tables": [str(name) for name in used.base_tables],
        "versions": {str(name): version for name, version in used.versions.items()},
    }


def misses_told(plan: Plan) -> tuple[Miss, ...]:
    """Return why views do not answer, of views that the caller may know of."""
    return tuple(miss for miss in plan.misses if miss.view in plan.views_told)


def shown(misses: Iterable[Miss]) -> tuple[str, ...]:
    """Return misses as lines for a person."""
    return tuple(f"{miss.view}: {_said(miss)}" for miss in misses)


def _said(miss: Miss) -> str:
    return _sentence(miss.text) + (f" {_sentence(miss.fix)}" if miss.fix else "")


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
