"""What partners are entitled to: data that the registry of partners yields and that policy decisions intersect.

A registered partner sees of a table what his entitlements, his token's scope and all policies show: never more than
any one of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from catalog.objects import TableName
from policies.clock import Moment

EntitlementScope = Literal["read_only"]


@dataclass(frozen=True, slots=True)
class Share:
    """What is shown of one table: rows by a condition (None: all), and columns (allowed None: all)."""

    table: TableName
    row_filter: str | None = None
    allowed_columns: frozenset[str] | None = None
    denied_columns: frozenset[str] = frozenset()
    entitlement: str | None = None
    """Of a token's claim: the one entitlement that it rests on; None for any that is in force."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one partner was granted on one table, from `starts_at` to before `expires_at` (Unix seconds)."""

    id: str
    partner: str
    table: TableName
    expires_at: float
    starts_at: float = float("-inf")
    scope: EntitlementScope = "read_only"
    row_filter: str | None = None
    allowed_columns: frozenset[str] | None = None
    """Folded names; None means all that the table has."""
    denied_columns: frozenset[str] = frozenset()
    rate: float | None = None
    """Statements a minute that may read the table; None means no limit of its own."""

    def live(self, moment: Moment) -> bool:
        """Tell whether the entitlement is in force beyond doubt, by both readings of the clock."""
        return self.starts_at <= moment.now and moment.latest < self.expires_at

    @property
    def share(self) -> Share:
        """Return what it shows of its table."""
        return Share(self.table, self.row_filter, self.allowed_columns, self.denied_columns)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token's claims grant: it only ever narrows. Part of `Subject`, so hashable."""

    token: str
    """The token's id (`jti`)."""
    shares: tuple[Share, ...] = ()

    def __hash__(self) -> int:
        """Hash the id alone: keys of caches are hashed for each statement, and shares may be many."""
        return hash(self.token)

    def of(self, table: TableName) -> tuple[Share, ...]:
        """Return what the token shows of a table, all of which holds together; nothing where it does not carry it."""
        return tuple(share for share in self.shares if share.table == table)


@dataclass(frozen=True, slots=True)
class Partner:
    """A registered partner; one that is suspended has no access at all."""

    id: str
    suspended: bool = False
    rate: float | None = None
    """Statements a minute, whatever they read; None means the configured default."""


@dataclass(frozen=True, slots=True)
class PartnerAccess:
    """All partners, what is granted to them and which tokens were revoked, as the store had it at one revision."""

    revision: int = 0
    partners: Mapping[str, Partner] = field(default_factory=dict)
    entitlements: Mapping[str, Mapping[TableName, tuple[Entitlement, ...]]] = field(default_factory=dict)
    """By partner and table, those that were not revoked; what has ended or not begun yet may be among them."""
    revoked_tokens: frozenset[str] = frozenset()
    role: str = "partner"
    """The role that every registered partner has, where policies know it."""
    known: bool = True
    """False while the registry was never read, or not for too long: no partner is served then."""
    serial: int = 0
    """Which of the accesses that policies were ever joined with in this process it is; revisions may come again."""

    def __contains__(self, user: object) -> bool:
        """Tell whether a name is a registered partner's."""
        return user in self.partners

    def live(self, user: str, table: TableName, moment: Moment) -> tuple[Entitlement, ...]:
        """Return what entitles a partner to a table now; more than one are all in force together."""
        partner = self.partners.get(user)
        if partner is None or partner.suspended or not self.known:
            return ()
        return tuple(each for each in self.entitlements.get(user, {}).get(table, ()) if each.live(moment))

    def named(self, table: TableName, moment: Moment) -> bool:
        """Tell whether anybody is entitled to a table, now or later."""
        everybody = self.entitlements.values()
        return any(moment.now < each.expires_at for theirs in everybody for each in theirs.get(table, ()))

    def standing(self, user: str, moment: Moment) -> Hashable:
        """Return what a partner's decisions depend on besides policies and claims; None for everybody else."""
        partner = self.partners.get(user)
        if partner is None:
            return None
        if partner.suspended or not self.known:
            return (self.serial,)
        found = self.entitlements.get(user, {}).values()
        return (self.serial, *(each.id for several in found for each in several if each.live(moment)))


NO_PARTNERS = PartnerAccess()
"""Nobody is a partner."""


def access_of(
    revision: int,
    partners: Mapping[str, Partner],
    entitlements: Sequence[Entitlement],
    revoked_tokens: frozenset[str] = frozenset(),
) -> PartnerAccess:
    """Index entitlements that were not revoked by partner and table."""
    found: dict[str, dict[TableName, tuple[Entitlement, ...]]] = {}
    for each in entitlements:
        by_table = found.setdefault(each.partner, {})
        by_table[each.table] = (*by_table.get(each.table, ()), each)
    return PartnerAccess(revision, partners, found, revoked_tokens)
