"""Masks that show a declared part of a text: its first or last characters, the last digits of a number, a domain.

A value that has not the form shows nothing of itself, and neither does one that is no longer than what would show.
"""

from __future__ import annotations

from sqlglot import exp

from policies.faults import Unfit
from policies.mask_specs import EmailMask, PartMask, TailMask
from policies.masks.parts import (
    Value,
    at_most,
    both,
    branching,
    call,
    fitted,
    from_end,
    keeping_null,
    literal,
    must_be_text,
    whole,
)

_TEMPLATES = {"ssn": "***-**-6789", "card": "****-****-****-1111", "phone": "***-***-4567"}
_DIGITS = {"ssn": (9, 9), "card": (12, 19), "phone": (7, 15)}
"""How many digits the forms have."""
_SEPARATORS = {"ssn": r"[ \-]", "card": r"[ \-]", "phone": r"[ \-.()/+]"}
_LONGEST = 64
"""Characters beyond which a value is no number of these forms."""
_ADDRESS = r"\A[^@]+@[0-9A-Za-z.-]+\z"
_LONGEST_ADDRESS = 320


def email(spec: EmailMask, value: Value) -> exp.Expr:
    """Return the template, or in front of the value's own domain the template's stars."""
    if spec.template.count("@") != 1 or "*" not in spec.template:
        raise Unfit(f"`{spec.template}` is no e-mail template", "Write one like user-****@****.com.")
    hidden = fitted(spec.template, value)
    if spec.show is None:
        return keeping_null(spec.nulls, value, hidden)
    local = spec.template.partition("@")[0]
    if "*" not in local:
        raise Unfit(f"`{spec.template}` has no stars for what stands before the @")
    shown = call("concat", literal(local + "@"), call("split_part", value.text, literal("@"), whole(2)))
    form = both(at_most(value.text, _LONGEST_ADDRESS), call("regexp_like", value.text, literal(_ADDRESS)))
    if value.room is not None:
        form = both(form, at_most(shown.copy(), value.room))
    ifs = [exp.If(this=form, true=shown)]
    case = exp.Case(ifs=ifs, default=hidden)
    return keeping_null(spec.nulls, value, case)


def tail(spec: TailMask, value: Value) -> exp.Expr:
    """Show the last digits of what is a number of the form once its separators are gone; hide all else whole."""
    template = spec.template or _TEMPLATES[spec.kind]
    stem = template.rstrip("0123456789")
    window = len(template) - len(stem)
    if not 0 < window <= 4 or "*" not in stem or any(c.isalnum() for c in stem):
        raise Unfit(
            f"`{template}` is no template for {spec.kind}",
            f"Write stars and separators, then at most four digits to show: {_TEMPLATES[spec.kind]}.",
        )
    hidden = fitted(stem + "*" * window, value)
    digits = call("regexp_replace", value.text, literal(_SEPARATORS[spec.kind]), literal(""))
    fewest, most = _DIGITS[spec.kind]
    form = call("regexp_like", digits.copy(), literal(rf"\A[0-9]{{{fewest},{most}}}\z"))
    last = call("substr", digits.copy(), from_end(digits.copy(), window), whole(window))
    shown = call("concat", literal(stem), last)
    return branching(value, (both(at_most(value.text, _LONGEST), form), shown), otherwise=hidden)


def part(spec: PartMask, value: Value) -> exp.Expr:
    """Show the first or last characters of longer values; hide all others whole."""
    must_be_text(value)
    fitted("x" * spec.n + spec.fill, value)
    longer = exp.GT(this=call("length", value.text), expression=whole(spec.n))
    if spec.kind == "first_n":
        shown = call("concat", call("substr", value.text, whole(1), whole(spec.n)), literal(spec.fill))
    else:
        last = call("substr", value.text, from_end(value.text, spec.n), whole(spec.n))
        shown = call("concat", literal(spec.fill), last)
    return branching(value, (longer, shown), otherwise=literal(spec.fill))
