"""What engines say of one thing that a certificate rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "moved", "differs", "unknown"]
"""As the certificate says; past, since things moved on; otherwise than it says, at the same versions; not told."""


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that was asked."""

    what: Literal["versions", "fact", "changes", "view", "bounds", "rows", "answer"]
    of: str
    verdict: Verdict
    text: str
