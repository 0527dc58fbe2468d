"""The store's tables of rewritings: certificates, quarantines, what comparisons came to; for SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.recording.tables import Instant, metadata

certificates = Table(
    "penstock_certificates",
    metadata,
    Column("id", Text, primary_key=True),
    Column("views", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Index("penstock_certificates_made", "made_at", "id"),
    Index("penstock_certificates_used", "used_at"),
)
"""One row per certificate, whose `document` is its JSON and whose id is the hash of that. `views` is a JSON list."""

quarantines = Table(
    "penstock_quarantines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("view", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("reproduction", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("released_by", Text),
    Column("release_reason", Text),
    Index("penstock_quarantines_view", "view", "made_at"),
)
"""One row per finding against a view, for ever; it holds until released. `reproduction` is JSON, for stewards only."""

comparisons = Table(
    "penstock_comparisons",
    metadata,
    Column("view", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)
"""How many rewritten statements over a view were compared with their base, by what came of it."""
