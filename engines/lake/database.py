"""One DuckDB in memory, locked down, whose cursors each run one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from engines.lake.functions import register


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what all statements of one lake may take together."""

    memory: str = "2GB"
    threads: int = 2
    temp_directory: str | None = None
    """Where large sorts and joins spill; None means they fail at the memory limit."""


def open_database(limits: Limits, directories: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """Open a database that can read files below `directories` and nothing else, and no longer be configured.

    No extensions are installed or loaded, Python variables are invisible to SQL, and of all settings only the time
    zone of a cursor can still be changed, and whether it is profiled.
    """
    database = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": limits.memory,
            "threads": limits.threads,
            "temp_directory": limits.temp_directory or "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
        },
    )
    register(database)
    # The first computes what stands twice once, and in front: outside of the TRY or COALESCE that was to keep it from
    # failing. The second leaves out what a file's bounds decide, those of hidden rows too: whether a statement fails
    # on a row that is seen would tell them (`salary < 100 AND 1 / x > 0`).
    database.execute("SET disabled_optimizers = 'common_subexpressions,statistics_propagation'")
    # What statements read is counted by the log of reads; `allowed_configs` leave that they are profiled.
    if directories:
        database.execute("CALL enable_logging('FileSystem')")
    # Columns are read one by one: what lies between them in a file is neither read nor paid for.
    database.execute("SET GLOBAL parquet_prefetch_column_gap = 0")
    database.execute("SET GLOBAL order_by_non_integer_literal = true")  # as Trino: a constant orders nothing
    listed = ", ".join(literal(directory) for directory in directories)
    database.execute(f"SET allowed_directories = [{listed}]")
    database.execute("SET allowed_configs = ['TimeZone', 'enable_profiling']")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def open_cursor(database: duckdb.DuckDBPyConnection, time_zone: str) -> duckdb.DuckDBPyConnection:
    """Open a cursor for one statement in a session's time zone (an IANA name or an offset as Trino writes it)."""
    cursor = database.cursor()
    cursor.execute(f"SET TimeZone = {literal(icu_zone(time_zone))}")
    return cursor


def icu_zone(zone: str) -> str:
    """Return DuckDB's name of a time zone: an offset becomes `GMT+hh:mm`."""
    if zone.startswith(("+", "-")):
        return f"GMT{zone}"
    return "UTC" if zone == "Z" else zone


def literal(text: str) -> str:
    """Write a string literal for DuckDB."""
    return "'" + text.replace("'", "''") + "'"
