"""Plan WITH SESSION: properties for one query, held to the same rule as SET SESSION."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.errors import ErrorCode, Refusal
from catalog.names import quoted
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import plan_query
from gateway.planning.session import checked_setting, computed_setting, is_plain
from gateway.planning.session_properties import AUTOFIX, OWN, TIME_ZONE
from gateway.protocols.trino.time_zones import canonical_zone


async def plan_with_session(statement: st.WithSession, planning: Planning) -> Plan:
    """Plan the query under its own properties. Raises Refusal as SET SESSION and the query.

    The gateway's own are heeded where it is planned; those of Trino stand before the text that Trino gets.
    """
    settings: list[str] = []
    own: dict[str, str] = {}
    for setting in statement.settings:
        name, text, value = await _setting(setting, planning)
        if name in OWN or name == TIME_ZONE:
            own[name] = value
        if name not in OWN:
            settings.append(f"{quoted(name)} = {text}")
    plan = await plan_query(statement.query.tree, _under(own, planning) if own else planning)
    if not settings:
        return plan
    if plan.engine is None or planning.engines.kinds[plan.engine] != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, "WITH SESSION is supported by Trino clusters only")
    prefix = f"WITH SESSION {', '.join(settings)} "
    return replace(plan, sql=prefix + (plan.sql or ""), governed_sql=prefix + (plan.governed_sql or ""))


def _under(own: Mapping[str, str], planning: Planning) -> Planning:
    """Return the planning of a query in whose session some of the gateway's properties, or its zone, are set."""
    session = planning.received.session
    zone = canonical_zone(own[TIME_ZONE]) if TIME_ZONE in own else None
    changed = replace(session, properties={**session.properties, **own}, time_zone=zone or session.time_zone)
    return replace(planning, received=structs.replace(planning.received, session=changed))


async def _setting(setting: st.SetSession, planning: Planning) -> tuple[str, str, str]:
    """Return a property, what stands for its value before the query's text on Trino, and the value of one of our own.

    Raises Refusal as SET SESSION.
    """
    value = ""
    if is_plain(setting.value):
        name, value = checked_setting(setting, planning, setting.name.location)
        text = generate(setting.value)
    else:
        name, text = await computed_setting(setting, planning)
    read_here = name in OWN or name == TIME_ZONE
    if name == AUTOFIX or (read_here and not is_plain(setting.value)):  # who runs it reads that of the session
        what, hint = f"WITH SESSION {name} is not supported", f"Write SET SESSION {name} = true before the query."
        raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=setting.name.location, hint=hint)
    return name, text, value
