"""A sink that is a file of JSON lines, rotated by size; the workers of a host share it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path


class JsonLinesSink:
    """Append lines to a file; past its size it becomes `.1`, that one `.2`, and the last one goes."""

    sure = True

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        """Name the file; its folder is made when first needed."""
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep

    async def send(self, lines: Sequence[bytes]) -> None:
        """Append lines and have them on the disk. Raises OSError."""
        await asyncio.to_thread(self._write, b"".join(line + b"\n" for line in lines))

    def alive(self) -> bool:
        """Tell that there is no connection to lose."""
        return True

    async def close(self) -> None:
        """Do nothing: the file is opened for each batch."""

    def _write(self, data: bytes) -> None:
        """Write under a lock, so that no worker writes to a file that another is rotating."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._numbered("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._path.exists() and self._path.stat().st_size + len(data) > self._max_bytes:
                self._rotate()
            self._append(data)
        finally:
            os.close(lock)

    def _append(self, data: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            if os.write(descriptor, data) != len(data):
                os.ftruncate(descriptor, before)
                raise OSError("half of the lines only")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _rotate(self) -> None:
        self._numbered(str(self._keep)).unlink(missing_ok=True)
        for number in range(self._keep - 1, 0, -1):
            if self._numbered(str(number)).exists():
                self._numbered(str(number)).rename(self._numbered(str(number + 1)))
        self._path.rename(self._numbered("1"))

    def _numbered(self, end: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{end}")
