"""Masks by a key: equal values stay equal, and nobody without the key can try values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.objects import Column
from policies.faults import Unfit
from policies.mask_specs import HashMask
from policies.masks.parts import call, fitted, literal, raw_column


@dataclass(frozen=True, slots=True)
class HashKey:
    """A key for hashes and the engines whose query text is safe from readers."""

    secret: bytes
    engines: frozenset[str]


def keyed_hash(spec: HashMask, column: Column, engine: str, keys: Mapping[str, HashKey]) -> exp.Expr:
    """Return the HMAC of the value in hexadecimal, where the engine can take the key safely."""
    key = keys.get(spec.key)
    if key is None:
        raise Unfit(f"there is no key `{spec.key}` under `keys`")
    if engine not in key.engines:
        raise Unfit(
            f"the key `{spec.key}` cannot be handed to the engine {engine} safely: it would stand in its query text",
            "Use `redact`, or list the engine under the key once nobody but operators can read its query texts.",
        )
    fitted("0" * 64, column)
    secret = call("from_hex", literal(key.secret.hex()))
    return call("lower", call("to_hex", call("hmac_sha256", call("to_utf8", raw_column(column)), secret)))
