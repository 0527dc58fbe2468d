"""The mask by regular expression: what has the form shows by a template, all else shows a fallback."""

from __future__ import annotations

import re

from sqlglot import exp

from policies.faults import Unfit
from policies.mask_specs import RegexMask
from policies.masks.parts import Value, at_most, both, branching, call, fitted, literal, whole
from policies.masks.patterns import Pattern, read_pattern

_REFERENCE = re.compile(r"\$(\d)|\$(\$)|\$|([^$]+)")
_LONGEST = 256
"""Longer values show the fallback: no pattern takes long over texts of this length."""


def matching(spec: RegexMask, value: Value) -> exp.Expr:
    """Show values that match as a whole by the template, all others by the fallback."""
    hidden = fitted(spec.otherwise, value)
    pattern = read_pattern(spec.pattern)
    parts = [_part(match, pattern, value) for match in _REFERENCE.finditer(spec.show)]
    shown = parts[0] if len(parts) == 1 else call("concat", *parts) if parts else literal("")
    form = both(at_most(value.text, _LONGEST), call("regexp_like", value.text, literal(pattern.text)))
    if all(isinstance(part, exp.Literal) for part in parts):
        fitted("".join(part.name for part in parts), value)
    elif value.room is not None:
        form = both(form, at_most(shown.copy(), value.room))
    return branching(value, (form, shown), otherwise=hidden)


def _part(match: re.Match[str], pattern: Pattern, value: Value) -> exp.Expr:
    """Return a piece of the template: plain text, or a group. Raises Unfit where a group may show too much."""
    if match[2] or match[3]:
        return literal(match[2] or match[3])
    if not match[1] or not 1 <= int(match[1]) <= pattern.groups:
        raise Unfit("the template of a regexp mask refers to a group that is not there", "Write $$ for a plain $.")
    if not pattern.plain:
        raise Unfit("a regexp mask that shows groups can have no alternatives and no repeated groups")
    if pattern.outside < 1:
        raise Unfit("a regexp mask must leave something outside of its groups: it would show its input")
    return call("regexp_extract", value.text, literal(pattern.text), whole(int(match[1])))
