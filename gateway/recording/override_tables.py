"""The store's table of overrides of budgets and caps; the same for SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.recording.tables import Instant, metadata

budget_overrides = Table(
    "penstock_budget_overrides",
    metadata,
    Column("id", Text, primary_key=True),
    Column("limit_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("holder", Text),
    Column("fingerprint", Text),
    Column("amount", BigInteger),
    Column("reason", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    Index("penstock_budget_overrides_limit", "limit_id", "id"),
    Index("penstock_budget_overrides_expiry", "expires_at"),
)
"""One row per override, for ever. Without an amount it is unlimited; without a holder it is for whoever asks so."""
