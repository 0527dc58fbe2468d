"""The store's tables of partners, beside those of `gateway.recording.tables`; the same for SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text, text

from gateway.recording.tables import Document, Instant, metadata

partners = Table(
    "penstock_partners",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("folded", Text, nullable=False, unique=True),
    Column("organization", Text, nullable=False),
    Column("contact", Text),
    Column("rate", Float(53)),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("version", BigInteger, nullable=False),
)
"""One row per partner, for ever: who is suspended is no stranger. `folded` is the name in lower case."""

entitlements = Table(
    "penstock_entitlements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("partner_id", Text, nullable=False),
    Column("catalog_name", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("row_filter", Text),
    Column("allowed_columns", Document),
    Column("denied_columns", Document, nullable=False),
    Column("rate", Float(53)),
    Column("starts_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("penstock_entitlements_partner", "partner_id", "id"),
    Index(
        "penstock_entitlements_open",
        "partner_id",
        "catalog_name",
        "schema_name",
        "table_name",
        unique=True,
        postgresql_where=text("state = 'open'"),
        sqlite_where=text("state = 'open'"),
    ),
)
"""One row per grant to a partner on a table, those taken back among them."""

partner_tokens = Table(
    "penstock_partner_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("partner_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("scope", Document, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revoked_at", Instant),
    Column("revoked_by", Text),
    Index("penstock_partner_tokens_partner", "partner_id", "id"),
    Index("penstock_partner_tokens_revoked", "state", "expires_at"),
)
"""One row per token made for a partner; the token itself is kept nowhere."""

partner_revision = Table(
    "penstock_partner_revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
"""One row: a number that every change of what partners may raises."""

partner_rates = Table(
    "penstock_partner_rates",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("tokens", Float(53), nullable=False),
    Column("filled_at", Float(53), nullable=False),
    Column("taken", Float(53), nullable=False),
)
"""One row per partner or entitlement with a limit: what is left, when it was last filled, what was taken last."""
