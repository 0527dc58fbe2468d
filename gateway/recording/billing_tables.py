"""The store's table of adjusting entries, beside those of `gateway.recording.tables`; for SQLite and Postgres alike."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.recording.tables import Document, Instant, metadata

adjustments = Table(
    "penstock_adjustments",
    metadata,
    Column("query_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("partner", Text),
    Column("engine", Text, nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("billed", BigInteger, nullable=False),
    Column("shares", Document, nullable=False),
    Column("reason", Text, nullable=False),
    Index("penstock_adjustments_at", "at"),
    Index("penstock_adjustments_user", "user_name", "at"),
)
"""One row per entry that corrects a bill, counted from 1 for each statement: of two who find the same one writes it.

`nano` and `bytes` are what is added, or taken off; `billed` what the statement's bill said when it was corrected.
"""
