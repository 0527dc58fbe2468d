"""The session properties that a client may know: name, type and default as Trino 476 has them.

A policy says who may set which (`session_properties`); what is not listed here does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionProperty:
    """One property; `default` is its text."""

    name: str
    type: str
    default: str
    description: str


AUTOFIX = "autofix"
"""Run the cheapest form of a query that has the same result."""
AS_OF = "as_of"
"""The instant that every table of a statement is read at; see `gateway.planning.travel`."""
BRANCH = "branch"
"""The branch or tag that every table of a statement is read at."""
MATERIALIZED_VIEWS = "materialized_views"
"""Whether statements may be answered from materialized views; see `gateway.planning.substituting`."""
INTEGRITY = "integrity"
"""What such an answer may rely on."""
MAX_STALENESS = "max_staleness"
"""How old such an answer may be, where the session tolerates that."""
MIN_GRADE = "min_grade"
"""How alike the answer of the base tables it must be."""
_LISTED = (
    (AS_OF, "varchar", "", "Read every table as it was at this instant: '2026-11-25 10:00:00 UTC'"),
    (AUTOFIX, "boolean", "false", "Run the cheapest form of a query that has the same result"),
    (BRANCH, "varchar", "", "Read every table at this branch or tag"),
    (
        INTEGRITY,
        "varchar",
        "ENFORCED",
        "What answers from materialized views may rely on: ENFORCED, TRUSTED, STALE_TOLERATED",
    ),
    ("join_distribution_type", "varchar", "AUTOMATIC", "How joins are spread: AUTOMATIC, BROADCAST, PARTITIONED"),
    (
        "join_reordering_strategy",
        "varchar",
        "AUTOMATIC",
        "How joins are ordered: AUTOMATIC, ELIMINATE_CROSS_JOINS, NONE",
    ),
    (MATERIALIZED_VIEWS, "boolean", "true", "Answer from materialized views where that gives the same result"),
    ("max_recursion_depth", "integer", "10", "How deep a recursive query may go"),
    (MAX_STALENESS, "varchar", "0s", "How old an answer may be where integrity is STALE_TOLERATED"),
    (MIN_GRADE, "varchar", "EXACT", "How alike an answer from materialized views must be: EXACT, FLOAT, APPROXIMATE"),
    ("query_max_cpu_time", "varchar", "1000000000.00d", "Most CPU time of a query"),
    ("query_max_execution_time", "varchar", "100.00d", "Longest execution of a query"),
    ("query_max_planning_time", "varchar", "10.00m", "Longest planning of a query"),
    ("query_max_run_time", "varchar", "100.00d", "Longest run of a query, waiting included"),
    ("query_max_scan_physical_bytes", "varchar", "", "Most bytes a query may scan"),
    ("query_priority", "integer", "1", "Priority among queries of a group"),
    ("redistribute_writes", "boolean", "true", "Spread written rows over the writers"),
    ("scale_writers", "boolean", "true", "Add writers as data grows"),
    ("spill_enabled", "boolean", "false", "Spill to disk under memory pressure"),
    ("task_concurrency", "integer", "2", "Parallelism of a task's operators"),
    ("task_max_writer_count", "integer", "4", "Most writers of a task"),
    ("task_min_writer_count", "integer", "1", "Least writers of a task"),
    ("use_preferred_write_partitioning", "boolean", "true", "Partition writes as the table prefers"),
)

OWN = frozenset({AUTOFIX, AS_OF, BRANCH, INTEGRITY, MATERIALIZED_VIEWS, MAX_STALENESS, MIN_GRADE})
"""Properties that mean something to the gateway alone: engines do not know them, and are not told."""
PROPERTIES = {row[0]: SessionProperty(*row) for row in _LISTED}
TIME_ZONE = "time_zone_id"
"""What SET TIME ZONE sets, too; always allowed and, as on Trino, not listed."""
ZONE_PROPERTY = SessionProperty(TIME_ZONE, "varchar", "", "")

WIDTHS = (57, 14, 14, 7, 142)
"""How long the texts of Trino 476's own list are, column by column: SHOW SESSION says so in its types."""
