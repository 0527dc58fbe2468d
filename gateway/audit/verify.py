"""Walk the whole chain and say whether it is what was written: page by page, so that memory is bounded.

Every link is checked by its own hash, by the hash before it, and by its number; the end by anchors: heads that were
told to somebody else. Without an anchor, links cut from the end leave no trace in what is left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.audit.links import START, ChainKeys, Head, Link

FaultKind = Literal["altered", "missing", "unlinked", "inserted", "unkeyed", "unknown key", "anchor", "cut"]
"""What can be wrong; docs/audit.md explains each."""

MAX_FAULTS = 100
"""How many faults are told; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One place at which the chain is not what was written."""

    seq: int
    """The first link that is wrong or missing."""
    kind: FaultKind
    text: str


@dataclass(slots=True)
class Report:
    """What a walk found."""

    links: int = 0
    head: Head = START
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    unkeyed: int = 0
    """Links whose hashes need no key, so that who keeps the database could have made them all anew."""
    anchors: int = 0
    """Anchors that were held against the chain."""

    @property
    def intact(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.fault_count == 0

    def told(self, seconds: float) -> dict[str, Any]:
        """Return the report as programs read it."""
        return {
            "intact": self.intact,
            "links": self.links,
            "head": {"seq": self.head.seq, "hash": self.head.hash},
            "anchors": self.anchors,
            "unkeyed": self.unkeyed,
            "fault_count": self.fault_count,
            "faults": [{"seq": fault.seq, "kind": fault.kind, "text": fault.text} for fault in self.faults],
            "seconds": round(seconds, 3),
        }

    def add(self, seq: int, kind: FaultKind, text: str) -> None:
        """Note a fault."""
        self.fault_count += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(seq, kind, text))


async def verify(
    pages: AsyncIterator[Sequence[Link]],
    keys: ChainKeys,
    anchors: Iterable[Head] = (),
    *,
    unkeyed_until: int = 0,
    after: Head = START,
) -> Report:
    """Walk the links, in order of their numbers, and hold them against the keys and the anchors.

    `unkeyed_until` is the number of the last link from before there was a key; `after` is where the walk begins.
    """
    walk = _Walk(keys, _by_number(anchors), unkeyed_until, after)
    async for page in pages:
        for link in page:
            walk.take(link)
    walk.end()
    return walk.report


def _by_number(anchors: Iterable[Head]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for seq, digest in anchors:
        found.setdefault(seq, set()).add(digest)
    return found


class _Walk:
    """The state of one walk: the link before, and what was found."""

    def __init__(self, keys: ChainKeys, anchors: Mapping[int, set[str]], unkeyed_until: int, after: Head) -> None:
        self._keys = keys
        self._anchors = anchors
        self._unkeyed_until = unkeyed_until
        self._before = after
        self._passed: set[int] = set()
        self.report = Report(head=after)

    def take(self, link: Link) -> None:
        """Check one link, then go on from it as it stands, so that one fault is told once."""
        self.report.links += 1
        self._check_place(link)
        self._check_hash(link)
        told = self._anchors.get(link.seq)
        if told is not None:
            self._passed.add(link.seq)
            self.report.anchors += len(told)
            if told != {link.hash}:
                self.report.add(link.seq, "anchor", f"link {link.seq} is not the one that an anchor tells of")
        self._before = Head(link.seq, link.hash)
        self.report.head = self._before

    def _check_place(self, link: Link) -> None:
        due = self._before.seq + 1
        if link.seq < due:
            self.report.add(link.seq, "inserted", f"link {link.seq} stands before the chain's beginning")
        elif link.seq > due:
            gone = f"link {due} is" if link.seq == due + 1 else f"links {due} to {link.seq - 1} are"
            self.report.add(due, "missing", f"{gone} missing")
        elif link.prev != self._before.hash:
            self.report.add(link.seq, "unlinked", f"link {link.seq} does not follow the link before it")

    def _check_hash(self, link: Link) -> None:
        if not self._keys.knows(link.key_id):
            text = f"link {link.seq} was made with the key {link.key_id!r}, which the configuration does not have"
            self.report.add(link.seq, "unknown key", text)
            return
        if link.key_id == "":
            self.report.unkeyed += 1
            if self._keys.current and link.seq > self._unkeyed_until:
                text = f"link {link.seq} was made without a key; if that was before there was one, set unkeyed_until"
                self.report.add(link.seq, "unkeyed", text)
        if self._keys.hash(link) != link.hash:
            self.report.add(link.seq, "altered", f"link {link.seq} is not as it was written")

    def end(self) -> None:
        """Hold against the chain the anchors that no link answered to."""
        for seq in sorted(set(self._anchors) - self._passed):
            if seq > self.report.head.seq:
                text = f"the chain ends at {self.report.head.seq}, and an anchor tells of link {seq}"
                self.report.anchors += 1
                self.report.add(self.report.head.seq + 1, "cut", text)
