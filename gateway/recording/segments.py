"""The journal's files: one folder per worker, numbered segments of lines in it, a lock that tells who lives.

journal/.lock                      held for the moment in which a worker is born or a dead one is claimed
journal/<worker>/lock              held by the worker while it lives, then by whoever ships what it left
journal/<worker>/00000001.jsonl    lines, see `gateway.recording.entries`
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX = ".jsonl"


class Lock:
    """Hold an exclusive lock on a file until released or until the process dies, by whatever death."""

    def __init__(self, descriptor: int) -> None:
        """Keep the locked descriptor."""
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let others have it; idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def keep_from_children(self) -> None:
        """Let forked children go of the lock, so that one of them cannot hold it after the process's death."""
        this = weakref.ref(self)

        def release_in_child() -> None:
            lock = this()
            if lock is not None:
                lock.release()

        os.register_at_fork(after_in_child=release_in_child)


def try_lock(path: Path) -> Lock | None:
    """Lock a file, making it where needed; None if another holds it. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(descriptor)


@dataclass(frozen=True, slots=True)
class Home:
    """One worker's folder, and the lock on it that this process holds."""

    folder: Path
    lock: Lock

    def remove(self) -> None:
        """Delete the folder, then let go of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()


def settle(root: Path) -> Home:
    """Make and lock a folder for a new worker. Raises OSError."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _birth_lock(root):
        folder = root / f"{time.time_ns():x}-{os.getpid()}-{secrets.token_hex(3)}"
        folder.mkdir(mode=0o700)
        lock = try_lock(folder / "lock")
    if lock is None:
        raise OSError(f"the new folder {folder.name} is locked by another process")
    lock.keep_from_children()
    return Home(folder, lock)


def claim_dead(root: Path, *, newest_first: bool = False) -> Iterator[Home]:
    """Yield each folder whose worker is dead, locked, so that no two processes ship the same one at a time."""
    folders = [each for each in root.iterdir() if each.is_dir()] if root.exists() else []
    for folder in sorted(folders, reverse=newest_first):
        with _birth_lock(root):
            try:
                lock = try_lock(folder / "lock")
            except FileNotFoundError:  # another process shipped and removed it meanwhile
                continue
        if lock is not None:
            yield Home(folder, lock)


def segment_path(folder: Path, number: int) -> Path:
    """Return the path of a segment by its number."""
    return folder / f"{number:08d}{_SUFFIX}"


def segment_paths(folder: Path) -> list[Path]:
    """List a folder's segments, oldest first; empty if the folder is gone."""
    try:
        return sorted(each for each in folder.iterdir() if each.suffix == _SUFFIX)
    except FileNotFoundError:
        return []


def segments_size(folder: Path) -> int:
    """Return the bytes of a folder's segments."""
    return sum(path.stat().st_size for path in segment_paths(folder))


@contextmanager
def _birth_lock(root: Path) -> Iterator[None]:
    """Keep births and claims apart: a folder just made and not locked yet must not look dead."""
    descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def force_to_disk(paths: list[Path]) -> None:
    """Wait until the files, and their names in the folder, are on the disk. Raises OSError."""
    for path in [*paths, *({paths[0].parent} if paths else ())]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # shipped and deleted meanwhile
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
