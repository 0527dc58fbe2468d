"""Constants by value: two spellings of one constant of one type have one key."""

from __future__ import annotations

import re
from collections.abc import Hashable
from fractions import Fraction

from sqlglot import exp

from catalog.types import TrinoType

_MOMENT = re.compile(r"(\d{1,6})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?)?")
_DIGITS = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_WITHOUT_ZONE = frozenset({"date", "timestamp"})


def constant_key(node: exp.Expr) -> Hashable | None:
    """Return the key of a literal, signed or typed; None for anything else."""
    if isinstance(node, exp.Paren):
        return constant_key(node.this)
    if isinstance(node, exp.Literal):
        return ("text", node.name) if node.is_string else _number(node, node.name)
    if isinstance(node, exp.Neg):
        return _negated(node)
    if isinstance(node, exp.Boolean):
        return ("boolean", bool(node.this))
    if isinstance(node, exp.Null):
        return ("null",)
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return _moment(node)
    return None


def _number(node: exp.Expr, text: str) -> Hashable:
    """Tell numbers apart by type and value: `1` is no `1.0`, and `1.50` is `01.50`."""
    kind = node.meta.get("type")
    shown, digits = (str(kind) if kind is not None else ""), text.replace("_", "")
    if not _DIGITS.fullmatch(digits):  # hexadecimal, octal or binary
        return ("number", shown, digits.lower())
    if shown in ("double", "real"):
        return ("number", shown, repr(float(digits)))
    return ("number", shown, str(int(digits) if digits.isdecimal() else Fraction(digits)))


def _negated(node: exp.Neg) -> Hashable | None:
    inner = node.this.unnest()
    if not isinstance(inner, exp.Literal) or inner.is_string:
        return None
    kind = node.meta.get("type")
    if isinstance(kind, TrinoType) and kind.base in ("double", "real") and not inner.name.strip("0.eE+-"):
        return None  # -0E0 is not 0E0
    return _number(node, f"-{inner.name}")


def _moment(node: exp.Cast) -> Hashable | None:
    """Read `DATE '...'` and `TIMESTAMP '...'` without a zone; a text that is none stays as it is written."""
    kind, inner = node.meta.get("type"), node.this.unnest()
    if not isinstance(kind, TrinoType) or kind.base not in _WITHOUT_ZONE:
        return None
    if not isinstance(inner, exp.Literal) or not inner.is_string:
        return None
    found = _MOMENT.fullmatch(inner.name.strip())
    if found is None or (kind.base == "date" and found[4] is not None):
        return None
    numbers = tuple(int(part or 0) for part in found.groups()[:6])
    return ("moment", str(kind), numbers, (found[7] or "").rstrip("0"))
