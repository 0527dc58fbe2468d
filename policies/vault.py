"""Reversible tokens: what a vault has to know of a token mask, and how values are sealed. No I/O.

A token is made from its value by a key (`policies.masks.keyed`), in the engine or here alike, and nobody can turn it
back. A vault keeps, beside the whole HMAC of which tokens show a part, the value sealed by another key (Fernet) of the
same origin, which never leaves the gateway.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from catalog.objects import TableName
from catalog.types import BIGINT, TrinoType
from policies.decisions import Subject
from policies.faults import Unfit
from policies.index import PolicySet
from policies.mask_specs import TokenMask
from policies.masks.keyed import NUMBER_DIGITS, HashKey, derive, tenant_of

_PURPOSE = b"penstock vault seal v1"


class Tampered(Exception):  # noqa: N818  (an answer about what a store gave)
    """A sealed value does not belong to its place, or was sealed by another key."""


@dataclass(frozen=True, slots=True)
class Vaulted:
    """A column whose tokens can be turned back, for one tenant."""

    spec: TokenMask
    type: TrinoType
    space: str
    """Names all tokens of one key, domain and tenant: columns that share it share their tokens."""
    _key: bytes = field(repr=False)
    _seal: Fernet = field(repr=False)

    def digest(self, value: str) -> str:
        """Return the whole HMAC of a value, in hexadecimal."""
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()

    def token(self, value: str) -> str:
        """Return the token that engines show for a value."""
        digest = self.digest(value)
        if self.type == BIGINT:
            return str(int(digest[:NUMBER_DIGITS], 16))
        return self.spec.prefix + digest[: self.spec.length]

    def beginning(self, token: str) -> str | None:
        """Return with what the HMAC of a token's value begins; None for what is no token of this column."""
        if self.type == BIGINT:
            return f"{int(token):0{NUMBER_DIGITS}x}" if _is_number(token) else None
        digits = token.removeprefix(self.spec.prefix)
        whole = token.startswith(self.spec.prefix) and len(digits) == self.spec.length
        return digits if whole and not digits.strip("0123456789abcdef") else None

    def seal(self, value: str) -> bytes:
        """Return a value sealed for its place in the vault."""
        return self._seal.encrypt(json.dumps([self.space, self.digest(value), value]).encode())

    def open(self, digest: str, sealed: bytes) -> str:
        """Return a sealed value. Raises Tampered where it was sealed for another place or by another key."""
        try:
            space, of, value = json.loads(self._seal.decrypt(sealed))
        except (InvalidToken, ValueError):
            raise Tampered from None
        if (space, of) != (self.space, digest) or self.digest(value) != digest:
            raise Tampered
        return str(value)


def _is_number(token: str) -> bool:
    return token.isascii() and token.isdigit() and len(token) < 20 and int(token) < 16**NUMBER_DIGITS


def token_masks(policies: PolicySet, table: TableName, column: str) -> tuple[TokenMask, ...]:
    """Return the different token masks of a column whose tokens can be turned back, whomever they are for."""
    found: dict[TokenMask, None] = {}
    for rule in policies.mask_rules(table, column):
        if isinstance(rule.spec, TokenMask) and rule.spec.vault:
            found[rule.spec] = None
    return tuple(found)


def vaulted(spec: TokenMask, of: TrinoType, keys: Mapping[str, HashKey], whose: Subject | str | None) -> Vaulted:
    """Return how a column's tokens are made and sealed, for a caller's tenant or the one named. Raises Unfit."""
    key = keys.get(spec.key)
    if key is None:
        raise Unfit(f"there is no key `{spec.key}` under `keys`")
    if isinstance(whose, Subject):
        tenant = tenant_of(key, whose.attributes)
    else:
        tenant = whose
        if (tenant is None) != (key.tenant is None):
            needs = "keeps tenants apart: name one" if tenant is None else "knows no tenants"
            raise Unfit(f"the key `{spec.key}` {needs}")
    domain = spec.key if spec.domain is None else spec.domain
    space = json.dumps([spec.key, domain, tenant], ensure_ascii=False)
    info = _PURPOSE + json.dumps([tenant, domain]).encode()
    seal = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.secret)
    return Vaulted(spec, of, space, derive(key.secret, tenant, domain), Fernet(base64.urlsafe_b64encode(seal)))
