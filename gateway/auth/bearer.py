"""Bearer tokens: JWTs of pinned issuers, audiences and algorithms. Source: RFC 7519, RFC 8725 (best practice)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from jwt.types import Options

from gateway.auth.credentials import Unauthorized
from gateway.config import JwtIssuer
from policies.entitlements import Scope

_USER = re.compile(r"[A-Za-z0-9._@+-]{1,128}")
# A claim becomes a literal in a row filter: bound, never spliced; and yet what is no plain word is refused.
_ATTRIBUTE = re.compile(r"[\w .@:/+-]{1,128}")
_REFETCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified claims that identity uses."""

    user: str
    roles: frozenset[str]
    attributes: tuple[tuple[str, str], ...]
    expires_at: float
    groups: frozenset[str] = frozenset()
    scope: Scope | None = None
    """What a partner's token is good for."""
    not_before: float = 0.0


class JwksSource:
    """Keep the public keys of one issuer fresh without ever blocking the loop."""

    def __init__(self, url: str, refresh_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Fetch nothing yet."""
        self._url = url
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> jwt.PyJWK:
        """Return a key by id, fetching when it is unknown or the set is old. Raises Unauthorized."""
        if self._clock() - self._fetched_at > self._refresh_seconds or (kid or "") not in self._keys:
            await self._fetch(kid)
        found = self._keys.get(kid or "")
        if found is None and kid is None and len(self._keys) == 1:
            found = next(iter(self._keys.values()))
        if found is None:
            raise Unauthorized("Invalid token", reason=f"no key {kid!r} in the issuer's key set")
        return found

    async def _fetch(self, kid: str | None) -> None:
        async with self._lock:
            now = self._clock()
            fresh = now - self._fetched_at <= self._refresh_seconds
            # Made-up key ids must not turn into a request each.
            if (fresh and (kid or "") in self._keys) or now - self._tried_at < _REFETCH_SECONDS:
                return
            self._tried_at = now
            try:
                timeout = aiohttp.ClientTimeout(total=5)
                async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self._url) as answer:
                    answer.raise_for_status()
                    key_set = jwt.PyJWKSet.from_dict(await answer.json(content_type=None))
            except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError):
                return  # the keys we have stay good; without any, the caller refuses
            self._keys = {key.key_id or "": key for key in key_set.keys}
            self._fetched_at = now


class TokenVerifier:
    """Verify the tokens of one issuer."""

    def __init__(self, issuer: JwtIssuer) -> None:
        """Read the static key, if there is one. Raises ValueError when the key file is unusable."""
        self.issuer = issuer
        self._jwks = JwksSource(issuer.jwks_url, issuer.jwks_refresh_seconds) if issuer.jwks_url else None
        self._static: str | bytes | None = None
        if issuer.secret is not None:
            self._static = issuer.secret.get_secret_value()
        elif issuer.public_key is not None:
            self._static = issuer.public_key.read_bytes()

    async def verify(self, token: str) -> Claims:
        """Return the claims of a good token. Raises Unauthorized with the reason for the log."""
        try:
            header = jwt.get_unverified_header(token)
            key: Any = self._static
            if self._jwks is not None:
                key = await self._jwks.key(header.get("kid"))
            options: Options = {"require": ["exp", "iss", "aud", self.issuer.user_claim]}
            payload = jwt.decode(
                token,
                key,
                algorithms=list(self.issuer.algorithms),
                audience=self.issuer.audience,
                issuer=self.issuer.issuer,
                leeway=self.issuer.leeway_seconds,
                options=options,
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The token has expired", reason="expired") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthorized("Invalid token", reason=f"{type(error).__name__}: {error}") from None
        return self._claims(payload)

    def _claims(self, payload: Mapping[str, Any]) -> Claims:
        user = payload[self.issuer.user_claim]
        if not isinstance(user, str) or not _USER.fullmatch(user):
            raise Unauthorized("Invalid token", reason="the user claim is not a plain name")
        issued = payload.get("iat", time.time())
        if not isinstance(issued, int | float) or payload["exp"] - issued > self.issuer.max_lifetime_seconds:
            raise Unauthorized("Invalid token", reason="the token lives longer than max_lifetime_seconds")
        roles, attributes = self._roles(payload), self._attributes(payload)
        return Claims(user, roles, attributes, float(payload["exp"]), self._groups(payload))

    def _roles(self, payload: Mapping[str, Any]) -> frozenset[str]:
        roles = payload.get(self.issuer.roles_claim, [])
        roles = roles.split() if isinstance(roles, str) else roles
        if not isinstance(roles, list) or not all(isinstance(r, str) and _USER.fullmatch(r) for r in roles):
            raise Unauthorized("Invalid token", reason="the roles claim is not a list of plain names")
        return frozenset(roles)

    def _groups(self, payload: Mapping[str, Any]) -> frozenset[str]:
        groups = payload.get(self.issuer.groups_claim, [])
        if not isinstance(groups, list) or not all(isinstance(g, str) and _ATTRIBUTE.fullmatch(g) for g in groups):
            raise Unauthorized("Invalid token", reason="the groups claim is not a list of plain names")
        return frozenset(groups)

    def _attributes(self, payload: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        found = []
        for name in self.issuer.attribute_claims:
            value = payload.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or not _ATTRIBUTE.fullmatch(value):
                raise Unauthorized("Invalid token", reason=f"the claim {name} is not a plain word")
            found.append((name, value))
        return tuple(sorted(found))


def unverified_issuer(token: str) -> str | None:
    """Return the issuer a token claims, only to choose which keys must prove it."""
    try:
        payload = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return None
    issuer = payload.get("iss")
    return issuer if isinstance(issuer, str) else None


def issue_token(issuer: JwtIssuer, user: str, *, seconds: float, claims: Mapping[str, Any] | None = None) -> str:
    """Make a token that this gateway accepts; only for issuers whose secret it holds. Raises ValueError."""
    if issuer.secret is None:
        raise ValueError(f"the issuer {issuer.issuer} signs elsewhere: only issuers with a `secret` can be used here")
    if seconds > issuer.max_lifetime_seconds:
        raise ValueError(f"the longest lifetime allowed is {issuer.max_lifetime_seconds:.0f} seconds")
    now = int(time.time())
    payload = {
        **(claims or {}),
        issuer.user_claim: user,
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "iat": now,
        "exp": now + int(seconds),
    }
    return jwt.encode(payload, issuer.secret.get_secret_value(), algorithm=issuer.algorithms[0])
