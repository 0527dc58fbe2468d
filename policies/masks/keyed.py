"""Masks by a key: equal values stay equal, and nobody without the key can try values.

A key never leaves as it is: each tenant and domain has one of its own, derived from it (HKDF, RFC 5869). The derived
key stands in the SQL text, so only engines whose query texts are safe from readers get such masks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlglot import exp

from catalog.types import BIGINT, INTEGRAL, TrinoType, decimal
from policies.faults import Unfit
from policies.mask_specs import HashMask, NoiseMask, TokenMask
from policies.masks.literals import BITS, exact_steps, in_steps, is_number
from policies.masks.parts import (
    TEXT,
    Value,
    branching,
    call,
    exact_type,
    fitted,
    hashed_text,
    literal,
    must_be_text,
    typed,
    whole,
)

_PURPOSE = b"penstock mask key v1"
NUMBER_DIGITS = 15
"""Hexadecimal digits that make a number: 60 bits always fit a bigint."""
_MOST_DIGITS = 15
"""Digits that a count of steps may have."""


@dataclass(frozen=True, slots=True)
class HashKey:
    """A key for hashes and the engines whose query text is safe from readers."""

    secret: bytes = field(repr=False)
    engines: frozenset[str]
    tenant: str | None = None
    """The attribute of the caller that names his tenant; None where all share one."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of a policy as one caller on one engine has them."""

    engine: str
    keys: Mapping[str, HashKey]
    attributes: tuple[tuple[str, str], ...] = ()
    """The caller's attributes, one of which may name his tenant."""

    def derived(self, name: str, domain: str | None) -> bytes:
        """Return a domain's key for the caller's tenant. Raises Unfit where engine or caller cannot have it."""
        key = self.keys.get(name)
        if key is None:
            raise Unfit(f"there is no key `{name}` under `keys`")
        if self.engine not in key.engines:
            raise Unfit(
                f"the key `{name}` cannot be handed to the engine {self.engine} safely: "
                "it would stand in its query text",
                "Use `redact`, or list the engine under the key once nobody but operators can read its query texts.",
            )
        return derive(key.secret, tenant_of(key, self.attributes), name if domain is None else domain)


def tenant_of(key: HashKey, attributes: tuple[tuple[str, str], ...]) -> str | None:
    """Return the tenant whose keys a caller has; None where all share them. Raises Unfit where none is certain."""
    if key.tenant is None:
        return None
    found = [value for name, value in attributes if name == key.tenant]
    if len(found) != 1 or not found[0]:
        raise Unfit(f"the caller has no single attribute `{key.tenant}`, which names his tenant")
    return found[0]


def derive(secret: bytes, tenant: str | None, domain: str) -> bytes:
    """Return the key of one tenant and domain."""
    info = _PURPOSE + json.dumps([tenant, domain]).encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def keyed_hash(spec: HashMask, value: Value, keys: Keyring) -> exp.Expr:
    """Return the HMAC of the value in hexadecimal."""
    must_be_text(value)
    return branching(value, otherwise=_hexadecimal(value, keys.derived(spec.key, spec.domain), 64))


def token(spec: TokenMask, value: Value, keys: Keyring) -> exp.Expr:
    """Return a short name for the value: hexadecimal digits of its HMAC, or a positive number for a bigint."""
    secret = keys.derived(spec.key, spec.domain)
    if value.type == BIGINT:
        return branching(value, otherwise=_number(value, secret))
    fitted(spec.prefix + "0" * spec.length, value)
    digits = call("substr", _hexadecimal(value, secret, spec.length), whole(1), whole(spec.length))
    return branching(value, otherwise=call("concat", literal(spec.prefix), digits) if spec.prefix else digits)


def noise(spec: NoiseMask, value: Value, keys: Keyring) -> exp.Expr:
    """Move a number by 1 to `to` of its type's smallest steps, always alike for the same number.

    Within that distance of an end of the type the way leads back, so that nothing overflows.
    """
    steps = _steps(spec, value)
    secret = keys.derived(spec.key, spec.domain)
    size = exp.Add(this=exp.Mod(this=_number(value, secret), expression=whole(steps)), expression=whole(1))
    moved = _counted(size, value.type)
    top, scale = _last_step(value.type) - steps, _scale(value.type)
    even = exp.EQ(this=exp.Mod(this=_number(value, secret, other=True), expression=whole(2)), expression=whole(0))
    more, less = exp.Add(this=value.raw, expression=moved), exp.Sub(this=value.raw, expression=moved.copy())
    return branching(
        value,
        (exp.GT(this=value.raw, expression=typed(in_steps(top, scale), value.type)), less),
        (exp.LT(this=value.raw, expression=typed(in_steps(-top, scale), value.type)), more),
        (even, more.copy()),
        otherwise=less.copy(),
    )


def _steps(spec: NoiseMask, value: Value) -> int:
    """Return how many of the type's smallest steps the noise may reach. Raises Unfit."""
    kind = value.type
    if kind.base not in (*INTEGRAL, "decimal"):
        raise Unfit(f"noise masks whole numbers and decimals; `{value.name}` is {kind}")
    if not is_number(str(spec.to), kind):
        raise Unfit(f"`{spec.to}` is no number that {kind} of `{value.name}` can hold")
    steps = exact_steps(Decimal(str(spec.to)), _scale(kind)) or 0
    if not 2 <= steps < 10**_MOST_DIGITS or 2 * steps > _last_step(kind):
        raise Unfit(f"noise of {spec.to} is too little or too much for {kind} of `{value.name}`")
    return steps


def _counted(count: exp.Expr, kind: TrinoType) -> exp.Expr:
    """Return a count of a type's smallest steps as a number of that type."""
    as_type = exact_type(kind if kind.base in INTEGRAL else decimal(_MOST_DIGITS))
    counted = exp.Cast(this=exp.Paren(this=count), to=as_type)
    if kind.base in INTEGRAL:
        return counted
    scale = _scale(kind)
    step = typed(in_steps(1, scale), decimal(max(scale, 1), scale))
    return exp.Cast(this=exp.Mul(this=counted, expression=step), to=exact_type(kind))


def _scale(kind: TrinoType) -> int:
    return kind.numbers[1] if kind.base == "decimal" else 0


def _last_step(kind: TrinoType) -> int:
    """Return the largest number whose negative the type holds too, in its smallest steps."""
    return 2 ** BITS[kind.base] - 1 if kind.base in INTEGRAL else int(10 ** kind.numbers[0]) - 1


def _hexadecimal(value: Value, secret: bytes, length: int) -> exp.Expr:
    """Return the HMAC of a text or of a number's digits. Raises Unfit where its digits do not fit the column."""
    if value.type.base in TEXT:
        fitted("0" * length, value)
    return call("lower", call("to_hex", _hmac(value, secret)))


def _hmac(value: Value, secret: bytes) -> exp.Expr:
    return call("hmac_sha256", call("to_utf8", hashed_text(value)), call("from_hex", literal(secret.hex())))


def _number(value: Value, secret: bytes, *, other: bool = False) -> exp.Expr:
    """Return a number of 60 bits from the first part of the HMAC, or from another part."""
    start = whole(17 if other else 1)
    return call(
        "from_base", call("substr", call("to_hex", _hmac(value, secret)), start, whole(NUMBER_DIGITS)), whole(16)
    )
