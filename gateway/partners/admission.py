"""Partners at the door: whether a statement of theirs may begin, and whether one that runs may still be answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from gateway.config.partners import Partners
from gateway.events import Event, PartnerAsked
from gateway.models import NotPlanned, Plan, Planned
from gateway.partners.following import Following
from gateway.partners.rates import Rates
from gateway.received import Principal, Received, TooOften
from policies.clock import PROCESS_CLOCK, Clock, Moment
from policies.entitlements import Entitlement, PartnerAccess
from policies.faults import Unfit
from policies.sharing import read_condition

Planner = Callable[[Received], Awaitable[Planned | NotPlanned]]
_Basis = Mapping[TableName, tuple[Entitlement, ...]]
"""What entitled a partner to each table of a statement when it was planned."""


class Admission:
    """Hold partners' statements against what they may now; one per worker."""

    def __init__(
        self,
        following: Following,
        access: Callable[[], PartnerAccess],
        rates: Rates,
        config: Callable[[], Partners],
        publish: Callable[[Event], None],
        *,
        clock: Clock = PROCESS_CLOCK,
    ) -> None:
        """`access` tells what the policies in force know of partners."""
        self._following = following
        self._access = access
        self._rates = rates
        self._config = config
        self._publish = publish
        self._clock = clock
        self._running: dict[str, _Basis] = {}
        """By running statement, as it was when planning began: what ends later ends the statement."""

    def concerns(self, principal: Principal) -> bool:
        """Tell whether a caller is a partner, by registration or by what his token is."""
        return principal.scope is not None or principal.user in self._access()

    async def pace(self, principal: Principal) -> None:
        """Let a partner send a statement, as often as his rate lets him. Raises TooOften."""
        if not self.concerns(principal):
            return
        partner = self._access().partners.get(principal.user)
        rate = (partner.rate if partner is not None else None) or self._config().rate
        await self._take(principal.user, f"partner {principal.user}", f"partner {principal.user}", rate)

    async def plan(self, received: Received, planner: Planner) -> Planned | NotPlanned:
        """Plan a statement as `planner` does, a partner's within what he may now. Raises Refusal."""
        principal = received.principal
        if not self.concerns(principal):
            self._need_names(principal)
            return await planner(received)
        try:
            self._admit(principal)
            access, moment = self._access(), self._clock.moment()
            planned = await planner(received)
            if isinstance(planned, Planned):
                names = dict.fromkeys(each.name for each in planned.plan.tables)
                basis = {name: access.live(principal.user, name, moment) for name in names}
                await self._pace_tables(principal, basis)
                self._running[received.query_id] = basis
        except Refusal as refusal:
            planned = NotPlanned(refusal)
        if isinstance(planned, Planned):
            self._publish(PartnerAsked(principal.user, "allow"))
        elif not isinstance(planned.refusal, TooOften):
            self._publish(PartnerAsked(principal.user, "refuse"))
        return planned

    async def _pace_tables(self, principal: Principal, basis: _Basis) -> None:
        """Let a statement read what it was planned to, as often as entitlements with a rate let. Raises TooOften."""
        for name, entitlements in basis.items():
            for entitlement in entitlements:
                if entitlement.rate is not None:
                    limit = f"entitlement {entitlement.id}"
                    await self._take(principal.user, f"entitlement to {name}", limit, entitlement.rate)

    async def _take(self, user: str, limit: str, bucket: str, rate: float) -> None:
        wait = await self._rates.take(bucket, rate)
        if wait > 0:
            self._publish(PartnerAsked(user, "throttle", limit))
            text = f"Too many statements: the {limit} allows {rate:g} a minute. Try again in {wait:.1f} s."
            raise TooOften(text, wait)

    def _admit(self, principal: Principal) -> None:
        """Let a partner's statement begin. Raises Refusal."""
        refusal = self._standing(principal, self._clock.moment())
        if refusal is not None:
            raise refusal
        for number, share in enumerate(principal.scope.shares if principal.scope is not None else ()):
            try:
                if share.row_filter is not None:
                    read_condition(share.row_filter)
            except Unfit as unfit:
                message = f"Access Denied: The token's claim scope[{number}].row_filter cannot be used: {unfit.message}"
                raise Refusal(ErrorCode.PERMISSION_DENIED, message, hint="Ask for a new token.") from None

    def end(self, query_id: str) -> None:
        """Forget a statement that has ended."""
        self._running.pop(query_id, None)

    def review(self, received: Received, plan: Plan | None) -> Refusal | None:
        """Return why a running statement is answered no more: what it was planned on is not so any longer."""
        principal = received.principal
        if plan is None or not self.concerns(principal):
            return None
        moment, basis, access = self._clock.moment(), self._running.get(received.query_id), self._access()
        refusal = self._standing(principal, moment)
        if refusal is not None or basis is None:  # None: he became a partner in its midst
            return refusal or ended("The access of partners has begun")
        for name, entitlements in basis.items():
            if access.live(principal.user, name, moment) != entitlements:
                return ended(f"The entitlement to {name} has ended or was changed")
        return None

    def _standing(self, principal: Principal, moment: Moment) -> Refusal | None:
        """Return why a partner is not served at all."""
        if not self._following.fresh:
            return _unknown()
        access = self._access()
        partner = access.partners.get(principal.user)
        if partner is None or partner.suspended:
            what = "is not registered" if partner is None else "is suspended"
            return ended(f"The partner {principal.user} {what}")
        if principal.scope is None:
            return None
        if principal.scope.token in access.revoked_tokens:
            return ended("The token was revoked")
        if principal.expires_at is not None and moment.latest >= principal.expires_at:
            return ended("The token has expired")
        return None

    def _need_names(self, principal: Principal) -> None:
        """Refuse who may be a partner, while nobody knows who is one. Raises Refusal."""
        role = self._access().role
        if not self._following.names_known and (role in principal.roles or not principal.roles):
            raise _unknown()


def _unknown() -> Refusal:
    return Refusal(
        ErrorCode.SERVER_STARTING_UP,
        "The gateway does not know what partners may read now: the registry of partners does not answer.",
        hint="Try again in a few minutes.",
    )


def ended(what: str) -> Refusal:
    """Return the refusal of a partner whose access is none (any more)."""
    return Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: {what}", hint="Ask who granted the access.")
