"""Plan SET ROLE and SET SESSION AUTHORIZATION: who the session acts as, by the rules of policy."""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from gateway.auth.credentials import USER
from gateway.metadata.show import check_catalog
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.session import local, need_capability
from gateway.protocols.trino import headers
from gateway.received import ALL_ROLES, NO_ROLES, SYSTEM_ROLES

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


def knows_role(written: str, planning: Planning) -> bool:
    """Tell whether a written role is one of the caller's, or one that these inherit: there are no others for them."""
    return any(planning.policies.may_take_role(planning.subject, name) for name in (written, written.lower()))


def need_role(written: str, planning: Planning) -> None:
    """Refuse a role that the caller does not know. Raises Refusal ROLE_NOT_FOUND."""
    if not knows_role(written, planning):
        raise Refusal(ErrorCode.ROLE_NOT_FOUND, f"Role '{written.lower()}' does not exist", location=_START)


def refuse_catalog_roles(written: str | None, planning: Planning) -> None:
    """Refuse roles IN a catalog: there are none here. Raises Refusal CATALOG_NOT_FOUND or NOT_SUPPORTED."""
    if written is not None:
        catalog = check_catalog(planning.view, written, _START)
        message = f"Catalog '{catalog}' does not support role management"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=_START)


async def plan_set_role(statement: st.SetRole, planning: Planning) -> Plan:
    """Plan SET ROLE: one of the caller's roles, or one that they inherit; an unknown one and another's look alike."""
    refuse_catalog_roles(statement.catalog, planning)
    if statement.role is None:
        return local("SET ROLE", headers.set_role(SYSTEM_ROLES, statement.all_or_none or NO_ROLES))
    need_role(statement.role, planning)
    written = statement.role
    name = written if planning.policies.may_take_role(planning.subject, written) else written.lower()
    return local("SET ROLE", headers.set_role(SYSTEM_ROLES, f"ROLE{{{name}}}"))


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
