"""A copy of the store's live documents on this host, so that a start without the store knows the last good policy."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.policy_store.store import Version


class _Copy(msgspec.Struct, frozen=True):
    store: str
    """Of which store: a hash of its address, which may hold a password."""
    live: tuple[Version, ...]


class KeptCopy:
    """Keep the copy in a file that only its owner may read; the workers of one host share it."""

    def __init__(self, folder: Path, store_url: str) -> None:
        """Name the folder; it is made when first needed."""
        self._path = folder / "policies.json"
        self._store = hashlib.sha256(store_url.encode()).hexdigest()

    def read(self) -> tuple[Version, ...] | None:
        """Return what was live when the store was last read; None where that is not known of this store."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Copy)
        except (OSError, msgspec.MsgspecError):
            return None
        return found.live if found.store == self._store else None

    def write(self, live: Sequence[Version]) -> None:
        """Keep the documents in the place of those before, whole or not at all. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self._path.parent, prefix=".policies-")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(msgspec.json.encode(_Copy(self._store, tuple(live))))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
