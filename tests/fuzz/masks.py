"""Masks, computed from docs/policies.md in plain Python: the other opinion on what a masked column shows."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.fuzz.choices import Choices
from tests.fuzz.world import Relation

KEY_NAME, KEY_VARIABLE = "fuzz", "PENSTOCK_FUZZ_KEY"
KEY = "a-key-for-the-fuzzer-that-is-32-characters-long"
Spec = dict[str, Any]
_TEXTS = ("varchar", "varchar(20)", "varchar(11)")
_NUMBERS = ("bigint", "integer", "decimal(12,2)", "double")
_MOMENTS = ("date", "timestamp(6)")


def draw_spec(relation: Relation, column: str, choices: Choices) -> Spec:
    """Draw a mask of the library that fits a column."""
    kind = _room(relation.columns[column])
    fitting = [make for kinds, make in _DRAWN if kind in kinds]
    return choices.pick(fitting)(kind, choices) if fitting else {"kind": "null"}


def _room(kind: str) -> str:
    """Return the type whose masks fit: texts by how long they may be."""
    length = kind.removeprefix("varchar(").removesuffix(")")
    if not length.isdigit():
        return kind
    return "varchar(20)" if int(length) >= 20 else "varchar(11)" if int(length) >= 11 else "varchar(short)"


def masked(spec: Spec, kind: str, value: Any) -> Any:
    """Return what a mask of the library shows instead of a value of a type."""
    if value is None and spec.get("nulls") != "hide":
        return None
    return _SHOWN[spec["kind"]](spec, kind, value)


def _draw_constant(kind: str, choices: Choices) -> Spec:
    values: dict[str, Any] = {"bigint": 7, "integer": 7, "double": 7, "decimal(12,2)": "7.50", "boolean": True}
    values |= {"date": "1999-12-31", "timestamp(6)": "1999-12-31 23:59:59"}
    return {"kind": "constant", "value": values.get(kind, "hid"), "nulls": choices.pick(("keep", "hide"))}


def _draw_keyed(kind: str, choices: Choices) -> Spec:
    token = {"kind": "token", "key": KEY_NAME, "length": 16, "prefix": choices.pick(("", "t-"))}
    return choices.pick(({"kind": "hash", "key": KEY_NAME}, token))


_SIMPLE = (*_TEXTS, *_NUMBERS, *_MOMENTS, "boolean")
_DRAWN: tuple[tuple[tuple[str, ...], Callable[[str, Choices], Spec]], ...] = (
    (_SIMPLE, lambda _, c: {"kind": "null"}),
    (_SIMPLE, lambda _, c: {"kind": "redact", "nulls": c.pick(("keep", "hide"))}),
    (_SIMPLE, _draw_constant),
    (("varchar", "varchar(20)"), lambda _, c: {"kind": "email", "template": "user-**@**.com"}),
    (_TEXTS, lambda _, c: {"kind": c.pick(("ssn", "phone", "card")), "template": c.pick(("***-**-6789", "**-89"))}),
    (_TEXTS, lambda _, c: {"kind": c.pick(("first_n", "last_n")), "n": c.number(1, 5), "fill": c.pick(("****", "~"))}),
    (("varchar",), _draw_keyed),
    (_MOMENTS, lambda _, c: {"kind": c.pick(("year", "month"))}),
    (_NUMBERS, lambda _, c: {"kind": "round", "to": c.pick((10, 100, 3))}),
    (("decimal(12,2)", "double"), lambda _, c: {"kind": "round", "to": c.pick(("0.5", "2.25"))}),
)


def _constant(spec: Spec, kind: str, value: Any) -> Any:
    constant = spec["value"]
    if kind == "date":
        return dt.date.fromisoformat(constant)
    if kind == "timestamp(6)":
        return dt.datetime.fromisoformat(constant)
    if kind == "decimal(12,2)":
        return Decimal(constant)
    return float(constant) if kind == "double" else constant


def _redact(spec: Spec, kind: str, value: Any) -> Any:
    neutral: dict[str, Any] = {
        "bigint": 0,
        "integer": 0,
        "double": 0.0,
        "decimal(12,2)": Decimal("0.00"),
        "boolean": False,
        "date": dt.date(1970, 1, 1),
        "timestamp(6)": dt.datetime(1970, 1, 1),
    }
    return neutral.get(kind, "****")


_FORMS = {"ssn": ("- ", 9, 9), "card": ("- ", 12, 19), "phone": ("- .()/+", 7, 15)}
"""The separators of each form, and how many digits it has."""


def _tail(spec: Spec, kind: str, value: str) -> str:
    separators, fewest, most = _FORMS[spec["kind"]]
    stem = spec["template"].rstrip("0123456789")
    window = len(spec["template"]) - len(stem)
    digits = "".join(c for c in value if c not in separators)
    shown = fewest <= len(digits) <= most and len(value) <= 64 and all(c in "0123456789" for c in digits)
    return stem + (digits[-window:] if shown else "*" * window)


def _part(spec: Spec, kind: str, value: str) -> str:
    if len(value) <= spec["n"]:
        return str(spec["fill"])
    return value[: spec["n"]] + spec["fill"] if spec["kind"] == "first_n" else spec["fill"] + value[-spec["n"] :]


def _hash(spec: Spec, kind: str, value: str) -> str:
    digest = hmac.new(_derived(spec["key"]), value.encode(), hashlib.sha256).hexdigest()
    return digest if spec["kind"] == "hash" else spec["prefix"] + digest[: spec["length"]]


def _derived(domain: str) -> bytes:
    """Derive the key of a domain without tenants: HKDF (RFC 5869) by hand."""
    seed = hmac.new(bytes(32), KEY.encode(), hashlib.sha256).digest()
    info = b"penstock mask key v1" + json.dumps([None, domain]).encode()
    return hmac.new(seed, info + b"\x01", hashlib.sha256).digest()


def _period(spec: Spec, kind: str, value: Any) -> Any:
    start: dict[str, int] = {"day": 1} | ({"month": 1} if spec["kind"] == "year" else {})
    if isinstance(value, dt.datetime):
        return value.replace(**start, hour=0, minute=0, second=0, microsecond=0)  # type: ignore[arg-type]  # the words of a test
    return value.replace(**start)


def _round(spec: Spec, kind: str, value: Any) -> Any:
    if isinstance(value, float):
        return math.trunc(value / float(spec["to"])) * float(spec["to"]) + 0.0
    if isinstance(value, Decimal):
        return value - value % Decimal(str(spec["to"]))
    return value - (value % spec["to"] if value >= 0 else -(-value % spec["to"]))


_SHOWN: dict[str, Callable[[Spec, str, Any], Any]] = {
    "null": lambda spec, kind, value: None,
    "constant": _constant,
    "redact": _redact,
    "email": lambda spec, kind, value: spec["template"],
    "ssn": _tail,
    "phone": _tail,
    "card": _tail,
    "first_n": _part,
    "last_n": _part,
    "hash": _hash,
    "token": _hash,
    "year": _period,
    "month": _period,
    "round": _round,
}
KINDS = frozenset(_SHOWN)
"""The kinds of the library that are drawn."""
