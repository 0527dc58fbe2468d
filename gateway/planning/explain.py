"""Plan EXPLAIN, and describe plans: the same data that execution reads, so that a dry run cannot drift."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.types import TrinoType, type_text
from engines.base import OutputColumn
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.explained_words import listing_of, words_of
from gateway.planning.session import local
from gateway.rewriting.telling import explained, for_stewards

_POLICIES = (st.CreateRowPolicy, st.CreateColumnPolicy, st.DropPolicy, st.ShowPolicies, st.ShowCreatePolicy)
PlanInner = Callable[[st.Statement, Planning], Awaitable[Plan]]


async def plan_explain(statement: st.Explain, planning: Planning, plan_inner: PlanInner) -> Plan:
    """Plan EXPLAIN of a statement that the caller could run.

    On Trino, a statement that no policy changes is explained by the engine over its governed text. One that policy
    does change is explained from the caller's own point of view: tables, columns and output, nothing that a filter or
    mask adds (policy-semantics section 7). EXPLAIN ANALYZE runs the statement and reports rows before filters, so it
    needs a query, and one that no policy changes. Raises Refusal.
    """
    if isinstance(statement.statement, _POLICIES):
        what = f"EXPLAIN of {statement.statement.kind} is not supported"
        raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=Location(1, 1))
    if statement.analyze and not isinstance(statement.statement, st.Query):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            f"EXPLAIN ANALYZE of {statement.statement.kind} is not supported: it would run the statement.",
            hint="Use EXPLAIN.",
        )
    if isinstance(statement.statement, st.Use):
        raise _use(statement)
    words = words_of(statement.statement)
    if words is not None and statement.type != "VALIDATE":
        return local("EXPLAIN", answer=_told(words))
    inner = await plan_inner(statement.statement, planning)
    trino = inner.engine is not None and planning.engines.kinds.get(inner.engine) == "trino"
    if statement.type == "VALIDATE" and not (inner.route == "engine" and trino and not inner.policed):
        return local("EXPLAIN", answer=LocalAnswer((OutputColumn("Valid", TrinoType("boolean")),), ((True,),)))
    if statement.analyze and (inner.policed or not trino):
        raise Refusal(
            ErrorCode.PERMISSION_DENIED if inner.policed else ErrorCode.NOT_SUPPORTED,
            "Access Denied: EXPLAIN ANALYZE shows more of these tables than you may see."
            if inner.policed
            else "EXPLAIN ANALYZE is not supported by this engine.",
            hint="Use EXPLAIN.",
        )
    if inner.route == "engine" and trino and not inner.policed:
        return _by_engine(statement, inner)
    listing = listing_of(statement.statement, planning) if inner.answer is not None else None
    if listing is not None:
        engine, text = listing
        return _by_engine(statement, replace(inner, route="engine", engine=engine, sql=text, governed_sql=text))
    return replace(local("EXPLAIN", answer=_own_words(statement, inner)), explained=inner)


def _use(statement: st.Explain) -> Refusal:
    """Refuse to explain USE, in the words that Trino has for it."""
    if statement.type == "VALIDATE":
        return Refusal(ErrorCode.NOT_SUPPORTED, "USE statement is not supported", location=Location(1, 1))
    return Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "not yet implemented: Use{}")


def _by_engine(statement: st.Explain, inner: Plan) -> Plan:
    options = [f"TYPE {statement.type}"] if statement.type else []
    options += [f"FORMAT {statement.format}"] if statement.format else []
    verb = "EXPLAIN ANALYZE VERBOSE" if statement.verbose else "EXPLAIN ANALYZE" if statement.analyze else "EXPLAIN"
    prefix = f"{verb} ({', '.join(options)})" if options else verb
    return Plan(
        kind="EXPLAIN",
        route="engine",
        engine=inner.engine,
        sql=f"{prefix} {inner.sql}",
        governed_sql=f"{prefix} {inner.governed_sql}",
        prepared=inner.prepared,
        tables=inner.tables,
        engine_tables=inner.engine_tables,
        policies=inner.policies,
        reasons=inner.reasons,
        depends_on=inner.depends_on,
        warnings=tuple(
            f"materialized view {view}: {text}".replace("view :", "view:") for view, text in explained(inner)
        ),
        outline=inner.outline if statement.analyze else None,  # which runs it, and so has its price
        explained=None if statement.analyze else inner,
    )


def _own_words(statement: st.Explain, inner: Plan) -> LocalAnswer:
    """Say what a statement reads and gives, from the caller's own text."""
    if statement.type == "IO":
        text = _io_json(inner)
    elif statement.format == "JSON":
        text = json.dumps(_summary(inner), indent=2)
    else:
        text = "\n".join(_lines(inner)) + "\n"
    return _told(text)


def _told(text: str) -> LocalAnswer:
    return LocalAnswer((OutputColumn("Query Plan", TrinoType("varchar", (max(1, len(text)),))),), ((text,),))


def _summary(plan: Plan) -> dict[str, object]:
    return {
        "statement": plan.kind,
        "engine": plan.engine,
        "reads": [{"table": str(access.name), "columns": list(access.columns)} for access in plan.tables],
        "output": [{"name": column.name, "type": type_text(column.type)} for column in plan.columns or ()],
        **({"views": [{"view": view, "says": text} for view, text in views]} if (views := explained(plan)) else {}),
    }


def _lines(plan: Plan) -> list[str]:
    lines = [f"{plan.kind} on {plan.engine or 'the gateway'}"]
    if plan.columns:
        lines.append("    Output: " + ", ".join(f"{c.name}:{type_text(c.type)}" for c in plan.columns))
    for access in plan.tables:
        columns = f" [{', '.join(access.columns)}]" if access.columns else ""
        lines.append(f"    {access.action.capitalize()} {access.name}{columns}")
    lines += (f"    Materialized view {view}: {text}".replace("view :", "view:") for view, text in explained(plan))
    return lines


def _io_json(plan: Plan) -> str:
    """Return the shape that BI tools read from EXPLAIN (TYPE IO), with estimates left open."""
    unknown = dict.fromkeys(("outputRowCount", "outputSizeInBytes", "cpuCost", "maxMemory", "networkCost"), "NaN")
    tables = [
        {
            "table": {"catalog": a.name.catalog, "schemaTable": {"schema": a.name.schema, "table": a.name.table}},
            "constraint": {"none": False, "columnConstraints": []},
            "estimate": unknown,
        }
        for a in plan.tables
    ]
    return json.dumps({"inputTableColumnInfos": tables, "estimate": unknown}, indent=2)


def describe_plan(plan: Plan) -> dict[str, object]:
    """Return everything about a plan, for stewards: governed SQL, engine text, policies and reasons."""
    return {
        "decision": "allow",
        "statement": plan.kind,
        "engine": plan.engine or "gateway",
        "governed_sql": plan.governed_sql,
        "engine_sql": plan.sql,
        "tables": [f"{a.action} {a.name}({', '.join(a.columns)})" for a in plan.tables],
        "policies": [f"{ref.kind} {ref.id}" for ref in plan.policies],
        "policy_version": plan.policy_version,
        "reasons": [f"{reason.rule}: {reason.text}" for reason in plan.reasons],
        "output": [f"{c.name} {type_text(c.type)}" for c in plan.columns or ()],
        **({"views": for_stewards(plan)} if plan.rewritten is not None or plan.misses else {}),
    }
