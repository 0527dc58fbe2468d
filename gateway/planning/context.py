"""What planning one statement may look at, and the clock that names its stages."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sqlglot import exp

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.objects import SchemaName, Table, TableName
from engines.history import Asked
from gateway.metadata.layouts import is_system, system_table
from gateway.metadata.visible import Sight, View
from gateway.received import Received
from gateway.usage_tables.layouts import is_usage
from gateway.usage_tables.sight import decide_usage
from gateway.views.known import NO_VIEWS, KnownViews
from gateway.views.layouts import is_view_table
from policies.decisions import Action, Subject, TableDecision, Window
from policies.entitlements import PartnerAccess
from policies.following import Followed
from policies.mask_choice import MasksByColumn
from policies.narrowing import narrower_window
from policies.rules import Roles
from policies.sources import Source
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Found, Ground, Terms
from rewrite_rules.substitution.substitute import substitute


class Policies(Sight, Followed, Protocol):
    """What planning needs of a policy set; `policies.index.PolicySet` is one."""

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Decide one action on one table."""
        ...

    def roles_of(self, user: str) -> frozenset[str]:
        """Return the roles that the policy files give to a user."""
        ...

    def attributes_of(self, user: str) -> tuple[tuple[str, str], ...]:
        """Return the attributes that the policy files give to a user."""
        ...

    def cache_key(self, subject: Subject) -> Hashable:
        """Return what a plan depends on besides the caller's name, roles, groups and attributes."""
        ...

    def still_holds(self, window: Window | None) -> bool:
        """Tell whether a decision that has the time in it holds now."""
        ...

    def decide_schema(self, subject: Subject, action: Action, schema: SchemaName) -> bool:
        """Decide whether a schema may be created or dropped."""
        ...

    @property
    def roles(self) -> Roles:
        """Return the roles that policies know."""
        ...

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return the documents that policies were compiled from."""
        ...

    @property
    def masks(self) -> Mapping[TableName, MasksByColumn]:
        """Return the mask statements by table."""
        ...

    @property
    def partners(self) -> PartnerAccess:
        """Return who is a partner, and what he was given."""
        ...

    def may_manage(self, subject: Subject, table: TableName) -> bool:
        """Tell whether a caller may make, drop and read the policies of a table."""
        ...

    def guarded(self, table: Table) -> Mapping[str, tuple[str, ...]]:
        """Return the columns whose reading is to be told, each with why."""
        ...

    def names_columns(self, table: TableName) -> bool:
        """Tell whether any rule, whoever it is for, speaks of a table's single columns or rows."""
        ...

    def may_take_role(self, subject: Subject, role: str) -> bool:
        """Tell whether a caller may choose a role."""
        ...

    def may_impersonate(self, principal: str, user: str) -> bool:
        """Tell whether a principal may act for a user."""
        ...

    def may_handle_queries(self, subject: Subject, way: Literal["view", "kill"]) -> bool:
        """Tell whether a caller may see or cancel the queries of others."""
        ...

    def session_property_allowed(self, subject: Subject, name: str) -> bool:
        """Tell whether a caller may set a session property."""
        ...


Substitute = Callable[[exp.Expr, object, Ground, Terms, int], Found]
"""Match a governed, typed query with an index of views, up to so many answers; see `rewrite_rules.substitution`."""


def substitute_views(tree: exp.Expr, index: object, ground: Ground, terms: Terms, enough: int) -> Found:
    """Match a query with an index of views; without one nothing is found."""
    return substitute(tree, index, ground, terms, enough=enough) if isinstance(index, ViewIndex) else Found()


Pin = Callable[[Table, str], Awaitable[int | None]]
"""Return the snapshot of a version of a table's data; None where there is none to be read."""


async def no_pin(_: Table, __: str) -> int | None:
    """Pin nothing."""
    return None


Shown = Callable[[Table, Sequence[str], str, Asked], Awaitable[Mapping[str, int]]]
"""Tell which versions of a table's data show the snapshot asked for; see `engines.history.TravellingEngine`."""


async def no_shown(_: Table, __: Sequence[str], ___: str, ____: Asked) -> Mapping[str, int]:
    """Know no table as it was."""
    return {}


class Parser(Protocol):
    """Parse large texts in a supervised process; see `catalog.dialect.worker`."""

    async def parse(self, sql: str) -> object:
        """Return the parsed statement. Raises Refusal."""
        ...


@dataclass(frozen=True, slots=True)
class EngineKinds:
    """Which engine serves what: all that planning needs to know of engines."""

    kinds: Mapping[str, str]
    """Engine name to kind (`trino`, `clickhouse`, `lake`, `system`)."""
    default: str
    """Runs statements without tables."""


@dataclass(slots=True)
class Stages:
    """Time the stages of one statement: milliseconds by the stage's name."""

    spent: dict[str, float] = field(default_factory=dict)
    current: str = "identify"
    _mark: float = field(default_factory=time.perf_counter)

    def enter(self, stage: str) -> None:
        """End the current stage and begin another; a stage entered twice adds up."""
        now = time.perf_counter()
        self.spent[self.current] = self.spent.get(self.current, 0.0) + (now - self._mark) * 1000
        self.current, self._mark = stage, now


@dataclass(slots=True)
class Ages:
    """Gather how long the decisions of one statement hold."""

    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Planning:
    """One statement's planning: what it may read. Policies are the set in force when it began, to its end."""

    received: Received
    subject: Subject
    """The caller as policy sees it."""
    policies: Policies
    catalog: CatalogCache
    engines: EngineKinds
    limits: Limits
    stages: Stages
    depends_on: dict[TableName, Table | None] = field(default_factory=dict)
    ages: Ages = field(default_factory=Ages)
    outlines: bool = True
    """Whether plans tell what they do, for pricing."""
    views: KnownViews = NO_VIEWS
    """The materialized views that there are."""
    substitute: Substitute = substitute_views
    pin: Pin = no_pin
    pins: dict[tuple[TableName, str], int] = field(default_factory=dict)
    """Snapshots by table and version of its data, as far as they were asked for."""
    shown: Shown = no_shown
    past: dict[tuple[TableName, str], Mapping[str, int]] = field(default_factory=dict)
    """By table and what is asked for in its place: the versions that show it, with its snapshot."""

    @property
    def home(self) -> str:
        """Return the engine that runs statements without tables: the open transaction's, else the default."""
        transaction = self.received.transaction
        return transaction.engine if transaction is not None else self.engines.default

    @property
    def view(self) -> View:
        """Return the caller's sight of the catalog."""
        return View(self.catalog, self.policies, self.subject)

    async def table(self, name: TableName, *, hidden: bool = False) -> Table | None:
        """Return a table, remembering that the plan depends on it. The engine is asked at most once a name.

        `hidden` brings a system table's hidden columns along.
        """
        if is_system(name):
            return system_table(name, hidden=hidden)
        table = await self.catalog.fetch(name)
        self.depends_on[name] = table
        return table

    def decide(self, action: Action, table: Table) -> TableDecision:
        """Decide; what the gateway itself answers is open to all, filtered row by row."""
        open_to_all = table.name.schema in ("information_schema", "jdbc") or is_view_table(table.name)
        if table.kind == "system" and open_to_all:
            return TableDecision(
                table.name, action, action is Action.SELECT, tuple(column.name for column in table.columns)
            )
        if is_usage(table.name):
            decision = decide_usage(self.policies, self.subject, action, table)
        else:
            decision = self.policies.decide(self.subject, action, table)
        self.ages.window = narrower_window(self.ages.window, decision.holds)
        return decision


def literal_text(text: str) -> exp.Expr:
    """Return a varchar literal of unbounded type."""
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("varchar", dialect="trino"))
