"""Plan EXPLAIN POLICY: what policies make of a statement, for the caller himself; nothing is run.

A user learns how he meets what he may know of: no condition, no literal, no rule, and not whether a name is withheld or
does not exist. Who may manage the policies of every table that the statement touches, or is a steward, is shown it all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.types import VARCHAR
from engines.base import OutputColumn
from gateway.metadata.layouts import is_system
from gateway.models import LocalAnswer, Plan, TableAccess
from gateway.planning import prepared
from gateway.planning.context import Planning
from gateway.planning.finding import VERBS
from gateway.planning.session import local
from gateway.rewriting.telling import explained, shown
from gateway.simulation.policy_sets import Noting, noting
from gateway.simulation.reasons import Because, bars_of, reasons_of
from policies.account import secretless
from policies.decisions import Action
from policies.index import PolicySet

PlanInner = Callable[[st.Statement, Planning], Awaitable[Plan]]
Row = tuple[str | None, ...]
_FAILS = frozenset({ErrorCode.SYNTAX_ERROR, ErrorCode.GENERIC_INTERNAL_ERROR, ErrorCode.SERVER_STARTING_UP})
"""What no policy has to do with: the explanation itself fails then."""
_HEADINGS = ("Table", "Column", "Effect", "Reason")
_MORE_HEADINGS = (*_HEADINGS, "Rule", "SQL")


async def plan_explain_policy(statement: st.ExplainPolicy, planning: Planning, plan_inner: PlanInner) -> Plan:
    """Plan EXPLAIN POLICY. Raises Refusal for what cannot be read; what policies refuse is an answer."""
    policies = planning.policies
    if isinstance(statement.statement, st.ExplainPolicy) or not isinstance(policies, PolicySet):
        what = f"EXPLAIN POLICY of {statement.statement.kind} is not supported"
        raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=Location(1, 1))
    watched = noting(policies)
    within = replace(planning, policies=watched)
    found: Plan | Refusal
    try:
        found = await plan_inner(prepared.unwrap(statement.statement, within), within)
    except Refusal as refusal:
        if refusal.code in _FAILS:
            raise
        found = refusal
    if _may_see_all(planning, policies, watched, found):
        answer = _answer(_MORE_HEADINGS, _for_keepers(policies, watched, found))
    else:
        answer = _answer(_HEADINGS, _for_users(policies, watched, found))
    return replace(answer, explained=found) if isinstance(found, Plan) else answer


def _answer(headings: tuple[str, ...], rows: Iterator[Row]) -> Plan:
    columns = tuple(OutputColumn(heading, VARCHAR) for heading in headings)
    return local("EXPLAIN POLICY", answer=LocalAnswer(columns, tuple(dict.fromkeys(rows))))


def _may_see_all(planning: Planning, policies: PolicySet, watched: Noting, found: Plan | Refusal) -> bool:
    """Tell whether the caller keeps the policies of all that was looked up, existing or not."""
    if "steward" in policies.admin_roles_of(planning.subject):
        return True
    names = {
        *planning.depends_on,
        *(name for _, _, name in watched.asked.tables),
        *(n for _, n in watched.asked.managed),
    }
    names |= {access.name for access in found.tables} if isinstance(found, Plan) else set()
    return bool(names) and all(policies.may_manage(planning.subject, name) for name in names)


def _for_keepers(policies: PolicySet, watched: Noting, found: Plan | Refusal) -> Iterator[Row]:
    """Yield every reason with its rule and SQL, the governed statement first."""
    if isinstance(found, Refusal):
        yield (None, None, "refuses", f"{found.code.name}: {found.text}", None, None)
        reasons = bars_of(policies, watched.asked)
    else:
        if found.governed_sql is not None:
            text = "This is what the statement becomes."
            yield (None, None, "governed", text, None, secretless(found.governed_sql))
        yield from _views_for_keepers(found)
        reasons = reasons_of(policies, watched.asked, found)
    for each in reasons:
        yield from _row(each)


def _views_for_keepers(plan: Plan) -> Iterator[Row]:
    used = plan.rewritten
    for view, sql in used.scans if used is not None else ():
        text = f"It answers the statement ({used.grade}), by certificate {used.certificate_id}." if used else ""
        yield (str(view), None, "answers", text, None, secretless(sql))
    for miss, line in zip(plan.misses, shown(plan.misses), strict=True):
        yield (str(miss.view), None, "passes over", line.partition(": ")[2], None, None)


def _row(each: Because) -> Iterator[Row]:
    for column in each.columns or (None,):
        yield (each.table or None, column, each.effect, each.text, each.rule or None, each.sql or None)


def _for_users(policies: PolicySet, watched: Noting, found: Plan | Refusal) -> Iterator[Row]:
    if isinstance(found, Refusal):
        yield (None, None, "refuses", found.text)
        yield from _to_ask_for(policies, watched)
        return
    if found.reveal is not None:
        yield (None, None, "limits", "Whether a token may be turned back is decided when it is asked for.")
        return
    if found.route == "local":
        yield (None, None, "allows", "The gateway answers this itself, from what you may know.")
    for access in found.tables:
        yield from _met(policies, watched, access)
    for view, text in explained(found):
        yield (view or None, None, "answers" if text.startswith("It answers") else "passes over", text)


def _to_ask_for(policies: PolicySet, watched: Noting) -> Iterator[Row]:
    """Name what is missing on tables that the caller may read, and so may know of; nothing of any other."""
    for (subject, action, name), table in watched.asked.tables.items():
        if action is Action.SELECT or policies.decide(subject, action, table).allowed:
            continue
        seen = PolicySet.decide(policies, subject, Action.SELECT, table)
        if seen.allowed:
            verb = VERBS.get(action, action.value.replace("_", " "))
            yield (str(name), None, "refuses", f"Ask for the right to {verb} {name}.")


def _met(policies: PolicySet, watched: Noting, access: TableAccess) -> Iterator[Row]:
    """Yield how the caller meets a table that his statement reads or writes."""
    name = str(access.name)
    if access.action != Action.SELECT.value:
        yield (name, None, "allows", f"You may do this to it: {access.action}.")
        return
    read = ", ".join(access.columns)
    yield (name, None, "allows", f"You may read it: {read}." if read else "You may read it.")
    if is_system(access.name):
        yield (name, None, "filters", "You see what is yours to know.")
        return
    for (subject, action, asked), table in watched.asked.tables.items():
        decision = PolicySet.decide(policies, subject, action, table)
        if asked != access.name or action is not Action.SELECT or not decision.allowed:
            continue
        if decision.row_filter is not None:
            yield (name, None, "filters", "You see only some of its rows.")
        if decision.min_group:
            yield (name, None, "limits", "You see aggregates over enough rows, and no single row.")
        if not decision.exportable:
            yield (name, None, "limits", "Its licence terms keep it from being copied or handed out in files.")
        yield from (
            (name, column, "masks", "You see a mask in the place of its values.")
            for column in access.columns
            if column in decision.masks
        )
