"""Partners' tokens: JWTs of the gateway's own keys, told apart by `kid`, that carry what they are good for.

A good signature is not enough: the partner must be registered and the token not revoked, at each use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from jwt.types import Options

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from gateway.auth.bearer import Claims
from gateway.auth.credentials import USER, Unauthorized
from gateway.config.partners import Partners
from policies.clock import PROCESS_CLOCK, Clock
from policies.entitlements import PartnerAccess, Scope, Share

ALGORITHM = "HS256"
MAX_SHARES = 1000
_OPTIONS: Options = {
    "require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti", "scope"],
    # Times are held against both readings of the clock below: a clock set back brings no token back.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
_CLAIM_KEYS = frozenset(
    {"catalog", "schema", "table", "entitlement", "row_filter", "allowed_columns", "denied_columns"}
)


class PartnerTokens:
    """Verify partners' tokens."""

    def __init__(self, partners: Partners, access: Callable[[], PartnerAccess], clock: Clock = PROCESS_CLOCK) -> None:
        """Verify by all configured keys; `access` tells who is registered and what is revoked now."""
        self.config = partners
        self._access = access
        self._clock = clock

    def renew(self, partners: Partners) -> None:
        """Take over other keys and limits: what a key that is gone signed is good no more."""
        self.config = partners

    def verify(self, token: str) -> Claims:
        """Return the claims of a token that was made by one of the keys. Raises Unauthorized."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            secret = dict(self.config.secrets).get(kid) if isinstance(kid, str) else None
            if secret is None:
                raise Unauthorized("Invalid token", reason=f"no partner key {str(kid)[:32]!r}")
            payload = jwt.decode(
                token,
                secret,
                algorithms=[ALGORITHM],
                audience=self.config.audience,
                issuer=self.config.issuer,
                options=_OPTIONS,
            )
            return _claims(payload, self.config.max_token_hours * 3600)
        except (jwt.PyJWTError, ValueError, TypeError, Refusal) as error:
            raise Unauthorized("Invalid token", reason=f"{type(error).__name__}: {error}") from None

    def check(self, claims: Claims) -> None:
        """Hold claims against this moment and the registry: at each use. Raises Unauthorized."""
        moment, access = self._clock.moment(), self._access()
        token = claims.scope.token if claims.scope is not None else ""
        if moment.latest >= claims.expires_at:
            raise Unauthorized("The token has expired", reason=f"expired: {token}")
        if moment.now + self.config.leeway_seconds < claims.not_before:
            raise Unauthorized("The token is not valid yet", reason=f"not valid yet: {token}")
        if token in access.revoked_tokens:
            raise Unauthorized("The token was revoked", reason=f"revoked: {token}")
        partner = access.partners.get(claims.user)
        if partner is None:
            if not access.known:
                return  # who is registered is not known: the statement is refused, and says so
            raise Unauthorized("Invalid token", reason=f"{claims.user} is no registered partner")
        if partner.suspended:
            raise Unauthorized("The partner is suspended", reason=f"suspended: {claims.user}")


def _claims(payload: Mapping[str, Any], max_seconds: float) -> Claims:
    """Read the claims of a payload whose signature is good. Raises ValueError."""
    user, token_id = payload["sub"], payload["jti"]
    if not isinstance(user, str) or not USER.fullmatch(user):
        raise ValueError("the claim sub is no plain name")
    if not isinstance(token_id, str) or not 1 <= len(token_id) <= 128 or not token_id.isprintable():
        raise ValueError("the claim jti is no plain word")
    issued, begins, ends = (_moment(payload, name) for name in ("iat", "nbf", "exp"))
    # A token of the longest life, whose times were cut to whole seconds, may seem a second longer.
    if not 0 < ends - issued <= max_seconds + 1:
        raise ValueError("the token lives longer than partners.max_token_hours, or not at all")
    return Claims(
        user,
        roles=frozenset(),
        attributes=(),
        expires_at=ends,
        scope=Scope(token_id, read_shares(payload["scope"])),
        not_before=max(issued, begins),
    )


def _moment(payload: Mapping[str, Any], name: str) -> float:
    value = payload[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"the claim {name} is no moment")
    return float(value)


def read_shares(claim: object) -> tuple[Share, ...]:
    """Read the claim `scope`: a list of datasets with what is shown of each. Raises ValueError, Refusal."""
    if not isinstance(claim, list) or not 1 <= len(claim) <= MAX_SHARES:
        raise ValueError("the claim scope is no list of datasets")
    return tuple(_share(item, number) for number, item in enumerate(claim))


def _share(item: object, number: int) -> Share:
    where = f"scope[{number}]"
    if not isinstance(item, dict) or not set(item) <= _CLAIM_KEYS:
        raise ValueError(f"the claim {where} has keys that are not known")
    names = [item.get(part) for part in ("catalog", "schema", "table")]
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"the claim {where} names no table")
    condition = item.get("row_filter")
    if condition is not None and not isinstance(condition, str):
        raise ValueError(f"the claim {where}.row_filter is no text")
    entitlement = item.get("entitlement")
    if entitlement is not None and not isinstance(entitlement, str):
        raise ValueError(f"the claim {where}.entitlement is no id")
    allowed, denied = (_columns(item.get(kind), f"{where}.{kind}") for kind in ("allowed_columns", "denied_columns"))
    table = TableName(*(fold_trino(str(name)) for name in names))
    return Share(table, condition, allowed, denied or frozenset(), entitlement)


def _columns(value: object, where: str) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"the claim {where} is no list of columns")
    return frozenset(fold_trino(name) for name in value)
