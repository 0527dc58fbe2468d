"""The plans used last, and what they depend on."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable

from catalog.cache import CatalogCache
from catalog.dialect.lexer import shape
from gateway.models import Plan
from gateway.received import SYSTEM_ROLES, Received
from gateway.views.known import NO_VIEWS, KnownViews

PlanKey = tuple[object, ...]


def plan_key(received: Received, policies: Hashable) -> PlanKey:
    """Return everything a plan depends on besides the catalog, whose objects the cache compares itself."""
    known, principal = received.session, received.principal
    return (
        received.sql,
        known.catalog,
        known.schema,
        known.path,
        known.time_zone,
        known.transaction if received.transaction is None else received.transaction.engine,
        tuple(known.properties.items()),
        tuple(known.prepared.items()),
        principal.user,
        principal.roles,
        principal.groups,
        principal.attributes,
        known.roles.get(SYSTEM_ROLES),
        policies,
    )


class PlanCache:
    """Keep the plans used last; a plan holds while the catalog returns the very objects it was made from."""

    def __init__(self, entries: int, catalog: CatalogCache, views: Callable[[], KnownViews] = lambda: NO_VIEWS) -> None:
        """Keep at most `entries` plans."""
        self._entries = entries
        self._catalog = catalog
        self._views = views
        self._plans: OrderedDict[PlanKey, Plan] = OrderedDict()

    def __len__(self) -> int:
        """Return how many plans are kept."""
        return len(self._plans)

    def get(self, key: PlanKey) -> Plan | None:
        """Return a plan that still holds."""
        plan = self._plans.get(key)
        if plan is None:
            return None
        for name, table in plan.depends_on:
            if self._catalog.get(name) is not table:
                del self._plans[key]
                return None
        known = self._views()
        if plan.standing.views is not known:
            if any(known.for_table.get(name) is not above for name, above in plan.views_above):
                del self._plans[key]
                return None
            plan.standing.views = known
        self._plans.move_to_end(key)
        return plan

    def put(self, key: PlanKey, plan: Plan) -> None:
        """Keep a plan, letting go of the one unused longest."""
        if self._entries == 0 or len(str(key[0])) > 65_536:
            return
        self._plans[key] = plan
        if len(self._plans) > self._entries:
            self._plans.popitem(last=False)


def fingerprint(sql: str) -> str:
    """Return a short name of a statement's shape: the same for texts that differ in literals and layout only."""
    return hashlib.blake2b(shape(sql).encode(), digest_size=12).hexdigest()
