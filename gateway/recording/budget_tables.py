"""The store's tables of budgets, beside those of `gateway.recording.tables`; the same for SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Table, Text

from gateway.recording.tables import Instant, metadata

budget_accounts = Table(
    "penstock_budget_accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("budget", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("most", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("leased", BigInteger, nullable=False),
    Column("called_at", Float(53), nullable=False),
    Index("penstock_budget_accounts_budget", "budget", "ends_at"),
)
"""One row per budget, holder and period. `most` is the limit as a worker saw it last; `spent` is the sum of the
account's charges, `leased` that of its leases; at `called_at` somebody asked for what others hold and do not use."""

budget_leases = Table(
    "penstock_budget_leases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("moves", BigInteger, nullable=False),
    Column("renewed_at", Float(53), nullable=False),
    Index("penstock_budget_leases_account", "account"),
    Index("penstock_budget_leases_worker", "worker"),
)
"""One row per part of an account that a worker may spend without asking. `settled` is what was ever charged to it,
`reserved` what its worker had reserved when it was renewed last; `moves` counts the worker's own changes, so that one
whose answer was lost cannot come late."""

budget_charges = Table(
    "penstock_budget_charges",
    metadata,
    Column("query_id", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("reserved", BigInteger, nullable=False),
    Column("charged", BigInteger, nullable=False),
    Column("lease", Text, nullable=False),
    Index("penstock_budget_charges_account", "account"),
)
"""One row per statement and account: that it is here says that the account's sum has it."""

budget_notes = Table(
    "penstock_budget_notes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("account", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Index("penstock_budget_notes_account", "account"),
)
"""What became of an account otherwise than by statements: leases of workers that never came back."""
