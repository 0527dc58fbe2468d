"""Identify: from what a request shows to a principal, or to 401 and 403. Nothing falls back to less proof."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable
from typing import Protocol

from gateway.auth.bearer import Claims, TokenVerifier, unverified_issuer
from gateway.auth.credentials import USER, Credentials, Forbidden, Unauthorized, in_networks, is_loopback
from gateway.auth.partner_tokens import PartnerTokens
from gateway.auth.secrets_files import API_KEY_PREFIX, ApiKeys, Passwords, read_entries
from gateway.config import Config
from gateway.config.partners import Partners
from gateway.received import NOTHING_CLAIMED, Claimed, Principal
from policies.entitlements import PartnerAccess

_CACHE_SECONDS = 30.0
_CACHE_ENTRIES = 4096


_OPEN = 'Basic realm="Trino"'
_NOBODY = "Basic authentication or X-Trino-Original-User or X-Trino-User must be sent"
"""What an open Trino says to who does not say who they are."""


class Directory(Protocol):
    """What policy knows about people: static roles and attributes, and who may act for whom."""

    def roles_of(self, user: str) -> frozenset[str]:
        """Return the roles given to a user by policy."""
        ...

    def attributes_of(self, user: str) -> tuple[tuple[str, str], ...]:
        """Return the attributes given to a user by policy."""
        ...

    def groups_of(self, user: str) -> frozenset[str]:
        """Return the groups given to a user by policy."""
        ...

    def may_impersonate(self, principal: str, user: str) -> bool:
        """Tell whether a principal may act for a user."""
        ...

    @property
    def partners(self) -> PartnerAccess:
        """Return who is a registered partner, and which of their tokens are revoked."""
        ...


def _user_and_password(basic: str) -> tuple[str, str]:
    try:
        user, separator, password = base64.b64decode(basic, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized("Invalid credentials", reason="malformed basic credentials") from None
    if not separator or not user:
        raise Unauthorized("Invalid credentials", reason="malformed basic credentials")
    return user, password


def _only_himself(shown: Credentials, claims: Claims) -> None:
    """Let a partner's token speak for nobody else, whatever the rules of impersonation say."""
    for other in (shown.user, shown.original):
        if other and other != claims.user:
            raise Forbidden(
                f"Access Denied: User {claims.user} cannot impersonate user {other}",
                reason=f"the partner {claims.user} tried to act for {other!r}",
                principal=Principal(claims.user, claims.user, method="jwt", scope=claims.scope),
            )


class Authenticator:
    """Turn credentials into principals by the configured ways."""

    def __init__(
        self, config: Config, directory: Callable[[], Directory], *, clock: Callable[[], float] = time.time
    ) -> None:
        """Read key and password files. Raises ConfigError or ValueError when one is unusable."""
        identity = config.identity
        self._config = config
        self._directory = directory
        self._clock = clock
        self._verifiers = {issuer.issuer: TokenVerifier(issuer) for issuer in identity.jwt}
        self.partner_tokens = PartnerTokens(config.partners, lambda: directory().partners)
        self._verified: dict[bytes, tuple[float, Claims]] = {}
        self._made: dict[tuple[str, str, str, str], tuple[Directory, Claims | None, Principal]] = {}
        self._passwords: Passwords | None = None
        self._keys: ApiKeys | None = None
        self.reload()

    def reload(self, partners: Partners | None = None) -> None:
        """Read key and password files again, both or neither, and take over the keys of partners' tokens.

        Raises ConfigError, and the last good ones stay.
        """
        identity = self._config.identity
        passwords, keys = self._passwords, self._keys
        if identity.password_file is not None:
            passwords = Passwords(read_entries(identity.password_file), identity.password_file)
        if identity.api_key_file is not None:
            keys = ApiKeys(read_entries(identity.api_key_file), identity.api_key_file)
        self._passwords, self._keys = passwords, keys
        if partners is not None and partners != self.partner_tokens.config:
            self.partner_tokens.renew(partners)
            self._verified.clear()

    @property
    def challenges(self) -> tuple[str, ...]:
        """Return the WWW-Authenticate values of the configured ways."""
        basic = ('Basic realm="Penstock"',) if self._passwords else ()
        bearer = ('Bearer realm="Penstock"',) if self._verifiers or self._keys or self._partner_issuer else ()
        return basic + bearer or ((_OPEN,) if self._config.identity.insecure else ())

    @property
    def _partner_issuer(self) -> str | None:
        """Return by whom partners' tokens say that they are made, if any are good."""
        partners = self.partner_tokens.config
        return partners.issuer if partners.keys else None

    async def authenticate(self, shown: Credentials) -> Principal:
        """Return the principal of a request. Raises Unauthorized (401) or Forbidden (403)."""
        try:
            return await self._identify(shown)
        except Unauthorized as refused:
            raise Unauthorized(refused.text, challenges=self.challenges, reason=refused.reason) from None

    async def _identify(self, shown: Credentials) -> Principal:
        if shown.authorization is not None:
            return await self._by_authorization(shown, shown.authorization)
        if shown.api_key is not None:
            return self._principal(shown, self._api_user(shown.api_key), "api_key")
        certificate = self._config.identity.client_certificate
        if certificate is not None and shown.certificate_subject is not None:
            return self._by_certificate(shown, certificate.user_pattern)
        if self._config.identity.insecure and is_loopback(shown.remote_address):
            return self._insecure(shown)
        raise Unauthorized("Authentication is required")

    async def _by_authorization(self, shown: Credentials, authorization: str) -> Principal:
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if scheme.lower() == "bearer":
            if value.startswith(API_KEY_PREFIX):
                return self._principal(shown, self._api_user(value), "api_key")
            claims = await self._claims(value)
            if claims.scope is not None:
                self.partner_tokens.check(claims)
                _only_himself(shown, claims)
            return self._principal(shown, claims.user, "jwt", claims)
        if scheme.lower() == "basic":
            return await self._by_password(shown, value)
        raise Unauthorized("Unsupported authentication scheme", reason=f"scheme {scheme[:20]!r}")

    async def _claims(self, token: str) -> Claims:
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        now = self._clock()
        cached = self._verified.get(digest)
        if cached is not None and now < cached[0]:
            return cached[1]
        claims = await self._verify(token)
        while len(self._verified) >= _CACHE_ENTRIES:
            self._verified.pop(next(iter(self._verified)))
        self._verified[digest] = (min(now + _CACHE_SECONDS, claims.expires_at), claims)
        return claims

    async def _verify(self, token: str) -> Claims:
        issuer = unverified_issuer(token)
        if issuer is not None and issuer == self._partner_issuer:
            return self.partner_tokens.verify(token)
        verifier = self._verifiers.get(issuer or "")
        if verifier is None:
            raise Unauthorized("Invalid token", reason="no configured issuer")
        return await verifier.verify(token)

    async def _by_password(self, shown: Credentials, value: str) -> Principal:
        if self._passwords is None:
            if self._config.identity.insecure and is_loopback(shown.remote_address):
                return self._insecure_basic(shown, value)
            raise Unauthorized("Password authentication is not enabled")
        if not shown.secure and not is_loopback(shown.remote_address):
            raise Forbidden("Passwords are accepted over TLS only. Connect with https.")
        user, password = _user_and_password(value)
        await self._passwords.verify(user, password)
        return self._principal(shown, user, "password")

    def _api_user(self, key: str) -> str:
        if self._keys is None:
            raise Unauthorized("Invalid credentials", reason="API keys are not enabled")
        return self._keys.verify(key)

    def _by_certificate(self, shown: Credentials, pattern: str) -> Principal:
        if not in_networks(shown.remote_address, self._config.door.trusted_proxies):
            raise Unauthorized("Authentication is required", reason="certificate header from an untrusted address")
        match = re.search(pattern, shown.certificate_subject or "")
        if match is None or not USER.fullmatch(match.group(1)):
            raise Unauthorized("Invalid credentials", reason="the certificate subject names no user")
        return self._principal(shown, match.group(1), "certificate")

    def _insecure(self, shown: Credentials) -> Principal:
        if not shown.user or not USER.fullmatch(shown.original or shown.user):
            raise Unauthorized(_NOBODY, reason="no usable X-Trino-User")
        return self._principal(shown, shown.original or shown.user, "insecure")

    def _insecure_basic(self, shown: Credentials, value: str) -> Principal:
        """Believe a name without a password, as the JavaScript client sends it and an open Trino takes it."""
        user, password = _user_and_password(value)
        if password:
            raise Unauthorized("Password not allowed for insecure authentication")
        if not USER.fullmatch(user):
            raise Unauthorized("User must be set", reason="no usable user")
        return self._principal(shown, user, "insecure")

    def _principal(self, shown: Credentials, proved: str, method: str, claims: Claims | None = None) -> Principal:
        """Return the principal who proved to be somebody and acts for the user shown; remembered for the polls.

        What is remembered holds for the same proof under the same policies only.
        """
        directory = self._directory()
        user = shown.user or shown.original or proved
        original = shown.original or user
        made = self._made.get((user, original, proved, method))
        if made is not None and made[0] is directory and made[1] is claims:
            return made[2]
        principal = self._make(proved, original, user, method, claims, directory)
        if len(self._made) >= _CACHE_ENTRIES:
            self._made.clear()
        self._made[user, original, proved, method] = (directory, claims, principal)
        return principal

    def _make(
        self, proved: str, original: str, user: str, method: str, claims: Claims | None, directory: Directory
    ) -> Principal:
        """Apply the impersonation rule, from who proved to be somebody to the session's original user and on.

        Claims speak for the one who proved them, never for another.
        """
        for actor, other in ((proved, original), (original, user)):
            if other != actor and not (USER.fullmatch(other) and directory.may_impersonate(actor, other)):
                raise Forbidden(
                    f"Access Denied: User {actor} cannot impersonate user {other}",
                    reason=f"{actor} tried to act for {other!r}",
                    principal=Principal(proved, proved, directory.roles_of(proved), method=method),
                )
            claims = claims if other == actor else None
        roles, groups = directory.roles_of(user), directory.groups_of(user)
        attributes = dict(directory.attributes_of(user))
        if claims is not None:
            roles |= claims.roles
            groups |= claims.groups
            attributes.update(claims.attributes)
        expires_at = claims.expires_at if claims is not None else None
        before = original if original != user else ""
        claimed = Claimed(claims.roles, claims.groups, claims.attributes) if claims is not None else NOTHING_CLAIMED
        known = tuple(sorted(attributes.items()))
        scope = claims.scope if claims is not None else None
        return Principal(user, proved, roles, known, method, expires_at, before, groups, claimed, scope)
