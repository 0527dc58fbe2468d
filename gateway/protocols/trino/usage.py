"""Make a statement's one usage row from what the door knows of it."""

from __future__ import annotations

from typing import Literal

from gateway.asked import asked_once
from gateway.models import PlanNote
from gateway.pricing.priced import priced
from gateway.protocols.trino.ports import NotPlanned, Planned
from gateway.protocols.trino.running import RunningQuery
from gateway.rewriting.telling import answered
from gateway.usage_record import Outcome, Priced, UsageRecord


def usage_record(query: RunningQuery, outcome: Outcome, now: float, elapsed_ms: float) -> UsageRecord:
    """Return the row; `now` in Unix seconds."""
    received, planned, plan = query.received, query.planned, query.plan
    principal, session = received.principal, received.session
    refused = planned if isinstance(planned, NotPlanned) else None
    note = _note(query)
    return UsageRecord(
        query_id=received.query_id,
        received_at=received.received_at,
        finished_at=now,
        outcome=outcome,
        user=principal.user,
        authenticated=principal.authenticated,
        auth_method=principal.method,
        roles=tuple(sorted(principal.roles)),
        source=session.source,
        client_tags=session.client_tags,
        client_address=session.remote_address,
        trace_token=session.trace_token,
        sql=received.sql,
        kind=plan.kind if plan else (refused.kind if refused else ""),
        fingerprint=planned.fingerprint if planned else "",
        tables=note.tables,
        policies=note.policies,
        policy_version=plan.policy_version if plan else (refused.policy_version if refused else ""),
        decision=_decision(query),
        reasons=note.reasons,
        engine=plan.engine if plan else None,
        engine_query_id=query.engine_query_id,
        plan_cached=isinstance(planned, Planned) and planned.cached,
        stage_ms=_stages(query, elapsed_ms),
        rows=query.rows,
        bytes=query.size,
        error_code=query.error_code,
        error_message=query.error_message,
        scanned_bytes=query.scanned,
        client_info=session.client_info,
        exposures=note.exposures,
        asked=asked_once(principal, session),
        priced=_priced(planned),
        bill=query.bill,
        rewritten=answered(planned),
    )


def _priced(planned: Planned | NotPlanned | None) -> Priced | None:
    if planned is None:
        return None
    return priced(planned.estimate, saved_bytes=planned.saved_bytes if isinstance(planned, Planned) else 0)


def _note(query: RunningQuery) -> PlanNote:
    if query.plan is not None:
        return query.plan.noted()
    if not isinstance(query.planned, NotPlanned):
        return PlanNote()
    tables = tuple((str(table.name), table.action, table.columns) for table in query.planned.tables)
    return PlanNote(tables, query.planned.policies)


def _decision(query: RunningQuery) -> Literal["allow", "refuse", "none"]:
    if query.plan is not None:
        return "allow"
    return "refuse" if isinstance(query.planned, NotPlanned) else "none"


def _stages(query: RunningQuery, elapsed_ms: float) -> dict[str, float]:
    """Add to planning's own stages: handing over, waiting for the first rows, streaming them."""
    stages = dict(query.planned.stage_ms) if query.planned else {}
    if query.engine is not None:
        stages["submit"] = query.submit_ms
        first = query.first_page_ms if query.first_page_ms is not None else elapsed_ms
        stages["execute"] = max(0.0, first - sum(stages.values()))
        stages["stream"] = max(0.0, elapsed_ms - first)
    return stages
