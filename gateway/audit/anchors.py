"""Anchors: heads of the chain kept where the database's keeper has no hand, so that a cut end is found.

Each host keeps its own in `data_dir/audit/anchors.jsonl`; every one also goes to the log and to the sinks. A later
anchor holds all that an earlier one did, so that the file may let go of old ones.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.audit.links import START, Head

_MOST_BYTES = 1 << 20


class _Anchor(msgspec.Struct):
    seq: int
    hash: str
    at: float = 0.0
    store: str = ""


def store_name(url: str) -> str:
    """Return a name for a store that does not tell its address, which may hold a password."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


class Anchors:
    """This host's anchors of one store; its workers share the file."""

    def __init__(self, folder: Path, store_url: str) -> None:
        """Name the folder; it is made when first needed."""
        self._path = folder / "anchors.jsonl"
        self._store = store_name(store_url)

    def write(self, head: Head) -> None:
        """Keep an anchor; past its size the file takes the place of `anchors.jsonl.1`. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = msgspec.json.encode(_Anchor(head.seq, head.hash, time.time(), self._store)) + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line)
            if os.fstat(descriptor).st_size > _MOST_BYTES:
                self._path.replace(self._older)
        finally:
            os.close(descriptor)

    def read(self) -> list[Head]:
        """Return the anchors of this store, as far as they can be read."""
        found: list[Head] = []
        for path in (self._older, self._path):
            try:
                found += heads_in(path, self._store)
            except OSError:
                continue
        return found

    def last(self) -> Head:
        """Return the furthest head known; the chain's beginning where none is."""
        return max(self.read(), default=START, key=lambda head: head.seq)

    @property
    def _older(self) -> Path:
        return self._path.with_suffix(".jsonl.1")


def heads_in(path: Path, store: str | None = None) -> Iterator[Head]:
    """Yield the heads that lines of JSON tell of: anchors, the gateway's log, a sink's file. Raises OSError.

    Of lines with `store` only those of this one count; a line that tells of none is passed over.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                anchor = msgspec.json.decode(line, type=_Anchor)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            if len(anchor.hash) == 64 and (store is None or anchor.store == store):
                yield Head(anchor.seq, anchor.hash)
