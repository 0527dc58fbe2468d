"""A spool: lines that wait on this host's disk until a sink takes them; they survive the process, and are bounded.

Each worker has a folder of its own with files named by the time they were begun; who lives takes over what a dead
worker left. A file goes when a sink has taken all of it, so that after a crash some lines are sent twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.recording.segments import claim_dead, segment_path, segment_paths, settle

_FILE_BYTES = 65_536


class Spool:
    """Lines in order, oldest first. All calls belong to one thread."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        """Settle in a folder of its own under `root`. Raises OSError."""
        self._root = root
        self._home = settle(root)
        self._max_bytes = max_bytes
        self._files: dict[Path, int] = {}
        self._active: Path | None = None
        self.size = 0
        """Bytes that wait."""

    def put(self, lines: Sequence[bytes]) -> int:
        """Add lines at the end; return how many older ones had to go to make room. Raises OSError."""
        data = b"".join(line + b"\n" for line in lines)
        if self._active is None or self._files[self._active] >= _FILE_BYTES:
            self._active = self._begin()
        descriptor = os.open(self._active, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            if os.write(descriptor, data) != len(data):
                os.ftruncate(descriptor, self._files[self._active])
                raise OSError("half of the lines only")
        finally:
            os.close(descriptor)
        self._grow(self._active, len(data))
        return self._make_room()

    def first(self, besides: Path | None = None) -> Path | None:
        """Return the oldest file, which gets no more lines; `besides` is not meant."""
        found = next((path for path in sorted(self._files) if path != besides), None)
        if found is not None and found == self._active:
            self._active = None
        return found

    def drop(self, path: Path) -> None:
        """Let go of a file."""
        path.unlink(missing_ok=True)
        self.size -= self._files.pop(path, 0)
        if path == self._active:
            self._active = None

    def adopt(self) -> int:
        """Take over what dead workers left; return how many lines had to go to make room. Raises OSError."""
        for home in claim_dead(self._root):
            for path in segment_paths(home.folder):
                target = self._free(int(path.stem))
                path.rename(target)
                self._grow(target, target.stat().st_size)
            home.remove()
        return self._make_room()

    def close(self) -> None:
        """Let go of the folder; delete it if nothing waits in it."""
        if self._files:
            self._home.lock.release()
        else:
            self._home.remove()

    def _begin(self) -> Path:
        path = self._free(time.time_ns())
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        self._files[path] = 0
        return path

    def _free(self, number: int) -> Path:
        """Return a path that no file has, behind all there are where the clock went back."""
        latest = max((int(path.stem) for path in self._files if path == self._active), default=0)
        number = max(number, latest + 1) if self._active is not None else number
        while (path := segment_path(self._home.folder, number)) in self._files:
            number += 1
        return path

    def _grow(self, path: Path, count: int) -> None:
        self._files[path] = self._files.get(path, 0) + count
        self.size += count

    def _make_room(self) -> int:
        lost = 0
        while self.size > self._max_bytes and len(self._files) > 1:
            oldest = min(self._files)
            lost += count_lines(oldest)
            self.drop(oldest)
        return lost


def count_lines(path: Path) -> int:
    """Return how many lines a file holds; none if it is gone."""
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0
