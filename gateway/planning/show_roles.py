"""Plan SHOW ROLES and GRANTS: the caller's own roles; nothing is granted by GRANT, policies say who may what."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.types import VARCHAR
from engines.base import OutputColumn
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.roles import refuse_catalog_roles
from gateway.planning.session import local
from gateway.planning.shows import qualify
from gateway.planning.writing import known_table

_START = Location(1, 1)
_GRANTS = (
    *("Grantor", "Grantor Type", "Grantee", "Grantee Type", "Catalog", "Schema", "Table"),
    *("Privilege", "Grantable", "With Hierarchy"),
)


async def plan_show_roles(statement: st.ShowRoles, planning: Planning) -> Plan:
    """Plan SHOW ROLES, the caller's own, and SHOW CURRENT ROLES, those chosen of them."""
    refuse_catalog_roles(statement.catalog.parts[0] if statement.catalog else None, planning)
    return _roles(statement.kind, "Role", planning, 0 if statement.current else -1)


async def plan_show_role_grants(statement: st.ShowRoleGrants, planning: Planning) -> Plan:
    """Plan SHOW ROLE GRANTS: the roles that policies give to the caller."""
    refuse_catalog_roles(statement.catalog.parts[0] if statement.catalog else None, planning)
    return _roles(statement.kind, "Role Grants", planning, -1)


def _roles(kind: str, heading: str, planning: Planning, side: int) -> Plan:
    roles = tuple((role,) for role in sorted(planning.subject.sides[side].roles))
    return local(kind, answer=LocalAnswer((OutputColumn(heading, VARCHAR),), roles))


async def plan_show_grants(statement: st.ShowGrants, planning: Planning) -> Plan:
    """Plan SHOW GRANTS: no rows, of a table that the caller knows or of all."""
    if statement.name is not None and await known_table(statement.name, planning) is None:
        message = f"Table '{qualify(statement.name, planning)}' does not exist"
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, message, location=_START)
    return local(statement.kind, answer=LocalAnswer(tuple(OutputColumn(heading, VARCHAR) for heading in _GRANTS)))
