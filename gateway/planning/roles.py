"""Plan SET ROLE and SET SESSION AUTHORIZATION: who the session acts as, by the rules of policy."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from gateway.auth.credentials import USER
from gateway.metadata.show import check_catalog
from gateway.models import ALL_ROLES, NO_ROLES, SYSTEM_ROLES, Plan
from gateway.planning.context import Planning
from gateway.planning.session import local, need_capability
from gateway.protocols.trino import headers

_START = Location(1, 1)


def check_roles(planning: Planning) -> None:
    """Hold the roles that a header chose to the same rule as SET ROLE. Raises Refusal."""
    chosen = planning.received.session.roles
    for catalog, role in chosen.items():
        if catalog != SYSTEM_ROLES:
            check_catalog(planning.view, catalog)  # catalogs have no roles of their own here: nothing to choose
        elif role not in (ALL_ROLES, NO_ROLES):
            (name,) = planning.subject.roles
            if not planning.policies.may_take_role(planning.subject, name):
                raise Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot set role {name}")


async def plan_set_role(statement: st.SetRole, planning: Planning) -> Plan:
    """Plan SET ROLE: one of the caller's roles, or one that they inherit; an unknown one and another's look alike."""
    if statement.catalog is not None:
        catalog = check_catalog(planning.view, statement.catalog, _START)
        message = f"Catalog '{catalog}' does not support role management"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=_START)
    if statement.role is None:
        return local("SET ROLE", headers.set_role(SYSTEM_ROLES, statement.all_or_none or NO_ROLES))
    for name in (statement.role, statement.role.lower()):
        if planning.policies.may_take_role(planning.subject, name):
            return local("SET ROLE", headers.set_role(SYSTEM_ROLES, f"ROLE{{{name}}}"))
    message = f"Role '{statement.role.lower()}' does not exist"
    raise Refusal(ErrorCode.ROLE_NOT_FOUND, message, location=_START)


async def plan_set_authorization(statement: st.SetSessionAuthorization, planning: Planning) -> Plan:
    """Plan SET SESSION AUTHORIZATION: the session's original user needs an impersonation rule for the other."""
    need_capability(planning, "SESSION_AUTHORIZATION", statement.kind)
    _refuse_within_transaction(planning, "set")
    principal, user = planning.received.principal, statement.user
    original = principal.original or principal.user
    if not USER.fullmatch(user) or not (user == original or planning.policies.may_impersonate(original, user)):
        message = f"Access Denied: User {original} cannot impersonate user {user}"
        raise Refusal(ErrorCode.PERMISSION_DENIED, message)
    return local(statement.kind, *headers.set_authorization_user(user))


async def plan_reset_authorization(statement: st.ResetSessionAuthorization, planning: Planning) -> Plan:
    """Plan RESET SESSION AUTHORIZATION: back to the session's original user."""
    need_capability(planning, "SESSION_AUTHORIZATION", statement.kind)
    _refuse_within_transaction(planning, "reset")
    return local(statement.kind, headers.reset_authorization_user())


def _refuse_within_transaction(planning: Planning, verb: str) -> None:
    if planning.received.transaction is not None:
        message = f"Can't {verb} authorization user in the middle of a transaction"
        raise Refusal(ErrorCode.GENERIC_USER_ERROR, message)
