"""Masks that show a declared part of a text: its first or last characters, the last digits of a number."""

from __future__ import annotations

from sqlglot import exp

from catalog.objects import Column
from policies.faults import Unfit
from policies.mask_specs import PartMask, TailMask
from policies.masks.parts import branching, call, fitted, from_end, literal, raw_column, whole

_TEMPLATES = {"ssn": "***-**-6789", "card": "****-****-****-1111", "phone": "***-***-4567"}
_SHORTEST = {"ssn": 9, "card": 12, "phone": 7}
"""Values with fewer characters than this show nothing of themselves."""


def tail(spec: TailMask, column: Column) -> exp.Expr:
    """Show the last digits of values that end in as many digits; hide all others whole."""
    template = spec.template or _TEMPLATES[spec.kind]
    stem = template.rstrip("0123456789")
    window = len(template) - len(stem)
    if not 0 < window <= 4 or "*" not in stem or any(c.isalnum() for c in stem):
        raise Unfit(
            f"`{template}` is no template for {spec.kind}",
            f"Write stars and separators, then at most four digits to show: {_TEMPLATES[spec.kind]}.",
        )
    hidden = fitted(stem + "*" * window, column)
    raw = raw_column(column)
    last = [call("substr", raw.copy(), from_end(raw, window - i), whole(1)) for i in range(window)]
    shown: exp.Expr = exp.GTE(this=call("length", raw.copy()), expression=whole(_SHORTEST[spec.kind]))
    for digit in last:
        is_digit = exp.Between(this=digit, low=literal("0"), high=literal("9"))
        shown = exp.And(this=shown, expression=is_digit)
    tail = call("substr", raw.copy(), from_end(raw, window), whole(window))
    return branching(column, (shown, call("concat", literal(stem), tail)), otherwise=hidden)


def part(spec: PartMask, column: Column) -> exp.Expr:
    """Show the first or last characters of longer values; hide all others whole."""
    raw = raw_column(column)
    fitted("x" * spec.n + spec.fill, column)
    longer = exp.GT(this=call("length", raw.copy()), expression=whole(spec.n))
    if spec.kind == "first_n":
        shown = call("concat", call("substr", raw.copy(), whole(1), whole(spec.n)), literal(spec.fill))
    else:
        tail = call("substr", raw.copy(), from_end(raw, spec.n), whole(spec.n))
        shown = call("concat", literal(spec.fill), tail)
    return branching(column, (longer, shown), otherwise=literal(spec.fill))
