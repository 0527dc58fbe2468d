"""The store's tables of comparisons, beside those of `gateway.recording.tables`; the same for SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text

from gateway.recording.tables import metadata

diffs = Table(
    "penstock_diffs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("changeset", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("days", Float(53), nullable=False),
    Column("sample", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("made_at", Float(53), nullable=False),
    Column("beat_at", Float(53), nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Column("report", Text),
    Index("penstock_diffs_made", "made_at"),
)
"""One row per comparison of a draft with recorded statements: see `gateway.replay.jobs`. `report` is JSON."""

shadow = Table(
    "penstock_shadow",
    metadata,
    Column("changeset", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("table_name", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("columns", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_seen", Float(53), nullable=False),
    Column("last_seen", Float(53), nullable=False),
    Column("example", Text, nullable=False),
)
"""What a changeset in shadow would have made otherwise: see `gateway.replay.shadow_store`. `columns` is JSON."""

shadow_totals = Table(
    "penstock_shadow_totals",
    metadata,
    Column("changeset", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("compared", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("first_seen", Float(53), nullable=False),
    Column("last_seen", Float(53), nullable=False),
)
"""How many statements were compared with a changeset in shadow, and how many were not."""

shadow_writers = Table(
    "penstock_shadow_writers",
    metadata,
    Column("changeset", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("writer", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("last_seen", Float(53), nullable=False),
)
"""The last batch of each worker that was added: what is sent again, because its answer was lost, is not added again."""
