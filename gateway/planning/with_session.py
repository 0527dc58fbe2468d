"""Plan WITH SESSION: properties for one query, held to the same rule as SET SESSION."""

from __future__ import annotations

from dataclasses import replace

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.errors import ErrorCode, Refusal
from catalog.names import quoted
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import plan_query
from gateway.planning.session import checked_setting, computed_setting, is_plain
from gateway.planning.session_properties import OWN


async def plan_with_session(statement: st.WithSession, planning: Planning) -> Plan:
    """Plan the query, and put the properties before its text on Trino. Raises Refusal as SET SESSION and the query."""
    settings = [await _setting(setting, planning) for setting in statement.settings]
    plan = await plan_query(statement.query.tree, planning)
    if plan.engine is None or planning.engines.kinds[plan.engine] != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, "WITH SESSION is supported by Trino clusters only")
    prefix = f"WITH SESSION {', '.join(settings)} "
    return replace(plan, sql=prefix + (plan.sql or ""), governed_sql=prefix + (plan.governed_sql or ""))


async def _setting(setting: st.SetSession, planning: Planning) -> str:
    """Return one setting as it stands before the query's text on Trino. Raises Refusal as SET SESSION."""
    if is_plain(setting.value):
        name, _ = checked_setting(setting, planning, setting.name.location)
        text = generate(setting.value)
    else:
        name, text = await computed_setting(setting, planning)
    if name in OWN:
        what, hint = f"WITH SESSION {name} is not supported", f"Write SET SESSION {name} = true before the query."
        raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=setting.name.location, hint=hint)
    return f"{quoted(name)} = {text}"
