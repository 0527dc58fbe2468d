"""Count what statements read from storage, each for itself, though they run at once on one DuckDB.

A statement that ends well is counted by DuckDB's profile of it; one that fails, is cancelled, still runs or had to put
rows aside on disk, by DuckDB's log of reads, which tells those of tables from others. Both say the same: bytes asked of
the file system by the statement's own connection; the log also has the ends of files that a join's tables were measured
by, before it began. DuckDB keeps nothing of local files, so that the same question over
the same snapshot counts the same, unless its answer needs only some of the rows (LIMIT) and threads race for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb
import msgspec

_BY_CONNECTION = (
    "SELECT connection_id, sum(CAST(json_extract_string(message, '$.bytes') AS BIGINT)), count(*) FROM duckdb_logs"
    ' WHERE connection_id IS NOT NULL AND message LIKE \'%"op":"READ"%\' GROUP BY 1'
)
_EVERY = 0.025
"""Seconds between looks at statements with a limit: what they read in between is not stopped."""
_EACH = 64
"""After so many statements the log is emptied, if none runs or it has become long."""
_LONG = 50_000
"""Reads that the log may hold before it is emptied although statements run."""
_KEPT = 20_000


class _Io(msgspec.Struct):
    total_bytes_read: int = 0
    total_bytes_written: int = 0
    """By a query only what it had to put aside, whose reading back the profile counts, too."""


class _Query(msgspec.Struct):
    total_rows_scanned: int = 0


class _Profile(msgspec.Struct):
    io: _Io | None = None
    query: _Query | None = None


@dataclass(slots=True)
class Reading:
    """What one statement has read so far."""

    limit: int | None = None
    bytes: int | None = None
    """Bytes so far; None while nobody looked."""
    rows: int | None = None
    exceeded: bool = False
    """It was stopped because it read more than its limit."""
    final: bool = False
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    elsewhere: int = 0
    """Bytes of files that are read for it by other means than DuckDB."""
    connection: int | None = None

    def add(self, size: int) -> None:
        """Count files that are read as a whole on the statement's behalf."""
        self.elsewhere += size
        self.bytes = (self.bytes or 0) + size

    @property
    def beyond(self) -> bool:
        """Tell whether it has read more than it may."""
        return self.limit is not None and (self.bytes or 0) > self.limit


class Meter:
    """Count the reads of all statements on one DuckDB."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        """Use a connection of its own; the log of reads must have been switched on."""
        self._looking = database.cursor()
        self._lock = threading.Lock()
        self._running = 0
        self._ended = 0
        self._emptied: dict[int, int] = {}
        """Bytes of connections whose reads were taken out of the log."""
        self._watched: dict[int, tuple[Reading, Callable[[], None]]] = {}
        self._wake = threading.Condition(self._lock)
        self._watcher: threading.Thread | None = None
        self._closed = False

    def begin(self, cursor: duckdb.DuckDBPyConnection, limit: int | None, stop: Callable[[], None]) -> Reading:
        """Count a statement from now on; beyond its limit `stop` is called, from another thread."""
        cursor.execute("SET enable_profiling = 'no_output'")
        reading = Reading(limit)
        if limit is not None:
            reading.connection = _connection_of(cursor)
        with self._lock:
            self._running += 1
            if reading.connection is not None:
                self._watched[reading.connection] = (reading, stop)
                self._watch()
        return reading

    def look(self, reading: Reading) -> None:
        """Bring a statement with a limit up to date."""
        if reading.connection is not None:
            reading.bytes = self._logged().get(reading.connection, 0) + reading.elsewhere

    def ended(self, cursor: duckdb.DuckDBPyConnection, reading: Reading, *, profiled: bool) -> None:
        """Count a statement to its end; `profiled` says that the last query of the cursor was all of it."""
        profile = msgspec.json.decode(cursor.get_profiling_information(), type=_Profile) if profiled else _Profile()
        reading.rows = profile.query.total_rows_scanned if profile.query is not None else None
        if profile.io is not None and not profile.io.total_bytes_written:
            reading.bytes = profile.io.total_bytes_read + reading.elsewhere
        else:
            connection = _connection_of(cursor) if reading.connection is None else reading.connection
            reading.bytes = self._logged().get(connection, 0) + reading.elsewhere

    def forget(self, reading: Reading) -> None:
        """Let go of a statement; empty the log now and then."""
        reading.final = True
        reading.seconds = time.monotonic() - reading.began
        with self._lock:
            self._running -= 1
            self._ended += 1
            if reading.connection is not None:
                self._watched.pop(reading.connection, None)
            if self._ended >= _EACH:
                self._ended = 0
                if not self._running or self._read_log()[1] > _LONG:
                    self._empty()

    def close(self) -> None:
        """End the thread and the connection."""
        with self._lock:
            self._closed = True
            self._wake.notify_all()
        if self._watcher is not None:
            self._watcher.join()
        self._looking.close()

    def _logged(self) -> dict[int, int]:
        with self._lock:
            return self._read_log()[0]

    def _read_log(self) -> tuple[dict[int, int], int]:
        """Return the bytes of each connection, and how many reads the log holds."""
        found = dict(self._emptied)
        rows = self._looking.execute(_BY_CONNECTION).fetchall()
        for connection, size, _ in rows:
            found[connection] = found.get(connection, 0) + int(size)
        return found, sum(count for _, _, count in rows)

    def _empty(self) -> None:
        """Empty the log, keeping what it says of those that still run.

        Reads between the two statements are lost to statements that do not end well.
        """
        self._emptied = self._read_log()[0] if self._running else {}
        for old in sorted(self._emptied)[:-_KEPT]:
            del self._emptied[old]
        self._looking.execute("CALL truncate_duckdb_logs()").fetchall()

    def _watch(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._look_on, name="lake-meter", daemon=True)
            self._watcher.start()
        self._wake.notify_all()

    def _look_on(self) -> None:
        """Look at statements with a limit for as long as there are any."""
        while not self._closed:
            with self._lock:
                while not self._watched and not self._closed:
                    self._wake.wait()
                self._wake.wait(_EVERY)
                if self._closed or not self._watched:
                    continue
                sizes, reads = self._read_log()
                if reads > _LONG:
                    self._empty()
                over = self._compare(sizes)
            for stop in over:
                stop()

    def _compare(self, sizes: dict[int, int]) -> list[Callable[[], None]]:
        over = []
        for connection, (reading, stop) in self._watched.items():
            reading.bytes = sizes.get(connection, 0) + reading.elsewhere
            if reading.beyond:
                reading.exceeded = True
                over.append(stop)
        return over


def _connection_of(cursor: duckdb.DuckDBPyConnection) -> int:
    ((number,),) = cursor.execute("SELECT current_connection_id()").fetchall()
    return int(number)
