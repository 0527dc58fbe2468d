"""Faults of policy files: where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule stands: file, path of keys, line from 1."""

    file: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. For operators and stewards: never shown to users, since it may quote policy text."""

    origin: Origin
    message: str
    hint: str = ""
    kind: str = ""
    """What lint calls it, where it is no fault but a rule that contradicts another or has no effect."""

    def __str__(self) -> str:
        """Return `file:line: path: message. Hint`."""
        where = f"{self.origin.file}:{self.origin.line}"
        path = f"{self.origin.path}: " if self.origin.path else ""
        return f"{where}: {path}{self.message}{f'. {self.hint}' if self.hint else ''}"


class PolicyError(Exception):
    """Hold every fault of a set of policy files; none of it is in force."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep the faults in the files' order."""
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class Unfit(Exception):  # noqa: N818  (an answer about a rule, placed by the caller)
    """Say why an expression or mask cannot be used; the caller adds where it stands."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep message and mend apart."""
        super().__init__(message)
        self.message = message
        self.hint = hint
