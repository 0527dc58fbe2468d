"""What a policy decision is: frozen data, taken once per statement and table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal, NamedTuple

from sqlglot import exp

from catalog.objects import TableName
from policies.entitlements import Scope

Guard = Literal["auto", "always", "never"]
"""Which conditions of a caller's wait behind a row filter on Trino: those that could fail on a value, all, or none."""


class Action(Enum):
    """Name what a statement does to an asset."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    CREATE_TABLE = "create_table"
    DROP_TABLE = "drop_table"
    CREATE_VIEW = "create_view"
    DROP_VIEW = "drop_view"
    CREATE_SCHEMA = "create_schema"
    DROP_SCHEMA = "drop_schema"
    SHOW_CREATE = "show_create"
    SHOW_STATS = "show_stats"
    EXPLAIN = "explain"
    MANAGE_POLICIES = "manage_policies"
    """Make, drop and read a table's row and column policies."""
    REVEAL = "reveal"
    """Turn tokens of a column back into values."""
    KILL = "kill"
    """Cancel or inspect other people's queries."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision may depend on about the caller: nothing the client can choose freely."""

    user: str
    roles: frozenset[str]
    attributes: tuple[tuple[str, str], ...] = ()
    """Verified attributes (desk, region, ...), sorted, so that a Subject is hashable and can key a cache."""
    held: frozenset[str] | None = None
    """All roles of a caller who chose a part of them (SET ROLE): nothing is seen that all of them would not show."""
    groups: frozenset[str] = frozenset()
    source: str = ""
    """The application as the client named it: counts only where `authenticated` is trusted to say so."""
    authenticated: str = ""
    """Who proved to be somebody; differs from `user` under impersonation."""
    scope: Scope | None = None
    """What the token of a partner carries, which narrows his entitlements; None for every other proof."""

    @property
    def sides(self) -> tuple[Subject, ...]:
        """Return the callers for whom everything must be allowed: with the chosen roles, and with all."""
        if self.held is None:
            return (self,)
        return (replace(self, held=None), replace(self, roles=self.held, held=None))


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Identify a policy that took part in a decision, for the record: never for the client."""

    id: str
    kind: str
    """`grant`, `row_filter`, `column_mask`, `licence` or `aggregate_only`."""


class Window(NamedTuple):
    """The time in which a decision holds that has the time in it: from the first to before the second moment."""

    start: float
    end: float


NO_GRANT, NO_ENTITLEMENT = "no grant allows it", "no entitlement in force allows it"
UNGRANTED = frozenset({NO_GRANT, NO_ENTITLEMENT})
"""Reasons of refusals where no rule speaks against a caller, and none for him."""


@dataclass(frozen=True, slots=True)
class TableDecision:
    """The decision for one table and one action.

    `columns` are the granted column names in table order. `row_filter` is a boolean expression over the table's raw
    columns (unqualified `exp.Column`s), with identity bound as typed literals; `masks` map a column name to an
    expression over raw columns, already of the column's own Trino type. Trees are shared: copy before inserting.
    """

    table: TableName
    action: Action
    allowed: bool
    columns: tuple[str, ...] = ()
    row_filter: exp.Expr | None = field(default=None, compare=False)
    masks: dict[str, exp.Expr] = field(default_factory=dict, compare=False)
    policies: tuple[PolicyRef, ...] = ()
    reason: str = ""
    """In words for stewards; not shown to users."""
    withheld: bool = False
    """True when the table has columns that this caller may not see."""
    min_group: int = 0
    """The caller may have aggregates over at least so many rows only; 0 means that rows may be shown."""
    exportable: bool = True
    """False where licence terms keep the data from being copied or handed out in files."""
    guard: Guard = "auto"
    """On Trino, which conditions wait behind the row filter: those that could fail on a value, all, or none."""
    holds: Window | None = None
    """Set where the decision has a moment in it (an embargo) and so ages."""

    @property
    def policed(self) -> bool:
        """Tell whether any filter, mask or withheld column changes what this caller sees of the table."""
        return self.row_filter is not None or bool(self.masks) or self.withheld or self.min_group > 0
