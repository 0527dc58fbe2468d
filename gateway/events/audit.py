"""What becomes of the audit: its chain, its anchors, its sinks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.audit.links import Head, Link


@dataclass(frozen=True, slots=True)
class AuditAppended:
    """The audit's chain took entries; those `known` were in it already and were sent again."""

    new: tuple[Link, ...]
    known: tuple[Link, ...]
    head: Head


@dataclass(frozen=True, slots=True)
class AuditAnchored:
    """The chain's end at this moment, to be kept where the database's keeper has no hand."""

    head: Head


@dataclass(frozen=True, slots=True)
class AuditChainBroken:
    """The chain does not hold an end that this gateway had seen: it was cut, bent, or the store is another one."""

    expected: Head
    found: Head


@dataclass(frozen=True, slots=True)
class AuditSinkChanged:
    """A sink of the audit began or ceased to take entries; they wait in its spool."""

    sink: str
    up: bool
    reason: str = ""
    """The kind of the error, without addresses."""


@dataclass(frozen=True, slots=True)
class AuditForwarded:
    """A sink took entries; so many bytes still wait in its spool."""

    sink: str
    entries: int
    waiting_bytes: int


@dataclass(frozen=True, slots=True)
class AuditForwardingLost:
    """Entries will never reach a sink: its spool was full or not writable. The chain in the store has them."""

    sink: str
    entries: int
    reason: str
