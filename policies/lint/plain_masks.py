"""Masks that return their input, or so much of it that it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from policies.decisions import Subject
from policies.expressions import bind
from policies.faults import Unfit
from policies.lint.findings import Finding, Severity
from policies.lint.samples import reads, shown_share, texts_of
from policies.lint.scope import Scope
from policies.lint.truth import always
from policies.mask_choice import ColumnRule
from policies.mask_specs import (
    ElementsMask,
    FieldsMask,
    LookupMask,
    MaskSpec,
    NoiseMask,
    PartMask,
    RegexMask,
    RoundMask,
)

_CODE = "mask-shows-input"
_NEARLY = 0.75
"""The part of a typical value from which on the rest can be guessed."""
_FIX = "Use a kind of mask that hides (`redact`, `hash`, `last_n`), or say `mask: none` on purpose."


def find(scope: Scope) -> Iterator[Finding]:
    """Yield masks under which the value can be read."""
    for _, rule, _ in scope.masks.values():
        if rule.spec is None:
            continue
        if _never_masks(rule):
            reason = "its condition on rows leaves every row as it is: nothing is masked"
            yield Finding(_CODE, "error", rule.id, rule.origin, reason, "Mend the condition, or take it out.")
            continue
        found = _of_sql(rule) if rule.expression is not None else _of_spec(rule.spec, rule.column)
        if found is not None:
            severity, reason = found
            yield Finding(_CODE, severity, rule.id, rule.origin, reason, _FIX)


def _never_masks(rule: ColumnRule) -> bool:
    condition = rule.condition
    return condition is not None and always(condition.expression.tree, condition.unless)


def _of_sql(rule: ColumnRule) -> tuple[Severity, str] | None:
    """Compute custom SQL on typical values."""
    if rule.expression is None:
        return None
    somebody = Subject("somebody", frozenset(), tuple((name, "0") for name in sorted(rule.expression.attributes)))
    try:
        share = shown_share(bind(rule.expression, somebody), rule.column)
    except Unfit:
        return None
    if share == 1.0:
        return "error", f"the value of `{rule.column}` can be read in what the mask shows"
    if share >= 0.5:
        return "warning", f"many typical values of `{rule.column}` can be read in what the mask shows"
    return None


def _of_spec(spec: MaskSpec, column: str) -> tuple[Severity, str] | None:
    match spec:
        case PartMask():
            longest = max(len(value) for value in texts_of(column))
            if spec.n >= _NEARLY * longest:
                return "warning", f"it shows {spec.n} characters, nearly all of a typical value that is longer"
        case RegexMask():
            return _of_pattern(spec, column)
        case RoundMask():
            if Decimal(str(spec.to)) <= Decimal("0.01"):
                return "warning", f"rounded to multiples of {spec.to}, most numbers are as they were"
        case NoiseMask():
            if Decimal(str(spec.to)) == 0:
                return "error", "noise of 0 leaves every number as it is"
        case LookupMask():
            if all(key == value for key, value in spec.values.items()):
                return "error", "its list gives each value itself"
        case ElementsMask():
            return _of_spec(spec.mask, column)
        case FieldsMask():
            return next((found for part in spec.fields.values() if (found := _of_spec(part, column))), None)
    return None


def _of_pattern(spec: RegexMask, column: str) -> tuple[Severity, str] | None:
    """Try a pattern on typical values, in Python's dialect; what that does not know is left alone."""
    values = texts_of(column)
    try:
        pattern = re.compile(spec.pattern, re.DOTALL)
        template = re.sub(r"\$(\d+)", r"\\g<\1>", spec.show.replace("\\", "\\\\"))
        shown = [m.expand(template) if (m := pattern.fullmatch(value)) else spec.otherwise for value in values]
    except (re.error, IndexError):
        return None
    if all(reads(value, text) for value, text in zip(values, shown, strict=True)):
        return "error", f"`{spec.show}` is the whole of every value that matches the pattern"
    return None
