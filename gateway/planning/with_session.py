"""Plan WITH SESSION: properties for one query, held to the same rule as SET SESSION."""

from __future__ import annotations

from dataclasses import replace

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino, quoted
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import plan_query
from gateway.planning.session import checked_setting
from gateway.planning.session_properties import OWN


async def plan_with_session(statement: st.WithSession, planning: Planning) -> Plan:
    """Plan the query, and put the properties before its text on Trino. Raises Refusal as SET SESSION and the query."""
    for setting in statement.settings:
        name, _ = checked_setting(setting, planning, setting.name.location)
        if name in OWN:
            what, hint = f"WITH SESSION {name} is not supported", f"Write SET SESSION {name} = true before the query."
            raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=setting.name.location, hint=hint)
    plan = await plan_query(statement.query.tree, planning)
    if plan.engine is None or planning.engines.kinds[plan.engine] != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, "WITH SESSION is supported by Trino clusters only")
    settings = (f"{_name(setting)} = {generate(setting.value)}" for setting in statement.settings)
    prefix = f"WITH SESSION {', '.join(settings)} "
    return replace(plan, sql=prefix + (plan.sql or ""), governed_sql=prefix + (plan.governed_sql or ""))


def _name(setting: st.SetSession) -> str:
    return quoted(*(fold_trino(part) for part in setting.name.parts))
