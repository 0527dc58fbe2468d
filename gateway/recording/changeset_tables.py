"""The store's tables of changesets, beside those of `gateway.recording.tables`; the same for SQLite and Postgres."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.recording.tables import Instant, metadata

changesets = Table(
    "penstock_changesets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("revision", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("edited_by", Text, nullable=False),
    Column("promoted_by", Text),
    Column("base", Text, nullable=False),
    Column("edits", Text, nullable=False),
    Column("documents", Text, nullable=False),
    Column("sections", Text, nullable=False),
    Column("edit_count", BigInteger, nullable=False),
    Column("moved", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("penstock_changesets_state", "state", "number"),
)
"""One row per changeset, for ever: see `gateway.changesets`. `base`, `edits` and `moved` are JSON,
`documents` and `sections` what the edits are of: lists need not read all of them."""

policy_changes = Table(
    "penstock_policy_changes",
    metadata,
    Column("version_id", Text, primary_key=True),
    Column("section", Text, primary_key=True),
    Column("entry_key", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("op", Text, nullable=False),
    Column("changeset", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Index("penstock_policy_changes_entry", "section", "entry_key", "serial"),
)
"""One row per entry that a changeset changed: what is asked of an entry's history. `serial` orders them."""
