"""What the registry of partners keeps, as frozen data: partners, their entitlements, the tokens made for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from catalog.objects import TableName
from policies.clock import Moment
from policies.entitlements import Entitlement, EntitlementScope

PartnerState = Literal["active", "suspended"]
EntitlementState = Literal["open", "revoked", "lapsed"]
"""An open one was not taken back; whether it is in force now is a matter of its dates. `lapsed`: its end had come
when another one took its place."""
TokenState = Literal["issued", "revoked"]
Standing = Literal["live", "pending", "expired", "revoked"]
"""How an entitlement or a token stands at a moment."""


@dataclass(frozen=True, slots=True)
class PartnerRecord:
    """A registered partner."""

    partner_id: str
    organization: str
    contact: str | None
    rate: float | None
    """Statements a minute; None means the configured default."""
    state: PartnerState
    created_at: float
    created_by: str
    changed_at: float
    version: int


@dataclass(frozen=True, slots=True)
class EntitlementRecord:
    """What a partner was granted on a table, with its history."""

    id: str
    partner_id: str
    table: TableName
    scope: EntitlementScope
    row_filter: str | None
    allowed_columns: tuple[str, ...] | None
    denied_columns: tuple[str, ...]
    rate: float | None
    starts_at: float
    expires_at: float
    state: EntitlementState
    created_at: float
    created_by: str
    changed_at: float
    changed_by: str
    version: int

    @property
    def granted(self) -> Entitlement:
        """Return it as policy decisions take it."""
        return Entitlement(
            id=self.id,
            partner=self.partner_id,
            table=self.table,
            expires_at=self.expires_at,
            starts_at=self.starts_at,
            scope=self.scope,
            row_filter=self.row_filter,
            allowed_columns=frozenset(self.allowed_columns) if self.allowed_columns is not None else None,
            denied_columns=frozenset(self.denied_columns),
            rate=self.rate,
        )

    def standing(self, moment: Moment) -> Standing:
        """Tell how it stands: live only beyond doubt, by both readings of the clock."""
        if self.state == "revoked":
            return "revoked"
        if self.state == "lapsed" or moment.latest >= self.expires_at:
            return "expired"
        return "live" if self.starts_at <= moment.now else "pending"


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token that was made: all but the token."""

    id: str
    """The token's `jti`."""
    partner_id: str
    digest: str
    """SHA-256 of the token, to find it by when it turns up somewhere."""
    key_id: str
    scope: tuple[dict[str, Any], ...]
    """The claim, one member a dataset."""
    issued_at: float
    expires_at: float
    issued_by: str
    state: TokenState
    revoked_at: float | None
    revoked_by: str | None

    def standing(self, moment: Moment) -> Standing:
        """Tell how it stands."""
        if self.state == "revoked":
            return "revoked"
        return "expired" if moment.latest >= self.expires_at else "live"
