"""What lint says: a finding, with the rule that it is about, where that stands, why it matters, and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from policies.faults import Origin

Severity = Literal["error", "warning", "note"]
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that lint found. For stewards: it may quote policy text."""

    code: str
    severity: Severity
    rule: str
    """The id of the rule; empty where it is about no single rule."""
    origin: Origin
    reason: str
    fix: str

    def __str__(self) -> str:
        """Return `file:line: severity [code] rule: reason. Fix`."""
        about = f"{named}: " if (named := self.rule or self.origin.path) else ""
        text = f"{self.origin.file}:{self.origin.line}: {self.severity} [{self.code}] {about}{self.reason}"
        return f"{text}. {self.fix}" if self.fix else text


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings once each: errors first, then as they stand in the files."""

    def place(found: Finding) -> tuple[int, str, int, str, str]:
        return _ORDER[found.severity], found.origin.file, found.origin.line, found.code, found.reason

    return tuple(sorted(dict.fromkeys(findings), key=place))
