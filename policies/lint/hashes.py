"""Hashes that do not hide: without a key, anybody can hash every value there is and compare."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.errors import Refusal
from policies.faults import Origin
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.mask_specs import ElementsMask, FieldsMask, HashMask, MaskSpec, TokenMask

UNKEYED = frozenset(
    {
        *("md5", "sha1", "sha256", "sha512", "crc32", "xxhash64", "murmur3", "spooky_hash_v2_32", "spooky_hash_v2_64"),
        *("hash", "hash_code", "combine_hash", "farmhash64", "siphash64", "cityhash64"),
    }
)
"""Functions that anybody can compute as well."""
_FEW = re.compile(
    r"(^|_)(ssn|social|sin|nino|phone|mobile|cell|fax|tel|card|pan|cvv|cvc|pin|zip|zipcode|postal|postcode|birth\w*|dob|"
    r"iban|bic|account|gender|sex|age|year|salary)($|_|number|no|code)"
)
_FEW_TAGS = frozenset({"ssn", "phone", "card", "birth", "zip", "iban", "gender"})


def unkeyed(sql: str, identifier: str, origin: Origin) -> Iterator[Finding]:
    """Yield what custom SQL hashes without a key. It is not taken as a policy either; this says why."""
    try:
        tree = parse_expression(sql)
    except Refusal:
        return
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name in UNKEYED or any(name == known.replace("_", "") for known in UNKEYED):
            reason = f"{name}() is a hash without a key: who can guess a value can prove the guess"
            fix = "Write `mask: {kind: hash, key: ...}` with a key of `keys`."
            yield Finding("unsalted-hash", "error", identifier, origin, reason, fix)
            return


def find(scope: Scope) -> Iterator[Finding]:
    """Yield keyed hashes of values of which there are few: a leaked key gives all of them away."""
    for table, rule, _ in scope.masks.values():
        name = rule.column or rule.tag.rpartition(".")[2]
        if rule.spec is not None and table is not None:
            tags = scope.policies.tags_of(table).columns.get(rule.column, frozenset())
            few = bool(_FEW.search(name)) or any(tag.rpartition(".")[2] in _FEW_TAGS for tag in tags)
        else:
            few = name in _FEW_TAGS
        if few and rule.spec is not None and _hashes(rule.spec):
            reason = f"there are so few values of `{name}` that whoever has the key can try them all"
            fix = "Prefer a mask that shows nothing, or a token kept in the vault; guard and change the key."
            yield Finding("low-entropy-hash", "note", rule.id, rule.origin, reason, fix)


def _hashes(spec: MaskSpec) -> bool:
    match spec:
        case HashMask():
            return True
        case TokenMask():
            return not spec.vault
        case ElementsMask():
            return _hashes(spec.mask)
        case FieldsMask():
            return any(_hashes(part) for part in spec.fields.values())
    return False
